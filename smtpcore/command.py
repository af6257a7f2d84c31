"""Commands as values: what one says, and its canonical line (RFC 5321 4.1.1).

The server hands out the very values that the client sends.  How a line is read is in `smtpcore.commands`, which gives
these names to everybody else.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, final

from smtpcore.addresses import AddressLiteral, Domain, ForwardPath, Mailbox, ReversePath
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.parameters import NO_PARAMETERS, Parameters
from smtpcore.replies import Reply
from smtpcore.value import Value

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_PAIR: Final = re.compile(r"\\(.)")
_OPEN_QUOTE: Final = re.compile(r'"(?:[^"\\]|\\.)*\\?')
#: Controls of ASCII and Latin-1, and what has no form in UTF-8.
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Command(Value):
    """Base of every command.  `verb` is upper case."""

    verb: ClassVar[str] = ""

    def argument(self) -> str:
        """What follows the verb, its leading space included; empty for a verb that stands alone."""
        return ""

    def to_bytes(self) -> bytes:
        """The canonical line with its CRLF, as UTF-8.

        Raises `LocalProtocolError` rather than let a control character reach the wire: the one place through which
        every command of the client goes (C-GRAM-02).
        """
        line = self.verb + self.argument()
        if not (line.isascii() and line.isprintable()) and UNPRINTABLE.search(line) is not None:
            raise LocalProtocolError(f"{type(self).__name__} holds a control character and is not sent")
        return line.encode("utf-8") + b"\r\n"


class Hello(Command):
    """EHLO, HELO or LHLO with the name of the client (RFC 5321 4.1.1.1, RFC 2033 4.1)."""

    name: Domain | AddressLiteral
    hello: str = "EHLO"
    #: Text behind the name, which the grammar does not have (RFC 5321 4.1.1.1 says to be prepared); never sent.
    trailing: str = ""
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("trailing", "deviations")

    def __post_init__(self) -> None:
        """Raises `SyntaxProblem` for another verb, and for a name with U-labels (RFC 6531 3.7.1)."""
        if self.hello not in ("EHLO", "HELO", "LHLO"):
            raise SyntaxProblem("the greeting verb is EHLO, HELO or LHLO")
        if not self.name.text.isascii():
            raise SyntaxProblem("the name in a greeting is ASCII: take Domain.to_ascii()")

    @property
    def verb(self) -> str:  # type: ignore[override]
        return self.hello

    def argument(self) -> str:
        return f" {self.name}"


class Mail(Command):
    """MAIL FROM: who gets notifications of failure, and the parameters of the message (RFC 5321 4.1.1.2)."""

    path: ReversePath
    params: Parameters = NO_PARAMETERS
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("deviations",)
    verb: ClassVar[str] = "MAIL"

    def argument(self) -> str:
        return f" FROM:{self.path}{self.params}"


class Rcpt(Command):
    """RCPT TO: one recipient, and its parameters (RFC 5321 4.1.1.3)."""

    path: ForwardPath
    params: Parameters = NO_PARAMETERS
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("deviations",)
    verb: ClassVar[str] = "RCPT"

    def argument(self) -> str:
        return f" TO:{self.path}{self.params}"


class Data(Command):
    """DATA: the message follows when the answer is 354 (RFC 5321 4.1.1.4)."""

    verb: ClassVar[str] = "DATA"


class EndOfMessage(Command):
    """The final dot, or the last chunk: not a line of its own, but it gets a reply like a command.

    `size` is the content in octets, dots unstuffed; `offences` the names of what was odd in it and tolerated.
    """

    size: int = 0
    offences: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("size", "offences")
    verb: ClassVar[str] = "."


class Reset(Command):
    """RSET: drop the transaction (RFC 5321 4.1.1.5)."""

    verb: ClassVar[str] = "RSET"


class Quit(Command):
    """QUIT (RFC 5321 4.1.1.10)."""

    verb: ClassVar[str] = "QUIT"


class _Text(Command):
    """A verb with free text; spaces around it mean nothing and are refused, so that it is read back as it is."""

    text: str = ""

    def __post_init__(self) -> None:
        """Raises `SyntaxProblem` for control characters, and for a space at either end."""
        if UNPRINTABLE.search(self.text) is not None:
            raise SyntaxProblem("control characters have no place in a command")
        if self.text[:1] == " " or self.text[-1:] == " ":
            raise SyntaxProblem("the text of a command neither begins nor ends with a space")

    def argument(self) -> str:
        return f" {self.text}" if self.text else ""


class Noop(_Text):
    """NOOP; whatever stands behind it is ignored (RFC 5321 4.1.1.9)."""

    verb: ClassVar[str] = "NOOP"


class Inquiry(_Text):
    """VRFY, EXPN or HELP (RFC 5321 4.1.1.6-8): the argument as free text (RFC 5321 3.5.1 against its ABNF)."""

    about: str = "VRFY"
    params: Parameters = NO_PARAMETERS

    def __post_init__(self) -> None:
        """Raises `SyntaxProblem` for a text that no server could read as an argument of this verb."""
        super().__post_init__()
        if self.about not in ("VRFY", "EXPN", "HELP"):
            raise SyntaxProblem("an inquiry is VRFY, EXPN or HELP")
        if not self.text and (self.params or self.about != "HELP"):
            raise SyntaxProblem(f"{self.about} needs an argument")
        if _OPEN_QUOTE.fullmatch(self.text) is not None:
            raise SyntaxProblem("the quoted string is not closed")
        if not self.text.isascii() and not self.params:
            raise SyntaxProblem("the argument is not ASCII, and no parameter says that it may be")  # RFC 6531 3.7.4.2

    @property
    def verb(self) -> str:  # type: ignore[override]
        return self.about

    def argument(self) -> str:
        return f"{super().argument()}{self.params}"

    @property
    def string(self) -> str:
        """The argument with the quotes and backslashes of a Quoted-string taken off (RFC 5321 4.1.2, String)."""
        text = self.text
        if _QUOTED.fullmatch(text) is not None:
            return _PAIR.sub(r"\1", text[1:-1])
        return text

    def as_mailbox(self) -> Mailbox | None:
        """The argument read as a mailbox, when it is one."""
        try:
            return Mailbox.parse(self.text, utf8=True)
        except SyntaxProblem:
            return None


@final
class Problem(Value):
    """Why a line is not a command, and the reply that it deserves.  `verb` is upper case, empty when unreadable."""

    verb: str
    reply: Reply
    text: str
    position: int = 0
