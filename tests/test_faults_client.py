"""Small faults of the client's end, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import tracemalloc

import pytest

from smtpcore.addresses import Domain
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Noop, Reset
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import ClientEvent, Closed, Response, Step
from smtpcore.extensions.auth import Auth
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.starttls import StartTls
from smtpcore.replies import Reply
from smtpcore.session import Note, ResetKind
from smtpcore.state import State
from tests.client_tools import MAIL, RCPT, ask, greeted, hello_reply, in_text, planned, take

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


@pytest.mark.rule("X-ENHANCED-06")
@pytest.mark.parametrize(("verb", "lmtp"), [("HELO", False), ("LHLO", True)])
def test_no_greeting_is_answered_with_an_enhanced_code(verb: str, lmtp: bool) -> None:
    conn = greeted("ENHANCEDSTATUSCODES", "PIPELINING", lmtp=lmtp)
    reply = ask(conn, Hello(Domain("client.example"), verb), b"250 2.0.0 ok\r\n")
    assert (reply.text, reply.enhanced) == ("2.0.0 ok", None)


def test_tls_alone_proves_no_name() -> None:
    assert not ClientConnection("client.example", tls=True).tls_verified
    assert not ClientConnection("client.example", tls_verified=True).tls_verified
    assert ClientConnection("client.example", tls=True, tls_verified=True).tls_verified


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


def test_400_to_data_lets_no_text_go() -> None:
    conn = greeted()
    for command in (MAIL, RCPT):
        ask(conn, command, b"250 ok\r\n")
    conn.send(Data())
    conn.data_to_send()
    assert take(conn, b"400 no\r\n") == [Response(Data(), Reply(400, "no"))]
    assert not conn.body_due
    assert planned(conn) is State.RCPT


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
