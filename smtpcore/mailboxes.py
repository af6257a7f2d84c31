"""Mailboxes: local-part and domain (RFC 5321 4.1.2, 4.5.3.1.1; RFC 6531 3.3), and the recipients that have no domain.

A local-part is decoded inside and written with minimal quoting outside; its reader is one pass over octets.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from smtpcore.domains import (
    Domain,
    expect_end,
    read_domain,
    read_utf8,
    refuse_non_ascii,
    run_end,
    to_octets,
)
from smtpcore.errors import SyntaxProblem
from smtpcore.idna import is_nfc
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.literals import AddressLiteral, read_literal
from smtpcore.value import Value

#: Octets of a local-part on the wire, quotes included (RFC 5321 4.5.3.1.1).
MAX_LOCAL_PART: Final = 64
#: Octets of a path, brackets and source route included (RFC 5321 4.5.3.1.3).
MAX_PATH: Final = 256

#: The octets of an atom, for a character class.
ATEXT: Final = r"-A-Za-z0-9!#$%&'*+/=?^_`{|}~"
# Text without a special of RFC 5322 3.2.3 is atoms: all that is left of ASCII is atext, all beyond it RFC 6531 adds.
_DOT_STRING = re.compile(r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+(?:\.[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+)*')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPECIAL = re.compile(r'(["\\])')
_QUOTED_PAIR = re.compile(r"\\(.)")

# Runs of octets, by whether UTF-8 is allowed.  Dots belong to the run: where they may stand is judged apart.
_DOTTED = {
    False: re.compile(rf"[{ATEXT}.]+".encode()),
    True: re.compile(rf"[{ATEXT}.\x80-\xff]+".encode("latin-1")),
}
_QCONTENT = {
    False: re.compile(rb"[ !#-\[\]-~]*(?:\\[ -~][ !#-\[\]-~]*)*"),
    True: re.compile(rb"[ !#-\[\]-~\x80-\xff]*(?:\\[ -~][ !#-\[\]-~\x80-\xff]*)*"),
}


class Mailbox(Value):
    """`local-part@domain` (RFC 5321 4.1.2), the local-part without its quotes and backslashes.

    `Mailbox(local_part, domain)` raises `SyntaxProblem` when the local-part holds what no spelling can carry: control
    characters (U+0000-U+001F, U+007F) and surrogates.  Any other character may stand in it, also none at all.

    Equal when the domains are and the local-parts are the same text, however they were quoted; the case of the
    local-part counts, but for `postmaster` (RFC 5321 2.4, 4.1.1.3).  Only the host that the domain names gives the
    local-part a meaning (RFC 5321 2.3.11): nothing here changes it.
    """

    local_part: str
    domain: Domain | AddressLiteral

    def __post_init__(self) -> None:
        _check_local_part(self.local_part)
        if type(self.domain) not in (Domain, AddressLiteral):
            raise TypeError("the domain of a Mailbox is a Domain or an AddressLiteral")

    @classmethod
    def parse(cls, text: str | bytes, *, utf8: bool = False, leniency: Leniency = DEFAULT) -> Mailbox:
        """The mailbox that the whole text is, without angle brackets; beyond ASCII only with `utf8` (RFC 6531 3.3).

        Raises `SyntaxProblem`; with the brackets of its path a mailbox has at most 256 octets (RFC 5321 4.5.3.1.3).
        """
        octets = to_octets(text)
        deviations: list[str] = []
        local_part, at = read_local_part(octets, 0, utf8=utf8, leniency=leniency, deviations=deviations)
        if octets[at : at + 1] != b"@":
            raise SyntaxProblem("A mailbox has an @ and a domain after its local-part.", position=at)
        domain, end = read_domain_or_literal(octets, at + 1, utf8=utf8, leniency=leniency, deviations=deviations)
        expect_end(octets, end)
        check_path_size(-1, end + 1, at)
        mailbox: Mailbox = cls._make(local_part, domain)
        return mailbox

    def __str__(self) -> str:
        return f"{quoted(self.local_part)}@{self.domain.text}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mailbox):
            return NotImplemented
        same = self.local_part == other.local_part or (self.is_postmaster and other.is_postmaster)
        return same and self.domain == other.domain

    def __hash__(self) -> int:
        return hash(("postmaster" if self.is_postmaster else self.local_part, self.domain))

    def to_bytes(self) -> bytes:
        """The mailbox as it goes over the wire, with the least quoting possible (RFC 5321 4.1.2)."""
        return str(self).encode("utf-8")

    @property
    def needs_utf8(self) -> bool:
        """Whether it can be sent with SMTPUTF8 only (RFC 6531 3.4)."""
        return not (self.local_part.isascii() and self.domain.text.isascii())

    @property
    def is_postmaster(self) -> bool:
        """Whether the local-part is `postmaster`, which every host takes in any case (RFC 5321 4.5.1)."""
        return is_postmaster(self.local_part)

    @property
    def is_nfc(self) -> bool:
        """Whether the local-part is in Normalization Form C, as new mailboxes ought to be (RFC 6532 3.1).

        Advice only: what was received is kept as it came, since only its own host may say what it means.
        """
        return is_nfc(self.local_part)

    def with_ascii_domain(self) -> Mailbox:
        """The same mailbox with A-labels in its domain, for a server without SMTPUTF8 (RFC 6531 3.2).

        The local-part is never rewritten: when it is not ASCII the result still needs SMTPUTF8.
        """
        domain = self.domain.to_ascii() if isinstance(self.domain, Domain) else self.domain
        mailbox: Mailbox = self._make(self.local_part, domain)
        return mailbox


class Postmaster(Value):
    """The recipient `<Postmaster>`, who needs no domain (RFC 5321 4.1.1.3); the spelling is kept, any case is equal."""

    local_part: str = "Postmaster"

    def __post_init__(self) -> None:
        if not is_postmaster(self.local_part):
            raise SyntaxProblem("The one recipient without a domain is Postmaster.")

    domain: ClassVar[None] = None
    is_postmaster: ClassVar[bool] = True
    needs_utf8: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.local_part

    def __eq__(self, other: object) -> bool:
        return NotImplemented if other.__class__ is not Postmaster else True

    def __hash__(self) -> int:
        return hash(Postmaster)


class Unqualified(Value):
    """A local-part without a domain, as `Leniency.unqualified` lets it in: `<user>`.

    No path of RFC 5321: the application gives it a domain (`Mailbox(x.local_part, domain)`) before it goes anywhere;
    `check_send_limits` refuses it.
    """

    local_part: str

    def __post_init__(self) -> None:
        _check_local_part(self.local_part)

    domain: ClassVar[None] = None

    def __str__(self) -> str:
        return quoted(self.local_part)

    @property
    def needs_utf8(self) -> bool:
        """Whether it holds characters beyond ASCII."""
        return not self.local_part.isascii()

    @property
    def is_postmaster(self) -> bool:
        """Whether it is `postmaster` in any case: in a reverse-path that has no special rule (RFC 5321 4.1.1.2)."""
        return is_postmaster(self.local_part)


def read_domain_or_literal(
    line: bytes,
    start: int,
    *,
    utf8: bool,
    leniency: Leniency,
    hello: bool = False,
    deviations: list[str] | None = None,
) -> tuple[Domain | AddressLiteral, int]:
    """Read `Domain / address-literal` (RFC 5321 4.1.2, 4.1.3) at `start`; the value and the offset just after it.

    `hello`: this is the argument of EHLO, HELO or LHLO.  `deviations` collects the switches that were needed.  Raises
    `SyntaxProblem`: its position is the offset in `line` of the first octet that does not fit.
    """
    names = [] if deviations is None else deviations
    if line[start : start + 1] == b"[":
        return read_literal(line, start, leniency=leniency, deviations=names)
    return read_domain(line, start, utf8=utf8, leniency=leniency, deviations=names, hello=hello)


def is_postmaster(local_part: str) -> bool:
    """Whether a decoded local-part is `postmaster`, which is compared in any ASCII case (RFC 5321 2.3.5, 4.5.1)."""
    return len(local_part) == 10 and local_part.isascii() and local_part.lower() == "postmaster"


def quoted(local_part: str) -> str:
    """The local-part as it is written, with quotes and backslashes only where needed (B-ADDR-08)."""
    if _DOT_STRING.fullmatch(local_part):
        return local_part
    return '"' + _SPECIAL.sub(r"\\\1", local_part) + '"'


def _check_local_part(local_part: str) -> None:
    """Refuse what no spelling of RFC 5321 or 6531 can carry."""
    match = _CONTROL.search(local_part)
    if match is not None:
        octets = len(local_part[: match.start()].encode("utf-8", "surrogatepass"))
        raise SyntaxProblem("A local-part cannot hold control characters.", position=octets)
    try:
        local_part.encode("utf-8")
    except UnicodeEncodeError as error:
        octets = len(local_part[: error.start].encode("utf-8"))
        text = "A local-part cannot hold surrogates."
        raise SyntaxProblem(text, reason="utf8-malformed", position=octets) from None


def read_local_part(
    line: bytes, start: int, *, utf8: bool, leniency: Leniency, deviations: list[str]
) -> tuple[str, int]:
    """Read `Local-part` (RFC 5321 4.1.2) at `start`; its decoded text and the offset of the first octet after it.

    Raises `SyntaxProblem` with the offset of the first octet that does not fit.  The names of deviations that were
    taken are added to `deviations`.
    """
    limit = max(MAX_LOCAL_PART, leniency.local_part)
    if line[start : start + 1] == b'"':
        text, end = _read_quoted_string(line, start, utf8, limit)
    else:
        text, end = _read_dot_string(line, start, utf8, leniency, limit, deviations)
    if end - start > MAX_LOCAL_PART:
        deviations.append("local_part")
    return text, end


def _read_dot_string(
    line: bytes, start: int, utf8: bool, leniency: Leniency, limit: int, deviations: list[str]
) -> tuple[str, int]:
    end = run_end(_DOTTED[utf8], line, start)
    run = line[start:end]
    fault = -1 if leniency.loose_dots else _dot_fault(run)
    if 0 <= fault <= limit:
        refuse_non_ascii(line, start + fault)
        raise SyntaxProblem("A dot of a local-part stands between two atoms.", position=start + fault)
    _check_local_part_size(start, end, limit)
    refuse_non_ascii(line, end)
    if not run:
        raise SyntaxProblem("A local-part is missing, or begins with an octet that needs quotes.", position=start)
    if leniency.loose_dots and _dot_fault(run) >= 0:
        deviations.append("loose_dots")
    return read_utf8(line, start, end), end


def _dot_fault(run: bytes) -> int:
    """Offset of the first octet that does not fit `Dot-string`; -1 when all do (B-ADDR-04)."""
    if run[:1] == b".":
        return 0
    double = run.find(b"..")
    if double >= 0:
        return double + 1
    return len(run) if run[-1:] == b"." else -1


def _read_quoted_string(line: bytes, start: int, utf8: bool, limit: int) -> tuple[str, int]:
    end = run_end(_QCONTENT[utf8], line, start + 1)
    _check_local_part_size(start, end, limit)
    closing = line[end : end + 1]
    if closing == b"\\":  # only %d32-126 may follow it, with SMTPUTF8 too (RFC 6531 3.3)
        raise SyntaxProblem("A backslash quotes a printable ASCII character.", position=end + 1)
    refuse_non_ascii(line, end)
    if closing != b'"':
        raise SyntaxProblem("A quoted local-part has no closing quote before this octet.", position=end)
    _check_local_part_size(start, end + 1, limit)
    text = read_utf8(line, start + 1, end)
    if "\\" in text:
        text = _QUOTED_PAIR.sub(r"\1", text)
    return text, end + 1


def _check_local_part_size(start: int, end: int, limit: int) -> None:
    if end - start > limit:
        raise local_part_too_long(start + limit, limit)


def local_part_too_long(position: int, limit: int = MAX_LOCAL_PART) -> SyntaxProblem:
    """The problem of a local-part over `limit` octets (RFC 5321 4.5.3.1.1)."""
    text = f"The local-part is longer than {limit} octets."
    return SyntaxProblem(text, reason="limit-local", position=position)


def check_path_size(start: int, end: int, local_octets: int) -> None:
    """Raise `SyntaxProblem` when a path from `start` to `end`, brackets included, is over 256 octets (B-LIM-03).

    What a tolerated local-part has over 64 octets is not counted: `Leniency.local_part` would be no use otherwise.
    """
    limit = MAX_PATH + max(0, local_octets - MAX_LOCAL_PART)
    if end - start > limit:
        text = f"The path is longer than {limit} octets."
        raise SyntaxProblem(text, reason="limit-path", position=start + limit - 1)
