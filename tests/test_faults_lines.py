"""Small faults of the receive buffer and of message text, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import pytest

from smtpcore.content import (
    ChunkDecoder,
    ChunkEncoder,
    ContentDecoder,
    ContentEncoder,
    NewlinePolicy,
    Offence,
    UnsendableContent,
    encode_clean,
)
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


@pytest.mark.parametrize("more", [0, 1, 100])
def test_all_that_is_held_can_be_taken_and_what_comes_then_is_whole(more: int) -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"a" * 100)
    buffer.feed(b"b" * more)
    buffer.consume_to(buffer.start + len(buffer))
    assert (len(buffer), buffer.has_line()) == (0, False)
    buffer.feed(b"NOOP\r\nQUIT\r\n")
    assert [buffer.next_line(LIMITS), buffer.next_line(LIMITS)] == [b"NOOP", b"QUIT"]


def test_the_next_line_is_measured_from_its_own_start_after_a_stream_without_lines() -> None:
    limits = LineLimits(70, endless=200)
    buffer = ReceiveBuffer()
    buffer.feed(b"a" * 300)
    assert buffer.next_line(limits) is LineFault.ENDLESS
    buffer.feed(b"b" * 68 + b"\r\n")
    assert buffer.next_line(limits) == b"b" * 68


@pytest.mark.parametrize("end", [b"c\r\n", b"\r\n"])
def test_a_short_line_that_comes_in_pieces_behind_a_long_one(end: bytes) -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"a" * 500 + b"\r\n" + b"b" * KEPT)
    assert buffer.next_line(LIMITS) == b"a" * 500
    buffer.feed(end)
    assert buffer.next_line(LIMITS) == b"b" * KEPT + end[:-2]


@pytest.mark.parametrize("text", [b"\r\n", b"a\r\n"])
def test_the_shortest_lines_are_lines(text: bytes) -> None:
    buffer = ReceiveBuffer()
    buffer.feed(text)
    assert buffer.has_line()


def test_what_waits_is_not_moved_for_each_line_in_front_of_it() -> None:
    """Else a client that sends a line for each one that is answered would make the work grow with all that waits."""
    buffer = ReceiveBuffer()
    buffer.feed(b"0123456789\r\n" * 50)
    buffer.feed(b"0123456789\r\n" * 50)
    for number in range(1, 40):
        assert buffer.next_line(LIMITS) == b"0123456789"
        assert buffer.start == 12 * number


# -- content ----------------------------------------------------------------------------------------------------------


def test_a_line_without_end_may_have_as_many_octets_as_one_with_it() -> None:
    encoder = ChunkEncoder(max_line=1000)
    assert encoder.encode(b"a" * 1000) == b"a" * 1000
    with pytest.raises(UnsendableContent):
        encoder.encode(b"a")
    assert encoder.finish() == b""


def test_a_long_line_is_an_offence() -> None:
    decoder = ContentDecoder(max_line=1000)
    decoder.feed(b"a" * 999 + b"\r\n.\r\n")
    assert decoder.has_long_line
    assert decoder.offences is Offence.LONG_LINE


@pytest.mark.parametrize("most", [2, 3, 4, 5, 6, 7, 8, 1000])
def test_at_most_so_many_octets_are_taken(most: int) -> None:
    decoder = ContentDecoder()
    assert decoder.feed(b"..abcde", 1, most) == (b"abcde"[: most - 1], min(1 + most, 7))


def test_a_dot_at_the_start_of_a_piece_hides_no_other() -> None:
    decoder = ContentDecoder()
    assert decoder.feed(b"a") == (b"a", 1)
    assert decoder.feed(b".b\r\n..c\r\nd")[0] == b".b\r\n.c\r\nd"
    assert decoder.feed(b".e\r\n.\r\nf")[0] == b".e\r\n"
    assert decoder.finished


@pytest.mark.parametrize(
    ("text", "long"), [(b"a" * 1000, False), (b"a" * 999 + b"\r", False), (b"a" * 1000 + b"\r", True), (b"\r", False)]
)
def test_a_cr_that_ends_all_chunks_belongs_to_its_line(text: bytes, long: bool) -> None:
    for limit in (1000, None):
        decoder = ChunkDecoder(max_line=limit)
        decoder.begin(len(text))
        assert decoder.take(text) == (text, len(text))
        decoder.end()
        assert decoder.has_bare_cr is text.endswith(b"\r")
        assert decoder.has_long_line is (long and limit is not None)


@pytest.mark.parametrize("make", [ChunkEncoder, ContentEncoder])
def test_the_last_octet_counts_too(make: type[ChunkEncoder]) -> None:
    encoder = make(NewlinePolicy.KEEP)
    encoder.encode(b"ab\r")
    assert encoder.size == 2
    encoder.finish()
    assert encoder.size == 3


@pytest.mark.rule("C-LIM-07")
@pytest.mark.parametrize(("text", "fits"), [(b"a" * 998, True), (b"a" * 999, False), (b"a" * 1000, False)])
@pytest.mark.parametrize("before", [b"", b"b\r\n"])
def test_the_crlf_that_a_last_line_is_given_counts(before: bytes, text: bytes, fits: bool) -> None:
    for pieces in ([before + text], [before, text[:990], text[990:]]):
        encoder = ContentEncoder()
        if fits:
            assert b"".join(map(encoder.encode, pieces)) + encoder.finish() == before + text + b"\r\n.\r\n"
        else:
            with pytest.raises(UnsendableContent) as told:
                [*map(encoder.encode, pieces)]
            assert (told.value.offence, told.value.position) == (Offence.LONG_LINE, len(before))
    assert encode_clean(before + text, 1000) == (before + text + b"\r\n.\r\n" if fits else None)


def test_what_was_refused_does_not_count_for_the_line() -> None:
    encoder = ContentEncoder()
    for _ in range(2):
        with pytest.raises(UnsendableContent):
            encoder.encode(b"a" * 999)
    assert encoder.encode(b"a" * 998) == b"a" * 998


@pytest.mark.parametrize("text", [b"", b"a", b"a\r\n", b".", b"a" * 5000])
def test_the_short_way_is_that_of_the_encoder_without_limit(text: bytes) -> None:
    encoder = ContentEncoder(max_line=None)
    assert encode_clean(text, None) == encoder.encode(text) + encoder.finish()
