"""A peer that dribbles one octet every 50 ms does not keep a connection: virtual time, both ends, every phase."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

import pytest

from smtpcore.client import ClientConnection
from smtpcore.commands import Quit
from smtpcore.errors import SMTPError, TimedOut
from smtpcore.events import Closed, SendBody, Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.known import KNOWN
from smtpcore.limits import Limits
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.timeouts import Timeouts
from smtpcore.transaction import Transaction

#: Seconds between two octets.
DRIBBLE = 0.05
_EXTENSIONS = (*(each for each in KNOWN if each.keyword != "AUTH"), AuthExtension(clear_text=True))
_SETTINGS = ServerSettings("mx.example", extensions=_EXTENSIONS, limits=Limits(errors=None, junk=None))
_HELLO = b"EHLO c.example\r\n"
_START = _HELLO + b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"


class Clock:
    """A connection and its driver in virtual time; octets come one by one, and the time is told before each."""

    def __init__(self, connection: ServerConnection | ClientConnection, react: Callable[[object], None]) -> None:
        self.connection = connection
        self.react = react
        self.now = 1000.0
        self.output = b""
        self.closed: Closed | None = None
        self.deadline = math.inf
        self.pump()

    def pump(self) -> None:
        while True:
            for event in self.connection.events():
                if isinstance(event, Closed):
                    self.closed = event
                self.react(event)
            self.output += self.connection.data_to_send()
            self.deadline = self.connection.tick(self.now)
            if self.connection.next_step is not Step.CONTINUE:
                return

    def feed(self, octets: bytes) -> None:
        self.connection.receive_data(octets)
        self.pump()

    def dribble(self, octets: Iterable[int], limit: float = 100_000.0) -> float:
        """Seconds until the connection gave up."""
        start = self.now
        for octet in octets:
            self.now += DRIBBLE
            self.deadline = self.connection.tick(self.now)
            self.pump()
            if self.closed is not None:
                return self.now - start
            self.connection.receive_data(bytes((octet,)))
            self.pump()
            assert self.now - start < limit, "the peer holds the connection for ever"
        raise AssertionError("the peer ran out of octets")


def server(*before: bytes) -> Clock:
    connection = ServerConnection(settings=_SETTINGS)

    def react(event: object) -> None:
        if connection.question is not None:
            connection.accept(connection.question)

    clock = Clock(connection, react)
    for octets in before:
        clock.feed(octets)
    return clock


def endless(unit: bytes) -> Iterable[int]:
    return itertools.cycle(unit)


def timed_out(clock: Clock) -> SMTPError:
    assert clock.closed is not None
    error = clock.closed.error
    assert isinstance(error, TimedOut), error
    assert clock.connection.next_step is Step.CLOSE
    return error


@pytest.mark.rule("S-TMO-08", "S-TMO-10", "S-TMO-13")
@pytest.mark.parametrize("before", [(), (_HELLO,), (_START,), (_HELLO, b"AUTH PLAIN\r\n")])
def test_a_command_that_never_ends(before: tuple[bytes, ...]) -> None:
    clock = server(*before)
    seconds = clock.dribble(endless(b"x"))
    assert 300 <= seconds < 301
    timed_out(clock)
    assert b"\r\n421 " in clock.output
    assert clock.output.endswith(b"\r\n")


@pytest.mark.rule("S-TMO-13")
@pytest.mark.parametrize("unit", [b"x", b"x\r\n", b"\r\n", b".", b"\r"])
def test_a_text_that_comes_in_drops(unit: bytes) -> None:
    """4096 octets in 180 seconds are asked for; one octet in 50 ms are 3600."""
    clock = server(_START, b"DATA\r\n")
    seconds = clock.dribble(endless(unit))
    assert 180 <= seconds < 181
    timed_out(clock)
    assert clock.output.splitlines()[-1].startswith(b"421 ")


@pytest.mark.parametrize("before", [b"DATA\r\n", b"BDAT 100000\r\n"])
def test_a_block_is_4096_octets(before: bytes) -> None:
    """The octet before it is not progress, and the next wait is counted from the block's end."""
    clock = server(_START, before)
    start = clock.now
    for size, end in ((4095, 180), (1, 190), (4095, 190), (1, 200)):
        clock.now += 5
        clock.feed(b"x" * size)
        assert clock.deadline == start + end


def test_a_chunk_that_comes_in_drops() -> None:
    clock = server(_START, b"BDAT 1000000\r\n")
    assert 180 <= clock.dribble(endless(b"x")) < 181
    timed_out(clock)


def test_a_refused_chunk_that_comes_in_drops() -> None:
    clock = server(_HELLO, b"BDAT 1000000\r\n")
    assert 180 <= clock.dribble(endless(b"x")) < 181
    timed_out(clock)


def test_a_handshake_that_never_ends() -> None:
    clock = server(_HELLO, b"STARTTLS\r\n")
    assert clock.connection.next_step is Step.START_TLS
    assert clock.deadline == clock.now + 60
    clock.now += 59.9
    clock.pump()
    assert clock.closed is None
    clock.now += 0.1
    clock.pump()
    timed_out(clock)
    assert clock.output.count(b"421") == 0, "nothing is said in the clear once TLS is due"


@pytest.mark.rule("S-SEC-11")
@pytest.mark.parametrize(("unit", "limit"), [(b"NOOP\r\n", 101), (b"RSET\r\n", 101), (b"x\r\n", 21), (_HELLO, 102)])
def test_whole_commands_that_lead_nowhere(unit: bytes, limit: int) -> None:
    """Each begins a new wait, so that they are counted instead."""
    connection = ServerConnection("mx.example")

    def react(event: object) -> None:
        if connection.question is not None:
            connection.accept(connection.question)

    clock = Clock(connection, react)
    clock.dribble(endless(unit))
    assert clock.closed is not None
    assert clock.closed.error is not None
    assert clock.output.splitlines()[-1].startswith(b"421 ")
    assert clock.now - 1000 <= (limit + 1) * len(unit) * DRIBBLE


def test_progress_begins_a_new_wait() -> None:
    clock = server(_HELLO)
    for _ in range(10):
        clock.now += 299
        clock.feed(b"NOOP\r\n")
        assert clock.deadline == clock.now + 300
    clock.feed(_START[len(_HELLO) :] + b"DATA\r\n")
    for _ in range(10):
        clock.now += 179
        clock.feed(b"x" * 4096)
        assert clock.closed is None
    clock.now += 179
    clock.feed(b"\r\n.\r\n")
    assert clock.closed is None
    clock.now += 299
    clock.pump()
    assert clock.closed is None


def test_the_application_has_all_the_time() -> None:
    connection = ServerConnection(settings=_SETTINGS)
    clock = Clock(connection, lambda _: None if connection.question is None else connection.accept(connection.question))
    clock.react = lambda event: None
    connection.receive_data(_HELLO)
    assert connection.next_event() is not None
    assert connection.tick(10_000) == math.inf
    question = connection.question
    assert question is not None
    connection.defer(question)
    assert connection.next_event() is None
    assert connection.tick(20_000) == math.inf
    connection.accept(question)
    clock.now = 20_001
    clock.pump()
    assert clock.deadline == clock.now + 300


# -- the client --------------------------------------------------------------------------------------------------------


def client(*before: bytes, lmtp: bool = False) -> tuple[Clock, Transaction]:
    connection = ClientConnection("c.example", lmtp=lmtp)
    transaction = Transaction(connection, "a@a.example", ["b@b.example"], body=b"x\r\n")

    def react(event: object) -> None:
        transaction.handle(event)  # type: ignore[arg-type]

    clock = Clock(connection, react)
    for octets in before:
        clock.feed(octets)
    return clock, transaction


_OK = b"250 ok\r\n"
#: What the client waits for, what came before, how long it waits (RFC 5321 4.5.3.2), and the outcome of the message.
_WAITS: dict[str, tuple[tuple[bytes, ...], float, str]] = {
    "greeting": ((), 300, "retry"),
    "EHLO": ((b"220 mx\r\n",), 300, "retry"),
    "MAIL": ((b"220 mx\r\n", _OK), 300, "retry"),
    "RCPT": ((b"220 mx\r\n", _OK, _OK), 300, "retry"),
    "DATA": ((b"220 mx\r\n", _OK, _OK, _OK), 120, "retry"),
    "end of the text": ((b"220 mx\r\n", _OK, _OK, _OK, b"354 go\r\n"), 600, "unknown"),
}


@pytest.mark.rule("C-TMO-02", "C-TMO-03", "C-TMO-04", "C-TMO-05", "C-TMO-07", "C-TMO-09", "C-TMO-11")
@pytest.mark.parametrize("unit", [b"2", b"250-more and more\r\n"])
@pytest.mark.parametrize("wait", _WAITS)
def test_a_reply_that_never_ends(wait: str, unit: bytes) -> None:
    """Neither an octet nor a line of a reply is progress."""
    before, limit, outcome = _WAITS[wait]
    clock, transaction = client(*before)
    first = unit.replace(b"250", b"220") if wait == "greeting" else unit
    seconds = clock.dribble(endless(first))
    assert limit <= seconds < limit + 1
    timed_out(clock)
    assert [result.outcome.value for result in transaction.report] == [outcome]
    assert transaction.report.error == "timed-out"


@pytest.mark.rule("C-TMO-09")
def test_a_quit_that_nobody_answers() -> None:
    clock, _ = client(b"220 mx\r\n", _OK, _OK, _OK, b"354 go\r\n", _OK)
    assert isinstance(clock.connection, ClientConnection)
    clock.connection.send(Quit())
    clock.pump()
    assert 300 <= clock.dribble(endless(b"2")) < 301
    timed_out(clock)


@pytest.mark.rule("C-TMO-06")
def test_a_text_that_the_application_does_not_give() -> None:
    connection = ClientConnection("c.example")
    transaction = Transaction(connection, "a@a.example", ["b@b.example"], eight_bit=False)
    asked: list[object] = []

    def react(event: object) -> None:
        transaction.handle(event)  # type: ignore[arg-type]
        asked.extend([event] if isinstance(event, SendBody) else [])

    clock = Clock(connection, react)
    for said in (b"220 mx\r\n", _OK, _OK, _OK, b"354 go\r\n"):
        clock.feed(said)
    assert asked
    for _ in range(5):
        clock.now += 179
        connection.send_body(b"x\r\n")
        clock.pump()
        assert clock.deadline == clock.now + 180
    clock.now += 180
    clock.pump()
    timed_out(clock)
    assert [result.outcome.value for result in transaction.report] == ["retry"]


def test_a_handshake_that_the_server_delays() -> None:
    from smtpcore.extensions.starttls import StartTls

    connection = ClientConnection("c.example")
    clock = Clock(connection, lambda event: None)
    clock.feed(b"220 mx\r\n")
    clock.feed(b"250-mx\r\n250 STARTTLS\r\n")
    connection.send(StartTls())
    clock.pump()
    clock.feed(b"220 go\r\n")
    assert connection.next_step is Step.START_TLS
    assert clock.deadline == clock.now + 60
    clock.now += 60
    clock.pump()
    timed_out(clock)


def test_an_idle_client_waits_for_nothing() -> None:
    connection = ClientConnection("c.example")
    clock = Clock(connection, lambda event: None)
    clock.feed(b"220 mx\r\n")
    clock.feed(_OK)
    assert clock.deadline == math.inf


def test_without_deadlines_and_without_ticks_nothing_ends() -> None:
    settings = ServerSettings("mx.example", timeouts=Timeouts.none())
    connection = ServerConnection(settings=settings)
    clock = Clock(connection, lambda _: None if connection.question is None else connection.accept(connection.question))
    assert clock.deadline == math.inf
    clock.now += 1e9
    clock.feed(_START + b"DATA\r\nx")
    assert clock.deadline == math.inf
    assert clock.closed is None
