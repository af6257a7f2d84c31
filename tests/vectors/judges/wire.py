"""Reading SMTP off the wire without smtpcore: replies, the client's lines by meaning, xtext."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.vectors.cases import difference

_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])([ -]?)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?= |$)")
_PATH = re.compile(rb'(?:[^"<>]|"(?:[^"\\]|\\.)*")*', re.DOTALL)


@dataclass(frozen=True)
class WireReply:
    """One reply as it stood on the wire; `lines` have neither code nor separator."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self) -> str | None:
        """The code at the start of the first line, as `5.1.1`."""
        found = _ENHANCED.match(self.lines[0])
        return found.group() if found else None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class WireError(Exception):
    """Octets that are no replies."""


def replies(octets: bytes) -> tuple[list[WireReply], bytes]:
    """All whole replies, and what is left of a reply that has not ended."""
    found: list[WireReply] = []
    lines: list[str] = []
    start = at = 0
    while (end := octets.find(b"\r\n", at)) >= 0:
        match = _REPLY_LINE.fullmatch(octets[at:end])
        if match is None or b"\n" in match[3] or b"\r" in match[3] or (not match[2] and match[3]):
            raise WireError(f"no reply line: {octets[at:end][:80]!r}")
        lines.append(match[3].decode("utf-8", "backslashreplace"))
        at = end + 2
        if match[2] != b"-":
            found.append(WireReply(int(match[1]), tuple(lines)))
            lines, start = [], at
    return found, octets[start:]


def split_replies(octets: bytes) -> tuple[list[bytes], bytes]:
    """The octets of each reply, and what is left of one that has not ended."""
    pieces: list[bytes] = []
    start = at = 0
    while (end := octets.find(b"\r\n", at)) >= 0:
        last = octets[at + 3 : at + 4] != b"-"
        at = end + 2
        if last:
            pieces.append(octets[start:at])
            start = at
    return pieces, octets[start:]


def capabilities(reply: WireReply) -> dict[str, list[str]]:
    """Keywords of an EHLO response, upper case, with their parameters."""
    table: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        keyword, *parameters = line.split(" ")
        table.setdefault(keyword.upper(), []).extend(parameters)
    return table


def split_address(text: str) -> tuple[str, str]:
    """Decoded local-part and lower-case domain of an address, quoted or already decoded."""
    local, at, domain = text.rpartition("@")
    if not at:
        return text.lower(), ""
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1], flags=re.DOTALL)
    return local, domain.lower()


def xtext(value: str) -> str | None:
    """The meaning of an xtext (RFC 3461 4), `None` when it is none."""
    if not re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", value):
        return None
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), value)


# -- lines of a client, by meaning -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Freedom:
    """What a MAIL command may have or leave out: it depends on what was offered and on the text."""

    offered: Mapping[str, Sequence[str]]
    body: bytes

    def may_have(self, keyword: str, value: str | None) -> bool:
        if keyword == "SIZE" and "SIZE" in self.offered:
            return value == str(len(self.body))
        if keyword == "BODY" and "8BITMIME" in self.offered:
            return value == "8BITMIME" or (value == "7BIT" and self.body.isascii())
        return False

    def may_lack(self, keyword: str, value: str | None) -> bool:
        if keyword == "BODY" and not self.body.isascii():
            return False
        return self.may_have(keyword, value)


def verb_of(line: bytes) -> bytes:
    """The verb of a line, upper case; empty for nothing."""
    return line.split(b"\r\n", 1)[0].split(b" ", 1)[0].upper()


def parse_path_command(line: bytes) -> tuple[bytes, dict[str, str | None]] | None:
    """`MAIL FROM:<path>` or `RCPT TO:<path>` as head and parameters; `None` for another form."""
    head, colon, rest = line.partition(b":<")
    if not colon or head.upper() not in (b"MAIL FROM", b"RCPT TO"):
        return None
    path = _PATH.match(rest)
    end = path.end() if path else 0
    if rest[end : end + 1] != b">" or rest[end + 1 : end + 2] not in (b"", b" "):
        return None
    parameters: dict[str, str | None] = {}
    for text in rest[end + 2 :].decode("utf-8", "backslashreplace").split(" ") if rest[end + 1 :] else []:
        keyword, equals, value = text.partition("=")
        if not keyword or keyword.upper() in parameters:
            return None
        parameters[keyword.upper()] = value if equals else None
    return head.upper() + b":<" + rest[: end + 1], parameters


def _meaning(keyword: str, value: str | None) -> object:
    if value is None:
        return None
    if keyword == "NOTIFY":
        return frozenset(value.upper().split(","))
    if keyword in ("ENVID", "AUTH"):
        return ("xtext", xtext(value))
    if keyword == "ORCPT":
        kind, _, address = value.partition(";")
        return (kind.lower(), xtext(address))
    return value.upper() if keyword in ("BODY", "RET", "SIZE") else value


def same_line(wanted: bytes, got: bytes, freedom: Freedom) -> str | None:
    """Compares two command lines without CRLF by meaning; the difference, or `None` when they mean the same."""
    left, right = parse_path_command(wanted), parse_path_command(got)
    if left is None or right is None:
        verb, space, argument = wanted.partition(b" ")
        found, found_space, found_argument = got.partition(b" ")
        if verb.upper() == b"BDAT":
            argument, found_argument = argument.upper(), found_argument.upper()
        same = verb.upper() == found.upper() and space == found_space and argument == found_argument
        return None if same else difference("client line", wanted, got)
    if left[0] != right[0]:
        return difference("path", left[0], right[0])
    for keyword in sorted(left[1].keys() | right[1].keys()):
        if keyword not in right[1]:
            if not freedom.may_lack(keyword, left[1][keyword]):
                return difference("client line lacks a parameter", wanted, got)
        elif keyword not in left[1]:
            if not freedom.may_have(keyword, right[1][keyword]):
                return difference("client line has a parameter too many", wanted, got)
        elif _meaning(keyword, left[1][keyword]) != _meaning(keyword, right[1][keyword]):
            if not (freedom.may_have(keyword, right[1][keyword]) and freedom.may_lack(keyword, left[1][keyword])):
                return difference(f"value of {keyword}", left[1][keyword], right[1][keyword])
    return None


def text_end(octets: bytes) -> int:
    """Offset just behind the end of data in the octets after 354, or -1 (RFC 5321 4.1.1.4)."""
    if octets.startswith(b".\r\n"):
        return 3
    end = octets.find(b"\r\n.\r\n")
    return -1 if end < 0 else end + 5


def pieces_of(octets: bytes, limit: int = 65536) -> Iterator[bytes]:
    """At most `limit` octets at a time, as a read gives them."""
    return (octets[at : at + limit] for at in range(0, len(octets), limit))
