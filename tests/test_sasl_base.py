"""What all mechanisms have in common: the order of calls, no surprise from the peer, no secret on display."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smtpcore.sasl
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.sasl import (
    AnonymousServer,
    Challenge,
    ChannelBinding,
    ClientCredentials,
    ClientMechanism,
    CramMd5Client,
    CramMd5Server,
    ExternalServer,
    Failure,
    Identity,
    LoginClient,
    LoginServer,
    Mechanism,
    OAuthBearerClient,
    OAuthBearerServer,
    Outcome,
    PasswordCredentials,
    PlainClient,
    PlainServer,
    SaslError,
    ScramClient,
    ScramKeys,
    ScramServer,
    SecretNeeded,
    ServerMechanism,
    ServerSettings,
    Success,
    TokenCredentials,
    Verify,
    XOAuth2Client,
    XOAuth2Server,
)

SECRET = "s3cret-pass"
BINDING = ChannelBinding("tls-exporter", b"b1nding-data")
KEYS = ScramKeys.derive("SHA-1", SECRET, b"0123456789abcdef", 4096)

SERVERS: dict[str, Callable[[], ServerMechanism]] = {
    "PLAIN": PlainServer,
    "LOGIN": LoginServer,
    "CRAM-MD5": lambda: CramMd5Server(b"<1.2@mx.example>"),
    "SCRAM": lambda: ScramServer("SCRAM-SHA-1", b"nonce", decoy_secret=b"d", decoy_iterations=1),
    "PLUS": lambda: ScramServer("SCRAM-SHA-1-PLUS", b"n", decoy_secret=b"d", channel_bindings=[BINDING]),
    "XOAUTH2": XOAuth2Server,
    "OAUTHBEARER": OAuthBearerServer,
    "EXTERNAL": lambda: ExternalServer("CN=x"),
    "ANONYMOUS": AnonymousServer,
}
CLIENTS: dict[str, Callable[[], ClientMechanism]] = {
    "PLAIN": lambda: PlainClient("tim", SECRET),
    "LOGIN": lambda: LoginClient("tim", SECRET),
    "CRAM-MD5": lambda: CramMd5Client("tim", SECRET),
    "SCRAM": lambda: ScramClient("SCRAM-SHA-1", "tim", SECRET, b"nonce", max_iterations=5000),
    "PLUS": lambda: ScramClient("SCRAM-SHA-1-PLUS", "tim", SECRET, b"nonce", channel_binding=BINDING),
    "XOAUTH2": lambda: XOAuth2Client("tim", SECRET),
    "OAUTHBEARER": lambda: OAuthBearerClient("tim", SECRET),
}
#: Octets near what mechanisms expect, and anything else.
MESSAGES = st.binary(max_size=40) | st.lists(
    st.sampled_from(
        [
            b"n,,",
            b"n=u,r=a",
            b"\0",
            b"user=",
            b"auth=Bearer t",
            b"\x01",
            b"a=u",
            b",",
            b"c=biws",
            b"p=AAAA",
            b" ",
            b"\xff",
            b"\xc2\xad",
            b"r=noncex,s=AAAA,i=4096",
            b"v=AAAA",
            b"e=x",
            b"u",
        ]
    ),
    max_size=6,
).map(b"".join)


def failure(client: ClientMechanism, challenge: bytes) -> SaslError | None:
    try:
        assert isinstance(client.step(challenge), bytes)
    except SaslError as error:
        return error
    return None


@pytest.mark.parametrize("name", SERVERS)
@given(messages=st.lists(MESSAGES, max_size=4), initial=st.booleans(), answers=st.lists(st.booleans(), max_size=4))
def test_servers_never_raise_on_octets(name: str, messages: list[bytes], initial: bool, answers: list[bool]) -> None:
    server = SERVERS[name]()
    outcome: Outcome = Challenge(b"") if initial else server.step(None)
    for message in messages:
        if not isinstance(outcome, Challenge):
            break
        outcome = server.step(message)
        while isinstance(outcome, Verify):
            yes = answers.pop() if answers else False
            if not isinstance(outcome.credentials, SecretNeeded):
                outcome = server.verified(yes)
            else:
                outcome = server.provide((SECRET if name == "CRAM-MD5" else KEYS) if yes else None)
    assert isinstance(outcome, Challenge | Success | Failure)


@pytest.mark.parametrize("name", CLIENTS)
@given(messages=st.lists(MESSAGES, max_size=4))
def test_clients_raise_one_error_on_octets(name: str, messages: list[bytes]) -> None:
    client = CLIENTS[name]()
    for message in messages:
        error = failure(client, message)
        if error is not None:
            assert not client.complete
            assert f"`{error.reason}`" in str(SaslError.__doc__)
            with pytest.raises(LocalProtocolError):
                client.step(b"")
            return


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.rule("X-AUTH-11")
def test_first_challenge(name: str) -> None:
    server = SERVERS[name]()
    challenge = server.step(None)
    assert isinstance(challenge, Challenge)
    assert (challenge.data == b"") == server.mechanism.client_first
    with pytest.raises(LocalProtocolError):
        server.step(None)


@pytest.mark.parametrize("name", CLIENTS)
def test_first_challenge_to_client_first_is_empty(name: str) -> None:
    client = CLIENTS[name]()
    if client.mechanism.client_first:
        with pytest.raises(SaslError) as caught:
            client.step(b"Password:")
        assert caught.value.reason == "unexpected-challenge"
    else:
        assert client.step(b"Password:")


@pytest.mark.parametrize("name", CLIENTS)
def test_initial_response_only_once(name: str) -> None:
    client = CLIENTS[name]()
    client.step(b"" if client.mechanism.client_first else b"x")
    with pytest.raises(LocalProtocolError):
        client.step(None)


def test_order_of_calls_to_a_server() -> None:
    server = PlainServer()
    with pytest.raises(LocalProtocolError):
        server.verified(True)
    with pytest.raises(LocalProtocolError):
        server.provide(None)
    server.step(b"\0u\0p")
    with pytest.raises(LocalProtocolError):
        server.step(b"\0u\0p")
    with pytest.raises(LocalProtocolError):
        server.provide(None)
    assert isinstance(server.verified(True), Success)
    calls: list[Callable[[], Outcome]] = [
        lambda: server.step(b""),
        lambda: server.verified(True),
        lambda: server.provide(None),
    ]
    for late in calls:
        with pytest.raises(LocalProtocolError):
            late()

    scram = SERVERS["SCRAM"]()
    scram.step(b"n,,n=u,r=a")
    with pytest.raises(LocalProtocolError):
        scram.verified(True)
    assert isinstance(scram.provide(None), Challenge)


class Reverse(ServerMechanism):
    """A mechanism that somebody else wrote: the password backwards."""

    mechanism = Mechanism("X-REVERSE")

    def _respond(self, turn: int, response: bytes) -> Outcome:
        name = response.decode("ascii")
        if name == "ask":
            return Verify(SecretNeeded(name, "", self.name))
        return Verify(PasswordCredentials(name, "", name[::-1]))


class ReverseClient(ClientMechanism):
    mechanism = Mechanism("X-REVERSE")

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        self._complete = True
        return b"abc"


def test_mechanism_of_ones_own() -> None:
    server, client = Reverse(), ReverseClient()
    assert server.step(client.step(None)) == Verify(PasswordCredentials("abc", "", "cba"))
    assert server.verified(True) == Success(Identity("abc", "abc"))
    server = Reverse()
    server.step(b"ask")
    with pytest.raises(LocalProtocolError):
        server.provide("x")


# Secrets


@pytest.mark.parametrize(
    "value",
    [
        PasswordCredentials("tim", "", SECRET),
        TokenCredentials("tim", SECRET),
        Verify(PasswordCredentials("tim", "", SECRET)),
        Challenge(SECRET.encode()),
        ClientCredentials("tim", SECRET, SECRET),
        ChannelBinding("tls-exporter", SECRET.encode()),
        ServerSettings(decoy_secret=SECRET.encode(), channel_bindings=(ChannelBinding("x", SECRET.encode()),)),
        KEYS,
    ],
)
@pytest.mark.rule("X-AUTH-52")
def test_values_hide_secrets(value: object) -> None:
    for text in (repr(value), str(value), f"{value}"):
        assert SECRET not in text
        assert "<hidden>" in text
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.rule("X-AUTH-52")
def test_client_objects_and_errors_hide_secrets(name: str) -> None:
    client = CLIENTS[name]()
    client.step(b"" if client.mechanism.client_first else b"x")
    assert SECRET not in repr(client)
    assert client.name in repr(client)
    error = failure(client, SECRET.encode()) or failure(client, SECRET.encode())
    assert error is not None
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET not in repr(error)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.rule("X-AUTH-52")
def test_server_objects_hide_secrets(name: str) -> None:
    server = SERVERS[name]()
    server.step(None)
    server.step(f"\0u\0{SECRET}".encode())
    assert SECRET not in repr(server)
    assert server.name in repr(server)


@pytest.mark.rule("X-AUTH-52")
def test_refused_secrets_are_not_quoted() -> None:
    makers: list[Callable[[], object]] = [
        lambda: PlainClient("tim", SECRET + "\0"),
        lambda: PlainClient("tim", SECRET + "\ud800"),
        lambda: CramMd5Client("tim", SECRET + "\0"),
        lambda: ScramClient("SCRAM-SHA-1", "tim", SECRET + "\u0007", b"n"),
        lambda: XOAuth2Client("tim", SECRET + " x"),
        lambda: OAuthBearerClient("tim", SECRET + "\u00e9"),
        lambda: ScramKeys.derive("SHA-1", SECRET + "\ue000", b"salt"),
    ]
    for make in makers:
        with pytest.raises(LocalProtocolError) as caught:
            make()
        assert SECRET not in str(caught.value)
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_error_survives_pickling() -> None:
    error = SaslError("text", reason="nonce")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SaslError)
    assert isinstance(again, RemoteProtocolError)
    assert (again.text, again.reason, str(again)) == ("text", "nonce", "text")


# The package


def test_exports() -> None:
    for name in smtpcore.sasl.__all__:
        assert getattr(smtpcore.sasl, name) is getattr(smtpcore.sasl, name)
    with pytest.raises(AttributeError):
        _ = smtpcore.sasl.nothing  # type: ignore[attr-defined]


def test_mechanisms_are_loaded_when_named() -> None:
    """Neither the mechanisms nor the hash functions are paid for by importing the package."""
    program = (
        "import sys, smtpcore.sasl\n"
        "assert not [m for m in sys.modules if m.startswith('smtpcore.sasl.')]\n"
        "assert smtpcore.sasl.PlainClient and smtpcore.sasl.ScramClient\n"
        "assert 'hashlib' not in sys.modules and 'stringprep' not in sys.modules\n"
        "assert set(smtpcore.sasl._HOME) == set(smtpcore.sasl.__all__)\n"
    )
    root = str(Path(smtpcore.sasl.__file__).parents[2])
    subprocess.run([sys.executable, "-S", "-c", program], check=True, env={**os.environ, "PYTHONPATH": root})
