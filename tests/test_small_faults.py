"""Small faults that the other tests let pass, as mutation testing found (`docs/mutation.md`): one test for each."""

from __future__ import annotations

import pytest

from smtpcore.commands import Noop, parse
from smtpcore.content import PIECE, ChunkDecoder, ContentDecoder, ContentEncoder, NewlinePolicy
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.lines import LineLimits, ReceiveBuffer


@pytest.mark.parametrize("length", [62, 63, 64, 65, 300])
def test_the_lf_of_a_long_line_comes_alone(length: int) -> None:
    buffer = ReceiveBuffer()
    line = b"x" * length
    buffer.feed(line + b"\r")
    assert buffer.next_line(LineLimits(1000)) is None
    buffer.feed(b"\n")
    assert buffer.has_line()
    assert buffer.next_line(LineLimits(1000)) == line


@pytest.mark.parametrize("shift", range(-8, 9))
@pytest.mark.parametrize("middle", [b"\r\n.\r\n.\r\n.", b"\r\n.\r\r\n..", b"..\r\n.\r\n"])
def test_dots_at_the_border_of_a_piece(shift: int, middle: bytes) -> None:
    text = b"x" * (PIECE + shift) + middle + b"y\r\n"
    encoder = ContentEncoder(NewlinePolicy.KEEP, max_line=None)
    wire = encoder.encode(text) + encoder.finish()
    assert wire == text.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    decoder = ContentDecoder(NewlinePolicy.KEEP, None)
    got, stop = decoder.feed(wire, 0)
    assert (got, stop, decoder.finished) == (text, len(wire), True)


def test_before_its_first_chunk_nothing_is_owed() -> None:
    assert ChunkDecoder().remaining == 0


@pytest.mark.parametrize("text", ["XX", "X y", "x"])
def test_only_spaces_are_cut_from_an_argument(text: str) -> None:
    assert parse(b"NOOP " + text.encode(), ExtensionSet(()).language(lmtp=False)) == Noop(text)
