"""How long each wait lasts (RFC 5321 4.5.3.2), and that octets do not make it longer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import LocalProtocolError
from smtpcore.timeouts import Deadline, Timeouts


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        pytest.param("greeting", 300, marks=pytest.mark.rule("C-TMO-02")),
        pytest.param("mail", 300, marks=pytest.mark.rule("C-TMO-03")),
        pytest.param("rcpt", 300, marks=pytest.mark.rule("C-TMO-04")),
        pytest.param("data", 120, marks=pytest.mark.rule("C-TMO-05")),
        pytest.param("block", 180, marks=pytest.mark.rule("C-TMO-06")),
        pytest.param("end_of_message", 600, marks=pytest.mark.rule("C-TMO-07")),
        pytest.param("server_command", 300, marks=pytest.mark.rule("S-TMO-08")),
        pytest.param("command", 300, marks=pytest.mark.rule("C-TMO-09")),
        pytest.param("quit", 300, marks=pytest.mark.rule("C-TMO-09")),
        ("tls", 60),
    ],
)
def test_defaults(name: str, seconds: float) -> None:
    assert getattr(Timeouts(), name) == seconds


@pytest.mark.rule("C-TMO-01")
@pytest.mark.parametrize("name", Timeouts._fields)
def test_each_can_be_set(name: str) -> None:
    changed = Timeouts(**{name: 1.5})
    assert getattr(changed, name) == 1.5
    assert [other for other in Timeouts._fields if getattr(changed, other) != getattr(Timeouts(), other)] == [name]
    assert getattr(Timeouts(**{name: math.inf}), name) == math.inf


@pytest.mark.parametrize("name", Timeouts._fields)
@pytest.mark.parametrize("seconds", [0, -1, -math.inf, math.nan])
def test_a_wait_takes_time(name: str, seconds: float) -> None:
    with pytest.raises(LocalProtocolError, match=f"the timeout {name} is in seconds"):
        Timeouts(**{name: seconds})


def test_none() -> None:
    assert all(getattr(Timeouts.none(), name) == math.inf for name in Timeouts._fields)


@pytest.mark.rule("S-TMO-13")
@given(st.lists(st.floats(0, 1000), min_size=1))
def test_a_deadline_stays_while_the_wait_is_the_same(delays: list[float]) -> None:
    deadline, now = Deadline(), 0.0
    first = deadline.at(now, "command", 300.0)
    for delay in delays:
        now += delay
        assert deadline.at(now, "command", 300.0) == first == 300.0


def test_another_wait_has_another_deadline() -> None:
    deadline = Deadline()
    assert deadline.at(10.0, ("READY", 1), 300.0) == 310.0
    assert deadline.at(20.0, ("READY", 2), 300.0) == 320.0
    assert deadline.at(30.0, ("DATA", 2), 180.0) == 210.0
    assert deadline.at(40.0, ("DATA", 2), math.inf) == 210.0
    assert deadline.at(40.0, ("TLS", 2), math.inf) == math.inf
