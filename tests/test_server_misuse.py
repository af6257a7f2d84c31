"""Wrong use of a server is answered by a sentence that tells what to do, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smtpcore import replies
from smtpcore.commands import Data, EndOfMessage, Hello, Inquiry, Mail, Rcpt
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Connect, Question, Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.mtpriority import MtPriority
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection, accept_all
from tests.server_tools import GONE, HOST, LATER, NO, Talk, defer, with_extensions

rule = pytest.mark.rule


def waiting(verb: str, **setup: Any) -> tuple[Talk, Question]:
    """A conversation in which this question is deferred."""
    talk = Talk({verb: defer}, **setup)
    for said in ("EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", b"hi\r\n.\r\n"):
        if talk.step() is Step.DECIDE:
            break
        talk.feed(said)
    return talk, talk.asked[-1]


def refused(sentence: str, call: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(LocalProtocolError, match=sentence):
        call(*arguments)


@rule("S-SES-06", "S-SES-39")
def test_an_answer_is_missing() -> None:
    connection = ServerConnection(HOST)
    assert connection.next_event() == Connect()
    for call in (connection.next_event, lambda: list(connection.events())):
        refused("^Connect is waiting for an answer: give that very event to accept", call)
    assert connection.next_step is Step.DECIDE


@rule("S-SES-06")
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_an_answer_given_twice(verb: str) -> None:
    talk, question = waiting(verb)
    talk.connection.accept(question)
    for call in (talk.connection.accept, talk.connection.defer):
        refused("answer", call, question)
    refused("answered already", talk.connection.reject, question, NO)
    refused("answered already", talk.connection.provide, question, None)


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "."])
def test_an_equal_value_is_not_the_question(verb: str) -> None:
    talk, question = waiting(verb)
    same = type(question)(*(getattr(question, name) for name in question._fields))
    assert same == question
    assert same is not question
    refused("an equal value but not the one that was handed out", talk.connection.accept, same)
    refused("an equal value but not the one that was handed out", talk.connection.reject, same, NO)
    refused("handed out last", talk.connection.defer, same)
    talk.connection.accept(question)
    assert talk.pump()


def test_news_is_no_question() -> None:
    talk = Talk()
    talk.feed("NOOP", "FOO")
    for news in talk.events[1:]:
        refused("is news", talk.connection.accept, news)


def test_yes_and_no_want_their_replies() -> None:
    talk, question = waiting("MAIL")
    refused(r"accept\(\) wants a 2yz reply, not 550; use reject\(\)", talk.connection.accept, question, NO)
    refused(r"accept\(\) wants a 2yz reply, not 354", talk.connection.accept, question, replies.START_MAIL_INPUT)
    refused(r"reject\(\) wants a 4yz or 5yz reply, not 250; use accept", talk.connection.reject, question, replies.OK)
    refused("not 354", talk.connection.reject, question, replies.START_MAIL_INPUT)
    talk.connection.reject(question, LATER)
    assert talk.pump() == b"450 4.2.0 Later\r\n"


def test_data_is_accepted_with_3yz() -> None:
    talk, question = waiting("DATA")
    refused(r"accept\(\) wants a 3yz reply, not 250", talk.connection.accept, question, replies.OK)
    talk.connection.accept(question, Reply(354, "Go"))
    assert talk.pump() == b"354 Go\r\n"


def test_expn_has_no_usual_reply() -> None:
    talk = Talk({"EXPN": defer}, ask=["EXPN"])
    talk.feed("EXPN list")
    refused("needs the reply with the members", talk.connection.accept, talk.asked[-1])
    talk.connection.accept(talk.asked[-1], Reply(250, "<a@b>"))
    assert talk.pump() == b"250 2.0.0 <a@b>\r\n"


@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "RCPT", "."])
def test_provide_answers_only_what_asks_for_something(verb: str) -> None:
    talk, question = waiting(verb, extensions=with_extensions(AuthExtension()))
    name = type(question).__name__
    refused(rf"provide\(\) is for AUTH .*: accept\(\) or reject\(\) {name}", talk.connection.provide, question, "x")
    talk.connection.accept(question)


@pytest.mark.parametrize("when", ["before", "whole", "after"])
def test_a_message_is_refused_while_it_comes_in(when: str) -> None:
    talk = Talk({".": defer}).envelope()
    sentence = "works while a message comes in"
    if when != "before":
        talk.feed("DATA", b"hi\r\n.\r\n")
        sentence = r"the message is whole: answer EndOfMessage with reject\(\)"
    if when == "after":
        talk.connection.accept(talk.asked[-1])
        sentence = "works while a message comes in"
    refused(sentence, talk.connection.refuse_message, NO)


def test_a_message_is_refused_with_a_refusal() -> None:
    talk = Talk().data()
    refused("wants a 4yz or 5yz reply, not 250", talk.connection.refuse_message, replies.OK)
    refused(r"use shut_down\(\)", talk.connection.refuse_message, GONE)
    assert talk.codes(b".\r\n") == [250]


def test_shut_down_says_421_only() -> None:
    refused(r"shut_down\(\) says 421, not 550", Talk().connection.shut_down, NO)


def test_accept_all_accepts_questions_and_leaves_news() -> None:
    connection = ServerConnection(HOST)
    connection.receive_data(b"")
    for event in connection.events():
        accept_all(connection, event)
    assert connection.data_to_send().startswith(b"220 ")
    for event in connection.events():
        accept_all(connection, event)
    assert connection.next_step is Step.CLOSE


def test_a_closed_connection_takes_anything_quietly() -> None:
    talk = Talk()
    talk.feed("QUIT")
    talk.connection.receive_data(b"NOOP\r\n")
    talk.connection.receive_eof()
    assert talk.connection.next_event() is None
    assert talk.connection.data_to_send() == b""
    assert talk.connection.question is None
    assert talk.step() is Step.CLOSE


# -- replies that are listed -------------------------------------------------------------------------------------------

#: Codes that RFC 5321 4.3.2 does not list, for the questions of a plain server.
UNLISTED = {
    "CONNECT": (250, 450, 550),
    "EHLO": (251, 452, 503, 504, 554),
    "MAIL": (251, 252, 450, 551, 554),
    "RCPT": (252, 554, 504),
    "DATA": (334, 452, 552),
    ".": (251, 252, 503, 553),
}
LISTED = {
    "CONNECT": (220, 421, 521, 554),
    "EHLO": (250, 421, 500, 501, 502, 550),
    "MAIL": (250, 421, 451, 452, 455, 500, 501, 503, 550, 552, 553, 555),
    "RCPT": (250, 251, 421, 450, 451, 452, 455, 500, 501, 503, 550, 551, 552, 553, 555, 556),
    "DATA": (354, 421, 451, 500, 501, 503, 554),
    ".": (250, 421, 450, 451, 452, 550, 552, 554),
}


def answer(talk: Talk, question: Question, code: int) -> None:
    reply = Reply(code, "Text")
    if reply.is_negative:
        talk.connection.reject(question, reply)
    else:
        talk.connection.accept(question, reply)


@rule("S-REP-05", "S-CMD-EHLO-03", "S-CMD-MAIL-03", "S-CMD-RCPT-04", "S-CMD-DATA-02", "S-REP-21")
@pytest.mark.parametrize("verb", UNLISTED)
def test_strict_replies_are_the_listed_ones(verb: str) -> None:
    for code in UNLISTED[verb]:
        talk, question = waiting(verb, strict_replies=True)
        with pytest.raises(LocalProtocolError, match=rf"{code} is not listed for .* \(RFC 5321 4.3.2\)"):
            answer(talk, question, code)
        talk.connection.accept(question)
        talk, question = waiting(verb)
        answer(talk, question, code)
    for code in LISTED[verb]:
        talk, question = waiting(verb, strict_replies=True)
        answer(talk, question, code)
        assert f"{code} ".encode() in talk.pump()


@rule("S-CMD-VRFY-02", "S-CMD-EXPN-02", "S-CMD-HELP-02", "S-REP-05")
@pytest.mark.parametrize(
    ("verb", "listed", "unlisted"),
    [
        ("VRFY", (250, 251, 252, 550, 551, 553, 502, 504), (214, 450, 554)),
        ("EXPN", (250, 252, 550, 502, 504), (251, 214, 551)),
        ("HELP", (211, 214, 502, 504), (250, 550)),
    ],
)
def test_strict_replies_to_inquiries(verb: str, listed: tuple[int, ...], unlisted: tuple[int, ...]) -> None:
    for code in (*listed, *unlisted):
        talk = Talk({verb: defer}, ask=[verb], strict_replies=True)
        talk.feed(f"{verb} x")
        if code in unlisted:
            refused("is not listed", answer, talk, talk.asked[-1], code)
        else:
            answer(talk, talk.asked[-1], code)


@rule("S-REP-05")
def test_extensions_list_their_own_codes() -> None:
    offer = with_extensions(StartTlsExtension(), AuthExtension(clear_text=True), MtPriority())
    for verb, said, listed, unlisted in (
        ("STARTTLS", "STARTTLS", (454, 554), (450,)),
        ("AUTH", "AUTH PLAIN", (454, 432, 534, 535), (550,)),
        ("MAIL", "MAIL FROM:<a@b>", (450, 530), (551,)),
    ):
        for code in (*listed, *unlisted):
            talk = Talk({verb: defer}, extensions=offer, strict_replies=True).hello()
            talk.feed(said)
            if code in unlisted:
                refused("is not listed", answer, talk, talk.asked[-1], code)
            else:
                answer(talk, talk.asked[-1], code)
    talk = Talk({"BDAT": defer}, strict_replies=True).envelope()
    talk.feed("BDAT 0")
    refused("504 is not listed", answer, talk, talk.asked[-1], 504)


@rule("S-REP-05")
def test_strict_replies_to_a_message() -> None:
    talk = Talk(strict_replies=True).data()
    refused("553 is not listed", talk.connection.refuse_message, Reply(553, "No"))
    talk = Talk({".": defer}, strict_replies=True, lmtp=True).data("a@b")
    talk.feed(b".\r\n")
    (end,) = talk.all(EndOfMessage)
    refused("553 is not listed", talk.connection.reply_each, end, [Reply(553, "No")])
    refused("553 is not listed", talk.connection.reply_for, end, talk.all(Rcpt)[0], Reply(553, "No"))
    talk.connection.reply_each(end, [NO])


@rule("S-REP-04", "X-ENHANCED-16", "S-SEC-07")
@pytest.mark.parametrize("text", ["a\r\n250 ok", "a\nb", "a\rb", "a\0b", "\x7f", "\x85"])
def test_no_reply_holds_a_line_end(text: str) -> None:
    with pytest.raises(ValueError, match="A reply has"):
        Reply(550, text)


def test_questions_are_the_commands() -> None:
    talk = Talk({"VRFY": defer}, ask=["VRFY"])
    assert [type(event) for event in talk.data().asked] == [Connect, Hello, Mail, Rcpt, Data]
    talk = Talk({"VRFY": defer}, ask=["VRFY"]).envelope()
    assert talk.codes(b"BDAT 0 LAST\r\n") == [250]
    assert [type(event) for event in talk.asked[-2:]] == [Bdat, EndOfMessage]
    talk.feed("VRFY x")
    assert isinstance(talk.asked[-1], Inquiry)
