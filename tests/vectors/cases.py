"""What all kinds of vectors share: the case, the ways to cut its octets, and the complaint of a judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
#: Cuts octets into the pieces in which they are fed; the pieces joined are the octets.
Cutter = Callable[[bytes], Iterable[bytes]]

#: Pieces above this many octets are cut singly only at both ends (the formats allow leaving such runs out).
LONG = 20_000
_ODD = (1, 2, 3, 7, 1, 13, 5, 31, 4, 127, 11, 1021, 2, 8191)


class UnknownFormat(Exception):
    """A file, a step or a switch that this runner cannot judge.  Never skipped: it counts as a failure."""


@dataclass(frozen=True)
class Cut:
    """One way to cut octets into reads."""

    name: str
    pieces: Cutter


def _whole(octets: bytes) -> Iterator[bytes]:
    if octets:
        yield octets


def _singly(octets: bytes) -> Iterator[bytes]:
    if len(octets) > LONG:
        head, body, tail = octets[:2000], octets[2000:-2000], octets[-2000:]
        yield from _singly(head)
        yield from (body[at : at + 4096] for at in range(0, len(body), 4096))
        yield from _singly(tail)
        return
    for at in range(len(octets)):
        yield octets[at : at + 1]


def _oddly(octets: bytes) -> Iterator[bytes]:
    at = turn = 0
    while at < len(octets):
        size = _ODD[turn % len(_ODD)]
        yield octets[at : at + size]
        at, turn = at + size, turn + 1


WHOLE = Cut("whole", _whole)
SINGLY = Cut("octet by octet", _singly)
ODDLY = Cut("odd pieces", _oddly)
ALL_CUTS = (WHOLE, SINGLY, ODDLY)


@dataclass(frozen=True)
class Adapter:
    """How one kind of vectors is run: `judge` returns the differences found, none when the case passed."""

    kind: str
    judge: Callable[[Json, Cut], Sequence[str]]
    cuts: Sequence[Cut] = ALL_CUTS
    #: Keys that a case may have.  Others mean that the format has grown and the judge has not.
    keys: frozenset[str] = frozenset()


def octets(text: str) -> bytes:
    """The octets that a JSON string of the vectors stands for: each character U+0000-U+00FF is one."""
    return text.encode("latin-1")


def require_known(found: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises `UnknownFormat` when `found` has a name that is not in `known`."""
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise UnknownFormat(f"{where}: this runner does not know {', '.join(unknown)}")


def shorten(value: object, limit: int = 300) -> str:
    """`repr` of a value, cut in its middle: the vectors have lines of 16,000 octets."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[: limit // 2]}...[{len(text)}]...{text[-limit // 3 :]}"


def difference(what: str, wanted: object, got: object) -> str:
    """One complaint, readable in a terminal."""
    return f"{what}: wanted {shorten(wanted)}, got {shorten(got)}"
