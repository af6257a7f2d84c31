"""Small faults of the client's end, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import tracemalloc

import pytest

from smtpcore.addresses import Domain, ForwardPath, ReversePath
from smtpcore.client import NOT_SENT, ClientConnection
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Inquiry, Mail, Noop, Rcpt, Reset
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import ClientEvent, Closed, Response, Step
from smtpcore.extensions.auth import Auth
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.starttls import StartTls
from smtpcore.limits import Limits
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.session import Note, ResetKind
from smtpcore.state import State
from smtpcore.timeouts import Timeouts
from smtpcore.transaction import Transaction

MAIL = Mail(ReversePath.of("a@client.example"))
RCPT = Rcpt(ForwardPath.of("b@mx.example"))


def hello_reply(*keywords: str) -> bytes:
    lines = ["mx.example.com", *keywords]
    return "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode()


def take(conn: ClientConnection, data: bytes) -> list[ClientEvent]:
    conn.receive_data(data)
    return list(conn.events())


def greeted(*keywords: str, **options: object) -> ClientConnection:
    """A connection after EHLO, with these keywords offered."""
    conn = ClientConnection("client.example", **options)  # type: ignore[arg-type]
    take(conn, b"220 mx.example.com ESMTP\r\n")
    conn.data_to_send()
    take(conn, hello_reply(*keywords))
    return conn


def planned(conn: ClientConnection) -> State:
    """The planned state, which type checkers take to be constant otherwise."""
    return conn.planned_state


def ask(conn: ClientConnection, command: Command, reply: bytes) -> Reply:
    """The reply as it is reported."""
    conn.send(command)
    conn.data_to_send()
    event = take(conn, reply)[0]
    assert isinstance(event, Response)
    return event.reply


# -- TLS --------------------------------------------------------------------------------------------------------------


def test_replies_are_read_anew_after_tls() -> None:
    """RFC 3207 4.2: that enhanced codes were offered is forgotten as well."""
    conn = greeted("STARTTLS", "ENHANCEDSTATUSCODES")
    assert ask(conn, Noop(), b"250 2.0.0 ok\r\n").enhanced is not None
    ask(conn, StartTls(), b"220 2.0.0 go\r\n")
    conn.tls_started(greet=False)
    assert conn.next_step is Step.RECEIVE
    assert ask(conn, Noop(), b"250 2.0.0 ok\r\n").enhanced is None


def test_the_end_of_the_input_before_the_handshake_is_left_to_the_handshake() -> None:
    conn = greeted("STARTTLS")
    ask(conn, StartTls(), b"220 go\r\n")
    conn.receive_eof()
    assert list(conn.events()) == []
    assert conn.next_step is Step.START_TLS
    conn.tls_failed()
    (closed,) = conn.events()
    assert isinstance(closed, Closed)
    assert type(closed.error) is RemoteProtocolError


def test_helo_follows_the_greeting_of_the_connection_itself_alone() -> None:
    conn = greeted()
    assert ask(conn, Hello(Domain("client.example")), b"502 what\r\n").code == 502
    assert conn.data_to_send() == b""
    other = ClientConnection("client.example", greet=False)
    take(other, b"220 mx.example.com ESMTP\r\n")
    other.send(Hello(Domain("client.example")))
    other.data_to_send()
    take(other, hello_reply("STARTTLS"))
    ask(other, StartTls(), b"220 go\r\n")
    other.tls_started(greet=True)
    assert other.data_to_send() == b"EHLO client.example\r\n"
    take(other, b"502 what\r\n")
    assert other.data_to_send() == b"HELO client.example\r\n"


# -- replies ----------------------------------------------------------------------------------------------------------


def test_a_reply_that_is_not_read_yet_answers_what_had_left() -> None:
    """Commands that leave meanwhile do not matter to it."""
    conn = greeted("PIPELINING")
    conn.send(MAIL)
    conn.data_to_send()
    conn.receive_data(b"250 one\r\n")
    conn.send(RCPT)
    assert conn.data_to_send() == RCPT.to_bytes()
    assert list(conn.events()) == [Response(MAIL, Reply(250, "one"))]
    assert take(conn, b"250 two\r\n") == [Response(RCPT, Reply(250, "two"))]


@pytest.mark.rule("X-ENHANCED-06")
def test_the_reply_to_a_second_greeting_has_no_enhanced_code() -> None:
    """RFC 2034 4, also when the same line has answered another command before."""
    conn = greeted("ENHANCEDSTATUSCODES")
    hello, good, bad = Hello(Domain("client.example")), b"250 2.0.0 ok\r\n", b"550 5.7.1 no\r\n"
    assert ask(conn, Noop(), good) == Reply(250, "ok", "2.0.0")
    reply = ask(conn, hello, good)
    assert (reply.text, reply.enhanced) == ("2.0.0 ok", None)
    reply = ask(conn, Noop(), good)  # nothing is offered any more
    assert (reply.text, reply.enhanced) == ("2.0.0 ok", None)
    ask(conn, hello, hello_reply("ENHANCEDSTATUSCODES"))
    reply = ask(conn, hello, bad)
    assert (reply.text, reply.enhanced) == ("5.7.1 no", None)
    assert ask(conn, Noop(), bad) == Reply(550, "no", "5.7.1")


def test_lines_mean_what_they_mean_where_they_stand() -> None:
    """The last line of a long reply is another reply when it comes alone."""
    conn = greeted()
    for _ in range(2):
        assert ask(conn, Noop(), b"250-one\r\n250 ok\r\n").lines == ("one", "ok")
        assert ask(conn, Noop(), b"250 ok\r\n").lines == ("ok",)
        assert ask(conn, Noop(), b"250-ok\r\n250 ok\r\n").lines == ("ok", "ok")


def test_an_early_refusal_of_the_text_has_its_enhanced_code() -> None:
    conn = greeted("ENHANCEDSTATUSCODES")
    for command, reply in ((MAIL, b"250 2.1.0 ok\r\n"), (RCPT, b"250 2.1.5 ok\r\n"), (Data(), b"354 go\r\n")):
        ask(conn, command, reply)
    conn.send_body(b"Subject: x\r\n")
    conn.data_to_send()
    event = take(conn, b"552 5.3.4 too big\r\n")[0]
    assert isinstance(event, Response)
    assert event.reply == Reply(552, "too big", "5.3.4")


def in_text(*keywords: str) -> ClientConnection:
    """A connection whose text is due."""
    conn = greeted(*keywords)
    for command, reply in ((MAIL, b"250 ok\r\n"), (RCPT, b"250 ok\r\n"), (Data(), b"354 go\r\n")):
        ask(conn, command, reply)
    return conn


@pytest.mark.rule("C-REP-19")
@pytest.mark.parametrize("reply", [b"250 taken\r\n", b"354 go on\r\n"])
def test_a_text_is_not_taken_before_its_end(reply: bytes) -> None:
    conn = in_text()
    conn.send_body(b"Subject: x\r\n")
    conn.data_to_send()
    (closed,) = take(conn, reply)
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)


def size_of(event: ClientEvent) -> int:
    """What the report about the end of a text says of its size, in octets."""
    assert isinstance(event, Response)
    assert isinstance(event.command, EndOfMessage)
    return event.command.size


@pytest.mark.parametrize("pieces", [[], [b".hi\r\n"], [b"Subject: x\r\n", b"\r\n"]])
def test_the_size_of_a_text(pieces: list[bytes]) -> None:
    size = sum(map(len, pieces))
    conn, early = in_text(), in_text()
    for piece in pieces:
        conn.send_body(piece)
        early.send_body(piece)
    early.data_to_send()
    assert size_of(take(early, b"552 too big\r\n")[0]) == size
    conn.end_body()
    conn.data_to_send()
    assert size_of(take(conn, b"250 taken\r\n")[0]) == size
    late = in_text()
    late.end_body(b"hi\r\n")
    late.receive_data(b"451 early\r\n")  # before the end of the text has left: of which nothing is known
    late.data_to_send()
    assert size_of(next(late.events())) == 0


@pytest.mark.parametrize(
    ("greeting", "state"),
    [(b"554 no\r\n", State.REFUSED), (b"450 no\r\n", State.REFUSED), (b"220 hi\r\n", State.FRESH)],
)
def test_what_may_be_sent_is_known_from_the_greeting(greeting: bytes, state: State) -> None:
    conn = ClientConnection("client.example", greet=False)
    assert planned(conn) is State.FRESH
    take(conn, greeting)
    assert planned(conn) is state
    conn = ClientConnection("client.example")
    assert planned(conn) is State.READY
    take(conn, greeting)
    assert planned(conn) is (State.READY if state is State.FRESH else state)


def test_400_takes_away_what_was_hoped_for() -> None:
    conn = greeted()
    conn.send(MAIL)
    assert planned(conn) is State.MAIL
    conn.data_to_send()
    take(conn, b"400 no\r\n")
    assert planned(conn) is State.READY


@pytest.mark.parametrize("command", [StartTls(), Bdat(3, True)])
@pytest.mark.parametrize("reply", [b"334 \r\n", b"354 go\r\n"])
def test_questions_of_verbs_without_dialogue_are_out_of_place(command: Command, reply: bytes) -> None:
    conn = greeted("STARTTLS", "CHUNKING")
    if isinstance(command, Bdat):
        ask(conn, MAIL, b"250 ok\r\n")
        ask(conn, RCPT, b"250 ok\r\n")
    conn.send(command, octets=b"hi\n" if isinstance(command, Bdat) else None)
    conn.data_to_send()
    (closed,) = take(conn, reply)
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)


def test_a_server_that_never_says_the_same_is_not_remembered() -> None:
    conn = greeted()
    tracemalloc.start()
    try:
        for number in range(1500):
            ask(conn, Noop(), b"250 %d\r\n" % number)
            if number == 100:
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 64 * 1024


class Kept(Note):
    survives = frozenset((ResetKind.HELLO,))


@pytest.mark.parametrize(
    ("command", "reply", "left"),
    [
        (Reset(), b"250 ok\r\n", set()),
        (Reset(), b"550 no\r\n", {"A", "B"}),
        (Hello(Domain("client.example")), hello_reply(), {"B"}),
        (Hello(Domain("client.example")), b"550 no\r\n", {"A", "B"}),
        (StartTls(), b"220 go\r\n", set()),
    ],
)
def test_what_is_noted_about_a_session_is_forgotten(command: Command, reply: bytes, left: set[str]) -> None:
    conn = greeted("STARTTLS")
    conn.session.notes = {"A": Note(), "B": Kept()}
    ask(conn, command, reply)
    if conn.next_step is Step.START_TLS:
        conn.tls_started()
    assert {*(conn.session.notes or ())} == left


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


# -- LMTP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mail", "rcpt"), [(b"250 ok\r\n", b"550 no\r\n"), (b"550 no\r\n", b"550 no\r\n")])
def test_lmtp_an_empty_text_without_recipients_has_one_reply(mail: bytes, rcpt: bytes) -> None:
    conn = greeted("PIPELINING", lmtp=True)
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    take(conn, mail + rcpt + b"354 go\r\n")
    assert conn.data_to_send() == b".\r\n"
    (event,) = take(conn, b"554 nobody\r\n")
    assert event == Response(EndOfMessage(), Reply(554, "nobody"))
    assert isinstance(event, Response)
    assert isinstance(event.command, EndOfMessage)
    assert event.command.size == 0
    assert planned(conn) is State.READY


def test_lmtp_each_message_is_taken_or_refused_by_itself() -> None:
    conn = greeted("CHUNKING", lmtp=True)
    for reply, state in ((b"250 taken\r\n", State.READY), (b"450 full\r\n", State.POISONED)):
        ask(conn, MAIL, b"250 ok\r\n")
        ask(conn, RCPT, b"250 ok\r\n")
        conn.send(Bdat(3, True), octets=b"hi\n")
        conn.data_to_send()
        take(conn, reply)
        assert conn.state is state


# -- dialogues --------------------------------------------------------------------------------------------------------


def test_authentication_ends_a_group() -> None:
    conn = greeted("AUTH PLAIN", "PIPELINING")
    conn.send(Auth("PLAIN"), dialogue=Raw(b"*"))
    conn.send(Noop())
    assert conn.data_to_send() == b"AUTH PLAIN\r\n"
    take(conn, b"535 no\r\n")
    assert conn.data_to_send() == b"NOOP\r\n"


class Raw:
    """Answers every question by the same line."""

    def __init__(self, line: bytes) -> None:
        self.line = line

    def receive(self, reply: Reply) -> bytes:
        return self.line

    def finish(self, reply: Reply) -> str:
        return ""


@pytest.mark.rule("C-SEC-08")
@pytest.mark.parametrize("line", [b"a\rb", b"a\nb", b"\r", b"\n", b"a\r", b"a\n"])
def test_no_end_of_a_line_in_a_dialogue(line: bytes) -> None:
    conn = greeted("AUTH PLAIN")
    conn.send(Auth("PLAIN"), dialogue=Raw(line))
    conn.data_to_send()
    conn.receive_data(b"334 \r\n")
    with pytest.raises(LocalProtocolError):
        conn.next_event()
    assert conn.data_to_send() == b""


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
