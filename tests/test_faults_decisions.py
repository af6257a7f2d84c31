"""Small faults of what an application's answers do, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from smtpcore.commands import Command, EndOfMessage, Mail, Noop, no_argument
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Connect, Refused, Step
from smtpcore.extensions.base import Extension, Verb, When
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection, accept_all
from smtpcore.session import Note, Session
from smtpcore.settings import ServerSettings
from smtpcore.state import Move, State
from tests.server_tools import GONE, HOST, NO, Talk, defer, replies_in, with_extensions

rule = pytest.mark.rule


# -- decisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "code"), [("MAIL", 200), ("MAIL", 259), ("DATA", 300), ("DATA", 359)])
def test_any_code_of_the_class_accepts(verb: str, code: int) -> None:
    talk = Talk({verb: Reply(code, "Fine")}).hello()
    assert code in talk.codes("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")


def test_only_a_question_that_waits_is_answered_with_421() -> None:
    talk = Talk().envelope()
    with pytest.raises(LocalProtocolError):
        talk.connection.reject(talk.all(Mail)[0], GONE)
    assert talk.codes("NOOP") == [250]


def test_a_greeting_that_is_refused_is_no_junk() -> None:
    talk = Talk({"EHLO": [None, NO, NO, NO]}, limits=Limits(junk=1)).hello()
    assert talk.codes("EHLO x", "EHLO x", "EHLO x", "NOOP") == [550, 550, 550, 250]


@rule("X-PIPELINING-16")
def test_354_leaves_before_the_text_is_read() -> None:
    talk = Talk().envelope()
    talk.connection.receive_data(b"DATA\r\nhi\r\n.\r\n")
    for code in ("354", "250"):
        while (event := talk.connection.next_event()) is not None:
            accept_all(talk.connection, event)
        assert [reply[:3] for reply in replies_in(talk.connection.data_to_send())] == [code]


def test_the_greeting_leaves_before_anything_is_read() -> None:
    connection = ServerConnection(settings=ServerSettings(HOST, early_talk=True))
    connection.receive_data(b"EHLO x\r\n")
    question = connection.next_event()
    assert isinstance(question, Connect)
    connection.accept(question)
    assert connection.next_event() is None
    assert connection.data_to_send().startswith(b"220 ")
    assert connection.next_event() is not None


# -- recipients that are answered later -------------------------------------------------------------------------------


@rule("X-LIMITS-06")
def test_a_recipient_that_the_application_refuses_counts_once() -> None:
    talk = Talk({"RCPT": [NO, None]}, extensions=with_extensions(LimitsExtension(rcptmax=3))).hello()
    assert talk.codes("MAIL FROM:<a@b>", *["RCPT TO:<c@d>"] * 4) == [250, 550, 250, 250, 452]


def test_what_is_refused_behind_a_deferred_recipient_counts_once() -> None:
    talk = Talk({"RCPT": defer}, rcpt_window=3).hello()
    assert talk.codes("MAIL FROM:<a@b>") == [250]
    assert talk.feed("RCPT TO:<c@d>", "RCPT TO:<") == b""
    talk.connection.accept(talk.asked[-1])
    assert talk.codes() == [250, 501]
    envelope = talk.connection.session.envelope
    assert envelope is not None
    assert (len(envelope.recipients), envelope.refused) == (1, 1)


def test_recipients_are_not_counted_again_when_the_message_is_delivered() -> None:
    talk = Talk({".": defer}, lmtp=True, rcpt_window=3, limits=Limits(recipients=None))
    for _ in range(2):
        assert talk.data("a@b", "c@d").feed(b"hi\r\n.\r\n") == b""
        question = talk.asked[-1]
        assert isinstance(question, EndOfMessage)
        envelope = talk.connection.session.envelope
        assert envelope is not None
        first, second = envelope.recipients
        talk.connection.reply_for(question, first, Reply(250, "Here"))
        assert (envelope.recipients, envelope.refused) == ([first, second], 0)
        assert talk.step() is Step.DECIDE
        talk.connection.reply_for(question, second, NO)
        assert talk.codes() == [250, 550]
    talk.answers["RCPT"] = defer
    assert talk.feed("MAIL FROM:<a@b>", "RCPT TO:<a@b>", "RCPT TO:<c@d>").startswith(b"250 ")
    for question in talk.asked[-2:]:
        talk.connection.accept(question)
    assert talk.codes("DATA") == [250, 250, 354]


@rule("X-PIPELINING-16")
def test_the_answer_to_an_inquiry_leaves_at_once() -> None:
    talk = Talk(ask=["VRFY"]).hello()
    talk.connection.receive_data(b"VRFY a\r\nNOOP\r\n")
    for code in ("252", "250"):
        while (event := talk.connection.next_event()) is not None:
            accept_all(talk.connection, event)
        assert [reply[:3] for reply in replies_in(talk.connection.data_to_send())] == [code]


class XAsk(Command):
    """XASK: forget the greeting, when the application agrees."""

    verb: ClassVar[str] = "XASK"


class XGroup(Command):
    """XGROUP: the same, and may stand in a group."""

    verb: ClassVar[str] = "XGROUP"


class Asking(Extension):
    """Verbs that the application decides on."""

    keyword: ClassVar[str] = "XASK"
    verbs: ClassVar[tuple[Verb, ...]] = tuple(
        Verb(kind.verb, no_argument(kind), moves={State.READY: Move(State.FRESH, State.READY)}, last=kind is XAsk)
        for kind in (XAsk, XGroup)
    )


def test_a_verb_moves_as_it_declares() -> None:
    talk = Talk({"XASK": [NO, None]}, extensions=with_extensions(Asking())).hello()
    assert talk.codes("XASK", "XASK", "MAIL FROM:<a@b>") == [550, 250, 503]


@pytest.mark.parametrize(("said", "codes"), [("XASK", "250"), ("XGROUP", "250 503")])
def test_whether_a_reply_waits_for_others(said: str, codes: str) -> None:
    talk = Talk(extensions=with_extensions(Asking())).hello()
    talk.connection.receive_data(said.encode() + b"\r\nMAIL FROM:<a@b>\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert " ".join(reply[:3] for reply in replies_in(talk.connection.data_to_send())) == codes


def test_a_chunk_that_is_taken_is_not_swallowed() -> None:
    talk = Talk(limits=Limits(swallow=2)).envelope()
    assert talk.codes(b"BDAT 5 LAST\r\nabcde") == [250]
    assert talk.envelope().codes("RSET", b"BDAT 2\r\nab", b"BDAT 3\r\nabc") == [250, 503, 503]
    assert talk.closed


def test_the_policy_that_accepts_all_leaves_news_alone() -> None:
    talk = Talk({"MAIL": defer}).hello()
    talk.connection.receive_data(b"MAIL FROM:<a@b>\r\n")
    question = talk.connection.next_event()
    accept_all(talk.connection, Noop())
    assert talk.connection.question is question
    assert question is not None
    accept_all(talk.connection, question)
    assert talk.connection.question is None


@pytest.mark.parametrize("size", [2, 3])
def test_how_much_of_a_chunk_that_is_too_large_is_swallowed(size: int) -> None:
    talk = Talk(limits=Limits(message=1, swallow=2)).envelope()
    assert talk.codes(b"BDAT %d\r\n" % size + b"x" * size) == [552]
    assert talk.closed is (size > 2)
    assert [event.line for event in talk.all(Refused)] == ([b"BDAT 3"] if size > 2 else [])


def test_what_a_server_is_unless_it_is_told_otherwise() -> None:
    settings = ServerSettings(HOST)
    assert (settings.rcpt_window, settings.lmtp, settings.early_talk, settings.foreign) == (1, False, False, False)
    assert (settings.ask, settings.listed) == (frozenset(), None)
    connection = ServerConnection()
    question = connection.next_event()
    assert isinstance(question, Connect)
    connection.accept(question)
    assert connection.data_to_send() == b"220 localhost ESMTP ready\r\n"


class Once(Extension):
    """Takes one VRFY; EHLO makes it forget."""

    keyword: ClassVar[str] = "XONCE"
    guards: ClassVar[Mapping[str, When]] = {"VRFY": When.ALWAYS}

    def guard(self, command: Command, session: Session) -> Reply | None:
        known, session.notes = session.notes or {}, {self.keyword: Note()}
        return NO if self.keyword in known else None


def test_a_greeting_that_is_accepted_is_a_new_beginning() -> None:
    talk = Talk({"EHLO": [None, NO, None]}, extensions=with_extensions(Once())).hello()
    assert talk.codes("VRFY a", "VRFY a", "EHLO x", "VRFY a") == [252, 550, 550, 550]
    assert talk.codes("EHLO x", "VRFY a", "VRFY a") == [250, 252, 550]
