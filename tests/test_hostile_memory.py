"""What an end keeps is bounded by its limits, whatever the peer sends; measured in octets held and in memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from smtpcore.client import ClientConnection
from smtpcore.commands import Mail
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import Body, Closed, Step
from smtpcore.limits import Limits
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings

IDLE, COMMANDS, TEXT = 16 * 1024, 64 * 1024, 128 * 1024
PIECE = 16 * 1024
_START = b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"
_SETTINGS = ServerSettings("mx.example", limits=Limits(errors=None, junk=None, chunks=None))


def server(before: bytes = b"", settings: ServerSettings = _SETTINGS) -> ServerConnection:
    connection = ServerConnection(settings=settings)
    serve(connection, b"")
    serve(connection, b"EHLO c.example\r\n" + before)
    return connection


def serve(connection: ServerConnection, octets: bytes) -> None:
    """Feed octets, accept everything, drop the text."""
    if octets:
        connection.receive_data(octets)
    while True:
        for _ in connection.events():
            if connection.question is not None:
                connection.accept(connection.question)
        connection.data_to_send()
        if connection.next_step is not Step.CONTINUE:
            return


def client(before: bytes = b"") -> ClientConnection:
    connection = ClientConnection("c.example")
    drink(connection, before or b"220-mx\r\n")
    return connection


def drink(connection: ClientConnection, octets: bytes) -> None:
    connection.receive_data(octets)
    for _ in connection.events():
        pass
    connection.data_to_send()


def endless(unit: bytes, octets: int) -> Iterator[bytes]:
    """More of it than any of the bounds, in pieces that nobody else holds."""
    count = PIECE // len(unit) + 1
    for _ in range(octets // (count * len(unit))):
        yield unit * count


#: Name, what came before, what comes on and on.
_COMMANDS: dict[str, tuple[bytes, bytes]] = {
    "no CRLF": (b"", b"x"),
    "CR": (b"", b"\r"),
    "empty lines": (b"", b"\r\n"),
    "NOOP": (b"", b"NOOP\r\n"),
    "RSET": (b"", b"RSET\r\n"),
    "over-long lines": (b"", b"NOOP " + b"x" * 9000 + b"\r\n"),
    "EHLO": (b"", b"EHLO c.example\r\n"),
    "unknown verbs": (b"", b"XYZZY " + b"x" * 100 + b"\r\n"),
    "MAIL with parameters": (b"", b"MAIL FROM:<a@a.example> " + b"X=" + b"y" * 900 + b"\r\n"),
    "recipients": (_START, b"RCPT TO:<b@b.example>\r\n"),
    "chunks that are refused": (b"", b"BDAT 10\r\n0123456789"),
    "a huge chunk that is refused": (b"BDAT 999999999\r\n", b"x"),
    "AUTH": (b"", b"AUTH PLAIN " + b"A" * 2000 + b"\r\n"),
}
_TEXTS: dict[str, tuple[bytes, bytes]] = {
    "one line": (_START + b"DATA\r\n", b"x"),
    "dots": (_START + b"DATA\r\n", b"."),
    "stuffed lines": (_START + b"DATA\r\n", b"..\r\n"),
    "CR": (_START + b"DATA\r\n", b"\r"),
    "LF": (_START + b"DATA\r\n", b"\n"),
    "NUL": (_START + b"DATA\r\n", b"\0"),
    "a chunk": (_START + b"BDAT 99999999\r\n", b"x"),
    "chunks": (_START, b"BDAT 10\r\n0123456789"),
}


def growth(
    make: Callable[[], ServerConnection | ClientConnection], unit: bytes, octets: int = 160 * 1024
) -> tuple[int, int]:
    """Most octets of input held, and memory that one connection has taken, after an attack and at its end."""

    def attack(octets: int) -> tuple[ServerConnection | ClientConnection, int]:
        connection = make()
        held = 0
        for piece in endless(unit, octets):
            serve(connection, piece) if isinstance(connection, ServerConnection) else drink(connection, piece)
            held = max(held, connection.held)
        return connection, held

    attack(2 * PIECE)  # fills the caches that all connections share
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    connection, held = attack(octets)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert connection is not None
    return held, after - before


@pytest.mark.rule("B-SEC-10", "S-LIM-14")
@pytest.mark.parametrize("name", _COMMANDS)
def test_command_mode(name: str) -> None:
    before, unit = _COMMANDS[name]
    held, memory = growth(lambda: server(before), unit, 96 * 1024)
    assert held < COMMANDS
    # A thousand recipients are accepted before 452 comes: they belong to the application, not to the peer's octets.
    assert memory < (COMMANDS if name != "recipients" else 1000 * 1024)


@pytest.mark.parametrize(
    ("name", "policy"),
    [(name, NewlinePolicy.REJECT) for name in _TEXTS] + [(name, NewlinePolicy.REPAIR) for name in ("CR", "LF", "dots")],
)
def test_text_mode(name: str, policy: NewlinePolicy) -> None:
    before, unit = _TEXTS[name]
    settings = ServerSettings("mx.example", newlines=policy, limits=Limits(errors=None, chunks=None))
    held, memory = growth(lambda: server(before, settings), unit)
    assert held < TEXT
    assert memory < TEXT


@pytest.mark.parametrize("unit", [b"220-mx\r\n", b"x", b"220-" + b"x" * 1990 + b"\r\n", b"\r", b"220 mx\r\n"])
def test_a_client(unit: bytes) -> None:
    held, memory = growth(client, unit)
    assert held < COMMANDS
    assert memory < COMMANDS + 8 * 1024  # a reply of 64 KiB may be on its way


def test_an_idle_server() -> None:
    """After a burst all that is left is the connection itself."""
    shared = server()
    serve(shared, b"NOOP\r\n")
    gc.collect()
    tracemalloc.start()
    connection = server()
    serve(connection, b"NOOP\r\n" * 10_000)
    serve(connection, _START + b"DATA\r\n" + b"x" * 60_000 + b"\r\n.\r\n")
    serve(connection, b"NOOP " + b"x" * 60_000)
    serve(connection, b"\r\nNOOP\r\n")
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert connection.held == 0
    assert memory < IDLE


@pytest.mark.parametrize(
    "burst",
    [
        b"NOOP\r\n" * 10_000,
        b"NOOP\r\n" * 10_000 + b"NOO",
        b"NOOP " + b"x" * 60_000 + b"\r\n",
        b"NOOP " + b"x" * 60_000 + b"\r\nNOOP\r\nN",
        _START + b"DATA\r\n" + b"x\r\n" * 20_000 + b".\r\n",
        _START + b"DATA\r\n" + b"x\r\n" * 20_000,
        _START + b"DATA\r\n" + b"x\r\n" * 20_000 + b".",
        _START + b"BDAT 70000\r\n" + b"x\r\n" * 20_000,
        b"BDAT 70000\r\n" + b"x\r\n" * 20_000,
    ],
    ids=lambda burst: f"{burst[:8]!r}, {burst[-8:]!r}",
)
def test_a_burst_is_let_go_when_it_was_read(burst: bytes) -> None:
    connection = server()
    gc.collect()
    tracemalloc.start()
    serve(connection, bytes(bytearray(burst)))  # nobody else holds these octets
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert connection.held <= 5
    assert memory < IDLE


def test_input_behind_a_question_is_the_callers_to_hold_back() -> None:
    """While an answer is owed the driver does not read; when it does all the same it is told, at a limit."""
    limit = 100_000
    settings = ServerSettings("mx.example", limits=Limits(held_input=limit))
    connection = server(settings=settings)
    connection.receive_data(_START)
    assert isinstance(connection.next_event(), Mail)
    assert connection.next_step is Step.DECIDE
    while connection.held <= limit - 6000:
        connection.receive_data(b"NOOP\r\n" * 1000)
    with pytest.raises(LocalProtocolError, match="stop reading while next_step is DECIDE"):
        connection.receive_data(b"NOOP\r\n" * 1000)
    assert limit - 6000 < connection.held <= limit
    question = connection.question
    assert question is not None
    connection.accept(question)
    serve(connection, b"")
    assert connection.held == 0, "what was taken is still answered"


def test_replies_wait_for_the_driver_not_in_the_connection() -> None:
    """One pull is one command, so that a driver which sends between pulls holds one reply."""
    connection = server()
    connection.receive_data(b"NOOP\r\n" * 1000)
    largest = 0
    while connection.next_step is not Step.RECEIVE:
        connection.next_event()
        largest = max(largest, len(connection.data_to_send()))
    assert 0 < largest < 1000


@pytest.mark.parametrize(
    "unit",
    [
        *(b"RCPT TO:<b@b>\r\n", b"RCPT TO:<b@b> X\r\n", b"RCPT x\r\n", b"RCPT\r\n", b"MAIL x\r\n", _START, b"RSET\r\n"),
        *(
            b"NOOP\r\n",
            b"EHLO x\r\n",
            b"HELP\r\n",
            b"EXPN x\r\n",
            b"VRFY x\r\n",
            b"x\r\n",
            b"\r\n",
            b"BDAT 0\r\n",
            b"DATA\r\n",
        ),
        *(b"BDAT 0 LAST\r\n" + _START, b"DATA\r\n.\r\n" + _START, b"AUTH X\r\n", b"STARTTLS\r\n", b"QUIT\r\n"),
    ],
)
@pytest.mark.parametrize("window", [1, 100])
def test_output_that_a_client_does_not_read(unit: bytes, window: int) -> None:
    """A driver that waits for its client to read does not pull: what waits then is the output of one pass."""
    connection = server(_START, ServerSettings("mx.example", rcpt_window=window))
    most = 0
    connection.receive_data(unit * (65536 // len(unit)))
    for _ in range(65536):
        for _ in connection.events():
            if connection.question is not None:
                connection.accept(connection.question)
        most = max(most, len(connection.data_to_send()))
        if connection.next_step is not Step.CONTINUE:
            break
    assert 0 < most < 4 * 65536, "a short command, a longer reply, and that for a read of 64 KiB"


@pytest.mark.rule("C-REP-17")
@pytest.mark.parametrize("unit", [b"220-" + b"x" * 1000 + b"\r\n", b"220-\r\n"])
def test_an_endless_reply_is_an_error(unit: bytes) -> None:
    connection = ClientConnection("c.example")
    found: list[object] = []
    for _ in range(3000):
        connection.receive_data(unit)
        found += connection.events()
    assert len(found) == 1
    assert isinstance(found[0], Closed)
    assert isinstance(found[0].error, RemoteProtocolError)


def test_a_text_of_any_size_passes_by() -> None:
    """No piece is larger than what was fed, however the text was cut."""
    connection = server(_START + b"DATA\r\n")
    most = total = 0
    for _ in range(200):
        connection.receive_data(b"x" * PIECE)
        for event in connection.events():
            assert isinstance(event, Body)
            most = max(most, len(event.data))
            total += len(event.data)
    assert total == 200 * PIECE
    assert most <= PIECE + 4
