"""Small faults of a server and its settings, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest

from smtpcore.commands import Command, no_argument
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Connect, Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.base import Extension, Verb
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.dsn import Dsn
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.size import Size
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection, accept_all
from smtpcore.state import Move, State
from smtpcore.timeouts import Timeouts
from tests.server_tools import HOST, NO, Talk, defer, replies_in, with_extensions

rule = pytest.mark.rule

# -- settings ---------------------------------------------------------------------------------------------------------


@rule("X-FW-23")
@pytest.mark.parametrize(
    ("limit", "verb", "longest"),
    [
        (None, "NOOP", 512),
        (None, "MAIL", 512 + 26 + 9 + 107),  # SIZE=, RET= and ENVID=
        (None, "RCPT", 512 + 29 + 507),  # NOTIFY= and ORCPT=
        (600, "NOOP", 600),
        (600, "MAIL", 512 + 26 + 9 + 107),
        (600, "RCPT", 512 + 29 + 507),
        (2000, "MAIL", 2000),
        (2000, "RCPT", 2000),
    ],
)
def test_the_longest_line(limit: int | None, verb: str, longest: int) -> None:
    talk = Talk(extensions=[Size(0), Dsn()], limits=Limits(command_line=limit)).hello()
    for octets, code in ((longest, 250 if verb == "NOOP" else 501), (longest + 1, 500)):
        assert talk.codes(verb + " " + "x" * (octets - len(verb) - 3)) == [code]


def test_a_limit_of_the_server_is_what_a_prepared_set_offers() -> None:
    for extensions in (None, ExtensionSet([Size(0)]), [Size(0)]):
        assert "SIZE 40" in Talk(extensions=extensions, limits=Limits(message=40)).keywords


@rule("X-FW-03")
def test_after_helo_no_verb_of_an_extension_is_in_effect() -> None:
    talk = Talk(extensions=[Chunking()])
    assert talk.codes("HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1 LAST\r\nx") == [250, 250, 250, 503]
    assert talk.codes("EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1 LAST\r\nx") == [250] * 4


# -- what a transport sees --------------------------------------------------------------------------------------------


def test_behind_the_end_nothing_is_read() -> None:
    talk = Talk().hello()
    talk.connection.receive_data(b"NOOP\r\n")
    talk.connection.receive_eof()
    talk.connection.receive_data(b"NOOP\r\n")
    assert talk.replies() == ["250 2.0.0 OK"]
    assert talk.error == "ConnectionLost: the client closed the connection without QUIT"


@pytest.mark.parametrize("end", [b"", None])
def test_the_end_is_to_be_looked_at(end: bytes | None) -> None:
    talk = Talk().hello()
    assert talk.step() is Step.RECEIVE
    talk.connection.receive_eof() if end is None else talk.connection.receive_data(end)
    assert talk.step() is Step.CONTINUE
    assert talk.pump() == b""
    assert talk.closed


@pytest.mark.parametrize("pieces", [(b"x" * 101,), (b"x" * 100, b"x"), (b"x",) * 101])
def test_input_while_an_answer_is_owed_has_a_limit(pieces: tuple[bytes, ...]) -> None:
    talk = Talk({"MAIL": defer}, limits=Limits(held_input=100)).hello()
    talk.feed("MAIL FROM:<a@b>")
    *most, last = pieces
    for piece in most:
        talk.connection.receive_data(piece)
    with pytest.raises(LocalProtocolError):
        talk.connection.receive_data(last)
    assert talk.connection.held == len(b"".join(most))


@pytest.mark.parametrize("said", ["NOOP", "HELP", "DATA", "EHLO x", "XNOPE"])
def test_a_reply_is_the_end_of_a_pass_when_nothing_else_came(said: str) -> None:
    talk = Talk().hello()
    talk.connection.receive_data(said.encode() + b"\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert talk.connection.data_to_send() != b""
    assert talk.step() is Step.RECEIVE


def test_no_wait_before_the_greeting() -> None:
    connection = ServerConnection(HOST, timeouts=Timeouts(server_command=5))
    assert connection.tick(0) == math.inf
    question = connection.next_event()
    assert isinstance(question, Connect)
    assert connection.tick(10) == math.inf
    connection.accept(question)
    assert connection.tick(20) == 25


def test_behind_the_handshake_the_client_is_heard() -> None:
    talk = Talk(extensions=with_extensions(StartTlsExtension())).hello()
    assert talk.codes("STARTTLS") == [220]
    talk.connection.tls_started()
    assert talk.step() is Step.RECEIVE


def test_the_end_in_front_of_a_handshake_is_found_by_the_handshake() -> None:
    talk = Talk(extensions=with_extensions(StartTlsExtension())).hello()
    assert talk.codes("STARTTLS") == [220]
    assert talk.eof() == b""
    assert talk.step() is Step.START_TLS
    talk.connection.tls_failed()
    talk.pump()
    assert talk.error == "RemoteProtocolError: the TLS handshake failed"


@rule("X-PIPELINING-13")
def test_replies_to_chunks_leave_together() -> None:
    talk = Talk().envelope()
    talk.connection.receive_data(b"BDAT 1\r\nxBDAT 1\r\nyBDAT 0 LAST\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert [reply[:3] for reply in replies_in(talk.connection.data_to_send())] == ["250", "250", "250"]


def test_each_wait_begins_anew() -> None:
    talk = Talk(timeouts=Timeouts(server_command=300, block=180), limits=Limits(command_line=600)).hello()
    assert talk.connection.tick(0) == 300
    assert talk.codes("x" * 700) == [500]
    assert talk.connection.tick(100) == 400
    talk.envelope()
    talk.feed(b"BDAT 2\r\n")
    assert talk.connection.tick(200) == 380
    talk.feed(b"x")
    assert talk.connection.tick(300) == 380
    assert talk.codes(b"y") == [250]
    assert talk.connection.tick(310) == 610
    talk.feed(b"BDAT 1\r\n")
    assert talk.connection.tick(312) == 492
    assert talk.codes(b"y") == [250]
    assert talk.connection.tick(315) == 615
    talk.feed(b"BDAT 2 LAST\r\n")
    assert talk.connection.tick(320) == 500
    assert talk.codes(b"yz") == [250]
    assert talk.connection.tick(330) == 630
    talk.feed(b"BDAT 2\r\nx")
    assert talk.connection.tick(340) == 520
    assert talk.codes(b"y") == [503]
    assert talk.connection.tick(350) == 650


# -- lines that are refused -------------------------------------------------------------------------------------------


def test_only_recipients_are_refused_recipients() -> None:
    for wrong, code in (("VRFY", 503), ("MAIL FROM:<", 503), ("RCPT TO:<", 554)):
        talk = Talk().hello()
        assert talk.codes("MAIL FROM:<a@b>", wrong, "DATA") == [250, 501, code]


@rule("X-CHUNKING-10")
def test_data_behind_a_chunk_is_out_of_sequence_whatever_was_refused() -> None:
    talk = Talk({"RCPT": [None, NO]}).hello()
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>") == [250, 250, 550]
    assert talk.codes(b"BDAT 1\r\nx", "DATA") == [250, 503]


def test_a_command_with_a_wrong_argument_is_no_other_protocol() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL / HTTP/1.1", "NOOP") == [501, 250]
    assert talk.codes("FETCH / HTTP/1.1") == [421]


# -- content ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [([b"DATA\r\n", b"hi\r\n.\r\n"], "250"), ([b"BDAT 1 LAST\r\nx"], "250"), ([b"RSET\r\n", b"BDAT 1\r\nx"], "503")],
)
def test_the_reply_to_a_content_leaves_before_the_next_command_is_read(said: list[bytes], code: str) -> None:
    talk = Talk().envelope()
    for each in said[:-1]:
        talk.feed(each)
    talk.connection.receive_data(said[-1] + b"MAIL FROM:<a@b>\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert [reply[:3] for reply in replies_in(talk.connection.data_to_send())] == [code]
    assert talk.codes() == [250]


def test_nothing_comes_in_behind_a_chunk_that_was_refused() -> None:
    talk = Talk(limits=Limits(message=3)).envelope()
    assert talk.codes(b"BDAT 5\r\n12345") == [552]
    with pytest.raises(LocalProtocolError):
        talk.connection.refuse_message(NO)
    assert talk.codes("RSET") == [250]


class XPart(Command):
    """XPART: as many octets of the message, which DATA or BDAT ends."""

    size: int
    verb: ClassVar[str] = "XPART"


class Parts(Extension):
    """A verb behind which octets follow, and that never ends the message."""

    keyword: ClassVar[str] = "XPART"
    verbs: ClassVar[tuple[Verb, ...]] = (
        Verb(
            "XPART",
            lambda line, end, language: XPart(int(line[end + 1 :])),
            moves={state: Move(State.BDAT, State.POISONED) for state in (State.RCPT, State.BDAT)},
            octets=lambda command: getattr(command, "size", 0),
        ),
    )


def test_a_verb_with_octets_that_does_not_end_a_message() -> None:
    talk = Talk(extensions=with_extensions(Parts()), limits=Limits(message=9)).envelope()
    assert talk.codes(b"XPART 3\r\nabc", b"XPART 1\r\nd", b"BDAT 1 LAST\r\ne") == [250, 250, 250]
    assert talk.text == b"abcde"
    talk.envelope()
    assert talk.codes(b"XPART 10\r\n0123456789", "RSET") == [552, 250]
    talk.answers["XPART"] = NO
    talk.envelope()
    assert talk.codes(b"XPART 3\r\nabc", "NOOP", "RSET") == [550, 250, 250]


# -- refusals of commands that can be read ----------------------------------------------------------------------------


@rule("X-PIPELINING-13", "X-PIPELINING-16")
@pytest.mark.parametrize(
    ("said", "codes"),
    [
        (["RCPT TO:<c@d>", "MAIL FROM:<a@b>"], "503 250"),
        (["MAIL FROM:<a@b>", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"], "250 503 250"),
        (["DATA", "MAIL FROM:<a@b>"], "503"),
        (["EXPN x", "MAIL FROM:<a@b>"], "502"),
    ],
)
def test_which_refusals_wait_for_the_rest_of_their_group(said: list[str], codes: str) -> None:
    talk = Talk().hello()
    talk.connection.receive_data("".join(f"{line}\r\n" for line in said).encode())
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert " ".join(reply[:3] for reply in replies_in(talk.connection.data_to_send())) == codes


@rule("X-LIMITS-06")
def test_a_recipient_that_a_guard_refuses_counts_once() -> None:
    talk = Talk(extensions=with_extensions(LimitsExtension(rcptmax=3))).hello()
    said = ["MAIL FROM:<a@b>", "RCPT TO:<\xe9@d>", *["RCPT TO:<c@d>"] * 3]
    assert talk.codes(*said) == [250, 553, 250, 250, 452]


def test_recipients_past_the_limit_are_news() -> None:
    talk = Talk(limits=Limits(recipients=2)).envelope("a@b", "c@d")
    assert talk.codes("RCPT TO:<e@f>", "RCPT TO:<e@f>", "RCPT TO:<e@f>") == [452, 452, 452]
    assert talk.refused == [452, 452, 452]


# -- verbs of extensions ----------------------------------------------------------------------------------------------


class XStep(Command):
    """XSTEP: forget the greeting."""

    verb: ClassVar[str] = "XSTEP"


class XGroup(Command):
    """XGROUP: what may stand in a group."""

    verb: ClassVar[str] = "XGROUP"


class Answering(Extension):
    """Verbs with an answer of their own."""

    keyword: ClassVar[str] = "XSTEP"
    verbs: ClassVar[tuple[Verb, ...]] = tuple(
        Verb(
            kind.verb,
            no_argument(kind),
            moves={State.READY: Move(State.FRESH, State.READY)},
            last=kind is XStep,
            answer=lambda command, session: Reply(250, "Done"),
        )
        for kind in (XStep, XGroup)
    )


def test_a_verb_with_an_answer_of_its_own_moves_and_counts() -> None:
    talk = Talk(extensions=with_extensions(Answering()), limits=Limits(junk=2))
    assert talk.hello().codes("XSTEP", "MAIL FROM:<a@b>") == [250, 503]
    assert talk.hello().codes("XSTEP") == [250, 421]


@pytest.mark.parametrize(("said", "codes"), [("XSTEP", "250"), ("XGROUP", "250 503")])
def test_whether_an_answer_waits_for_others(said: str, codes: str) -> None:
    talk = Talk(extensions=with_extensions(Answering())).hello()
    talk.connection.receive_data(said.encode() + b"\r\nMAIL FROM:<a@b>\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert " ".join(reply[:3] for reply in replies_in(talk.connection.data_to_send())) == codes


def test_replies_of_an_exchange_leave_at_once() -> None:
    talk = Talk(extensions=with_extensions(AuthExtension(clear_text=True))).hello()
    talk.connection.receive_data(b"AUTH PLAIN\r\n*\r\nNOOP\r\n")
    for code in (b"334", b"501", b"250"):
        while (event := talk.connection.next_event()) is not None:
            accept_all(talk.connection, event)
        said = talk.connection.data_to_send()
        assert said[:3] == code
        assert said.count(b"\r\n") == 1
