"""What both ends share: input, output, the queue of events, time, and the one answer to "what now"."""

from __future__ import annotations

import math
from typing import Generic, Iterator, TypeVar

from smtpcore.errors import LocalProtocolError, SMTPError, TimedOut
from smtpcore.events import Closed, Step
from smtpcore.lines import ReceiveBuffer
from smtpcore.state import State
from smtpcore.timeouts import Deadline

E = TypeVar("E")

#: Octets of text that make a block: the wait of RFC 5321 4.5.3.2.5 begins again after so many, not after each octet.
BLOCK = 4096
#: Members of an enumeration are looked up slowly (CPython 3.11), and these for each read.
_TLS, _CLOSED = State.TLS, State.CLOSED
_RECEIVE, _DECIDE, _CONTINUE = Step.RECEIVE, Step.DECIDE, Step.CONTINUE


class Connection(Generic[E]):
    """Base of `ServerConnection` and `ClientConnection`: the members that a transport drives."""

    __slots__ = ("_buffer", "_deadline", "_eof", "_hold", "_news", "_out", "_progress", "_starved", "_state")

    def __init__(self, state: State) -> None:
        self._state = state
        self._buffer = ReceiveBuffer()
        self._out: list[bytes] = []
        self._news: list[E] = []
        self._deadline: Deadline | None = None
        self._progress: int = 0  # names the wait that is on
        self._starved = False  # the reader wants more input
        self._hold = False  # a reply that must not be held back ended this pass
        self._eof = False

    # --- what a transport calls --------------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take octets from the peer; `b""` says that the peer is gone, as `receive_eof` does.

        Never raises for what the peer sent.  Nothing is read here: pull events next.
        """
        state = self._state
        if not data:
            self.receive_eof()
        elif state is _TLS:
            self._hear_plaintext()
        elif state is not _CLOSED and not self._eof:  # after the end nothing has a meaning any more
            buffer = self._buffer
            self._check_held(len(data))
            if buffer.start < len(buffer._data):
                buffer.feed(data)
            else:  # as feed() does it, for nearly every call
                buffer._data = data
                buffer.start = buffer._scanned = 0
            self._starved = False

    def receive_eof(self) -> None:
        """The peer will send no more.  What came before is still answered; then the conversation is over."""
        if self._state is not _CLOSED:
            self._eof = True
            self._starved = False

    def data_to_send(self) -> bytes:
        """All pending output, once; `b""` when there is none.  Send it before the next `receive_data`."""
        self._hold = False
        out = self._out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def next_event(self) -> E | None:
        """The next event, `None` when `data_to_send` or more input is due (see `next_step`)."""
        raise NotImplementedError

    def events(self) -> Iterator[E]:
        """The events that can be had now, one pull each."""
        while (event := self.next_event()) is not None:
            yield event

    @property
    def held(self) -> int:
        """Octets of input that are kept and not handed out: what is unread, and what waits for its end.

        Bounded by the limits of this end, whatever the peer sends, as long as input is fed when `next_step` asks for
        it.
        """
        return len(self._buffer)

    @property
    def next_step(self) -> Step:
        """What the driver does now."""
        if self._owed():
            return _DECIDE
        if self._state is _TLS and not self._news:
            return Step.START_TLS
        if self._out or self._news or self._hold:
            return _CONTINUE
        if self._state is _CLOSED:
            return Step.CLOSE
        return _RECEIVE if self._starved else _CONTINUE

    def tick(self, now: float) -> float:
        """Tell the time, in seconds of any steady clock; returns when the current wait ends (`math.inf`: never).

        When that moment has passed the connection acts on it: pull events again.  Calls too early or too often do no
        harm; without any call there are no timeouts (RFC 5321 4.5.3.2).
        """
        seconds = self._wait()
        if seconds == math.inf:
            return math.inf
        deadline = self._deadline
        if deadline is None:
            deadline = self._deadline = Deadline()
        end = deadline.at(now, (self._state, self._progress), seconds)
        if now >= end:
            self._expire()
            return now
        return end

    # --- what an end provides ----------------------------------------------------------------------------------

    def _owed(self) -> bool:
        """Whether the application owes something before anything can go on."""
        raise NotImplementedError

    def _wait(self) -> float:
        """How long the wait that is on may last, in seconds."""
        raise NotImplementedError

    def _expire(self) -> None:
        """The wait is over."""
        raise NotImplementedError

    def _hear_plaintext(self) -> None:
        """What comes in the clear now was meant to be read as protected: never parsed, fatal (RFC 3207 6)."""
        raise NotImplementedError

    def _check_held(self, size: int) -> None:
        """Refuse input that nobody can read yet; only the caller can stop reading."""

    # --- common steps ------------------------------------------------------------------------------------------

    def _report(self, event: E) -> None:
        self._news.append(event)

    def _finish(self, error: SMTPError | None) -> None:
        """The conversation is over: the last event, after every other."""
        if self._state is not _CLOSED:
            self._state = _CLOSED
            self._buffer.clear()
            self._news.append(Closed._make(error))

    def _must_be(self, state: State, sentence: str) -> None:
        if self._state is not state:
            raise LocalProtocolError(sentence)


def timed_out(what: str) -> TimedOut:
    """The error of a wait that lasted too long."""
    return TimedOut(f"timed out while waiting for {what}")
