"""A client that is spoken to by hand, for tests of what it answers."""

from __future__ import annotations

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, Mail, Rcpt
from smtpcore.events import ClientEvent, Response
from smtpcore.replies import Reply
from smtpcore.state import State

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


def planned(conn: ClientConnection) -> State:
    """The planned state, which type checkers take to be constant otherwise."""
    return conn.planned_state


def ask(conn: ClientConnection, command: Command, reply: bytes) -> Reply:
    """The reply as it is reported."""
    conn.send(command)
    conn.data_to_send()
    event = take(conn, reply)[0]
    assert isinstance(event, Response)
    return event.reply


def in_text(*keywords: str) -> ClientConnection:
    """A connection whose text is due."""
    conn = greeted(*keywords)
    for command, reply in ((MAIL, b"250 ok\r\n"), (RCPT, b"250 ok\r\n"), (Data(), b"354 go\r\n")):
        ask(conn, command, reply)
    return conn
