"""The receive buffer: lines end at CRLF alone, whatever the pieces; limits hold; work and memory stay linear."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import LocalProtocolError
from smtpcore.lines import KEPT, LineFault, LineLimits, ReceiveBuffer

#: A line as it was read, or what was wrong with it and the octets that were kept of it.
Found = tuple[bytes | LineFault, bytes]

SMALL = LineLimits(70, {b"AUTH": 120, b"X": 90}, endless=200)
WIDE = LineLimits(1 << 20)


def drain(buffer: ReceiveBuffer, limits: LineLimits) -> list[Found]:
    found: list[Found] = []
    while (line := buffer.next_line(limits)) is not None:
        found.append((line, b"" if isinstance(line, bytes) else buffer.kept))
    return found


def read(pieces: Iterable[bytes], limits: LineLimits = SMALL, pulls: Sequence[bool] = (True,)) -> list[Found]:
    """What a buffer makes of these pieces; after some of them nobody looks (`pulls`, used again and again)."""
    buffer = ReceiveBuffer()
    found: list[Found] = []
    for number, piece in enumerate(pieces):
        buffer.feed(piece)
        if pulls[number % len(pulls)]:
            found += drain(buffer, limits)
    return found + drain(buffer, limits)


def split(data: bytes, limits: LineLimits) -> list[Found]:
    """The same by the definition, from the whole."""
    found: list[Found] = []
    *lines, rest = data.split(b"\r\n")
    for line in lines:
        verb = line.split(b" ", 1)[0].upper()
        if len(line) + 2 <= limits.verbs.get(verb, limits.base):
            found.append((line, b""))
        else:
            endless = len(line) + 2 > limits.endless
            found.append((LineFault.ENDLESS if endless else LineFault.TOO_LONG, line[:KEPT]))
    if len(rest.removesuffix(b"\r")) + 2 > limits.endless:
        found.append((LineFault.ENDLESS, rest[:KEPT]))
    return found


def until_endless(found: list[Found]) -> list[Found]:
    """Nothing after an endless line is in step."""
    lines = [line for line, _ in found]
    return found[: lines.index(LineFault.ENDLESS) + 1] if LineFault.ENDLESS in lines else found


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


_SIZES = (1, 30, 66, 67, 68, 69, 88, 115, 197, 198, 199)
_RUNS = st.builds(bytes.__mul__, st.sampled_from((b"a", b"b", b" ")), st.sampled_from(_SIZES))
_PARTS = st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\r", b"\n", b"AUTH ", b"auth", b"X ", b"XY ", b"\0")) | _RUNS
TEXTS = st.lists(_PARTS, max_size=14).map(b"".join)


@pytest.mark.rule("B-GRAM-01", "S-GRAM-03", "B-LIM-04", "S-LIM-14", "X-FW-24")
@given(TEXTS, st.lists(st.integers(0, 3000), max_size=12), st.lists(st.booleans(), min_size=1, max_size=5))
def test_no_segmentation_changes_lines_faults_and_what_is_kept(
    text: bytes, places: list[int], pulls: list[bool]
) -> None:
    expected = until_endless(split(text, SMALL))
    assert until_endless(read([text])) == expected
    assert until_endless(read(cut(text, places), pulls=pulls)) == expected
    assert until_endless(read(text[at : at + 1] for at in range(len(text)))) == expected


@given(TEXTS, st.lists(st.integers(0, 3000), max_size=12), st.lists(st.booleans(), min_size=1, max_size=5))
def test_without_limits_nothing_is_lost(text: bytes, places: list[int], pulls: list[bool]) -> None:
    lines = [line for line, _ in read(cut(text, places), WIDE, pulls)]
    assert lines == text.split(b"\r\n")[:-1]


@pytest.mark.rule("B-GRAM-01", "LEN-08")
@pytest.mark.parametrize(
    "end", [b"\n", b"\r", b"\n\r", b"\r\r", b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8"]
)
def test_only_crlf_ends_a_line(end: bytes) -> None:
    assert read([b"NOOP" + end]) == []
    assert read([b"NOOP" + end + b"QUIT\r\n"]) == [(b"NOOP" + end + b"QUIT", b"")]


def test_cr_before_crlf_belongs_to_the_line() -> None:
    assert read([b"NOOP\r\r\n\n\r\n"]) == [(b"NOOP\r", b""), (b"\n", b"")]


@pytest.mark.rule("S-GRAM-19")
def test_empty_lines_are_lines() -> None:
    assert read([b"\r\n\r\n"]) == [(b"", b""), (b"", b"")]


@pytest.mark.rule("B-LIM-04", "X-FW-24")
@pytest.mark.parametrize(
    ("line", "limit"),
    [
        (b"NOOP ", 70),
        (b"AUTH ", 120),
        (b"auth ", 120),
        (b"AUTHX ", 70),
        (b"AUTH\t", 70),
        (b"AUT ", 70),
        (b"X ", 90),
        (b"Y ", 70),
    ],
)
def test_a_line_just_fits_or_is_answered_once(line: bytes, limit: int) -> None:
    fits = line.ljust(limit - 2, b"a")
    for step in (1, 7, 1000):
        text = fits + b"\r\n" + fits + b"a\r\nNOOP\r\n"
        pieces = [text[at : at + step] for at in range(0, len(text), step)]
        assert read(pieces) == [(fits, b""), (LineFault.TOO_LONG, fits[:KEPT]), (b"NOOP", b"")]


@pytest.mark.rule("X-FW-24")
def test_the_tail_of_a_line_is_no_command() -> None:
    text = b"MAIL FROM:<" + b"a" * 5000 + b">\r\nNOOP\r\n"
    limits = LineLimits(2048)
    assert read([text], limits) == [(LineFault.TOO_LONG, text[:KEPT]), (b"NOOP", b"")]
    assert read(cut(text, range(0, 6000, 100)), limits) == [(LineFault.TOO_LONG, text[:KEPT]), (b"NOOP", b"")]


@pytest.mark.rule("S-LIM-14", "B-SEC-10")
@pytest.mark.parametrize("octets", [b"a", b"\r", b"\n", b"AUTH "])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_line_without_end_takes_no_memory(octets: bytes, size: int) -> None:
    limits = LineLimits(512, {b"AUTH": 1000}, endless=1 << 30)
    buffer = ReceiveBuffer()
    text = octets * 5000
    for at in range(0, len(text), size):
        buffer.feed(text[at : at + size])
        assert len(buffer) <= 1000 + size
        assert buffer.next_line(limits) is None
        assert len(buffer) <= 1000
    buffer.feed(b"x\r\nNOOP\r\n")
    assert drain(buffer, limits) == [(LineFault.TOO_LONG, text[:KEPT]), (b"NOOP", b"")]


@pytest.mark.parametrize("limit", [200, 66])
def test_a_peer_without_lines_is_told_from_one_with_long_lines(limit: int) -> None:
    limits = LineLimits(66, endless=limit)
    most = max(limit, 66)
    assert read([b"a" * (most - 2)], limits) == []
    assert read([b"a" * (most - 1)], limits) == [(LineFault.ENDLESS, b"a" * KEPT)]
    assert read([b"a" * (most - 1) + b"\r\n"], limits) == [(LineFault.ENDLESS, b"a" * KEPT)]


def test_an_endless_line_is_never_shorter_than_a_line() -> None:
    assert LineLimits(512, endless=100).endless == 512
    assert LineLimits(512, {b"AUTH": 12290}, endless=1000).endless == 12290
    assert LineLimits(512).endless == 65536


def test_limits_too_small_to_tell_a_verb_are_refused() -> None:
    assert LineLimits(KEPT + 2).base == 66
    with pytest.raises(LocalProtocolError, match="66 octets"):
        LineLimits(KEPT + 1)


# --- octets that are not lines --------------------------------------------------------------------------------------

_STEPS = st.one_of(
    TEXTS.map(lambda text: ("feed", text)),
    st.integers(0, 200).map(lambda size: ("take", size)),
    st.sampled_from(("line", "look", "data")).map(lambda name: (name, 0)),
)


@given(st.lists(_STEPS, max_size=20))
def test_lines_and_counted_octets_in_turn(steps: list[tuple[str, Any]]) -> None:
    buffer, held = ReceiveBuffer(), b""
    for name, value in steps:
        if name == "feed":
            buffer.feed(value)
            held += value
        elif name == "take":
            size = min(value, len(held))
            buffer.consume_to(buffer.start + size)
            held = held[size:]
        elif name == "line":
            line, crlf, rest = held.partition(b"\r\n")
            assert buffer.next_line(WIDE) == (line if crlf else None)
            held = rest if crlf else held
        elif name == "data":
            assert buffer.data[buffer.start :] == held
        assert len(buffer) == len(held)
        assert buffer.peek(5) == held[:5]
        assert buffer.peek(KEPT) == held[:KEPT]
        assert buffer.has_line() is (b"\r\n" in held)
    buffer.clear()
    assert (len(buffer), buffer.peek(5), buffer.has_line()) == (0, b"", False)
    buffer.feed(b"\nNOOP\r\n")
    assert drain(buffer, WIDE) == [(b"\nNOOP", b"")]


def test_clear_forgets_half_a_line_that_was_too_long() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"a" * 100)
    assert buffer.next_line(SMALL) is None
    buffer.clear()
    buffer.feed(b"b\r\n")
    assert buffer.next_line(SMALL) == b"b"


# --- work -----------------------------------------------------------------------------------------------------------


class Counted(bytes):
    """Octets that count how many of them are copied or searched."""

    work = 0

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        if isinstance(found, bytes):
            Counted.work += len(found)
            return Counted(found)
        return found

    def __add__(self, other: Any) -> Counted:
        Counted.work += len(self) + len(other)
        return Counted(super().__add__(other))

    def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        found = super().find(sub, start)
        Counted.work += (len(self) if found < 0 else found + 2) - start
        return found


def work(pieces: Iterable[bytes], limits: LineLimits, pulls: Sequence[bool]) -> int:
    Counted.work = 0
    read(map(Counted, pieces), limits, pulls)
    return Counted.work


def octets(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


@pytest.mark.rule("S-LIM-14")
@pytest.mark.parametrize("pulls", [(True,), (False,), (False,) * 999 + (True,)], ids=["always", "at the end", "rarely"])
@pytest.mark.parametrize(
    ("unit", "limits"),
    [
        (b"NOOP\r\n", SMALL),
        (b"RCPT TO:<" + b"a" * 50 + b"@b.example>\r\n", LineLimits(2048)),
        (b"a", WIDE),
        (b"\r", WIDE),
        (b"\n", WIDE),
        (b"\n\r", WIDE),
        (b"\r\n", WIDE),
        (b"a", SMALL),
        (b"\r", SMALL),
        (b"a" * 100 + b"\r\n", SMALL),
    ],
)
def test_octets_one_by_one_cost_what_they_are(unit: bytes, limits: LineLimits, pulls: Sequence[bool]) -> None:
    once = work(octets(unit * (3000 // len(unit))), limits, pulls)
    twice = work(octets(unit * (6000 // len(unit))), limits, pulls)
    assert once <= 3000 * 2 * KEPT
    assert twice <= once * 2.3


@pytest.mark.parametrize("count", [1000, 4000])
def test_many_lines_in_one_piece_are_touched_twice(count: int) -> None:
    text = b"RCPT TO:<someone@example.org>\r\n" * count
    assert work([text], LineLimits(2048), (True,)) <= 2 * len(text)
