"""MAIL and RCPT: paths, parameters, decisions, the envelope (RFC 5321 3.3, 4.1.1.2, 4.1.1.3)."""

from __future__ import annotations

import pytest

from smtpcore import replies
from smtpcore.addresses import NULL_PATH, Postmaster
from smtpcore.commands import Mail, Rcpt
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Step
from smtpcore.leniency import STRICT
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.server import accept_all
from tests.server_tools import GONE, LATER, NO, Talk, leave

rule = pytest.mark.rule


def recipients(talk: Talk) -> list[str]:
    envelope = talk.connection.session.envelope
    assert envelope is not None
    return [str(rcpt.path) for rcpt in envelope.recipients]


# -- MAIL --------------------------------------------------------------------------------------------------------------


@rule("S-CMD-MAIL-01", "LEN-31", "S-CMD-MAIL-11", "X-FW-14")
@pytest.mark.parametrize(
    "line", ["MAIL", "MAIL <a@b>", "MAIL FROM:a@b", "MAIL FROM:<a@b", "MAIL FROM:<a@b>SIZE=1", "MAIL SIZE=1 FROM:<a@b>"]
)
def test_bad_mail_is_501_and_changes_nothing(line: str) -> None:
    talk = Talk().hello()
    assert talk.codes(line, "RCPT TO:<a@b>", "MAIL FROM:<a@b>") == [501, 503, 250]
    assert talk.refused == [501, 503]


@rule("S-CMD-MAIL-02", "LEN-67", "S-SUB-08")
def test_the_null_path_opens_a_transaction() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<>", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA") == [250, 503, 250, 354]
    assert talk.all(Mail)[0].path == NULL_PATH


@rule("S-CMD-MAIL-07", "S-CMD-RCPT-05", "S-CMD-RCPT-06", "LEN-30")
def test_source_routes_are_taken_and_ignored() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<@a,@b:u@d>", "RCPT TO:<@hosta.int,@jkl.org:userc@d.bar.org>") == [250, 250]
    mail, rcpt = talk.all(Mail)[0], talk.all(Rcpt)[0]
    assert str(mail.path.mailbox) == "u@d"
    assert str(rcpt.path.mailbox) == "userc@d.bar.org"
    assert [str(domain) for domain in rcpt.path.route] == ["hosta.int", "jkl.org"]


@rule("S-CMD-MAIL-09", "S-SUB-07")
def test_a_sender_without_domain_is_501() -> None:
    assert Talk().hello()("MAIL FROM:<postmaster>") == "501 5.1.7 Syntax error in sender address"


@rule("S-CMD-MAIL-10", "X-FW-15", "X-FW-16")
@pytest.mark.parametrize("params", ["SIZE=", "-X=1", "SIZE=b=c", "A_B=1", "=1", "SIZE=\xe9"])
def test_bad_parameters_are_501(params: str) -> None:
    assert Talk().hello()(f"MAIL FROM:<a@b> {params}") == "501 5.5.4 Syntax error in parameter"


@rule("X-FW-16")
def test_a_keyword_may_begin_with_a_digit() -> None:
    assert Talk().hello().codes("MAIL FROM:<a@b> 8X-Y=1") == [555]


@rule("S-CMD-MAIL-12", "X-FW-22", "LEN-33")
def test_a_parameter_given_twice_is_501() -> None:
    assert Talk().hello()("MAIL FROM:<a@b> SIZE=1 size=2") == "501 5.5.4 Parameter given twice"


@rule("S-CMD-MAIL-14", "S-EXT-15", "X-FW-17", "X-FW-19", "LEN-34", "S-CMD-X-03")
def test_an_unknown_parameter_is_555() -> None:
    talk = Talk().hello()
    assert talk("MAIL FROM:<a@b> FROB=1") == "555 5.5.4 Parameter not recognized or not implemented"
    assert talk.codes("RCPT TO:<c@d>", "MAIL FROM:<a@b>", "RCPT TO:<c@d> FROB", "RCPT TO:<e@f>") == [503, 250, 555, 250]
    assert recipients(talk) == ["<e@f>"]


@rule("S-EXT-16", "X-FW-18", "S-CMD-MAIL-14", "X-DELIVERBY-06")
def test_a_parameter_that_cannot_be_honoured_now() -> None:
    talk = Talk({"MAIL": replies.PARAMETER_TEMPORARY}).hello()
    assert talk("MAIL FROM:<a@b> SIZE=1") == "455 4.5.4 Unable to accommodate parameters now"


@rule("LEN-35", "X-FW-17", "X-FW-03")
def test_no_parameters_after_helo() -> None:
    assert Talk().codes("HELO x", "MAIL FROM:<a@b> SIZE=1", "MAIL FROM:<a@b> FROB=1") == [250, 555, 555]


@rule("S-SES-13", "S-CMD-MAIL-04", "S-SUB-09", "S-SUB-10", "S-CMD-RCPT-20")
def test_a_refused_mail_opens_nothing() -> None:
    sender = Reply(550, "No return path", "5.1.7")
    talk = Talk({"MAIL": [NO, LATER, replies.SENDER_NULL_MX, sender]}).hello()
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "MAIL FROM:<a@b>") == [550, 503, 450]
    assert talk("MAIL FROM:<a@b>").startswith("550 5.7.27 ")
    assert talk.codes("MAIL FROM:<a@b>", "MAIL FROM:<a@b>") == [550, 250]
    assert not talk.aborted


@rule("S-CMD-MAIL-06", "X-FW-30", "B-GRAM-05")
def test_mail_begins_an_empty_envelope() -> None:
    talk = Talk().envelope("Old@example.org")
    assert talk.codes(b"DATA\r\n", b".\r\n", "MAIL FROM:<SmItH@Client.Example> ENVID=AbC") == [354, 250, 250]
    assert recipients(talk) == []
    envelope = talk.connection.session.envelope
    assert envelope is not None
    assert envelope.mail.to_bytes() == b"MAIL FROM:<SmItH@Client.Example> ENVID=AbC\r\n"


@rule("S-CMD-MAIL-05", "S-CMD-MAIL-15", "X-SIZE-06")
def test_answers_of_the_application_to_mail() -> None:
    talk = Talk({"MAIL": replies.INSUFFICIENT_STORAGE}).hello()
    assert talk("MAIL FROM:<a@b> SIZE=5") == "452 4.3.1 Insufficient system storage, try again later"
    talk = Talk({"RCPT": Reply(550, "The sender is not welcome", "5.7.1")}).hello()
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<c@d>") == [250, 550]


# -- RCPT --------------------------------------------------------------------------------------------------------------


@rule("S-CMD-RCPT-01", "S-CMD-RCPT-03", "LEN-23", "LEN-25", "X-MIX-14")
def test_a_bad_recipient_is_501_and_the_others_stand() -> None:
    talk = Talk().envelope("one@example.org")
    for line in ("RCPT <a@b>", "RCPT TO:<>", "RCPT TO:<user>", "RCPT TO:<a@b> NOTIFY=SOON", "RCPT"):
        assert talk.codes(line) == [501]
    assert talk("RCPT TO:<>") == "501 5.1.3 Syntax error in recipient address"
    assert talk.codes("RCPT TO:<two@example.org>", "DATA") == [250, 354]
    assert recipients(talk) == ["<one@example.org>", "<two@example.org>"]


@rule("S-CMD-RCPT-02", "S-SES-40", "LEN-24")
def test_postmaster_needs_no_domain() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<pOsTmAsTeR>", "RCPT TO:<Postmaster@example.org>") == [250] * 3
    bare, full = talk.all(Rcpt)
    assert isinstance(bare.path.mailbox, Postmaster)
    assert bare.path.is_postmaster
    assert full.path.is_postmaster


@rule("S-CMD-RCPT-22")
def test_a_recipient_at_an_address_literal() -> None:
    talk = Talk().envelope("u@[127.0.0.1]")
    assert recipients(talk) == ["<u@[127.0.0.1]>"]


@rule("S-CMD-RCPT-08", "S-CMD-RCPT-09", "S-CMD-RCPT-20", "X-SIZE-09", "X-RRVS-04", "S-SUB-10")
def test_each_recipient_is_answered_alone() -> None:
    answers = [
        replies.MAILBOX_UNAVAILABLE,
        replies.MAILBOX_BUSY,
        replies.MESSAGE_TOO_BIG,
        replies.INSUFFICIENT_STORAGE,
        replies.NULL_MX,
        replies.try_forward("u@d"),
        Reply(550, "Mailbox changed hands", "5.7.17"),
        replies.will_forward("v@d"),
    ]
    talk = Talk({"RCPT": [*answers, None]}).hello()
    assert talk.codes("MAIL FROM:<a@b> SIZE=5") == [250]
    said = [f"RCPT TO:<r{number}@d>" for number in range(9)]
    assert talk.codes(*said, "DATA") == [550, 450, 552, 452, 556, 551, 550, 251, 250, 354]
    assert recipients(talk) == ["<r7@d>", "<r8@d>"]
    assert b"551 5.1.6 User not local; please try <u@d>\r\n" in talk.output


@rule("S-CMD-RCPT-12", "S-CMD-RCPT-13")
def test_recipients_are_kept_in_order_with_duplicates() -> None:
    talk = Talk({"RCPT": [None, NO, None, None]}).hello()
    said = [f"RCPT TO:<{name}@d>" for name in "abca"]
    assert talk.codes("MAIL FROM:<s@d>", *said) == [250, 250, 550, 250, 250]
    assert recipients(talk) == ["<a@d>", "<c@d>", "<a@d>"]


@rule("S-CMD-RCPT-14", "S-LIM-10", "B-LEG-08")
def test_too_many_recipients_are_452_and_the_earlier_stay() -> None:
    talk = Talk(limits=Limits(recipients=100)).hello()
    said = [f"RCPT TO:<r{number}@d>" for number in range(102)]
    assert talk.codes("MAIL FROM:<s@d>", *said) == [250] * 101 + [452, 452]
    assert talk("RCPT TO:<x@d>") == "452 4.5.3 Too many recipients"
    assert len(recipients(talk)) == 100
    assert talk.codes("DATA") == [354]


@rule("S-SEC-11")
def test_too_many_recipients_without_end_are_errors() -> None:
    """As many again are a long list, which is no offence; what comes then counts, each of it."""
    talk = Talk(limits=Limits(recipients=3, errors=5)).hello()
    assert talk.codes("MAIL FROM:<s@d>", *["RCPT TO:<a@d>"] * 11) == [250] * 4 + [452] * 8
    assert not talk.closed
    assert talk.codes("RCPT TO:<a@d>") == [452, 421]


def test_recipients_without_limit() -> None:
    talk = Talk(limits=Limits(recipients=None)).hello()
    assert talk.codes("MAIL FROM:<s@d>", *["RCPT TO:<a@d>"] * 1500) == [250] * 1501


@rule("S-CMD-RCPT-15")
def test_a_limit_of_the_site_may_be_5yz() -> None:
    talk = Talk({"RCPT": [None, NO], "DATA": replies.BAD_SEQUENCE}).hello()
    assert talk.codes("MAIL FROM:<s@d>", "RCPT TO:<a@d>", "RCPT TO:<b@d>", "DATA") == [250, 250, 550, 503]


# -- DATA before the text ----------------------------------------------------------------------------------------------


@rule("S-CMD-DATA-01", "LEN-46", "X-PIPELINING-14", "X-PIPELINING-15")
def test_data_needs_a_recipient() -> None:
    talk = Talk({"RCPT": NO}).hello()
    assert talk.codes("MAIL FROM:<s@d>") == [250]
    assert talk("DATA") == "503 5.5.1 Send RCPT first"
    assert talk.codes("RCPT TO:<a@d>") == [550]
    assert talk("DATA") == "554 5.5.1 No valid recipients"
    for refused, code in (("<>", 501), ("<\xe9@d>", 553)):
        talk = Talk().hello()
        assert talk.codes("MAIL FROM:<s@d>", f"RCPT TO:{refused}", "DATA") == [250, code, 554]
    assert Talk().hello().codes("MAIL FROM:<s@d>", "MAIL FROM:<s@d>", "DATA") == [250, 503, 503]


@rule("X-PIPELINING-14", "X-PIPELINING-21", "S-CMD-DATA-01")
def test_data_is_accepted_when_any_recipient_was() -> None:
    talk = Talk({"RCPT": [NO, None, NO]}).hello()
    said = ["MAIL FROM:<s@d>", *["RCPT TO:<a@d>"] * 3, "DATA"]
    assert talk.codes(*said) == [250, 550, 250, 550, 354]


@rule("X-PIPELINING-22", "S-DATA-17")
def test_after_a_refused_data_lines_are_commands() -> None:
    talk = Talk({"RCPT": NO}).hello()
    said = ["MAIL FROM:<s@d>", "RCPT TO:<a@d>", "DATA", "Subject: x", "", "."]
    assert talk.codes(*said, "QUIT") == [250, 550, 554, 500, 500, 500, 221]


# -- leniency ----------------------------------------------------------------------------------------------------------


@rule("LEN-01", "LEN-04", "LEN-07", "LEN-32", "S-GRAM-08", "LEN-13")
def test_small_deviations_are_taken_and_named() -> None:
    talk = Talk().hello()
    assert talk.codes("mAiL  fRoM: <a@b>  SIZE=1  BODY=7BIT \t", "RCPT TO: <c@d>", "DATA ") == [
        250,
        250,
        354,
    ]
    assert set(talk.all(Mail)[0].deviations) == {"extra_spaces", "space_after_colon"}
    assert talk.all(Rcpt)[0].deviations == ("space_after_colon",)
    strict = Talk(leniency=STRICT).hello()
    assert strict.codes("MAIL FROM: <a@b>", "MAIL  FROM:<a@b>", "MAIL FROM:<a@b>  SIZE=1") == [501] * 3


@rule("LEN-02", "LEN-05", "LEN-06", "B-GRAM-09", "B-GRAM-10")
def test_what_is_never_taken() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM :<a@b>", "NOOP\tx", " NOOP", "MAIL\tFROM:<a@b>") == [501, 500, 500, 501]


@rule("B-GRAM-01", "LEN-08", "S-GRAM-03")
def test_only_crlf_ends_a_command() -> None:
    talk = Talk()
    assert talk.feed(b"NOOP\n") == b""
    assert talk.codes(b"QUIT\r\n") == [500]
    assert talk.feed(b"NO") == b""
    assert talk.feed(b"OP\r") == b""
    assert talk.codes(b"\n") == [250]


# -- pipelining --------------------------------------------------------------------------------------------------------


@rule("X-PIPELINING-13", "X-PIPELINING-12", "X-PIPELINING-20")
def test_replies_of_a_group_leave_together() -> None:
    talk = Talk().hello()
    connection = talk.connection
    connection.receive_data(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nRSET\r\n")
    for event in connection.events():
        accept_all(connection, event)
    assert connection.data_to_send().split(b"\r\n") == [
        b"250 2.1.0 Sender OK",
        b"250 2.1.5 Recipient OK",
        b"250 2.1.5 Recipient OK",
        b"250 2.0.0 OK",
        b"",
    ]


@rule("X-PIPELINING-16")
@pytest.mark.parametrize(
    "line", ["EHLO x", "DATA", "VRFY a", "EXPN a", "QUIT", "NOOP", "FOO", "HELP", "TURN", "RSET x"]
)
def test_these_replies_are_not_held_back(line: str) -> None:
    talk = Talk().envelope()
    connection = talk.connection
    connection.receive_data(line.encode() + b"\r\nNOOP\r\nNOOP\r\n")
    for event in connection.events():
        accept_all(connection, event)
    assert connection.data_to_send().count(b"\r\n") == (10 if line == "EHLO x" else 3 if line == "HELP" else 1)


@rule("X-PIPELINING-17", "X-PIPELINING-18")
def test_a_partial_line_holds_nothing_back() -> None:
    talk = Talk().hello()
    assert talk.feed(b"MAIL FROM:<a@b>\r\nRCPT T") == b"250 2.1.0 Sender OK\r\n"


@rule("X-PIPELINING-19")
def test_errors_lose_no_input() -> None:
    assert Talk().hello().codes("BOGUS", "NOOP", "MAIL FROM:<", "RSET", "NOOP") == [500, 250, 501, 250, 250]


# -- security ----------------------------------------------------------------------------------------------------------


@rule("S-SEC-07", "LEN-52")
def test_no_octet_of_the_client_comes_back() -> None:
    talk = Talk().hello()
    for line in (b'RCPT TO:<"\x01mark"@d>', b"mark\x80 x", b"VRFY mark", b"MAIL FROM:<mark@d> MARK=1", b"EHLO mark!"):
        assert b"mark" not in talk.feed(line + b"\r\n").lower()


@rule("S-SEC-01")
def test_an_application_may_cut_a_harvester_off() -> None:
    talk = Talk({"RCPT": [*[replies.MAILBOX_UNAVAILABLE] * 3, GONE]}).hello()
    assert talk.codes("MAIL FROM:<s@d>", *["RCPT TO:<a@d>"] * 9) == [250, 550, 550, 550, 421]
    assert talk.closed


@rule("S-SES-39", "S-SES-06")
def test_nothing_is_said_before_the_decision() -> None:
    said: dict[str, str | bytes] = {"MAIL": "MAIL FROM:<a@b>", "RCPT": "RCPT TO:<c@d>", "DATA": "DATA", ".": b".\r\n"}
    for verb in said:
        talk = Talk().hello()
        for earlier in list(said)[: list(said).index(verb)]:
            talk.feed(said[earlier])
        talk.answers[verb] = leave
        with pytest.raises(LocalProtocolError, match="is waiting for an answer"):
            talk.feed(said[verb])
        assert talk.connection.data_to_send() == b""
        assert talk.step() is Step.DECIDE
