"""SMTPUTF8 (RFC 6531)."""

from __future__ import annotations

import pytest

from smtpcore import replies
from smtpcore.commands import Inquiry, Mail, Rcpt
from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.pipelining import Pipelining
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.smtputf8 import SmtpUtf8
from smtpcore.replies import Reply
from tests.extensions.plans import missing, plan
from tests.server_tools import NO, Decision, Talk

rule = pytest.mark.rule


def internationalised(**answers: Decision | list[Decision]) -> Talk:
    talk = Talk(answers, ask=["VRFY", "EXPN"]).hello()
    assert talk.codes("MAIL FROM:<\xe9@b\xfccher.example> SMTPUTF8") == [250]
    return talk


@rule("X-SMTPUTF8-01", "X-SMTPUTF8-02", "X-8BITMIME-13")
def test_the_offer() -> None:
    assert "SMTPUTF8" in Talk().keywords
    with pytest.raises(LocalProtocolError, match="SMTPUTF8 needs 8BITMIME as well"):
        ExtensionSet([SmtpUtf8()])


@rule("X-SMTPUTF8-03")
def test_the_parameter_stands_alone_in_mail() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<a@b> SMTPUTF8=1", "MAIL FROM:<a@b> SMTPUTF8") == [501, 250]
    assert talk.codes("RCPT TO:<a@b> SMTPUTF8") == [555]
    assert Talk(extensions=[Pipelining()]).hello().codes("MAIL FROM:<a@b> SMTPUTF8") == [555]


@rule("X-SMTPUTF8-08", "X-SMTPUTF8-09", "LEN-50", "X-SMTPUTF8-11")
def test_addresses_need_the_parameter() -> None:
    talk = Talk().hello()
    assert talk("MAIL FROM:<\xe9@x>") == "550 5.6.7 Non-ASCII sender address not permitted"
    assert talk.codes("MAIL FROM:<a@b> ORCPT=\xe9") == [555]
    assert talk.codes("MAIL FROM:<a@b>") == [250]
    assert talk("RCPT TO:<\xe9@x>") == "553 5.6.7 Non-ASCII recipient address not permitted"
    assert talk("RCPT TO:<x@y> ORCPT=utf-8;\xe9@x") == "553 5.6.7 Non-ASCII recipient address not permitted"
    assert talk.codes("RCPT TO:<c@d>") == [250]
    talk = internationalised()
    assert talk.codes('RCPT TO:<"\xe9 x"@b>', "RCPT TO:<x@b> ORCPT=utf-8;\xe9@x", "DATA") == [250, 250, 354]
    assert str(talk.all(Mail)[0].path) == "<\xe9@b\xfccher.example>"
    assert str(talk.all(Rcpt)[0].path) == '<"\xe9 x"@b>'


@rule("X-SMTPUTF8-08", "X-FW-32", "S-GRAM-11", "LEN-50")
def test_without_the_extension_addresses_are_ascii() -> None:
    talk = Talk(extensions=[EightBitMime()]).hello()
    assert talk.codes("MAIL FROM:<\xe9@x>", "MAIL FROM:<a@b>", "RCPT TO:<\xe9@x>", "NOOP") == [501, 250, 501, 250]


@rule("X-SMTPUTF8-12")
@pytest.mark.parametrize("octets", [b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"\xc3"])
def test_octets_are_utf_8(octets: bytes) -> None:
    talk = internationalised()
    assert talk.codes(b"RCPT TO:<" + octets + b"@x>\r\n") == [501]
    assert talk.codes("RSET", b"MAIL FROM:<" + octets + b"@x> SMTPUTF8\r\n") == [250, 501]


@rule("X-SMTPUTF8-09")
def test_a_mailbox_that_cannot_take_utf_8() -> None:
    assert internationalised(RCPT=replies.NON_ASCII_RECIPIENT)("RCPT TO:<c@d>").startswith("553 5.6.7 ")


@rule("X-SMTPUTF8-16", "X-SMTPUTF8-17")
def test_replies_are_ascii_but_for_251_and_551() -> None:
    moved, told = Reply(551, "Try <\xe9@x>", "5.1.6"), Reply(550, "\xe9 is unknown", "5.1.1")
    away = Reply(251, "Forwarding to <\xe9@x>", "2.1.5")
    talk = internationalised(RCPT=[moved, away, told])
    assert talk("RCPT TO:<c@d>") == "551 5.1.6 Try <\xe9@x>"
    assert talk("RCPT TO:<c@d>") == "251 2.1.5 Forwarding to <\xe9@x>"
    assert talk("RCPT TO:<c@d>") == "550 5.1.1 \\x{E9} is unknown"
    talk = Talk({"RCPT": [moved, away]}).hello()
    assert talk.codes("MAIL FROM:<a@b>") == [250]
    assert talk("RCPT TO:<c@d>") == "550 5.1.6 User not local"
    assert talk("RCPT TO:<c@d>") == "250 2.1.5 User not local; will forward"


@rule("X-SMTPUTF8-19", "X-SMTPUTF8-20", "X-SMTPUTF8-21")
def test_vrfy_and_expn_have_a_parameter_of_their_own() -> None:
    name = Reply(250, "R\xe9mi <\xe9@x>", "2.1.5")
    ambiguous = Reply(553, ("Ambiguous", "<\xe9@x>"), "5.1.4")
    talk = Talk({"VRFY": [name, name, ambiguous, ambiguous], "EXPN": name}, ask=["VRFY", "EXPN"]).hello()
    assert talk("VRFY remi SMTPUTF8") == "250 2.1.5 R\xe9mi <\xe9@x>"
    assert talk("VRFY remi").startswith("252 2.6.8 Cannot VRFY user")
    assert talk("VRFY remi SMTPUTF8") == "553-5.1.4 Ambiguous\n553 5.1.4 <\xe9@x>"
    assert talk("VRFY remi").startswith("550 5.6.8 ")
    assert talk("EXPN \xe9t\xe9 smtputf8") == "250 2.1.5 R\xe9mi <\xe9@x>"
    assert talk("EXPN list").startswith("252 2.6.8 ")
    assert talk.codes("VRFY SMTPUTF8", "VRFY \xe9") == [252, 501]
    texts = [(inquiry.text, "SMTPUTF8" in inquiry.params) for inquiry in talk.all(Inquiry)]
    assert texts[0] == ("remi", True)
    assert texts[-1] == ("SMTPUTF8", False)


@rule("X-SMTPUTF8-19")
def test_a_transaction_does_not_open_inquiries() -> None:
    talk = internationalised(VRFY=Reply(250, "<\xe9@x>", "2.1.5"))
    assert talk("VRFY x").startswith("252 2.6.8 ")
    assert talk("VRFY x SMTPUTF8") == "250 2.1.5 <\xe9@x>"


@rule("X-SMTPUTF8-15")
@pytest.mark.parametrize("name", ["b\xfccher.example", "a_b", "", "[IPv6:1", "a b", "-"])
def test_the_name_of_the_server_is_ascii(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="the server's name must be a domain or an address literal"):
        Talk(hostname=name)
    assert Talk(hostname="[192.0.2.1]").greeting == b"220 [192.0.2.1] ESMTP ready\r\n"


@rule("X-SMTPUTF8-22", "X-SMTPUTF8-23", "X-DSN-37")
@pytest.mark.parametrize("address", ["\xe9@x", "\\x{E9}@x"])
def test_values_of_parameters(address: str) -> None:
    talk = internationalised()
    assert talk.codes(f"RCPT TO:<x@b> ORCPT=utf-8;{address}", "RCPT TO:<x@b> NOTIFY=\xe9") == [250, 501]
    assert Talk().hello().codes("MAIL FROM:<a@b>", f"RCPT TO:<x@b> NOTIFY={address}") == [250, 501]


@rule("X-SMTPUTF8-24")
def test_the_name_of_the_protocol() -> None:
    talk = internationalised(MAIL=[None, NO])
    assert talk.connection.session.protocol(utf8=True) == "UTF8SMTP"


def test_what_a_client_says() -> None:
    both = (SmtpUtf8(), EightBitMime())
    offered = "SMTPUTF8|8BITMIME"
    assert plan(*both, offered=offered, sender="<\xe9@b>", eight_bit=False) == "MAIL FROM:<\xe9@b> SMTPUTF8"
    assert plan(*both, offered=offered, eight_bit=False) == "MAIL FROM:<a@b>"
    for less in ("8BITMIME", "SMTPUTF8", ""):
        assert missing(*both, offered=less, sender="<\xe9@b>", eight_bit=False) == "smtputf8-unavailable"
