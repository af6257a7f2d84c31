"""What came out of trials: a log, the mutants known to be equivalent, and the scores.

Mutants that no test can tell from the module are in `equivalent/*.json`, each file a list of objects:

    {"module": "sasl/scram", "scope": "Class.method", "what": "1 -> 2: `1` in `x + 1`", "nth": 0, "reason": "why"}

The first four are the first four values of the mutant's line in a log (`mutants.Key`); `nth` may be left out when it
is 0. The reason says why no user of the package can tell the difference.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutation.mutants import Key, Mutant
from tests.mutation.trials import CAPPED, SURVIVED

#: Files of mutants that no test can tell from the module.
EQUIVALENT: Final = Path(__file__).parent / "equivalent"
#: Marks in a document; what is between them is written by `put`.
BEGIN: Final = "<!-- scores -->"
END: Final = "<!-- end of scores -->"


@dataclass(frozen=True)
class Verdict:
    """How the trial of a mutant ended, and by which test."""

    key: Key
    line: int
    result: str
    detail: str

    @property
    def survived(self) -> bool:
        return self.result in (SURVIVED, CAPPED)

    @classmethod
    def of(cls, mutant: Mutant, result: Iterable[str]) -> Verdict:
        return cls(mutant.key, mutant.line, *result)


def write(path: Path, verdict: Verdict) -> None:
    """Add a verdict to a log, as one line of JSON."""
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps([*verdict.key, verdict.line, verdict.result, verdict.detail]) + "\n")


def read(*paths: Path) -> dict[Key, Verdict]:
    """The last verdict on each mutant of these logs."""
    found: dict[Key, Verdict] = {}
    for text in (line for path in paths for line in path.read_text(encoding="utf-8").splitlines()):
        module, scope, what, nth, line, result, detail = json.loads(text)
        key = Key(module, scope, what, nth)
        found[key] = Verdict(key, line, result, detail)
    return found


def reasons() -> dict[Key, str]:
    """Known equivalent mutants."""
    entries = [each for path in sorted(EQUIVALENT.glob("*.json")) for each in json.loads(path.read_text("utf-8"))]
    return {Key(each["module"], each["scope"], each["what"], each.get("nth", 0)): each["reason"] for each in entries}


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Lines of the table of scores, in Markdown."""
    known = reasons()
    yield "| Module | Mutants | Killed | Score | Equivalent | Score without them |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    sums = [0, 0, 0]
    for module, found in _by_module(verdicts):
        counts = [
            len(found),
            sum(not each.survived for each in found),
            sum(each.survived and each.key in known for each in found),
        ]
        sums = [one + other for one, other in zip(sums, counts, strict=True)]
        yield _row(f"`{module}`", counts)
    yield _row("all", sums)


def survivors(verdicts: Iterable[Verdict], *, equivalent: bool) -> Iterator[str]:
    """Lines of the list of survivors, in Markdown: of all, or without those that are known to be equivalent."""
    known = reasons()
    for module, found in _by_module(verdicts):
        left = [each for each in found if each.survived and (equivalent or each.key not in known)]
        if left:
            yield from ("", f"`{module}`:", "")
        for each in sorted(left, key=lambda each: each.line):
            scope = f" in `{each.key.scope}`" if each.key.scope else ""
            yield f"- {each.line}{scope}, {each.key.what}: {known.get(each.key, 'not known to be equivalent')}"


def put(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Write the table, and the survivors that have no reason, into a document between its two marks."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    lines = [*table(verdicts), *survivors(verdicts, equivalent=False)]
    path.write_text("\n".join([before + begin, *lines, end + after]), encoding="utf-8")


def _by_module(verdicts: Iterable[Verdict]) -> list[tuple[str, list[Verdict]]]:
    found: dict[str, list[Verdict]] = defaultdict(list)
    for each in verdicts:
        found[each.key.module].append(each)
    return sorted(found.items())


def _row(name: str, counts: list[int]) -> str:
    made, killed, equivalent = counts
    return (
        f"| {name} | {made} | {killed} | {100 * killed / max(made, 1):.1f} % "
        f"| {equivalent} | {100 * killed / max(made - equivalent, 1):.1f} % |"
    )
