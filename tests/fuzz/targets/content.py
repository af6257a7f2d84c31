"""Texts: dots taken off and put on in any pieces, under every policy; the end is CRLF.CRLF and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.content import (
    ChunkDecoder,
    ChunkEncoder,
    ContentDecoder,
    ContentEncoder,
    NewlinePolicy,
    UnsendableContent,
)
from tests.fuzz import corpus
from tests.fuzz.choices import Choices, joined, split
from tests.fuzz.oracles import check_position, ended_text, plain_text


def seeds() -> Iterable[bytes]:
    return [joined(octets) for octets in corpus.texts()]


def run(data: bytes) -> None:
    wire, choices = split(data)
    for policy in NewlinePolicy:
        _decode(wire, choices, policy)
        _encode(wire, choices, policy)
    _chunks(wire, choices)


def _decode(wire: bytes, choices: Choices, policy: NewlinePolicy) -> None:
    expected, rest = ended_text(wire)
    for pieces in ([wire], [wire[at : at + 1] for at in range(len(wire))], list(choices.pieces(wire))):
        decoder = ContentDecoder(policy)
        content, left = b"", b""
        for piece in pieces:
            text, taken = decoder.feed(piece)
            content += text
            left += piece[taken:]
        assert decoder.finished is (expected is not None), (wire, policy)
        if expected is None:
            continue
        assert left == rest
        assert decoder.size == len(content)
        bare = expected.replace(b"\r\n", b"")
        assert decoder.has_bare_cr is (b"\r" in bare)
        assert decoder.has_bare_lf is (b"\n" in bare)
        assert content == (plain_text(expected) if policy is NewlinePolicy.REPAIR else expected)


def _encode(content: bytes, choices: Choices, policy: NewlinePolicy) -> None:
    encoder = ContentEncoder(policy, max_line=choices.pick((None, 1000)))
    wire = b""
    try:
        for piece in choices.pieces(content):
            wire += encoder.encode(piece)
        wire += encoder.finish()
    except UnsendableContent as problem:
        check_position(problem.position, content)
        return
    text, rest = ended_text(wire)
    assert rest == b"", "more than one end of the data"
    meant = plain_text(content) if policy is NewlinePolicy.REPAIR else content
    meant += b"" if meant.endswith(b"\r\n") or not meant else b"\r\n"
    assert text == meant, (content, wire)
    if policy is not NewlinePolicy.KEEP:
        bare = wire.replace(b"\r\n", b"")
        assert b"\r" not in bare
        assert b"\n" not in bare


def _chunks(content: bytes, choices: Choices) -> None:
    decoder, taken = ChunkDecoder(), b""
    for piece in choices.pieces(content):
        decoder.begin(len(piece))
        while decoder.remaining:
            text, _ = decoder.take(piece[len(piece) - decoder.remaining :][:7])
            taken += text
    decoder.end()
    assert taken == content
    bare = content.replace(b"\r\n", b"")
    assert decoder.has_bare_cr is (b"\r" in bare)
    assert decoder.has_bare_lf is (b"\n" in bare)
    encoder = ChunkEncoder(NewlinePolicy.REPAIR)
    assert b"".join([*map(encoder.encode, choices.pieces(content)), encoder.finish()]) == plain_text(content)
