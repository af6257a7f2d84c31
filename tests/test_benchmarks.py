"""Speed, by counting: what must not grow unseen, the same on every machine.  Seconds are for `tests.benchmarks`."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest

from smtpcore.content import ContentDecoder, ContentEncoder
from tests.benchmarks import adapters, counting, goals, growth, memory, objects
from tests.benchmarks.__main__ import SECTIONS, parser
from tests.benchmarks.tables import Table, compare, ratio

KIB = 1024

#: Python functions that may be entered for one message: what is reached now, and a tenth more.
BUDGETS = {"lock-step, 1 per connection": 176, "pipelined, 1 per connection": 157, "pipelined, 100 per connection": 88}


@pytest.mark.parametrize("shape", objects.SHAPES)
def test_calls_for_a_message_in_a_server(shape: str) -> None:
    reads, messages = objects.SHAPES[shape]
    objects.check("smtpcore", adapters.server_factory)
    counted = counting.calls(lambda: objects.converse(adapters.server_factory, reads))
    assert counted / messages <= BUDGETS[shape]


@pytest.mark.parametrize(("send", "budget"), [(adapters.send, 255), (adapters.send_queued, 287)])
def test_calls_for_a_message_of_a_client(send: Callable[[int], int], budget: int) -> None:
    send(2)
    counted = counting.calls(lambda: send(12)) - counting.calls(lambda: send(2))
    assert counted / 10 <= budget


def test_calls_for_a_recipient_in_a_server() -> None:
    def cost(count: int) -> int:
        return counting.calls(growth.serve([growth.HELLO, growth.MAIL], [growth.RCPT * count]))

    cost(1)
    assert (cost(110) - cost(10)) / 100 <= 15


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
