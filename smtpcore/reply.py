"""One reply: the value, what its digits say, and how it is written (RFC 5321 4.2).

The first digit of the code decides what follows (RFC 5321 4.2.1); the text is for people.  What was read may hold any
text; what is written never holds an octet that could begin another line, whatever was put in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from smtpcore.enhanced import EnhancedCode
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.value import Value

#: Largest line that is sent, in octets with its CRLF (RFC 5321 4.5.3.1.5, B-LIM-05).
MAX_LINE: Final = 512

# S-REP-04: C0 controls but HT, DEL, and the C1 controls; surrogates cannot be encoded.  Nothing above U+00FF in the
# pattern: compiling that takes five milliseconds.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_NOT_ASCII_TEXT: Final = re.compile("[^\t -~]")

#: What the listed codes mean: RFC 5321 4.2.3, RFC 7504 (521, 556), RFC 4954 and 5248 (authentication), RFC 3207.
CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        211: "System status, or system help reply",
        214: "Help message",
        220: "Service ready",
        221: "Service closing transmission channel",
        235: "Authentication succeeded",
        250: "Requested mail action okay, completed",
        251: "User not local; will forward",
        252: "Cannot VRFY user, but will accept message and attempt delivery",
        253: "Pending messages started",
        334: "Authentication challenge",
        354: "Start mail input",
        421: "Service not available, closing transmission channel",
        422: "A password transition is needed",
        430: "Command not valid now",
        432: "A password transition is needed",
        450: "Requested mail action not taken: mailbox unavailable",
        451: "Requested action aborted: local error in processing",
        452: "Requested action not taken: insufficient system storage",
        453: "System not accepting network messages, or nothing waiting",
        454: "Temporary authentication failure, or TLS not available",
        455: "Server unable to accommodate parameters",
        458: "Unable to queue messages for node",
        459: "Node not allowed",
        500: "Syntax error, command unrecognized",
        501: "Syntax error in parameters or arguments",
        502: "Command not implemented",
        503: "Bad sequence of commands",
        504: "Command parameter not implemented",
        521: "Host does not accept mail",
        523: "Encryption needed",
        524: "Encryption required for requested authentication mechanism",
        525: "User account disabled",
        530: "Authentication required, or STARTTLS first",
        533: "Delivery not authorized",
        534: "Authentication mechanism is too weak",
        535: "Authentication credentials invalid",
        538: "Encryption required for requested authentication mechanism",
        550: "Requested action not taken: mailbox unavailable",
        551: "User not local",
        552: "Requested mail action aborted: exceeded storage allocation",
        553: "Requested action not taken: mailbox name not allowed",
        554: "Transaction failed",
        555: "MAIL or RCPT parameters not recognized or not implemented",
        556: "Domain does not accept mail",
    }
)
_BY_DIGIT: Final = {
    2: "Positive completion",
    3: "Positive intermediate",
    4: "Transient negative completion",
    5: "Permanent negative completion",
}
_BY_SECOND_DIGIT: Final = {0: "syntax", 1: "information", 2: "connection", 5: "mail system"}


class ReplyError(SMTPError):
    """A negative reply, for scripts that want an exception (`Reply.raise_for_status`); `reply` is the reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class _Wire:
    """Room for the octets of a reply, so that a named reply is written once.  No part of the value."""

    __slots__ = ("_full", "_plain")
    _full: bytes
    _plain: bytes


class Reply(Value, _Wire):
    """One reply (RFC 5321 4.2): a code, one text per line, and perhaps an enhanced status code (RFC 2034).

    `Reply(550, "No such user", "5.1.1")`: `lines` is one text or several, `enhanced` a text or an `EnhancedCode`.
    An enhanced code at the start of the text is understood too: `Reply(550, "5.1.1 No such user")` is equal to it.

    `SyntaxProblem` when the code is not `[2-5][0-5][0-9]`, when there is no text, when a text holds a line end or
    another control character but HT, or when the class of the enhanced code is not the first digit of the code
    (RFC 2034 4).  Replies that were received may hold any code from 200 to 599 and any text within a line.
    """

    code: int
    lines: tuple[str, ...]
    enhanced: EnhancedCode | None = None
    #: The octets of each text as received, only when they are not UTF-8; `lines` then shows `\\xE9` for such an octet.
    raw: tuple[bytes, ...] | None = None

    _uncompared = ("raw",)

    if TYPE_CHECKING:

        def __init__(
            self,
            code: int,
            lines: str | Iterable[str],
            enhanced: EnhancedCode | str | None = None,
            raw: tuple[bytes, ...] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        code = self.code
        if not 200 <= code <= 599 or code // 10 % 10 > 5:  # S-REP-02
            raise SyntaxProblem("A reply code is three digits: 2 to 5, 0 to 5, 0 to 9", reason="code-range")
        # The fields hold what the caller gave, which is more than what they hold afterwards.
        given = cast("str | Iterable[str]", self.lines)
        lines = (given,) if isinstance(given, str) else tuple(given)
        if not lines:
            raise SyntaxProblem("A reply has at least one line; its text may be empty")
        texts = [_encode(line) for line in lines]
        enhanced = cast("EnhancedCode | str | None", self.enhanced)
        if enhanced is None:
            enhanced, texts = _take_enhanced(code // 100, texts)
            lines = tuple([text.decode() for text in texts])
        elif not isinstance(enhanced, EnhancedCode):
            enhanced = EnhancedCode.parse(enhanced)
        if enhanced is not None and enhanced.class_ != code // 100:  # S-ENH-03; there is no class 3: S-ENH-02
            raise SyntaxProblem("The class of an enhanced code is the first digit of the reply code, and never 3")
        for name, value in (("code", int(code)), ("lines", lines), ("enhanced", enhanced), ("raw", None)):
            _set(self, name, value)

    @classmethod
    def received(cls, code: int, texts: list[bytes], *, enhanced: bool = True) -> Reply:
        """The reply that a server sent with this code, 200 to 599, and these texts behind the separators.

        What is not UTF-8 is kept in `raw`.  `enhanced` says whether enhanced codes are taken off the texts.
        """
        found: EnhancedCode | None = None
        if enhanced:
            found, texts = _take_enhanced(code // 100, texts)
        raw: tuple[bytes, ...] | None = None
        try:
            lines = tuple([text.decode() for text in texts])
        except UnicodeDecodeError:
            raw = tuple(texts)
            lines = tuple([text.decode("utf-8", "backslashreplace") for text in raw])
        reply: Reply = cls._make(code, lines, found, raw)
        return reply

    @property
    def text(self) -> str:
        """The texts of all lines, joined by a newline."""
        return "\n".join(self.lines)

    @property
    def octets(self) -> tuple[bytes, ...]:
        """The text of each line in octets, as received (without code, separator and enhanced code) or as UTF-8."""
        return self.raw if self.raw is not None else tuple([line.encode() for line in self.lines])

    @property
    def is_success(self) -> bool:
        """2yz: done (RFC 5321 4.2.1)."""
        return self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz: the command is accepted, more is needed."""
        return 300 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        """4yz: not now; the same again may work later."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: no; the same again will not work."""
        return self.code >= 500

    @property
    def is_positive(self) -> bool:
        """2yz or 3yz."""
        return self.code < 400

    @property
    def is_negative(self) -> bool:
        """4yz or 5yz."""
        return self.code >= 400

    @property
    def retryable(self) -> bool:
        """Whether to try again later, unchanged (C-REP-25).  The basic code decides, never the enhanced (C-ENH-07)."""
        return self.is_transient

    @property
    def meaning(self) -> str:
        """What the code means in its registry; an unknown code is told by its first digit (C-REP-11)."""
        return CODES.get(self.code) or _BY_DIGIT[self.code // 100]

    @property
    def category(self) -> str:
        """What the second digit says the reply is about (RFC 5321 4.2.1), `""` where the RFC leaves it open."""
        return _BY_SECOND_DIGIT.get(self.code // 10 % 10, "")

    @property
    def advice(self) -> tuple[str, ...]:
        """What a server should better not send in this reply; nothing is refused for it.

        Codes outside the registries (S-REP-21, S-ENH-08), deprecated enhanced codes (S-ENH-14), enhanced codes whose
        definition is of no use in this class (RFC 3463 3, S-ENH-10) or that stand in the text because they have
        another class than the reply (RFC 2034 4, C-ENH-06).
        """
        found: list[str] = []
        if self.code not in CODES:
            found.append(f"{self.code} is not a listed reply code")
        enhanced = self.enhanced
        if enhanced is not None:
            row = enhanced.registered
            if row is None:
                found.append(f"{enhanced} is not a registered enhanced status code")
            elif not row.classes:
                found.append(f"{enhanced} is deprecated")
            elif enhanced.class_ not in row.classes:
                found.append(f"{enhanced} is of no use in class {enhanced.class_}")
        codes = [EnhancedCode.read(text.partition(b" ")[0]) for text in self.octets]
        if any(code is not None and code.class_ != self.code // 100 for code in codes):
            found.append("the text begins with an enhanced status code of another class than the reply")
        return tuple(found)

    def raise_for_status(self) -> None:
        """Raises `ReplyError` for a negative reply; for scripts."""
        if self.is_negative:
            raise ReplyError(self)

    def masked(self) -> Reply:
        """The reply with the enhanced code cut down to `X.0.0` or `X.7.0` (RFC 3463 5, S-ENH-13)."""
        enhanced = None if self.enhanced is None else self.enhanced.generalized()
        reply: Reply = Reply._make(self.code, self.lines, enhanced, self.raw)
        return reply

    def ascii_only(self) -> Reply:
        """The reply for a client that did not allow UTF-8 (RFC 6531 3.7.4).

        A 251 or 551 with a non-ASCII path turns into a 250 or 550 without it (X-SMTPUTF8-17).  In other texts what is
        not printable ASCII is written as `\\x{E9}`, the form of RFC 6533 3.
        """
        if not any(map(_NOT_ASCII_TEXT.search, self.lines)):
            return self
        reply: Reply
        if self.code in (251, 551):
            text = "User not local; will forward" if self.is_success else "User not local"
            reply = Reply._make(self.code - 1, (text,), self.enhanced, None)
        else:
            lines = tuple([_NOT_ASCII_TEXT.sub(_escape, line) for line in self.lines])
            reply = Reply._make(self.code, lines, self.enhanced, None)
        return reply

    def to_bytes(self, *, enhanced: bool = True, utf8: bool = False, fold: bool = True) -> bytes:
        """The octets of the reply, each line with its CRLF (RFC 5321 4.2).

        `enhanced`: with the enhanced code, on every line (RFC 2034 4).  `utf8`: the client allowed UTF-8 in this
        reply; otherwise what is sent is `ascii_only()`.  `fold`: text that would make a line longer than 512 octets
        goes on in more lines (S-REP-27); never so with 334, whose text is one unit, and not to be used for the reply
        to EHLO, whose lines are.
        """
        if utf8 or not fold:
            return _write(self, enhanced, utf8, fold)
        try:
            return self._full if enhanced else self._plain
        except AttributeError:
            octets = _write(self, enhanced, utf8, fold)
            _set(self, "_full" if enhanced else "_plain", octets)
            return octets

    def __str__(self) -> str:
        return self.to_bytes(utf8=True, fold=False).decode()[:-2].replace("\r\n", "\n")


_set: Final = object.__setattr__


def _encode(line: str) -> bytes:
    """The octets of a text that may be sent.  X-ENHANCED-16: others are refused, so that no reply carries another."""
    try:
        octets = line.encode()
    except UnicodeEncodeError as error:
        position = len(line[: error.start].encode())
        raise SyntaxProblem("A reply has no surrogate characters", position=position) from None
    bad = _FORBIDDEN.search(line)
    if bad is not None:
        raise SyntaxProblem(
            "A reply has one text per line, without control characters",
            reason="bare-newline" if bad[0] in "\r\n" else "syntax",
            position=len(line[: bad.start()].encode()),
        )
    return octets


def _escape(match: re.Match[str]) -> str:
    return f"\\x{{{ord(match[0]):02X}}}"


def _take_enhanced(class_: int, texts: list[bytes]) -> tuple[EnhancedCode | None, list[bytes]]:
    """Takes the enhanced code off the lines that begin with it (RFC 2034 4).

    All stays in the text when one line has a code of another class than the reply (C-ENH-06).  Lines without a code,
    and lines with another code than the first one, keep their text.
    """
    found: EnhancedCode | None = None
    rest: list[bytes] = []
    for text in texts:
        head, _, tail = text.partition(b" ")
        code = EnhancedCode.read(head)
        if code is not None:
            if code.class_ != class_:
                return None, texts
            if found is None or code == found:
                found, text = code, tail
        rest.append(text)
    return found, rest


def _write(reply: Reply, enhanced: bool, utf8: bool, fold: bool) -> bytes:
    if not utf8:
        reply = reply.ascii_only()
    head = f"{reply.enhanced} ".encode() if enhanced and reply.enhanced is not None else b""
    texts = [_FORBIDDEN.sub(_escape, line).encode() for line in reply.lines]
    if fold and reply.code != 334:  # X-AUTH-08: a challenge is one line, however long
        room = MAX_LINE - len("250 \r\n") - len(head)
        texts = [part for text in texts for part in _fold(text, room)]
    first = b"%d-%b" % (reply.code, head)
    last = b"%d %b" % (reply.code, head)
    return b"".join([first + text + b"\r\n" for text in texts[:-1]]) + last + texts[-1] + b"\r\n"


def _fold(text: bytes, room: int) -> list[bytes]:
    """Pieces of at most `room` octets: cut at a space where there is one, never within a UTF-8 character."""
    pieces: list[bytes] = []
    start = 0
    while len(text) - start > room:
        end = text.rfind(b" ", start + 1, start + room + 1)
        if end >= 0:
            pieces.append(text[start:end])
            start = end + 1
            continue
        end = start + room
        while text[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces
