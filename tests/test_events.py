"""Events are values: made by tests, equal when equal, printable, copied by pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from smtpcore.commands import Data, EndOfMessage, Noop
from smtpcore.errors import TimedOut
from smtpcore.events import (
    Body,
    Closed,
    Connect,
    Greeting,
    Reason,
    Refused,
    Response,
    SendBody,
    Step,
    TransactionAborted,
)
from smtpcore.replies import OK

EVENTS = [
    Connect(),
    Body(b"x"),
    Refused(b"FOO", OK, "why"),
    TransactionAborted(Reason.RESET),
    Closed(),
    Closed(TimedOut("late")),
    Greeting(OK),
    Response(Noop(), OK),
    SendBody(Data()),
    EndOfMessage(5, ("8bit",)),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_are_values(event: Connect) -> None:
    assert pickle.loads(pickle.dumps(event)) == event == copy.deepcopy(event)
    assert type(event).__name__ in repr(event)
    assert hash(event) == hash(copy.copy(event))
    with pytest.raises(AttributeError, match="immutable"):
        event.size = 5  # type: ignore[attr-defined]


def test_equal_when_equal() -> None:
    assert len(set(EVENTS)) == len(EVENTS)
    assert Body(b"x") != Body(b"y")
    assert Closed() != Closed(TimedOut("late"))
    assert Closed(TimedOut("late")) == Closed(TimedOut("late")) != Closed(TimedOut("later"))
    assert Closed() != TransactionAborted(Reason.CLOSED)
    assert EndOfMessage(5) == EndOfMessage(6)  # what the library counted is no part of the question


def test_a_refused_line_is_not_printed() -> None:
    assert repr(Refused(b"AUTH PLAIN c2VjcmV0", OK, "why")).startswith("Refused(b'AUTH'..., ")


def test_names_for_programs() -> None:
    assert [step.name for step in Step] == ["RECEIVE", "DECIDE", "CONTINUE", "START_TLS", "CLOSE"]
    assert len({reason.value for reason in Reason}) == len(Reason)
