"""Rows of the ledger about what a client plans, sends, and makes of the replies."""

from __future__ import annotations

import math

import pytest

from smtpcore.addresses import NULL_PATH, Domain
from smtpcore.client import ClientConnection
from smtpcore.commands import Hello, Mail, Rcpt, Reset
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.events import Step
from smtpcore.extensions.binarymime import BinaryMime
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.deliverby import DeliverByExtension
from smtpcore.extensions.dsn import ORCPT, OriginalRecipient
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.futurerelease import FutureRelease
from smtpcore.extensions.mtpriority import MtPriority
from smtpcore.extensions.requiretls import RequireTls
from smtpcore.extensions.smtputf8 import SmtpUtf8
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.parameters import Parameters
from smtpcore.report import Outcome
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.server import ServerConnection, accept_all
from smtpcore.state import State
from tests.extensions.plans import missing, plan
from tests.scripted import ScriptedServer, converse
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
TEXT = b"Subject: x\r\n\r\nhi\r\n"
MESSAGE = Message("a@client.example", ("b@mx.example.com", "c@mx.example.com"), TEXT)
EVERYTHING = (
    "PIPELINING,SIZE 1000000,8BITMIME,SMTPUTF8,CHUNKING,BINARYMIME,DSN,ENHANCEDSTATUSCODES,AUTH PLAIN,REQUIRETLS,"
    "LIMITS RCPTMAX=100,DELIVERBY 240,MT-PRIORITY MIXER,FUTURERELEASE 86400 2030-01-01T00:00:00Z,RRVS"
)


def deliver(server: ScriptedServer, *messages: Message, **options: object) -> Delivery:
    conn = ClientConnection("client.example", lmtp=server.lmtp)
    delivery = Delivery(conn, messages or [MESSAGE], **options)  # type: ignore[arg-type]
    converse(conn, server, delivery.handle)
    return delivery


# -- the session -------------------------------------------------------------------------------------------------------


@rule("X-FW-06")
def test_rset_between_ehlo_and_helo() -> None:
    conn = ClientConnection("client.example", greet=False)
    name = Domain("client.example")
    commands = iter((Hello(name), Reset(), Hello(name, "HELO"), Mail(NULL_PATH)))
    for said in ("220 mx.example.org", "500 What?", "503 What?", "250 mx.example.org"):
        conn.receive_data(said.encode() + b"\r\n")
        assert len(list(conn.events())) == 1
        command = next(commands)
        conn.send(command)
        assert conn.data_to_send() == command.to_bytes()
    assert conn.state is State.READY


@rule("B-LEG-09", "LEN-62", "C-REP-28")
@pytest.mark.parametrize(
    ("greeting", "outcome", "permanent"),
    [
        ("421 mx.example.com busy", Outcome.RETRY, False),
        ("450 later", Outcome.RETRY, False),
        ("521 never", Outcome.REFUSED, True),
        ("554 no", Outcome.REFUSED, True),
    ],
)
def test_a_greeting_that_refuses(greeting: str, outcome: Outcome, permanent: bool) -> None:
    server = ScriptedServer({"connect": [greeting]})
    (report,) = deliver(server).reports
    assert [result.outcome for result in report] == [outcome] * 2
    assert report.permanent is permanent
    assert report.reply is not None
    assert str(report.reply.code) == greeting[:3]
    assert server.lines in ([], ["QUIT"])
    if permanent:
        assert report.error == "greeting-rejected"
        assert server.lines == ["QUIT"]


@rule("LEN-60", "C-CMD-DATA-03")
@pytest.mark.parametrize("go", ["354 go", "399 go", "300 go"])
def test_any_3yz_lets_the_text_go(go: str) -> None:
    server = ScriptedServer({"DATA": [go]})
    (report,) = deliver(server).reports
    assert report.complete
    assert server.texts == [TEXT]


@rule("LEN-61", "C-CMD-RCPT-16")
def test_552_to_rcpt_is_for_later() -> None:
    server = ScriptedServer({"RCPT": ["552 Too many", "552 5.3.4 Too big"]}, offers="ENHANCEDSTATUSCODES")
    (report,) = deliver(server).reports
    assert [result.outcome for result in report] == [Outcome.RETRY, Outcome.REFUSED]


@rule("B-RTY-10")
def test_no_wait_of_either_end_is_without_end() -> None:
    """Whenever an end waits for the other it can say how long."""
    client = ClientConnection("client.example", pipelining=False)
    server = ServerConnection("mx.example.org", extensions=with_extensions(StartTlsExtension()))
    delivery = Delivery(client, [MESSAGE], tls="required", chunking=False)
    seen: dict[str, set[State]] = {"client": set(), "server": set()}

    def wait(name: str, end: ClientConnection | ServerConnection) -> None:
        if end.next_step in (Step.RECEIVE, Step.START_TLS):
            seen[name].add(end.state)
            assert end.tick(0.0) < math.inf

    while client.next_step is not Step.CLOSE:
        for event in server.events():
            accept_all(server, event)
        for octet in server.data_to_send():
            wait("server", server)
            wait("client", client)
            client.receive_data(bytes((octet,)))
            for news in client.events():
                delivery.handle(news)
        if client.next_step is Step.START_TLS:
            wait("client", client)
            wait("server", server)
            server.tls_started()
            client.tls_started()
        for octet in client.data_to_send():
            wait("client", client)
            server.receive_data(bytes((octet,)))
            for event in server.events():
                accept_all(server, event)
            wait("server", server)
    assert delivery.reports[0].complete
    assert seen["server"] >= {State.FRESH, State.READY, State.MAIL, State.RCPT, State.DATA, State.TLS}
    assert seen["client"] >= {State.CONNECTED, State.FRESH, State.READY, State.MAIL, State.RCPT, State.DATA, State.TLS}


# -- replies -----------------------------------------------------------------------------------------------------------


@rule("X-AUTH-10")
def test_a_challenge_without_its_space() -> None:
    server = ScriptedServer({"AUTH": ["334"], "AGFS": ["235 Welcome"]}, offers="AUTH PLAIN")
    login = Login(ClientCredentials("alice", "s3cret"), clear_text=True, initial_response=False)
    assert deliver(server, login=login).reports[0].complete
    assert server.lines[1:3] == ["AUTH PLAIN", "AGFsaWNlAHMzY3JldA=="]


@rule("X-XOAUTH2-05")
def test_a_token_may_be_refused_at_once() -> None:
    server = ScriptedServer({"AUTH": ["535 Bad token"]}, offers="AUTH XOAUTH2")
    login = Login(ClientCredentials("alice", token="t0ken"), clear_text=True)
    (report,) = deliver(server, login=login).reports
    assert report.error == "auth-failed"
    assert [line.split()[0] for line in server.lines] == ["EHLO", "AUTH", "QUIT"]


@rule("X-SMTPUTF8-18")
@pytest.mark.parametrize(
    ("octets", "text"), [(b"caf\xc3\xa9", "caf\xe9"), (b"\xff ok", "\\xff ok"), (b"\xed\xa0\x80", "\\xed\\xa0\\x80")]
)
def test_octets_of_a_reply_are_text_or_are_shown(octets: bytes, text: str) -> None:
    conn = ClientConnection("client.example")
    conn.receive_data(b"220 mx.example.org " + octets + b"\r\n")
    (greeting,) = conn.events()
    assert greeting.reply.lines == (f"mx.example.org {text}",)  # type: ignore[union-attr]
    assert greeting.reply.octets == (b"mx.example.org " + octets,)  # type: ignore[union-attr]
    assert conn.state is State.FRESH


# -- what a message needs ----------------------------------------------------------------------------------------------


@rule("X-DSN-13")
def test_the_original_recipient_is_the_recipient() -> None:
    assert ORCPT(OriginalRecipient("a+b@c.d")) == ("ORCPT", "rfc822;a+2Bb@c.d")


@rule("X-DSN-26", "X-DSN-04")
def test_a_relay_passes_the_parameters_on_as_they_came() -> None:
    mail_line = "MAIL FROM:<a@b> ENVID=+41 RET=hdrs"
    rcpt_lines = [
        "RCPT TO:<c@d> ORCPT=Rfc822;C@d NOTIFY=Success,FAILURE",
        "RCPT TO:<e@f>",
        "RCPT TO:<g@h> NOTIFY=never",
    ]
    talk = Talk().hello()
    assert talk.codes(mail_line, *rcpt_lines) == [250] * 4
    (mail,) = talk.all(Mail)
    server = ScriptedServer(offers="DSN")
    message = Message(mail.path, tuple(talk.all(Rcpt)), TEXT, params=mail.params)
    assert deliver(server, message).reports[0].complete
    assert server.lines[1:5] == [mail_line, *rcpt_lines]


@rule("X-RRVS-07")
def test_nothing_is_asked_that_was_not_wanted() -> None:
    server = ScriptedServer(offers=EVERYTHING)
    assert deliver(server).reports[0].complete
    assert server.lines[1:4] == [
        f"MAIL FROM:<a@client.example> SIZE={len(TEXT)}",
        "RCPT TO:<b@mx.example.com>",
        "RCPT TO:<c@mx.example.com>",
    ]


@rule("X-BINARYMIME-11", "X-SMTPUTF8-26")
def test_binary_content_with_an_internationalised_address() -> None:
    extensions = (EightBitMime(), SmtpUtf8(), Chunking(), BinaryMime())
    offered = "8BITMIME|SMTPUTF8|CHUNKING|BINARYMIME"
    line = plan(*extensions, offered=offered, sender="<\xe9@b>", binary=True)
    assert sorted(line.split()[2:]) == ["BODY=BINARYMIME", "SMTPUTF8"]
    assert Talk().hello().codes(line) == [250]


@rule("X-DELIVERBY-01", "X-DELIVERBY-09")
@pytest.mark.parametrize(
    ("offer", "least"),
    [("", None), (" 240", 240), (" 30,X-FOO=1", 30), (" ,X", None), (" soon", None), (" 60 more", 60)],
)
def test_the_least_time_of_a_server(offer: str, least: int | None) -> None:
    extension, offered = DeliverByExtension(), f"DELIVERBY{offer}"
    for seconds in (1, 29, 30, 59, 60, 239, 240):
        assert plan(extension, offered=offered, params=(("BY", f"{seconds};N"),)).endswith(f" BY={seconds};N")
        by = (("BY", f"{seconds};R"),)
        if least is None or seconds >= least:
            assert plan(extension, offered=offered, params=by) == f"MAIL FROM:<a@b> BY={seconds};R"
        else:
            assert missing(extension, offered=offered, params=by) == "deliverby-unavailable"
    assert missing(extension, params=(("BY", "60;R"),)) == "deliverby-unavailable"
    assert plan(extension, offered=offered) == "MAIL FROM:<a@b>"


@rule("X-FUTURERELEASE-03", "X-FUTURERELEASE-08")
@pytest.mark.parametrize(
    ("offer", "good"),
    [
        ("86400 2030-01-01T00:00:00Z", "60 86400 2029-12-31T23:59:59Z 2030-01-01T00:00:00Z"),
        ("60 2029-12-31T23:59:59Z", "60 2029-12-31T23:59:59Z"),
        ("86400", ""),
        ("2030-01-01T00:00:00Z 86400", ""),
        ("0 2030-01-01T00:00:00Z", ""),
        ("86400 2030-01-01", ""),
        ("", ""),
    ],
)
def test_a_message_is_held_as_long_as_the_server_offers(offer: str, good: str) -> None:
    extension, offered = FutureRelease(999_999_999, "9999-12-31T23:59:59Z"), f"FUTURERELEASE {offer}"
    for value in "60 86400 86401 2029-12-31T23:59:59Z 2030-01-01T00:00:00Z 2030-01-01T00:00:01Z".split():
        keyword = "HOLDUNTIL" if "T" in value else "HOLDFOR"
        if value in good.split():
            assert plan(extension, offered=offered, params=((keyword, value),)) == f"MAIL FROM:<a@b> {keyword}={value}"
        else:
            assert missing(extension, offered=offered, params=((keyword, value),)) == "futurerelease-unavailable"
    assert plan(extension, offered=offered, params=(("HOLDFOR", "soon"),)) == "MAIL FROM:<a@b> HOLDFOR=soon"
    assert plan(extension, offered=offered) == "MAIL FROM:<a@b>"


@rule("X-FUTURERELEASE-08", "X-FUTURERELEASE-10")
def test_no_notification_is_held_and_nothing_twice() -> None:
    extension, offered = FutureRelease(60, "2030-01-01T00:00:00Z"), "FUTURERELEASE 60 2030-01-01T00:00:00Z"
    both = (("HOLDFOR", "60"), ("HOLDUNTIL", "2030-01-01T00:00:00Z"))
    assert missing(extension, offered=offered, params=both) == "futurerelease-unavailable"
    for params in (both[:1], both[1:]):
        assert missing(extension, offered=offered, params=params, sender="<>") == "futurerelease-unavailable"
        assert plan(extension, offered=offered, params=params) != ""
    assert missing(extension, params=both[:1]) == "futurerelease-unavailable"


@rule("X-MTPRIORITY-03")
@pytest.mark.parametrize("profile", ["", " MIXER", " NOBODY-KNOWS-IT"])
def test_the_profile_does_not_matter(profile: str) -> None:
    wanted = (("MT-PRIORITY", "3"),)
    assert plan(MtPriority(), offered=f"MT-PRIORITY{profile}", params=wanted) == "MAIL FROM:<a@b> MT-PRIORITY=3"
    assert f"MT-PRIORITY{profile}" in Talk(extensions=with_extensions(MtPriority(profile.strip()))).keywords


@rule("X-REQUIRETLS-05")
def test_a_message_that_needs_tls_is_not_sent_and_others_are() -> None:
    server = ScriptedServer(offers="8BITMIME")
    private = Message("a@client.example", ("b@mx.example.com",), TEXT, params=Parameters((("REQUIRETLS", None),)))
    first, second = deliver(server, private, MESSAGE).reports
    assert first.error == "requiretls-unavailable"
    assert first.permanent
    assert second.complete
    assert [line.split()[0] for line in server.lines] == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]


@rule("X-REQUIRETLS-09")
def test_a_notification_is_not_lost_for_want_of_tls() -> None:
    wanted = (("REQUIRETLS", None),)
    for offered, verified in (("", False), ("", True), ("REQUIRETLS", False)):
        assert plan(RequireTls(), offered=offered, params=wanted, sender="<>", tls_verified=verified) == "MAIL FROM:<>"
    line = plan(RequireTls(), offered="REQUIRETLS", params=wanted, sender="<>", tls_verified=True)
    assert line == "MAIL FROM:<> REQUIRETLS"
    (report,) = deliver(ScriptedServer(), Message("", ("b@mx.example.com",), TEXT, params=Parameters(wanted))).reports
    assert report.complete
    assert report.dropped == ("REQUIRETLS",)


# -- what is held ------------------------------------------------------------------------------------------------------


def test_what_an_end_holds_is_counted() -> None:
    client = ClientConnection("client.example")
    client.receive_data(b"220-one\r\n220-tw")
    assert client.held == 15
    assert list(client.events()) == []
    assert client.held == 15  # nine of them are a line of a reply that is not whole
    client.receive_data(b"o\r\n220 three\r\n")
    assert len(list(client.events())) == 1
    assert client.held == 0
    talk = Talk()
    talk.feed(b"NOOP and so")
    assert talk.connection.held == 11
