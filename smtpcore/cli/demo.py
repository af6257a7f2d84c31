"""Watch both ends converse: one message, in memory, every line and event shown.

No network, no files, no clock: a ClientConnection and a ServerConnection are joined by
nothing but the octets that one gives and the other takes.  The message goes to three
recipients, one of whom the server does not know.

  C:       what the client sends         S:       what the server sends
  client>  an event for the client       server>  an event for the server, and its answer
"""

from __future__ import annotations

import argparse
from typing import Final

from smtpcore import cli
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, EndOfMessage, Mail, Quit, Rcpt
from smtpcore.events import Body, ClientEvent, Closed, Connect, Greeting, Response, SendBody, ServerEvent, Step
from smtpcore.extensions.known import SERVER_EXTENSIONS
from smtpcore.replies import MAILBOX_UNAVAILABLE
from smtpcore.server import ServerConnection, accept_all
from smtpcore.transaction import Transaction

SENDER: Final = "ann@client.example"
RECIPIENTS: Final = ("bob@mx.example", "nobody@mx.example", "carol@mx.example")
MESSAGE: Final = (
    b"From: ann@client.example\r\nTo: bob@mx.example\r\nSubject: dots\r\n\r\n"
    b"The next line is a single dot, which does not end the message:\r\n.\r\nThat was it.\r\n"
)
#: What to notice at an event.
_NOTES: Final[dict[type, str]] = {
    Connect: "the greeting is a question: 220, 554 and 421 are one decision (RFC 5321 3.1)",
    Greeting: "EHLO follows by itself",
    Mail: "nothing is written before the answer, and nothing read behind it",
    Data: "what follows is text, not commands, because of this yes (RFC 5321 4.1.1.4)",
    Body: "without the dots that the client doubled (RFC 5321 4.5.2)",
    SendBody: "the text is wanted",
    EndOfMessage: "now the server is responsible for it (RFC 5321 6.1)",
    Closed: "always the last event",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `demo`."""
    parser.add_argument("--lmtp", action="store_true", help="LMTP: a reply for each recipient at the end")
    parser.add_argument("--lockstep", action="store_true", help="one command at a time, though PIPELINING is offered")
    parser.add_argument("--chunking", action="store_true", help="the message by BDAT instead of DATA")


def run(options: argparse.Namespace) -> int:
    """Hold the conversation."""
    server = ServerConnection("mx.example", extensions=SERVER_EXTENSIONS, lmtp=options.lmtp)
    client = ClientConnection("client.example", lmtp=options.lmtp, pipelining=not options.lockstep)
    transaction = Transaction(client, SENDER, RECIPIENTS, body=MESSAGE, chunking=options.chunking)
    leaving = False
    while server.next_step is not Step.CLOSE or client.next_step is not Step.CLOSE:
        for question in server.events():
            _say("server> ", _answer(server, question))
        if octets := server.data_to_send():
            client.receive_data(_sent("S:", octets))
        for event in client.events():
            _say("client> ", _shown(event))
            transaction.handle(event)
        if transaction.done and not leaving:
            leaving = True
            client.send(Quit())
        if octets := client.data_to_send():
            server.receive_data(_sent("C:", octets))
    print("\nWhat became of it:")
    for result in transaction.report:
        said = "no reply" if result.reply is None else f"{result.reply.code} {result.reply.text}"
        print(f"  {result.recipient}: {result.outcome.value} ({said})")
    return cli.OK


def _answer(server: ServerConnection, event: ServerEvent) -> str:
    """Decide, as an application does, and say how."""
    waits = server.question is not None
    if isinstance(event, Rcpt) and event.path.local_part == "nobody":
        server.reject(event, MAILBOX_UNAVAILABLE)
        return f"{_told(event)}, rejected -- the transaction goes on without it (RFC 5321 3.3)"
    accept_all(server, event)
    return _shown(event, ", accepted" if waits else "")


def _shown(event: ServerEvent | ClientEvent, answer: str = "") -> str:
    """An event, its answer, and what there is to learn from it."""
    note = _NOTES.get(type(event), "")
    return _told(event) + answer + (f" -- {note}" if note else "")


def _told(event: ServerEvent | ClientEvent) -> str:
    """An event in the words of its RFC instead of Python's."""
    name = type(event).__name__
    if isinstance(event, Body):
        return f"{name}, {len(event.data)} octets"
    if isinstance(event, SendBody):
        return name
    command = event.command if isinstance(event, Response) else event
    line = command.verb + command.argument() if isinstance(command, Command) else ""
    if isinstance(event, Response):
        about = f" for {event.recipient.path}" if event.recipient is not None else ""
        return f"{name} to {'the end of the message' if line == '.' else line}{about}: {event.reply.code}"
    if isinstance(event, Greeting):
        return f"{name}: {event.reply.code}"
    return name if line in ("", ".") else f"{name}: {line}"


def _sent(who: str, octets: bytes) -> bytes:
    """Show octets on their way, line by line; gives them back."""
    for line in octets.decode("utf-8", "backslashreplace").split("\r\n")[: octets.count(b"\r\n")]:
        print(f"{who} {line}")
    return octets


def _say(who: str, text: str) -> None:
    print(f"          {who} {text}")
