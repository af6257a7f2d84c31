"""Small faults of what a client sends and when, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

from typing import ClassVar

import pytest

from smtpcore.addresses import Domain, ForwardPath, ReversePath
from smtpcore.client import NOT_SENT, ClientConnection
from smtpcore.commands import Command, Data, Hello, Inquiry, Language, Mail, Noop, Rcpt, Reset
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.events import Response, Step
from smtpcore.extensions.base import Extension, Verb
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.known import KNOWN
from smtpcore.leniency import LENIENT
from smtpcore.limits import Limits
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.state import Move, State
from smtpcore.timeouts import Timeouts
from smtpcore.transaction import Transaction
from tests.client_tools import MAIL, RCPT, ask, greeted, hello_reply, in_text, planned, take

# -- what comes next --------------------------------------------------------------------------------------------------


def test_a_text_is_owed_when_the_driver_knows_that_it_is_due() -> None:
    conn = greeted()
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.send(Data())
    conn.data_to_send()
    conn.receive_data(b"354 go\r\n")
    steps = [conn.next_step]
    while conn.next_event() is not None:
        steps.append(conn.next_step)
    assert steps == [Step.CONTINUE, Step.CONTINUE, Step.DECIDE]


def test_behind_rset_nothing_is_lost_with_the_transaction_before_it() -> None:
    conn = greeted("CHUNKING")
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.start_chunks(Bdat)
    assert len([*conn.events()]) == 1
    conn.end_body(b"text\r\n")
    conn.send_all([Mail(MAIL.path), Rcpt(RCPT.path), Reset(), Mail(MAIL.path), Rcpt(RCPT.path)])
    conn.data_to_send()
    said = []
    for reply in (b"554 no\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"):
        take(conn, reply)
        said.append(conn.data_to_send())
    assert said == [b"RSET\r\n", MAIL.to_bytes(), RCPT.to_bytes(), b""]


def test_what_was_not_sent_is_answered_as_a_server_would_have() -> None:
    assert (NOT_SENT.code, str(NOT_SENT.enhanced)) == (503, "5.5.1")


def test_no_more_chunks_are_owed_while_one_waits_for_a_reply() -> None:
    conn = greeted("CHUNKING")
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.start_chunks(Bdat)
    assert len([*conn.events()]) == 1
    steps = []
    for chunk in (b"one\r\n", b"two\r\n"):
        steps.append(conn.next_step)
        conn.send_body(chunk)
        conn.data_to_send()
    steps.append(conn.next_step)
    take(conn, b"250 ok\r\n")
    conn.data_to_send()
    steps.append(conn.next_step)
    assert steps == [Step.DECIDE, Step.DECIDE, Step.RECEIVE, Step.DECIDE]


def test_what_had_not_left_is_not_outstanding_in_the_end() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    conn.abort()
    assert conn.outstanding == conn.unanswered == (MAIL,)


# -- groups -----------------------------------------------------------------------------------------------------------


def message(conn: ClientConnection) -> Transaction:
    """A message of 70 octets of commands."""
    return Transaction(conn, "a@client.example", ["b@mx.example"], body=b"hi\r\n")


ENVELOPE = MAIL.to_bytes() + RCPT.to_bytes() + b"DATA\r\n"


def behind_a_text(**options: object) -> ClientConnection:
    """A connection that waits for the reply to the end of a text."""
    conn = greeted("PIPELINING", **options)
    for command, reply in ((MAIL, b"250 ok\r\n"), (RCPT, b"250 ok\r\n"), (Data(), b"354 go\r\n")):
        ask(conn, command, reply)
    conn.end_body(b"hi\r\n")
    assert conn.data_to_send() == b"hi\r\n.\r\n"
    return conn


def test_a_message_follows_the_end_of_a_text_at_once() -> None:
    conn = behind_a_text()
    message(conn).start()
    assert conn.data_to_send() == ENVELOPE


def test_a_message_does_not_follow_what_ends_a_group() -> None:
    conn = greeted("PIPELINING")
    conn.send(Noop())
    message(conn).start()
    assert conn.data_to_send() == b"NOOP\r\n"
    take(conn, b"250 ok\r\n")
    assert conn.data_to_send() == ENVELOPE


@pytest.mark.rule("X-PIPELINING-09")
@pytest.mark.parametrize("size", [30, len(ENVELOPE) - 1, len(ENVELOPE)])
def test_a_message_leaves_in_groups_within_the_limit(size: int) -> None:
    conn = greeted("PIPELINING", limits=Limits(pipeline=size))
    message(conn).start()
    sent = conn.data_to_send()
    assert ENVELOPE.startswith(sent)
    assert (sent == ENVELOPE) is (size == len(ENVELOPE))
    for reply in (b"250 ok\r\n", b"250 ok\r\n"):
        take(conn, reply)
        sent += conn.data_to_send()
    assert sent == ENVELOPE
    # What was ahead before counts no more.
    take(conn, b"354 go\r\n")
    conn.end_body(b"hi\r\n")
    conn.data_to_send()
    take(conn, b"250 ok\r\n")
    conn.send_all([MAIL, *[RCPT] * 10])
    assert len(conn.data_to_send()) <= max(size, len(MAIL.to_bytes()))


def test_a_message_overtakes_nothing() -> None:
    conn = behind_a_text(limits=Limits(pipeline=200))
    long = Inquiry("x" * 300, "VRFY")
    conn.send(long)
    message(conn).start()
    assert conn.data_to_send() == b""
    take(conn, b"250 ok\r\n")
    assert conn.data_to_send() == long.to_bytes()


@pytest.mark.rule("X-MIX-07")
def test_a_parameter_has_its_own_room_and_no_more() -> None:
    conn = greeted("AUTH PLAIN")
    room = 512 + 500 - len(MAIL.to_bytes()) - len(" AUTH=")
    for _ in range(2):  # what is known of a parameter is remembered
        with pytest.raises(LocalProtocolError):
            conn.send(Mail(MAIL.path, Parameters((("AUTH", "x" * (room + 1)),))))
        ask(conn, Mail(MAIL.path, Parameters((("AUTH", "x" * room),))), b"550 no\r\n")


@pytest.mark.rule("X-MIX-07")
def test_a_parameter_that_nobody_knows_brings_its_own_room() -> None:
    conn = greeted("AUTH PLAIN", "XTAG")
    room = 512 + 500 - len(MAIL.to_bytes()) - len(" AUTH=")
    with pytest.raises(LocalProtocolError):
        conn.send(Mail(MAIL.path, Parameters((("AUTH", "x" * (room + 1)), ("XTAG", "abc")))))
    conn.send(Mail(MAIL.path, Parameters((("AUTH", "x" * room), ("XTAG", "abc")))))
    assert len(conn.data_to_send()) == 512 + 500 + len(" XTAG=abc")


def test_extra_parameters_are_not_for_servers_without_extensions() -> None:
    conn = greeted(extra_parameters=True)
    mail = Mail(MAIL.path, Parameters((("XTAG", "abc"),)))
    conn.send(Hello(Domain("client.example"), "HELO"))
    conn.data_to_send()
    take(conn, b"250 mx.example.com\r\n")
    with pytest.raises(LocalProtocolError):
        conn.send(mail)
    ask(conn, Hello(Domain("client.example")), hello_reply("SIZE"))
    conn.send(mail)
    assert conn.data_to_send() == mail.to_bytes()


@pytest.mark.rule("X-SMTPUTF8-06")
def test_other_parameters_do_not_allow_what_is_beyond_ascii() -> None:
    conn = greeted("SMTPUTF8", "8BITMIME", "SIZE", "DSN")
    path = ReversePath.of("\u00e9@client.example")
    with pytest.raises(LocalProtocolError):
        conn.send(Mail(path, Parameters((("SIZE", "5"), ("RET", "HDRS"), ("BODY", "8BITMIME")))))
    conn.send(Mail(path, Parameters((("SIZE", "5"), ("SMTPUTF8", None)))))


@pytest.mark.parametrize("keyword", ["BODY", "body"])
def test_binary_content_is_not_announced_where_it_was_not_offered(keyword: str) -> None:
    """Also when the same parameter was sent with another value before."""
    conn = greeted("8BITMIME")
    ask(conn, Mail(MAIL.path, Parameters(((keyword, "8BITMIME"),))), b"550 no\r\n")
    with pytest.raises(LocalProtocolError):
        conn.send(Mail(MAIL.path, Parameters(((keyword, "BINARYMIME"),))))


class OtherBinary(Extension):
    """Another way to announce content without lines, which these messages do not go."""

    keyword: ClassVar[str] = "XBINARY"

    def binary(self, mail: Mail) -> bool:
        return "XBINARY" in mail.params


def test_the_extension_that_a_message_needs_is_asked_for_alone() -> None:
    conn = greeted("CHUNKING", "BINARYMIME", "8BITMIME", extensions=[OtherBinary(), *KNOWN])
    mail = Mail(MAIL.path, Parameters((("BODY", "BINARYMIME"),)))
    conn.send(mail)
    assert conn.data_to_send() == mail.to_bytes()


@pytest.mark.rule("X-SMTPUTF8-06")
def test_no_parameter_beyond_ascii_without_smtputf8() -> None:
    conn = greeted("DSN", "SMTPUTF8", "8BITMIME")
    params = Parameters((("ORCPT", "utf-8;\u00e9@mx.example"),))
    ask(conn, MAIL, b"250 ok\r\n")
    for _ in range(2):
        with pytest.raises(LocalProtocolError):
            conn.send(Rcpt(RCPT.path, params))
        ask(conn, Rcpt(RCPT.path, Parameters((("ORCPT", "rfc822;e@mx.example"),))), b"250 ok\r\n")
    ask(conn, Reset(), b"250 ok\r\n")
    ask(conn, Mail(MAIL.path, Parameters((("SMTPUTF8", None),))), b"250 ok\r\n")
    ask(conn, Rcpt(RCPT.path, params), b"250 ok\r\n")


@pytest.mark.parametrize("domain", ["b_c.example", "_b.example", "b.example_"])
def test_no_domain_with_an_underscore_is_sent(domain: str) -> None:
    """Receivers may tolerate it; RFC 5321 2.3.5."""
    conn = greeted()
    tolerated = ReversePath.parse(f"<a@{domain}>", leniency=LENIENT)
    with pytest.raises(SyntaxProblem):
        conn.send(Mail(tolerated))
    assert conn.outstanding == ()


@pytest.mark.parametrize(
    ("mail_params", "rcpt_params"), [([("RET", "HDRS")], []), ([], [("NOTIFY", "NEVER")]), ([], [])]
)
def test_parameters_wait_for_the_reply_to_a_greeting(
    mail_params: list[tuple[str, str]], rcpt_params: list[tuple[str, str]]
) -> None:
    conn = greeted("DSN", "PIPELINING")
    rcpts = [RCPT, Rcpt(RCPT.path, Parameters(tuple(rcpt_params)))]
    transaction = Transaction(conn, "a@client.example", rcpts, body=b"hi\r\n", mail_params=mail_params)
    conn.send(Hello(Domain("client.example")))
    conn.data_to_send()
    if mail_params or rcpt_params:
        with pytest.raises(LocalProtocolError):
            transaction.start()
        assert len(conn.outstanding) == 1
    else:
        transaction.start()
        assert len(conn.outstanding) == 5
    assert conn.data_to_send() == b""


@pytest.mark.parametrize("offers", ["", "PIPELINING"])
def test_messages_are_counted(offers: str) -> None:
    conn = greeted(offers or "HELP")
    for count in (1, 2):
        message(conn).start()
        conn.data_to_send()
        assert conn.session.mails == count
        while conn.planned_state is not State.READY or conn.outstanding:
            take(conn, b"550 no\r\n")
            conn.data_to_send()
            if conn.planned_state is State.MAIL:
                conn.send(Reset())


def test_a_recipient_is_judged_by_the_mail_before_it() -> None:
    mail = Mail(ReversePath.of("a@client.example"), Parameters((("SMTPUTF8", None),)))
    rcpt = Rcpt(ForwardPath.of("\u00e9@mx.example"))
    conn = greeted("SMTPUTF8", "8BITMIME", "PIPELINING")
    conn.send(mail)
    conn.send(rcpt)
    assert conn.data_to_send() == mail.to_bytes() + rcpt.to_bytes()
    other = greeted("SMTPUTF8", "8BITMIME", "PIPELINING")
    Transaction(other, "a@client.example", ["\u00e8@mx.example"], body=b"hi\r\n").start()
    other.data_to_send()
    take(other, b"250 ok\r\n250 ok\r\n451 not now\r\n")
    other.send(rcpt)
    assert other.data_to_send() == rcpt.to_bytes()


def test_a_transaction_that_stayed_open_goes_on_behind_what_was_not_sent() -> None:
    conn = greeted()
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.send_all([Reset(), MAIL, RCPT])
    conn.data_to_send()
    refused = [event.reply for event in take(conn, b"550 no\r\n") if isinstance(event, Response)]
    assert refused == [Reply(550, "no"), NOT_SENT, NOT_SENT]
    assert ask(conn, RCPT, b"250 more\r\n") == Reply(250, "more")
    assert ask(conn, Data(), b"354 go\r\n") == Reply(354, "go")


def test_what_is_queued_behind_an_empty_text_is_planned() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    take(conn, b"250 ok\r\n550 no\r\n")
    conn.send_all([Reset(), MAIL])
    take(conn, b"354 go\r\n")
    assert conn.data_to_send() == b".\r\nRSET\r\n" + MAIL.to_bytes()
    assert planned(conn) is State.MAIL


# -- chunks -----------------------------------------------------------------------------------------------------------


def test_behind_a_refused_chunk_nothing_is_planned_but_the_way_out() -> None:
    conn = greeted("CHUNKING")
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.start_chunks(Bdat)
    assert len([*conn.events()]) == 1
    assert planned(conn) is State.BDAT
    conn.send_body(b"one\r\n")
    conn.data_to_send()
    take(conn, b"452 full\r\n")
    assert planned(conn) is State.POISONED


@pytest.mark.parametrize(
    ("command", "dropped"),
    [(Reset(), True), (Hello(Domain("client.example")), True), (Noop(), False), (Inquiry("b", "VRFY"), False)],
)
def test_what_drops_the_rest_of_the_chunks(command: Command, dropped: bool) -> None:
    conn = greeted("CHUNKING", "PIPELINING")
    for each in (MAIL, RCPT):
        ask(conn, each, b"250 ok\r\n")
    conn.start_chunks(Bdat)
    assert len([*conn.events()]) == 1
    conn.send(command)
    assert conn.data_to_send() == command.to_bytes()
    conn.send_body(b"one\r\n")
    assert len(take(conn, b"250 ok\r\n")) == 1
    conn.end_body(b"two\r\n")
    assert [*conn.events()] == []
    assert conn.data_to_send() == (b"" if dropped else b"BDAT 5\r\none\r\nBDAT 5 LAST\r\ntwo\r\n")
    assert planned(conn) is State.READY


@pytest.mark.rule("X-CHUNKING-24")
@pytest.mark.parametrize("behind", [Noop(), Reset(), MAIL])
def test_nothing_at_all_leaves_behind_the_last_chunk(behind: Command) -> None:
    conn = greeted("CHUNKING", "PIPELINING")
    conn.send_all([MAIL, RCPT])
    conn.send(Bdat(4, True), octets=b"hi\r\n")
    conn.send(behind)
    assert conn.data_to_send() == MAIL.to_bytes() + RCPT.to_bytes() + b"BDAT 4 LAST\r\nhi\r\n"
    take(conn, b"250 ok\r\n250 ok\r\n")
    assert conn.data_to_send() == b""
    take(conn, b"250 ok\r\n")
    assert conn.data_to_send() == behind.to_bytes()


class Fetch(Command):
    """Has the server fetch the whole content elsewhere, as BURL does (RFC 4468)."""

    verb: ClassVar[str] = "XFETCH"


def _fetch(line: bytes, end: int, language: Language) -> Command:
    return Fetch()


class Fetching(Extension):
    keyword: ClassVar[str] = "XFETCH"
    verbs: ClassVar[tuple[Verb, ...]] = (
        Verb("XFETCH", _fetch, moves={State.RCPT: Move(State.BDAT, State.RCPT)}, ends_message=lambda command: True),
    )


def test_a_batch_goes_on_behind_what_ends_a_message() -> None:
    conn = greeted("XFETCH", "PIPELINING", extensions=[Fetching(), *KNOWN])
    conn.send_all([MAIL, RCPT, Fetch(), MAIL, RCPT])
    assert conn.data_to_send() == MAIL.to_bytes() + RCPT.to_bytes() + b"XFETCH\r\n"
    take(conn, b"250 ok\r\n250 ok\r\n250 taken\r\n")
    assert conn.data_to_send() == MAIL.to_bytes() + RCPT.to_bytes()


# -- time -------------------------------------------------------------------------------------------------------------


def test_each_reply_begins_the_wait_for_the_next() -> None:
    """RFC 5321 4.5.3.2: the times are those of one command."""
    conn = greeted("PIPELINING", timeouts=Timeouts(rcpt=100))
    conn.send_all([MAIL, RCPT, RCPT, RCPT])
    conn.data_to_send()
    take(conn, b"250 ok\r\n")
    assert conn.tick(0) == 100
    for now in (50, 90):
        take(conn, b"250 ok\r\n")
        assert conn.tick(now) == now + 100


def test_each_message_begins_a_wait() -> None:
    conn = greeted("PIPELINING", timeouts=Timeouts(command=100, mail=100))
    conn.send(Noop())
    conn.data_to_send()
    assert conn.tick(0) == 100
    take(conn, b"250 ok\r\n")
    message(conn).start()
    conn.data_to_send()
    assert conn.tick(50) == 150


def test_what_is_sent_behind_a_command_does_not_prolong_its_wait() -> None:
    conn = behind_a_text(timeouts=Timeouts(end_of_message=100))
    assert conn.tick(0) == 100
    conn.send(Reset())
    conn.data_to_send()
    assert conn.tick(50) == 100
    message(conn).start()
    conn.data_to_send()
    assert conn.tick(90) == 100


def test_pieces_of_nothing_do_not_prolong_a_wait() -> None:
    conn = in_text()
    start = conn.tick(0)
    conn.send_body(b"")
    assert conn.tick(50) == start
    conn.send_body(b"hi\r\n")
    assert conn.tick(50) == start + 50


def test_each_chunk_begins_a_wait() -> None:
    conn = greeted("CHUNKING", timeouts=Timeouts(block=100))
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.start_chunks(Bdat)
    assert len([*conn.events()]) == 1
    for now in (0, 50, 90):
        conn.send_body(b"hi\r\n")
        conn.data_to_send()
        assert conn.tick(now) == now + 100
        take(conn, b"250 ok\r\n")
    conn.end_body(b"hi\r\n")
    conn.data_to_send()
    assert conn.tick(120) > 190


def test_each_command_begins_a_wait() -> None:
    conn = greeted(timeouts=Timeouts(command=100))
    for now in (0, 50, 90):
        conn.send(Noop())
        conn.data_to_send()
        assert conn.tick(now) == now + 100
        take(conn, b"250 ok\r\n")
