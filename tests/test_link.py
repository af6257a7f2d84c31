"""Both ends joined in memory: the tool that is shipped for tests and harnesses."""

from __future__ import annotations

import base64
from collections.abc import Iterable

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
    sasl,
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


# -- the transcript ----------------------------------------------------------------------------------------------------


def logged_in(name: str, *, initial: bool, password: str = "open sesame", cut: Cut = whole) -> Link:
    """A delivery with a login; the application knows the password "open sesame"."""
    auth = smtpcore.AuthExtension(
        ("PLAIN", "LOGIN", "CRAM-MD5"),
        clear_text=True,
        make=lambda name: sasl.server_mechanism(name, sasl.ServerSettings(challenge=b"<1.2@mx.example.org>")),
    )
    client = ClientConnection("client.example", tls=True, tls_verified=True)
    server = ServerConnection("mx.example.org", extensions=[*smtpcore.SERVER_EXTENSIONS, auth], tls=True)
    credentials = sasl.ClientCredentials("ann", password)
    login = smtpcore.Login(credentials, (name,), nonce=b"nonce", initial_response=initial)
    session = Delivery(
        client, [Message("a@client.example", ("b@mx.example.org",), b"AUTH PLAIN in a text\r\n")], login=login
    )

    def serve(connection: ServerConnection, event: object) -> None:
        if isinstance(event, smtpcore.Authenticate):
            if isinstance(event.credentials, sasl.PasswordCredentials) and event.credentials.password != "open sesame":
                connection.reject(event, smtpcore.replies.AUTH_FAILED)
            elif isinstance(event.credentials, sasl.PasswordCredentials):
                connection.accept(event)
            else:
                connection.provide(event, "open sesame")
        else:
            smtpcore.accept_all(connection, event)  # type: ignore[arg-type]

    return link(client, server, serve=serve, drive=lambda conn, event: session.handle(event), cut=cut)


def exchange(transcript: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """From AUTH on, to the reply that ends it."""
    found: list[tuple[str, bytes]] = []
    for side, data in transcript:
        if found or data.startswith(b"AUTH"):
            found.append((side, data))
            if data[:3] in (b"235", b"535"):
                break
    return found


@pytest.mark.rule("X-AUTH-52")
@pytest.mark.parametrize("cut", [whole, octets], ids=["whole", "octets"])
@pytest.mark.parametrize(
    ("name", "initial", "said"),
    [
        ("PLAIN", True, [("C", b"AUTH PLAIN ***\r\n")]),
        ("PLAIN", False, [("C", b"AUTH PLAIN\r\n"), ("S", b"334 \r\n"), ("C", b"***\r\n")]),
        (
            "LOGIN",
            False,
            [
                ("C", b"AUTH LOGIN\r\n"),
                ("S", b"334 ***\r\n"),
                ("C", b"***\r\n"),
                ("S", b"334 ***\r\n"),
                ("C", b"***\r\n"),
            ],
        ),
        ("CRAM-MD5", True, [("C", b"AUTH CRAM-MD5\r\n"), ("S", b"334 ***\r\n"), ("C", b"***\r\n")]),
    ],
)
def test_what_is_said_in_a_login_is_hidden(name: str, initial: bool, said: list[tuple[str, bytes]], cut: Cut) -> None:
    for password, code in (("open sesame", b"235"), ("open barley", b"535")):
        joined = logged_in(name, initial=initial, password=password, cut=cut)
        *shown, (_, last) = exchange(joined.transcript)
        assert shown == said
        assert last.startswith(code)
        secrets = [
            password.encode(),
            base64.b64encode(password.encode()),
            base64.b64encode(b"\0ann\0" + password.encode()),
        ]
        everything = b"".join(data for _, data in joined.transcript)
        assert not any(secret in everything for secret in secrets)
        assert len(joined.raw_transcript) == len(joined.transcript)
        real = exchange(joined.raw_transcript)
        assert [side for side, _ in real] == [side for side, _ in (*shown, ("S", last))]
        if name == "PLAIN":
            assert secrets[2] in b"".join(data for _, data in real)


def test_the_rest_of_a_transcript_is_as_it_was() -> None:
    """A text that looks like AUTH is a text, and replies outside of an exchange are whole."""
    joined = logged_in("PLAIN", initial=True)
    changed = [(new, old) for new, old in zip(joined.transcript, joined.raw_transcript, strict=True) if new != old]
    assert [new for new, _ in changed] == [("C", b"AUTH PLAIN ***\r\n")]
    assert any(b"AUTH PLAIN in a text" in data for _, data in joined.transcript)


class Said:
    """A dialogue that says these lines, whatever it is asked."""

    def __init__(self, *lines: bytes) -> None:
        self.left = list(lines)

    def receive(self, reply: smtpcore.Reply) -> bytes:
        return self.left.pop(0)

    def finish(self, reply: smtpcore.Reply) -> str:
        return ""


@pytest.mark.parametrize(
    ("lines", "shown"),
    [((b"*",), b"*\r\n"), ((b"",), b"\r\n"), ((b"c2VjcmV0",), b"***\r\n")],
    ids=["cancelled", "empty", "said"],
)
def test_what_is_no_credential_is_shown(lines: tuple[bytes, ...], shown: bytes) -> None:
    """The command before AUTH, a cancellation and an empty line."""
    client = ClientConnection("client.example", tls=True, tls_verified=True)
    auth = smtpcore.AuthExtension(("LOGIN",))
    server = ServerConnection("mx.example.org", extensions=[*smtpcore.SERVER_EXTENSIONS, auth], tls=True)
    joined = link(client, server)
    before = len(joined.transcript)
    client.send(smtpcore.Reset())
    client.send(smtpcore.Auth("LOGIN", b"ann"), dialogue=Said(*lines))
    joined.run()
    (_, first), (_, asked), (_, answer), *_ = joined.transcript[before:]
    assert (first, asked) == (b"RSET\r\nAUTH LOGIN ***\r\n", b"250 2.0.0 OK\r\n334 ***\r\n")
    assert answer == shown
