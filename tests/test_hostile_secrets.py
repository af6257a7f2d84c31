"""No credential in anything that is printed: events, errors, values, objects of both ends, whatever comes of AUTH."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from smtpcore import replies
from smtpcore.client import ClientConnection
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.errors import LocalProtocolError, SMTPError
from smtpcore.extensions.auth import Auth, AuthDialogue, Authenticate, AuthExtension
from smtpcore.extensions.known import KNOWN
from smtpcore.sasl.base import ServerMechanism
from smtpcore.sasl.credentials import ChannelBinding, ClientCredentials, SecretNeeded
from smtpcore.sasl.factory import ServerSettings as SaslSettings
from smtpcore.sasl.factory import client_mechanism, server_mechanism
from smtpcore.sasl.scram_keys import ScramKeys
from smtpcore.server import ServerConnection
from smtpcore.testing.link import Link
from smtpcore.value import Value
from tests.secret_watch import SecretWatch
from tests.vectors.adapters import adapter_for
from tests.vectors.adapters.client_engine import Sender
from tests.vectors.adapters.server_engine import Host
from tests.vectors.cases import WHOLE
from tests.vectors.judges.client import ClientOutcome
from tests.vectors.runner import DATA, load_all

PASSWORD, TOKEN = "OPEN-sesame-p4ssw0rd", "OPEN.sesame.t0ken"
_MECHANISMS = (
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512",
    "XOAUTH2",
    "OAUTHBEARER",
)
_BINDING = ChannelBinding("tls-exporter", b"OPEN-sesame-binding-of-32-octets")
_NONCE = b"Y2xpZW50LW5vbmNl"
_SASL = SaslSettings(
    nonce=b"c2VydmVyLW5vbmNl", challenge=b"<1.2@mx.example>", decoy_secret=b"OPEN-decoy", channel_bindings=(_BINDING,)
)


def _mechanism(name: str) -> ServerMechanism:
    return server_mechanism(name, _SASL)


def fragments(secret: str) -> Iterator[str]:
    """Pieces of a secret as they would show: plain, and in base64 wherever it begins in a group of three."""
    for start in range(len(secret) - 6):
        yield secret[start : start + 7]
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        yield encoded[4 if shift else 0 : 12]


def shown(*things: object) -> Iterator[str]:
    """Everything that a program would print of these."""
    for thing in things:
        yield repr(thing)
        yield str(thing)
        yield f"{thing}"
        if isinstance(thing, BaseException):
            yield repr(thing.args)


def check(texts: Iterable[str], secrets: Iterable[str]) -> None:
    everything = "\n".join(texts)
    for secret in secrets:
        assert secret not in everything, everything[max(0, everything.index(secret) - 200) :][:400]


class Conversation:
    """One login through both ends, with all that an application might log of it."""

    def __init__(self, name: str, *, good: bool = True, initial: bool = True, known: bool = True) -> None:
        self.good = good
        self.known = known
        self.texts: list[str] = []
        extensions = (
            *(each for each in KNOWN if each.keyword != "AUTH"),
            AuthExtension(_MECHANISMS, clear_text=True, channel_binding=True, make=_mechanism),
        )
        self.server = ServerConnection("mx.example", extensions=extensions, tls=True)
        self.client = ClientConnection("c.example", tls=True, tls_verified=True)
        credentials = ClientCredentials("user", PASSWORD, TOKEN)
        binding = _BINDING if name.endswith("-PLUS") else None  # with one the client would not take less
        login = Login(credentials, (name,), nonce=_NONCE, channel_binding=binding, initial_response=initial)
        message = Message("a@a.example", ("b@b.example",), b"x\r\n")
        self.delivery = Delivery(self.client, [message], login=login)
        self.link = Link(self.client, self.server, serve=self.serve, drive=self.drive)
        self.texts += shown(login, credentials, _SASL, self.delivery, _BINDING)

    def run(self) -> Conversation:
        self.link.run()
        self.texts += shown(self.delivery, self.client, self.server, self.client.session, self.server.session)
        self.texts += shown(*self.delivery.reports)
        self.texts += shown(self.server._dialogue, *self.link.client_events, *self.link.server_events)
        self.texts += [octets.decode() for _, octets in self.link.transcript]
        return self

    def serve(self, connection: ServerConnection, event: object) -> None:
        self.texts += shown(event, connection._dialogue)
        question = connection.question
        if question is None:
            return
        if not isinstance(question, Authenticate):
            connection.accept(question)
            return
        credentials = question.credentials
        self.texts += shown(question, credentials, question.mechanism)
        if not isinstance(credentials, SecretNeeded):
            (connection.accept if self.good else connection.reject)(question, *(() if self.good else (_NO,)))
        elif not self.known:
            connection.provide(question, None)
        else:
            password = PASSWORD if self.good else "another"
            self.texts += self.provide(connection, question, password)

    def provide(self, connection: ServerConnection, question: Authenticate, password: str) -> Iterator[str]:
        name = question.mechanism
        if name == "CRAM-MD5":
            connection.provide(question, password)
            return
        hash_name = name.removeprefix("SCRAM-").removesuffix("-PLUS")
        keys = ScramKeys.derive(hash_name, password, salt=b"salt-of-16-octet", iterations=4096)
        yield from shown(keys)
        connection.provide(question, keys)

    def drive(self, connection: ClientConnection, event: object) -> None:
        self.delivery.handle(event)  # type: ignore[arg-type]
        self.texts += shown(event, self.delivery, *(pending.dialogue for pending in connection._outstanding))

    def exchanged(self) -> Iterator[str]:
        """Every line of the exchange: what was said there is a credential, or can be turned into one."""
        inside = False
        for side, octets in self.link.raw_transcript:
            text = octets.decode()
            if side == "C":
                inside = inside or text.startswith("AUTH")
                if inside:
                    yield from (word for word in text.split() if len(word) > 8 and word not in _MECHANISMS)
            elif text.startswith("334"):
                yield from (word for word in text.split() if len(word) > 8)
            elif text.startswith(("235", "535")):
                return


_NO = replies.AUTH_FAILED


@pytest.mark.rule("X-AUTH-52")
@pytest.mark.parametrize("how", ["good", "bad", "unknown"])
@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("name", _MECHANISMS)
def test_a_login(name: str, initial: bool, how: str) -> None:
    talk = Conversation(name, good=how == "good", initial=initial, known=how != "unknown").run()
    (report,) = talk.delivery.reports
    assert report.complete is (how == "good"), report
    lines = list(talk.exchanged())
    assert lines, "nothing was exchanged at all"
    check(talk.texts, [*fragments(PASSWORD), *fragments(TOKEN), "OPEN-decoy", "binding-of", *lines])


def refused(*lines: bytes) -> list[str]:
    """What a server that protects its logins, or offers none, prints of lines with credentials in the wrong place."""
    texts: list[str] = []
    for extensions in (
        (AuthExtension(("PLAIN", "LOGIN"), make=_mechanism),),
        (AuthExtension(("PLAIN", "LOGIN"), clear_text=True, make=_mechanism),),
        (),
    ):
        server = ServerConnection("mx.example", extensions=extensions)
        for octets in (b"", b"EHLO c.example\r\n", *lines, b"NOOP\r\n"):
            server.receive_data(octets) if octets else None
            for event in server.events():
                texts += shown(event, server)
                if server.question is not None:
                    server.accept(server.question)
            texts.append(server.data_to_send().decode())
    return texts


_PLAIN = base64.b64encode(f"\0user\0{PASSWORD}".encode())


@pytest.mark.rule("X-AUTH-52")
@pytest.mark.parametrize(
    "lines",
    [
        (b"AUTH PLAIN " + _PLAIN + b"\r\n",),
        (b"AUTH PLAIN " + _PLAIN + b"!\r\n",),
        (b"AUTH PLAIN " + _PLAIN + b" " + _PLAIN + b"\r\n",),
        (b"AUTH UNKNOWN " + _PLAIN + b"\r\n",),
        (b"AUTH PLAIN\r\n", _PLAIN[:-1] + b"\r\n"),
        (b"AUTH PLAIN\r\n", b"*\r\n", _PLAIN + b"\r\n"),
        (b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", PASSWORD.encode() + b"\r\n"),
        (b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", base64.b64encode(PASSWORD.encode()) + b"=\r\n"),
        (_PLAIN + b"\r\n",),
        (PASSWORD.encode() + b"\r\n",),
        (b"PASS " + PASSWORD.encode() + b"\r\n",),
        (b"LOGIN user " + PASSWORD.encode() + b"\r\n",),
        (b"AUTHPLAIN" + _PLAIN + b"\r\n",),
        (b"AUTH PLAIN " + _PLAIN * 1000 + b"\r\n",),
        (b"AUTH PLAIN\r\n", _PLAIN * 1000 + b"\r\n"),
        (b"AUTH PLAIN " + _PLAIN + b"\r\nAUTH PLAIN " + _PLAIN + b"\r\n",),
    ],
    ids=range(16),
)
def test_a_credential_in_the_wrong_place(lines: tuple[bytes, ...]) -> None:
    check(refused(*lines), [*fragments(PASSWORD), _PLAIN.decode()[8:]])


@pytest.mark.rule("X-AUTH-52")
def test_errors_of_the_client_do_not_quote() -> None:
    texts: list[str] = []
    bad = (f"{PASSWORD}\0", f"{PASSWORD}\ud800", f"{PASSWORD}\n", f"\u0221{PASSWORD}", "")
    for name in _MECHANISMS:
        for secret in bad:
            for credentials in (
                ClientCredentials("user", secret, secret),
                ClientCredentials(secret, PASSWORD, TOKEN),
                ClientCredentials("user", PASSWORD, TOKEN, authorization_id=secret),
            ):
                try:
                    mechanism = client_mechanism(name, credentials, nonce=b"bm9uY2U", channel_binding=_BINDING)
                    dialogue = AuthDialogue(mechanism)
                    texts += shown(mechanism, dialogue, dialogue.command)
                    mechanism.step(b"unexpected")
                except SMTPError as error:
                    texts += shown(error, error.__cause__)
    assert len(texts) > 100
    check(texts, [*fragments(PASSWORD), *fragments(TOKEN)])


@pytest.mark.rule("X-AUTH-52")
@pytest.mark.parametrize(
    "answer",
    [b"334 !\r\n", b"334 dXNlcjo=\r\n", b"334-a\r\n334 b\r\n", b"235 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b""],
)
@pytest.mark.parametrize("name", _MECHANISMS)
def test_a_server_that_does_not_play_by_the_rules(name: str, answer: bytes) -> None:
    client = ClientConnection("c.example", tls=True, tls_verified=True)
    login = Login(ClientCredentials("user", PASSWORD, TOKEN), (name,), nonce=b"bm9uY2U", channel_binding=_BINDING)
    delivery = Delivery(client, [Message("a@a.example", ("b@b.example",), b"x\r\n")], login=login)
    texts: list[str] = []
    for said in (b"220 mx\r\n", b"250-mx\r\n250 AUTH " + name.encode() + b"\r\n", *(answer,) * 4, b""):
        client.receive_data(said)
        for event in client.events():
            texts += shown(event)
            delivery.handle(event)
            texts += shown(delivery, *delivery.reports, *(pending.dialogue for pending in client._outstanding))
        client.data_to_send()
    assert any("Auth" in text for text in texts) or not answer
    check(texts, [*fragments(PASSWORD), *fragments(TOKEN)])


def test_values_with_secrets() -> None:
    """The one place where a secret shows is the field itself."""
    command = Auth("PLAIN", f"\0user\0{PASSWORD}".encode())
    keys = ScramKeys.derive("SHA-256", PASSWORD, salt=b"salt-of-16-octet", iterations=4096)
    check(shown(command, keys), [*fragments(PASSWORD), repr(keys.stored_key)[2:-1], repr(keys.server_key)[2:-1]])
    assert PASSWORD.encode() in (command.initial or b"")


# -- the vectors -------------------------------------------------------------------------------------------------------


def _accounts(case: dict[str, Any]) -> set[str]:
    config = case.get("config", {})
    found = {*config.get("auth_users", {}).values(), *config.get("accounts", {}).values()}
    intent = case.get("intent") or case.get("client_intent") or {}
    auth = intent.get("auth")
    if auth:
        found |= {auth[1]} if isinstance(auth, list) else {auth.get("password")}
    return {secret for secret in found if secret and len(secret) > 3}


_CASES = [
    pytest.param(document.kind, case, id=str(case["id"]))
    for document in load_all(DATA)
    for case in document.cases
    if _accounts(dict(case))
]


@pytest.mark.rule("X-AUTH-52")
@pytest.mark.parametrize(("kind", "case"), _CASES)
def test_the_vectors_with_a_login(kind: str, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    serve, outcome = Host.handle, Sender.outcome

    def watch_server(self: Host, event: Any) -> None:
        texts.extend(shown(event, self.connection))
        serve(self, event)

    def watch_client(self: Sender) -> ClientOutcome:
        found = outcome(self)  # the events are in it, each error, and what is left at the end
        texts.extend((*found.texts, repr(found)))
        return found

    monkeypatch.setattr(Host, "handle", watch_server)
    monkeypatch.setattr(Sender, "outcome", watch_client)
    adapter_for(kind).judge(case, WHOLE)
    assert texts
    secrets = _accounts(case)
    encoded = [base64.b64encode(secret.encode()).decode()[:8] for secret in secrets]
    check(texts, [*secrets, *encoded])


def test_there_are_vectors_with_a_login() -> None:
    assert len(_CASES) > 40


# -- the watch around every test ---------------------------------------------------------------------------------------


class Leaky(Value):
    """An event that shows what it should not."""

    text: str


@pytest.mark.rule("X-AUTH-52")
def test_the_watch_of_the_suite_sees_what_leaks() -> None:
    """Itself under watch, this test must not fail: its own watch is asked by hand."""
    watch = SecretWatch()
    watch.event(Leaky(f"before it is known: {PASSWORD}"))
    watch.note(PASSWORD, b"\0key-of-scram\xff", "short", None)
    watch.event(Leaky("nothing"))
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    for text in (f"x{PASSWORD}x", encoded, repr(b"\0key-of-scram\xff"), f"AUTH PLAIN {encoded}"):
        with pytest.raises(AssertionError, match="a credential shows"):
            watch.look(text)
    with pytest.raises(AssertionError, match="a credential shows"):
        watch.event(Leaky(PASSWORD))
    assert watch.looked_at > 6
    watch.event(Leaky("short"))


@pytest.mark.rule("X-AUTH-52")
def test_the_watch_of_the_suite_stands_at_every_door() -> None:
    watch = SecretWatch()
    made = ClientCredentials.__init__
    try:
        with pytest.MonkeyPatch.context() as patch:
            watch.installed(patch)
            ClientCredentials("user", PASSWORD, TOKEN)
            assert PASSWORD in watch.secrets
            assert TOKEN in watch.secrets
            with pytest.raises(AssertionError, match="a credential shows"):
                LocalProtocolError(f"the password {PASSWORD} is no good")
            server = ServerConnection("mx.example")
            assert server.next_event() is not None
            assert watch.looked_at
    finally:
        type.__setattr__(ClientCredentials, "__init__", made)
