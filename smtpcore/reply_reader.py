"""Reading replies: lines of a server put together, within limits (RFC 5321 4.2, 4.2.1).

Tolerant in the text (any octet but a line end, no text at all), strict in the frame: a code of three digits in the
known range, space or hyphen behind it, the same code on each line.
"""

from __future__ import annotations

import re
from typing import Final

from smtpcore.errors import SyntaxProblem
from smtpcore.reply import Reply

_LINE: Final = re.compile(rb"([0-9]{3})(?:\Z|[ -])")
#: Largest line of an authentication challenge, in octets with its CRLF (RFC 4954 4).
MAX_CHALLENGE: Final = 12288


class ReplyReader:
    """Puts the lines of a server together to replies (RFC 5321 4.2.1).

    `max_lines` is the largest number of lines of one reply, `max_octets` its largest size with all CRLFs, `max_line`
    the largest line with its CRLF, in octets; the line of a 334 may have 12288 octets in any case (RFC 4954 4).
    More than the 512 octets of RFC 5321 4.5.3.1.5 are common in the field (X-FW-34).
    """

    __slots__ = ("_code", "_max_line", "_max_lines", "_max_octets", "_octets", "_texts")

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

    @property
    def held(self) -> int:
        """Octets of the lines of a reply that has begun and not ended."""
        return self._octets

    def push(self, line: bytes, *, enhanced: bool = True) -> Reply | None:
        """Takes one line without its CRLF; gives the reply when this was its last line, else None.

        `enhanced` says whether enhanced codes are taken off the text: not in the greeting and the reply to EHLO.
        Raises `SyntaxProblem` with reason `syntax`, `code-range`, `code-mismatch`, `bare-newline` or `limit-line`
        (any of the three limits); the unfinished reply is then forgotten.
        """
        texts = self._texts
        self._octets += len(line) + 2
        if b"\r" in line or b"\n" in line:  # RFC 5321 2.3.8
            position = len(line.replace(b"\r", b"\n").partition(b"\n")[0])
            raise self._problem("CR or LF alone in a reply", "bare-newline", position)
        match = _LINE.match(line)
        if match is None:
            raise self._problem("A reply line is three digits, then space or hyphen, then text", "syntax")
        code = match[1]
        if not b"200" <= code <= b"599":  # C-REP-12
            raise self._problem("The first digit of a reply code is 2, 3, 4 or 5", "code-range")
        if texts and code != self._code:  # C-REP-16
            raise self._problem("The lines of one reply have different codes", "code-mismatch")
        longest = self._max_line if code != b"334" else max(self._max_line, MAX_CHALLENGE)
        if len(line) + 2 > longest or self._octets > self._max_octets or len(texts) >= self._max_lines:
            raise self._problem("The reply is larger than the limits of this end", "limit-line")
        texts.append(line[4:])
        if line[3:4] == b"-":
            self._code = code
            return None
        self._forget()
        return Reply.received(int(code), texts, enhanced=enhanced)

    def _forget(self) -> None:
        self._texts = []
        self._octets = 0

    def _problem(self, text: str, reason: str, position: int = 0) -> SyntaxProblem:
        self._forget()
        return SyntaxProblem(text, reason=reason, position=position)


def parse_reply(octets: bytes, *, enhanced: bool = True) -> Reply:
    """Reads one whole reply with its CRLFs, and nothing behind it, with the limits of `ReplyReader`.

    Raises `SyntaxProblem` with the reasons of `ReplyReader.push`, or `incomplete` when the end has not come.
    """
    reader = ReplyReader()
    start = 0
    while (end := octets.find(b"\r\n", start)) >= 0:
        try:
            reply = reader.push(octets[start:end], enhanced=enhanced)
        except SyntaxProblem as problem:
            raise SyntaxProblem(problem.text, reason=problem.reason, position=start + problem.position) from None
        start = end + 2
        if reply is not None:
            if start < len(octets):
                raise SyntaxProblem("Octets behind the end of the reply", position=start)
            return reply
    rest = octets[start:].removesuffix(b"\r")  # its LF may be on the way
    if b"\r" in rest or b"\n" in rest:
        position = len(rest.replace(b"\r", b"\n").partition(b"\n")[0])
        raise SyntaxProblem("CR or LF alone in a reply", reason="bare-newline", position=start + position)
    raise SyntaxProblem("The end of the reply has not come", reason="incomplete", position=len(octets))


def mailbox_of_reply(reply: Reply) -> str | None:
    """The path in the text of a 251 or 551 reply (RFC 5321 3.4), as written but without its brackets.

    None when there is none.  Best effort, never raises; what to do with the path is the decision of the application
    (C-CMD-RCPT-11).
    """
    if reply.code not in (251, 551):
        return None
    for line in reply.lines:
        path = _path_in(line)
        if path is not None:
            return path
    return None


def _path_in(text: str) -> str | None:
    """The first `<...@...>` of a text; `>` and `<` within a quoted string are part of it."""
    start = at = -1
    quoted = escaped = False
    for offset, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = start >= 0 and not quoted
        elif quoted:
            continue
        elif character == "<":
            start = offset
        elif character == "@" and start >= 0:
            at = offset
        elif character == ">" and start < at:
            return text[start + 1 : offset]
    return None
