"""One message planned, sent and reported: what the server refuses, and when; what cannot be sent; what gets lost."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.addresses import NULL_PATH, Domain, ForwardPath, Mailbox, Postmaster, ReversePath
from smtpcore.client import NOT_SENT, ClientConnection, ServiceClosing
from smtpcore.commands import Hello, Mail, Noop, Quit, Rcpt, Reset
from smtpcore.content import BareNewline, NewlinePolicy, UnsendableContent
from smtpcore.errors import ConnectionLost, LocalProtocolError, SMTPError, SyntaxProblem, TimedOut
from smtpcore.events import ClientEvent, Closed, Response, SendBody
from smtpcore.extensions.base import Extension, When
from smtpcore.extensions.dsn import NOTIFY, RET, Notify, Ret
from smtpcore.extensions.eightbitmime import BODY, BodyType
from smtpcore.extensions.known import KNOWN
from smtpcore.extensions.planning import MailPlan, MissingExtension, header_needs_utf8
from smtpcore.extensions.size import SIZE
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply, ReplyError
from smtpcore.report import Outcome, Report, Result
from smtpcore.state import State
from smtpcore.testing import strategies
from smtpcore.transaction import Transaction
from tests.scripted import HANG_UP, ScriptedServer, converse

BODY_TEXT = b"Subject: x\r\n\r\n.hi\r\n"
B = ForwardPath.of("b@mx.example.com")
C = ForwardPath.of("c@mx.example.com")
Say = dict[str, list[str]]


def run(
    says: Say | None = None,
    *,
    offers: str = "",
    recipients: tuple[object, ...] = ("b@mx.example.com", "c@mx.example.com"),
    sender: object = "a@client.example",
    body: bytes | None = BODY_TEXT,
    lmtp: bool = False,
    connection: dict[str, object] | None = None,
    on_event: Callable[[ClientConnection, Transaction, ClientEvent], object] | None = None,
    leave: bool = True,
    **options: object,
) -> tuple[Transaction, ScriptedServer, ClientConnection]:
    server = ScriptedServer(says, offers=offers, lmtp=lmtp)
    conn = ClientConnection("client.example", lmtp=lmtp, **(connection or {}))  # type: ignore[arg-type]
    transaction = Transaction(conn, sender, recipients, body=body, **options)  # type: ignore[arg-type]

    def handle(event: ClientEvent) -> None:
        transaction.handle(event)
        if on_event is not None:
            on_event(conn, transaction, event)
        if leave and transaction.done and conn.planned_state is not State.CLOSED:
            conn.send(Quit())

    converse(conn, server, handle)
    return transaction, server, conn


def outcomes(transaction: Transaction) -> list[tuple[str, int | None]]:
    return [
        (result.outcome.value, None if result.reply is None else result.reply.code) for result in transaction.report
    ]


GROUPS = pytest.mark.parametrize("offers", ["", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"])
FLIGHTS = pytest.mark.parametrize(
    ("offers", "one_flight"),
    [("", False), ("PIPELINING", False), ("PIPELINING,CHUNKING", False), ("PIPELINING,CHUNKING", True)],
)


# --- it works --------------------------------------------------------------------------------------------------------


@GROUPS
@pytest.mark.rule("C-CMD-DATA-08", "C-RTY-08")
def test_a_message_is_delivered(offers: str) -> None:
    transaction, server, _ = run(offers=offers)
    assert outcomes(transaction) == [("delivered", 250), ("delivered", 250)]
    assert server.texts == [BODY_TEXT]
    report = transaction.report
    assert report.error == ""
    assert report.complete
    assert report.permanent is None
    assert report.delivered == (B, C)
    assert report["b@mx.example.com"].reply == Reply(250, "taken")
    assert report[C].outcome is Outcome.DELIVERED
    assert len(report) == 2
    report.raise_for_status()
    with pytest.raises(KeyError):
        report["x@mx.example.com"]
    assert [line.partition(" ")[0] for line in server.lines].count("MAIL") == 1


@pytest.mark.rule("X-PIPELINING-03")
@pytest.mark.parametrize(
    ("offers", "one_flight", "turns"),
    [
        ("", False, 7),
        ("PIPELINING", False, 4),
        ("PIPELINING,CHUNKING", False, 4),
        ("PIPELINING,CHUNKING", True, 3),
        ("CHUNKING", True, 6),
    ],
)
def test_turns(offers: str, one_flight: bool, turns: int) -> None:
    """EHLO, the message, QUIT."""
    transaction, server, _ = run(offers=offers, one_flight=one_flight)
    assert transaction.report.complete
    assert server.turns == turns


def test_all_kinds_of_addresses() -> None:
    recipients = (
        "b@mx.example.com",
        "<c@mx.example.com>",
        Mailbox.parse("d@mx.example.com"),
        Postmaster(),
        "postmaster",
        Rcpt(B),
        C,
    )
    transaction, server, _ = run(recipients=recipients, sender=ReversePath.of("a@client.example"))
    assert transaction.report.complete
    assert len(transaction.recipients) == 7
    assert [line for line in server.lines if line.startswith("RCPT")][3:5] == ["RCPT TO:<Postmaster>"] * 1 + [
        "RCPT TO:<postmaster>"
    ]


@pytest.mark.rule("C-CMD-MAIL-17")
@pytest.mark.parametrize("sender", ["", "<>", NULL_PATH])
def test_the_null_sender(sender: object) -> None:
    _, server, _ = run(sender=sender)
    assert "MAIL FROM:<>" in server.lines


@pytest.mark.rule("C-SEC-08", "C-CMD-MAIL-08", "C-CMD-RCPT-18")
@pytest.mark.parametrize("address", ["", "x", "a@b>\r\nDATA", "@r:a@b", "a@b SIZE=1", "<a@b> X", "a\n@b"])
def test_addresses_outside_the_grammar_are_refused_at_once(address: str) -> None:
    conn = ClientConnection("client.example")
    with pytest.raises(SyntaxProblem):
        Transaction(conn, "a@client.example", ["b@mx.example.com", address])
    if address:
        with pytest.raises(SyntaxProblem):
            Transaction(conn, address, ["b@mx.example.com"])


def test_arguments_that_make_no_sense() -> None:
    conn = ClientConnection("client.example")
    with pytest.raises(LocalProtocolError, match="one recipient"):
        Transaction(conn, "", [])
    with pytest.raises(LocalProtocolError, match="chunk_size"):
        Transaction(conn, "", ["b@mx.example.com"], chunk_size=0)
    with pytest.raises(SyntaxProblem):
        Transaction(conn, "", ["b@mx.example.com"], mail_params=[("X Y", None)])


def test_parameters_are_sent_as_given() -> None:
    recipients = (Rcpt(B, Parameters((NOTIFY(frozenset((Notify.NEVER,))),))), "c@mx.example.com")
    _, server, _ = run(
        offers="DSN,SIZE",
        recipients=recipients,
        mail_params=[("envid", "AbC"), RET(Ret.HDRS)],
        rcpt_params={"<c@mx.example.com>": [("ORCPT", "rfc822;C")]},
    )
    assert server.lines[1:4] == [
        "MAIL FROM:<a@client.example> envid=AbC RET=HDRS SIZE=19",
        "RCPT TO:<b@mx.example.com> NOTIFY=NEVER",
        "RCPT TO:<c@mx.example.com> ORCPT=rfc822;C",
    ]


@pytest.mark.rule("X-DSN-23")
def test_what_is_optional_and_not_offered_is_left_out_and_named() -> None:
    recipients = (
        Rcpt(B, Parameters((("NOTIFY", "NEVER"),))),
        Rcpt(C, Parameters((("NOTIFY", "NEVER"),))),
        "d@x.example",
    )
    transaction, server, _ = run(recipients=recipients, mail_params=[RET(Ret.HDRS), SIZE(5)])
    assert server.lines[1:3] == ["MAIL FROM:<a@client.example>", "RCPT TO:<b@mx.example.com>"]
    assert transaction.report.complete
    assert transaction.report.dropped == ("RET", "SIZE", "NOTIFY")


# --- the text --------------------------------------------------------------------------------------------------------


def stream(conn: ClientConnection, transaction: Transaction, event: ClientEvent) -> None:
    if isinstance(event, SendBody):
        assert transaction.sending
        conn.send_body(BODY_TEXT[:5])
        conn.send_body(BODY_TEXT[5:])
        conn.end_body()
        assert not transaction.sending


@GROUPS
def test_the_driver_sends_the_text(offers: str) -> None:
    transaction, server, _ = run(offers=offers, body=None, on_event=stream, size=len(BODY_TEXT))
    assert transaction.report.complete
    assert b"".join(server.texts) == BODY_TEXT
    # A text of unknown pieces goes by chunks only where they need not wait for one another.
    assert any(line.startswith("BDAT") for line in server.lines) is (offers == "PIPELINING,CHUNKING")


@pytest.mark.parametrize(
    ("chunk_size", "sizes"),
    [(None, ["19 LAST"]), (19, ["19 LAST"]), (10, ["10", "9 LAST"]), (9, ["9", "9", "1 LAST"]), (100, ["19 LAST"])],
)
@pytest.mark.parametrize("pipelining", ["", ",PIPELINING"])
def test_chunks_have_the_size_that_was_asked_for(chunk_size: int | None, sizes: list[str], pipelining: str) -> None:
    transaction, server, _ = run(offers="CHUNKING" + pipelining, chunk_size=chunk_size)
    assert [line[5:] for line in server.lines if line.startswith("BDAT")] == sizes
    assert b"".join(server.texts) == BODY_TEXT
    assert transaction.report.complete


def test_an_empty_text() -> None:
    for offers, wanted in (("", [b""]), ("CHUNKING", [b""])):
        transaction, server, _ = run(offers=offers, body=b"")
        assert server.texts == wanted
        assert transaction.report.complete


def test_chunking_may_be_declined() -> None:
    declining: tuple[dict[str, Any], ...] = (
        {"chunking": False},
        {"connection": {"extensions": [each for each in KNOWN if each.keyword == "SIZE"]}},
    )
    for options in declining:
        _, server, _ = run(offers="CHUNKING,PIPELINING", **options)
        assert "DATA" in server.lines


@pytest.mark.rule("C-DATA-09", "X-8BITMIME-08", "X-8BITMIME-10", "X-8BITMIME-09", "X-MIX-06")
def test_octets_above_127_are_announced_or_not_sent() -> None:
    body = "Subject: x\r\n\r\n\u00e9\r\n".encode()
    transaction, server, _ = run(offers="8BITMIME", body=body)
    assert server.lines[1] == "MAIL FROM:<a@client.example> BODY=8BITMIME"
    assert server.texts == [body]
    transaction, server, _ = run(body=body)
    report = transaction.report
    assert report.error == "8bitmime-unavailable"
    assert report.permanent is True
    assert isinstance(report.exception, MissingExtension)
    assert report.exception.kind == "8bitmime-unavailable"
    assert [result.outcome for result in report] == [Outcome.REFUSED] * 2
    assert server.lines == ["EHLO client.example", "QUIT"]
    with pytest.raises(MissingExtension):
        report.raise_for_status()
    again = pickle.loads(pickle.dumps(report.exception))
    assert (again.kind, again.text) == (report.exception.kind, report.exception.text)
    _, server, _ = run(offers="8BITMIME")
    assert server.lines[1] == "MAIL FROM:<a@client.example>"


def test_a_text_not_known_beforehand_is_announced_as_8bit_where_that_is_offered() -> None:
    _, server, _ = run(offers="8BITMIME", body=None, on_event=stream)
    assert server.lines[1] == "MAIL FROM:<a@client.example> BODY=8BITMIME"
    _, server, _ = run(offers="8BITMIME", body=None, on_event=stream, eight_bit=False)
    assert server.lines[1] == "MAIL FROM:<a@client.example>"
    _, server, _ = run(body=None, on_event=stream)
    assert server.lines[1] == "MAIL FROM:<a@client.example>"


@pytest.mark.parametrize(
    ("given", "offers", "body", "sent"),
    [
        ("8bitmime", "8BITMIME", b"x\r\n", ""),
        ("8BITMIME", "", b"x\r\n", ""),
        ("7BIT", "8BITMIME", b"x\r\n", " BODY=7BIT"),
        ("7bit", "", b"x\r\n", ""),
        ("7BIT", "8BITMIME", b"\r\n\xe9\r\n", " BODY=8BITMIME"),
        ("8BITMIME", "8BITMIME", b"\r\n\xe9\r\n", " BODY=8BITMIME"),
        ("8BITMIME", "8BITMIME", None, " BODY=8BITMIME"),
    ],
)
def test_what_was_announced_before_is_announced_again_as_far_as_it_is_true(
    given: str, offers: str, body: bytes | None, sent: str
) -> None:
    _, server, _ = run(offers=offers, body=body, mail_params=[("BODY", given)], on_event=None if body else stream)
    assert server.lines[1] == "MAIL FROM:<a@client.example>" + sent


@pytest.mark.rule("X-BINARYMIME-05", "X-BINARYMIME-09", "X-BINARYMIME-06")
def test_binary_content() -> None:
    body = b"\n\0\xff\r"
    transaction, server, _ = run(offers="BINARYMIME,CHUNKING,8BITMIME", body=body, binary=True)
    assert server.lines[1] == "MAIL FROM:<a@client.example> BODY=BINARYMIME"
    assert server.texts == [body]
    assert transaction.report.complete
    for offers in ("CHUNKING,8BITMIME", "BINARYMIME,8BITMIME", ""):
        transaction, server, _ = run(offers=offers, body=body, mail_params=[BODY(BodyType.BINARY_MIME)])
        assert transaction.report.error == "binarymime-unavailable"
        assert len(server.lines) == 2


@pytest.mark.rule("X-SMTPUTF8-04", "X-SMTPUTF8-05", "X-SMTPUTF8-06", "X-SMTPUTF8-26", "X-SMTPUTF8-07")
@pytest.mark.parametrize(
    ("sender", "recipient", "body"),
    [
        ("\u00e9@client.example", "b@mx.example.com", BODY_TEXT),
        ("a@client.example", "\u00e9@mx.example.com", BODY_TEXT),
        ("a@client.example", "b@b\u00fccher.example", BODY_TEXT),
        ("a@client.example", "b@mx.example.com", "Subject: \u00e9\r\n\r\nx\r\n".encode()),
    ],
)
def test_smtputf8_is_used_when_it_is_needed(sender: str, recipient: str, body: bytes) -> None:
    transaction, server, _ = run(offers="SMTPUTF8,8BITMIME", sender=sender, recipients=(recipient,), body=body)
    assert transaction.report.complete
    words = server.lines[1].split()[2:]
    assert set(words) == ({"SMTPUTF8"} if body.isascii() else {"SMTPUTF8", "BODY=8BITMIME"})
    for offers in ("8BITMIME", "SMTPUTF8"):
        transaction, server, _ = run(offers=offers, sender=sender, recipients=(recipient,), body=body)
        if "b\u00fccher" in recipient and offers == "8BITMIME":
            assert server.lines[2] == "RCPT TO:<b@xn--bcher-kva.example>"  # a domain can be said in ASCII
            assert transaction.report[recipient].outcome is Outcome.DELIVERED
        elif body.isascii() or offers == "8BITMIME":
            assert transaction.report.error == "smtputf8-unavailable"
            assert len(server.lines) == 2
        else:
            assert transaction.report.error in ("smtputf8-unavailable", "8bitmime-unavailable")


def test_smtputf8_asked_for_and_needed_by_a_parameter() -> None:
    _, server, _ = run(offers="SMTPUTF8,8BITMIME", utf8=True)
    assert server.lines[1].endswith(" SMTPUTF8")
    _, server, _ = run(offers="SMTPUTF8,8BITMIME", mail_params=[("SMTPUTF8", None)])
    assert server.lines[1].endswith(" SMTPUTF8")
    orcpt = [("ORCPT", "utf-8;\u00e9@x.example")]
    _, server, _ = run(offers="SMTPUTF8,8BITMIME,DSN", rcpt_params={"b@mx.example.com": orcpt})
    assert server.lines[1].endswith(" SMTPUTF8")
    assert server.lines[2].endswith("\u00e9@x.example")


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        (b"Subject: x\r\n\r\n\xc3\xa9", False),
        (b"Subject: \xc3\xa9\r\n\r\nx", True),
        (b"Subject: \xc3\xa9", True),
        (b"Subject: \xe9\r\n\r\nx", False),
        (b"\xc3\xa9: x\r\n\r\nx", False),
        (b"\xc3\xa9", False),
        (b"no field \xc3\xa9: x", False),
        (b"no\r\n\xc3\xa9: x", False),
    ],
)
def test_headers_that_need_smtputf8(text: bytes, needed: bool) -> None:
    assert header_needs_utf8(text) is needed


@pytest.mark.rule("X-SIZE-04", "X-SIZE-17", "X-SIZE-19", "X-SIZE-20", "X-SIZE-21", "X-SIZE-01")
def test_sizes_are_compared_and_said() -> None:
    transaction, server, _ = run(offers="SIZE 18")
    assert transaction.report.error == "size-exceeded"
    assert server.lines == ["EHLO client.example", "QUIT"]
    for offers in ("SIZE", "SIZE 0", "SIZE 19", "SIZE abc", "SIZE 1_0"):
        _, server, _ = run(offers=offers)
        assert server.lines[1] == "MAIL FROM:<a@client.example> SIZE=19"
    _, server, _ = run(offers="SIZE", body=None, on_event=stream)
    assert server.lines[1] == "MAIL FROM:<a@client.example>"
    _, server, _ = run(offers="SIZE", body=b"")
    assert server.lines[1] == "MAIL FROM:<a@client.example> SIZE=0"


@pytest.mark.rule("X-REQUIRETLS-04")
def test_requiretls_needs_the_offer_and_verified_tls() -> None:
    wanted = [("REQUIRETLS", None)]
    for offers, verified in (("", True), ("REQUIRETLS", False)):
        transaction, server, _ = run(
            offers=offers, mail_params=wanted, connection={"tls": True, "tls_verified": verified}
        )
        assert transaction.report.error == "requiretls-unavailable"
        assert len(server.lines) == 2
    _, server, _ = run(offers="REQUIRETLS", mail_params=wanted, connection={"tls": True, "tls_verified": True})
    assert server.lines[1] == "MAIL FROM:<a@client.example> REQUIRETLS"


@pytest.mark.rule("C-EXT-14", "X-FW-20", "X-FW-31")
def test_a_parameter_that_is_not_offered_is_a_missing_extension() -> None:
    transaction, server, _ = run(mail_params=[("XTAG", "1")])
    assert transaction.report.error == "xtag-unavailable"
    assert len(server.lines) == 2
    _, server, _ = run(mail_params=[("XTAG", "1")], offers="XTAG")
    assert server.lines[1] == "MAIL FROM:<a@client.example> XTAG=1"
    _, server, _ = run(mail_params=[("XTAG", "1")], connection={"extra_parameters": True})
    assert server.lines[1] == "MAIL FROM:<a@client.example> XTAG=1"


class Tagging(Extension):
    """An extension that looks at the message, and was not written when the planner was."""

    keyword = "XTAGGING"

    def plan(self, plan: MailPlan) -> None:
        offered = plan.offered("XTAGGING")
        if offered is None:
            plan.drop("XTAGS")
            return
        if offered == ("never",):
            plan.refuse("xtagging-full", "no more tags")
        plan.add(("XTAG", "1"))
        plan.add(("XTAG", "2"))
        for index in range(len(plan.rcpts)):
            plan.add_rcpt(index, ("XTAG", str(index)))
            plan.add_rcpt(index, ("XTAG", "again"))


def test_an_extension_of_ones_own_plans_along() -> None:
    connection: dict[str, object] = {"extensions": [Tagging()], "extra_parameters": True}
    _, server, _ = run(offers="XTAGGING", connection=connection)
    assert server.lines[1:4] == [
        "MAIL FROM:<a@client.example> XTAG=1",
        "RCPT TO:<b@mx.example.com> XTAG=0",
        "RCPT TO:<c@mx.example.com> XTAG=1",
    ]
    transaction, server, _ = run(offers="XTAGGING never", connection=connection)
    assert transaction.report.error == "xtagging-full"
    transaction, server, _ = run(connection=connection, mail_params=[("xtags", "1")])
    assert transaction.report.dropped == ("XTAGS",)
    assert server.lines[1] == "MAIL FROM:<a@client.example>"


class Counting(Extension):
    """Counts the messages that it was asked about."""

    keyword = "XCOUNTING"
    plans = When.PARAMETERS

    def plan(self, plan: MailPlan) -> None:
        plan.add(("XASKED", None))


class Always(Counting):
    """Derived, with a plan of its own: what its base says of plans is not about this one."""

    def plan(self, plan: MailPlan) -> None:
        plan.add(("XASKED", "always"))


class Seldom(Counting):
    """Derived, and says for itself when the plan that it inherits is asked."""

    plans = When.NON_ASCII


@pytest.mark.parametrize(
    ("extension", "plain", "parameters", "eight_bit"),
    [(Counting(), "", " XASKED", ""), (Always(), *[" XASKED=always"] * 3), (Seldom(), "", "", " XASKED")],
)
def test_an_extension_is_asked_of_the_messages_that_it_names(
    extension: Extension, plain: str, parameters: str, eight_bit: str
) -> None:
    options: dict[str, Any] = {"connection": {"extensions": [extension], "extra_parameters": True}}
    line = "MAIL FROM:<a@client.example>"
    assert run(**options)[1].lines[1] == line + plain
    assert run(**options, mail_params=[("XTAG", "1")])[1].lines[1] == f"{line} XTAG=1{parameters}"
    _, server, _ = run(**options, utf8=True)
    assert server.lines[1] == line + eight_bit


def test_a_plan_can_be_made_without_a_connection() -> None:
    from smtpcore.capabilities import Capabilities

    plan = MailPlan(Capabilities(["x", "SIZE 10"]), Mail(NULL_PATH), [Rcpt(B)], size=5)
    plan.finish(ClientConnection("client.example").extensions)
    assert plan.mail == Mail(NULL_PATH, Parameters((("SIZE", "5"),)))


@pytest.mark.rule("C-GRAM-02", "X-MIX-09", "X-8BITMIME-06")
@pytest.mark.parametrize(("body", "kind"), [(b"a\nb\r\n", BareNewline), (b"\0\r\n", UnsendableContent)])
@pytest.mark.parametrize("offers", ["", "CHUNKING"])
def test_a_body_that_must_not_be_sent_raises_before_mail(body: bytes, kind: type[Exception], offers: str) -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], body=body)
    server = ScriptedServer(offers=offers)
    with pytest.raises(kind):
        converse(conn, server, transaction.handle)
    assert transaction.done
    assert transaction.report.error == "invalid-argument"
    assert transaction.report.permanent is True
    assert conn.outstanding == ()
    assert conn.data_to_send() == b""


def test_a_long_line_goes_by_chunks_only() -> None:
    body = b"x" * 1500 + b"\r\n"
    assert run(offers="CHUNKING", body=body)[0].report.complete
    with pytest.raises(UnsendableContent):
        run(body=body)


def test_newlines_are_repaired_where_that_is_the_policy() -> None:
    connection: dict[str, object] = {"newlines": NewlinePolicy.REPAIR}
    transaction, server, _ = run(offers="SIZE", body=b"a\nb\r", connection=connection)
    assert server.texts == [b"a\r\nb\r\n"]
    assert server.lines[1].endswith("SIZE=6")
    assert transaction.report.complete


def test_what_cannot_be_sent_at_all_raises_and_nothing_is_queued() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], mail_params=[("XFOO", "y" * 600)], body=b"")
    converse(conn, ScriptedServer(offers="XFOO"), transaction.handle)
    assert transaction.started
    other = ClientConnection("client.example")
    long = Rcpt(ForwardPath.parse("<" + "a" * 65 + "@b.example>"))
    bad = Transaction(other, "", [B, long], body=b"")
    with pytest.raises(SyntaxProblem):
        converse(other, ScriptedServer(), bad.handle)
    assert bad.report.error == "invalid-argument"
    assert other.outstanding == ()


def test_parameters_wait_for_the_reply_to_ehlo() -> None:
    conn = ClientConnection("client.example")
    server = ScriptedServer(offers="PIPELINING,SIZE")
    converse(conn, server, lambda event: None)
    conn.send(Hello(Domain("client.example")))
    with pytest.raises(LocalProtocolError, match="wait for that Response"):
        Transaction(conn, "", [B], body=b"").start()
    assert conn.outstanding == (Hello(Domain("client.example")),)
    Transaction(conn, "", [B]).start()  # no size, no parameter
    assert len(conn.outstanding) == 4


@pytest.mark.rule("C-GRAM-02")
@given(strategies.mails(utf8=True) | strategies.rcpts(utf8=True))
def test_the_short_way_to_a_line_gives_the_same(command: Mail | Rcpt) -> None:
    """Whatever `Gate.line` lets out is what the command itself says."""
    conn = ClientConnection("client.example", extra_parameters=True)
    converse(conn, ScriptedServer(offers="SIZE,8BITMIME,SMTPUTF8,DSN"), lambda event: None)
    gate = conn._gate
    for _ in range(2):  # the second time parameters are known
        try:
            line = gate.line(command, None)
        except SMTPError:
            return
        assert line == command.to_bytes()


def test_a_parameter_outside_its_grammar_cannot_be_sent() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], mail_params=[("BODY", "9BIT")], body=b"")
    with pytest.raises(SyntaxProblem):
        converse(conn, ScriptedServer(offers="8BITMIME"), transaction.handle)
    assert transaction.report.error == "invalid-argument"
    plan = MailPlan({}, Mail(NULL_PATH, Parameters((("SIZE", "x"),))), [Rcpt(B)])
    assert plan.value(SIZE) is None


# --- refusals --------------------------------------------------------------------------------------------------------


@GROUPS
@pytest.mark.rule("C-REP-25", "C-CMD-DATA-08")
@pytest.mark.parametrize(("code", "outcome", "permanent"), [(451, "retry", False), (550, "refused", True)])
def test_mail_refused(offers: str, code: int, outcome: str, permanent: bool) -> None:
    says = {"MAIL": [f"{code} no"], "RCPT": ["503 no"], "DATA": ["503 no"], "BDAT": ["503 no"], ".": ["503 no"]}
    transaction, server, conn = run(says, offers=offers)
    assert outcomes(transaction) == [(outcome, code)] * 2
    report = transaction.report
    assert report.error == "mail-rejected"
    assert report.permanent is permanent
    assert report.reply == Reply(code, "no")
    assert server.texts == []
    with pytest.raises(ReplyError):
        report.raise_for_status()
    assert conn.state is State.CLOSED


@FLIGHTS
@pytest.mark.rule("C-CMD-RCPT-17", "X-SIZE-10")
def test_one_recipient_refused(offers: str, one_flight: bool) -> None:
    transaction, server, _ = run({"RCPT": ["550 who", "250 ok"]}, offers=offers, one_flight=one_flight)
    assert outcomes(transaction) == [("refused", 550), ("delivered", 250)]
    assert transaction.report.error == ""
    assert transaction.report.reply is None
    assert not transaction.report.complete
    assert server.texts == [BODY_TEXT]
    with pytest.raises(ReplyError):
        transaction.report.raise_for_status()


@FLIGHTS
@pytest.mark.rule("C-CMD-RCPT-17", "X-LMTP-09")
def test_all_recipients_refused(offers: str, one_flight: bool) -> None:
    says = {"RCPT": ["550 who", "450 later"], "DATA": ["554 nobody"], ".": ["554 nobody"]}
    transaction, server, _ = run(says, offers=offers, one_flight=one_flight)
    assert outcomes(transaction) == [("refused", 550), ("retry", 450)]
    report = transaction.report
    assert report.error == "no-recipients"
    assert report.permanent is False
    assert report.reply == Reply(550, "who")
    assert server.texts == ([BODY_TEXT] if one_flight else [])


@pytest.mark.rule("C-CMD-DATA-04", "X-PIPELINING-04", "X-PIPELINING-05")
@pytest.mark.parametrize("final", ["250 ok", "554 nobody"])
def test_all_recipients_refused_and_the_text_wanted_all_the_same(final: str) -> None:
    transaction, server, _ = run({"RCPT": ["550 who"], ".": [final]}, offers="PIPELINING")
    assert outcomes(transaction) == [("refused", 550)] * 2
    assert transaction.report.error == "no-recipients"
    assert server.texts == [b""]
    assert server.lines[-1] == "QUIT"


@pytest.mark.rule("C-CMD-RCPT-16", "X-SIZE-10", "C-LIM-11")
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("552 too many", "retry"),
        ("552 5.5.3 too many", "retry"),
        ("552 5.3.4 too big", "refused"),
        ("452 4.5.3 too many", "retry"),
        ("550 5.3.4 no", "refused"),
    ],
)
def test_552_to_rcpt_is_too_many_recipients(answer: str, outcome: str) -> None:
    transaction, _, _ = run({"RCPT": ["250 ok", answer]}, offers="ENHANCEDSTATUSCODES")
    assert [each for each, _ in outcomes(transaction)] == ["delivered", outcome]


@pytest.mark.rule("C-CMD-RCPT-11")
def test_251_is_accepted_and_551_refused() -> None:
    from smtpcore.replies import mailbox_of_reply

    transaction, _, _ = run({"RCPT": ["251 will forward to <x@y.example>", "551 try <x@y.example>"]})
    assert outcomes(transaction) == [("delivered", 250), ("refused", 551)]
    reply = transaction.report[C].reply
    assert reply is not None
    assert mailbox_of_reply(reply) == "x@y.example"


@GROUPS
@pytest.mark.rule("X-SIZE-18", "C-SES-35")
def test_data_or_the_message_refused(offers: str) -> None:
    says = {"DATA": ["451 no"], ".": ["451 no"]}
    transaction, _, conn = run(says, offers=offers)
    assert outcomes(transaction) == [("retry", 451)] * 2
    chunks = "CHUNKING" in offers
    assert transaction.report.error == ("message-rejected" if chunks else "data-rejected")
    assert transaction.report.reply == Reply(451, "no")
    assert conn.state is State.CLOSED


@FLIGHTS
@pytest.mark.rule("X-SIZE-18", "X-CHUNKING-16")
def test_the_message_refused(offers: str, one_flight: bool) -> None:
    transaction, server, _ = run(
        {".": ["552 too big"], "RCPT": ["250 ok", "550 who"]}, offers=offers, one_flight=one_flight
    )
    assert outcomes(transaction) == [("refused", 552), ("refused", 550)]
    assert transaction.report.error == "message-rejected"
    assert transaction.report.reply == Reply(552, "too big")
    assert transaction.report.permanent is True
    # RFC 3030 2: RSET before anything else.
    assert server.lines[-2:] == (["RSET", "QUIT"] if "CHUNKING" in offers and not one_flight else server.lines[-2:])


@pytest.mark.rule("X-CHUNKING-16")
@pytest.mark.parametrize("offers", ["CHUNKING", "CHUNKING,PIPELINING"])
def test_a_chunk_refused(offers: str) -> None:
    says = {"BDAT": ["250 ok", "452 full", "503 no"], ".": ["503 no"]}
    transaction, server, conn = run(says, offers=offers, chunk_size=5)
    assert outcomes(transaction) == [("retry", 452)] * 2
    assert transaction.report.error == "message-rejected"
    assert server.lines[-2:] == ["RSET", "QUIT"]
    assert [line for line in server.lines if line.startswith("BDAT")][-1] == (
        "BDAT 5" if offers == "CHUNKING" else "BDAT 4 LAST"
    )
    assert conn.state is State.CLOSED


@pytest.mark.rule("C-SES-35", "X-SIZE-11")
@pytest.mark.parametrize(
    "says",
    [
        {"RCPT": ["550 who", "550 who", "250 ok"]},
        {"DATA": ["451 no", ""]},
        {"MAIL": ["451 no", ""]},
        {".": ["451 no", ""]},
    ],
)
@pytest.mark.parametrize("offers", ["", "PIPELINING"])
def test_the_next_message_after_a_failed_one(says: Say, offers: str) -> None:
    server = ScriptedServer(says, offers=offers)
    conn = ClientConnection("client.example")
    first, second = (
        Transaction(conn, "a@client.example", ["b@mx.example.com", "c@mx.example.com"], body=BODY_TEXT)
        for _ in range(2)
    )

    def handle(event: ClientEvent) -> None:
        first.handle(event)
        if second.started:
            second.handle(event)
        if first.done and not second.started:
            second.start()
        if second.started and second.done and conn.planned_state is not State.CLOSED:
            conn.send(Quit())

    converse(conn, server, handle)
    assert first.report.error
    assert second.report.complete
    # With PIPELINING an empty text was sent, which ends the transaction as well.
    open_before = ("RCPT" in says and not offers) or "DATA" in says
    assert ("RSET" in server.lines) is open_before


def test_a_refused_rset_forbids_the_next_message() -> None:
    server = ScriptedServer({"RCPT": ["550 who"], "RSET": ["500 what"]})
    conn = ClientConnection("client.example")
    first, second = (Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT) for _ in range(2))

    def handle(event: ClientEvent) -> None:
        first.handle(event)
        if second.started:
            second.handle(event)
        elif first.done:
            second.start()

    events = converse(conn, server, handle)
    assert isinstance(events[-1], Response)
    assert events[-1].reply is NOT_SENT
    assert second.done
    assert outcomes(second) == [("retry", None)]
    assert second.report.error == "not-sent"
    assert [line for line in server.lines if line.startswith("MAIL")] == ["MAIL FROM:<>"]


# --- the session ends ------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-REP-28")
@pytest.mark.parametrize(("code", "outcome"), [(554, "refused"), (450, "retry")])
def test_the_greeting_refused(code: int, outcome: str) -> None:
    transaction, server, _ = run({"connect": [f"{code} no"]})
    assert outcomes(transaction) == [(outcome, code)] * 2
    assert transaction.report.error == "greeting-rejected"
    assert server.lines == ["QUIT"]


@pytest.mark.parametrize(
    "says", [{"EHLO": ["554 no"]}, {"EHLO": ["500 what"], "HELO": ["550 no"]}, {"LHLO": ["500 what"]}]
)
def test_the_hello_refused(says: Say) -> None:
    transaction, server, _ = run(says, lmtp="LHLO" in says)
    assert [outcome for outcome, _ in outcomes(transaction)] == ["refused"] * 2
    assert transaction.report.error == "helo-rejected"
    assert server.lines[-1] == "QUIT"


def test_helo_is_enough_for_a_plain_message() -> None:
    transaction, server, _ = run({"EHLO": ["502 what"]}, offers="PIPELINING")
    assert transaction.report.complete
    assert server.lines[1] == "HELO client.example"


@pytest.mark.rule("X-PIPELINING-10", "C-SES-24")
@pytest.mark.parametrize("verb", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("offers", ["", "PIPELINING"])
def test_421_anywhere_means_try_again(verb: str, offers: str) -> None:
    transaction, _, _ = run({verb: ["421 closing"]}, offers=offers)
    assert {outcome for outcome, _ in outcomes(transaction)} == {"retry"}
    report = transaction.report
    assert report.error == "service-closing"
    assert report.permanent is False
    assert report.reply == Reply(421, "closing")


def test_421_while_idle_before_the_message() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], body=b"")
    transaction.handle(Closed(ServiceClosing(Reply(421, "x"))))
    assert outcomes(transaction) == [("retry", 421)]
    assert transaction.report.error == "service-closing"


@pytest.mark.rule("C-SES-25", "X-FW-05")
@pytest.mark.parametrize("verb", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("offers", ["", "PIPELINING"])
def test_a_connection_lost_before_the_text_means_try_again(verb: str, offers: str) -> None:
    transaction, _, _ = run({verb: [HANG_UP]}, offers=offers)
    assert outcomes(transaction) == [("retry", None)] * 2
    report = transaction.report
    assert report.error == "connection-lost"
    assert report.permanent is False
    assert isinstance(report.exception, ConnectionLost)


@FLIGHTS
@pytest.mark.rule("C-TMO-11", "C-SES-25")
def test_a_connection_lost_after_the_text_leaves_it_unknown(offers: str, one_flight: bool) -> None:
    transaction, _, _ = run({".": [HANG_UP], "RCPT": ["250 ok", "550 who"]}, offers=offers, one_flight=one_flight)
    assert outcomes(transaction) == [("unknown", None), ("refused", 550)]
    assert transaction.report.error == "connection-lost"
    assert transaction.report.permanent is False
    assert transaction.report.having(Outcome.UNKNOWN) == (B,)


def test_a_connection_lost_in_one_flight_before_the_recipients_is_unknown_too() -> None:
    transaction, _, _ = run({"MAIL": [HANG_UP]}, offers="PIPELINING,CHUNKING", one_flight=True)
    assert outcomes(transaction) == [("unknown", None)] * 2


def test_a_text_that_never_left_is_not_unknown() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT)
    for data in (b"220 x\r\n", b"250 x\r\n", b"250 x\r\n", b"250 x\r\n", b"354 x\r\n"):
        conn.receive_data(data)
        for event in conn.events():
            transaction.handle(event)
        if not data.startswith(b"354"):
            conn.data_to_send()
    assert transaction.report.results[0].outcome is Outcome.RETRY
    conn.receive_eof()
    for event in conn.events():
        transaction.handle(event)
    assert outcomes(transaction) == [("retry", None)]


@pytest.mark.rule("C-TMO-11")
@pytest.mark.parametrize(("after", "outcome"), [(4, "retry"), (5, "unknown")])
def test_a_timeout(after: int, outcome: str) -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT)
    for data in (b"220 x\r\n", b"250 x\r\n", b"250 x\r\n", b"250 x\r\n", b"354 x\r\n")[:after]:
        conn.receive_data(data)
        for event in conn.events():
            transaction.handle(event)
        conn.data_to_send()
    assert transaction.report.results[0].outcome.value == outcome  # what it would be if the connection ended now
    assert transaction.report.error == "not-sent"
    conn.tick(conn.tick(0))
    for event in conn.events():
        transaction.handle(event)
    assert outcomes(transaction) == [(outcome, None)]
    report = transaction.report
    assert report.error == "timed-out"
    assert isinstance(report.exception, TimedOut)
    with pytest.raises(TimedOut):
        report.raise_for_status()


def test_a_server_out_of_step_is_a_protocol_error() -> None:
    transaction, _, _ = run({"RCPT": ["250 ok\n250 again"]})
    assert [outcome for outcome, _ in outcomes(transaction)] == ["retry"] * 2
    assert transaction.report.error == "protocol-error"
    assert transaction.report.permanent is None


def test_a_refusal_before_the_end_of_the_text_counts() -> None:
    def early(conn: ClientConnection, transaction: Transaction, event: ClientEvent) -> None:
        if isinstance(event, SendBody):
            conn.send_body(b"x\r\n")
            conn.data_to_send()
            conn.receive_data(b"552 enough\r\n")

    transaction, _, _ = run(body=None, on_event=early)
    assert outcomes(transaction) == [("refused", 552)] * 2
    assert transaction.report.error == "message-rejected"


@pytest.mark.parametrize(
    ("error", "kind", "outcome"),
    [
        (None, "not-sent", "retry"),
        (SMTPError("no more"), "aborted", "retry"),
        (LocalProtocolError("cannot be finished"), "aborted", "refused"),
    ],
)
def test_an_aborted_connection(error: SMTPError | None, kind: str, outcome: str) -> None:
    def give_up(conn: ClientConnection, transaction: Transaction, event: ClientEvent) -> None:
        if isinstance(event, SendBody):
            conn.abort(error)

    transaction, _, _ = run(body=None, on_event=give_up)
    assert outcomes(transaction) == [(outcome, None)] * 2
    assert transaction.report.error == kind
    if error is None:
        with pytest.raises(SMTPError, match="not delivered: not-sent"):
            transaction.report.raise_for_status()


def test_an_abort_before_the_text_is_sent() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT)

    def handle(event: ClientEvent) -> None:
        if isinstance(event, SendBody):
            conn.abort()
        transaction.handle(event)

    events = converse(conn, ScriptedServer(), handle)
    assert events[-1] == Closed()
    assert conn.data_to_send() == b""
    assert outcomes(transaction) == [("retry", None)]


# --- LMTP ------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("C-LMTP-10", "C-LMTP-12", "X-LMTP-12")
@GROUPS
def test_lmtp_has_a_result_for_each_recipient(offers: str) -> None:
    recipients = ("b@mx.example.com", "x@mx.example.com", "c@mx.example.com", "b@mx.example.com")
    says = {"RCPT": ["250 ok", "550 who", "250 ok", "250 ok"], ".": ["250 a", "452 full", "250 b"]}
    transaction, _, _ = run(says, offers=offers, recipients=recipients, lmtp=True)
    assert outcomes(transaction) == [("delivered", 250), ("refused", 550), ("retry", 452), ("delivered", 250)]
    assert transaction.report.error == ""


def test_lmtp_refused_by_all() -> None:
    transaction, _, _ = run({".": ["452 full", "550 no"]}, lmtp=True, one_flight=True, offers="CHUNKING,PIPELINING")
    assert outcomes(transaction) == [("retry", 452), ("refused", 550)]
    report = transaction.report
    assert report.error == "message-rejected"
    assert report.reply == Reply(452, "full")
    assert report.permanent is False


@pytest.mark.rule("X-LMTP-11", "C-LMTP-10", "X-LMTP-17")
@pytest.mark.parametrize("second", [HANG_UP, "421 closing"])
def test_lmtp_what_was_answered_before_the_end_stands(second: str) -> None:
    recipients = ("b@mx.example.com", "c@mx.example.com", "d@mx.example.com")
    transaction, _, _ = run({".": ["250 a", second]}, recipients=recipients, lmtp=True)
    assert [outcome for outcome, _ in outcomes(transaction)] == ["delivered", "retry", "retry"]


def test_lmtp_a_chunk_refused_concerns_all() -> None:
    transaction, server, _ = run(
        {"BDAT": ["452 full"], ".": ["503 no"]}, lmtp=True, offers="CHUNKING", chunk_size=5, leave=True
    )
    assert outcomes(transaction) == [("retry", 452)] * 2
    assert "RSET" in server.lines


# --- use ------------------------------------------------------------------------------------------------------------


def test_start_by_hand() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT)
    with pytest.raises(LocalProtocolError, match="EHLO"):
        transaction.start()
    assert not transaction.started
    conn.receive_data(b"220 x\r\n")
    list(conn.events())
    conn.data_to_send()
    conn.receive_data(b"250 x\r\n")
    list(conn.events())
    transaction.start()
    assert conn.data_to_send() == b"MAIL FROM:<>\r\n"
    transaction.handle(Response(Noop(), Reply(250, "x")))  # not of this message
    conn.send(Quit()) if conn.planned_state is not State.DATA else None
    with pytest.raises(LocalProtocolError, match="the text is due"):
        Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT).start()


def test_other_commands_between_the_chunks() -> None:
    def ask(conn: ClientConnection, transaction: Transaction, event: ClientEvent) -> None:
        if isinstance(event, SendBody):
            conn.send_body(BODY_TEXT)
            conn.send(Noop())
            conn.end_body()

    transaction, server, _ = run({"NOOP": ["500 what"]}, on_event=ask, body=None, offers="PIPELINING,CHUNKING")
    assert transaction.report.complete
    assert [line.split()[0] for line in server.lines[-4:]] == ["BDAT", "NOOP", "BDAT", "QUIT"]


def test_start_in_an_open_transaction_resets_it() -> None:
    conn = ClientConnection("client.example")
    for data in (b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n"):
        conn.receive_data(data)
        list(conn.events())
        conn.data_to_send()
    conn.send(Mail(NULL_PATH))
    Transaction(conn, "", ["b@mx.example.com"], body=BODY_TEXT).start()
    assert conn.data_to_send() == b"MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<b@mx.example.com>\r\nDATA\r\n"
    assert Reset() in conn.outstanding


def test_giving_up_before_the_start() -> None:
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "", ["b@mx.example.com"])
    transaction.give_up("auth-failed", Reply(535, "no"))
    assert transaction.done
    assert outcomes(transaction) == [("refused", 535)]
    transaction.give_up("other")
    transaction.handle(Closed())
    assert transaction.report.error == "auth-failed"


def test_reports_are_values() -> None:
    one = Report((Result(B, Outcome.RETRY),), "timed-out", None, TimedOut("x"))
    assert one == Report((Result(B, Outcome.RETRY),), "timed-out", None, TimedOut("y"))
    assert pickle.loads(pickle.dumps(one)) == one
    assert list(one) == [Result(B, Outcome.RETRY)]


# --- properties ------------------------------------------------------------------------------------------------------

CODES = st.sampled_from(["250 ok", "299 ok", "550 no", "450 later", "552 many", "421 bye", HANG_UP, "bogus", "354 go"])
OFFERS = st.lists(
    st.sampled_from(["CHUNKING", "SIZE", "SIZE 10", "8BITMIME", "SMTPUTF8", "DSN", "BINARYMIME"]), unique=True
)
BODIES = st.sampled_from(
    [BODY_TEXT, b"", b"\r\n\xe9\r\n", "Subject: \u00e9\r\n\r\nx\r\n".encode(), b"x" * 40 + b"\r\n"]
)


@given(
    st.dictionaries(
        st.sampled_from(["connect", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "."]),
        st.lists(CODES, min_size=1, max_size=3),
    ),
    OFFERS,
    BODIES,
    st.booleans(),
)
def test_every_recipient_has_a_truthful_result(says: Say, offers: list[str], body: bytes, lmtp: bool) -> None:
    transaction, server, _ = run(says, offers=",".join(offers), body=body, lmtp=lmtp, chunk_size=7)
    assert transaction.done
    report = transaction.report
    assert len(report) == 2
    for result in report:
        if result.outcome is Outcome.DELIVERED:
            assert result.reply is not None
            assert result.reply.is_success
            assert server.texts
        if result.reply is not None and result.outcome is Outcome.REFUSED:
            assert result.reply.is_permanent
    # Nothing that was not offered is used.
    mail = next((line for line in server.lines if line.startswith("MAIL")), "")
    for word, keyword in (("SIZE=", "SIZE"), ("BODY=", "8BITMIME"), ("SMTPUTF8", "SMTPUTF8")):
        if word in mail:
            assert any(offer.startswith(keyword) for offer in offers)
    if any(line.startswith("BDAT") for line in server.lines):
        assert "CHUNKING" in offers
    if not any(offer == "8BITMIME" for offer in offers):
        assert all(text.isascii() for text in server.texts)


@given(
    st.lists(st.sampled_from(["250 ok", "550 no", "450 later", "552 many"]), min_size=2, max_size=2),
    st.sampled_from(["250 ok", "550 no", "450 later"]),
    st.sampled_from(["250 ok", "550 no"]),
    st.booleans(),
    st.booleans(),
)
def test_pipelined_is_lockstep(rcpt: list[str], final: str, mail: str, chunking: bool, one_flight: bool) -> None:
    """The same answers by a server that keeps to the protocol: equal reports."""

    def report(pipelining: bool) -> Report:
        nobody = mail[0] != "2" or all(answer[0] != "2" for answer in rcpt)
        says = {
            "MAIL": [mail],
            "RCPT": rcpt if mail[0] == "2" else ["503 first MAIL"],
            "DATA": ["554 nobody"] if nobody else [""],
            ".": ["503 nobody"] if nobody else [final],
        }
        offers = ["CHUNKING"] * chunking + ["PIPELINING"] * pipelining
        return run(says, offers=",".join(offers), one_flight=one_flight and pipelining)[0].report

    assert report(True) == report(False)
