"""The ledger itself: its rows, its baseline and its pages agree with the tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests import conformance
from tests.conformance import (
    DUTIES,
    HELD,
    INDEX,
    OPEN,
    Ledger,
    Recorder,
    balance,
    read_baseline,
    render_baseline,
    render_duties,
    render_index,
    render_open,
    rules_of,
    unexplained,
    verdict,
)

LEDGER = Ledger.load()
LEDGER_PAGES = INDEX.parent.parent
HINT = "run python -m tests.conformance --update"


def test_every_row_is_whole() -> None:
    assert len(LEDGER.rows) >= 1119  # rows are added, never taken away
    for row in LEDGER.rows.values():
        assert row.role in ("server", "client", "both", "builder")
        assert all((row.level, row.rule, row.source))


def test_the_pages_are_fresh() -> None:
    baseline = read_baseline()
    assert HELD.read_text(encoding="ascii") == render_baseline(LEDGER, baseline), HINT
    assert INDEX.read_text(encoding="utf-8") == render_index(LEDGER, baseline), HINT
    assert DUTIES.read_text(encoding="utf-8") == render_duties(LEDGER), HINT
    assert OPEN.read_text(encoding="utf-8") == render_open(LEDGER, baseline), HINT


def test_each_duty_of_the_application_is_explained() -> None:
    page = (LEDGER_PAGES / "application.md").read_text(encoding="utf-8")
    named = re.findall(r"\b(?:[BCSM]|X)-[A-Z0-9-]+-\d\d\b", page)
    duties = {row.id for row in LEDGER.rows.values() if row.duty == "application"}
    assert set(named) == duties
    assert len(named) == len(duties)  # each once


def test_the_baseline_names_rows() -> None:
    assert read_baseline() <= set(LEDGER.rows)


def test_markers_name_rows(request: pytest.FixtureRequest) -> None:
    named = {name for item in request.session.items for name in rules_of(item)}
    assert not named - set(LEDGER.rows)


# -- the machinery -----------------------------------------------------------------------------------------------------


def small(tmp_path: Path) -> Ledger:
    rows = [
        {"id": f"X-A-0{n}", "role": "both", "level": "MUST", "rule": f"rule {n}", "source": "1 2", "duty": duty}
        for n, duty in enumerate(["library", "library", "later", "application"], 1)
    ]
    rows[2]["waits"] = "leaf"
    path = tmp_path / "ledger.json"
    content = {"waits": {"leaf": "A leaf."}, "sections": [{"key": "X-A", "title": "A", "rows": rows}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return Ledger.load(path)


def report(recorder: Recorder, rule: str, outcome: str, when: str = "call") -> None:
    fake = SimpleNamespace(
        user_properties=[("rule", rule), ("else", "x")],
        when=when,
        passed=outcome == "passed",
        failed=outcome == "failed",
        nodeid=f"test_{rule}",
    )
    recorder.pytest_runtest_logreport(cast(pytest.TestReport, fake))


def test_a_row_is_held_by_a_passing_test_only(tmp_path: Path) -> None:
    ledger, recorder = small(tmp_path), Recorder()
    report(recorder, "X-A-01", "passed")
    report(recorder, "X-A-02", "passed", when="setup")
    report(recorder, "X-A-03", "passed")  # waits for a part that is not there: nothing can hold it
    report(recorder, "X-A-04", "passed")  # is the application's
    assert recorder.held(ledger) == {"X-A-01"}
    report(recorder, "X-A-01", "failed")
    assert recorder.held(ledger) == frozenset()


def test_a_lost_row_and_an_unknown_id_are_problems(tmp_path: Path) -> None:
    ledger, recorder = small(tmp_path), Recorder()
    report(recorder, "X-B-09", "passed")
    assert verdict(ledger, recorder, ["X-A-01"]) == [
        "X-A-01 was held and is not any more",
        "a test names X-B-09, which is no row of the ledger",
    ]


def test_the_balance(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    now = balance(ledger.rows.values(), ["X-A-02"])
    assert (now.rows, now.held, now.duties, now.open) == (4, 1, 1, ("X-A-01", "X-A-03"))
    assert "2: X-A-01, X-A-03" in render_index(ledger, ["X-A-02"])
    assert "3: X-A-01..03" in render_index(ledger, [])
    assert "rule 4 [1 2]" in render_duties(ledger)


def test_what_is_open_says_for_what_it_waits(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    assert unexplained(ledger, ["X-A-02"]) == ("X-A-01",)
    page = render_open(ledger, ["X-A-02"])
    assert "## leaf\n\nA leaf.\n\n1 rows: X-A-03." in page
    assert "missing\n\n1 rows: X-A-01." in page
    assert "##" not in render_open(ledger, ["X-A-01", "X-A-02", "X-A-03"])


def test_the_baseline_round_trips(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    path = tmp_path / "held.txt"
    assert read_baseline(path) == frozenset()
    path.write_text(render_baseline(ledger, ["X-A-03", "X-A-01"]), encoding="ascii")
    assert read_baseline(path) == {"X-A-01", "X-A-03"}


@pytest.mark.parametrize(
    "change", [{"id": "X-A-01"}, {"duty": "nobody"}, {"duty": "later"}, {"waits": "leaf"}, {"waits": "a thing"}]
)
def test_a_bad_ledger_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    small(tmp_path)
    path = tmp_path / "ledger.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["sections"][0]["rows"][1].update(change)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="ledger row"):
        Ledger.load(path)


def test_an_unknown_row_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["--row", "X-NONE-01"]) == 1
    assert "no row of the ledger" in capsys.readouterr().err
