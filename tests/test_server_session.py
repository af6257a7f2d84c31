"""The session: greeting, EHLO, order of commands, the small commands, the end (RFC 5321 3.1, 4.1.4, 4.3)."""

from __future__ import annotations

import itertools
import pickle

import pytest

from smtpcore import replies
from smtpcore.addresses import AddressLiteral, Domain
from smtpcore.commands import EndOfMessage, Hello, Inquiry, Mail, Noop, Quit, Reset
from smtpcore.events import Closed, Connect, Reason, Refused, Step, TransactionAborted
from smtpcore.extensions.pipelining import Pipelining
from smtpcore.leniency import STRICT
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection
from smtpcore.state import State
from tests.server_tools import GONE, HOST, LATER, NO, Talk, defer, leave

rule = pytest.mark.rule


# -- the greeting ------------------------------------------------------------------------------------------------------


@rule("S-SES-01", "S-REP-07", "S-REP-08", "S-REP-09")
def test_the_server_speaks_first() -> None:
    connection = ServerConnection(HOST)
    assert connection.next_event() == Connect()
    assert connection.data_to_send() == b""
    assert connection.question is not None
    connection.accept(connection.question)
    assert connection.data_to_send() == b"220 mx.example.org ESMTP ready\r\n"


@rule("S-REP-06", "S-REP-07")
def test_a_greeting_of_the_application_begins_with_the_name() -> None:
    assert Talk({"CONNECT": Reply(220, ("Welcome", "all"))}).greeting == b"220-mx.example.org Welcome\r\n220 all\r\n"
    own = Reply(220, "mx.example.org here", "2.0.0")
    assert Talk({"CONNECT": own}).greeting == b"220 mx.example.org here\r\n"


@rule("S-SES-02", "S-SES-07")
def test_after_a_refusal_only_quit_is_left() -> None:
    talk = Talk({"CONNECT": replies.NO_SERVICE})
    assert talk.greeting == b"554 No SMTP service here\r\n"
    assert talk.codes("EHLO x", "NOOP", "RSET", "FOO", "MAIL FROM:<a@b>", "\x01", "N" * 3000) == [503] * 7
    assert talk("QUIT").startswith("221 ")
    assert talk.error is None


@rule("S-SES-04", "S-CMD-EHLO-14")
def test_521_is_said_again_to_everything_but_quit() -> None:
    talk = Talk({"CONNECT": Reply(521, "mx.example.org does not accept mail", "5.3.2")})
    assert talk.greeting == b"521 mx.example.org does not accept mail\r\n"
    assert talk("EHLO x") == "521 mx.example.org does not accept mail"
    assert talk("EHLO") == "521 mx.example.org does not accept mail"
    assert talk("NOOP") == "521 5.3.2 mx.example.org does not accept mail"
    assert talk.codes("GET / HTTP/1.1", "QUIT") == [521, 221]


@rule("S-SES-23", "S-REP-23", "X-ENHANCED-01")
def test_421_as_a_greeting_closes() -> None:
    talk = Talk({"CONNECT": Reply(421, "Too busy", "4.3.2")})
    assert talk.greeting == b"421 mx.example.org Too busy\r\n"
    assert talk.error is None
    talk = Talk({"CONNECT": defer})
    assert talk.step() is Step.DECIDE
    talk.connection.shut_down()
    assert talk.pump() == b"421 mx.example.org Service not available\r\n"


@rule("S-SES-30", "X-PIPELINING-23")
def test_a_client_that_speaks_before_the_greeting_is_refused() -> None:
    talk = Talk(early=b"EHLO x\r\n")
    assert talk.greeting == b"554 Client sent before its turn\r\n"
    assert talk.error == "RemoteProtocolError: the client spoke before the greeting"
    assert Talk(early=b"EHLO x\r\n", early_talk=True).greeting.startswith(b"220 mx.example.org ESMTP ready\r\n250-")


@rule("S-SES-30")
def test_a_refusal_of_the_application_stands_also_for_a_client_that_spoke_early() -> None:
    talk = Talk({"CONNECT": NO}, early=b"x")
    assert talk.greeting == b"550 No\r\n"
    assert talk.closed


# -- EHLO and HELO -----------------------------------------------------------------------------------------------------


@rule("B-EXT-01", "X-FW-01")
def test_ehlo_without_extensions() -> None:
    talk = Talk(extensions=())
    assert talk("EHLO client.example") == "250-mx.example.org\n250 HELP"
    assert talk.connection.session.esmtp


@rule("B-EXT-02", "X-FW-03", "S-CMD-EHLO-04", "S-CMD-EHLO-02")
def test_helo_gets_one_line_and_no_extensions() -> None:
    talk = Talk()
    assert talk("HELO client.example") == "250 mx.example.org"
    assert not talk.connection.session.esmtp
    assert talk("MAIL FROM:<a@b> SIZE=1").startswith("555 ")
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "BDAT 1 LAST", b"x") == [250, 250, 503]


@rule("S-CMD-EHLO-05", "X-FW-07", "S-EXT-19", "X-8BITMIME-13")
def test_ehlo_lists_what_is_offered() -> None:
    assert Talk()("EHLO client.example").split("\n") == [
        "250-mx.example.org",
        "250-PIPELINING",
        "250-SIZE 0",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-CHUNKING",
        "250-BINARYMIME",
        "250-DSN",
        "250-ENHANCEDSTATUSCODES",
        "250 HELP",
    ]


@rule("S-CMD-EHLO-01", "S-CMD-EHLO-14", "X-FW-27")
@pytest.mark.parametrize("name", ["", " ", " -x", " x-", " a..b", " [1.2.3]", " [x", " a@b", " " + "a" * 64, " \xe9"])
def test_a_bad_name_is_501_without_enhanced_code(name: str) -> None:
    talk = Talk()
    assert talk("EHLO" + name) == "501 Syntax error in the domain or address literal"
    assert talk.state() is State.FRESH
    assert talk.refused == [501]


@rule("S-CMD-EHLO-01", "S-CMD-EHLO-17", "S-CMD-EHLO-11", "X-FW-29")
def test_names_of_clients() -> None:
    talk = Talk()
    assert talk.codes("EHLO [127.0.0.1]", "EHLO 1.2.3.4", "EHLO [192.0.2.1] (behind a NAT)") == [250] * 3
    literal, numeric, trailing = talk.all(Hello)
    assert literal.name == AddressLiteral("[127.0.0.1]")
    assert numeric.name == Domain("1.2.3.4")
    assert trailing.trailing == "(behind a NAT)"


@rule("S-CMD-EHLO-15")
def test_an_underscore_in_a_name() -> None:
    assert Talk(leniency=STRICT).codes("EHLO a_b") == [501]
    talk = Talk()
    assert talk.codes("EHLO a_b") == [250]
    assert talk.all(Hello)[0].deviations == ("hello_underscore",)


@rule("S-SES-14", "X-FW-26", "B-SES-32")
def test_an_accepted_ehlo_drops_the_transaction() -> None:
    for again in ("EHLO other.example", "HELO other.example"):
        talk = Talk().envelope()
        assert talk.codes(again, "DATA", "RCPT TO:<c@d>") == [250, 503, 503]
        assert talk.aborted == ["HELLO"]
        assert talk.state() is State.READY


@rule("S-SES-15", "X-FW-27", "S-CMD-EHLO-13", "S-SEC-02")
def test_a_refused_ehlo_changes_nothing() -> None:
    talk = Talk().envelope()
    assert talk.codes("EHLO", "EHLO -") == [501, 501]
    talk.answers["EHLO"] = Reply(550, "Not you", "5.7.1")
    assert talk("EHLO spam.example") == "550 Not you"
    assert talk.codes("DATA") == [354]
    assert talk.connection.session.hello == Hello(Domain("client.example"))
    assert not talk.aborted


@rule("S-CMD-EHLO-14", "X-ENHANCED-01")
def test_no_reply_to_ehlo_has_an_enhanced_code() -> None:
    talk = Talk({"EHLO": Reply(250, "mx.example.org", "2.0.0")})
    assert talk("EHLO x") == "250 mx.example.org"
    talk.connection.receive_data(b"EHLO x\r\n")
    talk.answers["EHLO"] = leave
    talk.connection.next_event()
    talk.connection.shut_down()
    assert talk.pump() == b"421 mx.example.org Service not available\r\n"


# -- the order of commands ---------------------------------------------------------------------------------------------


@rule("S-SES-07")
def test_what_may_be_said_before_ehlo() -> None:
    assert Talk().codes("VRFY a", "NOOP", "RSET", "HELP", "EXPN list") == [252, 250, 250, 214, 502]


@rule("S-SES-08", "S-SES-09", "X-ENHANCED-12")
def test_a_transaction_needs_a_name() -> None:
    talk = Talk()
    expected = "503 5.5.1 Send EHLO or HELO first"
    assert talk.replies("MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA") == [expected] * 3
    assert talk.codes("EHLO x", "MAIL FROM:<a@b>") == [250, 250]


@rule("S-SES-09", "S-SES-10")
def test_rcpt_and_data_need_mail() -> None:
    talk = Talk().hello()
    assert talk("RCPT TO:<a@b>") == "503 5.5.1 Send MAIL first"
    assert talk("DATA") == "503 5.5.1 Send MAIL first"
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<a@b>") == [250, 250]


@rule("S-SES-11")
def test_a_second_mail_leaves_the_first() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<first@b>") == [250]
    assert talk("MAIL FROM:<second@b>") == "503 5.5.1 Sender already given"
    assert talk.codes("RCPT TO:<c@d>") == [250]
    assert talk("MAIL FROM:<second@b>") == "503 5.5.1 Sender already given"
    envelope = talk.connection.session.envelope
    assert envelope is not None
    assert str(envelope.mail.path) == "<first@b>"


@rule("S-SES-38", "S-SES-09")
def test_only_one_order_of_a_transaction_works() -> None:
    commands = ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
    for order in itertools.permutations(commands):
        codes = Talk().hello().codes(*order)
        assert (503 not in codes) == (order == commands)


@rule("S-SES-41", "B-GRAM-04")
def test_the_nine_verbs_are_known() -> None:
    for verb in "EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY".split():
        for spelling in (verb, verb.lower(), verb.title()):
            assert 500 not in Talk().codes(spelling)


@rule("S-SES-34")
def test_a_refused_data_leaves_the_transaction() -> None:
    talk = Talk({"DATA": [Reply(451, "Not now", "4.3.0")]}).envelope()
    assert talk.codes("DATA", "RCPT TO:<d@e>", "DATA") == [451, 250, 354]


# -- RSET, NOOP, HELP, VRFY, EXPN --------------------------------------------------------------------------------------


@rule("S-SES-16", "S-SES-17", "S-CMD-RSET-01")
def test_rset_drops_the_transaction_and_nothing_else() -> None:
    talk = Talk().envelope()
    hello = talk.connection.session.hello
    assert talk("RSET") == "250 2.0.0 OK"
    assert talk.events[-2:] == [TransactionAborted(Reason.RESET), Reset()]
    assert talk.connection.session.hello is hello
    assert talk.codes("RCPT TO:<c@d>", "MAIL FROM:<a@b>") == [503, 250]
    assert not talk.closed


@rule("S-CMD-RSET-02", "S-CMD-RSET-01")
def test_rset_before_ehlo_is_noop() -> None:
    talk = Talk()
    assert talk.codes("RSET", "MAIL FROM:<a@b>") == [250, 503]
    assert not talk.aborted


@rule("S-CMD-RSET-04")
def test_rset_in_a_text_is_text() -> None:
    talk = Talk().data()
    assert talk.codes(b"RSET\r\nQUIT\r\n.\r\n") == [250]
    assert talk.text == b"RSET\r\nQUIT\r\n"


@rule("S-GRAM-15")
def test_arguments_where_none_belong_undo_the_command() -> None:
    talk = Talk().envelope()
    assert talk("RSET now") == "501 5.5.4 This command takes no argument"
    assert talk("DATA now").startswith("501 ")
    assert talk("QUIT now").startswith("501 ")
    assert talk.codes("RCPT TO:<c@d>", "DATA") == [250, 354]


@rule("S-CMD-NOOP-01", "S-CMD-NOOP-02")
def test_noop_changes_nothing_and_ignores_its_argument() -> None:
    talk = Talk().envelope()
    assert talk.replies("NOOP", 'NOOP foo bar "x', "DATA")[:2] == ["250 2.0.0 OK"] * 2
    assert talk.all(Noop) == [Noop(), Noop('foo bar "x')]
    assert talk.state() is State.DATA


@rule("S-CMD-HELP-01", "S-CMD-HELP-02", "S-CMD-HELP-03", "S-CMD-HELP-04", "LEN-44")
def test_help_lists_the_verbs() -> None:
    talk = Talk().envelope()
    lines = talk("HELP").split("\n")
    assert lines[0] == "214-2.0.0 Commands:"
    words = " ".join(line[10:] for line in lines[1:]).split()
    assert words == sorted("BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET VRFY".split())
    assert talk.codes("HELP me", "DATA") == [214, 354]
    assert "HELP" in Talk().keywords


@rule("S-CMD-HELP-02", "S-EXT-04", "X-FW-12")
def test_help_and_expn_by_the_application() -> None:
    talk = Talk({"HELP": [None, Reply(211, "Read the manual", "2.0.0")]}, ask=["help", "EXPN"])
    assert talk.keywords[-2:] == ["EXPN", "HELP"]
    first, second = talk.replies("HELP", "HELP EXPN")
    assert "EXPN" in first
    assert second == "211 2.0.0 Read the manual"
    assert talk.all(Inquiry) == [Inquiry("", "HELP"), Inquiry("EXPN", "HELP")]


@rule("S-CMD-VRFY-01", "S-CMD-VRFY-03", "S-CMD-VRFY-04", "S-CMD-VRFY-09", "LEN-42", "LEN-41")
def test_vrfy_does_not_tell() -> None:
    talk = Talk()
    expected = "252 2.5.0 Cannot VRFY user, but will accept the message and attempt delivery"
    assert talk.replies("VRFY a", "VRFY joe@example.org") == [expected] * 2
    assert talk.codes("VRFY") == [501]
    asked = Talk(ask=["VRFY"])
    assert asked("VRFY a") == expected


@rule("S-CMD-VRFY-05", "S-CMD-VRFY-06", "S-CMD-VRFY-08", "S-CMD-VRFY-11", "S-CMD-EXPN-05")
def test_vrfy_by_the_application_changes_nothing() -> None:
    talk = Talk(
        {
            "VRFY": [
                Reply(250, "Joe <joe@example.org>", "2.1.5"),
                Reply(553, ("Ambiguous; possibilities are", "<a@b>", "<c@b>"), "5.1.4"),
            ],
            "EXPN": NO,
        },
        ask=["VRFY", "EXPN"],
    ).envelope()
    assert talk('VRFY "joe"') == "250 2.1.5 Joe <joe@example.org>"
    assert talk("VRFY x@b") == "553-5.1.4 Ambiguous; possibilities are\n553-5.1.4 <a@b>\n553 5.1.4 <c@b>"
    first, second = talk.all(Inquiry)
    assert (first.string, str(second.as_mailbox())) == ("joe", "x@b")
    assert talk.codes("EXPN list", "DATA") == [550, 354]


@rule("S-CMD-EXPN-01", "S-CMD-X-02")
def test_expn_is_off_and_unlisted() -> None:
    talk = Talk()
    assert talk("EXPN list") == "502 5.5.1 Command not implemented"
    assert "EXPN" not in talk.keywords
    assert "EXPN" not in talk("HELP")


@rule("S-CMD-EXPN-03", "S-CMD-EXPN-01", "S-CMD-EXPN-04", "S-CMD-EXPN-07", "LEN-43")
def test_expn_by_the_application() -> None:
    members = Reply(250, ("Joe <joe@example.org>", "<ann@example.org>"), "2.1.5")
    hidden = Reply(252, "Cannot say", "2.5.0")
    talk = Talk({"EXPN": [members, hidden, NO]}, ask=["EXPN"])
    assert "EXPN" in talk.keywords
    assert talk("EXPN list") == "250-2.1.5 Joe <joe@example.org>\n250 2.1.5 <ann@example.org>"
    assert talk.codes("EXPN list", "EXPN joe", "EXPN") == [252, 550, 501]


# -- what is no command ------------------------------------------------------------------------------------------------


@rule("S-CMD-X-01", "S-CMD-X-02", "X-FW-13", "S-LEG-01", "S-LEG-04", "LEN-45", "S-GRAM-19", "B-GRAM-21")
def test_unknown_and_known_verbs() -> None:
    talk = Talk(extensions=[Pipelining()], limits=None)
    assert talk.replies("FOO", "XFOO-2 a", "", " NOOP") == [
        "500 Command not recognized",
        "500 Command not recognized",
        "500 Syntax error",
        "500 Syntax error",
    ]
    assert talk.codes("SEND FROM:<a@b>", "SOML FROM:<a@b>", "SAML FROM:<a@b>", "TURN", "AUTH PLAIN") == [502] * 5
    assert [type(event) for event in talk.events[1:]] == [Refused] * 9


@rule("S-GRAM-11", "S-GRAM-12", "LEN-51", "X-FW-32")
def test_octets_that_no_command_has() -> None:
    talk = Talk().hello()
    assert talk.codes(b"NOOP \x00\r\n", b"N\xc3\xb6OP\r\n", b"MAIL FROM:<a\x01b@c>\r\n") == [501, 500, 501]
    assert talk.codes(b"VRFY \xc3\xa9\r\n") == [501]
    assert not talk.all(Mail)


@rule("S-SES-06", "X-PIPELINING-19", "S-SES-18", "LEN-56")
def test_one_reply_for_each_line_and_no_end_of_patience() -> None:
    from smtpcore.limits import Limits

    talk = Talk(limits=Limits(errors=None))
    assert talk.codes(*["FOO"] * 1000) == [500] * 1000
    assert not talk.closed


@rule("S-CMD-X-05", "LEN-57")
@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"post /x\r\n", b"x y HTTP/1.0\r\n", b"\x16\x03\x01\x02\r\n"])
def test_another_protocol_is_sent_away(line: bytes) -> None:
    talk = Talk()
    assert talk.feed(line) == b"421 4.3.2 mx.example.org This is SMTP\r\n"
    assert talk.error == "RemoteProtocolError: the peer does not speak SMTP"
    assert Talk(foreign=True).codes(line) == [500]


# -- the end -----------------------------------------------------------------------------------------------------------


@rule("S-SES-19", "S-CMD-QUIT-01", "S-SES-42", "S-REP-06")
def test_quit_ends_the_transaction_and_the_session() -> None:
    talk = Talk().envelope()
    assert talk("QUIT", "NOOP") == "221 2.0.0 mx.example.org Service closing transmission channel"
    assert talk.events[-3:] == [TransactionAborted(Reason.QUIT), Quit(), Closed()]
    assert talk.error is None
    assert talk.feed("NOOP") == b""
    assert talk.eof() == b""


@rule("S-CMD-QUIT-02", "X-PIPELINING-12")
def test_replies_before_quit_leave_first() -> None:
    assert Talk().codes("NOOP", "QUIT") == [250, 221]
    assert Talk().hello().codes("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "QUIT") == [250, 250, 221]


@rule("S-SES-23", "S-REP-06", "X-ENHANCED-12")
def test_shut_down_says_421() -> None:
    talk = Talk().envelope()
    talk.connection.shut_down()
    assert talk.pump() == b"421 4.3.2 mx.example.org Service not available\r\n"
    assert talk.events[-2:] == [TransactionAborted(Reason.SHUT_DOWN), Closed()]
    talk.connection.shut_down(GONE)
    assert talk.pump() == b""


@rule("S-REP-23", "S-REP-06", "S-SES-23")
@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "."])
def test_421_to_anything_closes(verb: str) -> None:
    talk = Talk({verb: Reply(421, "Enough", "4.7.0")})
    said: list[str | bytes] = ["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", b"hi\r\n.\r\n"]
    output = b"".join(talk.feed(each) for each in said)
    code = b"" if verb == "EHLO" else b"4.7.0 "
    assert output.endswith(b"421 " + code + b"mx.example.org Enough\r\n")
    assert talk.error is None
    assert talk.aborted == (["SHUT_DOWN"] if verb in ("RCPT", "DATA", ".") else [])


@rule("S-SES-26", "S-SES-27", "X-STARTTLS-26")
def test_a_client_that_is_gone() -> None:
    talk = Talk().data()
    talk.feed(b"half a message\r\n")
    assert talk.eof() == b""
    assert talk.aborted == ["CLOSED"]
    assert talk.error == "ConnectionLost: the client closed the connection without QUIT"
    assert not talk.all(EndOfMessage)


@rule("S-SES-26", "S-SES-27")
def test_what_came_before_the_end_is_answered() -> None:
    talk = Talk({".": defer}).data()
    talk.feed(b"hi\r\n.\r\nNOOP\r\n")
    assert talk.eof() == b""
    assert talk.step() is Step.DECIDE
    talk.connection.accept(talk.all(EndOfMessage)[0])
    assert talk.pump() == b"250 2.6.0 Message accepted\r\n250 2.0.0 OK\r\n"
    assert talk.error == "ConnectionLost: the client closed the connection without QUIT"
    assert not talk.aborted


def test_no_more_input_is_b_empty() -> None:
    talk = Talk()
    talk.connection.receive_data(b"")
    talk.connection.receive_data(b"NOOP\r\n")
    talk.pump()
    assert talk.error == "ConnectionLost: the client closed the connection without QUIT"


@rule("S-SES-36", "B-SES-37")
def test_connections_share_nothing() -> None:
    one, other = Talk().envelope("one@example.org"), Talk()
    other.envelope("other@example.org")
    assert one.codes("DATA") == other.codes("DATA") == [354]
    recipients = []
    for talk in (one, other):
        assert talk.connection.session.envelope is not None
        recipients.append([str(each.path) for each in talk.connection.session.envelope.recipients])
    assert recipients == [["<one@example.org>"], ["<other@example.org>"]]


@rule("B-SES-33", "S-CMD-DATA-10")
def test_many_messages_in_one_session() -> None:
    talk = Talk({".": [None, NO, LATER]})
    for code in (250, 550, 450):
        assert talk.data().codes(b"hi\r\n.\r\n") == [code]
        assert talk.codes("RCPT TO:<a@b>") == [503]
    assert not talk.aborted


@rule("S-REP-24", "X-ENHANCED-01", "X-ENHANCED-02", "S-ENH-02", "X-ENHANCED-10")
def test_every_reply_but_those_to_ehlo_has_an_enhanced_code() -> None:
    bare = Reply(250, "fine")
    talk = Talk({"MAIL": bare, "RCPT": [Reply(550, ("no", "never"))], ".": Reply(451, "not now")}).hello()
    assert talk("MAIL FROM:<a@b>") == "250 2.0.0 fine"
    assert talk("RCPT TO:<a@b>") == "550-5.0.0 no\n550 5.0.0 never"
    assert talk.codes("RCPT TO:<a@b>") == [250]
    assert talk("DATA") == "354 Start mail input; end with <CRLF>.<CRLF>"
    assert talk(b".\r\n") == "451 4.0.0 not now"


@rule("S-ENH-05", "X-ENHANCED-05")
def test_enhanced_codes_go_to_helo_clients_too() -> None:
    assert Talk().replies("HELO x", "MAIL FROM:<a@b>")[1] == "250 2.1.0 Sender OK"


def test_without_the_extension_there_are_no_enhanced_codes() -> None:
    talk = Talk(extensions=())
    assert talk.replies("HELO x", "MAIL FROM:<a@b>", "RCPT TO:<a@b>")[1:] == ["250 Sender OK", "250 Recipient OK"]
    talk.answers["RCPT"] = Reply(550, "no")
    assert talk("RCPT TO:<a@b>") == "550 no"


def test_events_are_values() -> None:
    refused = Refused(b"AUTH PLAIN c2VjcmV0", replies.BAD_SEQUENCE)
    assert "c2VjcmV0" not in repr(refused)
    assert pickle.loads(pickle.dumps(refused)) == refused
