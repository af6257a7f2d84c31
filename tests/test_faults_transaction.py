"""Small faults of transactions and reports, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import pytest

from smtpcore.addresses import Domain, ForwardPath
from smtpcore.client import ClientConnection
from smtpcore.commands import Hello, Noop, Rcpt
from smtpcore.events import ClientEvent, Response, SendBody
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply, ReplyError
from smtpcore.report import Outcome, Report, Result
from smtpcore.transaction import Transaction
from tests.scripted import ScriptedServer, converse

B = ForwardPath.of("b@mx.example")
C = ForwardPath.of("c@mx.example")
TEXT = b"Subject: x\r\n\r\nhi\r\n"


def start(body: bytes | None = TEXT, **options: object) -> tuple[ClientConnection, Transaction]:
    conn = ClientConnection("client.example")
    return conn, Transaction(conn, "a@client.example", ["b@mx.example"], body=body, **options)  # type: ignore[arg-type]


# -- reports ----------------------------------------------------------------------------------------------------------


def test_who_was_served_is_no_error() -> None:
    served, refused = Result(B, Outcome.DELIVERED, Reply(250, "taken")), Result(C, Outcome.REFUSED, Reply(550, "no"))
    with pytest.raises(ReplyError) as told:
        Report((served, refused)).raise_for_status()
    assert told.value.reply.code == 550


# -- content ----------------------------------------------------------------------------------------------------------


def test_chunks_of_one_octet() -> None:
    conn, transaction = start(b"a\r\n", chunk_size=1)
    server = ScriptedServer(offers="CHUNKING,PIPELINING")
    converse(conn, server, transaction.handle)
    assert server.texts == [b"a", b"\r", b"\n"]
    assert transaction.report.complete


def test_a_text_of_the_driver_does_not_leave_before_it_is_there() -> None:
    conn, transaction = start(None, one_flight=True)
    server = ScriptedServer(offers="CHUNKING,PIPELINING")

    def handle(event: ClientEvent) -> None:
        transaction.handle(event)
        if isinstance(event, SendBody):
            conn.end_body(TEXT)

    converse(conn, server, handle)
    assert server.texts == [TEXT]


@pytest.mark.parametrize(("offers", "waits"), [("", True), ("CHUNKING", False), ("CHUNKING,PIPELINING", False)])
def test_behind_data_alone_a_text_is_awaited(offers: str, waits: bool) -> None:
    conn, transaction = start()
    server = ScriptedServer({".": ["250 taken"]}, offers=offers)
    seen: list[bool] = []

    def handle(event: ClientEvent) -> None:
        transaction.handle(event)
        seen.append(transaction.awaiting_text)

    converse(conn, server, handle)
    assert any(seen) is waits
    assert not transaction.awaiting_text


def test_a_text_is_due_to_one_transaction_alone() -> None:
    conn, transaction = start(None)
    other = Transaction(conn, "a@client.example", ["b@mx.example"])
    seen: list[tuple[bool, bool]] = []

    def handle(event: ClientEvent) -> None:
        transaction.handle(event)
        if isinstance(event, SendBody):
            seen.append((transaction.sending, other.sending))
            conn.end_body(TEXT)
            seen.append((transaction.sending, other.sending))

    converse(conn, ScriptedServer(), handle)
    assert seen == [(True, False), (False, False)]


def test_the_recipients_are_those_that_were_sent() -> None:
    """Without the parameters that the server does not offer (RFC 3461 5.2.2)."""
    conn = ClientConnection("client.example")
    given = [Rcpt(path, Parameters((("NOTIFY", "NEVER"),))) for path in (B, C)]
    transaction = Transaction(conn, "a@client.example", given, body=TEXT)
    events = converse(conn, ScriptedServer(), transaction.handle)
    sent = [event.command for event in events if isinstance(event, Response) and isinstance(event.command, Rcpt)]
    assert sent == [Rcpt(B), Rcpt(C)]
    assert [*transaction.recipients] == sent


# -- replies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("offers", ["", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"])
def test_400_refuses(verb: str, offers: str) -> None:
    conn, transaction = start()
    converse(conn, ScriptedServer({verb: ["400 no"]}, offers=offers), transaction.handle)
    if verb == "DATA" and "CHUNKING" in offers:
        assert transaction.report.complete
    else:
        assert [result.outcome for result in transaction.report] == [Outcome.RETRY]
        assert transaction.done


def test_400_refuses_a_chunk() -> None:
    conn, transaction = start(chunk_size=5)
    converse(conn, ScriptedServer({"BDAT": ["400 no"]}, offers="CHUNKING"), transaction.handle)
    assert [result.outcome for result in transaction.report] == [Outcome.RETRY]
    assert transaction.report.reply == Reply(400, "no")
    assert transaction.done


def test_421_when_the_text_has_left_already_leaves_it_unknown() -> None:
    """One flight: nobody knows whether the message was taken for those that were accepted (RFC 1047)."""
    conn = ClientConnection("client.example")
    transaction = Transaction(conn, "a@client.example", [B, C], body=TEXT, one_flight=True)
    converse(conn, ScriptedServer({"RCPT": ["", "421 bye"]}, offers="PIPELINING,CHUNKING"), transaction.handle)
    assert [result.outcome for result in transaction.report] == [Outcome.UNKNOWN, Outcome.RETRY]
    assert transaction.report.error == "service-closing"


def test_no_other_reply_than_that_to_ehlo_begins() -> None:
    conn = ClientConnection("client.example", greet=False)
    transaction = Transaction(conn, "a@client.example", ["b@mx.example"], body=TEXT)
    conn.send(Noop())
    server = ScriptedServer()
    converse(conn, server, transaction.handle)
    assert not transaction.started
    conn.send(Hello(Domain("client.example")))
    conn.receive_data(server.take(conn.data_to_send()))
    for event in conn.events():
        transaction.handle(event)
    assert transaction.started
    assert conn.data_to_send() == b"MAIL FROM:<a@client.example>\r\n"


@pytest.mark.parametrize("answer", ["", "550 no"])
def test_another_greeting_begins_nothing(answer: str) -> None:
    conn, transaction = start()
    server = ScriptedServer({"EHLO": ["", answer]})
    converse(conn, server, transaction.handle)
    report, lines = transaction.report, len(server.lines)
    conn.send(Hello(Domain("client.example")))
    conn.receive_data(server.take(conn.data_to_send()))
    for event in conn.events():
        transaction.handle(event)
    assert transaction.report == report
    assert conn.data_to_send() == b""
    assert len(server.lines) == lines + 1
