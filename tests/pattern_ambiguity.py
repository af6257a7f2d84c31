"""Whether a regular expression can backtrack without end, decided from its parse tree and not by a clock.

The pattern becomes an automaton of its positions (Glushkov).  Matching is dear when the same text can go through a
loop in two ways (exponential), or from one loop into another at many places (polynomial); both are questions about
the product of the automaton with itself (Weber and Seidl 1991).  Quantifiers with an upper bound of more than eight
count as unbounded, and what stands in lookarounds is not looked at: neither can make a dear pattern look cheap here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_parser: Any = getattr(re, "_parser")  # noqa: B009 - private, but the only parse tree there is

#: The characters that stand for all: each octet, and some beyond at which classes begin and end.
ALPHABET = (*range(256), 0x100, 0x17F, 0x2028, 0x3002, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF)
_MANY = 8


@dataclass
class Part:
    """What a piece of a pattern can begin and end with."""

    nullable: bool
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)


class Automaton:
    """Positions with their classes as bit masks over the alphabet, and labelled edges between them."""

    def __init__(self, pattern: re.Pattern[str] | re.Pattern[bytes]) -> None:
        self._fold = bool(pattern.flags & re.IGNORECASE)
        self.classes: list[int] = []
        self.edges: list[dict[int, int]] = []
        #: Edges that were made twice: two ways through the tree for one way through the text.
        self.doubled: list[tuple[int, int]] = []
        self._greedy: dict[int, int] = {}  # last positions of possessive runs: what cannot follow them
        self._sequence(_parser.parse(pattern.pattern, pattern.flags))

    def _position(self, characters: int) -> Part:
        self.classes.append(characters)
        self.edges.append({})
        place = len(self.classes) - 1
        return Part(False, [place], [place])

    def _join(self, ends: Iterable[int], starts: Iterable[int], *, inside: bool = False) -> None:
        starts = list(starts)
        for end in ends:
            for start in starts:
                label = self.classes[start] if inside else self.classes[start] & ~self._greedy.get(end, 0)
                if self.edges[end].get(start, 0) & label:
                    self.doubled.append((end, start))
                self.edges[end][start] = self.edges[end].get(start, 0) | label

    def _sequence(self, items: Any) -> Part:
        whole = Part(True)
        for operator, argument in items:
            part = self._item(str(operator), argument)
            self._join(whole.last, part.first)
            whole = Part(
                whole.nullable and part.nullable,
                whole.first + part.first if whole.nullable else whole.first,
                part.last + whole.last if part.nullable else part.last,
            )
        return whole

    def _item(self, operator: str, argument: Any) -> Part:
        if operator in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            return self._position(mask(operator, argument, fold=self._fold))
        if operator in ("AT", "ASSERT", "ASSERT_NOT"):
            return Part(True)
        if operator == "SUBPATTERN":
            return self._sequence(argument[3])
        if operator == "ATOMIC_GROUP":
            return self._sequence(argument)
        if operator == "BRANCH":
            branches = [self._sequence(branch) for branch in argument[1]]
            return Part(
                any(branch.nullable for branch in branches),
                [place for branch in branches for place in branch.first],
                [place for branch in branches for place in branch.last],
            )
        assert operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"), operator
        return self._repeat(operator, *argument)

    def _repeat(self, operator: str, least: int, most: Any, body: Any) -> Part:
        if most > _MANY:
            part = self._sequence(body)
            self._join(part.last, part.first, inside=True)
            if operator == "POSSESSIVE_REPEAT" and len(part.last) == 1 == len(part.first):
                self._greedy[part.last[0]] = self.classes[part.first[0]]
            return Part(least == 0 or part.nullable, part.first, part.last)
        whole = Part(True)
        for copy in range(int(most)):
            part = self._sequence(body)
            self._join(whole.last, part.first)
            optional = copy >= least
            whole = Part(
                whole.nullable and (optional or part.nullable),
                whole.first + part.first if whole.nullable else whole.first,
                whole.last + part.last if optional else part.last,
            )
        return whole


def mask(operator: str, argument: Any, *, fold: bool = False) -> int:
    """The characters of the alphabet that one item of a pattern takes; `fold`: in either case."""
    return sum(
        1 << bit
        for bit, code in enumerate(ALPHABET)
        if _takes(operator, argument, code) or (fold and _takes(operator, argument, ord(chr(code).swapcase()[0])))
    )


def _takes(operator: str, argument: Any, code: int) -> bool:
    if operator == "LITERAL":
        return bool(code == argument)
    if operator == "NOT_LITERAL":
        return bool(code != argument)
    if operator == "RANGE":
        return bool(argument[0] <= code <= argument[1])
    if operator == "ANY":
        return code != 10
    assert operator == "IN", operator
    negated = str(argument[0][0]) == "NEGATE"
    return any(_takes(str(kind), what, code) for kind, what in argument[negated:]) is not negated


def _reach(automaton: Automaton, starts: Iterable[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Tuples of positions that one text can lead to from these."""
    todo = list(starts)
    found = set(todo)
    while todo:
        for step in _steps(automaton, todo.pop()):
            if step not in found:
                found.add(step)
                todo.append(step)
    return found


def _steps(automaton: Automaton, places: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    def extend(index: int, label: int, done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if index == len(places):
            yield done
            return
        for place, characters in automaton.edges[places[index]].items():
            if label & characters:
                yield from extend(index + 1, label & characters, (*done, place))

    yield from extend(0, -1, ())


def ambiguity(pattern: re.Pattern[str] | re.Pattern[bytes]) -> str:
    """`"exponential"`, `"polynomial"`, or `""` for a pattern that is matched from one place in linear time."""
    automaton = Automaton(pattern)
    places = range(len(automaton.classes))
    reached = {place: {step for (step,) in _reach(automaton, _steps(automaton, (place,)))} for place in places}
    loops = [place for place in places if place in reached[place]]
    if any(start in reached[end] for start, end in automaton.doubled if start in loops):
        return "exponential"
    for place in loops:
        pairs = _reach(automaton, _steps(automaton, (place, place)))
        if any(one != other and (place, place) in _reach(automaton, [(one, other)]) for one, other in pairs):
            return "exponential"
    for one in loops:
        for other in loops:
            if one != other and other in reached[one] and (one, other, other) in _reach(automaton, [(one, one, other)]):
                return "polynomial"
    return ""
