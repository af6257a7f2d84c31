"""Loads vector files, runs every case under every cut and counts.  Knows no kind and no case."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.vectors.adapters import KINDS, adapter_for
from tests.vectors.cases import Adapter, Cut, Json, UnknownFormat, require_known

DATA = Path(__file__).parent / "data"
#: Beside the vectors: cases that we think wrong, each with the RFC section that decides.  They count apart, as the
#: contentious ones do.
DISPUTES = "disputed.json"


@dataclass(frozen=True)
class Document:
    """One vector file."""

    path: Path
    kind: str
    cases: Sequence[Json]
    #: Case id to the reason why it is disputed.
    disputed: Mapping[str, str] = field(default_factory=dict)

    def apart(self, case: Json) -> bool:
        """Whether a difference in this case does not fail the run: it is contentious, or disputed."""
        return is_contentious(case) or case["id"] in self.disputed


@dataclass(frozen=True)
class Failure:
    """One case that did not pass, with what differed under the first cut that showed it."""

    case_id: str
    category: str
    contentious: bool
    differences: Sequence[str]


@dataclass
class Tally:
    """How one file went.  Contentious cases are counted apart."""

    document: Document
    passed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    contentious_passed: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, case: Json, differences: Sequence[str]) -> None:
        category, contentious = category_of(case), self.document.apart(case)
        if differences:
            self.failures.append(Failure(str(case["id"]), category, contentious, differences))
        if contentious:
            self.contentious_passed += not differences
        else:
            (self.failed if differences else self.passed)[category] += 1

    @property
    def contentious_failed(self) -> int:
        return sum(failure.contentious for failure in self.failures)

    def ok(self, *, strict: bool) -> bool:
        return not self.failures if strict else not self.failed.total()


def category_of(case: Json) -> str:
    return str(case.get("category") or case.get("class") or "-")


def is_contentious(case: Json) -> bool:
    """The hostile files carry the mark beside `must`, the others too: the same place."""
    return bool(case.get("contentious"))


def load(path: Path) -> Document:
    """Reads one file.  Raises `UnknownFormat` for one whose format no adapter knows or whose count is wrong."""
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise UnknownFormat(f"{path.name}: not a JSON document in ASCII: {error}") from error
    if not isinstance(content, dict):
        raise UnknownFormat(f"{path.name}: not an object")
    if content.get("format") == 1:
        require_known(content, {"format", "kind", "count", "vectors"}, path.name)
        kind, cases = str(content.get("kind")), content.get("vectors")
    else:
        require_known(content, {"format", "description", "cases", "count"}, path.name)
        kind, cases = str(content.get("format")), content.get("cases")
    if not isinstance(cases, list) or not cases or content.get("count", len(cases)) != len(cases):
        raise UnknownFormat(f"{path.name}: no cases, or not as many as it says")
    names = Counter(case.get("id") for case in cases)
    if None in names or names.most_common(1)[0][1] > 1:
        raise UnknownFormat(f"{path.name}: a case without an id, or two with the same one")
    require_known([kind], KINDS, path.name)
    return Document(path, kind, cases)


def load_all(directory: Path) -> list[Document]:
    """Every `*.json` file of a directory.  An empty directory is an error: nothing would be judged."""
    disputed = load_disputes(directory / DISPUTES)
    paths = [path for path in sorted(directory.glob("*.json")) if path.name != DISPUTES]
    documents = [replace(load(path), disputed=disputed) for path in paths]
    unknown = disputed.keys() - {case["id"] for document in documents for case in document.cases}
    if unknown:
        raise UnknownFormat(f"{DISPUTES}: no such case: {', '.join(sorted(unknown))}")
    if not documents:
        raise UnknownFormat(f"{directory}: no vector files")
    return documents


def load_disputes(path: Path) -> Mapping[str, str]:
    """The disputed cases of a directory, none when the file is not there."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="ascii"))
    require_known(content, {"format", "disputes"}, path.name)
    if content.get("format") != "disputes/1":
        raise UnknownFormat(f"{path.name}: not a list of disputes")
    return {str(case): str(reason) for case, reason in content["disputes"].items()}


def run_case(adapter: Adapter, case: Json) -> list[str]:
    """The differences of one case, under the first cut that shows any; each begins with the name of the cut."""
    for cut in adapter.cuts:
        differences = _run_cut(adapter, case, cut)
        if differences:
            return [f"[{cut.name}] {text}" for text in differences]
    return []


def _run_cut(adapter: Adapter, case: Json, cut: Cut) -> Sequence[str]:
    try:
        require_known(case, adapter.keys, "the case")
        return list(adapter.judge(case, cut))
    except UnknownFormat as error:
        return [str(error)]
    except Exception as error:  # an exception out of the library is a finding, not an accident of the run
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        return [f"{type(error).__name__} came out: {error} ({places})"]


def run(document: Document, only: str = "") -> Tally:
    """Runs the cases whose id or category contains `only`."""
    adapter = adapter_for(document.kind)
    tally = Tally(document)
    for case in document.cases:
        if only in str(case["id"]) or only in category_of(case):
            tally.add(case, run_case(adapter, case))
    return tally


def lines(tally: Tally, *, shown: int) -> Iterator[str]:
    """The report of one file: a line for it, one per category, the first `shown` failures."""
    name = f"{tally.document.path.name} ({tally.document.kind}, {len(tally.document.cases)} cases)"
    yield f"{name}: {tally.passed.total()} passed, {tally.failed.total()} failed"
    for category in sorted(tally.passed | tally.failed):
        yield f"    {category}: {tally.passed[category]} passed, {tally.failed[category]} failed"
    if tally.contentious_passed or tally.contentious_failed:
        yield f"    contentious: {tally.contentious_passed} passed, {tally.contentious_failed} failed"
    for failure in sorted(tally.failures, key=lambda failure: failure.contentious)[:shown]:
        yield f"  {failure.case_id} ({failure.category}{', contentious' if failure.contentious else ''})"
        for text in failure.differences[:6]:
            yield f"      {text}"
    if len(tally.failures) > shown:
        yield f"  ... and {len(tally.failures) - shown} more (see --show)"
