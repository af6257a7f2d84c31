"""Paths and mailboxes: read or refused with a reason, and what was read is written so that it reads the same again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtpcore.addresses import AddressLiteral, Domain, ForwardPath, Mailbox, ReversePath
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from tests.fuzz import corpus
from tests.fuzz.oracles import check_position

Read = Callable[[bytes, bool, Leniency], Mailbox | ReversePath | ForwardPath]
_READERS: tuple[Read, ...] = (
    lambda octets, utf8, leniency: Mailbox.parse(octets, utf8=utf8, leniency=leniency),
    lambda octets, utf8, leniency: ReversePath.parse(octets, utf8=utf8, leniency=leniency),
    lambda octets, utf8, leniency: ForwardPath.parse(octets, utf8=utf8, leniency=leniency),
)


def seeds() -> Iterable[bytes]:
    return corpus.addresses()


def run(data: bytes) -> None:
    for read in _READERS:
        for utf8 in (False, True):
            taken = [_check(read, data, utf8, leniency) for leniency in (STRICT, DEFAULT, LENIENT)]
            # What the letter of the RFC has, and what servers take by default, the lenient one reads alike.
            assert taken[1] is None or taken[2] == taken[1], taken
            if taken[0] is not None and b"[" not in data:  # STRICT knows any tag of a literal
                assert taken[1] == taken[0], taken
    for text in (data, data.decode("utf-8", "surrogateescape"), data.decode("latin-1")):
        _check_parts(text)


def _check(read: Read, data: bytes, utf8: bool, leniency: Leniency) -> Mailbox | ReversePath | ForwardPath | None:
    try:
        value = read(data, utf8, leniency)
    except SyntaxProblem as problem:
        check_position(problem.position, data)
        return None
    wire = value.to_bytes()
    assert not any(octet < 32 or octet == 127 for octet in wire), wire
    assert utf8 or wire.isascii(), wire
    if not leniency.unqualified:  # a user without a domain is for receiving only
        assert read(wire, True, LENIENT) == value, (wire, value)
    return value


def _check_parts(text: str | bytes) -> None:
    """The constructors of the parts take any text, or say why not."""
    if isinstance(text, bytes):
        return
    for make in (Domain, AddressLiteral):
        try:
            part = make(text)
        except SyntaxProblem:
            continue
        assert make(str(part)) == part
    for of in (ReversePath.of, ForwardPath.of):
        try:
            path: ReversePath | ForwardPath = of(text)
        except SyntaxProblem:
            continue
        assert of(str(path)) == path
        try:
            assert not path.with_ascii_domain().to_bytes().endswith(b"\r\n")
        except SyntaxProblem:
            continue
