"""What a transport drives: input, output, the one answer to "what now", time."""

from __future__ import annotations

import math

import pytest

from smtpcore.connection import Connection
from smtpcore.errors import LocalProtocolError, TimedOut
from smtpcore.events import Closed, Step
from smtpcore.state import State


class Echo(Connection[object]):
    """The smallest end: each line is an event and goes back."""

    def __init__(self) -> None:
        super().__init__(State.READY)
        self.owed = False

    def next_event(self) -> object | None:
        if self._news:
            return self._news.pop(0)
        if self._state is State.CLOSED:
            return None
        data = self._buffer.peek(len(self._buffer))
        if not data:
            self._starved = True
            if not self._eof:
                return None
            self._finish(None)
            return self.next_event()
        self._buffer.consume_to(self._buffer.start + len(data))
        self._progress += 1
        self._out += [data, b"!"]
        return data

    def step(self) -> Step:
        return self.next_step

    def _owed(self) -> bool:
        return self.owed

    def _wait(self) -> float:
        return 10.0 if self._state is not State.CLOSED else math.inf

    def _expire(self) -> None:
        self._finish(TimedOut("late"))


def test_nobody_waits_for_anything_by_default() -> None:
    end = Echo()
    end.receive_data(b"x" * 5)
    end.receive_data(b"y" * 5)
    assert end.held == 10
    list(end.events())
    assert end.held == 0


def test_the_loop() -> None:
    end = Echo()
    assert end.step() is Step.CONTINUE
    assert list(end.events()) == []
    assert end.step() is Step.RECEIVE
    end.receive_data(b"one")
    end.receive_data(b"two")
    assert end.step() is Step.CONTINUE
    assert list(end.events()) == [b"onetwo"]
    assert end.data_to_send() == b"onetwo!"
    assert end.data_to_send() == b""
    end.owed = True
    assert end.step() is Step.DECIDE
    end.owed = False
    end.receive_eof()
    assert list(end.events()) == [Closed()]
    assert end.step() is Step.CLOSE


def test_output_is_taken_before_the_end() -> None:
    end = Echo()
    end.receive_data(b"x")
    end.receive_eof()
    assert list(end.events()) == [b"x", Closed()]
    assert end.step() is Step.CONTINUE
    assert end.data_to_send() == b"x!"
    assert end.step() is Step.CLOSE
    end.receive_eof()
    end.receive_data(b"x")
    assert list(end.events()) == []


def test_time() -> None:
    end = Echo()
    assert end.tick(0.0) == 10.0
    assert end.tick(5.0) == 10.0
    end.receive_data(b"x")
    list(end.events())
    assert end.tick(5.0) == 15.0
    assert end.tick(15.0) == 15.0
    (closed,) = end.events()
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, TimedOut)
    assert end.tick(16.0) == math.inf


def test_the_end_comes_once() -> None:
    end = Echo()
    end._finish(None)
    end._finish(TimedOut("late"))
    assert list(end.events()) == [Closed()]


def test_an_end_has_to_be_written() -> None:
    bare = Connection[object](State.READY)
    for call in (bare.next_event, lambda: bare.next_step, lambda: bare.tick(0.0)):
        with pytest.raises(NotImplementedError):
            call()

    class Impatient(Connection[object]):
        def _wait(self) -> float:
            return 0.0

    with pytest.raises(NotImplementedError):
        Impatient(State.READY).tick(0.0)
    with pytest.raises(NotImplementedError):
        Connection[object](State.TLS).receive_data(b"x")
    with pytest.raises(LocalProtocolError, match="not now"):
        bare._must_be(State.TLS, "not now")
