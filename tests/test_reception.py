"""The message that is coming in, by itself."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.content import ContentEncoder, NewlinePolicy
from smtpcore.events import Reason
from smtpcore.lines import ReceiveBuffer
from smtpcore.reception import LONG_LINE, Reception

rule = pytest.mark.rule
POLICIES = st.sampled_from([NewlinePolicy.REJECT, NewlinePolicy.KEEP, NewlinePolicy.REPAIR])


def take(reception: Reception, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """Read pieces one by one; the content, and what was left."""
    buffer = ReceiveBuffer()
    content = b""
    for piece in pieces:
        buffer.feed(piece)
        if not reception.text.finished:
            content += reception.take(buffer)
    return content, buffer.peek(len(buffer))


def cut(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(edges) if begin < end]


@rule("S-DATA-03", "S-DATA-15")
def test_a_dotted_text() -> None:
    reception = Reception.dotted(None, NewlinePolicy.REJECT, None)
    assert take(reception, [b"..a\r\n.\r\nNOOP\r\n"]) == (b".a\r\n", b"NOOP\r\n")
    assert reception.text.finished
    assert not reception.whole
    reception.end()
    assert (reception.whole, reception.verdict, reception.text.size, reception.offences()) == (True, None, 4, ())


@rule("X-CHUNKING-05")
def test_chunks() -> None:
    reception = Reception.chunked(None, NewlinePolicy.REJECT, binary=False)
    assert reception.text.finished
    reception.begin_chunk(3)
    assert not reception.text.finished
    assert take(reception, [b"a\r\nBDAT"]) == (b"a\r\n", b"BDAT")
    reception.begin_chunk(2)
    assert take(reception, [b".\r"]) == (b".\r", b"")
    reception.end()
    assert reception.verdict is not None
    assert reception.verdict.reason is Reason.BARE_NEWLINE
    assert reception.offences() == ("bare_cr",)


@rule("X-CHUNKING-28")
@pytest.mark.parametrize("binary", [False, True])
def test_long_lines_of_chunks(binary: bool) -> None:
    """A limit that the application set holds for chunks of text, too (RFC 6152 3), and never for binary content."""
    for size, verdict in ((998, None), (999, LONG_LINE)):
        reception = Reception.chunked(None, NewlinePolicy.REJECT, 1000, binary=binary)
        reception.begin_chunk(size + 2)
        take(reception, [b"x" * size + b"\r", b"\n"])
        reception.end()
        assert reception.verdict == (None if binary else verdict)


@rule("X-SIZE-16", "S-DATA-18")
def test_the_first_verdict_stands() -> None:
    reception = Reception.chunked(4, NewlinePolicy.REJECT, binary=False)
    reception.begin_chunk(5)
    assert reception.verdict is not None
    first = reception.verdict
    assert first.reason is Reason.TOO_BIG
    assert take(reception, [b"a\nb\nc"]) == (b"", b"")
    reception.begin_chunk(5)
    reception.end()
    assert reception.verdict is first


@given(st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=8), POLICIES, st.none() | st.integers(1, 40))
def test_the_cut_of_a_text_changes_nothing(
    octets: bytes, places: list[int], policy: NewlinePolicy, limit: int | None
) -> None:
    encoder = ContentEncoder(NewlinePolicy.KEEP, max_line=None)
    wire = encoder.encode(octets.replace(b"\n.", b"\n..")) + encoder.finish() + b"NOOP\r\n"
    outcomes = []
    for pieces in ([wire], cut(wire, places)):
        reception = Reception.dotted(limit, policy, None)
        content, left = take(reception, pieces)
        reception.end()
        refused = reception.verdict is not None
        ended, size = reception.text.finished, reception.text.size
        outcomes.append((ended, b"" if refused else content, left, reception.verdict, size))
    assert outcomes[0] == outcomes[1]


@given(st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=8), POLICIES, st.booleans())
def test_the_cut_of_a_chunk_changes_nothing(
    octets: bytes, places: list[int], policy: NewlinePolicy, binary: bool
) -> None:
    outcomes = []
    for pieces in ([octets], cut(octets, places)):
        reception = Reception.chunked(None, policy, binary=binary)
        reception.begin_chunk(len(octets))
        outcome = take(reception, pieces)
        reception.end()
        outcomes.append((outcome, reception.verdict, reception.offences()))
    assert outcomes[0] == outcomes[1]
    if binary:
        assert outcomes[0] == ((octets, b""), None, ())
