"""SASL against other implementations, each mechanism they have, both roles: pysasl and scramp."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import SyntaxProblem
from smtpcore.sasl import (
    Challenge,
    ChannelBinding,
    ClientCredentials,
    CramMd5Server,
    ExternalCredentials,
    ExternalServer,
    Failure,
    FailureReason,
    Identity,
    LoginServer,
    OAuthError,
    PasswordCredentials,
    PlainServer,
    SaslError,
    ScramClient,
    ScramKeys,
    ScramServer,
    SecretNeeded,
    ServerMechanism,
    Success,
    TokenCredentials,
    Verify,
    XOAuth2Client,
    XOAuth2Server,
    client_mechanism,
    saslprep,
)

pytestmark = pytest.mark.interop
pysasl: Any = pytest.importorskip("pysasl")
scramp: Any = pytest.importorskip("scramp")

REFUSED = Failure(FailureReason.CREDENTIALS)
NAMES = ["tim", "tim@example.org", "t\u00efm", "\u2168", "a,b=c"]
PASSWORDS = ["tanstaaf", "p\u00e4ss w\u00f6rd", "\u00aa\u00bd", "a=b,c"]
CB_DATA = bytes(range(32))


# pysasl


def pysasl_server(name: str) -> Any:
    return pysasl.SASLAuth.named([name.encode()]).get_server(name.encode())


def pysasl_client(name: str) -> Any:
    return pysasl.SASLAuth.named([name.encode()]).get_client(name.encode())


def run_our_client(name: str, credentials: ClientCredentials) -> tuple[Any, bool]:
    """Our client's answers until pysasl's server has what it needs: its result, and whether we are complete."""
    from pysasl.mechanism import ChallengeResponse, ServerChallenge

    client, server = client_mechanism(name, credentials), pysasl_server(name)
    responses: list[Any] = []
    while True:
        try:
            result, _ = server.server_attempt(responses)
        except ServerChallenge as challenge:
            responses.append(ChallengeResponse(challenge.data, client.step(challenge.data)))
        else:
            return result, client.complete


def run_our_server(server: ServerMechanism, user: str, password: str, acting: str = "") -> Any:
    """What our server says after pysasl's client has answered all challenges."""
    from pysasl.creds.client import ClientCredentials as PeerCredentials
    from pysasl.mechanism import ServerChallenge

    client = pysasl_client(server.name)
    credentials = PeerCredentials(user, password, acting)
    challenges: list[Any] = []
    outcome = server.step(None)
    while isinstance(outcome, Challenge):
        challenges.append(ServerChallenge(outcome.data))
        outcome = server.step(client.client_attempt(credentials, challenges).response)
    return outcome


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("user", ["tim", "t\u00efm", "tim b"])
@pytest.mark.rule("X-PLAIN-01", "X-LOGIN-02", "X-CRAM-02")
def test_pysasl_server_and_passwords(name: str, user: str) -> None:
    from pysasl.identity import ClearIdentity

    identity = ClearIdentity(user, "p\u00e4ss")
    for password, expected in (("p\u00e4ss", True), ("wrong", False)):
        result, complete = run_our_client(name, ClientCredentials(user, password))
        assert result.authcid == user
        assert result.verify(identity) is expected
        assert complete


@pytest.mark.rule("X-PLAIN-01", "X-EXTERNAL-01")
def test_pysasl_server_and_authorization() -> None:
    acting = ClientCredentials("tim", "x", authorization_id="boss", external=True)
    assert run_our_client("PLAIN", acting)[0].authzid == "boss"
    assert run_our_client("EXTERNAL", acting)[0].authzid == "boss"
    assert run_our_client("EXTERNAL", ClientCredentials(external=True))[0].authzid == ""


@pytest.mark.rule("X-XOAUTH2-01", "X-XOAUTH2-04")
def test_pysasl_server_and_token() -> None:
    from pysasl.creds.external import ExternalVerificationRequired

    result, complete = run_our_client("XOAUTH2", ClientCredentials("a@b.example", token="tok"))
    assert complete
    assert result.authzid == "a@b.example"
    with pytest.raises(ExternalVerificationRequired) as caught:
        result.verify(None)
    assert caught.value.token == "tok"


@pytest.mark.parametrize("user", ["tim", "t\u00efm", "tim b"])
@pytest.mark.rule("X-PLAIN-01", "X-LOGIN-01", "X-CRAM-01", "X-CRAM-03")
def test_pysasl_client_and_passwords(user: str) -> None:
    assert run_our_server(PlainServer(), user, "p\u00e4ss") == Verify(PasswordCredentials(user, "", "p\u00e4ss"))
    assert run_our_server(PlainServer(), user, "x", "boss") == Verify(PasswordCredentials(user, "boss", "x"))
    assert run_our_server(LoginServer(), user, "p\u00e4ss") == Verify(PasswordCredentials(user, "", "p\u00e4ss"))
    for stored, expected in (("p\u00e4ss", Success(Identity(user, user))), ("wrong", REFUSED), (None, REFUSED)):
        server = CramMd5Server(b"<1.2@mx.example>")
        assert run_our_server(server, user, "p\u00e4ss") == Verify(SecretNeeded(user, "", "CRAM-MD5"))
        assert server.provide(stored) == expected


@pytest.mark.rule("X-EXTERNAL-01", "X-XOAUTH2-01")
def test_pysasl_client_external_and_token() -> None:
    assert run_our_server(ExternalServer("CN=x"), "", "", "fred") == Verify(ExternalCredentials("CN=x", "fred"))
    assert run_our_server(XOAuth2Server(), "a@b", "tok") == Verify(TokenCredentials("a@b", "tok"))


@pytest.mark.rule("X-XOAUTH2-03")
def test_pysasl_client_and_refused_token() -> None:
    from pysasl.creds.client import ClientCredentials as PeerCredentials
    from pysasl.mechanism import ServerChallenge

    server, client, credentials = XOAuth2Server(), pysasl_client("XOAUTH2"), PeerCredentials("u", "bad")
    server.step(client.client_attempt(credentials, []).response)
    error = server.verified(False)
    assert isinstance(error, Challenge)
    answer = client.client_attempt(credentials, [ServerChallenge(error.data)]).response
    assert answer == XOAuth2Client("u", "bad").step(None)[:0] == b""
    assert server.step(answer) == REFUSED
    assert OAuthError.parse(error.data).status == "invalid_token"


# scramp

HASHES = ["SHA-1", "SHA-256", "SHA-512"]
#: scramp knows these types only, and no authorization identity.
BINDINGS = ["tls-unique", "tls-server-end-point"]


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.rule("X-SCRAM-24")
def test_keys_are_the_same(hash_name: str, password: str) -> None:
    salt = b"0123456789abcdef"
    peer = scramp.ScramMechanism(f"SCRAM-{hash_name}").make_auth_info(password, iteration_count=4096, salt=salt)
    ours = ScramKeys.derive(hash_name, password, salt, 4096)
    assert peer == (ours.salt, ours.stored_key, ours.server_key, ours.iterations)


def our_client(hash_name: str, kind: str, user: str, password: str) -> ScramClient:
    binding = ChannelBinding(kind, CB_DATA) if kind else None
    name = f"SCRAM-{hash_name}-PLUS" if kind else f"SCRAM-{hash_name}"
    return ScramClient(name, user, password, b"client-nonce", channel_binding=binding)


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("kind", ["", *BINDINGS])
@pytest.mark.parametrize(("user", "password"), [*zip(NAMES, [*PASSWORDS, "x"], strict=True)])
@pytest.mark.rule("X-SCRAM-01", "X-SCRAM-02", "X-SCRAM-04", "X-SCRAM-14")
def test_scramp_server(hash_name: str, kind: str, user: str, password: str) -> None:
    client = our_client(hash_name, kind, user, password)
    mechanism = scramp.ScramMechanism(client.name)
    info = mechanism.make_auth_info(password, iteration_count=4096)
    asked: list[str] = []

    def find(name: str) -> Any:
        asked.append(name)
        return info

    server = mechanism.make_server(find, channel_binding=(kind, CB_DATA) if kind else None)
    server.set_client_first(client.step(None).decode())
    server.set_client_final(client.step(server.get_server_first().encode()).decode())
    assert client.step(server.get_server_final().encode()) == b""
    assert client.complete
    assert [str(name) for name in asked] == [saslprep(user)]


@pytest.mark.rule("X-SCRAM-18", "X-SCRAM-15")
def test_scramp_server_refuses() -> None:
    client = our_client("SHA-256", "", "tim", "wrong")
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    info = mechanism.make_auth_info("right", iteration_count=4096)
    server = mechanism.make_server(lambda _: info)
    server.set_client_first(client.step(None).decode())
    final = client.step(server.get_server_first().encode()).decode()
    with pytest.raises(scramp.ScramException):
        server.set_client_final(final)
    with pytest.raises(SaslError) as caught:
        client.step(server.get_server_final().encode())
    assert caught.value.reason == "server-error"
    assert not client.complete


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("kind", ["", *BINDINGS])
@pytest.mark.parametrize(("user", "password"), [*zip(NAMES, [*PASSWORDS, "x"], strict=True)])
@pytest.mark.rule("X-SCRAM-01", "X-SCRAM-02", "X-SCRAM-04", "X-SCRAM-14")
def test_scramp_client(hash_name: str, kind: str, user: str, password: str) -> None:
    name = f"SCRAM-{hash_name}-PLUS" if kind else f"SCRAM-{hash_name}"
    client = scramp.ScramClient([name], user, password, channel_binding=(kind, CB_DATA) if kind else None)
    bindings = [ChannelBinding("tls-exporter", b"other"), ChannelBinding(kind, CB_DATA)] if kind else []
    server = ScramServer(name, b"server-nonce", decoy_secret=b"d", channel_bindings=bindings)
    prepared = saslprep(user)
    assert server.step(client.get_client_first().encode()) == Verify(SecretNeeded(prepared, "", name))
    first = server.provide(ScramKeys.derive(hash_name, password, b"0123456789abcdef", 4096))
    assert isinstance(first, Challenge)
    client.set_server_first(first.data.decode())
    final = server.step(client.get_client_final().encode())
    assert isinstance(final, Challenge)
    client.set_server_final(final.data.decode())
    assert server.step(b"") == Success(Identity(prepared, prepared))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.rule("X-SCRAM-21")
def test_scramp_client_is_refused(known: bool) -> None:
    client = scramp.ScramClient(["SCRAM-SHA-1"], "tim", "wrong")
    server = ScramServer("SCRAM-SHA-1", b"server-nonce", decoy_secret=b"d")
    server.step(client.get_client_first().encode())
    first = server.provide(ScramKeys.derive("SHA-1", "right", b"0123456789abcdef") if known else None)
    assert isinstance(first, Challenge)
    client.set_server_first(first.data.decode())
    assert server.step(client.get_client_final().encode()) == REFUSED


@pytest.mark.rule("X-SCRAM-10", "X-SCRAM-11")
def test_scramp_client_that_could_bind() -> None:
    """Its flag is `y` when it was not offered -PLUS: fine with a server that cannot bind, refused by one that can."""
    for bindings, expected in (([], Verify), ([ChannelBinding("tls-unique", CB_DATA)], Failure)):
        client = scramp.ScramClient(["SCRAM-SHA-256"], "tim", "x", channel_binding=("tls-unique", CB_DATA))
        server = ScramServer("SCRAM-SHA-256", b"server-nonce", decoy_secret=b"d", channel_bindings=bindings)
        assert isinstance(server.step(client.get_client_first().encode()), expected)


# SASLprep: two other readings of RFC 4013


@given(st.text(st.characters(exclude_characters="\u200b"), max_size=8))
@pytest.mark.rule("X-AUTH-40")
def test_saslprep_like_scramp(text: str) -> None:
    """U+200B apart: it is in both mapping tables, and the peers take the other one (RFC 4013 section 2.1)."""
    from scramp.utils import saslprep as peer

    try:
        expected = peer(text)
    except scramp.ScramException:
        expected = None
    try:
        ours = saslprep(text, stored=True)
    except SyntaxProblem:
        ours = None
    assert ours == expected
