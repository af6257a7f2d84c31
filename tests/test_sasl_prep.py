"""SASLprep and the trace profile."""

from __future__ import annotations

import stringprep
import sys
from collections.abc import Callable
from unicodedata import ucd_3_2_0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import SyntaxProblem
from smtpcore.sasl import saslprep, trace_prep
from smtpcore.sasl.prep import MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the examples of RFC 4013 section 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # spaces, nothing, composition
        ("a\u00a0b\u3000c", "a b c"),
        ("a\u200bb", "a b"),
        ("a\ufe00\ufeffb", "ab"),
        ("e\u0301", "\u00e9"),
        ("\u00bd", "1\u20442"),
        ("\u00ad", ""),
        ("", ""),
        ("\u0627\u0031\u0628", "\u06271\u0628"),
        ("\u05d0", "\u05d0"),
    ],
)
@pytest.mark.rule("X-AUTH-40")
def test_prepared(text: str, expected: str) -> None:
    assert saslprep(text) == expected
    assert saslprep(text, stored=True) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\u0007",  # RFC 4013 section 3: prohibited
        "\u0627\u0031",  # RFC 4013 section 3: bidirectional check
        "1\u0627",
        "\u0627a\u0628",
        "a\0b",
        "a\x7fb",
        "\u0085",
        "\ue000",
        "\ufdd0",
        chr(0xD800),
        "\ufffd",
        "\u2ff0",
        "\u202e",
        "\U000e0041",
    ],
)
@pytest.mark.rule("X-AUTH-40")
def test_prohibited(text: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        saslprep(text)
    assert caught.value.reason == "saslprep"


def test_unassigned_in_queries_only() -> None:
    assert saslprep("\U0001f600") == "\U0001f600"
    with pytest.raises(SyntaxProblem):
        saslprep("\U0001f600", stored=True)


def test_length() -> None:
    assert len(saslprep("\u00e9" * MAX_CHARACTERS)) == MAX_CHARACTERS
    assert saslprep("a" * 20_000) == "a" * 20_000
    with pytest.raises(SyntaxProblem) as caught:
        saslprep("\u00e9" * (MAX_CHARACTERS + 1))
    assert caught.value.reason == "limit"


def test_tables_are_those_of_the_standard_library() -> None:
    """What the module writes down of RFC 3454, for the BMP (of Han and Hangul the edges) and the edges beyond."""
    common = (
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    edges = (0x1D172, 0x1D173, 0x1D17A, 0x1D17B, 0xE0000, 0xE0001, 0xE0002, 0xE001F, 0xE0020, 0xE007F, 0xE0080)
    planes = (first + code for first in range(0x10000, 0x110000, 0x10000) for code in (0, 0xFFFD, 0xFFFE, 0xFFFF))
    for character in map(
        chr, (*range(0x3500), *range(0x4D00, 0x4F00), *range(0x9F00, 0xAC10), *range(0xD700, 0x10000), *edges, *planes)
    ):
        prohibited = any(table(character) for table in common)
        assert passes(trace_prep, character) is not prohibited
        if stringprep.in_table_c12(character):
            assert saslprep(character) == " "
        elif stringprep.in_table_b1(character):
            assert saslprep(character) == ""
        elif ucd_3_2_0.normalize("NFKC", character) == character:
            assert passes(saslprep, character) is not (prohibited or stringprep.in_table_c7(character))
            if not prohibited and not stringprep.in_table_c7(character):
                stored = passes(lambda text: saslprep(text, stored=True), character)
                assert stored is not stringprep.in_table_a1(character)


def passes(prepare: Callable[[str], str], text: str) -> bool:
    try:
        return prepare(text) == text
    except SyntaxProblem:
        return False


@given(st.text(st.characters(max_codepoint=sys.maxunicode), max_size=12))
def test_idempotent(text: str) -> None:
    try:
        once = saslprep(text)
    except SyntaxProblem:
        return
    assert saslprep(once) == once


@pytest.mark.parametrize("text", ["", "sirhc", "a b", "\u00e9\u00a0\u00ad", "e\u0301", "\u05d0", "\U0001f600"])
@pytest.mark.rule("X-ANONYMOUS-02")
def test_trace(text: str) -> None:
    assert trace_prep(text) == text


@pytest.mark.parametrize("text", ["\x07", "\x85", "\ue000", "\ufffe", "\udc00", "\ufffc", "\u202a", "\u05d0a"])
@pytest.mark.rule("X-ANONYMOUS-02")
def test_trace_prohibited(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        trace_prep(text)
