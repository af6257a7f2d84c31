"""How much a peer may ask: names and defaults of the limits."""

from __future__ import annotations

from typing import Any

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.limits import Limits


@pytest.mark.rule("LEN-47")
def test_command_lines_of_2048_octets_are_taken_by_default() -> None:
    assert Limits().command_line == 2048


@pytest.mark.rule("B-LIM-04", "B-LIM-06")
@pytest.mark.parametrize(("name", "least"), [("command_line", 512), ("text_line", 1000), ("reply_line", 512)])
def test_lines_cannot_be_limited_below_the_rfc(name: str, least: int) -> None:
    assert getattr(Limits(**{name: least}), name) == least
    with pytest.raises(LocalProtocolError, match=name):
        Limits(**{name: least - 1})


@pytest.mark.rule("S-LIM-08", "S-LIM-10", "LEN-48")
def test_defaults_are_those_of_a_server_on_the_internet() -> None:
    limits = Limits()
    assert limits.message is None
    assert limits.text_line is None
    assert limits.recipients is not None
    assert limits.recipients >= 100


@pytest.mark.rule("B-SEC-10", "S-LIM-12")
def test_what_is_held_is_always_bounded() -> None:
    limits = Limits()
    for name in ("endless_line", "swallow", "held_input", "reply_line", "reply_lines", "reply", "pipeline"):
        assert 0 < getattr(limits, name) <= 1 << 30


@pytest.mark.parametrize("name", Limits._fields)
def test_no_limit_is_negative(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=f"limit {name} is"):
        Limits(**{name: -1})


@pytest.mark.parametrize(
    "name", ["command_line", "text_line", "message", "recipients", "errors", "junk", "auth_failures", "chunks"]
)
def test_these_may_be_off(name: str) -> None:
    off: dict[str, Any] = {name: None}
    assert getattr(Limits(**off), name) is None


def test_a_harness_may_be_small() -> None:
    assert Limits(recipients=3, message=10, errors=0).recipients == 3
