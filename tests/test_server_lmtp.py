"""LMTP: LHLO, and one reply for each recipient at the end of the message (RFC 2033)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from smtpcore import replies
from smtpcore.commands import EndOfMessage, Rcpt
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.known import KNOWN
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from tests.server_tools import GONE, NO, Decision, Talk, defer, replies_in, with_extensions

rule = pytest.mark.rule
OK1, OK2, FULL = Reply(250, "one", "2.1.5"), Reply(250, "two", "2.1.5"), Reply(452, "full", "4.2.2")


def lmtp(answers: dict[str, Decision | list[Decision]] | None = None, **setup: Any) -> Talk:
    return Talk(answers, lmtp=True, **setup)


def whole(*recipients: str, **setup: Any) -> tuple[Talk, EndOfMessage, list[Rcpt]]:
    """A message that waits for its answers."""
    talk = lmtp({".": defer}, **setup).data(*(recipients or ("a@d", "b@d", "a@d")))
    assert talk.feed(b"hi\r\n.\r\n", "NOOP") == b""
    (end,) = talk.all(EndOfMessage)
    return talk, end, talk.all(Rcpt)


@rule("S-LMTP-01", "X-LMTP-02", "S-LMTP-07", "X-LMTP-03")
def test_lhlo_is_ehlo() -> None:
    talk = lmtp()
    assert talk.greeting == b"220 mx.example.org LMTP ready\r\n"
    keywords = talk.keywords
    assert {"PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME"} <= set(keywords)
    assert keywords == Talk().keywords
    assert talk.connection.session.protocol() == "LMTP"


@rule("S-LMTP-02", "X-LMTP-01")
def test_each_protocol_has_its_own_greeting() -> None:
    assert lmtp().codes("EHLO x", "HELO x", "MAIL FROM:<a@b>") == [500, 500, 503]
    assert Talk().codes("LHLO x", "MAIL FROM:<a@b>") == [500, 503]
    assert "EHLO" not in lmtp()("HELP")


@rule("X-LMTP-03", "S-LMTP-07")
@pytest.mark.parametrize("missing", ["PIPELINING", "ENHANCEDSTATUSCODES"])
def test_what_lmtp_must_offer(missing: str) -> None:
    with pytest.raises(LocalProtocolError, match="RFC 2033 5"):
        lmtp(extensions=[each for each in with_extensions() if each.keyword != missing])


@rule("S-LMTP-03", "X-LMTP-04", "LEN-46", "X-LMTP-21")
def test_data_without_recipients_is_503() -> None:
    talk = lmtp({"RCPT": NO}).hello()
    assert talk.codes("MAIL FROM:<a@b>", "DATA", "RCPT TO:<c@d>", "DATA", "NOOP") == [250, 503, 550, 503, 250]


@rule("S-LMTP-04", "X-LMTP-05", "X-LMTP-06", "S-CMD-RCPT-13", "X-MIX-02")
def test_one_reply_for_each_recipient() -> None:
    talk = lmtp({"RCPT": [None, NO, None]}).hello()
    said = ["MAIL FROM:<a@b>", "RCPT TO:<x@d>", "RCPT TO:<no@d>", "RCPT TO:<x@d>", "DATA"]
    assert talk.codes(*said) == [250, 250, 550, 250, 354]
    assert talk.replies(b"hi\r\n.\r\n", "NOOP") == ["250 2.6.0 Message accepted"] * 2 + ["250 2.0.0 OK"]


@rule("S-LMTP-04", "S-LMTP-05", "X-LMTP-10", "X-MIX-13")
def test_different_replies() -> None:
    talk, end, _ = whole()
    long = Reply(250, ("first", "line"), "2.1.5")
    talk.connection.reply_each(end, [long, FULL, NO])
    assert replies_in(talk.pump()) == [
        "250-2.1.5 first\n250 2.1.5 line",
        "452 4.2.2 full",
        "550 5.7.1 No",
        "250 2.0.0 OK",
    ]
    assert talk.codes("MAIL FROM:<a@b>") == [250]


@rule("S-LMTP-09", "X-LMTP-13")
def test_each_reply_leaves_at_once() -> None:
    talk, end, rcpts = whole()
    assert talk.step() is Step.DECIDE
    for rcpt, reply in zip(rcpts, (OK1, FULL, OK2), strict=True):
        talk.connection.reply_for(end, rcpt, reply)
        assert talk.pump().startswith(reply.to_bytes())
    assert talk.output.endswith(b"250 2.0.0 OK\r\n")
    assert talk.codes("MAIL FROM:<a@b>") == [250]


@rule("X-LMTP-14", "S-LMTP-04")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_replies_in_any_order_leave_in_order(order: tuple[int, ...]) -> None:
    talk, end, rcpts = whole()
    answers = (OK1, FULL, OK2)
    for number in order:
        talk.connection.reply_for(end, rcpts[number], answers[number])
        talk.pump()
    assert replies_in(talk.output)[-4:] == [
        "250 2.1.5 one",
        "452 4.2.2 full",
        "250 2.1.5 two",
        "250 2.0.0 OK",
    ]


@rule("X-LMTP-17", "S-REP-23")
def test_421_stands_for_all_that_follow() -> None:
    talk, end, rcpts = whole()
    talk.connection.reply_each(end, [OK1, GONE, OK2])
    assert talk.pump() == b"250 2.1.5 one\r\n421 4.3.2 mx.example.org Gone\r\n"
    assert talk.error is None
    talk, end, rcpts = whole()
    talk.connection.reply_for(end, rcpts[0], OK1)
    talk.connection.reply_for(end, rcpts[2], GONE)
    assert talk.pump() == b"250 2.1.5 one\r\n421 4.3.2 mx.example.org Gone\r\n"
    assert talk.closed
    talk, end, _ = whole()
    talk.connection.reject(end, GONE)
    assert talk.pump() == b"421 4.3.2 mx.example.org Gone\r\n"


def test_replies_at_once_or_one_by_one_without_deferring() -> None:
    talk = lmtp({".": lambda connection, end: connection.reply_each(end, [OK1, NO])}).data("a@d", "b@d")
    assert talk.codes(b".\r\n") == [250, 550]

    def one_by_one(connection: object, end: EndOfMessage) -> None:
        for rcpt in reversed(talk.all(Rcpt)[2:]):
            talk.connection.reply_for(end, rcpt, OK1)

    talk.answers["."] = one_by_one
    assert talk.data("a@d", "b@d").codes(b".\r\n") == [250, 250]


@rule("S-LMTP-14", "X-LMTP-15")
def test_a_refusal_of_the_whole_is_said_to_each() -> None:
    talk = lmtp(limits=Limits(message=5)).data("a@d", "b@d", "c@d")
    assert talk.codes(b"too much text\r\n.\r\n", "NOOP") == [552, 552, 552, 250]
    assert talk.data("a@d", "b@d").codes(b"\n\r\n.\r\n") == [554, 554]
    assert talk.envelope("a@d", "b@d").codes(b"BDAT 9 LAST\r\n012345678", "NOOP") == [552, 552, 250]


@rule("S-LMTP-06", "X-LMTP-07")
def test_chunks() -> None:
    talk = lmtp().envelope("a@d", "b@d")
    assert talk.codes(b"BDAT 3\r\nabcBDAT 0 LAST\r\n") == [250, 250, 250]
    assert talk.text == b"abc"


@rule("S-LMTP-06", "X-LMTP-08")
def test_the_last_chunk_without_recipients_has_no_reply() -> None:
    talk = lmtp({"RCPT": NO}).hello()
    said: list[str | bytes] = ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1 LAST\r\nx", "NOOP"]
    assert talk.codes(*said) == [250, 550, 250]
    assert lmtp().hello().codes("MAIL FROM:<a@b>", b"BDAT 1\r\nx", "NOOP") == [250, 503, 250]
    assert lmtp().hello().codes(b"BDAT 1 LAST\r\nx", "NOOP") == [503, 250]


@rule("X-LMTP-16")
def test_a_failed_chunk_and_the_last_one() -> None:
    talk = lmtp({"BDAT": [FULL]}).envelope("a@d", "b@d")
    assert talk.codes(b"BDAT 1\r\nxBDAT 1 LAST\r\nx", "RSET", "NOOP") == [452, 503, 503, 250, 250]


@rule("X-LMTP-19", "X-LMTP-20")
def test_extensions_work_under_lhlo() -> None:
    talk = lmtp(extensions=[*KNOWN[:8], StartTlsExtension(), AuthExtension(clear_text=True)]).hello()
    assert talk.codes("STARTTLS") == [220]
    talk.starttls()
    assert talk.codes("EHLO x", "MAIL FROM:<a@b>", "LHLO x") == [500, 503, 250]
    talk.answers["Authenticate"] = None
    assert talk.codes("AUTH PLAIN AHRpbQBwZW5jaWw=") == [235]
    assert talk.connection.session.protocol() == "LMTPSA"
    line = "MAIL FROM:<\xe9@b> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x AUTH=<>"
    assert talk.codes(line, "RSET", "RCPT TO:<a@b>") == [250, 250, 503]
    assert talk.connection.session.protocol(utf8=True) == "UTF8LMTPSA"


# -- wrong use ---------------------------------------------------------------------------------------------------------


def test_smtp_has_one_reply() -> None:
    talk = Talk({".": defer}).data("a@d")
    talk.feed(b".\r\n")
    (end,) = talk.all(EndOfMessage)
    with pytest.raises(LocalProtocolError, match="SMTP has one reply for all"):
        talk.connection.reply_each(end, [OK1])
    with pytest.raises(LocalProtocolError, match="LMTP message"):
        talk.connection.reply_for(end, talk.all(Rcpt)[0], OK1)
    talk.connection.accept(end)
    assert talk.pump() == b"250 2.6.0 Message accepted\r\n"


def test_wrong_answers_of_lmtp_change_nothing() -> None:
    talk, end, rcpts = whole("a@d", "b@d")
    connection = talk.connection
    with pytest.raises(LocalProtocolError, match="wants 2 replies"):
        connection.reply_each(end, [OK1])
    with pytest.raises(LocalProtocolError, match="2yz, 4yz or 5yz, not 354"):
        connection.reply_each(end, [OK1, replies.START_MAIL_INPUT])
    with pytest.raises(LocalProtocolError, match="does not wait"):
        connection.reply_each(EndOfMessage(), [OK1, OK2])
    other = lmtp({"MAIL": defer}).hello()
    other.feed("MAIL FROM:<a@b>")
    with pytest.raises(LocalProtocolError, match="the end of a message, not Mail"):
        other.connection.reply_each(other.asked[-1], [OK1])  # type: ignore[arg-type]
    with pytest.raises(LocalProtocolError, match="does not wait"):
        connection.reply_for(EndOfMessage(), rcpts[0], OK1)
    with pytest.raises(LocalProtocolError, match="LMTP message"):
        connection.reply_for(rcpts[0], rcpts[0], OK1)  # type: ignore[arg-type]
    with pytest.raises(LocalProtocolError, match="2yz, 4yz or 5yz, not 354"):
        connection.reply_for(end, rcpts[0], replies.START_MAIL_INPUT)
    with pytest.raises(LocalProtocolError, match="never accepted"):
        connection.reply_for(end, Rcpt(rcpts[0].path), OK1)
    connection.reply_for(end, rcpts[0], OK1)
    with pytest.raises(LocalProtocolError, match="answered already"):
        connection.reply_for(end, rcpts[0], OK1)
    with pytest.raises(LocalProtocolError, match="does not wait"):
        connection.accept(end)
    connection.reply_for(end, rcpts[1], OK2)
    assert talk.pump().count(b"\r\n") == 3
    with pytest.raises(LocalProtocolError, match="LMTP message"):
        connection.reply_for(end, rcpts[1], OK2)
