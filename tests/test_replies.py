"""Replies: the value, its grammar both ways, and the named replies (RFC 5321 4.2)."""

from __future__ import annotations

import copy
import json
import pickle
import re
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore import replies
from smtpcore.enhanced import EnhancedCode
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.replies import CODES, Reply, ReplyError, ReplyReader, mailbox_of_reply, parse_reply
from smtpcore.testing import _reply_strategies as make

VECTORS = json.loads((Path(__file__).parent / "vectors/data/replies.json").read_text("utf-8"))["vectors"]
NAMED = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}


def reason_of(octets: bytes) -> str:
    with pytest.raises(SyntaxProblem) as caught:
        parse_reply(octets)
    return caught.value.reason


def wire_lines(octets: bytes) -> list[bytes]:
    """The lines of a reply; fails when they are not framed as RFC 5321 4.2.1 says."""
    assert octets.endswith(b"\r\n")
    lines = octets[:-2].split(b"\r\n")
    for number, line in enumerate(lines):
        assert re.fullmatch(rb"[2-5][0-9][0-9][- ][^\r\n]*", line)
        assert line[:3] == lines[0][:3]
        assert (line[3:4] == b" ") == (number == len(lines) - 1)
    return lines


# -- building ---------------------------------------------------------------------------------------------------------


def test_text_and_enhanced_code_are_taken_in_any_form() -> None:
    reply = Reply(550, "No such user", "5.1.1")
    assert reply == Reply(550, ["No such user"], EnhancedCode(5, 1, 1)) == Reply(550, "5.1.1 No such user")
    assert (reply.code, reply.lines, reply.enhanced) == (550, ("No such user",), EnhancedCode(5, 1, 1))
    assert Reply(250, (line for line in "ab")).lines == ("a", "b")
    assert Reply(250, ("a", "b")).text == "a\nb"
    assert Reply(550, "5.1.1").lines == ("",)
    assert reply != Reply(550, "No such user")
    assert reply != Reply(551, "No such user", "5.1.1")
    assert hash(reply) == hash(Reply(550, "5.1.1 No such user"))


@pytest.mark.rule("S-REP-02")
def test_the_digits_of_a_code_have_their_ranges() -> None:
    for code in range(-1, 1200):
        wanted = 200 <= code <= 599 and code // 10 % 10 <= 5
        if wanted:
            assert Reply(code, "x").code == code
            continue
        with pytest.raises(SyntaxProblem) as caught:
            Reply(code, "x")
        assert caught.value.reason == "code-range"


def test_an_enumerated_code_becomes_a_number() -> None:
    class Code(IntEnum):
        FINE = 250

    assert type(Reply(Code.FINE, "x").code) is int


@pytest.mark.rule("S-REP-04", "X-ENHANCED-16")
@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        ("a\r\n250 ok", "bare-newline", 1),
        ("a\nb", "bare-newline", 1),
        ("\u00e9\r", "bare-newline", 2),
        ("a\x00", "syntax", 1),
        ("\x1b[2J", "syntax", 0),
        ("a\x7f", "syntax", 1),
        ("a\x0b", "syntax", 1),
        ("a\x85", "syntax", 1),
        ("a\x9b", "syntax", 1),
        ("a\ud800", "syntax", 1),
        ("\u00e9\udfff", "syntax", 2),
    ],
)
def test_no_text_holds_a_line_end_or_a_control_character(text: str, reason: str, position: int) -> None:
    for lines in (text, ("fine", text)):
        with pytest.raises(SyntaxProblem) as caught:
            Reply(550, lines, "5.1.1")
        assert (caught.value.reason, caught.value.position) == (reason, position)


def test_a_reply_has_a_line() -> None:
    with pytest.raises(SyntaxProblem, match="at least one line"):
        Reply(250, ())


@pytest.mark.rule("S-ENH-03", "X-ENHANCED-03", "X-ENHANCED-02")
@pytest.mark.parametrize(
    ("code", "enhanced"), [(250, "5.0.0"), (550, "4.1.1"), (450, "2.0.0"), (354, "2.0.0"), (334, "5.0.0")]
)
def test_the_class_is_the_first_digit_and_3yz_has_none(code: int, enhanced: str) -> None:
    with pytest.raises(SyntaxProblem, match="class"):
        Reply(code, "x", enhanced)
    assert Reply(code, f"{enhanced} x").enhanced is None


def test_an_enhanced_code_must_be_one() -> None:
    with pytest.raises(SyntaxProblem):
        Reply(550, "x", "5.1")


def test_a_reply_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        replies.OK.code = 500  # type: ignore[misc]
    with pytest.raises(AttributeError):
        replies.OK._full = b"500 no\r\n"


def test_copies_do_not_share_the_octets_that_were_kept() -> None:
    reply = Reply(550, "No", "5.1.1")
    assert reply.to_bytes() == b"550 5.1.1 No\r\n"
    changed = reply.__replace__(code=450, enhanced=None)
    assert changed.to_bytes() == b"450 No\r\n"
    assert pickle.loads(pickle.dumps(reply)) == copy.copy(reply) == copy.deepcopy(reply) == reply
    assert pickle.loads(pickle.dumps(reply)).to_bytes() == reply.to_bytes()
    assert repr(Reply(250, "x")) == "Reply(code=250, lines=('x',), enhanced=None)"


# -- what the digits say ----------------------------------------------------------------------------------------------


@pytest.mark.rule("S-REP-20", "C-REP-11", "C-REP-25", "X-ENHANCED-09")
@pytest.mark.parametrize(
    ("code", "told"),
    [
        (250, {"is_success", "is_positive"}),
        (299, {"is_success", "is_positive"}),
        (354, {"is_intermediate", "is_positive"}),
        (399, {"is_intermediate", "is_positive"}),
        (334, {"is_intermediate", "is_positive"}),
        (450, {"is_transient", "is_negative", "retryable"}),
        (499, {"is_transient", "is_negative", "retryable"}),
        (550, {"is_permanent", "is_negative"}),
        (599, {"is_permanent", "is_negative"}),
    ],
)
def test_the_first_digit_decides(code: int, told: set[str]) -> None:
    reply = parse_reply(b"%d x\r\n" % code)
    names = [name for name in dir(Reply) if name.startswith("is_")] + ["retryable"]
    assert {name for name in names if getattr(reply, name)} == told


@pytest.mark.rule("C-REP-10")
def test_the_text_decides_nothing() -> None:
    assert parse_reply(b"250 ERROR failed\r\n").is_success
    assert parse_reply(b"550 OK\r\n").is_permanent


@pytest.mark.rule("C-ENH-07", "X-ENHANCED-09")
def test_the_enhanced_code_never_overrides_the_basic_code() -> None:
    reply = parse_reply(b"450 5.7.1 never\r\n")
    assert reply.is_transient
    assert reply.retryable
    assert not reply.is_permanent
    assert not parse_reply(b"550 4.7.1 later\r\n").retryable


@pytest.mark.rule("C-REP-11")
def test_unknown_codes_are_told_by_their_first_digit() -> None:
    assert Reply(556, "x").meaning == "Domain does not accept mail"
    assert Reply(521, "x").meaning == "Host does not accept mail"
    assert [parse_reply(b"%d99 x\r\n" % digit).meaning for digit in (2, 3, 4, 5)] == [
        "Positive completion",
        "Positive intermediate",
        "Transient negative completion",
        "Permanent negative completion",
    ]
    assert {code // 100 for code in CODES} == {2, 3, 4, 5}


def test_scripts_can_ask_for_an_exception() -> None:
    replies.OK.raise_for_status()
    replies.START_MAIL_INPUT.raise_for_status()
    for reply in (replies.MAILBOX_BUSY, replies.POLICY):
        with pytest.raises(ReplyError, match=str(reply.enhanced)) as caught:
            reply.raise_for_status()
        assert caught.value.reply is reply
        assert isinstance(caught.value, SMTPError)
        assert pickle.loads(pickle.dumps(caught.value)).reply == reply


@pytest.mark.rule("S-REP-21", "S-ENH-08", "S-ENH-10", "S-ENH-14", "X-ENHANCED-06", "X-ENHANCED-11")
@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(259, "x"), "listed"),
        (Reply(550, "x", "5.9.9"), "registered"),
        (Reply(550, "x", "5.6.10"), "deprecated"),
        (Reply(450, "x", "4.1.1"), "no use"),
        (parse_reply(b"550 4.1.1 x\r\n"), "another class"),
        (Reply(550, "x", "5.1.1"), None),
        (Reply(250, "x"), None),
        (parse_reply(b"550 5.1.1 x\r\n", enhanced=False), None),
    ],
)
def test_advice(reply: Reply, word: str | None) -> None:
    assert [word in advice for advice in reply.advice if word is not None] == [True] * (word is not None)
    assert word is not None or reply.advice == ()


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("S-REP-01", "S-REP-03", "S-ENH-04", "X-ENHANCED-04")
@pytest.mark.parametrize(
    ("reply", "octets"),
    [
        (Reply(250, ("a", "b")), b"250-a\r\n250 b\r\n"),
        (Reply(250, ""), b"250 \r\n"),
        (Reply(250, ("", "")), b"250-\r\n250 \r\n"),
        (Reply(250, "", "2.0.0"), b"250 2.0.0 \r\n"),
        (Reply(551, ["a", "b"], "5.7.1"), b"551-5.7.1 a\r\n551 5.7.1 b\r\n"),
        (Reply(354, "go"), b"354 go\r\n"),
    ],
)
def test_lines_are_framed(reply: Reply, octets: bytes) -> None:
    assert reply.to_bytes() == octets
    assert str(reply) == octets.decode()[:-2].replace("\r\n", "\n")


@pytest.mark.rule("S-ENH-02", "X-ENHANCED-02")
@given(make.replies())
def test_the_enhanced_code_is_on_every_line_or_on_none(reply: Reply) -> None:
    head = b"" if reply.enhanced is None else f"{reply.enhanced} ".encode()
    assert [line[4:] for line in wire_lines(reply.to_bytes())] == [head + text.encode() for text in reply.lines]
    assert [line[4:] for line in wire_lines(reply.to_bytes(enhanced=False))] == [t.encode() for t in reply.lines]
    assert reply.enhanced is None or reply.code // 100 != 3


@given(make.replies(utf8=True))
def test_what_is_written_is_read_again(reply: Reply) -> None:
    assert parse_reply(reply.to_bytes(utf8=True)) == reply
    assert parse_reply(reply.to_bytes(utf8=True, enhanced=False), enhanced=False).lines == reply.lines


@given(make.replies(max_size=700))
def test_what_is_written_unfolded_is_read_again(reply: Reply) -> None:
    assert parse_reply(reply.to_bytes(fold=False)) == reply


def test_the_octets_of_a_named_reply_are_kept() -> None:
    reply = Reply(250, "OK", "2.0.0")
    assert reply.to_bytes() is reply.to_bytes()
    assert reply.to_bytes(enhanced=False) is reply.to_bytes(enhanced=False)
    assert (reply.to_bytes(), reply.to_bytes(enhanced=False)) == (b"250 2.0.0 OK\r\n", b"250 OK\r\n")


@pytest.mark.rule("S-REP-27", "B-LIM-05", "X-ENHANCED-16")
@given(make.replies(utf8=True, max_size=1500, max_lines=2), st.booleans(), st.booleans())
def test_lines_have_at_most_512_octets_and_lose_nothing(reply: Reply, enhanced: bool, utf8: bool) -> None:
    if reply.code == 334:
        reply = reply.__replace__(code=354)
    octets = reply.to_bytes(enhanced=enhanced, utf8=utf8)
    lines = wire_lines(octets)
    assert max(map(len, lines)) <= 510
    for line in lines:
        line.decode()  # no character is cut
    unfolded = reply.to_bytes(enhanced=enhanced, utf8=utf8, fold=False)
    head = len(b"250 ") + (len(f"{reply.enhanced} ") if enhanced and reply.enhanced else 0)
    words = [b"".join(line[head:] for line in wire_lines(each)).replace(b" ", b"") for each in (octets, unfolded)]
    assert words[0] == words[1]


@pytest.mark.rule("S-REP-27", "B-LIM-05")
def test_long_text_is_cut_at_a_space_where_there_is_one() -> None:
    text = "x" * 500 + " " + "y" * 506 + " " + "z" * 507
    lines = wire_lines(Reply(250, text).to_bytes())
    assert [line[4:] for line in lines] == [b"x" * 500, b"y" * 506, b"z" * 506, b"z"]
    assert len(wire_lines(Reply(250, "x" * 506).to_bytes())[0]) == 510


@pytest.mark.rule("S-REP-27")
def test_no_utf8_character_is_cut() -> None:
    lines = wire_lines(Reply(250, "x" + "\U0001f4e7" * 200).to_bytes(utf8=True))
    assert [len(line) for line in lines] == [4 + 1 + 4 * 126, 4 + 4 * 74]


@pytest.mark.rule("X-AUTH-08")
def test_a_challenge_is_one_line_however_long() -> None:
    challenge = Reply(334, "QUJD" * 1000)
    assert challenge.to_bytes() == b"334 " + b"QUJD" * 1000 + b"\r\n"
    assert parse_reply(challenge.to_bytes()) == challenge


@pytest.mark.rule("S-REP-04", "X-SMTPUTF8-16")
def test_non_ascii_text_is_written_only_where_the_client_allowed_it() -> None:
    reply = Reply(250, ("caf\u00e9", "plain"), "2.1.0")
    assert reply.to_bytes() == b"250-2.1.0 caf\\x{E9}\r\n250 2.1.0 plain\r\n"
    assert reply.to_bytes(utf8=True) == b"250-2.1.0 caf\xc3\xa9\r\n250 2.1.0 plain\r\n"
    assert str(reply) == "250-2.1.0 caf\u00e9\n250 2.1.0 plain"
    assert replies.OK.ascii_only() is replies.OK


@pytest.mark.rule("S-REP-04")
def test_control_characters_that_were_read_are_not_written() -> None:
    reply = parse_reply(b"250 \x00\x1b[2J\xc3\xa9\x7f\xc2\x9b\r\n")
    assert reply.lines == ("\x00\x1b[2J\u00e9\x7f\x9b",)
    assert reply.to_bytes() == b"250 \\x{00}\\x{1B}[2J\\x{E9}\\x{7F}\\x{9B}\r\n"
    assert reply.to_bytes(utf8=True) == b"250 \\x{00}\\x{1B}[2J\xc3\xa9\\x{7F}\\x{9B}\r\n"


@pytest.mark.rule("S-REP-04")
@given(make.replies(utf8=True))
def test_octets_of_a_reply_are_ht_and_printable(reply: Reply) -> None:
    assert re.fullmatch(rb"[\t -~]*", reply.to_bytes().replace(b"\r\n", b""))


@pytest.mark.rule("S-REP-04")
@given(make.reply_octets())
def test_what_was_read_can_be_written_without_harm(octets: bytes) -> None:
    try:
        reply = parse_reply(octets)
    except SyntaxProblem:
        return
    for utf8 in (False, True):
        lines = wire_lines(reply.to_bytes(utf8=utf8))
        assert len(lines) == (len(reply.lines) if utf8 else len(reply.ascii_only().lines))
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", b"".join(lines))


@pytest.mark.rule("X-SMTPUTF8-17")
@pytest.mark.parametrize(
    ("reply", "octets"),
    [
        (replies.try_forward("\u00e9@x"), b"550 5.1.6 User not local\r\n"),
        (replies.will_forward("\u00e9@x"), b"250 2.1.5 User not local; will forward\r\n"),
        (replies.try_forward("e@x"), b"551 5.1.6 User not local; please try <e@x>\r\n"),
    ],
)
def test_forwarding_to_a_non_ascii_mailbox_is_told_only_in_utf8(reply: Reply, octets: bytes) -> None:
    assert reply.to_bytes() == octets
    assert reply.to_bytes(utf8=True)[:3] == b"%d" % reply.code
    assert mailbox_of_reply(parse_reply(reply.to_bytes(utf8=True))) in ("\u00e9@x", "e@x")


@pytest.mark.rule("S-ENH-13")
def test_enhanced_codes_can_be_masked() -> None:
    assert Reply(550, "x", "5.1.1").masked() == Reply(550, "x", "5.0.0")
    assert Reply(550, "x", "5.7.25").masked() == Reply(550, "x", "5.7.0")
    assert Reply(550, "x").masked() == Reply(550, "x")


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
    assert Reply(reply.code, [line.decode()[4:] for line in wire_lines(octets)]) == reply  # the same in a constructor


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


# -- the named replies ------------------------------------------------------------------------------------------------

CATALOGUE = {
    "OK": "250 2.0.0", "SENDER_OK": "250 2.1.0", "RECIPIENT_OK": "250 2.1.5", "MESSAGE_ACCEPTED": "250 2.6.0",
    "CHUNK_OK": "250 2.0.0", "CANNOT_VERIFY": "252 2.5.0", "START_MAIL_INPUT": "354", "AUTHENTICATED": "235 2.7.0",
    "READY_FOR_TLS": "220 2.0.0", "MAILBOX_BUSY": "450 4.2.0", "LOCAL_ERROR": "451 4.3.0",
    "INSUFFICIENT_STORAGE": "452 4.3.1", "TOO_MANY_RECIPIENTS": "452 4.5.3", "AUTH_TEMPORARY": "454 4.7.0",
    "TLS_UNAVAILABLE": "454 4.7.0", "PARAMETER_TEMPORARY": "455 4.5.4", "COMMAND_UNRECOGNIZED": "500 5.5.1",
    "SYNTAX_ERROR": "500 5.5.2", "LINE_TOO_LONG": "500 5.5.2", "AUTH_LINE_TOO_LONG": "500 5.5.6", "BAD_HELLO": "501",
    "BAD_ARGUMENT": "501 5.5.4", "BAD_SENDER": "501 5.1.7", "BAD_RECIPIENT": "501 5.1.3", "BAD_PARAMETER": "501 5.5.4",
    "NO_ARGUMENT_ALLOWED": "501 5.5.4", "DUPLICATE_PARAMETER": "501 5.5.4", "AUTH_CANCELLED": "501 5.7.0",
    "AUTH_BAD_BASE64": "501 5.5.2", "NO_INITIAL_RESPONSE": "501 5.7.0", "NOT_IMPLEMENTED": "502 5.5.1",
    "BAD_SEQUENCE": "503 5.5.1", "NEED_HELLO": "503 5.5.1", "NEED_MAIL": "503 5.5.1", "NEED_RCPT": "503 5.5.1",
    "NESTED_MAIL": "503 5.5.1", "ALREADY_AUTHENTICATED": "503 5.5.1", "BAD_MECHANISM": "504 5.5.4",
    "DOES_NOT_ACCEPT_MAIL": "521 5.3.2", "AUTH_REQUIRED": "530 5.7.0", "TLS_REQUIRED": "530 5.7.0",
    "AUTH_TOO_WEAK": "534 5.7.9", "AUTH_FAILED": "535 5.7.8", "ENCRYPTION_REQUIRED": "538 5.7.11",
    "MAILBOX_UNAVAILABLE": "550 5.1.1", "POLICY": "550 5.7.1", "SENDER_NULL_MX": "550 5.7.27",
    "NON_ASCII_SENDER": "550 5.6.7", "UTF8_REPLY_REQUIRED": "550 5.6.8", "MESSAGE_TOO_BIG": "552 5.3.4",
    "NON_ASCII_RECIPIENT": "553 5.6.7", "NO_VALID_RECIPIENTS": "554 5.5.1", "BARE_NEWLINE": "554 5.6.0",
    "NO_SERVICE": "554", "SYNC_ERROR": "554 5.5.0", "UNKNOWN_PARAMETER": "555 5.5.4", "NULL_MX": "556 5.1.10",
}  # fmt: skip


@pytest.mark.rule("S-ENH-11", "X-ENHANCED-12")
def test_the_named_replies_have_the_codes_of_their_documents() -> None:
    found = {name: f"{reply.code} {reply.enhanced or ''}".strip() for name, reply in NAMED.items()}
    assert found == CATALOGUE


@pytest.mark.rule("S-REP-21", "S-ENH-08", "S-ENH-14", "X-ENHANCED-10")
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_named_replies_are_fit_to_be_sent(name: str) -> None:
    reply = NAMED[name]
    # RFC 3463 3.6 calls X.5.4 of use in permanent failures only; 455 is the transient twin of 555.
    assert reply.advice == (() if name != "PARAMETER_TEMPORARY" else ("4.5.4 is of no use in class 4",))
    assert len(wire_lines(reply.to_bytes())) == 1
    assert parse_reply(reply.to_bytes()) == reply


@pytest.mark.rule("S-REP-06", "S-REP-07", "S-REP-08", "S-REP-09")
def test_the_greeting() -> None:
    assert replies.greeting("mx.example.org").to_bytes() == b"220 mx.example.org ESMTP ready\r\n"
    assert replies.greeting("[192.0.2.1]", "").to_bytes() == b"220 [192.0.2.1]\r\n"
    assert replies.greeting("h", ["a", "x"]).to_bytes() == b"220-h a\r\n220 x\r\n"
    assert replies.greeting("h", []).to_bytes() == b"220 h\r\n"


@pytest.mark.rule("S-REP-06")
def test_replies_with_the_name_of_the_server_begin_with_it() -> None:
    name = "mx.example.org"
    built = {
        "221 2.0.0": replies.closing(name),
        "421 4.3.2": replies.unavailable(name),
        "421 4.4.2": replies.timeout(name),
        "421 4.7.0": replies.too_many_errors(name),
    }
    for codes, reply in built.items():
        assert f"{reply.code} {reply.enhanced}" == codes
        assert reply.lines[0].startswith(f"{name} ")
        assert reply.advice == ()
    assert replies.unavailable(name, "Going down", None).to_bytes() == b"421 mx.example.org Going down\r\n"


@pytest.mark.rule("S-REP-06")
@pytest.mark.parametrize("name", ["", "a b", "caf\u00e9.example", "a\r\n", "a\tb"])
def test_the_name_of_the_server_is_one_word(name: str) -> None:
    for build in (replies.greeting, replies.hello_ok, replies.closing, replies.unavailable):
        with pytest.raises(SyntaxProblem):
            build(name)


@pytest.mark.rule("S-CMD-EHLO-05", "X-FW-07")
def test_the_reply_to_ehlo() -> None:
    assert replies.hello_ok("h").to_bytes() == b"250 h\r\n"
    reply = replies.hello_ok("s.example", "hello", ["A", "B 1 2", "C"])
    assert reply.to_bytes() == b"250-s.example hello\r\n250-A\r\n250-B 1 2\r\n250 C\r\n"
    assert replies.hello_ok("h", keywords=["X " + "y" * 504]).to_bytes().endswith(b" " + b"y" * 504 + b"\r\n")


@pytest.mark.rule("S-CMD-EHLO-05")
@pytest.mark.parametrize(
    "line", ["", " A", "-A", "A ", "A  1", "A=1", "A_B", "A 1\t2", "A \u00e9", "A\r\n250 B", "2.0.0 A"]
)
def test_lines_of_the_reply_to_ehlo_keep_to_the_grammar(line: str) -> None:
    with pytest.raises(SyntaxProblem):
        replies.hello_ok("h", keywords=[line])


@pytest.mark.rule("S-CMD-EHLO-05", "B-LIM-05")
@pytest.mark.parametrize(("text", "keyword"), [("", "X " + "y" * 505), ("z" * 505, "X")])
def test_lines_of_the_reply_to_ehlo_are_never_folded(text: str, keyword: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        replies.hello_ok("h", text, [keyword])
    assert caught.value.reason == "limit-line"


def test_help() -> None:
    assert replies.help_text(["one", "two"]).to_bytes() == b"214-2.0.0 one\r\n214 2.0.0 two\r\n"
