"""Speed, by counting: what must not grow unseen, the same on every machine.  Seconds are for `tests.benchmarks`."""

from __future__ import annotations

import math
import select
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest

from smtpcore.content import ContentDecoder, ContentEncoder
from tests.benchmarks import adapters, counting, delay, goals, growth, load, memory, objects
from tests.benchmarks.__main__ import SECTIONS, asked, parser
from tests.benchmarks.peers import Peers, chosen
from tests.benchmarks.tables import Table, compare, ratio

KIB = 1024

#: Python functions that may be entered for one message: what is reached now, and a tenth more.
BUDGETS = {"lock-step, 1 per connection": 146, "pipelined, 1 per connection": 135, "pipelined, 100 per connection": 72}


@pytest.mark.parametrize("shape", objects.SHAPES)
def test_calls_for_a_message_in_a_server(shape: str) -> None:
    reads, messages = objects.SHAPES[shape]
    objects.check("smtpcore", adapters.server_factory)
    counted = counting.calls(lambda: objects.converse(adapters.server_factory, reads))
    assert counted / messages <= BUDGETS[shape]


@pytest.mark.parametrize(("send", "budget"), [(adapters.send, 110), (adapters.send_queued, 142)])
def test_calls_for_a_message_of_a_client(send: Callable[[int], int], budget: int) -> None:
    send(2)
    counted = counting.calls(lambda: send(12)) - counting.calls(lambda: send(2))
    assert counted / 10 <= budget


def test_calls_for_a_recipient_in_a_server() -> None:
    def cost(count: int) -> int:
        return counting.calls(growth.serve([growth.HELLO, growth.MAIL], [growth.RCPT * count]))

    cost(1)
    assert (cost(110) - cost(10)) / 100 <= 13


@pytest.mark.parametrize("line", [b"x" * 76, b"x" * 74 + b"\r\n", b".." + b"x" * 72 + b"\r\n"])
def test_content_costs_nothing_for_each_line(line: bytes) -> None:
    """Whatever is in a piece of text, as many functions are entered."""
    data = line * (65536 // len(line))
    decoder, encoder = ContentDecoder(), ContentEncoder(max_line=None)
    decoder.feed(b"x\r\n")
    assert counting.calls(lambda: decoder.feed(data)) <= 7
    assert counting.calls(lambda: encoder.encode(data)) <= 7


@pytest.mark.parametrize("name", [*growth.SERVER, *growth.CLIENT])
def test_hostile_input_costs_what_it_weighs(name: str) -> None:
    attack, _ = {**growth.SERVER, **growth.CLIENT}[name]
    size = 130
    attack(size)()
    small, large = counting.calls(attack(size)), counting.calls(attack(10 * size))
    assert math.log10(large / small) <= 1.1


@pytest.mark.parametrize("name", growth.SINGLE)
def test_one_octet_a_call(name: str) -> None:
    """A fixed handful of functions for an octet that comes alone."""
    attack, _ = {**growth.SERVER, **growth.CLIENT}[name]
    attack(100)()
    assert (counting.calls(attack(620)) - counting.calls(attack(310))) / 310 <= 32


@pytest.mark.rule("X-PIPELINING-03")
def test_turns_of_a_client() -> None:
    """MAIL, RCPT and DATA in one group; queued messages behind the final dot; with CHUNKING one flight for each."""
    assert counting.turns_one_by_one(20) <= 2.1 * 20
    assert counting.turns_queued(20, chunking=False) <= 1.15 * 20
    assert counting.turns_queued(20, chunking=True) <= 1.15 * 20
    assert counting.turns_queued(40, chunking=True) - counting.turns_queued(20, chunking=True) == 20


def test_memory_of_an_idle_connection() -> None:
    """After EHLO, with everything offered: a server has thousands of these."""
    assert memory.octets_of_server(50) <= KIB
    assert memory.octets_of_client(50) <= 6 * KIB


def peak(action: Callable[[], object]) -> int:
    """Octets that an action holds at once, beyond what there was."""
    action()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    action()
    found = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return found


class Stream(Iterable[bytes]):
    """The same piece again and again, without holding them all."""

    def __init__(self, piece: bytes, count: int) -> None:
        self.piece, self.count = piece, count

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.count):
            yield bytes(bytearray(self.piece))  # octets of its own, as from a transport


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (growth.TEXT, b"x" * 65536),
        (growth.TEXT, (b"x" * 74 + b"\r\n") * 862),
        (growth.TEXT, (b".." + b"x" * 72 + b"\r\n") * 862),
        (growth.TEXT, b"\r\n" * 32768),
        (growth.TEXT, b"..\r\n" * 16384),
        (growth.TEXT, b"\r\n.\r" * 16384),
        ([*growth.CHUNKS, b"BDAT 999999999\r\n"], b"x" * 65536),
        ([growth.HELLO], b"x" * 65536),
        ([growth.HELLO, growth.MAIL], growth.RCPT * 20),
    ],
)
def test_memory_while_a_message_passes(before: list[bytes], piece: bytes) -> None:
    """Eight times the piece at most, whatever it holds and however much of it comes."""
    attack = growth.serve(before, Stream(piece, 40))
    assert peak(attack) <= 8 * 65536


# --- the benchmarks themselves -------------------------------------------------------------------------------------


def test_tables() -> None:
    samples = {"smtpcore": [1.0, 2.0, 3.0], "peer": [4.0, 4.0, 5.0], "absent": []}
    assert ratio(samples, "smtpcore", "peer") == 0.5
    assert ratio(samples, "smtpcore", "absent") is None
    text = compare("Title", samples, "us", ["peer", "absent"]).markdown(2)
    assert text.startswith("## Title\n\n|")
    assert "absent" not in text
    assert "| smtpcore | 2  | 100 %  | 0.50   |" in text


def test_goals() -> None:
    text = goals.table({"body.peak": 2.0, "import": 20.0}).markdown()
    assert "| at most 1     | 2       | **missed**   |" in text
    assert "| at most 25    | 20      |              |" in text
    assert "not measured" in text
    assert len({goal.fact for goal in goals.GOALS}) == len(goals.GOALS)


def test_the_harness_knows_its_sections() -> None:
    text = parser().format_help()
    assert all(name in text for name in SECTIONS)
    made = Table("t", ["a"])
    made.add(1)
    assert "| 1 |" in made.markdown()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "no such section: nothing"),
        (["--only", "nobody"], "no such competitor: nobody"),
        (["--runs", "0"], "'0' is not a number from 1 on"),
        (["--runs", "two"], "'two' is not a number from 1 on"),
        (["--scale", "-1"], "'-1' is not a number above 0"),
        (["--limit", "nan"], "'nan' is not a number above 0"),
        (["--json", "no/such/folder/x"], "--json: "),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        asked(parser(), arguments)
    assert told in capsys.readouterr().err


def test_sections_are_run_once_and_all_by_default() -> None:
    assert asked(parser(), ["micro", "objects", "micro"]).what == ["micro", "objects"]
    assert {"micro", "objects", "growth"} <= set(asked(parser(), []).what) <= set(SECTIONS)


def test_who_is_not_here_is_said() -> None:
    there = Peers({"a": []}, {"go-smtp": "not built"})
    assert there.note("Text.") == "Text. Not here: go-smtp (not built)."
    assert Peers({}, {}).note() == ""
    names = ("smtpcore", "smtplib")
    only = chosen(names, {name: [name] for name in names}, asked(parser(), ["--only", "smtplib"]))
    assert only == Peers({"smtplib": ["smtplib"]}, {})


def test_turns_and_time_behind_a_delay() -> None:
    """From the reply to the first turn, EHLO, to the last that the client heard."""
    counter = delay.Counter()
    for now in (1.0, 2.0, 3.0):
        counter.server(now)  # the greeting comes unasked
        counter.client()
        counter.client()
    counter.server(5.0)
    counter.server(5.5)
    assert (counter.turns, counter.begin, counter.end) == (3, 2.0, 5.5)


def test_replies_that_a_load_reads() -> None:
    assert load.replies(b"250-a\r\n250 b\r\n354 go\r\n") == [b"250 b", b"354 go"]
    with pytest.raises(ValueError, match="452"):
        load.replies(b"250 a\r\n452 full\r\n")
    assert [load.share(10, 4, number) for number in range(4)] == [3, 3, 2, 2]


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="the load waits with epoll")
@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("width", [7, 65536])
def test_a_load_counts_what_was_accepted(piped: bool, width: int) -> None:
    """Also when replies come in pieces: three connections, two messages in each."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listening:
        server = threading.Thread(target=take, args=(listening, 3, width))
        server.start()
        task: load.Task = {
            "connections": 1,
            "total": 6,
            "each": 2,
            "size": 300,
            "piped": piped,
            "limit": 20,
            "processors": [],
        }
        result = load.Load(listening.getsockname()[1], task).run()
        server.join()
    assert (result["messages"], result["errors"]) == (6, 0)


def take(listening: socket.socket, connections: int, width: int) -> None:
    """A server, one connection after the other; what it says comes in pieces of some width."""
    for _ in range(connections):
        sock, _ = listening.accept()
        with sock:
            feed, data = adapters.server_factory(), b""
            while True:
                output = feed(data)
                for place in range(0, len(output), width):
                    sock.sendall(output[place : place + width])
                data = sock.recv(65536)
                if not data:
                    break
