"""Reading replies: what is taken, what is refused, and the limits (RFC 5321 4.2)."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given

from smtpcore import replies
from smtpcore.errors import SyntaxProblem
from smtpcore.replies import Reply, ReplyReader, mailbox_of_reply, parse_reply
from smtpcore.testing import _reply_strategies as make

VECTORS = json.loads((Path(__file__).parent / "vectors/data/replies.json").read_text("utf-8"))["vectors"]


def reason_of(octets: bytes) -> str:
    with pytest.raises(SyntaxProblem) as caught:
        parse_reply(octets)
    return caught.value.reason


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in VECTORS if case["kind"] != "ehlo"])
def test_vector(case: dict[str, object]) -> None:
    octets = str(case["input"]).encode("latin-1")
    if not case["valid"]:
        assert reason_of(octets) == case["reason"]
        return
    reply = parse_reply(octets, enhanced=case["kind"] == "reply")
    assert reply.code == case["code"]
    assert [text.decode("latin-1") for text in reply.octets] == case["lines"]  # octet strings: see FORMATS.md
    assert (reply.enhanced and str(reply.enhanced)) == case["enhanced"]
    if case["kind"] == "greeting" and reply.code == 220:
        assert (reply.lines[0].partition(" ")[0] or None) == case["domain"]


@pytest.mark.rule("C-REP-13", "LEN-65")
@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"250\r\n", ("",)),
        (b"250 \r\n", ("",)),
        (b"250-a\r\n250\r\n", ("a", "")),
        (b"250-\r\n250  x \r\n", ("", " x ")),
    ],
)
def test_bare_codes_are_taken(octets: bytes, lines: tuple[str, ...]) -> None:
    assert parse_reply(octets) == Reply(250, lines)


@pytest.mark.rule("C-REP-14", "C-REP-15")
def test_several_lines_are_taken_with_any_code_and_their_text_is_text() -> None:
    assert parse_reply(b"221-250 a\r\n221-354-b\r\n221 550\r\n").lines == ("250 a", "354-b", "550")


@pytest.mark.rule("C-REP-12")
def test_first_digits_outside_2_to_5_are_refused() -> None:
    for code in range(1000):
        octets = b"%03d x\r\n" % code
        if 200 <= code <= 599:
            assert parse_reply(octets).code == code
        else:
            assert reason_of(octets) == "code-range"


@pytest.mark.rule("C-REP-16", "LEN-63")
@pytest.mark.parametrize("octets", [b"250-a\r\n550 b\r\n", b"250-a\r\n251 b\r\n", b"250-a\r\n250-b\r\n354 c\r\n"])
def test_lines_with_different_codes_are_no_reply(octets: bytes) -> None:
    assert reason_of(octets) == "code-mismatch"


@pytest.mark.rule("C-REP-18", "LEN-64")
@pytest.mark.parametrize(
    ("octets", "position"),
    [
        (b"250 ok\n", 6),
        (b"250 a\rb\r\n", 5),
        (b"250-a\r\n250 b\nc\r\n", 12),
        (b"250 a\n250 b\r\n", 5),
        (b"250-a\r\n250\rb", 10),
    ],
)
def test_only_crlf_ends_a_line(octets: bytes, position: int) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_reply(octets)
    assert (caught.value.reason, caught.value.position) == ("bare-newline", position)


@pytest.mark.parametrize(
    ("octets", "reason", "position"),
    [
        (b"", "incomplete", 0),
        (b"250 ok", "incomplete", 6),
        (b"250 ok\r", "incomplete", 7),
        (b"250-a\r\n", "incomplete", 7),
        (b"250 a\r\n250 b\r\n", "syntax", 7),
        (b"250 a\r\nx", "syntax", 7),
        (b"250-a\r\nx\r\n", "syntax", 7),
        (b"250_a\r\n", "syntax", 0),
        (b"2\xb25 a\r\n", "syntax", 0),
        (b"+25 a\r\n", "syntax", 0),
        (b"25", "incomplete", 2),
        (b"25\r\n", "syntax", 0),
        (b"\xd9\xa2\xd9\xa5\xd9\xa0 a\r\n", "syntax", 0),
    ],
)
def test_what_is_no_reply(octets: bytes, reason: str, position: int) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_reply(octets)
    assert (caught.value.reason, caught.value.position) == (reason, position)


@pytest.mark.rule("C-REP-17", "X-FW-34")
def test_limits_are_exact() -> None:
    reader = ReplyReader(max_lines=3, max_octets=40, max_line=20)
    fits = b"250 " + b"x" * 14
    assert reader.push(fits) is not None
    for lines in ([fits + b"x"], [b"250-"] * 3 + [b"250 "], [b"250-" + b"x" * 14, b"250-" + b"x" * 13, b"250"]):
        *first, last = lines
        assert [reader.push(line) for line in first] == [None] * len(first)
        with pytest.raises(SyntaxProblem) as caught:
            reader.push(last)
        assert caught.value.reason == "limit-line"
        assert not reader.pending
    assert reader.push(b"250-" + b"x" * 14) is None
    assert reader.push(b"250 " + b"x" * 14) is not None  # 40 octets in all


@pytest.mark.rule("C-REP-17")
def test_an_endless_reply_ends_at_the_limit() -> None:
    reader = ReplyReader()
    assert [reader.push(b"250-x") for _ in range(1024)] == [None] * 1024
    with pytest.raises(SyntaxProblem, match="larger"):
        reader.push(b"250-x")
    assert not reader.pending


@pytest.mark.rule("X-FW-34")
def test_long_lines_of_the_field_are_taken() -> None:
    assert parse_reply(b"250-x\r\n250 AUTH " + b"X" * 600 + b"\r\n").lines[1] == "AUTH " + "X" * 600
    assert len(parse_reply(b"334 " + b"A" * 12282 + b"\r\n").lines[0]) == 12282
    assert reason_of(b"334 " + b"A" * 12283 + b"\r\n") == "limit-line"
    assert reason_of(b"335 " + b"A" * 2043 + b"\r\n") == "limit-line"
    assert parse_reply(b"335 " + b"A" * 2042 + b"\r\n").code == 335
    assert ReplyReader(max_line=20_000).push(b"334 " + b"A" * 19_994) is not None


def test_the_reader_starts_anew_after_a_fault() -> None:
    reader = ReplyReader()
    for bad in (b"x", b"100 x", b"550 x", b"250 \n"):
        assert reader.push(b"250-a") is None
        assert reader.pending
        with pytest.raises(SyntaxProblem):
            reader.push(bad)
        assert not reader.pending
    assert reader.push(b"550 x") == Reply(550, "x")


@pytest.mark.rule("C-ENH-06", "X-ENHANCED-06")
@pytest.mark.parametrize(
    ("octets", "enhanced", "lines"),
    [
        (b"250 2.1.0 ok\r\n", "2.1.0", ("ok",)),
        (b"550 192.0.2.1 blocked\r\n", None, ("192.0.2.1 blocked",)),
        (b"550 5.0.2.1 blocked\r\n", None, ("5.0.2.1 blocked",)),
        (b"550 4.1.1 x\r\n", None, ("4.1.1 x",)),
        (b"550 5.1.1\tx\r\n", None, ("5.1.1\tx",)),
        (b"550 x 5.1.1\r\n", None, ("x 5.1.1",)),
        (b"550  5.1.1 x\r\n", None, (" 5.1.1 x",)),
        (b"550 5.9.999  x\r\n", "5.9.999", (" x",)),
        (b"354 3.0.0 go\r\n", None, ("3.0.0 go",)),
        (b"354 2.0.0 go\r\n", None, ("2.0.0 go",)),
        (b"550-5.1.1 a\r\n550 5.1.1 b\r\n", "5.1.1", ("a", "b")),
        (b"550-a\r\n550 5.1.1 b\r\n", "5.1.1", ("a", "b")),
        (b"550-5.1.1 a\r\n550 5.7.1 b\r\n", "5.1.1", ("a", "5.7.1 b")),
        (b"550-5.1.1 a\r\n550 4.7.1 b\r\n", None, ("5.1.1 a", "4.7.1 b")),
    ],
)
def test_enhanced_codes_are_taken_off_only_when_they_are_some(
    octets: bytes, enhanced: str | None, lines: tuple[str, ...]
) -> None:
    reply = parse_reply(octets)
    assert (reply.enhanced and str(reply.enhanced), reply.lines) == (enhanced, lines)
    assert parse_reply(octets, enhanced=False).enhanced is None
    texts = [line.decode()[4:] for line in octets[:-2].split(b"\r\n")]
    assert Reply(reply.code, texts) == reply  # the constructor does the same


def test_any_text_is_taken_and_nothing_of_it_is_lost() -> None:
    octets = bytes(set(range(256)) - {10, 13})
    reply = parse_reply(b"250-2.0.0 " + octets + b"\r\n250 caf\xc3\xa9\r\n")
    assert reply.octets == (octets, b"caf\xc3\xa9")
    assert reply.raw == reply.octets
    assert reply.lines[0].endswith("\\xfe\\xff")
    assert reply.lines[1] == "caf\u00e9"
    assert reply == pickle.loads(pickle.dumps(reply))
    assert pickle.loads(pickle.dumps(reply)).octets == reply.octets
    assert reply.masked().octets == reply.octets
    assert parse_reply(b"250 caf\xc3\xa9\r\n").raw is None
    assert Reply(250, "caf\u00e9").octets == (b"caf\xc3\xa9",)
    assert reply.__replace__(lines="other").octets == (b"other",)


@given(make.reply_octets())
def test_the_reader_fails_only_in_the_ways_it_names(octets: bytes) -> None:
    try:
        reply = parse_reply(octets)
    except SyntaxProblem as caught:
        problem: SyntaxProblem | None = caught
    else:
        problem = None
    if problem is not None:
        assert problem.reason in {"syntax", "code-range", "code-mismatch", "bare-newline", "incomplete"}
        assert 0 <= problem.position <= len(octets)
    else:
        lines = octets.split(b"\r\n")[:-1]
        assert [line[4:].endswith(text) for line, text in zip(lines, reply.octets, strict=True)] == [True] * len(lines)


# -- the path of 251 and 551 ------------------------------------------------------------------------------------------


@pytest.mark.rule("C-CMD-RCPT-11")
@pytest.mark.parametrize(
    ("octets", "path"),
    [
        (b"251 User not local; will forward to <Jones@foo.com>\r\n", "Jones@foo.com"),
        (b"551 5.1.6 try <x@y>\r\n", "x@y"),
        (b"551-User not local\r\n551 try <x@y> or <z@y>\r\n", "x@y"),
        (b'551 <"a>b <c"@d>\r\n', '"a>b <c"@d'),
        (b'551 <"a\\">"@d>\r\n', '"a\\">"@d'),
        (b'551 user "joe" moved to <x@y>\r\n', "x@y"),
        (b'551 the 5" disk moved to <x@y>\r\n', "x@y"),
        (b"551 <@relay,@b:x@y>\r\n", "@relay,@b:x@y"),
        (b"551 a@b <none> c@d\r\n", None),
        (b"551 a@b> <c\r\n", None),
        (b"551 <a <b@c>\r\n", "b@c"),
        (b"551 no path\r\n", None),
        (b"551 <\r\n", None),
        (b"551 <a@b <c>\r\n", None),
        (b"551 >@<\r\n", None),
        (b'551 <"a@b>\r\n', None),
        (b"551\r\n", None),
        (b"551 <\xc3\xa9@y>\r\n", "\u00e9@y"),
        (b"250 <x@y>\r\n", None),
    ],
)
def test_the_path_in_the_text(octets: bytes, path: str | None) -> None:
    assert mailbox_of_reply(parse_reply(octets)) == path


@pytest.mark.rule("C-CMD-RCPT-11", "S-REP-06")
@pytest.mark.parametrize("path", ["x@y", '"a>b"@c.example', "a@[192.0.2.1]"])
def test_the_path_that_is_written_is_found(path: str) -> None:
    for build in (replies.will_forward, replies.try_forward):
        assert build(path) == build(f"<{path}>")
        assert f"<{path}>" in build(path).text
        assert mailbox_of_reply(parse_reply(build(path).to_bytes())) == path
    assert (replies.will_forward("x@y").code, replies.try_forward("x@y").code) == (251, 551)
