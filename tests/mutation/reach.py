"""Which test enters which line of the package, and how long it takes: measured once, kept in a file.

What is kept of a file of tests is good until that file changes; a change of the package, or of the tools of the tests,
makes all of it stale.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import coverage
import pytest

from tests.mutation import suite
from tests.mutation.mutants import PACKAGE, ROOT, dotted, modules

#: Contexts of the measurement that are no tests.
_IMPORT: Final = "import"
_TOOLS: Final = "tools"
#: Module, and its entered lines as the bits of a number.
Lines = dict[str, int]


@dataclass
class Test:
    """A test: its file, usual duration in seconds, whether its examples are generated, and what it enters."""

    name: str
    seconds: float
    generated: bool
    lines: Lines

    @property
    def file(self) -> str:
        return self.name.partition("::")[0]

    def enters(self, lines: Lines) -> bool:
        return any(self.lines.get(module, 0) & some for module, some in lines.items())


@dataclass
class Reach:
    """All tests that may be asked."""

    tests: dict[str, Test] = field(default_factory=dict)
    #: Lines that run while the package is imported.
    imported: Lines = field(default_factory=dict)
    #: Lines that run while the tools of the tests are imported.
    tools: Lines = field(default_factory=dict)
    #: Lines that run while a file is collected, since parameters of its tests are made by them.
    collected: dict[str, Lines] = field(default_factory=dict)

    def entering(self, module: str, lines: int) -> list[Test]:
        return [test for test in self.tests.values() if test.enters({module: lines})]


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _tools() -> list[Path]:
    """Modules that tests import."""
    found = [path for folder in ("tests", "tests/extensions", "tests/vectors") for path in (ROOT / folder).glob("*.py")]
    return sorted(path for path in found if not path.name.startswith(("test_", "__main__")))


class _Measurement(suite.Unwatched):
    """Plugin that names each test to the tool that counts lines."""

    def __init__(self) -> None:
        self.tool = coverage.Coverage(
            data_file=None, config_file=False, branch=False, source=[str(PACKAGE)], messages=False
        )
        self.found: dict[str, tuple[float, bool]] = {}
        self.failed: set[str] = set()

    def begin(self) -> None:
        self.tool.start()
        self.tool.switch_context(_IMPORT)
        for module in modules():
            importlib.import_module(dotted(module))
        self.tool.switch_context(_TOOLS)
        for path in _tools():
            importlib.import_module(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> None:
        self.tool.switch_context(collector.nodeid.partition("::")[0])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.tool.switch_context(item.nodeid)
        begun = time.process_time()
        result = yield
        self.found[item.nodeid] = time.process_time() - begun, suite.is_generated(item)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or report.skipped:  # such a test says nothing
            self.failed.add(report.nodeid)

    def end(self) -> dict[str, Lines]:
        self.tool.stop()
        data = self.tool.get_data()
        lines: dict[str, Lines] = {}
        for path in data.measured_files():
            module = Path(path).relative_to(PACKAGE).with_suffix("").as_posix()
            for line, contexts in data.contexts_by_lineno(path).items():
                for context in contexts:
                    entered = lines.setdefault(context, {})
                    entered[module] = entered.get(module, 0) | 1 << line
        return lines


def _measure(files: list[str], kept: dict[str, Any]) -> None:
    tool = _Measurement()
    tool.begin()
    suite.main(files, tool)
    lines = tool.end()
    kept["imported"], kept["tools"] = lines[_IMPORT], lines.get(_TOOLS, {})
    for file in files:
        tests = {
            name: [round(seconds, 4), generated, lines.get(name, {})]
            for name, (seconds, generated) in tool.found.items()
            if name.startswith(f"{file}::") and name not in tool.failed
        }
        kept["files"][file] = {"digest": _digest([ROOT / file]), "tests": tests, "collected": lines.get(file, {})}


def reach(path: Path) -> Reach:
    """What is kept in this file, after everything stale was measured again (in a process of its own)."""
    sources = _digest([*PACKAGE.rglob("*.py"), *_tools()])
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if kept.get("sources") != sources:
        kept = {"sources": sources, "files": {}}
    files = suite.test_files()
    stale = [file for file in files if kept["files"].get(file, {"digest": ""})["digest"] != _digest([ROOT / file])]
    if stale:
        print(f"which lines the tests of {len(stale)} files enter ...", flush=True)
        child = os.fork()
        if not child:
            try:
                _measure(stale, kept)
                path.write_text(json.dumps(kept), encoding="utf-8")
                os._exit(0)
            finally:
                os._exit(1)
        if os.waitpid(child, 0)[1]:
            sys.exit("the measurement broke")
        kept = json.loads(path.read_text(encoding="utf-8"))
    found = Reach(imported=kept["imported"], tools=kept["tools"])
    for file in files:
        found.collected[file] = kept["files"][file]["collected"]
        for name, (seconds, generated, lines) in kept["files"][file]["tests"].items():
            found.tests[name] = Test(name, seconds, generated, lines)
    return found
