"""A trial of each mutant, in one of two kinds of processes.

Most faults are put into a function of a process that has collected all tests.  What runs while the package is imported
(tables, patterns, defaults, bodies of classes) needs a process that has not imported it: there a few files are
collected at a time.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Final, TextIO

import pytest

from tests.mutation import faults, pool, suite
from tests.mutation.choice import Choice, staged
from tests.mutation.mutants import Mutant, compiled
from tests.mutation.reach import Test

KILLED: Final = "killed"
TIMEOUT: Final = "timeout"
SURVIVED: Final = "survived"
#: Survived what could be asked in the time for one mutant.
CAPPED: Final = "capped"
#: Nothing can be said in this kind of process; the detail is a test to begin with in another one.
ANEW: Final = "anew"
#: Seconds for a process that waits instead of computing.
_PATIENCE: Final = 120.0

Result = list[str]
Tell = Callable[[Mutant, Result], None]


class Trials:
    """Runs trials, for the sources as they were when it was made."""

    def __init__(self, choice: Choice, sources: dict[str, str], jobs: int, seconds: float) -> None:
        self.choice = choice
        self.sources = sources
        self.jobs = jobs
        self.seconds = seconds

    # -- in a process that has collected them -------------------------------------------------------------------------

    def swapped(self, found: Sequence[Mutant], tell: Tell) -> None:
        """Try these mutants of functions in a process that has collected all tests; tells results in that process."""

        def work(items: suite.Items) -> None:
            there = faults.functions()
            gc.collect()
            gc.freeze()

            def one(mutant: Mutant) -> Result:
                return self._swap_one(mutant, items, there)

            for mutant, result in pool.pool(found, one, self.jobs, _PATIENCE):
                tell(mutant, result)
                _show(out, mutant, result)

        with os.fdopen(os.dup(1), "w") as out:
            _aside(lambda: suite.collected(work))

    def _swap_one(self, mutant: Mutant, items: suite.Items, there: dict[faults.Name, list[FunctionType]]) -> Result:
        module = mutant.key.module
        code = compiled(module, self.sources[module], mutant.number)
        if not faults.put_in(there, code, mutant.key.scope):
            return [ANEW, ""]
        result = self._run(items, self.choice.entering(mutant), self.seconds)
        if result[0] == KILLED and self.choice.is_doubtful(self.choice.reach.tests[result[1]], mutant):
            return [ANEW, result[1]]
        return result

    def _run(self, items: suite.Items, tests: Sequence[Test], seconds: float) -> Result:
        chosen = [(items[test.name], test.seconds) for test in tests if test.name in items]
        try:
            asked = suite.run(chosen, seconds)
        except suite.Failed as failed:
            return [KILLED, failed.name]
        return [SURVIVED if asked == len(chosen) else CAPPED, f"{asked} of {len(chosen)} tests"]

    # -- in a process that has not imported the package ---------------------------------------------------------------

    def imported(self, found: Sequence[tuple[Mutant, str]], tell: Tell) -> None:
        """Try mutants in processes that import the package anew; each may have a test to begin with."""

        def work(session: pytest.Session) -> None:
            gc.collect()
            gc.freeze()

            def one(task: tuple[Mutant, str]) -> Result:
                return self._import_one(task[0], task[1], session)

            for (mutant, _), result in pool.pool(found, one, self.jobs, 5 * _PATIENCE):
                tell(mutant, result)
                _show(out, mutant, result)

        with os.fdopen(os.dup(1), "w") as out:
            _aside(lambda: suite.uncollected(work))

    def _import_one(self, mutant: Mutant, first: str, session: pytest.Session) -> Result:
        tests = self.choice.entering(mutant) if self.choice.can_swap(mutant) else self.choice.concerned(mutant)
        begin = [test for test in tests if test.name == first]
        left = self.seconds
        number = 0
        for stage in ([begin] if begin else []) + list(staged(tests, left)):
            result = self._stage(mutant, stage, left, session)
            if result[0] not in (SURVIVED, CAPPED):
                return result
            number += len(stage)
            left -= sum(test.seconds for test in stage)
        return [SURVIVED if number >= len(tests) else CAPPED, f"{number} of {len(tests)} tests"]

    def _stage(self, mutant: Mutant | None, tests: Sequence[Test], seconds: float, session: pytest.Session) -> Result:
        """Some tests in one more process, since what was imported cannot be imported again."""

        def fresh(mutant: Mutant | None) -> Result:
            suite.forget_imports()
            if mutant is not None:
                module = mutant.key.module
                faults.Swap(module, compiled(module, self.sources[module], mutant.number)).install()
            items = suite.collect_into(session, list(dict.fromkeys(test.file for test in tests)))
            return [KILLED, "while tests were collected"] if items is None else self._run(items, tests, seconds)

        return next(iter(pool.pool([mutant], fresh, 1, _PATIENCE)))[1]

    # -- tests that say nothing ---------------------------------------------------------------------------------------

    def unsound(self, names: Iterable[str], tell: Callable[[str], None]) -> None:
        """Tells which of these tests, each of which killed a mutant, fail without a fault as well."""
        known = self.choice.reach.tests
        tests = [known[name] for name in dict.fromkeys(names) if name in known]

        def work(session: pytest.Session) -> None:
            rest = tests
            while rest:
                result = self._stage(None, rest, float("inf"), session)
                if result[0] in (SURVIVED, CAPPED):
                    break
                if result[1] not in known:
                    raise RuntimeError(f"without a fault: {result}")
                tell(result[1])
                rest = [test for test in rest if test.name != result[1]]

        _aside(lambda: suite.uncollected(work))


def _aside(work: Callable[[], None]) -> None:
    """Do something in another process, and wait for it."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        sys.exit("the process of the trials broke: do the tests pass?")


def _show(out: TextIO, mutant: Mutant, result: Result) -> None:
    if result[0] in (SURVIVED, CAPPED, pool.BROKEN):
        print(f"  {mutant.key.module}.py:{mutant.line}: {mutant.key.what} ({result[1]})", file=out, flush=True)
