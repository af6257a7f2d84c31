"""Message octets: where the data end, what is stuffed and unstuffed, what is noted on the way.

The oracle for the end of the data is `split_at_end`, twenty lines that share nothing with the library: it cuts at
CRLF and looks for the line that is a single dot.
"""

from __future__ import annotations

import hashlib
import pickle
import tracemalloc
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.content import (
    BareNewline,
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

REJECT, KEEP, REPAIR = NewlinePolicy.REJECT, NewlinePolicy.KEEP, NewlinePolicy.REPAIR
BARE = Offence.BARE_CR | Offence.BARE_LF


# -- the other side of every comparison -------------------------------------------------------------------------------


def split_at_end(wire: bytes) -> tuple[bytes, int] | None:
    """The content and the offset after the end of the data, or None while they have not ended."""
    lines: list[bytes] = []
    position = 0
    while (stop := wire.find(b"\r\n", position)) >= 0:
        line = wire[position : stop + 2]
        position = stop + 2
        if line == b".\r\n":
            return b"".join(lines), position
        lines.append(line[1:] if line.startswith(b".") else line)
    return None


def bare_at(content: bytes, position: int) -> bool:
    """Whether the octet at `position` is a CR without LF or an LF without CR."""
    if content[position] == 13:
        return content[position + 1 : position + 2] != b"\n"
    return content[position] == 10 and content[max(position - 1, 0) : position] != b"\r"


def offences_of(content: bytes) -> Offence:
    """What `content` holds, octet by octet."""
    found = Offence.NONE
    for position, octet in enumerate(content):
        if bare_at(content, position):
            found |= Offence.BARE_CR if octet == 13 else Offence.BARE_LF
        if octet == 0:
            found |= Offence.NUL
        if octet > 127:
            found |= Offence.EIGHT_BIT
    return found


def repaired(content: bytes) -> bytes:
    """Each CR LF, CR and LF made CR LF, octet by octet."""
    result = bytearray()
    previous = 0
    for octet in content:
        if octet == 13 or (octet == 10 and previous != 13):
            result += b"\r\n"
        elif octet != 10:
            result.append(octet)
        previous = octet
    return bytes(result)


def lenient_ends(wire: bytes) -> int:
    """How many ends of the data a receiver sees for whom CR LF, CR and LF all end a line."""
    return sum(line == b"." for line in repaired(wire).split(b"\r\n"))


def cut(octets: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(octets) + 1) for place in cuts}), len(octets)]
    return [octets[a:b] for a, b in pairwise(edges)]


def decode(pieces: list[bytes], decoder: ContentDecoder) -> tuple[bytes, int]:
    """Content given out, and how many octets were taken."""
    content, taken = b"", 0
    for piece in pieces:
        text, offset = decoder.feed(piece)
        content += text
        taken += offset
    return content, taken


def encode(pieces: list[bytes], encoder: ChunkEncoder) -> bytes:
    return b"".join([encoder.encode(piece) for piece in pieces]) + encoder.finish()


TOKENS = [
    b"\r",
    b"\n",
    b".",
    b"\0",
    b"a",
    b"\r\n",
    b"\r\n.",
    b"\r\n..",
    b"\n.\n",
    b"\r\n.\r\n",
    b"\xe9",
    b" ",
    b"Subject: x",
]
texts = st.lists(st.sampled_from(TOKENS), max_size=24).map(b"".join)
clean_texts = st.lists(st.sampled_from([b".", b"..", b"a", b"\0", b"\xe9", b"\r\n", b"\r\n"]), max_size=24).map(
    b"".join
)
cuts = st.lists(st.integers(0, 400), max_size=6)
policies = st.sampled_from(NewlinePolicy)
every_policy = pytest.mark.parametrize("policy", list(NewlinePolicy), ids=lambda policy: policy.value)


# -- decoder: the end of the data -------------------------------------------------------------------------------------

NEAR_MISSES = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\ra",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\0\n.\r\n",
    b"\r\n.\r\0\n",
    b"\n\r.\n\r",
    b"\r\n .\r\n",
    b"\r\n. \r\n",
    b"\r\n.\t\r\n",
    b"\r\n..\r\n",
    b"\r\n..\n",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\x1c.\x1d",
    b"\x1e.\r\n",
    b"\x85.\x85",
    b"\r\n\xe2\x80\xa8.\r\n",
    b"\r\n\xc0\xae\r\n",
    b"\r\n\xef\xbc\x8e\r\n",
    b"=0D=0A.=0D=0A",
]
START_NEAR_MISSES = [b".\n", b".\ra", b".\r\r\n", b"\n.\r\n", b"\r.\r\n", b"..\r\n", b". \r\n", b"\0.\r\n", b"\n.\n"]


@pytest.mark.rule("B-GRAM-01", "S-DATA-04", "S-DATA-05", "LEN-10", "LEN-69")
@every_policy
@pytest.mark.parametrize("before", [b"text", b"", b"x\r\n"])
@pytest.mark.parametrize("miss", NEAR_MISSES)
def test_what_only_looks_like_the_end_is_content(miss: bytes, before: bytes, policy: NewlinePolicy) -> None:
    smuggled = before + miss + b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<v@example.net>\r\nDATA\r\n"
    for width in (1, 2, 3, len(smuggled)):
        decoder = ContentDecoder(policy)
        content, taken = decode([smuggled[i : i + width] for i in range(0, len(smuggled), width)], decoder)
        assert not decoder.finished
        assert taken == len(smuggled)
        assert content.endswith(b"\r\nDATA\r\n")
        rest, offset = decoder.feed(b"x\r\n.\r\nQUIT\r\n")
        assert (decoder.finished, rest, offset) == (True, b"x\r\n", 6)


@pytest.mark.rule("S-DATA-04", "LEN-10", "LEN-69")
@every_policy
@pytest.mark.parametrize("miss", START_NEAR_MISSES)
def test_what_only_looks_like_the_end_in_the_first_line_is_content(miss: bytes, policy: NewlinePolicy) -> None:
    for width in (1, 2, len(miss) + 1):
        decoder = ContentDecoder(policy)
        _, taken = decode([miss[i : i + width] for i in range(0, len(miss), width)], decoder)
        assert not decoder.finished
        assert taken == len(miss)


@pytest.mark.rule("S-CMD-DATA-13")
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_dot_in_the_first_line_ends_an_empty_message(width: int) -> None:
    decoder = ContentDecoder()
    assert decode([b".\r\n"[i : i + width] for i in range(0, 3, width)], decoder) == (b"", 3)
    assert decoder.finished
    assert (decoder.size, decoder.offences) == (0, Offence.NONE)


@pytest.mark.rule("S-DATA-15")
def test_what_follows_the_end_belongs_to_the_next_command() -> None:
    wire = b"DATA\r\nhi\r\n.\r\nQUIT\r\n"
    for buffer in (wire, bytearray(wire), memoryview(wire)):
        decoder = ContentDecoder()
        assert decoder.feed(buffer, 6) == (b"hi\r\n", 13)
        assert decoder.finished
        assert decoder.feed(buffer, 13) == (b"", 13)


@pytest.mark.rule("S-DATA-15", "S-CMD-DATA-13")
def test_pipelined_messages_in_one_buffer_cut_anywhere() -> None:
    wire = b".\r\n" + b"a\r\n..\r\n.\r\n" + b".\r\n"
    for place in range(len(wire) + 1):
        messages, decoder, content = [], ContentDecoder(), b""
        for piece in (wire[:place], wire[place:]):
            offset = 0
            while offset < len(piece):
                text, offset = decoder.feed(piece, offset)
                content += text
                if decoder.finished:
                    messages.append(content)
                    decoder, content = ContentDecoder(), b""
        assert messages == [b"", b"a\r\n.\r\n", b""]


def test_octets_in_front_of_the_offset_are_not_looked_at() -> None:
    decoder = ContentDecoder()
    assert decoder.feed(b"\r\n.\r\n", 1) == (b"\n.\r\n", 5)
    assert decoder.offences == Offence.BARE_LF
    assert not decoder.finished


def test_an_empty_feed_changes_nothing() -> None:
    decoder = ContentDecoder()
    for piece in (b"", b".", b"", b"\r", b"", b"\n"):
        decoder.feed(piece)
    assert decoder.finished
    decoder = ContentDecoder()
    assert decoder.feed(b"abc", 3) == (b"", 3)


@pytest.mark.rule("B-GRAM-01", "S-DATA-03", "S-DATA-04")
@given(texts, cuts, policies)
def test_the_end_is_where_a_plain_splitter_sees_it(text: bytes, places: list[int], policy: NewlinePolicy) -> None:
    decoder = ContentDecoder(policy)
    wire = text + b"\r\n.\r\nQUIT\r\n"
    expected = split_at_end(wire)
    assert expected is not None
    content, end = expected
    given_out = b""
    for piece in cut(wire[:end], places):
        assert not (piece and decoder.finished)
        text, offset = decoder.feed(piece)
        assert offset == len(piece)
        given_out += text
    assert decoder.finished
    assert given_out == (repaired(content) if policy is REPAIR else content)
    assert decoder.offences == offences_of(content)
    assert decoder.size == len(given_out)
    whole = ContentDecoder(policy)
    assert whole.feed(wire) == (given_out, end)


@given(texts, cuts, policies, st.sampled_from([bytes, bytearray, memoryview]))
def test_any_cut_gives_the_same_at_every_point(
    text: bytes, places: list[int], policy: NewlinePolicy, kind: type[bytes] | type[bytearray] | type[memoryview]
) -> None:
    pieces, whole = ContentDecoder(policy), ContentDecoder(policy)
    content = b""
    for piece in cut(text, places):
        buffer = b"ab" + piece
        content += pieces.feed(kind(buffer), 2)[0]
    assert content == whole.feed(text)[0]
    assert type(content) is bytes
    assert (pieces.finished, pieces.size, pieces.offences) == (whole.finished, whole.size, whole.offences)


@pytest.mark.rule("S-DATA-14")
def test_a_long_text_streams_out_as_it_comes_in() -> None:
    line = b"x" * 70 + b"\r\n"
    piece = line * 1000
    decoder = ContentDecoder(max_line=1000)
    for _ in range(300):
        assert decoder.feed(piece) == (piece, len(piece))
    assert decoder.size == 300 * len(piece)
    for octet in b"a\r\n..\r\n.a":
        before = decoder.size
        decoder.feed(bytes([octet]))
        assert decoder.size - before <= 2
    assert decoder.feed(b".\r\n.\r\n") == (b".\r\n", 6)


@pytest.mark.rule("S-DATA-14")
@given(texts, policies)
def test_at_most_two_octets_are_held_back(text: bytes, policy: NewlinePolicy) -> None:
    decoder = ContentDecoder(policy)
    for count, octet in enumerate(text, 1):
        decoder.feed(bytes([octet]))
        if decoder.finished:
            break
        seen = text[:count]
        stuffed = (b"\r\n" + seen).count(b"\r\n.")
        assert count - stuffed - decoder.size <= 2


@pytest.mark.rule("B-GRAM-01", "S-DATA-03", "S-DATA-04", "C-DATA-01", "C-DATA-02")
@pytest.mark.parametrize("length", range(7))
def test_every_text_of_cr_lf_and_dots(length: int) -> None:
    for octets in product(b"\r\n.a", repeat=length):
        text = bytes(octets)
        wire = text + b"\r\n.\r\n"
        expected = split_at_end(wire)
        assert expected is not None
        content, end = expected
        for policy in NewlinePolicy:
            out = repaired(content) if policy is REPAIR else content
            assert ContentDecoder(policy).feed(wire) == (out, end)
            decoder = ContentDecoder(policy)
            assert decode([wire[i : i + 1] for i in range(end)], decoder) == (out, end)
            assert decoder.finished
            assert decoder.offences == offences_of(content)
        kept = encode([text[:2], text[2:4], text[4:]], ContentEncoder(KEEP))
        assert split_at_end(kept) == (text if text.endswith(b"\r\n") or not text else text + b"\r\n", len(kept))


# -- decoder: transparency --------------------------------------------------------------------------------------------


@pytest.mark.rule("S-DATA-03")
@pytest.mark.parametrize(
    ("wire", "content"),
    [
        (b"..\r\n", b".\r\n"),
        (b"...\r\n", b"..\r\n"),
        (b".a\r\n", b"a\r\n"),
        (b". \r\n", b" \r\n"),
        (b"a\r\n..\r\n..\r\n", b"a\r\n.\r\n.\r\n"),
        (b"a.\r\n.b.\r\n", b"a.\r\nb.\r\n"),
        (b"\r\n..\r\n", b"\r\n.\r\n"),
    ],
)
def test_one_leading_dot_is_taken_off(wire: bytes, content: bytes) -> None:
    for width in range(1, len(wire) + 1):
        decoder = ContentDecoder()
        assert decode([wire[i : i + width] for i in range(0, len(wire), width)], decoder) == (content, len(wire))


@pytest.mark.rule("C-DATA-01", "S-DATA-03", "S-DATA-14")
@pytest.mark.parametrize("count", [0, 1, 998, 999, 1000, 1001, 20_000])
def test_any_number_of_dot_lines_in_one_piece(count: int) -> None:
    content = b".\r\n" + b".\r\n..x\r\n" * (count // 2) + b".\r\n" * (count % 2) + b"end\r\n"
    tracemalloc.start()
    wire = ContentEncoder().encode(content)
    assert wire == b"".join(b"." + line if line[:1] == b"." else line for line in content.splitlines(keepends=True))
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    text, _ = ContentDecoder().feed(wire)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert text == content
    assert peak < 4 * len(wire) + 250_000


@pytest.mark.rule("S-DATA-07", "S-DATA-08", "S-DATA-12", "X-8BITMIME-04", "X-8BITMIME-05", "X-8BITMIME-07")
def test_every_octet_but_cr_and_lf_passes_unchanged() -> None:
    content = bytes(octet for octet in range(256) if octet not in b"\r\n") * 300 + b"\r\n"
    wire = encode(cut(content, [1, 77, 4000]), ContentEncoder(max_line=None))
    decoder = ContentDecoder()
    received, _ = decode(cut(wire, [5, 999, 30000]), decoder)
    assert hashlib.sha256(received).digest() == hashlib.sha256(content).digest()
    assert decoder.offences == Offence.NUL | Offence.EIGHT_BIT


@pytest.mark.parametrize(
    ("text", "offence", "repair"),
    [
        (b"a\nb", Offence.BARE_LF, b"a\r\nb"),
        (b"a\rb", Offence.BARE_CR, b"a\r\nb"),
        (b"a\r\r\nb", Offence.BARE_CR, b"a\r\n\r\nb"),
        (b"a\n\rb", BARE, b"a\r\n\r\nb"),
        (b"\nb", Offence.BARE_LF, b"\r\nb"),
        (b"\rb", Offence.BARE_CR, b"\r\nb"),
        (b".\nb", Offence.BARE_LF, b"\r\nb"),
        (b".\rb", Offence.BARE_CR, b"\r\nb"),
        (b"a\r\n.\nb", Offence.BARE_LF, b"a\r\n\r\nb"),
        (b"a\r\n.\rb", Offence.BARE_CR, b"a\r\n\r\nb"),
        (b"a\n.\nb", Offence.BARE_LF, b"a\r\n.\r\nb"),
        (b"a\r\n..\nb", Offence.BARE_LF, b"a\r\n.\r\nb"),
    ],
)
def test_a_bare_newline_is_noted_and_the_text_read_to_its_end(text: bytes, offence: Offence, repair: bytes) -> None:
    wire = text + b"\r\n.\r\nNOOP\r\n"
    expected = split_at_end(wire)
    assert expected is not None
    for policy in NewlinePolicy:
        for width in (1, 2, len(wire)):
            decoder = ContentDecoder(policy)
            pieces = [wire[i : i + width] for i in range(0, expected[1], width)]
            content, _ = decode(pieces, decoder)
            assert decoder.finished
            assert content == (repair + b"\r\n" if policy is REPAIR else expected[0])
            assert decoder.offences == offence
            assert decoder.has_bare_cr is (Offence.BARE_CR in offence)
            assert decoder.has_bare_lf is (Offence.BARE_LF in offence)


@pytest.mark.rule("S-DATA-19")
@given(texts, cuts)
def test_repaired_text_has_no_bare_newline_and_stays_one_message(text: bytes, places: list[int]) -> None:
    wire = text + b"\r\n.\r\n"
    received, _ = decode(cut(wire, places), ContentDecoder(REPAIR))
    assert not offences_of(received) & BARE
    relayed = encode([received], ContentEncoder())
    assert lenient_ends(relayed) == 1
    assert split_at_end(relayed) == (received, len(relayed))


def test_offences_are_noted_for_good() -> None:
    decoder = ContentDecoder()
    decoder.feed(b"\0\xe9\n\r.")
    decoder.feed(b"plain\r\n")
    assert decoder.offences == BARE | Offence.NUL | Offence.EIGHT_BIT
    assert decoder.has_nul
    assert decoder.has_8bit
    assert not decoder.has_long_line
    assert pickle.loads(pickle.dumps(decoder.offences)) == decoder.offences
    limited = ContentDecoder(max_line=1000)
    limited.feed(b"\r\r\n\0" + b"\xe9" * 1000)
    assert limited.offences == Offence.BARE_CR | Offence.NUL | Offence.EIGHT_BIT | Offence.LONG_LINE
    assert limited.has_long_line


# -- decoder: long lines ----------------------------------------------------------------------------------------------


@pytest.mark.rule("B-LIM-06")
@pytest.mark.parametrize("limit", [1000, 1001, 4096])
@pytest.mark.parametrize("before", [b"", b"short\r\n", b"\r\n" * 700, b"y" * 500 + b"\r\n"])
def test_a_line_at_the_limit_passes_and_one_above_is_noted(limit: int, before: bytes) -> None:
    fits = b"x" * (limit - 2) + b"\r\n"
    for line, long in ((fits, False), (b"x" + fits, True), (b"..x" + fits[4:], False), (b".." + fits, True)):
        wire = before + line + b"end\r\n.\r\n"
        for width in (1, 7, 1000, len(wire)):
            decoder = ContentDecoder(max_line=limit)
            decode([wire[i : i + width] for i in range(0, len(wire), width)], decoder)
            assert decoder.finished
            assert decoder.has_long_line is long
            assert decoder.offences == (Offence.LONG_LINE if long else Offence.NONE)


def test_without_a_limit_any_line_passes() -> None:
    decoder = ContentDecoder()
    decoder.feed(b"x" * 100_000 + b"\r\n.\r\n")
    assert (decoder.offences, decoder.size) == (Offence.NONE, 100_002)


@given(st.lists(st.integers(0, 1100), max_size=8), st.lists(st.integers(0, 9000), max_size=5))
def test_long_lines_are_noted_at_the_same_octet_whatever_the_cut(lengths: list[int], places: list[int]) -> None:
    text = b"".join(b"x" * length + b"\r\n" for length in lengths) + b"x" * 1010
    pieces = ContentDecoder(max_line=1000)
    seen = b""
    for piece in cut(text, places):
        pieces.feed(piece)
        seen += piece
        whole = ContentDecoder(max_line=1000)
        whole.feed(seen)
        assert pieces.has_long_line is whole.has_long_line
        assert pieces.has_long_line is any(len(line) > 1000 for line in seen.removesuffix(b"\r").splitlines(True))


@pytest.mark.rule("B-LIM-06")
def test_a_limit_below_1000_octets_is_refused() -> None:
    for make in (ContentDecoder, ChunkDecoder, ContentEncoder, ChunkEncoder):
        with pytest.raises(LocalProtocolError, match="1000 octets or more"):
            make(max_line=999)
        make(max_line=1000)


# -- BDAT, receiving --------------------------------------------------------------------------------------------------


@pytest.mark.rule("X-CHUNKING-05", "X-CHUNKING-07", "X-8BITMIME-04")
@given(texts, st.integers(0, 60), cuts, st.booleans())
def test_chunk_octets_pass_unchanged_and_are_counted(text: bytes, size: int, places: list[int], binary: bool) -> None:
    size = min(size, len(text))
    decoder = ChunkDecoder(binary)
    decoder.begin(size)
    content, taken = b"", 0
    for piece in cut(text, places):
        octets, offset = decoder.take(piece)
        assert len(octets) == offset
        content += octets
        taken += offset
    assert content == text[:size]
    assert (taken, decoder.size, decoder.remaining) == (size, size, 0)


@pytest.mark.rule("X-CHUNKING-05")
def test_a_chunk_ends_by_its_count_alone() -> None:
    wire = b"BDAT 5 LAST\r\n.\r\n.\rNOOP\r\n"
    for buffer in (wire, bytearray(wire), memoryview(wire)):
        decoder = ChunkDecoder()
        decoder.begin(5)
        assert decoder.take(buffer, 13) == (b".\r\n.\r", 18)
        assert decoder.take(buffer, 18) == (b"", 18)
        assert decoder.remaining == 0


@pytest.mark.rule("X-CHUNKING-07")
@given(texts, cuts, cuts)
def test_offences_are_found_across_chunks_and_reads(text: bytes, chunks: list[int], reads: list[int]) -> None:
    decoder = ChunkDecoder()
    for chunk in cut(text, chunks):
        decoder.begin(len(chunk))
        for piece in cut(chunk, reads):
            decoder.take(piece)
    decoder.end()
    assert decoder.offences == offences_of(text)


def test_an_empty_chunk_is_whole_at_once() -> None:
    decoder = ChunkDecoder()
    decoder.begin(0)
    assert decoder.take(b"NOOP\r\n") == (b"", 0)
    decoder.end()
    assert (decoder.remaining, decoder.size, decoder.offences) == (0, 0, Offence.NONE)


@pytest.mark.rule("X-CHUNKING-28")
@given(
    st.lists(st.tuples(st.sampled_from((0, 5, 997, 998, 999, 1000)), st.sampled_from((b"\r\n", b"\r", b"\n", b"")))),
    st.lists(st.integers(0, 9000), max_size=5),
)
def test_long_lines_are_found_in_chunks(parts: list[tuple[int, bytes]], places: list[int]) -> None:
    text = b"".join(b"x" * size + end for size, end in parts)
    *lines, last = text.split(b"\r\n")
    long = any(len(line) + 2 > 1000 for line in lines) or len(last) > 1000
    for pieces in ([text], [text[start : start + 1] for start in range(len(text))], cut(text, places)):
        decoder = ChunkDecoder(max_line=1000)
        for piece in pieces:
            decoder.begin(len(piece))
            assert decoder.take(piece) == (piece, len(piece))
        decoder.end()
        assert decoder.has_long_line is long


@pytest.mark.rule("X-CHUNKING-28")
def test_lines_of_binary_content_have_any_length() -> None:
    decoder = ChunkDecoder(binary=True, max_line=1000)
    decoder.begin(5000)
    decoder.take(b"x" * 5000)
    decoder.end()
    assert not decoder.has_long_line


@pytest.mark.rule("X-BINARYMIME-04")
def test_binary_chunks_are_not_looked_at() -> None:
    octets = bytes(range(256)) + b"\r"
    decoder = ChunkDecoder(binary=True)
    decoder.begin(len(octets))
    assert decoder.take(octets) == (octets, len(octets))
    decoder.end()
    assert decoder.offences == Offence.NONE


# -- encoder ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-DATA-01", "C-DATA-20", "C-CMD-DATA-12", "X-8BITMIME-05")
@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a\r\n\r\n", b"a\r\n\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b".\r\n..a\r\n", b"..\r\n...a\r\n.\r\n"),
        (b"a\r\n.", b"a\r\n..\r\n.\r\n"),
        (b"a\r\n.\r\nMAIL FROM:<evil@example.org>\r\n", b"a\r\n..\r\nMAIL FROM:<evil@example.org>\r\n.\r\n"),
        (b"a.b\r\nc.\r\n", b"a.b\r\nc.\r\n.\r\n"),
        (b"\r\n.\r\n.\r\n", b"\r\n..\r\n..\r\n.\r\n"),
    ],
)
def test_content_on_the_wire(content: bytes, wire: bytes) -> None:
    for policy in NewlinePolicy:
        for width in range(1, len(content) + 2):
            encoder = ContentEncoder(policy)
            assert encode([content[i : i + width] for i in range(0, len(content), width)], encoder) == wire
            assert encoder.finished


@pytest.mark.rule("C-DATA-02")
def test_stuffing_survives_every_cut_in_three() -> None:
    content = b".a\r\n.\r\n..b\r\n.\r\n"
    whole = encode([content], ContentEncoder())
    for first in range(len(content) + 1):
        for second in range(first, len(content) + 1):
            pieces = [content[:first], content[first:second], content[second:]]
            assert encode(pieces, ContentEncoder()) == whole


@pytest.mark.rule("C-DATA-01", "C-DATA-02", "C-DATA-20", "S-DATA-12", "C-GRAM-02")
@given(clean_texts, cuts, cuts, policies)
def test_what_is_encoded_decodes_to_itself(
    text: bytes, sent: list[int], received: list[int], policy: NewlinePolicy
) -> None:
    wire = encode(cut(text, sent), ContentEncoder(policy))
    completed = text if text.endswith(b"\r\n") or not text else text + b"\r\n"
    assert split_at_end(wire) == (completed, len(wire))
    assert lenient_ends(wire) == 1
    decoder = ContentDecoder()
    assert decode(cut(wire, received), decoder) == (completed, len(wire))
    assert decoder.finished
    assert not decoder.offences & BARE


@pytest.mark.rule("S-DATA-19", "C-GRAM-02")
@given(texts, cuts)
def test_repaired_on_the_way_out_every_receiver_sees_one_end(text: bytes, places: list[int]) -> None:
    encoder = ContentEncoder(REPAIR)
    wire = encode(cut(text, places), encoder)
    content = repaired(text)
    assert encoder.size == len(content)
    assert lenient_ends(wire) == 1
    assert split_at_end(wire) == (content if content.endswith(b"\r\n") or not content else content + b"\r\n", len(wire))


@given(texts, cuts)
def test_kept_on_the_way_out_a_strict_receiver_sees_one_end(text: bytes, places: list[int]) -> None:
    wire = encode(cut(text, places), ContentEncoder(KEEP))
    completed = text if text.endswith(b"\r\n") or not text else text + b"\r\n"
    assert split_at_end(wire) == (completed, len(wire))


@pytest.mark.rule("C-GRAM-02", "S-DATA-19")
@pytest.mark.parametrize("make", [ContentEncoder, ChunkEncoder])
@given(text=texts, places=cuts)
def test_a_bare_newline_is_not_sent(make: type[ChunkEncoder], text: bytes, places: list[int]) -> None:
    encoder = make()
    sent = b""
    error = None
    try:
        for piece in cut(text, places):
            sent += encoder.encode(piece)
        sent += encoder.finish()
    except BareNewline as caught:
        error = caught
    first = next((p for p in range(len(text)) if bare_at(text, p)), None)
    assert (error and error.position) == first
    if error is not None:
        assert error.offence is (Offence.BARE_CR if text[error.position] == 13 else Offence.BARE_LF)
        assert encoder.size <= error.position
    assert not offences_of(sent) & BARE


@pytest.mark.rule("C-GRAM-02", "S-DATA-19")
@pytest.mark.parametrize(
    ("pieces", "position"),
    [
        ([b"a\n.\r\n"], 1),
        ([b"\n.\r\n"], 0),
        ([b"a\r", b"b"], 1),
        ([b"a\r\n", b"\n"], 3),
        ([b"a\r\rb"], 1),
        ([b"ok\r\na\r.\rb\nc"], 5),
        ([b"ok\r\n", b"a\nb\rc"], 5),
    ],
)
def test_the_error_says_where_and_nothing_of_the_piece_is_taken(pieces: list[bytes], position: int) -> None:
    encoder = ContentEncoder()
    for piece in pieces[:-1]:
        encoder.encode(piece)
    with pytest.raises(BareNewline) as caught:
        encoder.encode(pieces[-1])
    assert caught.value.position == position
    assert str(caught.value).endswith(f"in the content (octet {position} of the content)")
    assert isinstance(caught.value, LocalProtocolError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.offence, again.position) == (str(caught.value), caught.value.offence, position)
    with pytest.raises(BareNewline):
        encoder.encode(pieces[-1])
    rest = encoder.encode(b"\nb" if pieces[-2:-1] == [b"a\r"] else b"b")
    assert rest.endswith(b"b")


def test_a_cr_waits_for_its_lf_and_is_bare_at_the_end() -> None:
    assert encode([b"a\r", b"", b"\n", b"."], ContentEncoder()) == b"a\r\n..\r\n.\r\n"
    encoder = ContentEncoder()
    assert encoder.encode(b"a\r") == b"a"
    with pytest.raises(BareNewline, match="octet 1 "):
        encoder.finish()
    assert not encoder.finished
    assert encoder.encode(b"\n") + encoder.finish() == b"\r\n.\r\n"
    assert encode([b"a\r"], ContentEncoder(REPAIR)) == b"a\r\n.\r\n"
    assert encode([b"a\r"], ContentEncoder(KEEP)) == b"a\r\r\n.\r\n"


@pytest.mark.rule("C-DATA-20")
@pytest.mark.parametrize("make", [ContentEncoder, ChunkEncoder])
def test_the_end_is_given_once(make: type[ChunkEncoder]) -> None:
    encoder = make()
    encoder.finish()
    with pytest.raises(LocalProtocolError, match="new encoder"):
        encoder.finish()
    with pytest.raises(LocalProtocolError, match="new encoder"):
        encoder.encode(b"a")


@pytest.mark.parametrize("make", [ContentEncoder, ChunkEncoder])
def test_8bit_content_is_refused_where_it_may_not_go(make: type[ChunkEncoder]) -> None:
    encoder = make(seven_bit=True)
    assert encoder.encode(b"\x7f\0\r\n") == b"\x7f\0\r\n"
    with pytest.raises(UnsendableContent) as caught:
        encoder.encode(b"caf\xc3\xa9")
    assert (caught.value.offence, caught.value.position) == (Offence.EIGHT_BIT, 7)
    assert make().encode(b"caf\xc3\xa9") == b"caf\xc3\xa9"


@pytest.mark.parametrize("make", [ContentEncoder, ChunkEncoder])
def test_nul_is_refused_on_demand(make: type[ChunkEncoder]) -> None:
    encoder = make(allow_nul=False)
    assert encoder.encode(b"ab") == b"ab"
    with pytest.raises(UnsendableContent) as caught:
        encoder.encode(b"c\0")
    assert (caught.value.offence, caught.value.position) == (Offence.NUL, 3)
    assert make().encode(b"c\0") == b"c\0"


@pytest.mark.rule("C-LIM-07")
def test_a_line_above_1000_octets_is_not_sent_unless_asked_for() -> None:
    fits = b"." + b"x" * 997 + b"\r\n"
    assert ContentEncoder().encode(fits * 3) == (b"." + fits) * 3
    for pieces in ([b"ab\r\n", b"x" + fits], [b"ab\r\nx", fits], [b"ab\r\nx" + fits[:997], b"x\r", b"\n"]):
        encoder = ContentEncoder()
        with pytest.raises(UnsendableContent, match="too long") as caught:
            encode(pieces, encoder)
        assert (caught.value.offence, caught.value.position) == (Offence.LONG_LINE, 4)
    assert ContentEncoder(max_line=None).encode(b"x" + fits) == b"x" + fits
    assert ContentEncoder(max_line=1001).encode(b"x" + fits) == b"x" + fits
    assert ChunkEncoder().encode(b"x" + fits) == b"x" + fits


# -- BDAT, sending ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("X-CHUNKING-05", "X-CHUNKING-22")
@given(texts, cuts)
def test_text_for_bdat_is_canonical_and_otherwise_unchanged(text: bytes, places: list[int]) -> None:
    assert encode(cut(text, places), ChunkEncoder(KEEP)) == text
    encoder = ChunkEncoder(REPAIR)
    assert encode(cut(text, places), encoder) == repaired(text)
    assert encoder.size == len(repaired(text))
    if not offences_of(text) & BARE:
        assert encode(cut(text, places), ChunkEncoder()) == text


# -- a whole content in one step ---------------------------------------------------------------------------------------

_PIECES = st.lists(st.sampled_from((b"a", b".", b"\r\n", b"\r\n.", b"\r", b"\n", b"\0", b"\xe9", b"x" * 998)))


@pytest.mark.rule("C-DATA-01", "C-CMD-DATA-12", "C-LIM-07")
@given(_PIECES.map(b"".join), st.sampled_from((None, 1000, 1001)))
def test_a_clean_content_in_one_step_is_what_the_encoder_makes_of_it(content: bytes, max_line: int | None) -> None:
    encoder = ContentEncoder(seven_bit=True, allow_nul=False, max_line=max_line)
    try:
        expected: bytes | None = encoder.encode(content) + encoder.finish()
    except UnsendableContent:
        expected = None
    assert encode_clean(content, max_line) == expected
