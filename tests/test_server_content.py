"""The text behind DATA: where it ends, what is in it, what is refused at its end (RFC 5321 4.1.1.4, 4.5.2)."""

from __future__ import annotations

import hashlib

import pytest

from smtpcore import replies
from smtpcore.commands import EndOfMessage
from smtpcore.content import NewlinePolicy
from smtpcore.events import Body, Refused
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from tests.server_tools import LATER, NO, Talk

rule = pytest.mark.rule


def refuse(reply: Reply, talk: Talk) -> None:
    talk.connection.refuse_message(reply)


@rule("S-DATA-03", "X-8BITMIME-05", "S-CMD-DATA-05")
def test_one_dot_is_taken_off() -> None:
    talk = Talk().data()
    assert talk.codes(b"..\r\n.a\r\n. \r\n...\r\nb.\r\n.\r\n") == [250]
    assert talk.text == b".\r\na\r\n \r\n..\r\nb.\r\n"
    assert talk.all(EndOfMessage)[0].size == len(talk.text)


@rule("S-DATA-04", "LEN-10", "LEN-69", "X-MIX-08", "B-SEC-09")
@pytest.mark.parametrize(
    "trap",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\n", b"\r\r\n.\r\r\n", b"\0.\r\n"],
)
def test_nothing_else_ends_the_text(trap: bytes) -> None:
    talk = Talk(newlines=NewlinePolicy.KEEP).data()
    assert talk.feed(b"x" + trap + b"RSET\r\nMAIL FROM:<evil@b>\r\n") == b""
    assert talk.codes(b"\r\n.\r\n") == [250]
    assert b"MAIL FROM:<evil@b>" in talk.text


@rule("S-DATA-05", "S-DATA-06", "LEN-09", "LEN-11", "LEN-12")
@pytest.mark.parametrize("text", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\r\n", b"a\n.\nb\r\n"])
def test_bare_newlines_are_refused_at_the_true_end(text: bytes) -> None:
    talk = Talk().data()
    assert talk.feed(text) == b""
    assert talk.replies(b".\r\n", "NOOP") == ["554 5.6.0 Message has CR or LF alone", "250 2.0.0 OK"]
    assert talk.aborted == ["BARE_NEWLINE"]
    assert not talk.all(EndOfMessage)


@rule("LEN-09", "LEN-11")
def test_bare_newlines_can_be_kept_or_repaired() -> None:
    kept = Talk(newlines=NewlinePolicy.KEEP).data()
    assert kept.codes(b"a\nb\rc\0\xe9\r\n.\r\n") == [250]
    assert kept.text == b"a\nb\rc\0\xe9\r\n"
    assert kept.all(EndOfMessage)[0].offences == ("bare_cr", "bare_lf", "nul", "8bit")
    repaired = Talk(newlines=NewlinePolicy.REPAIR).data()
    assert repaired.codes(b"a\nb\rc\r\n.\r\n") == [250]
    assert repaired.text == b"a\r\nb\r\nc\r\n"


@rule("S-DATA-07", "S-DATA-12", "X-8BITMIME-04", "X-8BITMIME-07", "X-8BITMIME-12", "S-DATA-08", "S-CMD-DATA-09")
def test_octets_pass_as_they_are() -> None:
    octets = bytes(octet for octet in range(256) if octet not in b"\r\n") * 3
    text = b"Resent-To: x\r\n\r\n" + octets + b"\r\n"
    talk = Talk().data()
    assert talk.codes(text + b".\r\n") == [250]
    assert hashlib.sha256(talk.text).digest() == hashlib.sha256(text).digest()
    assert talk.all(EndOfMessage)[0].offences == ("nul", "8bit")


@rule("X-BINARYMIME-08", "S-CMD-DATA-09")
def test_what_the_header_says_is_nobodys_business() -> None:
    text = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\n\xff\x00\r\n"
    assert Talk().data().codes(text + b".\r\n") == [250]


@rule("S-CMD-DATA-13")
def test_an_empty_text() -> None:
    talk = Talk().data()
    assert talk.codes(b".\r\n") == [250]
    assert talk.all(EndOfMessage)[0].size == 0
    assert not talk.all(Body)


@rule("S-DATA-15")
def test_what_follows_the_end_is_a_command() -> None:
    talk = Talk().data()
    assert talk.codes(b"a\r\n.\r\nNOOP\r\nQUIT\r\n") == [250, 250, 221]
    assert talk.text == b"a\r\n"


@rule("S-DATA-16", "LEN-70")
def test_a_text_that_came_too_early_is_a_text() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"DATA\r\nRSET\r\n.\r\n") == [354, 250]
    assert talk.text == b"RSET\r\n"


@rule("S-DATA-14", "B-SEC-10")
def test_the_text_is_given_out_as_it_comes() -> None:
    talk = Talk().data()
    piece = b"x" * 998 + b"\r\n"
    for _ in range(300):
        before = len(talk.events)
        assert talk.feed(piece * 10) == b""
        assert len(talk.events) == before + 1
        assert talk.connection.held == 0
    assert talk.codes(b".\r\n") == [250]
    assert talk.all(EndOfMessage)[0].size == 3_000_000


@rule("S-DATA-18", "X-SIZE-15", "LEN-59", "S-LIM-09")
def test_a_text_too_big_is_read_to_its_end() -> None:
    talk = Talk(limits=Limits(message=10)).data()
    for _ in range(1000):
        assert talk.feed(b"RSET\r\n" * 100) == b""
    assert talk.replies(b".\r\n", "NOOP") == [
        "552 5.3.4 Message size exceeds the fixed maximum",
        "250 2.0.0 OK",
    ]
    assert len(talk.text) <= 10
    assert talk.aborted == ["TOO_BIG"]
    assert talk.data().codes(b"12345678\r\n.\r\n") == [250]


@rule("X-SIZE-04")
def test_stuffed_dots_and_the_end_do_not_count() -> None:
    talk = Talk(limits=Limits(message=5)).data()
    assert talk.codes(b"..x\r\n.\r\n") == [250]
    assert talk.all(EndOfMessage)[0].size == 4


@rule("LEN-48", "B-LIM-06", "S-LIM-12")
def test_long_lines() -> None:
    line = b"x" * 5000 + b"\r\n"
    assert Talk().data().codes(line + b".\r\n") == [250]
    limited = Talk(limits=Limits(text_line=1000)).data()
    assert limited.replies(line + b".\r\n", "NOOP") == ["500 5.5.2 Text line too long", "250 2.0.0 OK"]
    assert limited.aborted == ["LONG_LINE"]
    fits = Talk(limits=Limits(text_line=1000)).data()
    assert fits.codes(b"." + b"." * 998 + b"\r\n" + b"y" * 998 + b"\r\n.\r\n") == [250]


@rule("S-CMD-DATA-02", "S-SUB-11", "X-SMTPUTF8-10")
@pytest.mark.parametrize(
    "answer",
    [NO, LATER, replies.LOCAL_ERROR, replies.INSUFFICIENT_STORAGE, Reply(554, "Needs UTF-8 headers", "5.6.9")],
)
def test_the_application_judges_the_whole(answer: Reply) -> None:
    talk = Talk({".": answer}).data()
    assert talk(b"hi\r\n.\r\n").startswith(f"{answer.code} {answer.enhanced} ")
    assert talk.codes("RCPT TO:<a@b>", "MAIL FROM:<a@b>") == [503, 250]
    assert not talk.all(Refused)[1:]


def test_a_reply_of_the_application_to_the_whole() -> None:
    talk = Talk({".": Reply(250, "Queued as 42", "2.6.0")}).data()
    assert talk(b".\r\n") == "250 2.6.0 Queued as 42"


@rule("S-CMD-DATA-02")
def test_a_message_can_be_refused_while_it_comes_in() -> None:
    talk = Talk().data()
    talk.feed(b"X-Spam: yes\r\n")
    refuse(NO, talk)
    refuse(LATER, talk)  # the first word stands
    assert talk.feed(b"more\r\n") == b""
    assert talk.text == b"X-Spam: yes\r\n"
    assert talk.replies(b".\r\n", "NOOP") == ["550 5.7.1 No", "250 2.0.0 OK"]
    assert talk.aborted == ["REFUSED"]


def test_a_refused_message_is_not_judged_again() -> None:
    talk = Talk(limits=Limits(message=10)).data()
    refuse(NO, talk)
    assert talk.codes(b"a\nb" * 100 + b"\r\n.\r\n") == [550]
    assert talk.aborted == ["REFUSED"]


@rule("X-SIZE-14", "X-SIZE-13")
def test_the_declared_size_ends_nothing() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<a@b> SIZE=3", "RCPT TO:<c@d>", "DATA") == [250, 250, 354]
    assert talk.codes(b"x" * 50 + b"\r\n.\r\n") == [250]
    assert len(talk.text) == 52
