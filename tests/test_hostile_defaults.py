"""What an end does when nobody asked for anything: the safe side, and every figure of it stands here a second time."""

from __future__ import annotations

import math
from typing import Any

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Mail, Rcpt
from smtpcore.content import NewlinePolicy, UnsendableContent
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import Closed, TransactionAborted
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.starttls import StartTls
from smtpcore.limits import Limits
from smtpcore.parameters import Parameters
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.timeouts import Timeouts
from smtpcore.transaction import Transaction
from tests.server_tools import Talk

rule = pytest.mark.rule
_LOGIN = ClientCredentials("user", "open sesame")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (
            Limits(),
            {
                "command_line": 2048,
                "endless_line": 65536,
                "text_line": None,
                "message": None,
                "recipients": 1000,
                "errors": 20,
                "junk": 100,
                "auth_failures": 3,
                "chunks": 100_000,
                "swallow": 1 << 30,
                "held_input": 1 << 20,
                "reply_line": 2048,
                "reply_lines": 1024,
                "reply": 65536,
                "pipeline": 4096,
            },
        ),
        (
            Timeouts(),
            {
                "greeting": 300,
                "command": 300,
                "mail": 300,
                "rcpt": 300,
                "data": 120,
                "block": 180,
                "end_of_message": 600,
                "quit": 300,
                "server_command": 300,
                "tls": 60,
            },
        ),
    ],
    ids=["limits", "timeouts"],
)
def test_every_figure(value: Limits | Timeouts, wanted: dict[str, float | None]) -> None:
    assert {name: getattr(value, name) for name in value._fields} == wanted
    assert not any(figure == math.inf for figure in wanted.values())


# -- the server --------------------------------------------------------------------------------------------------------


def serve(server: ServerConnection, *said: bytes) -> tuple[bytes, list[object]]:
    """Accept everything; gives the output and the events."""
    output, found = b"", list[object]()
    for octets in (b"", *said):
        server.receive_data(octets) if octets else None
        for _ in range(20):
            for event in server.events():
                found.append(event)
                if server.question is not None:
                    server.accept(server.question)
            output += server.data_to_send()
    return output, found


@rule("S-DATA-05", "LEN-09", "LEN-11")
@pytest.mark.parametrize("bare", [b"\n", b"\r"])
def test_a_text_with_a_bare_newline_is_refused(bare: bytes) -> None:
    """By a server that was given its name only, and by one with the settings of a name."""
    start = b"EHLO c.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
    for server in (ServerConnection("mx.example"), ServerConnection(settings=ServerSettings("mx.example"))):
        output, events = serve(server, start, b"a" + bare + b"b\r\n.\r\nNOOP\r\n")
        assert [line[:3] for line in output.splitlines()[-2:]] == [b"554", b"250"]
        assert any(isinstance(event, TransactionAborted) for event in events)


@rule("S-CMD-X-05", "LEN-57")
@pytest.mark.parametrize("verb", "GET POST PUT HEAD DELETE OPTIONS CONNECT PATCH PRI TRACE get Post".split())
def test_each_verb_of_http_is_sent_away(verb: str) -> None:
    for target in ("/", "* HTTP/2.0", "example:443"):
        talk = Talk()
        assert talk.codes(f"{verb} {target}", "MAIL FROM:<evil@e.example>") == [421]
        assert talk.error == "RemoteProtocolError: the peer does not speak SMTP"
    assert Talk().codes(f"{verb}X /", "NOOP") == [500, 250]


@rule("S-SES-30")
def test_octets_before_the_greeting_close() -> None:
    server = ServerConnection("mx.example")
    server.receive_data(b"EHLO c.example\r\n")
    output, events = serve(server)
    assert output.startswith(b"554 ")
    assert isinstance(events[-1], Closed)
    assert isinstance(events[-1].error, RemoteProtocolError)


@rule("X-AUTH-31")
def test_no_password_is_asked_for_in_the_clear() -> None:
    server = ServerConnection("mx.example", extensions=[AuthExtension(("PLAIN", "LOGIN"))])
    output, _ = serve(server, b"EHLO c.example\r\n", b"AUTH PLAIN AHVzZXIAcGFzcw==\r\n")
    assert b"AUTH" not in output
    assert output.splitlines()[-1].startswith((b"538", b"503", b"500", b"502"))


@rule("X-CHUNKING-25")
def test_chunks_are_counted() -> None:
    """A hundred thousand, the default, and 421 to one more."""
    server = ServerConnection("mx.example")
    serve(server, b"EHLO c.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n")
    server.session.envelope.chunks = 99_998  # type: ignore[union-attr]  # the rest would be the same, and slow
    output, _ = serve(server, b"BDAT 1\r\nxBDAT 1\r\nx")
    assert [line[:3] for line in output.splitlines()] == [b"250", b"250"]
    output, events = serve(server, b"BDAT 1\r\nx")
    assert output.startswith(b"421 ")
    assert isinstance(events[-1], Closed)


# -- the client --------------------------------------------------------------------------------------------------------


def client(*offers: str, **setup: Any) -> ClientConnection:
    connection = ClientConnection("c.example", **setup)
    hear(connection, b"220 mx\r\n")
    hear(connection, "".join(f"250-{line}\r\n" for line in ("mx", *offers)).encode() + b"250 HELP\r\n")
    return connection


def hear(connection: ClientConnection, said: bytes) -> None:
    connection.receive_data(said)
    assert list(connection.events())
    connection.data_to_send()


@rule("C-GRAM-02", "C-LIM-07")
@pytest.mark.parametrize("text", [b"a\nb\r\n", b"a\rb\r\n", b"x" * 999 + b"\r\n"])
def test_text_that_others_may_read_otherwise_is_not_sent(text: bytes) -> None:
    connection = client()
    assert connection.newlines is NewlinePolicy.REJECT
    transaction = Transaction(connection, "a@a.example", ["b@b.example"], body=text)
    with pytest.raises(UnsendableContent):
        transaction.start()
    assert connection.data_to_send() == b""


def test_parameters_that_nobody_declared_are_not_sent() -> None:
    connection = client()
    with pytest.raises(LocalProtocolError):
        connection.send(Mail(ReversePath.of("a@a.example"), Parameters((("XEVIL", "1"),))))
    connection.send(Mail(ReversePath.of("a@a.example")))
    hear(connection, b"250 ok\r\n")
    with pytest.raises(LocalProtocolError):
        connection.send(Rcpt(ForwardPath.of("b@b.example"), Parameters((("XEVIL", "1"),))))


def passwords_sent(connection: ClientConnection) -> bool:
    """Whether a delivery with a login would give this server the password."""
    message = Message("a@a.example", ("b@b.example",), b"x\r\n")
    delivery = Delivery(connection, [message], login=Login(_LOGIN, ("PLAIN",)))
    output = b""
    for said in (b"220 mx\r\n", b"250-mx\r\n250 AUTH PLAIN\r\n", b"235 ok\r\n"):
        connection.receive_data(said)
        for event in connection.events():
            delivery.handle(event)
        output += connection.data_to_send()
    return b"AUTH" in output


@rule("X-AUTH-34")
def test_no_password_without_protection_and_proof() -> None:
    """Not in the clear, and not under TLS when nobody said that the server proved its name."""
    assert not passwords_sent(ClientConnection("c.example"))
    assert not passwords_sent(ClientConnection("c.example", tls=True))
    assert not passwords_sent(ClientConnection("c.example", tls_verified=True))
    assert passwords_sent(ClientConnection("c.example", tls=True, tls_verified=True))


@rule("X-AUTH-34")
@pytest.mark.parametrize("verified", [None, False, True])
def test_a_handshake_proves_nothing_unless_the_driver_says_so(verified: bool | None) -> None:
    connection = client("STARTTLS")
    connection.send(StartTls())
    connection.data_to_send()
    hear(connection, b"220 go\r\n")
    connection.tls_started() if verified is None else connection.tls_started(verified=verified)
    assert connection.tls_verified is (verified is True)
