"""Answers that come later: the order of replies, the window of recipients (RFC 2920 3.2)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from smtpcore.commands import Quit, Rcpt
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Step
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.timeouts import Timeouts
from tests.server_tools import GONE, NO, Decision, Talk, defer, replies_in, with_extensions

rule = pytest.mark.rule
RCPTS = [f"RCPT TO:<r{number}@d>" for number in range(4)]


def opened(window: int = 10, answers: list[Decision] | None = None, **setup: Any) -> Talk:
    decisions: list[Decision] = [defer] * 9 if answers is None else answers
    talk = Talk({"RCPT": decisions}, rcpt_window=window, **setup).hello()
    assert talk.codes("MAIL FROM:<a@b>") == [250]
    return talk


def order_of(talk: Talk) -> list[str]:
    envelope = talk.connection.session.envelope
    assert envelope is not None
    return [str(rcpt.path) for rcpt in envelope.recipients]


@rule("X-PIPELINING-12", "S-SES-06", "S-CMD-RCPT-12")
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_replies_leave_in_the_order_of_the_commands(order: tuple[int, ...]) -> None:
    talk = opened()
    assert talk.feed(*RCPTS, "DATA") == b""
    rcpts = talk.all(Rcpt)
    assert len(rcpts) == 4
    sent: list[str] = []
    for number in order:
        if number == 2:
            talk.connection.reject(rcpts[number], NO)
        else:
            talk.connection.accept(rcpts[number], Reply(250, f"r{number}", "2.1.5"))
        sent += replies_in(talk.pump())
    assert sent == [
        "250 2.1.5 r0",
        "250 2.1.5 r1",
        "550 5.7.1 No",
        "250 2.1.5 r3",
        "354 Start mail input; end with <CRLF>.<CRLF>",
    ]
    assert order_of(talk) == ["<r0@d>", "<r1@d>", "<r3@d>"]


def test_each_reply_leaves_as_soon_as_it_can() -> None:
    talk = opened()
    talk.feed(*RCPTS)
    first, second, *_ = talk.all(Rcpt)
    talk.connection.accept(second)
    assert talk.pump() == b""
    talk.connection.accept(first)
    assert talk.pump().count(b"\r\n") == 2


@rule("X-PIPELINING-12", "S-CMD-RCPT-12")
def test_an_answer_at_once_waits_for_those_before_it() -> None:
    talk = opened(answers=[defer, None, NO, defer])
    assert talk.feed(*RCPTS) == b""
    first, _second, _third, fourth = talk.all(Rcpt)
    talk.connection.accept(fourth)
    assert talk.pump() == b""
    talk.connection.accept(first)
    assert [reply[:3] for reply in replies_in(talk.pump())] == ["250", "250", "550", "250"]
    assert order_of(talk) == ["<r0@d>", "<r1@d>", "<r3@d>"]


def test_the_window_is_held() -> None:
    talk = opened(window=2)
    talk.feed(*RCPTS)
    assert len(talk.all(Rcpt)) == 2
    assert talk.step() is Step.DECIDE
    talk.connection.accept(talk.all(Rcpt)[0])
    assert talk.pump().count(b"\r\n") == 1
    assert len(talk.all(Rcpt)) == 3


def test_only_recipients_are_read_behind_a_deferred_one() -> None:
    talk = opened()
    assert talk.feed(RCPTS[0], "rset", RCPTS[1]) == b""
    assert talk.step() is Step.DECIDE
    assert len(talk.all(Rcpt)) == 1
    talk.connection.accept(talk.all(Rcpt)[0])
    assert [reply[:3] for reply in replies_in(talk.pump())] == ["250", "250", "503"]


def test_more_input_is_wanted_while_the_window_is_open() -> None:
    talk = opened()
    assert talk.feed(RCPTS[0], b"RCP") == b""
    assert talk.step() is Step.RECEIVE
    assert talk.feed(b"T TO:<r1@d>\r\n") == b""
    assert len(talk.all(Rcpt)) == 2
    assert talk.feed("DATA") == b""
    assert talk.step() is Step.DECIDE


def test_refusals_of_the_library_wait_in_their_place() -> None:
    talk = opened()
    assert talk.feed(RCPTS[0], "RCPT TO:<>", "RCPT TO:<x@d> FROB=1", RCPTS[1]) == b""
    for rcpt in talk.all(Rcpt):
        talk.connection.accept(rcpt)
    assert [reply[:3] for reply in replies_in(talk.pump())] == ["250", "501", "555", "250"]


@rule("S-CMD-RCPT-14")
def test_the_limit_of_recipients_counts_answers_only() -> None:
    talk = opened(limits=Limits(recipients=2))
    assert talk.feed(*RCPTS) == b""
    first, second = talk.all(Rcpt)  # whether the third is one too many is not known yet
    talk.connection.reject(first, NO)
    talk.connection.accept(second)
    assert [reply[:3] for reply in replies_in(talk.pump())] == ["550", "250"]
    talk.connection.accept(talk.all(Rcpt)[2])
    assert [reply[:3] for reply in replies_in(talk.pump())] == ["250", "452"]


@rule("X-LIMITS-06")
def test_announced_limits_hold_for_deferred_recipients_too() -> None:
    talk = opened(extensions=with_extensions(LimitsExtension(rcptmax=2)))
    talk.feed(*RCPTS)
    for rcpt in talk.all(Rcpt):
        talk.connection.accept(rcpt)
    assert [reply[:3] for reply in replies_in(talk.pump())] == ["250", "250", "452", "452"]


@rule("S-SES-27")
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_every_question_can_be_deferred(verb: str) -> None:
    said: list[str | bytes] = ["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", b"hi\r\n.\r\n", "QUIT"]
    talk, plain = Talk({verb: defer}), Talk()
    for each in ["", *said]:
        if each:
            talk.feed(each)
            plain.feed(each)
        if talk.step() is Step.DECIDE:
            assert talk.connection.tick(5.0) == float("inf")
            talk.connection.accept(talk.asked[-1])
            talk.pump()
    assert talk.output == plain.output
    assert talk.error is None
    assert talk.all(Quit)


def test_an_answer_may_come_twice_only_once() -> None:
    talk = opened()
    talk.feed(*RCPTS)
    first = talk.all(Rcpt)[0]
    talk.connection.accept(first)
    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="does not wait for an answer"):
            talk.connection.accept(first)


@rule("S-SES-23", "S-REP-23")
def test_421_stands_for_all_that_is_owed() -> None:
    talk = opened()
    talk.feed(*RCPTS[:2])
    talk.connection.reject(talk.all(Rcpt)[1], GONE)
    assert talk.pump() == b"421 4.3.2 mx.example.org Gone\r\n"
    assert talk.error is None
    with pytest.raises(LocalProtocolError, match="does not wait"):
        talk.connection.accept(talk.all(Rcpt)[0])
    assert talk.pump() == b""


def test_shut_down_while_answers_are_owed() -> None:
    talk = opened()
    talk.feed(*RCPTS[:2])
    talk.connection.shut_down()
    assert talk.pump() == b"421 4.3.2 mx.example.org Service not available\r\n"
    assert talk.closed
    talk = Talk({"EHLO": defer})
    talk.feed("EHLO x")
    talk.connection.shut_down()
    assert talk.pump() == b"421 mx.example.org Service not available\r\n"


def test_too_many_errors_behind_a_deferred_recipient() -> None:
    talk = opened(window=100, limits=Limits(errors=2))
    assert talk.codes(RCPTS[0], *["RCPT TO:<>"] * 3) == [421]
    assert talk.error == "RemoteProtocolError: too many errors"


@rule("S-SES-26")
def test_a_client_that_left_while_answers_are_owed() -> None:
    talk = opened()
    talk.feed(RCPTS[0])
    assert talk.step() is Step.RECEIVE
    assert talk.eof() == b""
    assert talk.step() is Step.DECIDE
    talk.connection.accept(talk.all(Rcpt)[0])
    assert talk.pump() == b"250 2.1.5 Recipient OK\r\n"
    assert talk.aborted == ["CLOSED"]
    assert talk.closed


@rule("S-TMO-08")
def test_a_client_that_waits_for_us_is_not_timed_out() -> None:
    talk = opened(timeouts=Timeouts(server_command=300))
    assert talk.connection.tick(0.0) == 300.0
    talk.feed(RCPTS[0])
    assert talk.connection.tick(10.0) == float("inf")
    talk.connection.accept(talk.all(Rcpt)[0])
    talk.pump()
    assert talk.connection.tick(1000.0) == 1300.0


def test_the_window_is_at_least_one() -> None:
    with pytest.raises(LocalProtocolError, match="1 or more"):
        Talk(rcpt_window=0)
