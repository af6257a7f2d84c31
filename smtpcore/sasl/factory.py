"""Mechanism objects by name, for callers that have the name from the wire."""

from __future__ import annotations

from typing import ClassVar, Iterable

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl.anonymous import AnonymousClient, AnonymousServer
from smtpcore.sasl.base import ClientMechanism, ServerMechanism
from smtpcore.sasl.choice import MECHANISMS, canonical_name
from smtpcore.sasl.cram_md5 import CramMd5Client, CramMd5Server
from smtpcore.sasl.credentials import ChannelBinding, ClientCredentials
from smtpcore.sasl.external import ExternalClient, ExternalServer
from smtpcore.sasl.login import LoginClient, LoginServer
from smtpcore.sasl.oauth import OAuthBearerClient, OAuthBearerServer, OAuthError, XOAuth2Client, XOAuth2Server
from smtpcore.sasl.plain import PlainClient, PlainServer
from smtpcore.sasl.scram import ScramClient, ScramServer
from smtpcore.sasl.scram_keys import DEFAULT_ITERATIONS
from smtpcore.value import Value


class ServerSettings(Value):
    """What the server's mechanisms need besides the client's octets; give what the offered ones ask for.

    `nonce`: fresh random text for SCRAM, new for each exchange.  `challenge`: fresh message identifier for CRAM-MD5,
    new for each exchange.  `decoy_secret`: this server's constant secret for SCRAM, and `decoy_iterations` and
    `decoy_salt_length` (octets) those of its real users.  `channel_bindings` and `peer_identity`: what the
    transport knows.  `hosts`, `ports`, `error`: for tokens.
    """

    nonce: bytes = b""
    challenge: bytes = b""
    decoy_secret: bytes = b""
    channel_bindings: tuple[ChannelBinding, ...] = ()
    peer_identity: str = ""
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    error: OAuthError | None = None
    decoy_iterations: int = DEFAULT_ITERATIONS
    decoy_salt_length: int = 16
    _secret: ClassVar[tuple[str, ...]] = ("decoy_secret",)


def client_mechanism(
    name: str,
    credentials: ClientCredentials,
    *,
    nonce: bytes = b"",
    channel_binding: ChannelBinding | None = None,
    offered: Iterable[str] = (),
) -> ClientMechanism:
    """A new client's object for one of the built-in mechanisms.

    `nonce` and `channel_binding` are for SCRAM; `offered` is the server's list, in which SCRAM looks for -PLUS.
    Raises `LocalProtocolError` for an unknown name and for credentials that do not fit.
    """
    name, given = _built_in(name), credentials
    needs = MECHANISMS[name].needs
    if needs not in given.kinds():
        raise LocalProtocolError(f"{name} needs other credentials: {needs}")
    password, token = given.password or "", given.token or ""
    if name == "EXTERNAL":
        return ExternalClient(given.authorization_id)
    if name == "ANONYMOUS":
        return AnonymousClient(given.trace or "")
    if name == "OAUTHBEARER":
        return OAuthBearerClient(given.username, token, host=given.host, port=given.port)
    if name == "XOAUTH2":
        return XOAuth2Client(given.username, token)
    if name == "PLAIN":
        return PlainClient(given.username, password, authorization_id=given.authorization_id)
    if name == "LOGIN":
        return LoginClient(given.username, password)
    if name == "CRAM-MD5":
        return CramMd5Client(given.username, password)
    return ScramClient(
        name,
        given.username,
        password,
        nonce,
        authorization_id=given.authorization_id,
        channel_binding=channel_binding,
        plus_offered=name + "-PLUS" in {canonical_name(other) for other in offered},
    )


def server_mechanism(name: str, settings: ServerSettings) -> ServerMechanism:
    """A new server's object for one of the built-in mechanisms.

    Raises `LocalProtocolError` for an unknown name and for settings that lack what the mechanism needs.
    """
    name = _built_in(name)
    if name == "EXTERNAL":
        return ExternalServer(settings.peer_identity)
    if name == "ANONYMOUS":
        return AnonymousServer()
    if name == "OAUTHBEARER":
        return OAuthBearerServer(hosts=settings.hosts, ports=settings.ports, error=settings.error)
    if name == "XOAUTH2":
        return XOAuth2Server(error=settings.error)
    if name == "PLAIN":
        return PlainServer()
    if name == "LOGIN":
        return LoginServer()
    if name == "CRAM-MD5":
        return CramMd5Server(settings.challenge)
    return ScramServer(
        name,
        settings.nonce,
        decoy_secret=settings.decoy_secret,
        decoy_iterations=settings.decoy_iterations,
        decoy_salt_length=settings.decoy_salt_length,
        channel_bindings=settings.channel_bindings,
    )


def _built_in(name: str) -> str:
    found = canonical_name(name)
    if found not in MECHANISMS:
        raise LocalProtocolError(f"the built-in mechanisms are {', '.join(MECHANISMS)}")
    return found
