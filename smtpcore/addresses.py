"""Mailboxes and paths: what MAIL and RCPT carry (RFC 5321 4.1.2, 4.1.1.2, 4.1.1.3; RFC 6531 3.3).

Values are decoded inside and written with minimal quoting outside.  Reading is one pass from left to right over
octets: nothing is split at `@` or `>`, nothing decoded is ever read again.  RFC 5322 does not apply: no comments, no
folding, no display names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar

from smtpcore.domains import Domain, expect_end, read_domain, to_octets
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.literals import AddressLiteral
from smtpcore.mailboxes import (
    ATEXT,
    MAX_LOCAL_PART,
    MAX_PATH,
    Mailbox,
    Postmaster,
    Unqualified,
    check_path_size,
    is_postmaster,
    local_part_too_long,
    quoted,
    read_domain_or_literal,
    read_local_part,
)
from smtpcore.value import Value

__all__ = [
    "MAX_LOCAL_PART",
    "MAX_PATH",
    "NULL_PATH",
    "AddressLiteral",
    "Domain",
    "ForwardPath",
    "Mailbox",
    "Postmaster",
    "ReversePath",
    "Unqualified",
    "read_domain_or_literal",
    "read_forward_path",
    "read_reverse_path",
    "strip_own_route",
]

# The common path: a Dot-string and a Domain, ASCII, in brackets.  All else goes through the reader.
_COMMON = re.compile(
    rf"<([{ATEXT}]+(?:\.[{ATEXT}]+)*)@"
    r"([A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*(?:\.[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*)*)>".encode()
).match


def _check_route(route: tuple[Domain, ...]) -> None:
    if type(route) is not tuple or any(type(host) is not Domain for host in route):
        raise TypeError("the route of a path is a tuple of Domain")


class _Path(Value):
    """What reverse-paths and forward-paths share."""

    if TYPE_CHECKING:

        def _user(self) -> Mailbox | Postmaster | Unqualified | None: ...

    def __str__(self) -> str:
        user = self._user()
        return "<>" if user is None else f"<{user}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Path) or type(self) is not type(other):
            return NotImplemented
        return self._user() == other._user()

    def __hash__(self) -> int:
        return hash((type(self), self._user()))

    def to_bytes(self) -> bytes:
        """The path as it goes over the wire: in brackets, least quoting, never a source route (RFC 5321 3.3)."""
        return str(self).encode("utf-8")

    @property
    def domain(self) -> Domain | AddressLiteral | None:
        """The domain of the mailbox; None when there is none."""
        user = self._user()
        return None if user is None else user.domain

    @property
    def needs_utf8(self) -> bool:
        """Whether it can be sent with SMTPUTF8 only (RFC 6531 3.4)."""
        user = self._user()
        return user is not None and user.needs_utf8

    @property
    def is_postmaster(self) -> bool:
        """Whether the local-part is `postmaster`, in any case (RFC 5321 4.5.1)."""
        user = self._user()
        return user is not None and user.is_postmaster

    def with_ascii_domain(self) -> Self:
        """The same path with A-labels in its domain (RFC 6531 3.2); see `Mailbox.with_ascii_domain`."""
        user = self._user()
        path: Self = self._make(user.with_ascii_domain()) if isinstance(user, Mailbox) else self
        return path

    def check_send_limits(self) -> None:
        """Raise `SyntaxProblem` unless the path may be sent: what a receiver tolerated is not for sending.

        At most 64 octets of local-part and 256 of path (RFC 5321 4.5.3.1; the 255 of a domain hold for every
        `Domain`), a domain, and no underscore in it.
        """
        mailbox = self._user()
        if isinstance(mailbox, Unqualified):
            raise SyntaxProblem("A path that is sent has a domain.", position=len(self.to_bytes()) - 1)
        if isinstance(mailbox, Mailbox):
            at = 1 + len(quoted(mailbox.local_part).encode("utf-8"))
            if at > 1 + MAX_LOCAL_PART:
                raise local_part_too_long(1 + MAX_LOCAL_PART)
            if isinstance(mailbox.domain, Domain) and "_" in mailbox.domain.text:
                octets = mailbox.domain.text.encode("utf-8")
                text = "An underscore is not allowed in a domain."
                raise SyntaxProblem(text, position=at + 1 + octets.index(b"_"))
            check_path_size(0, len(self.to_bytes()), 0)


class ReversePath(_Path):
    """The sender in MAIL: a mailbox in angle brackets, or nothing in them, `NULL_PATH` (RFC 5321 4.1.2).

    `route` is the source route that came with it, which is ignored and never sent (RFC 5321 appendix C).
    `deviations` names the switches of `Leniency` that let it in.  Neither counts in comparison.
    """

    mailbox: Mailbox | Unqualified | None
    route: tuple[Domain, ...] = ()
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("route", "deviations")

    def __post_init__(self) -> None:
        if self.mailbox is not None and type(self.mailbox) not in (Mailbox, Unqualified):
            raise TypeError("the mailbox of a ReversePath is a Mailbox or None; ReversePath.of() takes text")
        _check_route(self.route)

    def _user(self) -> Mailbox | Unqualified | None:
        return self.mailbox

    @classmethod
    def parse(cls, text: str | bytes, *, utf8: bool = False, leniency: Leniency = DEFAULT) -> ReversePath:
        """The path that the whole text is, brackets included.  Raises `SyntaxProblem`."""
        return _whole(read_reverse_path, text, utf8, leniency)

    @classmethod
    def of(cls, value: str | Mailbox | ReversePath) -> ReversePath:
        """A path to send from: of a path, a mailbox, or the text `a@b`, `<a@b>`, `<>` or the empty text.

        Raises `SyntaxProblem`; a source route in the text is refused (RFC 5321 3.3: not generated).
        """
        if isinstance(value, str):
            if value == "":
                return NULL_PATH
            if value[:1] == "<":
                return _without_route(cls.parse(value, utf8=True))
            value = _common_mailbox(value) or Mailbox.parse(value, utf8=True)
        elif isinstance(value, ReversePath):
            return value
        elif value.__class__ is not Mailbox:
            raise TypeError(f"a sender is a text, a Mailbox or a ReversePath, not {type(value).__name__}")
        path: ReversePath = cls._make(value)
        return path

    @property
    def is_null(self) -> bool:
        """Whether it is `<>`: no report is ever sent to it (RFC 5321 4.5.5)."""
        return self.mailbox is None

    @property
    def local_part(self) -> str | None:
        """The local-part, decoded; None for the null path."""
        return None if self.mailbox is None else self.mailbox.local_part


class ForwardPath(_Path):
    """A recipient in RCPT: a mailbox in angle brackets, or Postmaster alone (RFC 5321 4.1.1.3, 4.1.2).

    `route` is the source route that came with it, which is ignored and never sent (RFC 5321 appendix C).
    `deviations` names the switches of `Leniency` that let it in.  Neither counts in comparison.
    """

    mailbox: Mailbox | Postmaster | Unqualified
    route: tuple[Domain, ...] = ()
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("route", "deviations")

    def __post_init__(self) -> None:
        if type(self.mailbox) not in (Mailbox, Postmaster, Unqualified):
            raise TypeError("the mailbox of a ForwardPath is a Mailbox or Postmaster(); ForwardPath.of() takes text")
        _check_route(self.route)

    def _user(self) -> Mailbox | Postmaster | Unqualified:
        return self.mailbox

    @classmethod
    def parse(cls, text: str | bytes, *, utf8: bool = False, leniency: Leniency = DEFAULT) -> ForwardPath:
        """The path that the whole text is, brackets included.  Raises `SyntaxProblem`."""
        return _whole(read_forward_path, text, utf8, leniency)

    @classmethod
    def of(cls, value: str | Mailbox | Postmaster | ForwardPath) -> ForwardPath:
        """A path to send to: of a path, a mailbox, or the text `a@b`, `<a@b>` or `postmaster`.

        Raises `SyntaxProblem`; a source route in the text is refused (RFC 5321 3.3: not generated).
        """
        if isinstance(value, str):
            if value[:1] == "<":
                return _without_route(cls.parse(value, utf8=True))
            mailbox = _common_mailbox(value)
            if mailbox is None:
                value = Postmaster(value) if is_postmaster(value) else Mailbox.parse(value, utf8=True)
            else:
                value = mailbox
        elif isinstance(value, ForwardPath):
            return value
        elif value.__class__ not in (Mailbox, Postmaster):
            raise TypeError(
                f"a recipient is a text, a Mailbox, Postmaster or a ForwardPath, not {type(value).__name__}"
            )
        path: ForwardPath = cls._make(value)
        return path

    @property
    def local_part(self) -> str:
        """The local-part, decoded."""
        return self.mailbox.local_part


#: The null reverse-path `<>`, the sender of reports (RFC 5321 4.5.5).  A sender like any other, never "no sender".
NULL_PATH: Final = ReversePath(None)


def strip_own_route(path: ForwardPath, names: Collection[Domain]) -> ForwardPath:
    """The path without the first host of its source route when that is one of `names` (RFC 5321 appendix C).

    For hosts that do honour routes; no shortcut is guessed: hosts further on stay, whatever they are.
    """
    if not path.route or path.route[0] not in names:
        return path
    return ForwardPath(path.mailbox, path.route[1:], path.deviations)


#: The domains seen last, by their octets: a host hears few, again and again, and a value can be shared.
_DOMAINS: Final[dict[bytes, Domain]] = {}
_MOST_DOMAINS: Final = 256


def _new_domain(octets: bytes) -> Domain:
    """The domain in octets that the common form has checked; remembered."""
    if len(_DOMAINS) >= _MOST_DOMAINS:
        _DOMAINS.clear()
    domain: Domain = Domain._make(octets.decode())
    _DOMAINS[octets] = domain
    return domain


def _common_mailbox(text: str) -> Mailbox | None:
    """The mailbox that the whole text is, when it has the common form; else None, and the reader decides."""
    if not text.isascii():
        return None
    octets = f"<{text}>".encode()
    match = _COMMON(octets, 0)
    if match is None or match.end() != len(octets):
        return None
    local_part, domain = match.groups()
    if len(local_part) > MAX_LOCAL_PART or len(domain) > 63:
        return None
    mailbox: Mailbox = Mailbox._make(local_part.decode(), _DOMAINS.get(domain) or _new_domain(domain))
    return mailbox


def read_reverse_path(line: bytes, start: int, *, utf8: bool, leniency: Leniency) -> tuple[ReversePath, int]:
    """Read `Reverse-path` (RFC 5321 4.1.2) at `start`; the path and the offset just after it.

    Raises `SyntaxProblem`: its position is the offset in `line` of the first octet that does not fit.
    """
    match = _COMMON(line, start)
    if match is not None:
        local_part, domain = match.groups()
        if len(local_part) <= MAX_LOCAL_PART and len(domain) <= 63:  # no label can be over-long, nor the path
            mailbox = Mailbox._make(local_part.decode(), _DOMAINS.get(domain) or _new_domain(domain))
            return ReversePath._make(mailbox), match.end()
    if line[start : start + 2] == b"<>":
        return NULL_PATH, start + 2
    user, route, deviations, end = _read_path(line, start, utf8, leniency)
    if isinstance(user, Postmaster):  # B-ADDR-03, S-CMD-MAIL-09: only RCPT knows a bare Postmaster
        if not leniency.unqualified:
            raise SyntaxProblem("A reverse-path has an @ and a domain.", position=end - 1)
        user = Unqualified(user.local_part)
        deviations = (*deviations, "unqualified")
    return ReversePath._make(user, route, deviations), end


def read_forward_path(line: bytes, start: int, *, utf8: bool, leniency: Leniency) -> tuple[ForwardPath, int]:
    """Read `Forward-path` or `<Postmaster>` (RFC 5321 4.1.1.3) at `start`; the path and the offset just after it.

    Raises `SyntaxProblem`: its position is the offset in `line` of the first octet that does not fit.
    """
    match = _COMMON(line, start)
    if match is not None:
        local_part, domain = match.groups()
        if len(local_part) <= MAX_LOCAL_PART and len(domain) <= 63:  # no label can be over-long, nor the path
            mailbox = Mailbox._make(local_part.decode(), _DOMAINS.get(domain) or _new_domain(domain))
            return ForwardPath._make(mailbox), match.end()
    user, route, deviations, end = _read_path(line, start, utf8, leniency)
    return ForwardPath._make(user, route, deviations), end


def _read_path(
    line: bytes, start: int, utf8: bool, leniency: Leniency
) -> tuple[Mailbox | Postmaster | Unqualified, tuple[Domain, ...], tuple[str, ...], int]:
    """`Path` and the bare Postmaster: who, the route, the deviations, and the offset just after the path."""
    deviations: list[str] = []
    bracketed = line[start : start + 1] == b"<"
    if not bracketed:
        if not leniency.missing_brackets:
            raise SyntaxProblem("A path is in angle brackets.", position=start)
        deviations.append("missing_brackets")
    route, local_start = _read_route(line, start + bracketed, utf8, leniency, deviations)
    local_part, local_end = read_local_part(line, local_start, utf8=utf8, leniency=leniency, deviations=deviations)
    end = local_end
    user: Mailbox | Postmaster | Unqualified
    if line[end : end + 1] == b"@":
        domain, end = read_domain_or_literal(line, end + 1, utf8=utf8, leniency=leniency, deviations=deviations)
        user = Mailbox._make(local_part, domain)
    elif not route and line[local_start : local_start + 1] != b'"' and is_postmaster(local_part):
        user = Postmaster._make(local_part)
    elif not route and leniency.unqualified:
        user = Unqualified._make(local_part)
        deviations.append("unqualified")
    else:
        raise SyntaxProblem("A mailbox has an @ and a domain after its local-part.", position=end)
    if bracketed:
        if line[end : end + 1] != b">":
            raise SyntaxProblem("A path ends with its angle bracket here.", position=end)
        end += 1
    elif line[end : end + 1] not in (b"", b" "):
        raise SyntaxProblem("A path without angle brackets ends with a space or the line.", position=end)
    outside = 0 if bracketed else 1  # brackets that are missing count all the same
    check_path_size(start - outside, end + outside, local_end - local_start)
    return user, route, tuple(deviations), end


def _read_route(
    line: bytes, start: int, utf8: bool, leniency: Leniency, deviations: list[str]
) -> tuple[tuple[Domain, ...], int]:
    """`[A-d-l ":"]`, the source route: taken, told, and not used (B-ADDR-02)."""
    if line[start : start + 1] != b"@":
        return (), start
    hosts: list[Domain] = []
    position = start
    while True:
        if line[position : position + 1] != b"@":
            raise SyntaxProblem("Each host of a source route has its @.", position=position)
        host, position = read_domain(line, position + 1, utf8=utf8, leniency=leniency, deviations=deviations)
        hosts.append(host)
        separator = line[position : position + 1]
        if separator == b":":
            return tuple(hosts), position + 1
        if separator != b",":
            raise SyntaxProblem("A source route goes on with a comma or ends with a colon.", position=position)
        position += 1


_P = TypeVar("_P", ReversePath, ForwardPath)


def _without_route(path: _P) -> _P:
    """C-CMD-MAIL-08, C-CMD-RCPT-18: who asks for a route asks for something that is never sent."""
    if path.route:
        raise SyntaxProblem("A source route is not sent: give the mailbox alone.", position=1)
    return path


def _whole(read: Callable[..., tuple[_P, int]], text: str | bytes, utf8: bool, leniency: Leniency) -> _P:
    """The path that `read` finds, with nothing behind it."""
    octets = to_octets(text)
    path, end = read(octets, 0, utf8=utf8, leniency=leniency)
    expect_end(octets, end)
    return path
