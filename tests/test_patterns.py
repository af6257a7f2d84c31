"""Every regular expression of the package is matched in linear time, whatever the text."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from typing import Any

import pytest

import smtpcore
from tests.pattern_ambiguity import ALPHABET, ambiguity, mask

#: Octets of the coarse inputs.
SIZE = 50_000
AnyPattern = re.Pattern[str] | re.Pattern[bytes]


def patterns() -> dict[str, AnyPattern]:
    """Compiled patterns that the modules of the package hold, by module and content."""
    found: dict[str, AnyPattern] = {}
    for module in pkgutil.walk_packages(smtpcore.__path__, "smtpcore."):
        if module.name.endswith("__main__"):
            continue
        todo: list[Any] = list(vars(importlib.import_module(module.name)).values())
        for value in todo:
            if isinstance(value, re.Pattern):
                found.setdefault(f"{module.name} {value.pattern!r}", value)
            elif isinstance(value, dict):
                todo += value.values()
            elif isinstance(value, (tuple, list)):
                todo += value
            elif isinstance(getattr(value, "__self__", None), re.Pattern):
                todo.append(value.__self__)
    return found


PATTERNS = patterns()
by_pattern = pytest.mark.parametrize("name", PATTERNS)


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 40
    assert any(name.startswith("smtpcore.commands ") for name in PATTERNS)


@by_pattern
def test_no_pattern_is_ambiguous_in_a_loop(name: str) -> None:
    assert ambiguity(PATTERNS[name]) == ""


@by_pattern
def test_no_pattern_has_possessive_parts(name: str) -> None:
    """CPython before 3.11.5 matches a possessive group too far: `(?:\\.a++)*+` takes the dot of `a.`."""
    source = PATTERNS[name].pattern
    text = source if isinstance(source, str) else source.decode("latin-1")
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]", "x", text)
    assert re.search(r"[*+?}]\+|\(\?>", bare) is None


def worst_texts(pattern: AnyPattern) -> list[Any]:
    """Long texts of what the pattern likes, each with an end that it does not like."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    marks = sorted({character for character in source if not character.isalnum()})[:12]
    units = [
        "a",
        "0",
        " ",
        ".",
        '"',
        "\\",
        "+",
        "=",
        "-",
        "a.",
        "a-",
        '\\"',
        "+41",
        " a",
        "a=",
        *(f"a{mark}" for mark in marks),
    ]
    texts: list[Any] = [prefix + unit * (SIZE // len(unit)) + "\0" for unit in units for prefix in ("", "<", '"', " ")]
    return texts if isinstance(pattern.pattern, str) else [text.encode("latin-1", "replace") for text in texts]


def searched(name: str) -> bool:
    """Whether the package looks for the pattern anywhere in a text, and not at one place."""
    module, _, content = name.partition(" ")
    source = inspect.getsource(sys.modules[module])
    names = [key for key, value in vars(sys.modules[module]).items() if f"{getattr(value, 'pattern', '')!r}" == content]
    return any(re.search(rf"\b{key}\.(?:search|sub|split|findall|finditer)\(", source) for key in names)


@pytest.mark.timeout(60)
@by_pattern
def test_long_texts_come_to_an_end(name: str) -> None:
    pattern: Any = PATTERNS[name]
    for text in worst_texts(pattern):
        pattern.match(text)
        pattern.fullmatch(text)
        if searched(name):
            assert len(pattern.findall(text)) <= len(text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"(?:a+)+b", "exponential"),
        (r"(?:a*)*b", "exponential"),
        (r"(?:[ab]c|[ad]c)*e", "exponential"),
        (r"(?:[a-z]+[.-]?)*x", "exponential"),
        (r"(?:a{1,20}){1,20}b", "exponential"),
        (r"a*a*b", "polynomial"),
        (r"[a-z]+[0-9a-z]*x", "polynomial"),
        (r"a*[^b]*c", "polynomial"),
        (r"(?:ab)*(?:ab)*c", "polynomial"),
        (r"(?:[a-z]+[.-])*[a-z]+", ""),
        (r"a*+a", ""),
        (r"[a-z]*+[0-9a-z]*x", ""),
        (r"(?:\.[a-z]++)*+", ""),
        (r'"(?:[^"\\]|\\.)*"', ""),
        (r"(?:[a-z]|\+[0-9a-f]{2})*", ""),
        (r"([0-9]{3})(?:\Z|[ -])", ""),
        (r"(?>a+)b|(?=c)d{2,4}?|[^\n]", ""),
        (r"(?:a?){3}b", ""),
    ],
)
def test_the_judge(source: str, expected: str) -> None:
    assert ambiguity(re.compile(source)) == expected


def test_the_judge_reads_classes() -> None:
    assert mask("ANY", None) == sum(1 << bit for bit, code in enumerate(ALPHABET) if code != 10)
    assert ambiguity(re.compile("[^a-c]*[a-c]*x")) == ""
    assert ambiguity(re.compile("[ab]*[AB]*x")) == ""
    assert ambiguity(re.compile("[ab]*[AB]*x", re.IGNORECASE)) == "polynomial"
