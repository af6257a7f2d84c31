"""A server before any octets, with an application that answers at random: no exception, no hang, every reply whole."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.content import NewlinePolicy
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.base import Extension
from smtpcore.extensions.known import KNOWN, SERVER_EXTENSIONS
from smtpcore.extensions.size import Size
from smtpcore.leniency import DEFAULT, LENIENT, STRICT
from smtpcore.limits import Limits
from smtpcore.sasl.base import ServerMechanism
from smtpcore.sasl.factory import ServerSettings as SaslSettings
from smtpcore.sasl.factory import server_mechanism
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from tests.fuzz import corpus
from tests.fuzz.choices import Choices, split, varied
from tests.fuzz.host import Host, check_output, merged

_SASL = SaslSettings(nonce=b"bm9uY2U", challenge=b"<1.2@mx.example>", decoy_secret=b"decoy", decoy_iterations=4096)


def _mechanism(name: str) -> ServerMechanism:
    return server_mechanism(name, _SASL)


_AUTH = AuthExtension(("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "ANONYMOUS"), clear_text=True, make=_mechanism)
_STRICT_AUTH = AuthExtension(required=True, clear_text=True, make=_mechanism)


def _known(*special: Extension, without: str = "") -> tuple[Extension, ...]:
    """Every extension; `special` ones instead of those with the same keyword."""
    chosen = {extension.keyword: extension for extension in (*KNOWN, *special)}
    return tuple(extension for keyword, extension in chosen.items() if keyword != without)


_SMALL = Limits(recipients=3, errors=5, junk=6, chunks=4, message=200, text_line=1000, swallow=64, endless_line=4096)
_LMTP_NEEDS = ("PIPELINING", "ENHANCEDSTATUSCODES")
#: AUTH is offered in the clear, so that it is reached at all.
_SETS = {
    "usual": SERVER_EXTENSIONS.members,
    "all": _known(_AUTH),
    # Without STARTTLS the cut does not matter: octets behind it are fatal when they come before TLS only.
    "cut": _known(_AUTH, without="STARTTLS"),
    "required": _known(_STRICT_AUTH, Size(100), without="STARTTLS"),
    "none": (),
}


def seeds() -> Iterable[bytes]:
    return varied(corpus.client_wires())


def settings(choices: Choices, wire: bytes) -> ServerSettings:
    """A server drawn from what can be set up."""
    chosen = _SETS[choices.pick(tuple(_SETS))]
    lmtp = choices.chance(4) != (b"LHLO" in wire[:100])  # mostly what the client speaks
    if lmtp:
        chosen = tuple(chosen) + tuple(
            extension
            for extension in KNOWN
            if extension.keyword in _LMTP_NEEDS and extension.keyword not in {each.keyword for each in chosen}
        )
    return ServerSettings(
        "mx.example",
        extensions=chosen,
        limits=choices.pick((Limits(), _SMALL)),
        leniency=choices.pick((DEFAULT, LENIENT, STRICT)),
        newlines=choices.pick(tuple(NewlinePolicy)),
        rcpt_window=choices.pick((1, 3, 100)),
        ask=choices.pick(((), ("VRFY", "EXPN", "HELP"))),
        lmtp=lmtp,
        foreign=choices.chance(2),
    )


def run(data: bytes) -> None:
    wire, choices = split(data)
    setup = settings(choices, wire)
    wild = choices.chance(3)
    rest = choices.take(255)
    host = _run(setup, wire, Choices(rest), wild, choices=Choices(rest))
    if wild or "STARTTLS" in setup.extensions:
        return
    again = _run(setup, wire, Choices(rest), wild, choices=Choices(b"\2" + rest))
    assert list(map(repr, merged(again.events))) == list(map(repr, merged(host.events))), "the cut decides what happens"
    assert again.output == host.output, "the cut decides what is said"


def _run(setup: ServerSettings, wire: bytes, decisions: Choices, wild: bool, *, choices: Choices) -> Host:
    host = Host(ServerConnection(settings=setup), decisions, wild=wild)
    host.pump()  # the greeting
    for piece in choices.pieces(wire):
        if not host.closed:
            host.feed(piece)
    host.finish()
    check_output(host.output)
    return host
