"""Rows of the ledger about values: addresses, reply codes, the name of the protocol, what there is no command for."""

from __future__ import annotations

import string

import pytest

from smtpcore.addresses import AddressLiteral, Domain, Mailbox, ReversePath
from smtpcore.commands import Command, Hello, Mail, Rcpt
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.known import KNOWN
from smtpcore.leniency import LENIENT, STRICT
from smtpcore.replies import CODES, Reply
from smtpcore.session import Session
from tests.server_tools import NO, Talk

rule = pytest.mark.rule
ATEXT = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~")


@rule("B-GRAM-06")
def test_domains_are_equal_in_any_case_and_keep_their_spelling() -> None:
    assert Domain("EX.ORG") == Domain("ex.org")
    assert hash(Domain("EX.ORG")) == hash(Domain("ex.org"))
    assert Mailbox.parse("a@EX.org") == Mailbox.parse("a@ex.ORG")
    assert str(Mailbox.parse("a@EX.org")) == "a@EX.org"


@rule("B-GRAM-16", "B-ADDR-13")
@pytest.mark.parametrize("octet", range(256))
def test_which_octets_an_atom_may_hold(octet: int) -> None:
    talk = Talk().hello()
    line = b"MAIL FROM:<a" + bytes((octet,)) + b"b@c.example>\r\n"
    # A dot joins two atoms; CRLF comes in no line, and an LF alone ends none.
    good = octet < 128 and (chr(octet) in ATEXT or octet == ord("."))
    assert (talk.codes(line) == [250]) is good


@rule("B-GRAM-18")
def test_an_ldh_string_ends_in_a_letter_or_a_digit() -> None:
    assert AddressLiteral.parse("[a-1:x]", leniency=LENIENT).text == "[a-1:x]"
    for wrong in ("[a-:x]", "[-:x]", "[:x]"):
        with pytest.raises(SyntaxProblem):
            AddressLiteral.parse(wrong, leniency=LENIENT)


@rule("B-LEG-07", "B-ADDR-12", "B-ADDR-17")
def test_no_number_is_a_host() -> None:
    for text in ("u@#123", "u@[#123]", "u@a.[192.0.2.1]"):
        for leniency in (STRICT, LENIENT):
            with pytest.raises(SyntaxProblem):
                Mailbox.parse(text, leniency=leniency)


@rule("B-LEG-10", "S-RLY-18", "S-CMD-RCPT-06")
def test_routes_are_taken_and_not_passed_on() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<@one.example,@two.example:u@d.example>", "RCPT TO:<@x.example:v@e.example>") == [
        250,
        250,
    ]
    (mail,), (rcpt,) = talk.all(Mail), talk.all(Rcpt)
    assert mail.path == ReversePath.of("u@d.example")
    assert mail.to_bytes() == b"MAIL FROM:<u@d.example>\r\n"
    assert rcpt.to_bytes() == b"RCPT TO:<v@e.example>\r\n"


@rule("S-LIT-10")
def test_the_application_decides_about_literals() -> None:
    talk = Talk({"RCPT": [None, NO]}).envelope("own@[192.0.2.1]")
    assert talk.codes("RCPT TO:<u@[192.0.2.9]>") == [550]
    assert [str(rcpt.path) for rcpt in talk.all(Rcpt)] == ["<own@[192.0.2.1]>", "<u@[192.0.2.9]>"]


@rule("B-REP-22")
def test_the_second_digit_says_what_a_reply_is_about() -> None:
    expected = {"0": "syntax", "1": "information", "2": "connection", "3": "", "4": "", "5": "mail system"}
    for code in CODES:
        assert Reply(code, "x").category == expected[str(code)[1]]
    assert Reply.received(299, [b"x"]).category == ""


@rule("C-LEG-03")
def test_there_is_no_command_of_the_old_kind() -> None:
    classes = [Command]
    for each in classes:
        classes += each.__subclasses__()
    verbs = {str(each.verb) for each in classes}
    verbs |= {verb.name for extension in KNOWN for verb in extension.verbs}
    assert {"MAIL", "BDAT", "STARTTLS"} <= verbs
    assert not verbs & {"SEND", "SOML", "SAML", "TURN"}


@rule("S-TRC-10", "S-TRC-11", "S-LMTP-15", "X-STARTTLS-27", "X-SMTPUTF8-24")
@pytest.mark.parametrize(
    ("verb", "tls", "authenticated", "utf8", "name"),
    [
        ("HELO", False, False, False, "SMTP"),
        ("HELO", True, True, True, "SMTP"),
        ("EHLO", False, False, False, "ESMTP"),
        ("EHLO", False, True, False, "ESMTPA"),
        ("EHLO", True, False, False, "ESMTPS"),
        ("EHLO", True, True, False, "ESMTPSA"),
        ("EHLO", False, False, True, "UTF8SMTP"),
        ("EHLO", True, True, True, "UTF8SMTPSA"),
        ("LHLO", False, False, False, "LMTP"),
        ("LHLO", False, True, False, "LMTPA"),
        ("LHLO", True, False, False, "LMTPS"),
        ("LHLO", True, True, False, "LMTPSA"),
        ("LHLO", False, False, True, "UTF8LMTP"),
        ("LHLO", True, True, True, "UTF8LMTPSA"),
    ],
)
def test_the_name_of_the_protocol(verb: str, tls: bool, authenticated: bool, utf8: bool, name: str) -> None:
    session = Session(lmtp=verb == "LHLO", tls=tls)
    assert session.protocol(utf8=utf8) == "SMTP"  # nobody has said which it is
    session.hello = Hello(Domain("client.example"), verb)
    session.identity = "joe" if authenticated else None
    assert session.protocol(utf8=utf8) == name
