"""Which tests are asked about a mutant, and in which order: those that are quick and likely to notice come first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tests.mutation.mutants import Mutant
from tests.mutation.reach import Reach, Test
from tests.mutation.users import Users

#: How many files of tests are collected at once, then, for one mutant.
_STAGES: Final = (3, 8, 1000)
#: Seconds that a test takes which is asked late.
_SLOW: Final = 0.1
#: What the names of some modules' own files of tests contain, where it is not the name of the module.
_OWN: Final = {"reply": "repl", "replies": "repl", "sasl_scram_keys": "sasl_scram", "sasl_gs2": "sasl_scram"}


class Choice:
    """Chooses tests, for the sources as they were when it was made."""

    def __init__(self, reach: Reach, sources: dict[str, str]) -> None:
        self.reach = reach
        self.users = Users(sources)
        #: Tests that fail without a fault too.
        self.void: set[str] = set()

    def can_swap(self, mutant: Mutant) -> bool:
        """Whether the statement only runs when a test calls it."""
        return mutant.in_function and not self.reach.imported.get(mutant.key.module, 0) & lines_of(mutant)

    def is_doubtful(self, test: Test, mutant: Mutant) -> bool:
        """Whether parameters of the test were made by the statement, so that a fault put in later contradicts them."""
        entered = self.reach.tools, self.reach.collected.get(test.file, {})
        return any(lines.get(mutant.key.module, 0) & lines_of(mutant) for lines in entered)

    def entering(self, mutant: Mutant) -> list[Test]:
        """Tests that enter the statement of a mutant."""
        return self._ordered(mutant, self.reach.entering(mutant.key.module, lines_of(mutant)))

    def concerned(self, mutant: Mutant) -> list[Test]:
        """All tests, those that may notice a fault of what runs at import first."""
        found: dict[str, Test] = {}
        tests = list(self.reach.tests.values())
        some = [[test for test in tests if test.enters(lines)] for lines in self.users.of(mutant)]
        entering = self.reach.entering
        entered = [entering(mutant.key.module, lines_of(mutant))] if mutant.in_function else []
        around = entering(mutant.key.module, -1)
        stem = _stem(mutant)
        own = f"_{stem}.py", f"/test_faults_{_OWN.get(stem, stem)}"
        # A test of a table enters no line of its module.
        first = [test for test in tests if any(name in test.file for name in own)]
        first += [test for test in around if "/test_faults_" in test.file]
        for group in (*entered, first, *some, around, tests):
            found.update((test.name, test) for test in self._ordered(mutant, group) if test.name not in found)
        return list(found.values())

    def _ordered(self, mutant: Mutant, tests: Iterable[Test]) -> list[Test]:
        stem = _stem(mutant)
        near = f"/test_{stem}.py", _OWN.get(stem, stem), "faults"
        return sorted(
            (test for test in tests if test.name not in self.void),
            key=lambda test: (
                self.is_doubtful(test, mutant),
                test.generated or test.seconds > _SLOW,
                [name not in test.file for name in near],
                test.seconds,
            ),
        )


def _stem(mutant: Mutant) -> str:
    return mutant.key.module.removesuffix("/__init__").removeprefix("extensions/").replace("/", "_")


def lines_of(mutant: Mutant) -> int:
    """The lines of its statement, as the bits of a number."""
    first, last = mutant.lines
    return (1 << last + 1) - (1 << first)


def staged(tests: Sequence[Test], seconds: float) -> Iterator[list[Test]]:
    """The tests that fit into so many seconds, a few files at a time."""
    fitting: list[Test] = []
    for test in tests:
        if seconds <= 0:
            break
        seconds -= test.seconds
        fitting.append(test)
    files = list(dict.fromkeys(test.file for test in fitting))
    begun = 0
    for size in _STAGES:
        some = set(files[begun : begun + size])
        begun += size
        if some:
            yield [test for test in fitting if test.file in some]
