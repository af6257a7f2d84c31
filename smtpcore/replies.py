"""Replies: the value, its grammar both ways, and the named replies of this library (RFC 5321 4.2).

`Reply` is what a server says to one command.  The first digit of its code decides what follows (RFC 5321 4.2.1); the
text is for people.  What is read may hold any text; what is written never holds an octet that could begin another
line, whatever was put in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from smtpcore.enhanced import EnhancedCode, read_enhanced
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

# S-REP-04: HT and printable; beyond ASCII all but the C1 controls and surrogates (RFC 6531 3.7.4).
_FORBIDDEN: Final = re.compile("[^\t -~\xa0-\ud7ff\ue000-\U0010ffff]")
_ESCAPED: Final = re.compile("[^\t -~]")
_NEWLINE: Final = re.compile(rb"[\r\n]")
_CODE: Final = re.compile(rb"[0-9]{3}")
_MAX_LINE: Final = 512  # octets of one line with its CRLF: RFC 5321 4.5.3.1.5


class ReplyError(SMTPError):
    """A negative reply, for scripts that want an exception (`Reply.raise_for_status`).  `reply` is the reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply

    def __str__(self) -> str:
        return str(self.reply)


class _Wire:
    """Room for the octets of a reply, so that a named reply is built once."""

    __slots__ = ("_full", "_plain")
    _full: bytes
    _plain: bytes


class Reply(Value, _Wire):
    """One reply (RFC 5321 4.2): a code, one text per line, and perhaps an enhanced status code (RFC 2034).

    `Reply(550, "No such user", "5.1.1")`: `lines` is one text or several, `enhanced` a text or an `EnhancedCode`.
    An enhanced code at the start of the text is understood too: `Reply(550, "5.1.1 No such user")` is equal.
    `SyntaxProblem` when the code is not `[2-5][0-5][0-9]`, when a text holds a control character or line end, or
    when the class of the enhanced code is not the first digit of the code (RFC 2034 4).  Replies that were received
    may hold any code from 200 to 599 and any text without line end.
    """

    code: int
    lines: tuple[str, ...]
    enhanced: EnhancedCode | None = None
    #: The text of each line as received, in octets, when it is not UTF-8; `lines` then shows escapes.
    raw: tuple[bytes, ...] | None = None

    _uncompared = ("raw",)

    if TYPE_CHECKING:

        def __init__(
            self,
            code: int,
            lines: str | Iterable[str] = ...,
            enhanced: EnhancedCode | str | None = ...,
            raw: tuple[bytes, ...] | None = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        code = self.code
        if type(code) is not int or not 200 <= code <= 599 or code // 10 % 10 > 5:  # S-REP-02
            raise SyntaxProblem("A reply code is three digits: 2 to 5, 0 to 5, 0 to 9", reason="code-range")
        lines = (self.lines,) if isinstance(self.lines, str) else tuple(self.lines)
        for line in lines or ("\n",):
            bad = _FORBIDDEN.search(line)
            if bad is not None:
                raise SyntaxProblem(
                    "A reply has one text per line, without control characters",
                    reason="bare-newline" if bad[0] in "\r\n" else "syntax",
                    position=bad.start(),
                )
        enhanced = self.enhanced
        if enhanced is None:
            enhanced, texts = _take_enhanced(code // 100, [line.encode() for line in lines])
            lines = tuple(text.decode() for text in texts)
        elif not isinstance(enhanced, EnhancedCode):
            enhanced = EnhancedCode.parse(enhanced)
        if enhanced is not None and enhanced.class_ != code // 100:  # S-ENH-03; class 3 does not exist: S-ENH-02
            raise SyntaxProblem("The class of an enhanced code is the first digit of the reply code, and never 3")
        _set(self, "lines", lines)
        _set(self, "enhanced", enhanced)
        _set(self, "raw", None)

    @property
    def text(self) -> str:
        """The texts of all lines, joined by a newline."""
        return "\n".join(self.lines)

    @property
    def is_success(self) -> bool:
        """2yz: done."""
        return self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz: go on."""
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
        """Whether to try again later, unchanged.  The basic code decides, never the enhanced one (C-ENH-07)."""
        return 400 <= self.code < 500

    def raise_for_status(self) -> None:
        """Raises `ReplyError` for a negative reply; for scripts."""
        if self.code >= 400:
            raise ReplyError(self)

    def __str__(self) -> str:
        return self.to_bytes(utf8=True).decode()[:-2].replace("\r\n", "\n")

    def to_bytes(self, *, enhanced: bool = True, utf8: bool = False, fold: bool = True) -> bytes:
        """The octets of the reply, each line with its CRLF."""
        if fold and not utf8:
            try:
                return self._full if enhanced else self._plain
            except AttributeError:
                pass
        octets = _write(self, enhanced and self.enhanced is not None, utf8, fold)
        if fold and not utf8:
            _set(self, "_full" if enhanced else "_plain", octets)
        return octets


_set: Final = object.__setattr__


def _escape(match: re.Match[str]) -> str:
    return f"\\x{{{ord(match[0]):02X}}}"


def _write(reply: Reply, enhanced: bool, utf8: bool, fold: bool) -> bytes:
    head = f"{reply.enhanced} ".encode() if enhanced else b""
    room = _MAX_LINE - 6 - len(head)
    texts: list[bytes] = []
    for line in reply.lines:
        text = (line if utf8 else _ESCAPED.sub(_escape, line)).encode()
        while fold and len(text) > room and reply.code != 334:
            texts.append(text[:room])
            text = text[room:]
        texts.append(text)
    code = b"%d" % reply.code
    start, last = code + b"-" + head, code + b" " + head
    return b"".join([start + text + b"\r\n" for text in texts[:-1]]) + last + texts[-1] + b"\r\n"


def _take_enhanced(class_: int, texts: list[bytes]) -> tuple[EnhancedCode | None, list[bytes]]:
    """Takes the enhanced code off the lines that begin with it.

    Left in the text: codes of another class than the reply (C-ENH-06), and what differs from the first code.
    """
    if class_ == 3:
        return None, texts
    found: EnhancedCode | None = None
    rest: list[bytes] = []
    for text in texts:
        head, _, tail = text.partition(b" ")
        code = read_enhanced(head)
        if code is None:
            rest.append(text)
        elif code.class_ != class_:
            return None, texts
        elif found is None or code == found:
            found = code
            rest.append(tail)
        else:
            rest.append(text)
    return found, rest


class ReplyReader:
    """Puts the lines of a server together to replies (RFC 5321 4.2.1).

    `max_lines` is the largest number of lines of one reply, `max_octets` its largest size with the CRLFs,
    `max_line` the largest line, in octets with CRLF.
    """

    def __init__(self, *, max_lines: int = 1024, max_octets: int = 65536, max_line: int = 2048) -> None:
        self._max_lines = max_lines
        self._max_octets = max_octets
        self._max_line = max_line
        self._code = b""
        self._texts: list[bytes] = []
        self._octets = 0

    @property
    def pending(self) -> bool:
        """Whether a multi-line reply has begun and not ended."""
        return bool(self._texts)

    def push(self, line: bytes, *, enhanced: bool = True) -> Reply | None:
        """Takes one line without its CRLF; the reply when it was the last line, else None.

        `enhanced` says whether enhanced codes are taken off the text.  Raises `SyntaxProblem`; the reply is then lost.
        """
        size = len(line) + 2
        self._octets += size
        if size > self._max_line or self._octets > self._max_octets or len(self._texts) >= self._max_lines:
            raise self._problem("The reply is larger than allowed", "limit-line", 0)
        newline = _NEWLINE.search(line)
        if newline is not None:
            raise self._problem("CR or LF alone in a reply", "bare-newline", newline.start())
        code, mark = line[:3], line[3:4]
        if not _CODE.fullmatch(code) or mark not in (b" ", b"-", b""):
            raise self._problem("A reply line is a code of three digits, then space or hyphen, then text", "syntax", 0)
        if not b"200" <= code <= b"599":
            raise self._problem("The first digit of a reply code is 2, 3, 4 or 5", "code-range", 0)
        if self._texts and code != self._code:
            raise self._problem("The lines of one reply have different codes", "code-mismatch", 0)
        self._code = code
        self._texts.append(line[4:])
        if mark == b"-":
            return None
        texts = self._texts
        self._reset()
        return _build(int(code), texts, enhanced)

    def _reset(self) -> None:
        self._texts = []
        self._octets = 0

    def _problem(self, text: str, reason: str, position: int) -> SyntaxProblem:
        self._reset()
        return SyntaxProblem(text, reason=reason, position=position)


def _build(code: int, texts: list[bytes], enhanced: bool) -> Reply:
    found: EnhancedCode | None = None
    if enhanced:
        found, texts = _take_enhanced(code // 100, texts)
    raw: tuple[bytes, ...] | None = None
    try:
        lines = tuple([text.decode() for text in texts])
    except UnicodeDecodeError:
        lines = tuple([text.decode("utf-8", "backslashreplace") for text in texts])
        raw = tuple(texts)
    reply: Reply = Reply._make(code, lines, found, raw)
    return reply


def parse_reply(octets: bytes, *, enhanced: bool = True) -> Reply:
    """Reads one whole reply with its CRLFs; raises `SyntaxProblem`, with reason `incomplete` when the end lacks."""
    reader = ReplyReader()
    *lines, rest = octets.split(b"\r\n")
    for number, line in enumerate(lines, 1):
        reply = reader.push(line, enhanced=enhanced)
        if reply is not None:
            if number < len(lines) or rest:
                raise SyntaxProblem("Octets after the end of the reply")
            return reply
    if b"\n" in rest or b"\r" in rest[:-1]:
        raise SyntaxProblem("CR or LF alone in a reply", reason="bare-newline")
    raise SyntaxProblem("The reply is not complete", reason="incomplete")


def mailbox_of_reply(reply: Reply) -> str | None:
    """The path in the text of a 251 or 551 reply without its brackets, or None; best effort, never raises."""
    if reply.code not in (251, 551):
        return None
    for line in reply.lines:
        start = line.find("<")
        end = line.find(">", start + 1)
        if start >= 0 and "@" in line[start:end]:
            return line[start + 1 : end]
    return None


# -- The named replies ------------------------------------------------------------------------------------------
# Each text names its command or what was wrong, and never repeats what the peer sent.

OK: Final = Reply(250, "OK", "2.0.0")
SENDER_OK: Final = Reply(250, "Sender OK", "2.1.0")
RECIPIENT_OK: Final = Reply(250, "Recipient OK", "2.1.5")
MESSAGE_ACCEPTED: Final = Reply(250, "Message accepted", "2.6.0")
CHUNK_OK: Final = Reply(250, "Chunk received", "2.0.0")
CANNOT_VERIFY: Final = Reply(252, "Cannot VRFY user, but will accept the message and attempt delivery", "2.5.0")
START_MAIL_INPUT: Final = Reply(354, "Start mail input; end with <CRLF>.<CRLF>")
AUTHENTICATED: Final = Reply(235, "Authentication succeeded", "2.7.0")
READY_FOR_TLS: Final = Reply(220, "Ready to start TLS", "2.0.0")

MAILBOX_BUSY: Final = Reply(450, "Mailbox unavailable now, try again later", "4.2.0")
LOCAL_ERROR: Final = Reply(451, "Local error in processing, try again later", "4.3.0")
INSUFFICIENT_STORAGE: Final = Reply(452, "Insufficient system storage, try again later", "4.3.1")
TOO_MANY_RECIPIENTS: Final = Reply(452, "Too many recipients", "4.5.3")
AUTH_TEMPORARY: Final = Reply(454, "Temporary authentication failure", "4.7.0")
TLS_UNAVAILABLE: Final = Reply(454, "TLS not available now", "4.7.0")
PARAMETER_TEMPORARY: Final = Reply(455, "Unable to accommodate parameters now", "4.5.4")

COMMAND_UNRECOGNIZED: Final = Reply(500, "Command not recognized", "5.5.1")
SYNTAX_ERROR: Final = Reply(500, "Syntax error", "5.5.2")
LINE_TOO_LONG: Final = Reply(500, "Line too long", "5.5.2")
AUTH_LINE_TOO_LONG: Final = Reply(500, "Authentication exchange line too long", "5.5.6")
BAD_HELLO: Final = Reply(501, "Syntax error in the domain or address literal")
BAD_ARGUMENT: Final = Reply(501, "Syntax error in argument", "5.5.4")
BAD_SENDER: Final = Reply(501, "Syntax error in sender address", "5.1.7")
BAD_RECIPIENT: Final = Reply(501, "Syntax error in recipient address", "5.1.3")
BAD_PARAMETER: Final = Reply(501, "Syntax error in parameter", "5.5.4")
NO_ARGUMENT_ALLOWED: Final = Reply(501, "This command takes no argument", "5.5.4")
DUPLICATE_PARAMETER: Final = Reply(501, "Parameter given twice", "5.5.4")
AUTH_CANCELLED: Final = Reply(501, "Authentication cancelled", "5.7.0")
AUTH_BAD_BASE64: Final = Reply(501, "Not valid base64", "5.5.2")
NO_INITIAL_RESPONSE: Final = Reply(501, "This mechanism takes no initial response", "5.7.0")
NOT_IMPLEMENTED: Final = Reply(502, "Command not implemented", "5.5.1")
BAD_SEQUENCE: Final = Reply(503, "Bad sequence of commands", "5.5.1")
NEED_HELLO: Final = Reply(503, "Send EHLO or HELO first", "5.5.1")
NEED_MAIL: Final = Reply(503, "Send MAIL first", "5.5.1")
NEED_RCPT: Final = Reply(503, "Send RCPT first", "5.5.1")
NESTED_MAIL: Final = Reply(503, "Sender already given", "5.5.1")
ALREADY_AUTHENTICATED: Final = Reply(503, "Already authenticated", "5.5.1")
BAD_MECHANISM: Final = Reply(504, "Authentication mechanism not supported", "5.5.4")
DOES_NOT_ACCEPT_MAIL: Final = Reply(521, "Server does not accept mail", "5.3.2")
AUTH_REQUIRED: Final = Reply(530, "Authentication required", "5.7.0")
TLS_REQUIRED: Final = Reply(530, "Must issue a STARTTLS command first", "5.7.0")
AUTH_TOO_WEAK: Final = Reply(534, "Authentication mechanism is too weak", "5.7.9")
AUTH_FAILED: Final = Reply(535, "Authentication credentials invalid", "5.7.8")
ENCRYPTION_REQUIRED: Final = Reply(538, "Encryption required for this authentication mechanism", "5.7.11")
MAILBOX_UNAVAILABLE: Final = Reply(550, "Mailbox unavailable", "5.1.1")
POLICY: Final = Reply(550, "Refused by policy", "5.7.1")
SENDER_NULL_MX: Final = Reply(550, "Sender domain does not accept mail (null MX)", "5.7.27")
NON_ASCII_SENDER: Final = Reply(550, "Non-ASCII sender address not permitted", "5.6.7")
MESSAGE_TOO_BIG: Final = Reply(552, "Message size exceeds the fixed maximum", "5.3.4")
NON_ASCII_RECIPIENT: Final = Reply(553, "Non-ASCII recipient address not permitted", "5.6.7")
NO_VALID_RECIPIENTS: Final = Reply(554, "No valid recipients", "5.5.1")
BARE_NEWLINE: Final = Reply(554, "Message has CR or LF alone", "5.6.0")
NO_SERVICE: Final = Reply(554, "No SMTP service here")
SYNC_ERROR: Final = Reply(554, "Client sent before its turn", "5.5.0")
UNKNOWN_PARAMETER: Final = Reply(555, "Parameter not recognized or not implemented", "5.5.4")
NULL_MX: Final = Reply(556, "Recipient domain does not accept mail (null MX)", "5.1.10")


def _named(domain: str, text: str) -> str:
    return f"{domain} {text}" if text else domain


def greeting(domain: str, text: str = "ESMTP ready") -> Reply:
    """220, the greeting: begins with the name of the server (RFC 5321 4.2)."""
    return Reply(220, _named(domain, text))


def hello_ok(domain: str, text: str = "", keywords: Iterable[str] = ()) -> Reply:
    """250 to EHLO, HELO or LHLO; `keywords` are the further lines (RFC 5321 4.1.1.1)."""
    return Reply(250, (_named(domain, text), *keywords))


def closing(domain: str) -> Reply:
    """221 to QUIT (RFC 5321 4.1.1.10)."""
    return Reply(221, _named(domain, "closing connection"), "2.0.0")


def unavailable(domain: str, text: str = "Service not available", enhanced: EnhancedCode | str = "4.3.2") -> Reply:
    """421: the connection closes (RFC 5321 3.8)."""
    return Reply(421, _named(domain, text), enhanced)


def timeout(domain: str) -> Reply:
    """421 after a deadline of RFC 5321 4.5.3.2."""
    return unavailable(domain, "Timeout, closing connection", "4.4.2")


def too_many_errors(domain: str) -> Reply:
    """421 for a peer that only makes errors."""
    return unavailable(domain, "Too many errors, closing connection", "4.7.0")


def help_text(lines: str | Iterable[str]) -> Reply:
    """214 to HELP (RFC 5321 4.1.1.8)."""
    return Reply(214, lines, "2.0.0")


def will_forward(path: str) -> Reply:
    """251: not local, will forward to `path` (RFC 5321 3.4)."""
    return Reply(251, f"User not local; will forward to <{path}>", "2.1.5")


def try_forward(path: str) -> Reply:
    """551: not local, the client may try `path` (RFC 5321 3.4)."""
    return Reply(551, f"User not local; please try <{path}>", "5.1.6")


WILL_FORWARD: Final = will_forward
