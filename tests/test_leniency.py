"""Leniency: each switch lets one deviation through and names it; three presets say how much."""

from __future__ import annotations

from typing import Any

import pytest

from smtpcore.commands import CORE_VERBS, Command, Language, Problem, parse
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from smtpcore.parameters import Parameter
from smtpcore.xtext import decode, deviation

X_TEXT: Parameter[Any] = Parameter(
    "XTEXT",
    "MAIL",
    octets=100,
    parse=lambda value: decode(value or "", utf8=True),
    format=lambda text: text,
    deviation=lambda value: deviation(value or ""),
)
#: Everything off: the letter of the grammar and not a hair more.
_OFF: dict[str, Any] = {**dict.fromkeys(Leniency._fields, False), "local_part": 64}
NOTHING = Leniency(**_OFF)


def rule(*ids: str) -> pytest.MarkDecorator:
    return pytest.mark.rule(*ids)


#: Switch, the line that needs it, and the presets that take it.
SWITCHES = [
    pytest.param("space_after_colon", b"MAIL FROM: <a@b.example>", "DL", marks=rule("LEN-01")),
    pytest.param("extra_spaces", b"RCPT  TO:<a@b.example>", "DL", marks=rule("LEN-04", "LEN-32")),
    pytest.param("trailing_space", b"DATA \t", "SDL", marks=rule("LEN-07", "S-GRAM-08")),
    pytest.param("missing_brackets", b"MAIL FROM:a@b.example", "L", marks=rule("LEN-03")),
    pytest.param("unqualified", b"RCPT TO:<user>", "L", marks=rule("LEN-25")),
    pytest.param("loose_dots", b"MAIL FROM:<a..b@c.example>", "L", marks=rule("LEN-26")),
    pytest.param("domain_underscore", b"MAIL FROM:<a@b_c.example>", "L", marks=rule("LEN-28")),
    pytest.param("trailing_dot", b"RCPT TO:<a@b.example.>", "L", marks=rule("LEN-29")),
    pytest.param("hello_underscore", b"EHLO a_b.example", "DL", marks=rule("LEN-15")),
    pytest.param("hello_literal", b"HELO [192.0.2.1]", "DL", marks=rule("LEN-17")),
    pytest.param("hello_trailing_text", b"EHLO [192.0.2.1] (text)", "SDL", marks=rule("LEN-20")),
    pytest.param("unknown_literal_tag", b"EHLO [foo:bar]", "SL", marks=rule("LEN-55")),
    pytest.param("literal_leading_zero", b"EHLO [192.0.2.01]", "SDL", marks=rule("LEN-53")),
    pytest.param("xtext_lower_case", b"MAIL FROM:<> XTEXT=a+2b", "DL", marks=rule("LEN-66", "X-DSN-01")),
    pytest.param("xtext_utf8", b"MAIL FROM:<> XTEXT=+CE+B4", "DL"),
    pytest.param("local_part", b"MAIL FROM:<" + b"a" * 65 + b"@b.example>", "DL", marks=rule("LEN-49")),
]
PRESETS = {"S": STRICT, "D": DEFAULT, "L": LENIENT}


def read(line: bytes, leniency: Leniency) -> Command | Problem:
    return parse(line, Language(CORE_VERBS, parameters={"MAIL": {"XTEXT": X_TEXT}}, leniency=leniency))


def test_no_switch_is_forgotten() -> None:
    assert [case.values[0] for case in SWITCHES] == list(Leniency._fields)


@pytest.mark.parametrize(("name", "line", "takers"), SWITCHES)
def test_a_switch_lets_one_deviation_through_and_names_it(name: str, line: bytes, takers: str) -> None:
    on = 65 if name == "local_part" else True
    taken = read(line, NOTHING.__replace__(**{name: on}))
    assert isinstance(taken, Command)
    # White space at the end is what RFC 5321 4.1.1 asks to take: nothing to report.
    assert getattr(taken, "deviations", ()) == (() if name == "trailing_space" else (name,))
    for everything in (NOTHING, LENIENT.__replace__(**{name: 64 if name == "local_part" else False})):
        refused = read(line, everything)
        assert isinstance(refused, Problem)
        assert refused.reply.code == 501


@pytest.mark.parametrize(("name", "line", "takers"), SWITCHES)
def test_the_presets(name: str, line: bytes, takers: str) -> None:
    found = "".join(letter for letter, preset in PRESETS.items() if isinstance(read(line, preset), Command))
    assert found == takers


@pytest.mark.rule("LEN-49", "B-LIM-01")
def test_sizes_of_local_parts() -> None:
    assert [preset.local_part for preset in (STRICT, DEFAULT, LENIENT)] == [64, 128, 256]


@pytest.mark.parametrize("line", [b"MAIL FROM:<a@b.example>", b"EHLO [192.0.2.1]", b"RCPT TO:<Postmaster>", b"DATA"])
def test_the_letter_needs_no_leniency(line: bytes) -> None:
    assert isinstance(read(line, NOTHING), Command)
