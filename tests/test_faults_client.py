"""Small faults of the client's end, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Mail, Noop, Rcpt
from smtpcore.errors import RemoteProtocolError
from smtpcore.events import ClientEvent, Closed, Response, Step
from smtpcore.extensions.starttls import StartTls
from smtpcore.replies import Reply

MAIL = Mail(ReversePath.of("a@client.example"))
RCPT = Rcpt(ForwardPath.of("b@mx.example"))


def hello_reply(*keywords: str) -> bytes:
    lines = ["mx.example.com", *keywords]
    return "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode()


def take(conn: ClientConnection, data: bytes) -> list[ClientEvent]:
    conn.receive_data(data)
    return list(conn.events())


def greeted(*keywords: str, **options: object) -> ClientConnection:
    """A connection after EHLO, with these keywords offered."""
    conn = ClientConnection("client.example", **options)  # type: ignore[arg-type]
    take(conn, b"220 mx.example.com ESMTP\r\n")
    conn.data_to_send()
    take(conn, hello_reply(*keywords))
    return conn


def ask(conn: ClientConnection, command: Command, reply: bytes) -> Reply:
    """The reply as it is reported."""
    conn.send(command)
    conn.data_to_send()
    event = take(conn, reply)[0]
    assert isinstance(event, Response)
    return event.reply


# -- TLS --------------------------------------------------------------------------------------------------------------


def test_replies_are_read_anew_after_tls() -> None:
    """RFC 3207 4.2: that enhanced codes were offered is forgotten as well."""
    conn = greeted("STARTTLS", "ENHANCEDSTATUSCODES")
    assert ask(conn, Noop(), b"250 2.0.0 ok\r\n").enhanced is not None
    ask(conn, StartTls(), b"220 2.0.0 go\r\n")
    conn.tls_started(greet=False)
    assert conn.next_step is Step.RECEIVE
    assert ask(conn, Noop(), b"250 2.0.0 ok\r\n").enhanced is None


def test_the_end_of_the_input_before_the_handshake_is_left_to_the_handshake() -> None:
    conn = greeted("STARTTLS")
    ask(conn, StartTls(), b"220 go\r\n")
    conn.receive_eof()
    assert list(conn.events()) == []
    assert conn.next_step is Step.START_TLS
    conn.tls_failed()
    (closed,) = conn.events()
    assert isinstance(closed, Closed)
    assert type(closed.error) is RemoteProtocolError


# -- replies ----------------------------------------------------------------------------------------------------------


def test_a_reply_that_is_not_read_yet_answers_what_had_left() -> None:
    """Commands that leave meanwhile do not matter to it."""
    conn = greeted("PIPELINING")
    conn.send(MAIL)
    conn.data_to_send()
    conn.receive_data(b"250 one\r\n")
    conn.send(RCPT)
    assert conn.data_to_send() == RCPT.to_bytes()
    assert list(conn.events()) == [Response(MAIL, Reply(250, "one"))]
    assert take(conn, b"250 two\r\n") == [Response(RCPT, Reply(250, "two"))]
