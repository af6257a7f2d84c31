"""Small faults of deliveries, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import base64

import pytest

from smtpcore.client import ClientConnection
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.events import ClientEvent, Closed, SendBody
from smtpcore.report import Outcome
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.state import State
from tests.scripted import HANG_UP, ScriptedServer, converse

TEXT = b"Subject: x\r\n\r\nhi\r\n"


def message(name: str, body: bytes | None = TEXT, recipients: int = 1) -> Message:
    return Message(f"{name}@client.example", tuple(f"r{number}@mx.example" for number in range(recipients)), body)


def start(*messages: Message, **options: object) -> tuple[ClientConnection, Delivery]:
    conn = ClientConnection("client.example")
    return conn, Delivery(conn, messages, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("offers", ["", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_delivery_is_done_when_quit_was_said_and_not_before(offers: str, count: int) -> None:
    conn, delivery = start(*[message("a")] * count)
    server = ScriptedServer(offers=offers)
    conn.receive_data(server.greet())
    while not delivery.done:
        for event in conn.events():
            delivery.handle(event)
        if not delivery.done:
            conn.receive_data(server.take(conn.data_to_send()))
    assert all(report.complete for report in delivery.reports)
    assert b"QUIT\r\n" in "\r\n".join([*server.lines, ""]).encode() + conn.data_to_send()


def test_a_delivery_does_not_wait_for_the_reply_to_quit() -> None:
    conn, delivery = start(message("a"))
    server = ScriptedServer()
    answer = server.greet()
    while not delivery.done:
        conn.receive_data(answer)
        for event in conn.events():
            delivery.handle(event)
        if not delivery.done:
            answer = server.take(conn.data_to_send())
    assert server.lines[-1] == "DATA"
    assert conn.state is State.READY
    assert conn.data_to_send() == b"QUIT\r\n"


@pytest.mark.parametrize(
    ("says", "options"),
    [
        ({"connect": ["554 no"]}, {}),
        ({"EHLO": ["550 no"]}, {}),
        ({}, {"tls": "required"}),
        ({}, {"login": Login(ClientCredentials("a", "b"))}),
    ],
)
def test_a_delivery_that_fails_is_done_with_quit(says: dict[str, list[str]], options: dict[str, object]) -> None:
    conn, delivery = start(message("a"), **options)
    server = ScriptedServer(says)
    conn.receive_data(server.greet())
    while b"QUIT" not in (output := conn.data_to_send()):
        assert not delivery.done
        if output:
            conn.receive_data(server.take(output))
        for event in conn.events():
            delivery.handle(event)
    assert delivery.done
    assert all(report.error for report in delivery.reports)


def test_the_message_whose_text_is_due() -> None:
    messages = [message(name, None) for name in "abc"]
    conn, delivery = start(*messages)
    seen: list[Message | None] = []

    def handle(event: ClientEvent) -> None:
        delivery.handle(event)
        if isinstance(event, SendBody):
            seen.append(delivery.current)
            conn.end_body(TEXT)

    assert delivery.current is None
    converse(conn, ScriptedServer(offers="PIPELINING"), handle)
    assert seen == messages


def test_a_message_in_parts_fails_for_the_first_reason() -> None:
    conn, delivery = start(message("a", recipients=2))
    server = ScriptedServer({"MAIL": ["550 one", "451 two"]}, offers="LIMITS RCPTMAX=1")
    converse(conn, server, delivery.handle)
    (report,) = delivery.reports
    assert report.reply is not None
    assert report.reply.text == "one"
    assert [result.outcome for result in report] == [Outcome.REFUSED, Outcome.RETRY]


def test_the_last_mechanism_that_is_not_known_either() -> None:
    conn, delivery = start(message("a"), login=Login(ClientCredentials("a", "b"), clear_text=True))
    converse(conn, ScriptedServer({"AUTH": ["504 what"]}, offers="AUTH PLAIN"), delivery.handle)
    (report,) = delivery.reports
    assert report.error == "auth-failed"
    assert report.reply is not None
    assert report.reply.code == 504


@pytest.mark.rule("X-AUTH-23")
@pytest.mark.parametrize(("size", "at_once"), [(369, True), (370, True), (372, True), (373, False)])
def test_an_initial_response_goes_along_while_the_line_has_room(size: int, at_once: bool) -> None:
    identity = "i" * size
    credentials = ClientCredentials(external=True, authorization_id=identity)
    conn, delivery = start(message("a"), login=Login(credentials, clear_text=True))
    server = ScriptedServer({"AUTH": ["235 ok" if at_once else "334 "]}, offers="AUTH EXTERNAL")
    converse(conn, server, delivery.handle)
    line = server.lines[1]
    assert len(line) + 2 <= 512
    assert (line == "AUTH EXTERNAL") is not at_once
    if at_once:
        assert line.split()[2] == base64.b64encode(identity.encode()).decode()


@pytest.mark.rule("X-AUTH-52")
def test_what_a_login_holds_is_not_shown() -> None:
    shown = repr(Login(ClientCredentials("somebody", "pencil"), nonce=b"fresh"))
    for secret in ("somebody", "pencil", "fresh"):
        assert secret not in shown


@pytest.mark.parametrize("offers", ["", "PIPELINING", "LIMITS RCPTMAX=1"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_nothing_is_begun_when_the_connection_is_closed(offers: str, verb: str) -> None:
    conn, delivery = start(message("a", recipients=2), message("b"), message("c"))
    server = ScriptedServer({verb: [HANG_UP]}, offers=offers)
    converse(conn, server, delivery.handle)
    assert delivery.done
    assert delivery.current is None
    for report in delivery.reports:
        assert report.error
        assert not report.delivered
    for event in (Closed(), Closed()):
        delivery.handle(event)
    assert delivery.done
