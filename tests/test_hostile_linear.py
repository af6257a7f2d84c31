"""Work grows with the octets fed, not faster: counted in calls and in octets copied, not in seconds.

Every attack runs at n, 2n and 4n.  A call is one of a Python function or of a function in C; octets copied are those
that the receive buffer puts together.  What is quadratic shows as a factor of four.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from smtpcore.client import ClientConnection
from smtpcore.commands import EndOfMessage, Mail, Rcpt
from smtpcore.content import NewlinePolicy
from smtpcore.events import Step
from smtpcore.limits import Limits
from smtpcore.lines import ReceiveBuffer
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.transaction import Transaction

#: One attack: gives the connection that is under attack, and the pieces that it is fed.
Attack = Callable[[int], tuple[ServerConnection | ClientConnection, Iterator[bytes]]]
_OPEN = Limits(
    errors=None,
    junk=None,
    recipients=None,
    chunks=None,
    endless_line=1 << 30,
    held_input=1 << 30,
    reply_lines=1 << 30,
    reply=1 << 30,
)
_SETTINGS = {
    policy: ServerSettings("mx.example", limits=_OPEN, newlines=policy, rcpt_window=1) for policy in NewlinePolicy
}
_START = b"EHLO c.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"


def whole(octets: bytes) -> Iterator[bytes]:
    yield octets


def cut(octets: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(octets), size):
        yield octets[start : start + size]


def server(*before: bytes, policy: NewlinePolicy = NewlinePolicy.REJECT) -> ServerConnection:
    """A server that has taken these octets already."""
    connection = ServerConnection(settings=_SETTINGS[policy])
    serve(connection, b"")
    for octets in before:
        serve(connection, octets)
    return connection


def over() -> ServerConnection:
    """A server that has had enough."""
    connection = ServerConnection("mx.example")
    serve(connection, b"")
    serve(connection, b"x" * 70_000)
    assert connection.next_step is Step.CLOSE
    return connection


def serve(connection: ServerConnection, octets: bytes) -> int:
    """Feed octets and accept everything; gives the number of messages."""
    if octets:
        connection.receive_data(octets)
    taken = 0
    while True:
        for event in connection.events():
            question = connection.question
            if question is not None:
                taken += isinstance(event, EndOfMessage)
                connection.accept(question)
        connection.data_to_send()
        if connection.next_step is not Step.CONTINUE:
            return taken


def drink(connection: ClientConnection, octets: bytes) -> None:
    connection.receive_data(octets)
    for _ in connection.events():
        pass
    connection.data_to_send()


def client() -> ClientConnection:
    connection = ClientConnection("c.example", limits=_OPEN)
    for _ in connection.events():
        pass
    return connection


def _text(unit: bytes, policy: NewlinePolicy = NewlinePolicy.REJECT, *, size: int = 4096, end: bytes = b"") -> Attack:
    def attack(n: int) -> tuple[ServerConnection, Iterator[bytes]]:
        octets = unit * (n // len(unit)) + end
        return server(_START + b"DATA\r\n", policy=policy), cut(octets, size)

    return attack


def _lines(unit: bytes, *, size: int = 1 << 30) -> Attack:
    def attack(n: int) -> tuple[ServerConnection, Iterator[bytes]]:
        return server(b"EHLO c.example\r\n"), cut(unit * (n // len(unit)), size)

    return attack


def _replies(first: bytes, unit: bytes, *, size: int = 4096) -> Attack:
    def attack(n: int) -> tuple[ClientConnection, Iterator[bytes]]:
        return client(), cut(first + unit * (n // len(unit)), size)

    return attack


def _recipients(n: int) -> tuple[ServerConnection, Iterator[bytes]]:
    rcpts = b"".join(b"RCPT TO:<r%d@b.example>\r\n" % number for number in range(n // 25))
    return server(), whole(_START + rcpts)


def _held(n: int) -> tuple[ServerConnection, Iterator[bytes]]:
    """Octets that come one by one while the application owes an answer."""
    connection = server(b"EHLO c.example\r\n")
    connection.receive_data(b"MAIL FROM:<a@a.example>\r\n")
    assert isinstance(connection.next_event(), Mail)
    return connection, cut(b"NOOP\r\n" * (n // 6), 1)


_ATTACKS: dict[str, Attack] = {
    "no CRLF": _lines(b"x", size=4096),
    "no CRLF, octet by octet": _lines(b"x", size=1),
    "octets behind the end": lambda n: (over(), cut(b"x" * n, 4096)),
    "commands, octet by octet": _lines(b"NOOP\r\n", size=1),
    "CR flood": _lines(b"\r"),
    "LF flood": _lines(b"\n", size=100),
    "empty lines": _lines(b"\r\n"),
    "spaces": _lines(b"NOOP" + b" " * 2000 + b"\r\n"),
    "pipelined NOOP": _lines(b"NOOP\r\n"),
    "over-long lines": _lines(b"NOOP " + b"x" * 5000 + b"\r\n", size=700),
    "quoted pairs": _lines(b'MAIL FROM:<"' + b"\\\\" * 900 + b"\r\n"),
    "routes": _lines(b"RCPT TO:<" + b"@a," * 600 + b"@a:b@c>\r\n"),
    "parameters": _lines(b"MAIL FROM:<> " + b" ".join(b"A%d=1" % number for number in range(300)) + b"\r\n"),
    "colons of an address literal": _lines(b"EHLO [IPv6:" + b":" * 1900 + b"]\r\n"),
    "tiny chunks": lambda n: (server(_START), whole(b"BDAT 1\r\nx" * (n // 9))),
    "tiny chunks, octet by octet": lambda n: (server(_START), cut(b"BDAT 1\r\nx" * (n // 9), 1)),
    "a chunk, octet by octet": lambda n: (server(_START + b"BDAT %d\r\n" % n), cut(b"x" * n, 1)),
    "chunks that are refused": lambda n: (server(b"EHLO c.example\r\n"), whole(b"BDAT 3\r\nxxx" * (n // 11))),
    "recipients in one piece": _recipients,
    "octets while an answer is owed": _held,
    "text, octet by octet": _text(b"some words\r\n", size=1),
    "stuffed lines": _text(b"..\r\n", size=1 << 30),
    "stuffed lines, octet by octet": _text(b"..\r\n", size=1),
    "dots and no line": _text(b"."),
    "CR in a text": _text(b"\r", NewlinePolicy.REPAIR),
    "CR in a text, octet by octet": _text(b"\r", NewlinePolicy.REPAIR, size=1),
    "LF in a text": _text(b"\n", NewlinePolicy.REPAIR),
    "ends that are none": _text(b"\r\n.\r\r\n.\n", NewlinePolicy.KEEP),
    "empty lines of a text": _text(b"\r\n", size=1 << 30),
    "a text of one line": _text(b"x", size=1 << 30),
    "messages": lambda n: (server(), whole(b"EHLO c.example\r\n" + (_START[16:] + b"DATA\r\n.\r\n") * (n // 60))),
    "endless greeting": _replies(b"220-mx\r\n", b"220-more\r\n"),
    "endless reply, octet by octet": _replies(b"220-mx\r\n", b"220-more\r\n", size=1),
    "long reply lines": _replies(b"220-mx\r\n", b"220-" + b"x" * 2000 + b"\r\n", size=100),
    "EHLO keywords": _replies(b"220 mx\r\n250-mx\r\n", b"250-KEYWORD a b c\r\n", size=1 << 30),
}


def feed(connection: ServerConnection | ClientConnection, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        if isinstance(connection, ClientConnection):
            drink(connection, piece)
        elif connection.question is not None:
            connection.receive_data(piece)
        else:
            serve(connection, piece)


def run(attack: Attack, n: int) -> Counter:
    connection, pieces = attack(n)
    counter = Counter()
    connection._buffer = CountingBuffer(counter, connection._buffer)
    with counter:
        feed(connection, pieces)
    return counter


class Counter:
    """Calls, while it is entered, and octets copied."""

    def __init__(self) -> None:
        self.calls = 0
        self.copied = 0

    def __enter__(self) -> None:
        sys.setprofile(self._call)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _call(self, frame: FrameType, event: str, argument: object) -> None:
        self.calls += event in ("call", "c_call")


class CountingBuffer(ReceiveBuffer):
    """A receive buffer that counts the octets of everything that it holds in a new piece."""

    __slots__ = ("_counter", "_seen")

    def __init__(self, counter: Counter, old: ReceiveBuffer) -> None:
        super().__init__()
        self._counter = counter
        self._seen: bytes = b""
        super().feed(old.data[old.start :])

    def _note(self) -> None:
        data = self._data
        if data is not self._seen:
            self._seen = data
            self._counter.copied += len(data)

    def feed(self, data: bytes) -> None:
        super().feed(data)
        self._note()

    def _refill(self) -> None:
        super()._refill()
        self._note()


@pytest.mark.parametrize("name", _ATTACKS)
def test_work_grows_with_the_octets(name: str) -> None:
    n = 1_500 if "octet by octet" in name else 12_000
    once, twice, four_times = (run(_ATTACKS[name], size * n) for size in (1, 2, 4))
    assert once.calls > 0
    assert twice.calls <= 2.3 * once.calls + 200, (once.calls, twice.calls)
    assert four_times.calls <= 4.6 * once.calls + 400, (once.calls, four_times.calls)
    assert four_times.calls <= 100 * 4 * n, "more than some calls for each octet"
    assert twice.copied <= 2.2 * once.copied + 10_000
    assert four_times.copied <= 4.4 * once.copied + 20_000, (once.copied, four_times.copied)


def test_a_hundred_thousand_recipients_in_one_piece() -> None:
    connection = server(_START)
    rcpts = b"".join(b"RCPT TO:<r%d@b.example>\r\n" % number for number in range(100_000))
    connection.receive_data(rcpts)
    found = 0
    for event in connection.events():
        found += isinstance(event, Rcpt)
        assert connection.question is not None
        connection.accept(connection.question)
    assert found == 100_000
    assert connection.data_to_send().count(b"250 ") == 100_000
    assert connection.session.envelope is not None
    assert len(connection.session.envelope.recipients) == 100_001


def test_a_transaction_with_many_recipients() -> None:
    """The client's side of it: as many calls for each recipient."""

    def calls(number: int) -> int:
        connection = client()
        drink(connection, b"220 mx\r\n")
        connection.receive_data(b"250-mx\r\n250 PIPELINING\r\n")
        counter = Counter()
        with counter:
            transaction = Transaction(
                connection, "a@a.example", [f"r{each}@b.example" for each in range(number)], body=b"x\r\n"
            )
            while not transaction.done:
                for event in connection.events():
                    transaction.handle(event)
                wire = connection.data_to_send()
                answers = b"250 ok\r\n" * wire.count(b"\r\n")
                if wire.endswith(b"DATA\r\n"):
                    answers = answers[:-8] + b"354 go\r\n"
                connection.receive_data(answers[: 8 if wire.startswith(b"x") else None])
            assert transaction.report.complete
        return counter.calls

    once, twice = calls(300), calls(600)
    assert twice <= 2.2 * once, (once, twice)


#: The sizes of the campaign: 16 MiB at last, or as much as makes 100,000 recipients.
_LARGE = {"recipients in one piece": 25 * 100_000}


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", _ATTACKS)
def test_work_grows_with_the_octets_up_to_sixteen_megabytes(name: str) -> None:
    """Octets copied, and processor time, which sees what is done inside of C as well."""

    def work(n: int) -> tuple[float, int]:
        connection, pieces = _ATTACKS[name](n)
        counter = Counter()
        connection._buffer = CountingBuffer(counter, connection._buffer)
        gc.collect()
        start = time.process_time()
        feed(connection, pieces)
        return time.process_time() - start, counter.copied

    largest = _LARGE.get(name, 1 << 24)
    (first, copied), (second, copied_twice), (third, copied_four_times) = (work(largest // by) for by in (4, 2, 1))
    print(f"{name}: {first:.2f} {second:.2f} {third:.2f} s, {copied} {copied_twice} {copied_four_times} octets copied")
    assert copied_twice <= 2.2 * copied + 10_000
    assert copied_four_times <= 4.4 * copied + 20_000
    assert second < 2 * 1.6 * first + 0.05, (first, second, third)
    assert third < 4 * 1.6 * first + 0.05, (first, second, third)


def test_what_is_counted_would_be_seen() -> None:
    """The counters are not blind: a quadratic reader shows."""

    def quadratic(n: int) -> Counter:
        counter = Counter()
        buffer = CountingBuffer(counter, ReceiveBuffer())
        held = b""
        with counter:
            for _ in range(n // 100):
                held += b"x" * 100
                buffer.clear()
                buffer.feed(held)
                for _ in range(len(held) // 100):
                    len(held)
        return counter

    once, twice = quadratic(8_000), quadratic(16_000)
    assert twice.calls > 3 * once.calls
    assert twice.copied > 3 * once.copied
