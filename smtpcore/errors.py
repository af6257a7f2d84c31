"""The errors of the library.

`LocalProtocolError`: the caller broke the protocol; raised.  `RemoteProtocolError` and `TimedOut`: the peer did, or
the time ran out; never raised by a connection, they travel inside the `Closed` event.  `SyntaxProblem`: a text is not
in the grammar; raised by the parsers of values.
"""

from __future__ import annotations


class SMTPError(Exception):
    """Base of every error of this package."""


class LocalProtocolError(SMTPError):
    """The caller asked for something that the protocol, or this library's contract, does not allow now.

    The text says what to do instead.  The connection is unchanged.
    """


class RemoteProtocolError(SMTPError):
    """The peer broke the protocol in a way from which the conversation cannot recover."""


class TimedOut(SMTPError):
    """A deadline of RFC 5321 section 4.5.3.2 passed."""


class SyntaxProblem(SMTPError, ValueError):
    """A text is not in the grammar of RFC 5321.

    `reason` is one short word for programs (`"syntax"`, `"limit-local"`, ...), `position` the offset in octets of
    the first octet that does not fit, `text` a sentence for people that never quotes the input.
    """

    def __init__(self, text: str, *, reason: str = "syntax", position: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason
        self.position = position

    def __reduce__(self) -> tuple[object, ...]:
        return _problem, (self.text, self.reason, self.position)

    def __str__(self) -> str:
        return f"{self.text} (octet {self.position})"


def _problem(text: str, reason: str, position: int) -> SyntaxProblem:
    return SyntaxProblem(text, reason=reason, position=position)


class ConnectionLost(RemoteProtocolError):
    """The peer closed the connection before the conversation was over."""
