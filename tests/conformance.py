"""The ledger: which rules of the protocol are held by a passing test.

`docs/conformance/ledger.json` has every rule as a row.  A test names the rows it holds with
`@pytest.mark.rule("B-ADDR-01", ...)`; a row is held when a test that names it passed and none failed.  Rows marked
`application` cannot be held by a library without I/O: they stand as duties in `docs/conformance/duties.md`.  Rows
marked `later` wait for a part that does not exist yet, and say for which one: `docs/conformance/open.md`.

`python -m tests.conformance` runs the tests and prints the balance; `--update` writes the baseline `held.txt` and the
pages; `--row ID` shows one row and its tests.  `pytest --ledger` judges a run by the baseline.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "conformance"
LEDGER = FOLDER / "ledger.json"
HELD = FOLDER / "held.txt"
INDEX = FOLDER / "index.md"
DUTIES = FOLDER / "duties.md"
OPEN = FOLDER / "open.md"


@dataclass(frozen=True)
class Row:
    """One rule.  `duty` says who can hold it: `library` (a test), `application` (a page), or nobody yet (`later`).

    `waits`, of the last kind only, names the part that is missing, a key of `Ledger.waits`.
    """

    id: str
    role: str
    level: str
    rule: str
    source: str
    duty: str
    waits: str = ""


@dataclass(frozen=True)
class Section:
    """The rules of one subject."""

    key: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Ledger:
    """All rules, in order."""

    sections: tuple[Section, ...]
    rows: Mapping[str, Row]
    #: The parts that rows wait for, each with a sentence.
    waits: Mapping[str, str]

    @classmethod
    def load(cls, path: Path = LEDGER) -> Ledger:
        """Raises `ValueError` when an ID stands twice, a duty is unknown, or a row waits for nothing that is named."""
        content = json.loads(path.read_text(encoding="utf-8"))
        sections = tuple(
            Section(section["key"], section["title"], tuple(Row(**row) for row in section["rows"]))
            for section in content["sections"]
        )
        rows: dict[str, Row] = {}
        for section in sections:
            for row in section.rows:
                if row.id in rows or row.duty not in ("library", "application", "later"):
                    raise ValueError(f"ledger row {row.id}: the ID stands twice or the duty is unknown")
                if row.waits not in (content["waits"] if row.duty == "later" else ("",)):
                    raise ValueError(f"ledger row {row.id}: a row waits for a part that is named, or for nothing")
                rows[row.id] = row
        return cls(sections, rows, content["waits"])


def rules_of(item: pytest.Item) -> list[str]:
    """IDs of the rows that a test names."""
    return [str(name) for mark in item.iter_markers("rule") for name in mark.args]


@dataclass(eq=False)
class Recorder:
    """A pytest plugin: which tests named a row, and how they ended.  Works with several workers too."""

    passed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    failed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            item.user_properties.extend(("rule", name) for name in rules_of(item))

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = self.failed if report.failed else self.passed if report.when == "call" and report.passed else None
        if outcome is not None:
            for key, value in report.user_properties:
                if key == "rule":
                    outcome[str(value)].add(report.nodeid)

    def held(self, ledger: Ledger) -> frozenset[str]:
        """Rows that the library holds.  A test may show how the application can do its duty: that holds nothing."""
        passed = (ledger.rows[name] for name in self.passed if name in ledger.rows and name not in self.failed)
        return frozenset(row.id for row in passed if row.duty == "library")


def read_baseline(path: Path = HELD) -> frozenset[str]:
    """IDs once held.  Lines that begin with `#` are notes."""
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return frozenset(line for line in lines if line and not line.startswith("#"))


def render_baseline(ledger: Ledger, held: Iterable[str]) -> str:
    wanted = set(held)
    names = [name for name in ledger.rows if name in wanted]
    return "\n".join(["# Rows held by a passing test; written by python -m tests.conformance --update", *names, ""])


@dataclass(frozen=True)
class Balance:
    """How many rows stand where."""

    rows: int
    held: int
    duties: int
    open: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"ledger: {self.rows} rows, {self.held} held by a passing test, "
            f"{self.duties} duties of the application (docs/conformance/duties.md), {len(self.open)} open"
        )


def balance(rows: Iterable[Row], held: Iterable[str]) -> Balance:
    wanted, all_rows = set(held), list(rows)
    duties = sum(row.duty == "application" for row in all_rows)
    unheld = tuple(row.id for row in all_rows if row.duty != "application" and row.id not in wanted)
    return Balance(len(all_rows), sum(row.id in wanted for row in all_rows), duties, unheld)


def _ranges(names: Sequence[str]) -> Iterator[str]:
    """`X-A-01, X-A-02, X-A-03` becomes `X-A-01..03`: a page is for people."""
    run: list[str] = []
    for name in [*names, ""]:
        if run and name[:-2] == run[-1][:-2] and name and int(name[-2:]) == int(run[-1][-2:]) + 1:
            run.append(name)
            continue
        if run:
            yield run[0] if len(run) == 1 else f"{run[0]}..{run[-1][-2:]}"
        run = [name]


def render_index(ledger: Ledger, held: Iterable[str]) -> str:
    """`docs/conformance/index.md`, from the ledger and the baseline alone."""
    wanted = set(held)
    lines = [
        "# Conformance",
        "",
        "Every rule of SMTP and its extensions that this library answers for is a row of [ledger.json](ledger.json):",
        "an ID that never changes, whose duty it is, the level and the source (RFC and section). A row is *held* when",
        "a passing test names it; a row about storage, DNS, TLS settings or policy is a *duty* of the application and",
        "is written down in [duties.md](duties.md); the rest is *open*, and [open.md](open.md) says for what it waits.",
        "This page is written by `python -m tests.conformance --update` and checked by the tests;",
        "`python -m tests.conformance --row ID` shows a row and the tests that hold it.",
        "",
        f"**{balance(ledger.rows.values(), wanted)}.**",
        "",
        "| Section | Subject | Rows | Held | Duties | Open |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for section in ledger.sections:
        now = balance(section.rows, wanted)
        missing = f"{len(now.open)}: {', '.join(_ranges(now.open))}" if now.open else "0"
        lines.append(f"| {section.key} | {section.title} | {now.rows} | {now.held} | {now.duties} | {missing} |")
    return "\n".join([*lines, ""])


def render_duties(ledger: Ledger) -> str:
    """`docs/conformance/duties.md`: what a library without I/O leaves to its user."""
    lines = [
        "# Duties of the application",
        "",
        "`smtpcore` speaks the protocol; it does not store, route, resolve or encrypt. These rules stay with the",
        "program that uses it: [What the application does](../application.md) says how. Written from",
        "[ledger.json](ledger.json); numbers in brackets are RFCs and sections.",
    ]
    for section in ledger.sections:
        rows = [row for row in section.rows if row.duty == "application"]
        if rows:
            lines += ["", f"## {section.title}", ""]
            lines += [f"* **{row.id}** {row.level} ({row.role}): {row.rule} [{row.source}]" for row in rows]
    return "\n".join([*lines, ""])


def unexplained(ledger: Ledger, held: Iterable[str]) -> tuple[str, ...]:
    """Rows that are open and wait for nothing: each is a test that is missing."""
    wanted = set(held)
    return tuple(row.id for row in ledger.rows.values() if row.duty == "library" and row.id not in wanted)


def render_open(ledger: Ledger, held: Iterable[str]) -> str:
    """`docs/conformance/open.md`: what is not held yet, by the part that it waits for."""
    wanted = set(held)
    lines = [
        "# Open rows",
        "",
        "What neither a test nor the application holds, because the part that could does not exist yet. Written from",
        "[ledger.json](ledger.json) by `python -m tests.conformance --update`.",
    ]
    for key, sentence in ledger.waits.items():
        names = [row.id for row in ledger.rows.values() if row.waits == key and row.id not in wanted]
        if names:
            lines += ["", f"## {key}", "", sentence, "", f"{len(names)} rows: {', '.join(_ranges(names))}."]
    missing = unexplained(ledger, wanted)
    if missing:
        lines += ["", "## Tests that are missing", "", f"{len(missing)} rows: {', '.join(_ranges(missing))}."]
    return "\n".join([*lines, ""])


def verdict(ledger: Ledger, recorder: Recorder, baseline: Iterable[str]) -> list[str]:
    """What is wrong with a run: rows lost since the baseline, and markers that name no row."""
    held = recorder.held(ledger)
    problems = [f"{name} was held and is not any more" for name in sorted(set(baseline) - held)]
    named = {**recorder.passed, **recorder.failed}
    problems += [
        f"a test names {name}, which is no row of the ledger" for name in sorted(set(named) - set(ledger.rows))
    ]
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all well, 1 a test failed, a row was lost or a marker names no row."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write held.txt and the pages")
    parser.add_argument("--open", action="store_true", help="list the rows that are open, with their text")
    parser.add_argument("--row", metavar="ID", help="show one row and the tests that hold it")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest (after --)")
    options = parser.parse_args(arguments)
    ledger, recorder = Ledger.load(), Recorder()
    if options.row and options.row not in ledger.rows:
        print(f"{options.row} is no row of the ledger", file=sys.stderr)
        return 1
    status = pytest.main(["-q", "--no-header", *options.pytest], plugins=[recorder])
    held = recorder.held(ledger)
    if options.row:
        row = ledger.rows[options.row]
        print(f"{row.id} ({row.role}, {row.level}, {row.source}, duty of the {row.duty}): {row.rule}")
        print("\n".join(f"  passed {test}" for test in sorted(recorder.passed.get(row.id, ()))))
    if options.open:
        for name in balance(ledger.rows.values(), held).open:
            print(f"{name} {ledger.rows[name].level}: {ledger.rows[name].rule} [{ledger.rows[name].source}]")
    baseline = read_baseline()
    if options.update:
        HELD.write_text(render_baseline(ledger, held), encoding="ascii")
        INDEX.write_text(render_index(ledger, held), encoding="utf-8")
        DUTIES.write_text(render_duties(ledger), encoding="utf-8")
        OPEN.write_text(render_open(ledger, held), encoding="utf-8")
        baseline = held
    problems = verdict(ledger, recorder, baseline)
    print("\n".join([*problems, str(balance(ledger.rows.values(), held))]))
    return 1 if status or problems else 0


if __name__ == "__main__":
    sys.exit(main())
