"""A whole session: TLS and login by policy, several messages in flight, limits of the server, one report each."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.client import ClientConnection
from smtpcore.commands import Inquiry, Noop
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.events import ClientEvent, Closed, Response, SendBody
from smtpcore.extensions.auth import Auth
from smtpcore.extensions.known import KNOWN
from smtpcore.parameters import Parameters
from smtpcore.report import Outcome, Report
from smtpcore.sasl.credentials import ClientCredentials
from tests.scripted import HANG_UP, ScriptedServer, converse

TEXT = b"Subject: x\r\n\r\nhi\r\n"
MESSAGE = Message("a@client.example", ("b@mx.example.com", "c@mx.example.com"), TEXT)
ALICE = ClientCredentials("alice", "s3cret")
Say = dict[str, list[str]]


def run(
    says: Say | None = None,
    *messages: Message,
    offers: str = "",
    lmtp: bool = False,
    connection: dict[str, object] | None = None,
    verified: bool = True,
    pieces: bool = False,
    **options: object,
) -> tuple[Delivery, ScriptedServer, ClientConnection]:
    server = ScriptedServer(says, offers=offers, lmtp=lmtp)
    conn = ClientConnection("client.example", lmtp=lmtp, **(connection or {}))  # type: ignore[arg-type]
    delivery = Delivery(conn, messages or (MESSAGE,), **options)  # type: ignore[arg-type]

    def handle(event: ClientEvent) -> None:
        delivery.handle(event)
        if pieces and isinstance(event, SendBody):
            assert delivery.current is not None
            conn.end_body(TEXT)
            assert delivery.current is None

    events = converse(conn, server, handle, verified=verified)
    assert isinstance(events[-1], Closed)
    assert delivery.done
    return delivery, server, conn


def only(delivery: Delivery) -> Report:
    (report,) = delivery.reports
    return report


def verbs(server: ScriptedServer) -> list[str]:
    return [line.partition(" ")[0] for line in server.lines]


# --- messages --------------------------------------------------------------------------------------------------------


def test_one_message_and_quit() -> None:
    delivery, server, _ = run()
    assert only(delivery).complete
    assert verbs(server) == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]
    assert server.texts == [TEXT]


def test_no_message_is_a_greeting_and_quit() -> None:
    conn = ClientConnection("client.example")
    delivery = Delivery(conn, [])
    server = ScriptedServer()
    converse(conn, server, delivery.handle)
    assert verbs(server) == ["EHLO", "QUIT"]
    assert delivery.reports == ()


@pytest.mark.rule("X-PIPELINING-03")
@pytest.mark.parametrize(
    ("offers", "one_flight", "turns"),
    [
        ("", False, 1 + 10 * 5 + 1),
        ("PIPELINING", False, 1 + 1 + 10),
        ("PIPELINING,CHUNKING", True, 1 + 10 + 1),
    ],
)
def test_the_next_message_follows_behind_the_end_of_the_last(offers: str, one_flight: bool, turns: int) -> None:
    """With PIPELINING one turn for each message, and QUIT goes along with the last text."""
    messages = [MESSAGE] * 10
    delivery, server, _ = run(None, *messages, offers=offers, one_flight=one_flight)
    assert all(report.complete for report in delivery.reports)
    assert server.texts == [TEXT] * 10
    assert server.turns == turns


@pytest.mark.parametrize("offers", ["", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"])
@pytest.mark.parametrize("one_flight", [True, False])
def test_messages_that_fail_do_not_disturb_the_others(offers: str, one_flight: bool) -> None:
    good = Message("a@client.example", ("b@mx.example.com",), TEXT)
    says = {"MAIL": ["250 ok", "451 no", "250 ok"], ".": ["250 one", "550 two", "250 three"]}
    delivery, server, _ = run(says, *[good] * 4, offers=offers, one_flight=one_flight)
    errors = [report.error for report in delivery.reports]
    if one_flight and "PIPELINING,CHUNKING" in offers:
        # The script does not look at the state: the second content is answered although its MAIL was refused.
        assert errors == ["", "mail-rejected", "", ""]
    else:
        assert errors[:2] == ["", "mail-rejected"]
        assert errors.count("message-rejected") <= 1
    assert verbs(server)[-1] == "QUIT"


def test_a_message_that_cannot_be_sent_there_is_left_out() -> None:
    eight_bit = Message("a@client.example", ("b@mx.example.com",), b"\r\n\xe9\r\n")
    bad = Message("a@client.example", ("b@mx.example.com",), b"a\nb\r\n")
    delivery, server, _ = run(None, eight_bit, bad, MESSAGE)
    assert [report.error for report in delivery.reports] == ["8bitmime-unavailable", "invalid-argument", ""]
    assert server.texts == [TEXT]


@pytest.mark.rule("X-REQUIRETLS-05")
def test_what_wants_requiretls_waits_for_another_server_and_the_rest_is_sent() -> None:
    tagged = Message("a@client.example", ("b@mx.example.com",), TEXT, params=Parameters((("REQUIRETLS", None),)))
    delivery, server, _ = run(None, tagged, MESSAGE)
    assert [report.error for report in delivery.reports] == ["requiretls-unavailable", ""]
    assert server.lines[-1] == "QUIT"


def test_the_driver_sends_the_texts() -> None:
    message = Message("a@client.example", ("b@mx.example.com",), size=len(TEXT), eight_bit=False)
    for offers in ("", "PIPELINING", "PIPELINING,CHUNKING"):
        delivery, server, _ = run(None, message, message, offers=offers, pieces=True)
        assert all(report.complete for report in delivery.reports)
        assert server.texts == [TEXT, TEXT]


@pytest.mark.rule("X-BINARYMIME-11")
def test_the_options_of_a_message() -> None:
    message = Message(
        "a@client.example",
        ("b@mx.example.com",),
        b"\n\0",
        binary=True,
        utf8=True,
        params=Parameters((("ENVID", "x"),)),
    )
    _, server, _ = run(None, message, offers="BINARYMIME,CHUNKING,SMTPUTF8,8BITMIME,DSN")
    assert set(server.lines[1].split()[2:]) == {"ENVID=x", "BODY=BINARYMIME", "SMTPUTF8"}
    _, server, _ = run(offers="CHUNKING", chunk_size=10)
    assert [line for line in server.lines if line.startswith("BDAT")] == ["BDAT 10", "BDAT 8 LAST"]
    _, server, _ = run(offers="CHUNKING", chunking=False)
    assert "DATA" in server.lines


def test_what_nobody_can_send_is_refused_at_once() -> None:
    conn = ClientConnection("client.example")
    with pytest.raises(SyntaxProblem):
        Delivery(conn, [Message("a@client.example", ("x\r\n@y",))])
    with pytest.raises(LocalProtocolError, match="tls is"):
        Delivery(conn, [], tls="maybe")  # type: ignore[arg-type]


def test_commands_before_the_messages() -> None:
    _, server, _ = run(commands=[Noop(), Inquiry("b", "VRFY")])
    assert verbs(server) == ["EHLO", "NOOP", "VRFY", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]
    delivery, server, _ = run(commands=[Noop._make("x\r\nMAIL")])
    assert only(delivery).error == "invalid-argument"
    assert verbs(server) == ["EHLO", "QUIT"]


def test_lmtp() -> None:
    delivery, server, _ = run({".": ["250 a", "452 b"]}, lmtp=True, offers="PIPELINING")
    assert [result.outcome for result in only(delivery)] == [Outcome.DELIVERED, Outcome.RETRY]
    assert verbs(server)[0] == "LHLO"


# --- the session fails -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "error", "sent"),
    [
        ({"connect": ["554 no"]}, "greeting-rejected", ["QUIT"]),
        ({"connect": ["421 no"]}, "greeting-rejected", []),
        ({"connect": [HANG_UP]}, "connection-lost", []),
        ({"EHLO": ["550 no"]}, "helo-rejected", ["EHLO", "QUIT"]),
        ({"EHLO": ["500 no"], "HELO": ["550 no"]}, "helo-rejected", ["EHLO", "HELO", "QUIT"]),
        ({"EHLO": [HANG_UP]}, "connection-lost", ["EHLO"]),
        ({"MAIL": [HANG_UP]}, "connection-lost", ["EHLO", "MAIL"]),
        ({"MAIL": ["421 bye"]}, "service-closing", ["EHLO", "MAIL"]),
        ({"EHLO": ["what"]}, "protocol-error", ["EHLO"]),
    ],
)
def test_every_message_of_a_session_that_fails_has_its_report(says: Say, error: str, sent: list[str]) -> None:
    delivery, server, _ = run(says, MESSAGE, MESSAGE, MESSAGE)
    wanted = "service-closing" if says.get("connect") == ["421 no"] else error
    assert [report.error for report in delivery.reports] == [wanted] * 3
    assert verbs(server) == sent
    assert not any(report.delivered for report in delivery.reports)


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("X-STARTTLS-19", "X-STARTTLS-20")
@pytest.mark.parametrize(
    ("tls", "offers", "answer", "error", "sent"),
    [
        ("none", "STARTTLS", "", "", ["EHLO", "MAIL"]),
        ("opportunistic", "STARTTLS", "", "", ["EHLO", "STARTTLS", "EHLO", "MAIL"]),
        ("opportunistic", "", "", "", ["EHLO", "MAIL"]),
        ("opportunistic", "STARTTLS", "454 not now", "", ["EHLO", "STARTTLS", "MAIL"]),
        ("required", "STARTTLS", "", "", ["EHLO", "STARTTLS", "EHLO", "MAIL"]),
        ("required", "", "", "starttls-unavailable", ["EHLO", "QUIT"]),
        ("required", "STARTTLS", "454 not now", "starttls-refused", ["EHLO", "STARTTLS", "QUIT"]),
        ("required", "STARTTLS", "250 ok", "protocol-error", ["EHLO", "STARTTLS"]),
    ],
)
def test_tls_by_policy(tls: str, offers: str, answer: str, error: str, sent: list[str]) -> None:
    delivery, server, _ = run({"STAR": [answer]}, offers=offers, tls=tls)
    assert only(delivery).error == error
    assert verbs(server)[: len(sent)] == sent
    assert server.tls is ("STARTTLS" in sent and not answer)
    if error == "starttls-refused":
        assert only(delivery).permanent is False


def test_tls_that_is_there_already_is_not_asked_for() -> None:
    delivery, server, _ = run(tls="required", offers="STARTTLS", connection={"tls": True})
    assert only(delivery).complete
    assert "STARTTLS" not in server.lines
    delivery, server, _ = run(tls="required", offers="STARTTLS", connection={"extensions": ()})
    assert only(delivery).error == "starttls-unavailable"


# --- login -----------------------------------------------------------------------------------------------------------


def plain(user: str = "alice", password: str = "s3cret") -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


@pytest.mark.rule("X-AUTH-34", "X-AUTH-12", "X-AUTH-33")
def test_login_under_verified_tls() -> None:
    delivery, server, conn = run(offers="STARTTLS,AUTH PLAIN LOGIN", tls="required", login=Login(ALICE))
    assert only(delivery).complete
    assert verbs(server)[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]
    assert server.lines[3] == f"AUTH PLAIN {plain()}"
    assert conn.session.identity == ""
    delivery, server, _ = run(offers="STARTTLS,AUTH PLAIN LOGIN", tls="required", login=Login(ALICE), verified=False)
    assert only(delivery).error == "auth-unavailable"
    assert "AUTH" not in verbs(server)


@pytest.mark.rule("X-AUTH-34")
def test_credentials_do_not_go_out_in_the_clear_unless_allowed() -> None:
    delivery, server, _ = run(offers="AUTH PLAIN LOGIN", login=Login(ALICE))
    assert only(delivery).error == "auth-unavailable"
    assert only(delivery).permanent is False
    assert verbs(server) == ["EHLO", "QUIT"]
    delivery, server, _ = run(offers="AUTH PLAIN LOGIN", login=Login(ALICE, clear_text=True))
    assert only(delivery).complete


def test_no_mail_without_the_login() -> None:
    nothing: dict[str, object] = {"extensions": ()}
    for offers, connection in (("", None), ("AUTH GSSAPI", None), ("AUTH PLAIN", nothing)):
        delivery, server, _ = run(offers=offers, login=Login(ALICE, clear_text=True), connection=connection)
        assert only(delivery).error == "auth-unavailable"
        assert verbs(server) == ["EHLO", "QUIT"]


@pytest.mark.rule("X-AUTH-35", "X-AUTH-29")
@pytest.mark.parametrize(("answer", "outcome"), [("535 no", Outcome.REFUSED), ("454 later", Outcome.RETRY)])
def test_login_refused(answer: str, outcome: Outcome) -> None:
    delivery, server, _ = run({"AUTH": [answer]}, offers="AUTH PLAIN LOGIN", login=Login(ALICE, clear_text=True))
    report = only(delivery)
    assert report.error == "auth-failed"
    assert report.reply is not None
    assert [result.outcome for result in report] == [outcome] * 2
    assert verbs(server) == ["EHLO", "AUTH", "QUIT"]
    assert "s3cret" not in repr(delivery.reports) + repr(Login(ALICE))


def test_the_next_mechanism_is_tried_where_one_is_not_known() -> None:
    says = {"AUTH": ["504 what", "535 no"]}
    delivery, server, _ = run(says, offers="AUTH PLAIN CRAM-MD5", login=Login(ALICE, clear_text=True))
    assert [line.split()[1] for line in server.lines if line.startswith("AUTH")] == ["PLAIN", "CRAM-MD5"]
    assert only(delivery).error == "auth-failed"


def test_mechanisms_may_be_chosen() -> None:
    login = Login(ALICE, mechanisms=("PLAIN",), clear_text=True, initial_response=False)
    server = ScriptedServer({"AUTH": ["334 "]}, offers="AUTH SCRAM-SHA-256 LOGIN PLAIN")
    conn = ClientConnection("client.example")
    delivery = Delivery(conn, [MESSAGE], login=login)
    converse(conn, server, delivery.handle)
    assert server.lines[1:3] == ["AUTH PLAIN", plain()]
    login = Login(ALICE, nonce=b"abc", clear_text=True)
    _, server, _ = run({"AUTH": ["535 no"]}, offers="AUTH SCRAM-SHA-256 PLAIN", login=login)
    assert server.lines[1].startswith("AUTH SCRAM-SHA-256 ")
    login = Login(ALICE, clear_text=True)
    _, server, _ = run({"AUTH": ["535 no"]}, offers="AUTH SCRAM-SHA-256 PLAIN", login=login)
    assert server.lines[1].startswith("AUTH PLAIN ")


@pytest.mark.rule("X-AUTH-23")
def test_a_long_initial_response_waits_for_the_challenge() -> None:
    token = ClientCredentials("alice", token="t" * 600)
    server = ScriptedServer({"AUTH": ["334 "]}, offers="AUTH XOAUTH2")
    conn = ClientConnection("client.example")
    delivery = Delivery(conn, [MESSAGE], login=Login(token, clear_text=True))
    converse(conn, server, delivery.handle)
    assert server.lines[1] == "AUTH XOAUTH2"
    assert len(server.lines[2]) > 512


@pytest.mark.rule("X-AUTH-36")
def test_nothing_follows_auth_in_its_group() -> None:
    _, server, _ = run({"AUTH": ["535 no"]}, offers="PIPELINING,AUTH PLAIN", login=Login(ALICE, clear_text=True))
    assert verbs(server) == ["EHLO", "AUTH", "QUIT"]


def test_credentials_that_cannot_be_sent() -> None:
    login = Login(ClientCredentials("a\0b", "x"), clear_text=True)
    delivery, server, _ = run(offers="AUTH PLAIN", login=login)
    assert only(delivery).error == "invalid-argument"
    assert verbs(server) == ["EHLO", "QUIT"]


def test_auth_is_answered_by_its_command() -> None:
    conn = ClientConnection("client.example")
    delivery = Delivery(conn, [MESSAGE], login=Login(ALICE, clear_text=True))
    events = converse(conn, ScriptedServer(offers="AUTH PLAIN"), delivery.handle)
    assert any(isinstance(event, Response) and isinstance(event.command, Auth) for event in events)


# --- limits ----------------------------------------------------------------------------------------------------------


def mail_to(count: int, domains: int = 1) -> Message:
    recipients = tuple(f"u{number}@d{number % domains}.example" for number in range(count))
    return Message("a@client.example", recipients, TEXT)


@pytest.mark.rule("X-LIMITS-04", "X-LIMITS-03")
@pytest.mark.parametrize("offers", ["LIMITS RCPTMAX=2", "LIMITS RCPTMAX=2,PIPELINING"])
def test_recipients_are_split(offers: str) -> None:
    delivery, server, _ = run(None, mail_to(5), offers=offers)
    report = only(delivery)
    assert report.complete
    assert [result.recipient.local_part for result in report] == ["u0", "u1", "u2", "u3", "u4"]
    assert "".join(verb[0] for verb in verbs(server) if verb in ("MAIL", "RCPT")) == "MRRMRRMR"
    assert server.texts == [TEXT] * 3


@pytest.mark.rule("X-LIMITS-03")
def test_mails_of_a_session_are_counted() -> None:
    delivery, server, _ = run(None, mail_to(1), mail_to(1), mail_to(1), offers="LIMITS MAILMAX=2")
    assert [report.error for report in delivery.reports] == ["", "", "limit-reached"]
    assert [result.outcome for result in delivery.reports[2]] == [Outcome.RETRY]
    assert verbs(server).count("MAIL") == 2
    delivery, server, _ = run(None, mail_to(3), offers="LIMITS MAILMAX=2 RCPTMAX=1")
    assert [result.outcome.value for result in only(delivery)] == ["delivered", "delivered", "retry"]
    assert only(delivery).error == ""


@pytest.mark.rule("X-LIMITS-05")
def test_domains_of_a_session_are_counted() -> None:
    delivery, _, _ = run(None, mail_to(4, 2), mail_to(2, 2), offers="LIMITS RCPTDOMAINMAX=1")
    assert [result.outcome.value for result in delivery.reports[0]] == ["delivered", "retry", "delivered", "retry"]
    assert [result.outcome.value for result in delivery.reports[1]] == ["delivered", "retry"]
    delivery, _, _ = run(None, mail_to(4, 2), offers="LIMITS RCPTDOMAINMAX=2")
    assert only(delivery).complete
    delivery, _, _ = run(None, mail_to(1), mail_to(2, 2), offers="LIMITS RCPTDOMAINMAX=1 MAILMAX=1")
    assert [report.error for report in delivery.reports] == ["", "limit-reached"]


@pytest.mark.rule("X-LIMITS-02")
@pytest.mark.parametrize("offers", ["LIMITS RCPTMAX=0", "LIMITS RCPTMAX=x", "LIMITS a b=", "LIMITS"])
def test_limits_that_are_none(offers: str) -> None:
    _, server, _ = run(None, mail_to(5), offers=offers)
    assert verbs(server).count("MAIL") == 1
    without = [each for each in KNOWN if each.keyword != "LIMITS"]
    _, server, _ = run(None, mail_to(5), offers="LIMITS RCPTMAX=1", connection={"extensions": without})
    assert verbs(server).count("MAIL") == 1


def test_a_split_message_that_fails() -> None:
    delivery, _, _ = run({"MAIL": ["550 no"]}, mail_to(3), offers="LIMITS RCPTMAX=2")
    report = only(delivery)
    assert report.error == "mail-rejected"
    assert report.reply is not None
    assert len(report) == 3
    delivery, _, _ = run(None, mail_to(3), offers="LIMITS RCPTMAX=2,SIZE 1")
    assert only(delivery).error == "size-exceeded"
    delivery, _, _ = run({".": ["250 ok", HANG_UP]}, mail_to(3), mail_to(1), offers="LIMITS RCPTMAX=2")
    assert [result.outcome.value for result in delivery.reports[0]] == ["delivered", "delivered", "unknown"]
    assert delivery.reports[1].error == "connection-lost"
    params = Message("a@client.example", ("x@d.example", "y@d.example"), TEXT, params=Parameters((("ENVID", "1"),)))
    delivery, _, _ = run(None, params, offers="LIMITS RCPTMAX=1")
    assert only(delivery).dropped == ("ENVID",)


# --- properties ------------------------------------------------------------------------------------------------------

ANSWERS = st.sampled_from(["250 ok", "550 no", "450 later", "421 bye", HANG_UP, "354 go", "235 ok", "220 go"])


@given(
    st.dictionaries(
        st.sampled_from(
            ["connect", "EHLO", "HELO", "STAR", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", ".", "RSET", "QUIT"]
        ),
        st.lists(ANSWERS, min_size=1, max_size=4),
    ),
    st.lists(st.sampled_from(["PIPELINING", "CHUNKING", "STARTTLS", "AUTH PLAIN", "LIMITS RCPTMAX=1"]), unique=True),
    st.sampled_from(["none", "opportunistic", "required"]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_server_says_every_message_is_reported(
    says: Say, offers: list[str], tls: str, one_flight: bool, login: bool
) -> None:
    conn = ClientConnection("client.example")
    server = ScriptedServer(says, offers=",".join(offers))
    credentials = Login(ALICE, clear_text=True) if login else None
    delivery = Delivery(conn, [MESSAGE] * 3, tls=tls, login=credentials, one_flight=one_flight)  # type: ignore[arg-type]
    events = converse(conn, server, delivery.handle)
    if not isinstance(events[-1], Closed):  # a server that says nothing any more
        conn.receive_eof()
        for event in conn.events():
            delivery.handle(event)
    assert delivery.done
    assert len(delivery.reports) == 3
    for report in delivery.reports:
        assert len(report) == 2
        assert bool(report.error) is not bool(report.delivered)
    if tls == "required" and not server.tls:
        assert not server.texts
    if login and "AUTH PLAIN" not in offers:
        assert not server.texts
