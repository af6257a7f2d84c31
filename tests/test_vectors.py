"""The open vectors, one test per case, and the honesty of the runner that judges them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.__main__ import main
from tests.vectors.adapters import KINDS, adapter_for
from tests.vectors.cases import ALL_CUTS, ODDLY, SINGLY, Cut, Json, UnknownFormat, require_known, shorten
from tests.vectors.rows import rows_by_case
from tests.vectors.runner import DATA, Document, load, load_all, run, run_case

Write = Callable[[str, object], Path]

DOCUMENTS = load_all(DATA)
HOLDS = rows_by_case()
CASES = [
    pytest.param(
        document,
        case,
        id=f"{document.path.stem}-{case['id']}",
        marks=[pytest.mark.rule(*HOLDS[case["id"]])] if case["id"] in HOLDS else (),
    )
    for document in DOCUMENTS
    for case in document.cases
]


@pytest.mark.parametrize(("document", "case"), CASES)
def test_vector(document: Document, case: Json) -> None:
    differences = run_case(adapter_for(document.kind), case)
    if differences and document.apart(case):
        pytest.xfail(document.disputed.get(case["id"], "; ".join(differences)))
    assert not differences, "\n".join(differences)
    assert case["id"] not in document.disputed, "it passes: nothing to dispute any more"


@pytest.mark.parametrize(
    "content",
    [
        {"format": "disputes/1", "disputes": {"r-2": "no such case"}},
        {"format": "disputes/2", "disputes": {}},
        {"format": "disputes/1", "disputes": {}, "more": 1},
    ],
)
def test_disputes_are_read_strictly(write: Write, content: object) -> None:
    path = write("replies.json", replies(reply("r-1", code=251)))
    write("disputed.json", content)
    with pytest.raises(UnknownFormat):
        load_all(path.parent)


def test_disputed_cases_count_apart(write: Write) -> None:
    path = write("replies.json", replies(reply("r-1", code=251)))
    write("disputed.json", {"format": "disputes/1", "disputes": {"r-1": "RFC 5321 4.2"}})
    (document,) = load_all(path.parent)
    tally = run(document)
    assert tally.ok(strict=False)
    assert not tally.ok(strict=True)


def test_rows_are_held_by_cases_that_there_are() -> None:
    assert HOLDS.keys() <= {case["id"] for document in DOCUMENTS for case in document.cases}


# -- the runner itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def reply(case_id: str = "r-1", **changes: object) -> dict[str, Any]:
    case: dict[str, Any] = {
        "id": case_id, "category": "single", "kind": "reply", "input": "250 Ok\r\n", "valid": True, "code": 250,
        "enhanced": None, "lines": ["Ok"], "note": "", "source": "RFC 5321 4.2",
    }  # fmt: skip
    return {**case, **changes}


def replies(*cases: dict[str, Any]) -> dict[str, Any]:
    return {"format": 1, "kind": "replies", "count": len(cases), "vectors": list(cases)}


def test_every_kind_has_open_vectors() -> None:
    assert {document.kind for document in DOCUMENTS} == set(KINDS)


@pytest.mark.parametrize("cut", ALL_CUTS, ids=lambda cut: cut.name)
@pytest.mark.parametrize("size", [0, 1, 2, 100, 30_000])
def test_cuts_lose_nothing(cut: Cut, size: int) -> None:
    octets = bytes(index % 251 for index in range(size))
    pieces = list(cut.pieces(octets))
    assert b"".join(pieces) == octets
    assert all(pieces)


def test_cuts_cut() -> None:
    assert max(map(len, SINGLY.pieces(bytes(500)))) == 1
    assert len(list(ODDLY.pieces(bytes(500)))) > 10


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        '{"format": 2, "cases": [{"id": "a"}]}',
        '{"format": 1, "kind": "riddles", "vectors": [{"id": "a"}]}',
        '{"format": 1, "kind": "replies", "vectors": []}',
        '{"format": 1, "kind": "replies", "count": 2, "vectors": [{"id": "a"}]}',
        '{"format": 1, "kind": "replies", "vectors": [{"id": "a"}, {"id": "a"}]}',
        '{"format": 1, "kind": "replies", "vectors": [{}]}',
        '{"format": 1, "kind": "replies", "vectors": [{"id": "a"}], "more": 1}',
        '{"format": 1, "kind": "replies", "vectors": [{"id": "\u00e9"}]}',
    ],
)
def test_a_file_it_cannot_judge_is_an_error(write: Write, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("x.json", content)
    with pytest.raises(UnknownFormat):
        load(path)
    assert main([str(path.parent)]) == 2
    assert capsys.readouterr().err


def test_an_empty_directory_is_an_error(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2


def test_a_passing_file(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("x.json", replies(reply(), reply("r-2")))
    assert main([str(path.parent), "--require", "replies"]) == 0
    out = capsys.readouterr().out
    assert "x.json (replies, 2 cases): 2 passed, 0 failed" in out
    assert "single: 2 passed, 0 failed" in out
    assert out.endswith("vectors: 2 passed, 0 failed\n")


def test_a_failing_case_is_shown(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("x.json", replies(reply(), reply("r-2", code=251), reply("r-3", valid=False, reason="syntax")))
    assert main([str(path.parent), "--show", "1"]) == 1
    out = capsys.readouterr().out
    assert "1 passed, 2 failed" in out
    assert "[whole] code: wanted 251, got 250" in out
    assert "and 1 more" in out


def test_contentious_cases_count_only_when_asked(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("x.json", replies(reply(), reply("r-2", code=251, contentious=True)))
    assert main([str(path.parent)]) == 0
    assert "contentious: 0 passed, 1 failed" in capsys.readouterr().out
    assert main([str(path.parent), "--strict"]) == 1
    assert main([str(path.parent), "--strict", "--only", "r-1"]) == 0


def test_a_missing_kind_fails_when_required(write: Write) -> None:
    path = write("x.json", replies(reply()))
    assert main([str(path.parent), "--require", "commands"]) == 1
    assert main([str(path.parent), "--kind", "commands"]) == 1  # nothing ran at all


def test_an_unknown_field_fails_the_case(write: Write) -> None:
    tally = run(load(write("x.json", replies(reply(surprise=1)))))
    assert tally.failed.total() == 1
    assert "surprise" in tally.failures[0].differences[0]


def test_an_exception_fails_the_case(write: Write) -> None:
    tally = run(load(write("x.json", replies(reply(input=None)))))
    assert "came out" in tally.failures[0].differences[0]


def test_require_known_and_shorten() -> None:
    require_known(["a"], ["a", "b"], "here")
    with pytest.raises(UnknownFormat, match="here: this runner does not know c"):
        require_known(["a", "c"], ["a"], "here")
    assert len(shorten("x" * 10_000)) < 400


def test_documents_are_read_whole() -> None:
    assert all(document.cases for document in DOCUMENTS)
