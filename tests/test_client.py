"""The client's end: what it sends and when, what it makes of the replies, how it ends."""

from __future__ import annotations

import math
import pickle
from typing import ClassVar

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import NOT_SENT, ClientConnection, ServiceClosing
from smtpcore.commands import (
    Command,
    CommandError,
    Data,
    EndOfMessage,
    Hello,
    Inquiry,
    Language,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Reset,
)
from smtpcore.content import BareNewline, NewlinePolicy, UnsendableContent
from smtpcore.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError, SyntaxProblem, TimedOut
from smtpcore.events import ClientEvent, Closed, Greeting, Response, SendBody, Step
from smtpcore.extensions.base import Extension, Verb, staying
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.eightbitmime import BODY, BodyType
from smtpcore.extensions.known import KNOWN
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.size import SIZE
from smtpcore.extensions.smtputf8 import SMTPUTF8
from smtpcore.extensions.starttls import StartTls
from smtpcore.limits import Limits
from smtpcore.parameters import Parameter, Parameters
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection
from smtpcore.state import State
from smtpcore.testing import link, octets, strategies, whole
from smtpcore.testing.link import Cut
from smtpcore.timeouts import Timeouts

GREETING = b"220 mx.example.com ESMTP\r\n"
OK = b"250 ok\r\n"
MAIL = Mail(ReversePath.of("a@client.example"))
RCPT = Rcpt(ForwardPath.of("b@mx.example.com"))
RCPT2 = Rcpt(ForwardPath.of("c@mx.example.com"))
MAIL_LINE = b"MAIL FROM:<a@client.example>\r\n"
RCPT_LINE = b"RCPT TO:<b@mx.example.com>\r\n"
RCPT2_LINE = b"RCPT TO:<c@mx.example.com>\r\n"


def hello_reply(*keywords: str) -> bytes:
    lines = ["mx.example.com", *keywords]
    return "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode()


def state_of(conn: ClientConnection) -> State:
    """The state, which type checkers take to be constant otherwise."""
    return conn.state


def take(conn: ClientConnection, data: bytes = b"") -> list[ClientEvent]:
    """Feed octets and pull all events."""
    if data:
        conn.receive_data(data)
    return list(conn.events())


def say(conn: ClientConnection, data: bytes) -> bytes:
    """Feed octets, pull all events, give what the client sends then."""
    take(conn, data)
    return conn.data_to_send()


def greeted(*keywords: str, **options: object) -> ClientConnection:
    """A connection after EHLO, with these keywords offered."""
    conn = ClientConnection("client.example", **options)  # type: ignore[arg-type]
    say(conn, GREETING)
    take(conn, hello_reply(*keywords))
    return conn


def in_text(*keywords: str, **options: object) -> ClientConnection:
    """A connection whose text is due."""
    conn = greeted(*keywords, **options)
    conn.send_all([MAIL, RCPT, Data()])
    for reply in (OK, OK, b"354 go\r\n"):
        conn.data_to_send()
        take(conn, reply)
    conn.data_to_send()
    return conn


def error_of(events: list[ClientEvent]) -> object:
    assert isinstance(events[-1], Closed)
    return events[-1].error


# --- greeting and EHLO -----------------------------------------------------------------------------------------------


@pytest.mark.rule("C-EXT-03", "X-FW-02", "C-SES-28", "C-GRAM-07", "X-FW-25")
def test_ehlo_follows_the_greeting_and_nothing_comes_before_it() -> None:
    conn = ClientConnection("client.example")
    assert len(conn.capabilities) == 0
    conn.send(Noop())
    assert take(conn) == []
    assert conn.data_to_send() == b""
    assert conn.next_step is Step.RECEIVE
    assert take(conn, GREETING) == [Greeting(Reply(220, "mx.example.com ESMTP"))]
    assert conn.data_to_send() == b"EHLO client.example\r\n"
    assert state_of(conn) is State.FRESH
    events = take(conn, hello_reply("SIZE 10"))
    assert [type(event) for event in events] == [Response]
    assert state_of(conn) is State.READY
    assert dict(conn.capabilities) == {"SIZE": ("10",)}
    assert conn.data_to_send() == b"NOOP\r\n"
    assert conn.session.hello == Hello(conn.session.hello.name) if conn.session.hello else False


@pytest.mark.rule("C-EXT-17", "X-FW-03", "X-FW-04", "C-EXT-10")
@pytest.mark.parametrize("code", [500, 502])
def test_helo_follows_where_ehlo_is_not_implemented(code: int) -> None:
    conn = ClientConnection("client.example")
    say(conn, GREETING)
    assert say(conn, b"%d what\r\n" % code) == b"HELO client.example\r\n"
    take(conn, b"250-mx\r\n250 SIZE 10\r\n")
    assert state_of(conn) is State.READY
    assert len(conn.capabilities) == 0
    assert not conn.session.esmtp
    with pytest.raises(LocalProtocolError, match="SIZE is not sent"):
        conn.send(Mail(MAIL.path, Parameters((SIZE(5),))))
    with pytest.raises(LocalProtocolError, match="XFOO is not sent"):
        conn.send(Mail(MAIL.path, Parameters((("XFOO", None),))))
    conn.send(MAIL)
    assert conn.data_to_send() == MAIL_LINE


@pytest.mark.rule("C-EXT-17", "C-EXT-18", "X-FW-04")
@pytest.mark.parametrize("code", [450, 501, 504, 550, 554])
def test_after_any_other_refusal_of_ehlo_the_caller_chooses(code: int) -> None:
    conn = ClientConnection("client.example")
    say(conn, GREETING)
    assert say(conn, b"%d no\r\n" % code) == b""
    assert state_of(conn) is State.FRESH
    assert conn.next_step is Step.RECEIVE
    conn.send(Hello(conn._hello.name, "HELO"))
    assert conn.data_to_send() == b"HELO client.example\r\n"
    take(conn, b"250 mx\r\n")
    assert state_of(conn) is State.READY


@pytest.mark.rule("C-EXT-18")
def test_421_to_ehlo_closes_without_helo() -> None:
    conn = ClientConnection("client.example")
    say(conn, GREETING)
    events = take(conn, b"421 down\r\n")
    assert isinstance(events[0], Response)
    error = error_of(events)
    assert isinstance(error, ServiceClosing)
    assert error.reply.code == 421
    assert conn.data_to_send() == b""
    assert conn.next_step is Step.CLOSE
    again = pickle.loads(pickle.dumps(error))
    assert again.reply == error.reply


def test_helo_refused_too_ends_the_attempts() -> None:
    conn = ClientConnection("client.example")
    say(conn, GREETING)
    say(conn, b"502 no\r\n")
    assert say(conn, b"502 no\r\n") == b""
    assert state_of(conn) is State.FRESH


@pytest.mark.rule("C-SES-21", "C-REP-28")
@pytest.mark.parametrize("code", [450, 521, 554])
def test_a_refusing_greeting_leaves_quit_only(code: int) -> None:
    conn = ClientConnection("client.example")
    conn.send(MAIL)
    events = take(conn, b"%d no\r\n" % code)
    assert events == [Greeting(Reply(code, "no")), Response(MAIL, NOT_SENT)]
    assert conn.data_to_send() == b""
    assert state_of(conn) is State.REFUSED
    with pytest.raises(LocalProtocolError, match="only QUIT is left"):
        conn.send(MAIL)
    conn.send(Quit())
    assert conn.data_to_send() == b"QUIT\r\n"
    assert take(conn, b"221 bye\r\n")[-1] == Closed()


def test_a_greeting_of_421_closes() -> None:
    conn = ClientConnection("client.example")
    events = take(conn, b"421 busy\r\n")
    assert isinstance(events[0], Greeting)
    assert isinstance(error_of(events), ServiceClosing)


def test_a_greeting_of_3yz_is_a_fault() -> None:
    conn = ClientConnection("client.example")
    assert type(error_of(take(conn, b"354 go\r\n"))) is RemoteProtocolError


def test_without_greet_the_caller_greets() -> None:
    conn = ClientConnection("client.example", greet=False)
    with pytest.raises(LocalProtocolError, match="greet first"):
        conn.send(MAIL)
    conn.send(Hello(conn._hello.name))
    assert say(conn, GREETING) == b"EHLO client.example\r\n"
    assert say(conn, b"502 no\r\n") == b""  # no HELO by itself either


@pytest.mark.rule("C-CMD-EHLO-09", "C-CMD-EHLO-10", "X-FW-29", "C-SEC-08")
@pytest.mark.parametrize("name", ["", "a b.example", "[192.0.2.1] foo", "x\r\nNOOP", "x\0", "-x.example", "a..b"])
def test_a_name_outside_the_grammar_is_refused(name: str) -> None:
    with pytest.raises(SyntaxProblem):
        ClientConnection(name)


@pytest.mark.rule("X-SMTPUTF8-14")
@pytest.mark.parametrize(
    ("name", "line"),
    [("[192.0.2.1]", b"EHLO [192.0.2.1]\r\n"), ("b\u00fccher.example", b"EHLO xn--bcher-kva.example\r\n")],
)
def test_names_that_ehlo_can_say(name: str, line: bytes) -> None:
    assert say(ClientConnection(name), GREETING) == line


@pytest.mark.rule("C-EXT-11", "X-FW-28")
def test_a_second_ehlo_replaces_all_that_was_known() -> None:
    conn = greeted("SIZE", "PIPELINING", "ENHANCEDSTATUSCODES")
    assert conn.pipelining
    conn.send(Hello(conn._hello.name))
    with pytest.raises(LocalProtocolError, match="wait for that Response"):
        conn.send(Mail(MAIL.path, Parameters((SIZE(5),))))
    conn.data_to_send()
    take(conn, hello_reply("8BITMIME"))
    assert set(conn.capabilities) == {"8BITMIME"}
    assert not conn.pipelining
    with pytest.raises(LocalProtocolError, match="did not offer SIZE"):
        conn.send(Mail(MAIL.path, Parameters((SIZE(5),))))


def test_a_second_ehlo_drops_the_transaction() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT])
    for _ in range(2):
        conn.data_to_send()
        take(conn, OK)
    assert conn.session.envelope is not None
    conn.send(Hello(conn._hello.name))
    conn.data_to_send()
    take(conn, hello_reply())
    assert conn.session.envelope is None
    assert state_of(conn) is State.READY


@pytest.mark.rule("C-CMD-EHLO-07", "X-FW-01", "X-FW-08")
def test_a_reply_of_one_line_offers_nothing_and_is_esmtp() -> None:
    conn = ClientConnection("client.example", extra_parameters=True)
    say(conn, GREETING)
    take(conn, b"250 SIZE\r\n")
    assert len(conn.capabilities) == 0
    assert conn.session.esmtp
    assert conn.extra_parameters
    conn.send(Mail(MAIL.path, Parameters((("XFOO", "1"),))))  # ESMTP: parameters exist
    assert conn.data_to_send() == b"MAIL FROM:<a@client.example> XFOO=1\r\n"


# --- groups and lock-step --------------------------------------------------------------------------------------------


@pytest.mark.rule("C-SES-29", "X-PIPELINING-01")
def test_without_pipelining_one_command_at_a_time() -> None:
    for conn in (greeted(), greeted("PIPELINING", pipelining=False)):
        conn.send_all([MAIL, RCPT, RCPT2, Data()])
        assert conn.outstanding == (MAIL, RCPT, RCPT2, Data())
        assert conn.data_to_send() == MAIL_LINE
        assert conn.unanswered == (MAIL,)
        assert take(conn, OK) == [Response(MAIL, Reply(250, "ok"))]
        assert conn.data_to_send() == RCPT_LINE
        assert say(conn, OK) == RCPT2_LINE
        assert say(conn, OK) == b"DATA\r\n"
        assert take(conn, b"354 go\r\n") == [Response(Data(), Reply(354, "go")), SendBody(Data())]
        assert conn.next_step is Step.DECIDE


@pytest.mark.rule("X-PIPELINING-01", "X-PIPELINING-06", "X-PIPELINING-08", "X-PIPELINING-07", "X-PIPELINING-02")
def test_with_pipelining_the_largest_group_leaves_at_once() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, RCPT2, Data()])
    assert conn.data_to_send() == MAIL_LINE + RCPT_LINE + RCPT2_LINE + b"DATA\r\n"
    assert take(conn, b"250-a\r\n250 b\r\n250 c\r\n550 d\r\n354 e\r\n") == [
        Response(MAIL, Reply(250, ("a", "b"))),
        Response(RCPT, Reply(250, "c")),
        Response(RCPT2, Reply(550, "d")),
        Response(Data(), Reply(354, "e")),
        SendBody(Data()),
    ]
    conn.end_body(b"x\r\n")
    conn.send_all([MAIL, RCPT, Data()])
    assert conn.data_to_send() == b"x\r\n.\r\n" + MAIL_LINE + RCPT_LINE + b"DATA\r\n"


@pytest.mark.rule("X-PIPELINING-03", "X-PIPELINING-02")
def test_quit_may_leave_with_the_text_and_ends_the_group() -> None:
    conn = in_text("PIPELINING")
    conn.end_body(b"x\r\n")
    conn.send(Quit())
    assert conn.data_to_send() == b"x\r\n.\r\nQUIT\r\n"
    events = take(conn, b"250 taken\r\n221 bye\r\n")
    assert events == [
        Response(EndOfMessage(), Reply(250, "taken")),
        Response(Quit(), Reply(221, "bye")),
        Closed(),
    ]


@pytest.mark.rule("X-PIPELINING-02")
@pytest.mark.parametrize("command", [Noop(), Inquiry("b", "VRFY"), Inquiry("l", "EXPN"), Inquiry("", "HELP")])
def test_commands_that_end_a_group(command: Command) -> None:
    conn = greeted("PIPELINING")
    conn.send_all([Reset(), command, MAIL])
    first = b"RSET\r\n" + command.to_bytes()
    assert conn.data_to_send() == first
    assert say(conn, OK) == b""
    assert say(conn, b"252 ok\r\n") == MAIL_LINE


@pytest.mark.rule("X-PIPELINING-09")
def test_no_more_octets_are_ahead_of_their_replies_than_the_limit() -> None:
    conn = greeted("PIPELINING", limits=Limits(pipeline=3 * len(RCPT_LINE)))
    conn.send(MAIL)
    for _ in range(50):
        conn.send(Rcpt(RCPT.path))
    ahead = conn.data_to_send()
    assert ahead == MAIL_LINE + RCPT_LINE
    sent = ahead.count(b"\r\n")
    answered = 0
    while answered < 51:
        assert len(b"x" * (sent - answered)) <= 3
        take(conn, OK)
        answered += 1
        sent += conn.data_to_send().count(b"\r\n")
    assert sent == 51


def test_a_command_longer_than_the_limit_leaves_alone() -> None:
    conn = greeted("PIPELINING", limits=Limits(pipeline=1))
    conn.send_all([MAIL, RCPT])
    assert conn.data_to_send() == MAIL_LINE
    assert say(conn, OK) == RCPT_LINE


@pytest.mark.rule("C-CMD-RCPT-17")
def test_what_has_lost_its_ground_is_not_sent() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    assert take(conn, b"550 no\r\n") == [
        Response(MAIL, Reply(550, "no")),
        Response(RCPT, NOT_SENT),
        Response(Data(), NOT_SENT),
    ]
    assert conn.data_to_send() == b""
    assert conn.planned_state is State.READY


@pytest.mark.rule("C-CMD-RCPT-17")
def test_data_is_not_sent_when_all_recipients_are_refused() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT, RCPT2, Data()])
    say(conn, b"")
    say(conn, OK)
    say(conn, b"550 no\r\n")
    assert take(conn, b"450 no\r\n")[-1] == Response(Data(), NOT_SENT)
    with pytest.raises(LocalProtocolError, match="send RSET first"):
        conn.send(MAIL)
    conn.send(Reset())
    conn.send(MAIL)
    assert conn.data_to_send() == b"RSET\r\n"
    assert say(conn, OK) == MAIL_LINE
    assert conn.session.envelope is None


def test_a_hello_that_is_not_sent_is_no_greeting_on_its_way() -> None:
    conn = ClientConnection("client.example", greet=False)
    conn.send(Hello(conn._hello.name))
    events = take(conn, b"554 no\r\n")
    assert events[-1] == Response(Hello(conn._hello.name), NOT_SENT)
    assert conn.outstanding == ()


@pytest.mark.rule("C-CMD-RSET-03")
def test_a_refused_rset_leaves_the_transaction_open() -> None:
    conn = greeted()
    conn.send(MAIL)
    conn.data_to_send()
    take(conn, OK)
    conn.send(Reset())
    conn.data_to_send()
    take(conn, b"500 what\r\n")
    assert state_of(conn) is State.MAIL
    assert conn.session.envelope is not None
    with pytest.raises(LocalProtocolError, match="a transaction is open"):
        conn.send(MAIL)


# --- what may be sent ------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-SES-12", "C-SES-31", "C-SES-22")
@pytest.mark.parametrize(
    ("before", "command", "sentence"),
    [
        ([], RCPT, "send MAIL first"),
        ([], Data(), "send MAIL and RCPT first"),
        ([MAIL], MAIL, "a transaction is open"),
        ([MAIL], Data(), "send MAIL and RCPT first"),
        ([MAIL, RCPT, Data()], MAIL, "the text is due"),
        ([Quit()], Noop(), "the conversation is over"),
        ([], EndOfMessage(), "out of sequence"),
        ([MAIL, RCPT, Data()], EndOfMessage(), "the text is due"),
        ([StartTls()], MAIL, "TLS handshake"),
    ],
)
def test_what_is_out_of_sequence_raises_and_says_what_to_do(
    before: list[Command], command: Command, sentence: str
) -> None:
    conn = greeted("STARTTLS")
    conn.send_all(before)
    queued = conn.outstanding
    with pytest.raises(LocalProtocolError, match=sentence):
        conn.send(command)
    assert conn.outstanding == queued


def test_all_or_none_of_a_batch_is_queued() -> None:
    conn = greeted()
    with pytest.raises(LocalProtocolError, match="send MAIL first"):
        conn.send_all([Noop(), RCPT])
    assert conn.outstanding == ()
    conn.send_all([])
    assert conn.data_to_send() == b""


@pytest.mark.rule("C-EXT-09", "X-FW-20", "C-GRAM-14")
def test_a_parameter_is_sent_only_when_it_was_offered() -> None:
    conn = greeted("SIZE")
    notify = Rcpt(RCPT.path, Parameters((("NOTIFY", "NEVER"),)))
    conn.send(Mail(MAIL.path, Parameters((("size", "5"),))))
    with pytest.raises(LocalProtocolError, match="did not offer DSN"):
        conn.send(notify)
    assert conn.data_to_send() == b"MAIL FROM:<a@client.example> size=5\r\n"


def test_a_parameter_that_nobody_knows_is_sent_when_its_keyword_is_offered() -> None:
    conn = greeted("XTAG 64")
    conn.send(Mail(MAIL.path, Parameters((("xtag", None),))))
    assert conn.data_to_send() == b"MAIL FROM:<a@client.example> xtag\r\n"


@pytest.mark.rule("C-GRAM-02", "C-SEC-08")
def test_no_control_octet_reaches_the_wire() -> None:
    conn = greeted()
    text = Noop._make("x\r\nRCPT TO:<evil@x.example>")
    with pytest.raises(LocalProtocolError, match="control character"):
        conn.send(text)
    assert conn.outstanding == ()
    assert conn.data_to_send() == b""


@pytest.mark.rule("X-MIX-07")
def test_lines_are_not_longer_than_their_parameters_allow() -> None:
    conn = greeted("SIZE", "XTAG")
    conn.send(Noop("x" * 505))
    with pytest.raises(LocalProtocolError, match="513 octets, 512 are allowed"):
        conn.send(Noop("x" * 506))
    path = ReversePath.of("a" * 60 + "@" + ".".join(["d" * 61] * 3))
    line = len(Mail(path).to_bytes())
    room = 512 + 26 - line - len(" SIZE=5")
    conn.send(Noop())
    with pytest.raises(LocalProtocolError, match="are allowed"):
        conn.send(Inquiry("x" * 520, "VRFY"))
    assert room > 0
    conn.send(Mail(path, Parameters((SIZE(5), ("XTAG", "y" * 700)))))  # a parameter brings its own room


@pytest.mark.rule("C-CMD-MAIL-08", "C-CMD-RCPT-18")
def test_a_source_route_is_never_sent() -> None:
    conn = greeted()
    conn.send(Mail(ReversePath.parse("<@r.example:a@client.example>")))
    assert conn.data_to_send() == MAIL_LINE
    with pytest.raises(SyntaxProblem):
        ForwardPath.of("@r.example:b@mx.example.com")


def test_what_a_receiver_tolerates_is_not_sent() -> None:
    from smtpcore.leniency import LENIENT

    conn = greeted()
    long = ReversePath.parse("<" + "a" * 65 + "@b.example>", leniency=LENIENT)
    with pytest.raises(SyntaxProblem):
        conn.send(Mail(long))


@pytest.mark.rule("X-FW-32", "X-SMTPUTF8-06", "X-SMTPUTF8-04")
def test_what_is_not_ascii_needs_the_extension_and_its_parameter() -> None:
    sender = ReversePath.of("\u00e9@client.example")
    recipient = Rcpt(ForwardPath.of("\u00e9@mx.example.com"))
    conn = greeted("8BITMIME", "SMTPUTF8")
    with pytest.raises(LocalProtocolError, match="not ASCII"):
        conn.send(Mail(sender))
    with pytest.raises(LocalProtocolError, match="not ASCII"):
        conn.send(Inquiry._make("\u00e9", "VRFY", Parameters()))
    with pytest.raises(LocalProtocolError, match="not ASCII"):
        conn.send_all([MAIL, recipient])
    conn.send(Inquiry("\u00e9", "VRFY", Parameters((("SMTPUTF8", None),))))
    conn.send_all([Mail(sender, Parameters((SMTPUTF8(True),))), recipient])
    assert conn.data_to_send() == "VRFY \u00e9 SMTPUTF8\r\n".encode()
    with pytest.raises(LocalProtocolError, match="not ASCII"):
        greeted("8BITMIME").send(Noop("\u00e9"))


@pytest.mark.rule("C-LEG-03")
@pytest.mark.parametrize("verb", ["SEND", "SOML", "SAML", "TURN"])
def test_the_client_has_no_obsolete_verbs(verb: str) -> None:
    conn = greeted(verb)
    assert all(verb not in row for row in conn.extensions.rows)


@pytest.mark.rule("X-SMTPUTF8-18")
def test_replies_may_hold_any_octets() -> None:
    conn = greeted()
    conn.send(MAIL)
    conn.data_to_send()
    event = take(conn, b"250 \xff ok\r\n")[0]
    assert isinstance(event, Response)
    assert event.reply.octets == (b"\xff ok",)


@pytest.mark.rule("C-CMD-VRFY-12")
def test_inquiries_need_no_offer() -> None:
    conn = greeted()
    conn.send(Inquiry("joe", "VRFY"))
    assert conn.data_to_send() == b"VRFY joe\r\n"
    assert take(conn, b"252 maybe\r\n") == [Response(Inquiry("joe", "VRFY"), Reply(252, "maybe"))]
    assert state_of(conn) is State.READY


def test_verbs_of_extensions_wait_for_the_offer() -> None:
    with pytest.raises(LocalProtocolError, match="wait for that Response"):
        greeted_without_reply().send(StartTls())
    with pytest.raises(LocalProtocolError, match="did not offer STARTTLS"):
        greeted().send(StartTls())
    with pytest.raises(LocalProtocolError, match="out of sequence"):
        greeted("STARTTLS", extensions=()).send(StartTls())
    with pytest.raises(LocalProtocolError, match="wait for that Response"):
        greeted_without_reply().send(Mail(MAIL.path, Parameters((SIZE(5),))))


def greeted_without_reply() -> ClientConnection:
    conn = ClientConnection("client.example", extensions=KNOWN)
    say(conn, GREETING)
    return conn


# --- the text --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-DATA-01", "C-DATA-02", "C-DATA-20", "C-CMD-DATA-12")
def test_a_text_is_sent_in_pieces_cut_anywhere() -> None:
    conn = in_text()
    assert conn.body_due
    for piece in (b"a\r", b"\n", b".", b"b\r\n", b"", b"."):
        conn.send_body(piece)
    conn.end_body(b"c")
    assert not conn.body_due
    assert conn.data_to_send() == b"a\r\n..b\r\n..c\r\n.\r\n"
    assert conn.unanswered == (EndOfMessage(),)
    assert take(conn, b"250 done\r\n") == [Response(EndOfMessage(), Reply(250, "done"))]
    assert state_of(conn) is State.READY
    assert conn.session.envelope is None
    conn.send(MAIL)
    assert conn.data_to_send() == MAIL_LINE


@pytest.mark.rule("C-CMD-DATA-03")
def test_a_text_is_sent_after_any_3yz_and_after_nothing_else() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT, Data()])
    for reply in (OK, OK):
        conn.data_to_send()
        take(conn, reply)
    conn.data_to_send()
    assert take(conn, b"399 x\r\n")[-1] == SendBody(Data())
    other = greeted()
    other.send_all([MAIL, RCPT, Data()])
    for reply in (OK, OK):
        other.data_to_send()
        take(other, reply)
    other.data_to_send()
    assert type(error_of(take(other, OK))) is RemoteProtocolError
    with pytest.raises(LocalProtocolError, match="no content is due"):
        other.send_body(b"x\r\n")


@pytest.mark.rule("C-CMD-DATA-04", "X-PIPELINING-04", "X-PIPELINING-05")
@pytest.mark.parametrize("verdict", [b"550 no\r\n", b"450 no\r\n"])
def test_354_without_a_recipient_gets_an_empty_text(verdict: bytes) -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    events = take(conn, OK + verdict + b"354 go\r\n")
    assert not any(isinstance(event, SendBody) for event in events)
    assert conn.data_to_send() == b".\r\n"
    assert take(conn, b"554 nobody\r\n") == [Response(EndOfMessage(), Reply(554, "nobody"))]
    assert state_of(conn) is State.READY
    assert not conn.body_due


def test_what_was_queued_behind_data_follows_the_empty_text() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    take(conn, OK + b"550 no\r\n")
    conn.send(Reset())  # allowed now: nobody was accepted
    assert conn.data_to_send() == b""
    assert say(conn, b"354 go\r\n") == b".\r\nRSET\r\n"
    take(conn, OK + OK)
    assert conn.planned_state is State.READY
    assert conn.outstanding == ()


def test_data_refused_needs_rset() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT, Data()])
    for reply in (OK, OK, b"451 no\r\n"):
        conn.data_to_send()
        take(conn, reply)
    assert state_of(conn) is State.RCPT
    with pytest.raises(LocalProtocolError, match="RSET"):
        conn.send(MAIL)


@pytest.mark.rule("C-DATA-09", "X-8BITMIME-08")
def test_octets_above_127_need_the_announcement() -> None:
    conn = in_text("8BITMIME")
    with pytest.raises(UnsendableContent):
        conn.send_body(b"\xe9\r\n")
    assert conn.data_to_send() == b""
    other = greeted("8BITMIME")
    other.send_all([Mail(MAIL.path, Parameters((BODY(BodyType.EIGHT_BIT_MIME),))), RCPT, Data()])
    for reply in (OK, OK, b"354 go\r\n"):
        other.data_to_send()
        take(other, reply)
    other.end_body(b"\xe9\r\n")
    assert other.data_to_send() == b"\xe9\r\n.\r\n"


def test_a_body_parameter_outside_its_grammar_announces_nothing() -> None:
    conn = greeted("8BITMIME", extensions=[each for each in KNOWN if each.keyword in ("8BITMIME", "PIPELINING")])
    conn.send_all([Mail(MAIL.path, Parameters((("BODY", "9BIT"),))), RCPT, Data()])
    for reply in (OK, OK, b"354 go\r\n"):
        conn.data_to_send()
        take(conn, reply)
    with pytest.raises(UnsendableContent):
        conn.send_body(b"\xe9\r\n")


@pytest.mark.rule("C-GRAM-02", "X-MIX-09", "C-DATA-11")
def test_a_bare_newline_is_not_sent_and_abort_is_the_way_out() -> None:
    conn = in_text()
    with pytest.raises(BareNewline):
        conn.send_body(b"a\n.\nb\r\n")
    with pytest.raises(UnsendableContent):
        conn.send_body(b"\0\r\n")
    problem = LocalProtocolError("the text cannot be finished")
    conn.abort(problem)
    assert take(conn) == [Closed(problem)]
    assert conn.data_to_send() == b""
    assert conn.next_step is Step.CLOSE


@pytest.mark.rule("C-LIM-07", "C-LIM-13")
def test_long_lines_are_sent_only_when_that_is_allowed() -> None:
    with pytest.raises(UnsendableContent):
        in_text().end_body(b"x" * 999 + b"\r\n")
    conn = in_text(max_line=None)
    conn.end_body(b"x" * 1100 + b"\r\n")
    assert len(conn.data_to_send()) == 1105


def test_newlines_kept_and_repaired() -> None:
    keep = in_text(newlines=NewlinePolicy.KEEP)
    keep.end_body(b"a\nb\0\r\n")
    assert keep.data_to_send() == b"a\nb\0\r\n.\r\n"
    repair = in_text(newlines=NewlinePolicy.REPAIR)
    assert repair.newlines is NewlinePolicy.REPAIR
    repair.end_body(b"a\n.b\r\n")
    assert repair.data_to_send() == b"a\r\n..b\r\n.\r\n"


def test_content_that_is_not_due_raises() -> None:
    conn = greeted()
    with pytest.raises(LocalProtocolError, match="wait for SendBody"):
        conn.send_body(b"x")
    with pytest.raises(LocalProtocolError, match="wait for SendBody"):
        conn.end_body()


@pytest.mark.parametrize(
    ("reply", "kind"), [(b"552 too big\r\n", RemoteProtocolError), (b"421 bye\r\n", ServiceClosing)]
)
def test_a_refusal_in_the_middle_of_the_text_is_reported_and_ends_it(reply: bytes, kind: type[Exception]) -> None:
    conn = in_text()
    conn.send_body(b"a\r\n")
    conn.data_to_send()
    events = take(conn, reply)
    assert isinstance(events[0], Response)
    assert events[0].command == EndOfMessage()
    assert type(error_of(events)) is kind
    conn.send_body(b"b\r\n")  # nobody can know in time: dropped
    conn.end_body()
    assert conn.data_to_send() == b""
    with pytest.raises(LocalProtocolError):
        conn.end_body()


def test_a_refusal_between_the_text_and_its_end_is_one_of_the_text() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    take(conn, OK + OK + b"354 go\r\n")
    conn.end_body(b"x\r\n")
    conn.receive_data(b"451 early\r\n")
    conn.data_to_send()  # the reply was there before the end of the text left
    events = take(conn)
    assert events[0] == Response(EndOfMessage(), Reply(451, "early"))
    assert type(error_of(events)) is RemoteProtocolError


# --- chunks ----------------------------------------------------------------------------------------------------------


def chunking(*keywords: str, **options: object) -> ClientConnection:
    conn = greeted("CHUNKING", *keywords, **options)
    conn.send_all([MAIL, RCPT])
    start = conn.start_chunks(Bdat)
    assert start == Bdat(0)
    return conn


@pytest.mark.rule("X-CHUNKING-20", "X-CHUNKING-05", "X-CHUNKING-23", "X-CHUNKING-08")
def test_chunks_begin_when_all_replies_are_in() -> None:
    conn = chunking("PIPELINING")
    assert conn.data_to_send() == MAIL_LINE + RCPT_LINE
    assert conn.planned_state is State.BDAT
    assert take(conn, OK)[-1] == Response(MAIL, Reply(250, "ok"))
    assert take(conn, OK) == [Response(RCPT, Reply(250, "ok")), SendBody(Bdat(0))]
    assert conn.next_step is Step.DECIDE
    conn.send_body(b".a\r\n")
    conn.send_body(b"b\r")
    conn.send_body(b"\n")
    conn.end_body()
    assert conn.data_to_send() == b"BDAT 4\r\n.a\r\nBDAT 1\r\nbBDAT 2\r\n\r\nBDAT 0 LAST\r\n"
    events = take(conn, OK * 3 + b"250 taken\r\n")
    assert events[-1] == Response(Bdat(0, True), Reply(250, "taken"))
    assert state_of(conn) is State.READY
    assert conn.session.envelope is None


@pytest.mark.rule("X-CHUNKING-22")
def test_chunks_of_a_text_hold_to_its_rules() -> None:
    conn = chunking()
    for reply in (OK, OK):
        conn.data_to_send()
        take(conn, reply)
    with pytest.raises(BareNewline):
        conn.send_body(b"a\nb")
    with pytest.raises(UnsendableContent):
        conn.end_body(b"\xe9")
    conn.end_body(b"")
    assert conn.data_to_send() == b"BDAT 0 LAST\r\n"


def test_without_pipelining_one_chunk_at_a_time() -> None:
    conn = chunking()
    for reply in (OK, OK):
        conn.data_to_send()
        take(conn, reply)
    conn.send_body(b"a")
    conn.send_body(b"b")
    conn.end_body(b"c")
    assert conn.data_to_send() == b"BDAT 1\r\na"
    assert say(conn, OK) == b"BDAT 1\r\nb"
    assert say(conn, OK) == b"BDAT 1 LAST\r\nc"


@pytest.mark.rule("X-CHUNKING-16")
@pytest.mark.parametrize("pipelining", [True, False])
def test_after_a_refused_chunk_only_rset_is_sent(pipelining: bool) -> None:
    conn = chunking("PIPELINING", pipelining=pipelining)
    while not conn.body_due:
        conn.data_to_send()
        take(conn, OK)
    conn.send_body(b"a")
    conn.send_body(b"b")
    sent = conn.data_to_send()
    events = take(conn, b"452 full\r\n")
    assert events[0] == Response(Bdat(1), Reply(452, "full"))
    conn.send_body(b"c")
    conn.end_body(b"d")
    assert conn.data_to_send() == b""
    if pipelining:
        assert sent == b"BDAT 1\r\naBDAT 1\r\nb"
        assert take(conn, b"503 no\r\n") == [Response(Bdat(1), Reply(503, "no"))]
    else:
        assert events[1:] == [Response(Bdat(1), NOT_SENT)]
    assert state_of(conn) is State.POISONED
    with pytest.raises(LocalProtocolError, match="send RSET first"):
        conn.send(MAIL)
    conn.send(Reset())
    assert conn.data_to_send() == b"RSET\r\n"
    take(conn, OK)
    assert state_of(conn) is State.READY


def test_chunks_do_not_begin_without_a_recipient() -> None:
    conn = chunking()
    conn.data_to_send()
    take(conn, OK)
    conn.data_to_send()
    assert take(conn, b"550 no\r\n") == [Response(RCPT, Reply(550, "no")), Response(Bdat(0), NOT_SENT)]
    assert not conn.body_due
    assert conn.data_to_send() == b""


@pytest.mark.rule("X-CHUNKING-18")
def test_chunks_need_the_offer() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT])
    with pytest.raises(LocalProtocolError, match="did not offer CHUNKING"):
        conn.start_chunks(Bdat)


@pytest.mark.rule("X-CHUNKING-20")
def test_a_chunk_sent_by_hand_says_its_true_size() -> None:
    conn = greeted("CHUNKING", "PIPELINING")
    conn.send_all([MAIL, RCPT])
    with pytest.raises(LocalProtocolError, match="5 octets"):
        conn.send(Bdat(5, True), octets=b"abc")
    with pytest.raises(LocalProtocolError, match="octets="):
        conn.send(Bdat(5, True))
    with pytest.raises(LocalProtocolError, match="octets="):
        conn.send(Noop(), octets=b"abc")
    conn.send(Bdat(3, True), octets=b"abc")
    with pytest.raises(LocalProtocolError, match="send MAIL first"):
        conn.send(RCPT)
    conn.send(MAIL)
    assert conn.data_to_send() == MAIL_LINE + RCPT_LINE + b"BDAT 3 LAST\r\nabc"


@pytest.mark.rule("X-CHUNKING-24")
def test_nothing_leaves_behind_the_last_chunk_before_its_reply() -> None:
    conn = greeted("CHUNKING", "PIPELINING")
    conn.send_all([MAIL, RCPT])
    conn.send(Bdat(3, True), octets=b"abc")
    conn.send(MAIL)
    conn.data_to_send()
    assert say(conn, OK + OK) == b""
    assert say(conn, OK) == MAIL_LINE


def test_a_chunk_sent_by_hand_without_ground_is_not_sent() -> None:
    conn = greeted("CHUNKING")
    conn.send_all([MAIL, RCPT])
    conn.send(Bdat(3), octets=b"abc")
    conn.data_to_send()
    take(conn, OK)
    conn.data_to_send()
    assert take(conn, b"550 no\r\n")[-1] == Response(Bdat(3), NOT_SENT)


@pytest.mark.rule("X-CHUNKING-16")
def test_a_refused_last_chunk_poisons_whatever_came_before() -> None:
    conn = greeted("CHUNKING", "PIPELINING")
    conn.send_all([MAIL, RCPT])
    conn.send(Bdat(3, True), octets=b"abc")
    conn.data_to_send()
    take(conn, b"550 no\r\n503 no\r\n503 no\r\n")
    assert state_of(conn) is State.POISONED


def test_a_piece_that_waits_for_the_next_is_no_chunk() -> None:
    conn = chunking("PIPELINING")
    conn.data_to_send()
    take(conn, OK + OK)
    conn.send_body(b"\r")
    assert conn.data_to_send() == b""
    conn.end_body(b"\n")
    assert conn.data_to_send() == b"BDAT 2 LAST\r\n\r\n"


def test_the_planned_state_is_found_again_after_a_refusal() -> None:
    conn = greeted("CHUNKING")
    conn.send_all([MAIL, RCPT, RCPT2])
    conn.start_chunks(Bdat)
    for reply in (OK, b"550 no\r\n"):
        conn.data_to_send()
        take(conn, reply)
    assert conn.planned_state is State.BDAT
    conn.data_to_send()
    take(conn, OK)
    conn.send(Noop())
    conn.data_to_send()
    take(conn, b"500 what\r\n")
    assert conn.planned_state is State.BDAT
    with pytest.raises(LocalProtocolError, match="chunks are being sent"):
        conn.send(MAIL)


@pytest.mark.rule("X-CHUNKING-17")
def test_rset_between_chunks_drops_the_rest() -> None:
    conn = chunking("PIPELINING")
    conn.data_to_send()
    take(conn, OK + OK)
    conn.send_body(b"a")
    conn.send(Noop())
    conn.send(Reset())
    conn.send_body(b"b")
    conn.end_body()
    assert conn.data_to_send() == b"BDAT 1\r\naNOOP\r\n"
    assert say(conn, OK + OK) == b"RSET\r\n"
    take(conn, OK)
    assert state_of(conn) is State.READY


@pytest.mark.rule("X-BINARYMIME-05", "X-BINARYMIME-09", "X-MIX-01")
def test_binary_content_goes_by_chunks_or_not_at_all() -> None:
    mail = Mail(MAIL.path, Parameters((BODY(BodyType.BINARY_MIME),)))
    with pytest.raises(LocalProtocolError, match="BINARYMIME was not offered"):
        greeted("8BITMIME", "CHUNKING").send(mail)
    conn = greeted("BINARYMIME", "CHUNKING", "PIPELINING")
    with pytest.raises(LocalProtocolError, match="binary content does not go by DATA"):
        conn.send_all([mail, RCPT, Data()])
    conn.send_all([mail, RCPT])
    conn.start_chunks(Bdat)
    conn.data_to_send()
    take(conn, OK + OK)
    conn.end_body(b"\n\0\r\xff")
    assert conn.data_to_send() == b"BDAT 4 LAST\r\n\n\0\r\xff"


# --- replies ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-REP-10", "C-REP-11")
def test_the_first_digit_decides() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, RCPT2])
    conn.data_to_send()
    take(conn, b"250 ERROR failed\r\n299 x\r\n599 x\r\n")
    envelope = conn.session.envelope
    assert envelope is not None
    assert envelope.recipients == [RCPT]
    assert envelope.refused == 1
    assert state_of(conn) is State.RCPT


@pytest.mark.rule("C-REP-14", "C-REP-15")
def test_replies_of_several_lines_to_any_command() -> None:
    conn = greeted()
    conn.send(Quit())
    conn.data_to_send()
    assert take(conn, b"221-234 a\r\n221 b\r\n") == [Response(Quit(), Reply(221, ("234 a", "b"))), Closed()]


@pytest.mark.rule("C-REP-12", "C-REP-16", "C-REP-17", "X-FW-34", "C-REP-18")
@pytest.mark.parametrize(
    "octets",
    [
        b"199 x\r\n",
        b"600 x\r\n",
        b"250-a\r\n550 b\r\n",
        b"bogus\r\n",
        b"250 a\n250 b\r\n",
        b"250 " + b"x" * 3000 + b"\r\n",
        b"250-" + b"x" * 70000,
        b"250-x\r\n" * 1025,
        "25\u0660 x\r\n".encode(),
    ],
)
def test_what_is_no_reply_ends_the_conversation(octets: bytes) -> None:
    conn = greeted()
    conn.send(Noop())
    conn.data_to_send()
    assert type(error_of(take(conn, octets))) is RemoteProtocolError
    assert conn.next_step is Step.CLOSE
    assert take(conn, b"250 x\r\n") == []


def test_what_is_held_of_the_input_is_counted() -> None:
    conn = greeted()
    assert conn.held == 0
    conn.send(Noop())
    conn.data_to_send()
    take(conn, b"250-abc\r\n250")
    assert 3 <= conn.held <= 32
    take(conn, b" x\r\n")
    assert conn.held == 0


@pytest.mark.rule("C-REP-19", "X-PIPELINING-11")
def test_a_reply_that_nobody_waits_for_is_a_fault() -> None:
    assert type(error_of(take(greeted(), OK))) is RemoteProtocolError


@pytest.mark.rule("C-REP-19")
def test_a_reply_counts_only_for_what_had_left() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT])
    conn.data_to_send()
    events = take(conn, OK + OK)  # the second one came before RCPT left
    assert events[0] == Response(MAIL, Reply(250, "ok"))
    assert type(error_of(events)) is RemoteProtocolError
    assert conn.data_to_send() == b""


@pytest.mark.rule("C-REP-19")
def test_a_reply_held_back_by_the_driver_is_no_answer_either() -> None:
    conn = greeted()
    conn.send(Noop())
    conn.receive_data(OK)  # was there first
    assert conn.data_to_send() == b"NOOP\r\n"
    assert type(error_of(take(conn))) is RemoteProtocolError


@pytest.mark.rule("C-SES-24")
def test_421_while_idle_is_the_end() -> None:
    conn = greeted()
    events = take(conn, b"421 shutting down\r\n")
    error = error_of(events)
    assert len(events) == 1
    assert isinstance(error, ServiceClosing)
    assert error.reply == Reply(421, "shutting down")


@pytest.mark.rule("X-PIPELINING-10")
def test_421_in_a_group_ends_the_conversation() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    events = take(conn, OK + b"421 bye\r\n250 x\r\n")
    assert [type(event) for event in events] == [Response, Response, Closed]
    assert conn.unanswered == (RCPT, Data())


@pytest.mark.parametrize(
    "commands",
    [[Noop()], [MAIL], [MAIL, RCPT], [Reset()], [Inquiry("x", "VRFY")]],
)
def test_3yz_out_of_place_is_a_fault(commands: list[Command]) -> None:
    conn = greeted("PIPELINING")
    conn.send_all(commands)
    conn.data_to_send()
    assert type(error_of(take(conn, OK * (len(commands) - 1) + b"354 go\r\n"))) is RemoteProtocolError


@pytest.mark.rule("C-ENH-06", "C-ENH-07")
def test_enhanced_codes_are_read_where_they_were_offered() -> None:
    for keywords, wanted in ((("ENHANCEDSTATUSCODES",), Reply(450, "x", "4.7.1")), ((), None)):
        conn = greeted(*keywords)
        conn.send(MAIL)
        conn.data_to_send()
        event = take(conn, b"450 4.7.1 x\r\n")[0]
        assert isinstance(event, Response)
        if wanted is not None:
            assert event.reply == wanted
        else:
            assert event.reply.enhanced is None
            assert event.reply.lines == ("4.7.1 x",)
        assert event.reply.retryable


def test_a_mailbox_that_the_server_accepts_after_a_refused_mail_does_not_count() -> None:
    conn = greeted("PIPELINING")
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    take(conn, b"550 no\r\n250 yes\r\n354 go\r\n")
    assert conn.session.envelope is None
    assert conn.data_to_send() == b".\r\n"
    take(conn, b"250 what\r\n")
    assert state_of(conn) is State.READY


# --- LMTP ------------------------------------------------------------------------------------------------------------


def test_lmtp_says_lhlo_and_nothing_else() -> None:
    conn = ClientConnection("client.example", lmtp=True)
    assert say(conn, GREETING) == b"LHLO client.example\r\n"
    assert say(conn, b"500 what\r\n") == b""  # no HELO in LMTP
    with pytest.raises(LocalProtocolError, match="LHLO is for LMTP"):
        conn.send(Hello(conn._hello.name, "HELO"))
    smtp = greeted()
    with pytest.raises(LocalProtocolError, match="LHLO is for LMTP"):
        smtp.send(Hello(conn._hello.name, "LHLO"))


@pytest.mark.rule("C-LMTP-12", "X-LMTP-12", "X-LMTP-10", "C-LMTP-10")
def test_lmtp_has_a_reply_for_each_accepted_recipient() -> None:
    conn = greeted("PIPELINING", lmtp=True)
    third = Rcpt(RCPT.path)
    conn.send_all([MAIL, RCPT, RCPT2, third, Data()])
    conn.data_to_send()
    take(conn, OK + OK + b"550 no\r\n" + OK + b"354 go\r\n")
    conn.end_body(b"x\r\n")
    conn.send(MAIL)
    assert conn.data_to_send().endswith(b".\r\n" + MAIL_LINE)
    first = take(conn, b"250-a\r\n250 b\r\n")
    assert len(first) == 1
    assert isinstance(first[0], Response)
    assert first[0].recipient is RCPT
    second = take(conn, b"452 full\r\n")
    assert isinstance(second[0], Response)
    assert second[0].recipient is third
    assert state_of(conn) is State.READY
    assert take(conn, OK) == [Response(MAIL, Reply(250, "ok"))]


@pytest.mark.rule("C-LMTP-12")
def test_lmtp_one_reply_too_many_is_a_fault() -> None:
    conn = in_text(lmtp=True)
    conn.end_body(b"x\r\n")
    conn.data_to_send()
    events = take(conn, OK + OK)
    assert isinstance(events[0], Response)
    assert type(error_of(events)) is RemoteProtocolError


@pytest.mark.rule("X-LMTP-09", "X-LMTP-08")
def test_lmtp_the_last_chunk_waits_for_the_recipients() -> None:
    conn = greeted("PIPELINING", "CHUNKING", lmtp=True)
    conn.send_all([MAIL, RCPT, RCPT2])
    conn.send(Bdat(1, True), octets=b"x")
    assert conn.data_to_send() == MAIL_LINE + RCPT_LINE + RCPT2_LINE
    assert say(conn, OK + OK + OK) == b"BDAT 1 LAST\r\nx"
    assert len(take(conn, b"250 a\r\n450 b\r\n")) == 2
    assert state_of(conn) is State.READY
    other = greeted("PIPELINING", "CHUNKING", lmtp=True)
    other.send_all([MAIL, RCPT])
    other.send(Bdat(1, True), octets=b"x")
    other.data_to_send()
    assert take(other, OK + b"550 no\r\n")[-1] == Response(Bdat(1, True), NOT_SENT)
    assert other.data_to_send() == b""


def test_lmtp_a_last_chunk_refused_for_all_wants_rset() -> None:
    conn = greeted("PIPELINING", "CHUNKING", lmtp=True)
    conn.send_all([MAIL, RCPT, RCPT2])
    conn.send(Bdat(1, True), octets=b"x")
    conn.data_to_send()
    take(conn, OK + OK + OK)
    conn.data_to_send()
    take(conn, b"450 a\r\n450 b\r\n")
    assert state_of(conn) is State.POISONED


# --- TLS -------------------------------------------------------------------------------------------------------------


def starttls() -> ClientConnection:
    conn = greeted("STARTTLS", "SIZE")
    conn.send(StartTls())
    assert conn.data_to_send() == b"STARTTLS\r\n"
    return conn


@pytest.mark.rule("X-STARTTLS-06", "X-STARTTLS-10", "X-STARTTLS-14", "X-STARTTLS-05", "X-MIX-12")
@pytest.mark.parametrize("verified", [True, False])
def test_tls_begins_after_220_and_all_is_forgotten(verified: bool) -> None:
    conn = starttls()
    assert isinstance(take(conn, b"220-a\r\n220 2.0.0 go\r\n")[0], Response)
    assert conn.next_step is Step.START_TLS
    assert take(conn) == []
    assert len(conn.capabilities) == 0
    with pytest.raises(LocalProtocolError, match="TLS handshake comes first"):
        conn.send(MAIL)
    conn.tls_started(verified=verified)
    assert conn.session.tls
    assert conn.tls_verified is verified
    assert conn.session.hello is None
    conn.send(MAIL)
    assert conn.data_to_send() == b"EHLO client.example\r\n"
    assert say(conn, hello_reply("STARTTLS")) == MAIL_LINE
    take(conn, OK)
    conn.send(Reset())
    conn.data_to_send()
    take(conn, OK)
    with pytest.raises(LocalProtocolError, match="TLS is active already"):
        conn.send(StartTls())
    with pytest.raises(LocalProtocolError, match="START_TLS"):
        conn.tls_started()


@pytest.mark.rule("X-STARTTLS-18")
def test_tls_that_is_too_weak_is_left_with_quit() -> None:
    conn = starttls()
    take(conn, b"220 go\r\n")
    conn.tls_started(greet=False)
    conn.send(Quit())
    assert conn.data_to_send() == b"QUIT\r\n"
    assert take(conn, b"221 bye\r\n")[-1] == Closed()


def test_tls_without_greet_leaves_ehlo_to_the_caller() -> None:
    conn = ClientConnection("client.example", greet=False)
    take(conn, GREETING)
    conn.send(Hello(conn._hello.name))
    conn.data_to_send()
    take(conn, hello_reply("STARTTLS"))
    conn.send(StartTls())
    conn.data_to_send()
    take(conn, b"220 go\r\n")
    conn.tls_started()
    assert conn.data_to_send() == b""
    assert conn.planned_state is State.FRESH


@pytest.mark.rule("X-STARTTLS-04")
@pytest.mark.parametrize("tail", [b"250-evil\r\n250 AUTH PLAIN\r\n", b"2", b"\0"])
@pytest.mark.parametrize("late", [True, False])
def test_octets_behind_the_220_are_never_read(tail: bytes, late: bool) -> None:
    conn = starttls()
    if late:
        take(conn, b"220 go\r\n")
        events = take(conn, tail)
    else:
        events = take(conn, b"220 go\r\n" + tail)
    assert events == [Closed(events[-1].error)]  # type: ignore[union-attr]
    assert type(error_of(events)) is RemoteProtocolError
    assert len(conn.capabilities) == 0
    assert conn.next_step is Step.CLOSE


@pytest.mark.rule("X-STARTTLS-21", "X-STARTTLS-20")
def test_only_220_starts_tls() -> None:
    assert type(error_of(take(starttls(), b"250 ok\r\n"))) is RemoteProtocolError
    conn = starttls()
    assert take(conn, b"454 not now\r\n") == [Response(StartTls(), Reply(454, "not now"))]
    assert state_of(conn) is State.READY
    assert "SIZE" in conn.capabilities


@pytest.mark.rule("X-STARTTLS-07")
def test_a_failed_handshake_is_the_end() -> None:
    conn = starttls()
    with pytest.raises(LocalProtocolError):
        conn.tls_failed()
    take(conn, b"220 go\r\n")
    conn.tls_failed()
    assert type(error_of(take(conn))) is RemoteProtocolError
    assert conn.data_to_send() == b""


def test_implicit_tls() -> None:
    conn = ClientConnection("client.example", tls=True, tls_verified=True)
    assert conn.session.tls
    assert conn.tls_verified
    assert not ClientConnection("client.example", tls_verified=True).tls_verified


# --- dialogues -------------------------------------------------------------------------------------------------------


class Game(Command):
    """A verb with a dialogue, of an extension that is not of this package."""

    verb: ClassVar[str] = "XGAME"


def _game(line: bytes, end: int, language: Language) -> Command:
    raise CommandError(Reply(502, "no"), "not in this test")


class GameExtension(Extension):
    keyword: ClassVar[str] = "XGAME"
    verbs: ClassVar[tuple[Verb, ...]] = (
        Verb("XGAME", _game, moves=staying(State.READY), dialogue=lambda command, session, extension: None),  # type: ignore[arg-type, return-value]
        Verb("XPLAIN", _game, moves=staying(State.READY)),
    )
    parameters: ClassVar[tuple[Parameter[str], ...]] = (
        Parameter("XGAME", "MAIL", octets=70, parse=lambda value: value or "", format=lambda value: value),
    )


class Plain(Command):
    verb: ClassVar[str] = "XPLAIN"


class Player:
    def __init__(self, line: bytes = b"move", verdict: str = "") -> None:
        self.line = line
        self.verdict = verdict
        self.seen: list[Reply] = []

    def receive(self, reply: Reply) -> bytes:
        self.seen.append(reply)
        return self.line

    def finish(self, reply: Reply) -> str:
        return self.verdict


def game(player: Player) -> ClientConnection:
    conn = greeted("XGAME", extensions=ExtensionSet([GameExtension()]))
    conn.send(Game(), dialogue=player)
    assert conn.data_to_send() == b"XGAME\r\n"
    return conn


@pytest.mark.rule("X-AUTH-39")
def test_a_dialogue_answers_3yz_and_is_reported_once() -> None:
    player = Player()
    conn = game(player)
    assert take(conn, b"334\r\n") == []
    assert conn.data_to_send() == b"move\r\n"
    assert take(conn, b"334 " + b"x" * 10000 + b"\r\n") == []
    assert conn.data_to_send() == b"move\r\n"
    assert take(conn, b"235 good\r\n") == [Response(Game(), Reply(235, "good"))]
    assert len(player.seen) == 2
    assert conn.session.identity == ""
    with pytest.raises(LocalProtocolError, match="once in a session"):
        conn.send(Game(), dialogue=player)


def test_a_dialogue_refused_may_be_tried_again() -> None:
    conn = game(Player())
    assert take(conn, b"535 no\r\n") == [Response(Game(), Reply(535, "no"))]
    assert conn.session.identity is None
    conn.send(Game(), dialogue=Player())


def test_the_next_reply_counts_when_the_line_has_left() -> None:
    conn = game(Player())
    events = take(conn, b"334 a\r\n334 b\r\n")
    assert type(error_of(events)) is RemoteProtocolError


@pytest.mark.rule("X-AUTH-27")
def test_a_dialogue_may_find_that_the_server_is_wrong() -> None:
    error = error_of(take(game(Player(verdict="not proved")), b"235 good\r\n"))
    assert type(error) is RemoteProtocolError
    assert str(error) == "not proved"


def test_a_cancelled_dialogue_has_one_reply_left() -> None:
    conn = game(Player(b"*"))
    take(conn, b"334 x\r\n")
    assert conn.data_to_send() == b"*\r\n"
    assert type(error_of(take(conn, b"334 x\r\n"))) is RemoteProtocolError
    other = game(Player(b"*"))
    say(other, b"334 x\r\n")
    assert take(other, b"501 cancelled\r\n") == [Response(Game(), Reply(501, "cancelled"))]


@pytest.mark.rule("C-SEC-08")
def test_a_dialogue_cannot_inject() -> None:
    conn = game(Player(b"a\r\nMAIL FROM:<>"))
    conn.receive_data(b"334 x\r\n")
    with pytest.raises(LocalProtocolError, match="CR or LF"):
        list(conn.events())


def test_dialogues_go_with_their_verbs() -> None:
    conn = greeted("XGAME", extensions=[GameExtension()])
    with pytest.raises(LocalProtocolError, match="dialogue="):
        conn.send(Game())
    with pytest.raises(LocalProtocolError, match="dialogue="):
        conn.send(Noop(), dialogue=Player())


def test_a_verb_of_a_private_extension_and_its_parameter() -> None:
    conn = greeted("XGAME", extensions=[GameExtension()])
    conn.send(Plain())
    assert conn.data_to_send() == b"XPLAIN\r\n"
    assert take(conn, b"250 ok\r\n") == [Response(Plain(), Reply(250, "ok"))]
    assert state_of(conn) is State.READY
    conn.send(Mail(MAIL.path, Parameters((("XGAME", "1"),))))
    assert conn.data_to_send() == b"MAIL FROM:<a@client.example> XGAME=1\r\n"


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-CMD-QUIT-03", "C-SES-20")
@pytest.mark.parametrize("end", [b"221 bye\r\n", b"250 ok\r\n", b"500 what\r\n", b"354 go\r\n", b"421 x\r\n", b""])
def test_any_reply_to_quit_and_eof_is_a_good_end(end: bytes) -> None:
    conn = greeted()
    conn.send(Quit())
    assert conn.data_to_send() == b"QUIT\r\n"
    conn.receive_data(end + (b"250 noise\r\n" if end else b""))
    assert take(conn)[-1] == Closed()
    assert state_of(conn) is State.CLOSED
    assert conn.next_step is Step.CLOSE
    with pytest.raises(LocalProtocolError, match="over"):
        conn.send(Noop())


@pytest.mark.rule("X-FW-05")
@pytest.mark.parametrize("octets", [b"", b"250-mx.exa", b"250-mx\r\n"])
def test_eof_is_a_lost_connection_elsewhere(octets: bytes) -> None:
    conn = ClientConnection("client.example")
    say(conn, GREETING)
    take(conn, octets)
    conn.receive_eof()
    assert isinstance(error_of(take(conn)), ConnectionLost)
    assert [type(command) for command in conn.unanswered] == [Hello]


def test_eof_after_quit_is_lost_when_another_reply_is_owed() -> None:
    conn = in_text("PIPELINING")
    conn.end_body(b"x\r\n")
    conn.send(Quit())
    conn.data_to_send()
    conn.receive_eof()
    assert isinstance(error_of(take(conn)), ConnectionLost)
    assert conn.unanswered == (EndOfMessage(), Quit())
    half = greeted()
    half.send(Quit())
    half.data_to_send()
    take(half, b"221-x\r\n")
    half.receive_eof()
    assert isinstance(error_of(take(half)), ConnectionLost)


def test_what_came_before_eof_is_still_read() -> None:
    conn = greeted()
    conn.send(Noop())
    conn.data_to_send()
    conn.receive_data(OK)
    conn.receive_data(b"")
    events = take(conn)
    assert events[0] == Response(Noop(), Reply(250, "ok"))
    assert isinstance(error_of(events), ConnectionLost)


def test_eof_while_the_text_is_due() -> None:
    conn = in_text()
    conn.receive_eof()
    assert conn.next_step is Step.DECIDE
    assert isinstance(error_of(take(conn)), ConnectionLost)
    conn.end_body(b"x\r\n")
    assert conn.data_to_send() == b""


# --- time ------------------------------------------------------------------------------------------------------------


def wait_of(conn: ClientConnection) -> float:
    return conn.tick(1000.0) - 1000.0


@pytest.mark.rule("C-TMO-01", "C-TMO-02", "C-TMO-03", "C-TMO-04", "C-TMO-05", "C-TMO-06", "C-TMO-07", "C-TMO-09")
def test_each_wait_has_its_time() -> None:
    conn = ClientConnection("client.example")
    assert wait_of(conn) == 300
    say(conn, GREETING)
    assert wait_of(conn) == 300
    take(conn, hello_reply("PIPELINING", "CHUNKING"))
    assert wait_of(conn) == math.inf
    conn.send_all([MAIL, RCPT, Data()])
    conn.data_to_send()
    seconds = []
    for reply in (OK, OK, b"354 go\r\n"):
        seconds.append(wait_of(conn))
        take(conn, reply)
    assert seconds == [300, 300, 120]
    assert wait_of(conn) == 180
    conn.end_body(b"x\r\n")
    conn.data_to_send()
    assert wait_of(conn) == 600
    take(conn, OK)
    conn.send_all([MAIL, RCPT])
    conn.start_chunks(Bdat)
    conn.data_to_send()
    take(conn, OK + OK)
    conn.send_body(b"a")
    conn.data_to_send()
    assert wait_of(conn) == 180
    conn.end_body(b"a")
    conn.data_to_send()
    take(conn, OK)
    assert wait_of(conn) == 600
    take(conn, OK)
    conn.send(Quit())
    conn.data_to_send()
    assert wait_of(conn) == 300
    take(conn, b"221 bye\r\n")
    assert wait_of(conn) == math.inf


def test_times_may_be_others() -> None:
    conn = ClientConnection("client.example", timeouts=Timeouts(greeting=7))
    assert wait_of(conn) == 7
    assert ClientConnection("client.example", timeouts=Timeouts.none()).tick(0) == math.inf


@pytest.mark.rule("C-TMO-01")
def test_a_wait_is_for_a_reply_and_never_begins_again_with_an_octet() -> None:
    conn = greeted()
    conn.send_all([MAIL, RCPT])
    conn.data_to_send()
    assert conn.tick(0) == 300
    for now, octet in enumerate(b"250-x\r\n250-y"):
        take(conn, bytes([octet]))
        assert conn.tick(float(now)) == 300
    take(conn, b"\r\n250 z\r\n")
    conn.data_to_send()
    assert conn.tick(100) == 400


def _sent(conn: ClientConnection, command: Command) -> ClientConnection:
    conn.send(command)
    conn.data_to_send()
    return conn


def _ended(conn: ClientConnection) -> ClientConnection:
    conn.end_body(b"x\r\n")
    conn.data_to_send()
    return conn


def _tls() -> ClientConnection:
    conn = starttls()
    take(conn, b"220 go\r\n")
    return conn


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: ClientConnection("client.example"), "greeting"),
        (lambda: _sent(greeted(), MAIL), "reply to MAIL"),
        (in_text, "block of the text"),
        (lambda: _ended(in_text()), "end of the message"),
        (_tls, "TLS handshake"),
    ],
)
@pytest.mark.rule("C-TMO-11")
def test_the_end_of_a_wait_closes(make: object, what: str) -> None:
    conn: ClientConnection = make()  # type: ignore[operator]
    end = conn.tick(0)
    assert conn.tick(end - 1) == end
    assert conn.tick(end) == end
    events = take(conn)
    error = error_of(events)
    assert isinstance(error, TimedOut)
    assert what in str(error)
    assert conn.next_step is Step.CLOSE


# --- properties ------------------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        GREETING, OK, b"354 go\r\n", b"550 no\r\n", b"450 later\r\n", b"421 bye\r\n", b"250-a\r\n",
        b"250-PIPELINING\r\n", b"250 CHUNKING\r\n", b"334 eA==\r\n", b"220 go\r\n", b"221 bye\r\n",
        b"503 what\r\n", b"x\r\n", b"250 \xff\r\n", b"25", b"\r\n", b"\n", b"\0",
    ]
)  # fmt: skip
OCTETS = st.one_of(st.lists(LINES, max_size=12).map(b"".join), st.binary(max_size=60))


def play(pieces: list[bytes], *, pipelining: bool = True) -> tuple[list[ClientEvent], bytes]:
    """A client with much to say, and a server that says anything."""
    conn = ClientConnection("client.example", pipelining=pipelining)
    events: list[ClientEvent] = []
    sent = b""
    conn.send_all([MAIL, RCPT, RCPT2, Data()])
    for piece in [*pieces, None]:
        if piece is None:
            conn.receive_eof()
        else:
            conn.receive_data(piece)
        for event in conn.events():
            events.append(event)
            if isinstance(event, SendBody):
                conn.send_body(b".a\r\n")
                conn.end_body()
        sent += conn.data_to_send()
        if conn.next_step is Step.START_TLS:
            conn.tls_started()
    return events, sent


@given(st.lists(OCTETS, max_size=6))
def test_any_octets_of_the_server_end_in_closed_and_raise_nothing(pieces: list[bytes]) -> None:
    events, _ = play(pieces)
    assert isinstance(events[-1], Closed)
    assert sum(isinstance(event, Closed) for event in events) == 1


@given(st.lists(st.lists(LINES, min_size=1, max_size=4).map(b"".join), max_size=6), st.integers(1, 5))
def test_any_segmentation_is_equal(turns: list[bytes], size: int) -> None:
    """Each turn comes whole or in pieces, and the client's output is taken when it is over."""

    def run(cut: bool) -> tuple[list[ClientEvent], list[bytes]]:
        conn = ClientConnection("client.example")
        events: list[ClientEvent] = []
        sent: list[bytes] = []
        conn.send_all([MAIL, RCPT, RCPT2, Data()])
        for turn in turns:
            step = size if cut else len(turn)
            for start in range(0, len(turn), step):
                conn.receive_data(turn[start : start + step])
                for event in conn.events():
                    events.append(event)
                    if isinstance(event, SendBody):
                        conn.end_body(b".a\r\n")
            sent.append(conn.data_to_send())
        return events, sent

    assert repr(run(True)) == repr(run(False))


EVERYTHING = ExtensionSet([each for each in KNOWN if each.keyword not in ("STARTTLS", "LIMITS")])


@settings(max_examples=40)
@given(strategies.mails(utf8=True), st.lists(strategies.rcpts(utf8=True), max_size=3), st.sampled_from([whole, octets]))
@pytest.mark.rule("X-DSN-26")
def test_what_the_client_sends_arrives_as_an_equal_value(mail: Mail, rcpts: list[Rcpt], cut: Cut) -> None:
    conn = ClientConnection("client.example", tls=True)
    server = ServerConnection("mx.example.com", extensions=EVERYTHING, tls=True)
    joined = link(conn, server, cut=cut)
    try:
        conn.send_all([mail, *rcpts])
    except (LocalProtocolError, SyntaxProblem):
        reject()  # not without SMTPUTF8 in MAIL, or longer than a line may be
    joined.run()
    sent = [command.to_bytes() for command in (mail, *rcpts)]
    arrived = [event for event in joined.server_events if isinstance(event, (Mail, Rcpt))]
    answered = [event.command for event in joined.client_events if isinstance(event, Response)][1:]
    assert answered == [mail, *rcpts]
    if len(arrived) == len(sent):
        assert arrived == [mail, *rcpts]
        assert [command.to_bytes() for command in arrived] == sent


REPLIES = st.sampled_from([b"250 ok\r\n", b"250-a\r\n250 b\r\n", b"550 no\r\n", b"450 later\r\n"])


@given(st.lists(REPLIES, min_size=3, max_size=3), REPLIES, st.booleans())
def test_pipelined_is_lockstep(envelope: list[bytes], final: bytes, willing: bool) -> None:
    """The same answers of a server that keeps to the protocol: the same outcome, group or no group."""

    def outcome(pipelining: bool) -> tuple[list[object], State]:
        conn = greeted("PIPELINING", pipelining=pipelining)
        commands: list[Command] = [MAIL, RCPT, RCPT2, Data()]
        conn.send_all(commands)
        found: list[object] = []
        answers = dict(zip((b"MAIL", b"RCPT", b"RCP2"), envelope, strict=True))
        taken = False
        mail = False
        while True:
            out = conn.data_to_send()
            if not out:
                break
            reply = b""
            for line in out.split(b"\r\n")[:-1]:
                key = b"RCP2" if line == RCPT2_LINE[:-2] else line[:4]
                if key == b"DATA":
                    reply += b"354 go\r\n" if taken and willing else b"554 nobody\r\n"
                elif key == b".":
                    reply += final
                elif key in answers and (mail or key == b"MAIL"):
                    reply += answers[key]
                    mail = mail or (key == b"MAIL" and answers[key].startswith(b"2"))
                    taken = taken or (key != b"MAIL" and answers[key].startswith(b"2"))
                elif key in answers:
                    reply += b"503 first MAIL\r\n"
            for event in take(conn, reply):
                if isinstance(event, SendBody):
                    conn.end_body(b"x\r\n")
                elif isinstance(event, Response):
                    found.append((event.command, event.reply.code // 100))
        return found, conn.state

    assert outcome(True) == outcome(False)
