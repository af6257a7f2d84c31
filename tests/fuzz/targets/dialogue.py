"""Our client against our server, over a line that cuts, delays and breaks: both say the same, or that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.client import ClientConnection
from smtpcore.content import NewlinePolicy
from smtpcore.delivery import Delivery, Message, TlsPolicy
from smtpcore.events import Closed
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.known import KNOWN
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.report import Outcome
from smtpcore.server import ServerConnection
from tests.fuzz import corpus
from tests.fuzz.choices import Choices, split, varied
from tests.fuzz.dialogue import LOGIN, Courier, Line, check
from tests.fuzz.host import Host
from tests.fuzz.oracles import plain_text

_AUTH = AuthExtension(clear_text=True)
_TLS: tuple[TlsPolicy, ...] = ("none", "opportunistic", "required")
_NEVER_LEFT_OUT = ("PIPELINING", "ENHANCEDSTATUSCODES")  # LMTP must have them (RFC 2033 5)


def seeds() -> Iterable[bytes]:
    return varied(corpus.texts(), times=6)


def run(data: bytes) -> None:
    content, choices = split(data)
    smooth = choices.chance(4)
    server_policy, client_policy = (choices.pick(tuple(NewlinePolicy)) for _ in range(2))
    lmtp = choices.chance(4)
    server = _server(choices, server_policy, lmtp=lmtp)
    client = ClientConnection(
        "client.example", lmtp=lmtp, newlines=client_policy, max_line=None, pipelining=not choices.chance(3)
    )
    texts = [content, content[len(content) // 2 :], b"Subject: x\r\n\r\n.\r\n"]
    messages = [
        Message(
            f"a{number}@a.example",
            tuple(f"r{each}@b.example" for each in range(1 + choices.below(3))),
            text if choices.chance(2) else None,
        )
        for number, text in enumerate(texts[: 1 + choices.below(3)])
    ]
    delivery = Delivery(
        client,
        messages,
        tls=choices.pick(_TLS),
        login=choices.pick((None, LOGIN)),
        chunking=choices.chance(2),
        chunk_size=choices.pick((None, 50)),
        one_flight=choices.chance(2),
    )
    decisions = Choices(b"") if smooth else choices
    courier = Courier(client, delivery, texts, choices)
    line = Line(courier, Host(server, decisions, wild=not smooth and choices.chance(2)), choices, accidents=not smooth)
    line.run()
    check(line, messages, [_expected(text, client_policy, server_policy) for text in texts])
    if smooth and not courier.aborted:
        _check_smooth(line)


def _server(choices: Choices, policy: NewlinePolicy, *, lmtp: bool) -> ServerConnection:
    """A server with some of the extensions."""
    chosen = {extension.keyword: extension for extension in (*KNOWN, _AUTH)}
    chosen["LIMITS"] = choices.pick((LimitsExtension(), LimitsExtension(rcptmax=2), LimitsExtension(mailmax=2)))
    for keyword in tuple(chosen):
        if choices.chance(4) and not (lmtp and keyword in _NEVER_LEFT_OUT):
            del chosen[keyword]
    kept = [each for each in chosen.values() if each.requires <= chosen.keys()]
    return ServerConnection("mx.example", extensions=kept, newlines=policy, rcpt_window=choices.pick((1, 5)), lmtp=lmtp)


def _expected(text: bytes, client: NewlinePolicy, server: NewlinePolicy) -> frozenset[bytes]:
    """What may arrive: by DATA with a CRLF at its end and repaired by the server, by BDAT as it is."""
    sent = plain_text(text) if client is NewlinePolicy.REPAIR else text
    found = {sent, sent + b"\r\n"}
    return frozenset((*map(plain_text, found), sent) if server is NewlinePolicy.REPAIR else found)


def _check_smooth(line: Line) -> None:
    """Where nobody refuses and nothing breaks, all is delivered, but for what this server cannot carry."""
    closed = line.courier.events[-1]
    assert closed == Closed(None), closed
    limited = "LIMITS" in line.courier.connection.capabilities
    for report in line.courier.delivery.reports:
        assert not report.having(Outcome.UNKNOWN)
        said = report.exception is not None or report.reply is not None or report.error.endswith("-unavailable")
        assert report.complete or said or limited, report
