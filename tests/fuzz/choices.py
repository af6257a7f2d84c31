"""Decisions drawn from octets, so that a fuzzer that changes octets changes decisions too.

An input of a dialogue target is `wire + decisions + length`: the last octet says how many octets before it are
decisions, the rest goes over the wire.  A seed without decisions is any wire with one octet 0 behind it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """A stream of decisions; once it has run out every decision is the first possibility."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._next = 0

    def octet(self) -> int:
        """A number from 0 to 255."""
        if self._next >= len(self._octets):
            return 0
        self._next += 1
        return self._octets[self._next - 1]

    def below(self, limit: int) -> int:
        """A number from 0 up to `limit`, which is excluded."""
        number = self.octet()
        if limit > 256:
            number = number << 8 | self.octet()
        return number % limit

    def chance(self, one_in: int) -> bool:
        """True once in so many times; false for the octet 0."""
        return self.octet() % one_in == one_in - 1

    def pick(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[self.below(len(values))]

    def take(self, size: int) -> bytes:
        """Octets, fewer than `size` when there are no more."""
        start = self._next
        self._next = min(len(self._octets), start + size)
        return self._octets[start : self._next]

    def at(self, number: int, size: int = 8) -> Choices:
        """Decisions about the thing with this number, whatever was drawn before."""
        start = number * size % max(1, len(self._octets))
        return Choices(self._octets[start : start + size])

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        """The octets, cut: whole, singly, or in pieces of sizes drawn one by one."""
        how = self.below(4)
        if how < 2 or len(octets) > 20_000:
            if octets:
                yield octets
            return
        start = 0
        while start < len(octets):
            size = 1 if how == 2 else 1 + self.below(40)
            yield octets[start : start + size]
            start += size


def split(data: bytes) -> tuple[bytes, Choices]:
    """The wire and the decisions of an input."""
    if not data:
        return b"", Choices(b"")
    end = len(data) - 1
    start = max(0, end - data[end])
    return data[:start], Choices(data[start:end])


def joined(wire: bytes, decisions: bytes = b"") -> bytes:
    """An input made of a wire and of at most 255 octets of decisions."""
    decisions = decisions[:255]
    return wire + decisions + bytes((len(decisions),))


def varied(wires: Iterable[bytes], *, times: int = 2) -> list[bytes]:
    """Each wire without decisions, and with some sets of decisions: the same ones in every run."""
    chance = random.Random(0)
    found: list[bytes] = []
    for wire in wires:
        found.append(joined(wire))
        found += [joined(wire, chance.randbytes(chance.choice((16, 64, 200)))) for _ in range(times)]
    return found
