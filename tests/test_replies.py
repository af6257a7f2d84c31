"""Replies: the value, what its digits say, and how it is written (RFC 5321 4.2)."""

from __future__ import annotations

import copy
import pickle
import re
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore import replies
from smtpcore.enhanced import EnhancedCode
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.replies import CODES, Reply, ReplyError, mailbox_of_reply, parse_reply
from smtpcore.testing import _reply_strategies as make


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
