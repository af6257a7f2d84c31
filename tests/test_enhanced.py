"""Enhanced status codes: the grammar of RFC 3463 2 and the registry of RFC 5248."""

from __future__ import annotations

import copy
import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.enhanced import CLASSES, SUBJECTS, EnhancedCode, Registered
from smtpcore.errors import SyntaxProblem
from smtpcore.testing import _reply_strategies as make


def is_code(text: bytes) -> bool:
    """RFC 3463 2, written down again in another way."""
    parts = text.split(b".")
    if len(parts) != 3 or parts[0] not in (b"2", b"4", b"5"):
        return False
    digits = string.digits.encode()
    return all(
        1 <= len(part) <= 3 and all(octet in digits for octet in part) and (part == b"0" or part[:1] != b"0")
        for part in parts[1:]
    )


@pytest.mark.rule("B-ENH-01", "X-ENHANCED-07")
@pytest.mark.parametrize("text", ["2.0.0", "5.1.1", "4.7.12", "5.999.999", "4.0.10"])
def test_codes_of_the_grammar_are_read_and_written_alike(text: str) -> None:
    code = EnhancedCode.parse(text)
    assert str(code) == text
    assert EnhancedCode.parse(text.encode()) == code
    assert [code.class_, code.subject, code.detail] == [int(part) for part in text.split(".")]


@pytest.mark.rule("B-ENH-01", "X-ENHANCED-07")
@pytest.mark.parametrize(
    "text",
    [
        "", "5", "5.1", "5.1.1.1", "5.01.1", "5.1.01", "5.00.0", "5.1.1000", "5.1000.1", "3.0.0", "6.8.9", "1.1.1",
        "05.1.1", "55.1.1", "5. 1.1", "5.1.1 ", " 5.1.1", "5,1,1", "5.-1.1", "5.1.", "5..1", "5.1.1\n", "5.x.1",
        "5.1.1x", "\u0665.1.1", "5.\u0661.1", "5.\xb2.1", "\uff15.1.1", "5.1.1\x00", "\ud800",
    ],
)  # fmt: skip
def test_nothing_else_is_a_code(text: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        EnhancedCode.parse(text)
    assert caught.value.reason == "syntax"
    assert EnhancedCode.read(text.encode("utf-8", "replace")) is None


@pytest.mark.rule("B-ENH-01", "X-ENHANCED-07")
@pytest.mark.parametrize(
    "fields", [(3, 0, 0), (0, 0, 0), (6, 0, 0), (5, -1, 0), (5, 1000, 0), (5, 0, -1), (5, 0, 1000)]
)
def test_values_outside_the_grammar_cannot_be_built(fields: tuple[int, int, int]) -> None:
    with pytest.raises(SyntaxProblem):
        EnhancedCode(*fields)


@pytest.mark.rule("B-ENH-01")
@given(st.lists(st.sampled_from([b"0", b"1", b"2", b"4", b"5", b"9", b".", b" ", b"x"]), max_size=10).map(b"".join))
def test_the_reader_agrees_with_the_grammar(octets: bytes) -> None:
    code = EnhancedCode.read(octets)
    assert (code is not None) == is_code(octets)
    assert code is None or str(code).encode() == octets


@given(make.enhanced_codes())
def test_what_is_written_is_read_again(code: EnhancedCode) -> None:
    assert EnhancedCode.parse(str(code)) == code
    assert pickle.loads(pickle.dumps(code)) == code
    assert copy.deepcopy(code) == code
    assert hash(code) == hash(EnhancedCode.parse(str(code)))


def test_codes_that_are_not_registered_are_not_kept() -> None:
    assert EnhancedCode.read(b"5.1.1") is EnhancedCode.read(b"5.1.1")
    assert EnhancedCode.read(b"5.9.9") is not EnhancedCode.read(b"5.9.9")


@given(make.enhanced_codes(5))
def test_the_strategy_keeps_to_the_class(code: EnhancedCode) -> None:
    assert code.class_ == 5


@pytest.mark.rule("X-ENHANCED-08")
def test_the_class_is_always_known() -> None:
    for class_, kind in ((2, "is_success"), (4, "is_transient"), (5, "is_permanent")):
        code = EnhancedCode(class_, 9, 9)
        told = {name for name in ("is_success", "is_transient", "is_permanent") if getattr(code, name)}
        assert told == {kind}


@pytest.mark.rule("C-ENH-06", "X-ENHANCED-08")
@pytest.mark.parametrize(
    ("text", "meaning", "described"),
    [
        ("5.1.1", "Bad destination mailbox address", "Permanent failure: Bad destination mailbox address"),
        ("2.1.5", "Destination address valid", "Success: Destination address valid"),
        ("5.1.99", None, "Permanent failure: Addressing status"),
        ("4.7.99", None, "Persistent transient failure: Security or policy status"),
        ("4.9.9", None, "Persistent transient failure: Other or undefined status"),
    ],
)
def test_unknown_details_are_told_by_subject_and_unknown_subjects_by_class(
    text: str, meaning: str | None, described: str
) -> None:
    code = EnhancedCode.parse(text)
    assert code.meaning == meaning
    assert code.describe() == described
    assert (code.registered is None) == (meaning is None)


@pytest.mark.rule("S-ENH-09")
def test_classes_and_subjects_are_those_of_rfc_3463() -> None:
    assert list(CLASSES) == [2, 4, 5]
    words = ["undefined", "Addressing", "Mailbox", "system", "Network", "protocol", "content", "Security"]
    assert [word in SUBJECTS[number] for number, word in enumerate(words)] == [True] * 8
    assert len(SUBJECTS) == 8


@pytest.mark.rule("X-ENHANCED-10")
def test_the_registry_is_complete() -> None:
    last = {0: 0, 1: 10, 2: 4, 3: 6, 4: 7, 5: 6, 6: 10, 7: 30}
    assert list(EnhancedCode.registry) == [(s, d) for s, end in last.items() for d in range(end + 1)]
    assert all(
        row.meaning and (row.source.startswith("RFC ") or row.source == "IANA")
        for row in EnhancedCode.registry.values()
    )


def test_the_registry_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        EnhancedCode.registry[9, 9] = Registered("x", "RFC 0")  # type: ignore[index]


#: RFC 5248 table 1 with RFC 7504, RFC 7505, RFC 6531 4, RFC 6710 10, RFC 7372 3, RFC 8617 10.3 and RFC 8689 8.
ASSOCIATED = """
1.1 451 550
1.3 501
1.5 250
1.8 451 501
1.10 556
2.2 552
2.3 552
2.4 450 452
3.0 221 250 421 451 550 554
3.1 452
3.2 453 521
3.4 552 554
3.6 250 251
4.1 451
4.2 421
4.3 451 550
4.5 451
5.0 220 250 251 252 253 451 452 454 458 459 501 502 503 554
5.1 430 500 501 503 530 550 554 555
5.2 500 501 502 550 555
5.3 451
5.4 451 501 502 503 504 550 555
5.6 500
6.3 554
6.4 250
6.6 554
6.7 550 553
6.8 252 550 553
6.9 550
7.0 220 235 450 454 500 501 503 504 530 535 550
7.1 451 454 502 503 533 550 551
7.2 550
7.4 504
7.8 535 554
7.9 534
7.10 523
7.11 524 538
7.12 422 432
7.13 525
7.14 535 554
7.15 450 550
7.16 552
7.20 550
7.21 550
7.22 550
7.23 550
7.24 451 550
7.25 550
7.26 550
7.27 550
7.29 550
7.30 550
"""


@pytest.mark.rule("B-ENH-12", "X-ENHANCED-14")
def test_basic_codes_are_those_of_the_registrations() -> None:
    wanted = {}
    for line in ASSOCIATED.split("\n")[1:-1]:
        code, *basic = line.split(" ")
        subject, detail = code.split(".")
        wanted[int(subject), int(detail)] = tuple(map(int, basic))
    assert {key: row.basic for key, row in EnhancedCode.registry.items() if row.basic} == wanted


#: Class digits for which RFC 3463 3 (and RFC 4954 6) says that a code is useful, where it says so.
USEFUL = {
    (5,): "1.1 1.2 1.3 1.6 2.3 3.4 5.1 5.2 5.4 6.1 7.1 7.2 7.3 7.4",
    (4,): "3.1 4.1 4.2 4.3 4.5 4.6",
    (4, 5): "2.1 2.2 2.4 3.2 4.4 5.6 6.5",
    (): "6.10",
}


@pytest.mark.rule("S-ENH-10", "S-ENH-14", "X-ENHANCED-11")
def test_the_registry_knows_in_which_class_a_code_is_useful() -> None:
    found: dict[tuple[int, ...], list[str]] = {}
    for (subject, detail), row in EnhancedCode.registry.items():
        found.setdefault(row.classes, []).append(f"{subject}.{detail}")
    del found[2, 4, 5]
    assert {classes: " ".join(codes) for classes, codes in found.items()} == USEFUL


@pytest.mark.rule("X-ENHANCED-13")
def test_numbers_that_were_given_out_twice_are_read_in_their_context() -> None:
    code = EnhancedCode(5, 7, 17)
    assert code.describe("RRVS") == code.describe() == "Permanent failure: Mailbox owner has changed"
    assert code.describe("FUTURERELEASE") == "Permanent failure: Future release system message quota exceeded"
    assert "per-user" in EnhancedCode(5, 7, 16).describe("FUTURERELEASE")
    assert "priority" in EnhancedCode(5, 7, 16).describe("MT-PRIORITY")


@pytest.mark.rule("S-ENH-13")
@pytest.mark.parametrize(
    ("code", "masked"), [("5.1.1", "5.0.0"), ("4.7.13", "4.7.0"), ("2.0.0", "2.0.0"), ("5.9.9", "5.0.0")]
)
def test_details_can_be_hidden(code: str, masked: str) -> None:
    assert str(EnhancedCode.parse(code).generalized()) == masked
