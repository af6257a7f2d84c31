"""Both ends joined in memory: the tool that is shipped for tests and harnesses."""

from __future__ import annotations

import pytest

import smtpcore
from smtpcore import (
    SIZE,
    ClientConnection,
    Closed,
    Data,
    Delivery,
    Mail,
    Message,
    Parameters,
    Quit,
    Rcpt,
    ServerConnection,
    State,
)
from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.testing import Link, link, octets, whole
from smtpcore.testing.link import Cut

TEXT = b"Subject: x\r\n\r\n.dot\r\n"


def ends() -> tuple[ClientConnection, ServerConnection]:
    extensions = [*smtpcore.SERVER_EXTENSIONS, smtpcore.StartTlsExtension()]
    return ClientConnection("client.example"), ServerConnection("mx.example.org", extensions=extensions)


def delivery(client: ClientConnection, *, tls: bool = False) -> Delivery:
    message = Message("a@client.example", ("b@mx.example.org",), TEXT)
    return Delivery(client, [message], tls="required" if tls else "none")


@pytest.mark.parametrize("cut", [whole, octets], ids=["whole", "octets"])
def test_what_one_end_sends_arrives_equal(cut: Cut) -> None:
    client, server = ends()
    session = delivery(client)
    joined = link(client, server, drive=lambda conn, event: session.handle(event), cut=cut)
    assert session.reports[0].complete
    assert Mail(ReversePath.of("a@client.example"), Parameters((SIZE(len(TEXT)),))) in joined.server_events
    assert Rcpt(ForwardPath.of("b@mx.example.org")) in joined.server_events
    assert joined.server_events[-1] == joined.client_events[-1] == Closed()
    assert joined.transcript[0] == ("S", b"220 mx.example.org ESMTP ready\r\n")
    assert b"".join(data for who, data in joined.transcript if who == "C").endswith(b"QUIT\r\n")


def test_the_handshake_is_played() -> None:
    client, server = ends()
    session = delivery(client, tls=True)
    link(client, server, drive=lambda conn, event: session.handle(event))
    assert session.reports[0].complete
    assert server.session.tls
    assert client.session.tls


def test_without_a_driver_it_runs_until_the_caller_is_asked() -> None:
    client, server = ends()
    joined = Link(client, server)
    assert joined.run() is joined
    assert (client.state, server.state) == (State.READY, State.READY)
    client.send_all([Mail(ReversePath.of("a@client.example")), Rcpt(ForwardPath.of("b@mx.example.org")), Data()])
    joined.run()
    assert client.body_due
    client.send_body(TEXT)
    client.end_body()
    client.send(Quit())
    joined.run()
    assert (client.state, server.state) == (State.CLOSED, State.CLOSED)


def test_a_line_that_is_cut() -> None:
    client, server = ends()
    joined = link(client, server).close()
    assert isinstance(joined.client_events[-1], Closed)
    assert isinstance(joined.client_events[-1].error, smtpcore.ConnectionLost)
    assert isinstance(joined.server_events[-1], Closed)
    assert isinstance(joined.server_events[-1].error, smtpcore.ConnectionLost)


def test_an_end_that_closes_takes_the_line_with_it() -> None:
    client, server = ends()
    joined = link(client, server)
    client.abort()
    joined.run()
    assert isinstance(joined.server_events[-1], Closed)
    client, server = ends()
    joined = link(client, server)
    server.receive_eof()
    joined.run()
    assert isinstance(joined.client_events[-1], Closed)
    client, server = ends()
    refusing = link(client, server, serve=lambda conn, event: conn.shut_down())
    assert isinstance(refusing.client_events[-1], Closed)
    assert server.state is State.CLOSED
