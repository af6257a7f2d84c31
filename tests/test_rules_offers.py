"""Rows of the ledger about what a server offers and answers, and what does not hang on it."""

from __future__ import annotations

from itertools import permutations
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore import replies
from smtpcore.client import ClientConnection
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Body
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.base import Extension
from smtpcore.extensions.deliverby import DeliverByExtension
from smtpcore.extensions.known import KNOWN, SERVER_EXTENSIONS
from smtpcore.extensions.limits import read_limits
from smtpcore.extensions.mtpriority import MtPriority
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.requiretls import RequireTls
from smtpcore.extensions.rrvs import Rrvs
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.replies import Reply
from smtpcore.settings import ServerSettings
from smtpcore.state import State
from tests.server_tools import HOST, NO, Talk, with_extensions

rule = pytest.mark.rule


class Private(Extension):
    """An extension by agreement between two sites."""

    keyword: ClassVar[str] = "XTAG"


class LowerPrivate(Extension):
    keyword: ClassVar[str] = "xother"


class Unregistered(Extension):
    keyword: ClassVar[str] = "FOO"


class Registered(Extension):
    """One that IANA took in after this release."""

    keyword: ClassVar[str] = "FOO"
    registered: ClassVar[bool] = True


# -- what is offered ---------------------------------------------------------------------------------------------------


@rule("S-EXT-05", "S-EXT-07", "B-EXT-08", "X-FW-10")
def test_private_keywords_begin_with_x() -> None:
    keywords = Talk(extensions=with_extensions(Private(), LowerPrivate(), Registered())).keywords
    assert {"XTAG", "xother", "FOO"} <= set(keywords)
    with pytest.raises(LocalProtocolError, match="begin a private keyword with X"):
        ExtensionSet([Unregistered()])
    assert not [each.keyword for each in KNOWN if each.keyword.startswith("X")]


#: A verb of each keyword, said badly and said well.
VERBS = {
    "AUTH": ["AUTH", "AUTH NONE", "AUTH PLAIN"],
    "CHUNKING": ["BDAT 0", "BDAT 0 LAST"],
    "EXPN": ["EXPN", "EXPN list"],
    "HELP": ["HELP", "HELP MAIL"],
    "STARTTLS": ["STARTTLS now", "STARTTLS"],
}


@rule("S-EXT-06", "X-FW-11", "S-EXT-04")
@pytest.mark.parametrize("keyword", VERBS)
def test_what_is_offered_is_implemented(keyword: str) -> None:
    extensions = with_extensions(StartTlsExtension(), AuthExtension(clear_text=True))
    answers = {"EXPN": Reply(250, "<a@mx.example.org>")}
    for line in VERBS[keyword]:
        talk = Talk(answers, extensions=extensions, ask=["EXPN"])
        assert keyword in [line.split()[0] for line in talk.keywords]
        assert talk.codes(line)[0] not in (500, 502)
    bare = Talk(extensions=[])
    assert keyword == "HELP" or keyword not in bare.keywords
    if keyword not in ("HELP", "CHUNKING"):  # an unknown BDAT closes, since octets may follow it
        assert bare.hello().codes(VERBS[keyword][-1])[0] in (500, 502)


@rule("S-SUB-04")
def test_a_submission_server() -> None:
    extensions = with_extensions(
        StartTlsExtension(), AuthExtension(required=True), DeliverByExtension(), MtPriority(), Rrvs(), RequireTls()
    )
    talk = Talk(extensions=extensions, tls=True)
    offered = {line.split()[0] for line in talk.keywords}
    assert {"AUTH", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN", "8BITMIME", "SIZE", "CHUNKING"} <= offered
    assert not offered & {"ETRN", "ATRN"}
    assert talk.codes("ETRN example.org", "ATRN", "MAIL FROM:<a@b>") == [502, 502, 530]


@rule("S-SUB-05", "S-RLY-02")
def test_refusals_of_a_submission_server_and_of_a_relay() -> None:
    improper = Reply(554, "Not like this", "5.7.0")
    for verb, lines in (("MAIL", ["MAIL FROM:<a@b>"]), ("DATA", ["MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA"])):
        assert Talk({verb: improper}).hello().codes(*lines)[-1] == 554
    talk = Talk({"RCPT": replies.POLICY}).hello()
    assert talk.replies("MAIL FROM:<a@b>", "RCPT TO:<a@elsewhere.example>")[1] == "550 5.7.1 Refused by policy"


@rule("S-SEC-03")
def test_the_software_is_told_when_the_site_wants_it() -> None:
    assert "smtpcore" not in Talk().greeting.decode().lower()
    settings = ServerSettings(HOST, greeting="ESMTP Mailer 1.0")
    assert Talk(settings=settings).greeting == b"220 mx.example.org ESMTP Mailer 1.0\r\n"


# -- what does not hang on the offer -----------------------------------------------------------------------------------


SCRIPT = (
    "EHLO client.example",
    "NOOP",
    "VRFY a",
    "MAIL FROM:<a@b>",
    "MAIL FROM:<a@b>",
    "RCPT TO:<no@b>",
    "RCPT TO:<c@d>",
    "RCPT TO:<>",
    "FROB",
    "DATA",
    "text\r\n.",
    "RSET",
    "DATA",
    "QUIT",
)


def conversation(extensions: tuple[Extension, ...] | ExtensionSet) -> list[str]:
    """The replies to the script, the list of EHLO left out."""
    talk = Talk({"RCPT": [NO, None]}, extensions=extensions)
    return [talk(line) if line != SCRIPT[0] else talk(line).split("\n")[0][4:] for line in SCRIPT]


@rule("X-ENHANCED-15")
def test_enhanced_codes_change_the_texts_and_nothing_else() -> None:
    without = tuple(each for each in SERVER_EXTENSIONS if each.keyword != "ENHANCEDSTATUSCODES")
    plain, enhanced = conversation(without), conversation(SERVER_EXTENSIONS)
    assert plain != enhanced
    for one, other in zip(plain, enhanced, strict=True):
        words = other.split(" ")
        if one != other:
            assert words[1].split(".")[0] == one[0]
            assert one == " ".join((words[0], *words[2:]))


ALL = with_extensions(
    StartTlsExtension(), AuthExtension(clear_text=True), DeliverByExtension(), MtPriority(), Rrvs(), RequireTls()
)
FULL = conversation(ALL)


@rule("X-MIX-18", "B-EXT-01")
@given(st.sets(st.sampled_from([each.keyword for each in ALL if each.keyword != "ENHANCEDSTATUSCODES"])))
def test_any_extension_can_be_left_out(removed: set[str]) -> None:
    needed = {"8BITMIME": {"SMTPUTF8"}, "CHUNKING": {"BINARYMIME"}}
    for keyword, dependants in needed.items():
        removed |= dependants if keyword in removed else set()
    kept = tuple(each for each in ALL if each.keyword not in removed)
    assert conversation(kept) == FULL
    talk = Talk(extensions=kept)
    offered = {line.split()[0] for line in talk.keywords}
    assert offered == {each.keyword for each in kept} - {"REQUIRETLS"} | {"HELP"}
    # BODY is of two extensions; a server that takes any octet does not mind 8-bit text.
    declared = {
        "SIZE=5": "SIZE", "BODY=8BITMIME": "8BITMIME BINARYMIME", "RET=FULL": "DSN", "BY=60;R": "DELIVERBY",
        "MT-PRIORITY=3": "MT-PRIORITY", "SMTPUTF8": "SMTPUTF8", "AUTH=<>": "AUTH",
    }  # fmt: skip
    for parameter, keywords in declared.items():
        wanted = 250 if offered.intersection(keywords.split()) else 555
        assert talk.codes(f"MAIL FROM:<a@b> {parameter}", "RSET") == [wanted, 250]


# -- the order ---------------------------------------------------------------------------------------------------------


@rule("LEN-21")
def test_mail_before_ehlo() -> None:
    assert Talk().codes("MAIL FROM:<a@b>", "EHLO x", "MAIL FROM:<a@b>") == [503, 250, 250]


@rule("LEN-22")
def test_a_second_mail() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<one@b>", "MAIL FROM:<two@b>", "RCPT TO:<c@d>") == [250, 503, 250]
    envelope = talk.connection.session.envelope
    assert envelope is not None
    assert str(envelope.mail.path) == "<one@b>"


@rule("LEN-58", "S-SES-30", "X-PIPELINING-23")
def test_a_client_that_does_not_wait() -> None:
    talk = Talk(early=b"EHLO client.example\r\n")
    assert talk.greeting == b"554 Client sent before its turn\r\n"
    assert talk.error == "RemoteProtocolError: the client spoke before the greeting"
    assert Talk(early=b"NOOP\r\n", early_talk=True).greeting.startswith(b"220 ")
    assert Talk().codes("EHLO client.example", "NOOP") == [250, 250]


@rule("S-SEC-04", "S-RLY-01")
@pytest.mark.parametrize("order", list(permutations(("To: x@y", "Bcc: hidden@z", "Received: junk", "X: \xe9"))))
def test_a_text_arrives_as_it_was_sent_whoever_gets_it(order: tuple[str, ...]) -> None:
    text = "\r\n".join((*order, "", "Body", "")).encode("latin-1")
    talk = Talk().data("one@mx.example.org", "two@mx.example.org")
    talk.feed(text + b".\r\n")
    assert b"".join(event.data for event in talk.all(Body)) == text


# -- what a client remembers -------------------------------------------------------------------------------------------


@rule("X-LIMITS-01", "X-LIMITS-02")
@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("MAILMAX=10 FOO=a=b RCPTMAX=100", {"MAILMAX": 10, "RCPTMAX": 100}),
        ("mailmax=10 Foo=7", {"MAILMAX": 10, "FOO": 7}),
        ("RCPTMAX=abc MAILMAX=5", {"MAILMAX": 5}),
        ("RCPTMAX=0 MAILMAX=0100 RCPTDOMAINMAX=1000000", {}),
        ("a b=", {}),
        ("", {}),
    ],
)
def test_limits_as_they_are_read(line: str, limits: dict[str, int]) -> None:
    assert read_limits(line.split()) == limits


@rule("X-LIMITS-08")
def test_a_new_connection_knows_nothing() -> None:
    def greeted() -> ClientConnection:
        conn = ClientConnection("client.example")
        conn.receive_data(b"220 mx.example.org\r\n")
        assert len(list(conn.events())) == 1
        assert conn.data_to_send() == b"EHLO client.example\r\n"
        return conn

    conn = greeted()
    conn.receive_data(b"250-mx.example.org\r\n250 LIMITS RCPTMAX=2\r\n")
    assert len(list(conn.events())) == 1
    assert conn.capabilities["LIMITS"] == ("RCPTMAX=2",)
    assert conn.state is State.READY
    assert "LIMITS" not in greeted().capabilities
