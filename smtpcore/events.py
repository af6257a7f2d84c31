"""What a connection tells its driver: events, which are values, and `Step`, the one answer to "what now".

Commands are events of the server too: `Hello`, `Mail`, `Rcpt`, `Data`, `EndOfMessage`, `Inquiry` and the commands of
extensions are the very values that the client sends.  This file adds what is not a command.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, TypeAlias

from smtpcore.commands import Command, Data, EndOfMessage, Hello, Inquiry, Mail, Noop, Quit, Rcpt, Reset
from smtpcore.errors import SMTPError
from smtpcore.replies import Reply
from smtpcore.value import Value


class Step(Enum):
    """What the driver does next."""

    #: Feed input: `receive_data`.
    RECEIVE = "receive"
    #: The application owes an answer (server) or the text (client); do not read, this is the back-pressure.
    DECIDE = "decide"
    #: Send the output, then pull events again.
    CONTINUE = "continue"
    #: Send the output, do the TLS handshake, call `tls_started` or `tls_failed`.
    START_TLS = "start tls"
    #: Close the transport; nothing is left to send or to say.
    CLOSE = "close"


class Reason(Enum):
    """Why an open transaction was dropped."""

    RESET = "RSET"
    HELLO = "EHLO"
    QUIT = "QUIT"
    #: The application refused the message.
    REFUSED = "refused"
    TOO_BIG = "too big"
    BARE_NEWLINE = "bare CR or LF"
    LONG_LINE = "text line too long"
    #: A chunk was refused or out of sequence.
    CHUNK = "chunk refused"
    #: Plaintext between STARTTLS and TLS.
    TLS = "plaintext injected"
    #: The peer is gone.
    CLOSED = "closed"
    TIMED_OUT = "timed out"
    #: This end closes: 421.
    SHUT_DOWN = "shut down"


class Connect(Value):
    """Server, question: a client is there; accept with 220, reject with 554, 521 or 4yz (RFC 5321 3.1)."""


class Body(Value):
    """Server, news: octets of the message, dots unstuffed, CRLF line ends (of any length)."""

    data: bytes


class Refused(Value):
    """Server, news: a line was answered with a refusal already; here for logs and counters."""

    line: bytes
    reply: Reply
    text: str = ""

    def __repr__(self) -> str:
        # A line may be a mistyped credential: its verb is enough for a log.
        return f"Refused({self.line[:4]!r}..., {self.reply!r}, {self.text!r})"


class TransactionAborted(Value):
    """Server, news: the open transaction is gone, with everything that `Body` brought."""

    reason: Reason


class Closed(Value):
    """Both, news, always the last: the conversation is over; `error` says why when it was not QUIT."""

    error: SMTPError | None = None

    def __eq__(self, other: object) -> bool:
        """Equal when the errors say the same: exceptions themselves are equal to nothing but themselves."""
        if not isinstance(other, Closed):
            return NotImplemented
        return type(self.error) is type(other.error) and str(self.error) == str(other.error)

    def __hash__(self) -> int:
        return hash((Closed, type(self.error), str(self.error)))


class Greeting(Value):
    """Client, news: the first reply of the server."""

    reply: Reply


class Response(Value):
    """Client, news: the reply to a command, in order.

    `recipient` is set for the replies to the end of an LMTP message, one for each accepted recipient (RFC 2033 4.2).
    """

    command: Command
    reply: Reply
    recipient: Rcpt | None = None
    _uncompared: ClassVar[tuple[str, ...]] = ()


class SendBody(Value):
    """Client, news: the text is wanted now: `send_body`, then `end_body`."""

    command: Command


class Query(Value):
    """Server, question: base of those that arise inside a command, as `Authenticate` does inside AUTH."""


#: Server events that want an answer.  Commands of extensions are questions too.
Question: TypeAlias = Command | Connect | Query
ServerEvent: TypeAlias = (
    Connect
    | Hello
    | Mail
    | Rcpt
    | Data
    | EndOfMessage
    | Inquiry
    | Command
    | Query
    | Body
    | Noop
    | Reset
    | Quit
    | Refused
    | TransactionAborted
    | Closed
)
ClientEvent: TypeAlias = Greeting | Response | SendBody | Closed
