"""Small faults of the receive buffer, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.lines import KEPT, LineFault, LineLimits, ReceiveBuffer

LIMITS = LineLimits(1000)


def test_the_smallest_limit() -> None:
    assert LineLimits(66).base == 66
    for base in (65, 64, 63, 0):
        with pytest.raises(LocalProtocolError):
            LineLimits(base)
    assert LineLimits(66).endless == 65536


def test_nothing_came_yet() -> None:
    buffer = ReceiveBuffer()
    assert (buffer.has_line(), buffer.peek(KEPT), buffer.data, len(buffer)) == (False, b"", b"", 0)
    assert ReceiveBuffer().next_line(LIMITS) is None


def test_after_a_line_that_was_read_the_next_octets_can_be_peeked_at() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"a" * 60 + b"\r\n" + b"b" * 10)
    assert buffer.next_line(LIMITS) == b"a" * 60
    buffer.feed(b"c" * 100)
    assert buffer.peek(KEPT) == b"b" * 10 + b"c" * 54


@pytest.mark.parametrize("end", [[b"\r\n"], [b"\r", b"\n"], [b"x\r\n"], [b"x\r", b"\ny"]])
@pytest.mark.parametrize("more", [[], [b"y"], [b"y", b"\r"]])
def test_the_end_of_a_line_is_not_forgotten_for_what_follows(end: list[bytes], more: list[bytes]) -> None:
    buffer = ReceiveBuffer()
    pieces = [b"a" * 100, *end, *more]
    for piece in pieces:
        buffer.feed(piece)
    whole = b"".join(pieces)
    assert buffer.has_line()
    assert buffer.next_line(LIMITS) == whole[: whole.index(b"\r\n")]
    assert not buffer.has_line()
    assert buffer.next_line(LIMITS) is None
    buffer.feed(b"\n" if whole.endswith(b"\r") else b"\r\n")
    rest = whole[whole.index(b"\r\n") + 2 :].removesuffix(b"\r")
    assert buffer.next_line(LIMITS) == rest


def test_what_waits_behind_a_line_stays_in_order() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"a" * 70 + b"\r\n")
    buffer.feed(b"bc")
    assert buffer.next_line(LIMITS) == b"a" * 70
    assert buffer.next_line(LIMITS) is None
    buffer.feed(b"de\r\n")
    assert buffer.next_line(LIMITS) == b"bcde"


@pytest.mark.parametrize(("size", "fault"), [(200, LineFault.TOO_LONG), (201, LineFault.ENDLESS)])
@pytest.mark.parametrize("piece", [1, 50, 1000])
def test_the_longest_line_that_is_only_too_long(size: int, fault: LineFault, piece: int) -> None:
    limits = LineLimits(70, endless=200)
    text = b"a" * (size - 2) + b"\r\n"
    buffer = ReceiveBuffer()
    found: list[bytes | LineFault] = []
    for at in range(0, size, piece):
        buffer.feed(text[at : at + piece])
        line = buffer.next_line(limits)
        found += [] if line is None else [line]
    assert found[0] is fault
    assert buffer.kept == b"a" * KEPT


@pytest.mark.parametrize("size", [69, 70, 71])
def test_a_line_that_just_fits_comes_with_its_crlf_apart(size: int) -> None:
    limits = LineLimits(70)
    for cut in (size - 2, size - 1):
        buffer = ReceiveBuffer()
        text = b"a" * (size - 2) + b"\r\n"
        buffer.feed(text[:cut])
        assert buffer.next_line(limits) is None
        buffer.feed(text[cut:])
        assert buffer.next_line(limits) == (b"a" * (size - 2) if size <= 70 else LineFault.TOO_LONG)


def test_the_tail_of_a_line_that_was_too_long_may_be_cut_before_its_lf() -> None:
    limits = LineLimits(70)
    for pieces in ([b"a" * 100 + b"\r", b"\n"], [b"a" * 100, b"a" * 100 + b"\r", b"\nNOOP\r\n"]):
        buffer = ReceiveBuffer()
        found: list[bytes | LineFault] = []
        for piece in pieces:
            buffer.feed(piece)
            while (line := buffer.next_line(limits)) is not None:
                found.append(line)
        assert found == ([LineFault.TOO_LONG] if len(pieces) == 2 else [LineFault.TOO_LONG, b"NOOP"])


def test_a_stream_without_lines_is_told_again_after_as_much_again() -> None:
    limits = LineLimits(70, endless=200)
    buffer = ReceiveBuffer()
    told: list[int] = []
    for number in range(1, 61):
        buffer.feed(b"a" * 10)
        if buffer.next_line(limits) is LineFault.ENDLESS:
            told.append(10 * number)
    assert told == [200, 400, 600]


@pytest.mark.parametrize("size", [10, 64, 65, 100, 200])
def test_counted_octets_are_taken_from_wherever_they_are(size: int) -> None:
    buffer = ReceiveBuffer()
    text = bytes(range(1, 9)) * 40
    buffer.feed(text[:100])
    buffer.feed(text[100:200])
    buffer.feed(text[200:])
    buffer.consume_to(buffer.start + size)
    assert len(buffer) == len(text) - size
    assert buffer.peek(KEPT) == text[size : size + KEPT]
    assert buffer.data[buffer.start :] == text[size:]


@pytest.mark.parametrize("octets", [b"a" * 100 + b"\r\n", b"a\r\n"])
def test_clear_forgets_the_end_of_a_line(octets: bytes) -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"b" * 100)
    buffer.feed(octets)
    buffer.clear()
    assert not buffer.has_line()
    buffer.feed(b"c")
    assert not buffer.has_line()
    assert buffer.next_line(LIMITS) is None
    buffer.feed(b"\r\n")
    assert buffer.next_line(LIMITS) == b"c"
