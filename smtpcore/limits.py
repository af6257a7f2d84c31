"""How much a peer may ask of this end: every limit with its name and default.  Sizes are in octets."""

from __future__ import annotations

from typing import Final

from smtpcore.errors import LocalProtocolError
from smtpcore.value import Value

_LEAST: Final = {"command_line": 512, "text_line": 1000, "reply_line": 512}


class Limits(Value):
    """Limits of one connection; `None` means none.

    A server on the Internet must take 64 KiB of text and 100 recipients at least (RFC 5321 4.5.3.1.7-8).
    """

    #: Server: a command line with its CRLF; over it 500 and the line is swallowed.  `None`: 512 octets and what the
    #: extensions that are offered add (RFC 5321 4.5.3.1.4).
    command_line: int | None = 2048
    #: Server: a line without CRLF that is longer closes the connection with 421.
    endless_line: int = 65536
    #: Server: a line of the text with its CRLF, the stuffed dot not counted; a longer one is refused at the end.
    text_line: int | None = None
    #: Server: the text; the SIZE extension announces it, and its own limit counts too.
    message: int | None = None
    #: Server: accepted recipients of one transaction; over it 452, an error each once as many were refused.
    recipients: int | None = 1000
    #: Server: commands refused for their syntax, sequence or verb before 421.
    errors: int | None = 20
    #: Server: NOOP, RSET, VRFY, EXPN, HELP and repeated EHLO between two messages before 421.
    junk: int | None = 100
    #: Server: failed authentications before 421.
    auth_failures: int | None = 3
    #: Server: chunks of one message; over it 421.
    chunks: int | None = 100_000
    #: Server: octets of a refused chunk that are swallowed; a larger one closes the connection.
    swallow: int = 1 << 30
    #: Server: input held while the application owes an answer; feeding more is the caller's mistake.
    held_input: int = 1 << 20
    #: Client: a reply line with its CRLF.
    reply_line: int = 2048
    #: Client: lines of one reply.
    reply_lines: int = 1024
    #: Client: octets of one reply.
    reply: int = 65536
    #: Client: commands sent ahead of their replies, in octets (RFC 2920 3.1: less than the send window).
    pipeline: int = 4096

    def __post_init__(self) -> None:
        """Raises `LocalProtocolError` for a negative limit, and for lines shorter than RFC 5321 4.5.3.1 allows."""
        # A test harness may want a server that takes three recipients or ten octets of text, so those limits are
        # not held to the RFC's least (4.5.3.1.7, 4.5.3.1.8); lines are, or the conversation itself would break.
        for name in self._fields:
            value = getattr(self, name)
            least = _LEAST.get(name, 0)
            if value is not None and value < least:
                raise LocalProtocolError(f"the limit {name} is {least} or more (RFC 5321 4.5.3.1)")
