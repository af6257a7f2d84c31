"""The tests inside of a process: collected once, then those that are asked for, until one fails."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.mutants import ROOT

Items = dict[str, pytest.Item]
#: As the profile of the tests, but a failure is enough: nobody reads the smallest one.
settings.register_profile(
    "mutation",
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
_OPTIONS: Final = (
    *("-q", "-s", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "--hypothesis-profile=mutation"),
    *("-m", "not campaign and not interop", "--timeout=0"),
)
#: They run applications or other tools around the library, in processes or over sockets.
_LEFT_OUT: Final = ("cli", "documents", "examples", "fuzz_targets", "judges", "layers", "mutation")
#: A test may take this many times as long as it does without a fault, and so many seconds of the processor beyond.
_TIMES: Final = 8
_BEYOND: Final = 1


def test_files() -> list[str]:
    """Files of tests that may notice a fault of the package."""
    left_out = {f"test_{name}" for name in _LEFT_OUT}
    paths = [*(ROOT / "tests").glob("test_*.py"), *(ROOT / "tests/extensions").glob("test_*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths if path.stem not in left_out)


class Failed(BaseException):
    """A test failed."""

    def __init__(self, name: str) -> None:
        self.name = name


class Unwatched:
    """Takes away what `conftest.py` puts around each test: it holds classes of the package as they were."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        session.config.pluginmanager.unregister(name="secrets")


class _Plugin(Unwatched):
    """Does something instead of running the collected tests, or of collecting them, and stops at the first failure."""

    def __init__(
        self, items: Callable[[Items], None] | None = None, session: Callable[[pytest.Session], None] | None = None
    ) -> None:
        self.items = items
        self.session = session
        self.problem: BaseException | None = RuntimeError("the tests cannot be collected")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool | None:
        if (work := self.session) is None:
            return None
        self._do(lambda: work(session))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if (work := self.items) is not None and not session.testsfailed:
            self._do(lambda: work({item.nodeid: item for item in session.items}))
        return True

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
            self.problem = None
        except Exception as problem:  # pytest would tell it where nobody listens
            self.problem = problem

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            raise Failed(report.nodeid)


def collected(work: Callable[[Items], None]) -> None:
    """Collect all tests and do this with them."""
    _start(test_files(), _Plugin(items=work))


def uncollected(work: Callable[[pytest.Session], None]) -> None:
    """Prepare everything for tests, but collect none yet."""
    importlib.import_module("hypothesis.strategies")  # takes longer than most of what follows
    _start([], _Plugin(session=work))


def _start(files: Sequence[str], plugin: _Plugin) -> None:
    main(files, plugin)
    if plugin.problem is not None:
        raise plugin.problem


def forget_imports() -> None:
    """The package, and the tools of the tests, will be imported anew: `conftest.py` has some of them."""
    kept = {name for name in sys.modules if name.startswith(("tests.mutation", "tests.conftest"))}
    for name in [name for name in sys.modules if name.startswith(("smtpcore", "tests."))]:
        if name not in kept:
            module = sys.modules.pop(name)
            parent, _, own = name.rpartition(".")
            if sys.modules.get(parent) is not None and getattr(sys.modules[parent], own, None) is module:
                delattr(sys.modules[parent], own)


def collect_into(session: pytest.Session, files: Sequence[str]) -> Items | None:
    """Collect the tests of these files; `None` when that fails."""
    session.perform_collect(files)
    return None if session.testsfailed else {item.nodeid: item for item in session.items}


def main(files: Sequence[str], *plugins: object) -> None:
    """Start pytest on these files with nothing to be seen of it."""
    os.chdir(ROOT)
    with silent():
        pytest.main([*_OPTIONS, *files], plugins=list(plugins))


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Output goes nowhere, of programs in C too."""
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
            os.close(old)


def run(items: Iterable[tuple[pytest.Item, float]], seconds: float = float("inf")) -> int:
    """Run tests with their usual durations, for about so many seconds; gives for how many that sufficed.

    A test that takes far too much of the processor ends the process by a signal.
    """
    chosen = list(items)
    for number, (item, usual) in enumerate(chosen):
        if seconds <= 0:
            return number
        seconds -= usual
        signal.setitimer(signal.ITIMER_PROF, _TIMES * usual + _BEYOND)
        following = chosen[number + 1][0] if number + 1 < len(chosen) and seconds > 0 else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return len(chosen)


def is_generated(item: pytest.Item) -> bool:
    return item.get_closest_marker("hypothesis") is not None
