"""PLAIN, LOGIN and CRAM-MD5, both roles."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl import (
    Authorization,
    Challenge,
    CramMd5Client,
    CramMd5Server,
    Failure,
    FailureReason,
    Identity,
    LoginClient,
    LoginServer,
    PasswordCredentials,
    PlainClient,
    PlainServer,
    SaslError,
    SecretNeeded,
    Success,
    Verify,
    advertised,
    usable,
)
from smtpcore.sasl.cram_md5 import CRAM_MD5
from tests.sasl_pair import password_judge, talk

MALFORMED = Failure(FailureReason.MALFORMED)
REFUSED = Failure(FailureReason.CREDENTIALS)
CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"


# PLAIN


@pytest.mark.parametrize(
    ("message", "credentials"),
    [
        ("AHRpbQB0YW5zdGFhZnRhbnN0YWFm", PasswordCredentials("tim", "", "tanstaaftanstaaf")),
        ("dGVzdAB0ZXN0ADEyMzQ=", PasswordCredentials("test", "test", "1234")),
    ],
)
@pytest.mark.rule("X-PLAIN-01")
def test_plain_examples(message: str, credentials: PasswordCredentials) -> None:
    octets = b64decode(message)
    assert PlainServer().step(octets) == Verify(credentials)
    client = PlainClient(
        credentials.authentication_id, credentials.password, authorization_id=credentials.authorization_id
    )
    assert client.step(None) == octets
    assert client.complete


@pytest.mark.parametrize("message", [b"", b"a", b"a\0b", b"\0a\0b\0c", b"\0", b"\0" * 9216, b"\0\0\0"])
@pytest.mark.rule("X-PLAIN-02")
def test_plain_separators(message: bytes) -> None:
    assert PlainServer().step(message) == MALFORMED


@pytest.mark.rule("X-PLAIN-03")
def test_plain_long_fields() -> None:
    acting, user, password = "z" * 255, "\u00e9" * 127 + "u", "p" * 255
    outcome = PlainServer().step(f"{acting}\0{user}\0{password}".encode())
    assert outcome == Verify(PasswordCredentials(user, acting, password))


@pytest.mark.parametrize("message", [b"\0\xff\0x", b"\0u\0\xc0\x80", b"\xed\xa0\x80\0u\0x", b"\0u\0\xf4\x90\x80\x80"])
@pytest.mark.rule("X-PLAIN-04")
def test_plain_invalid_utf8(message: bytes) -> None:
    assert PlainServer().step(message) == MALFORMED


@pytest.mark.parametrize(
    "message",
    ["\0\0x", "\0u\0", "\0\u00ad\0x", "\0u\0\u00ad", "\u00ad\0u\0x", "\0a\r\nRSET\0x", "\0u\0x\n", "\0u\u202e\0x"],
)
@pytest.mark.rule("X-PLAIN-05", "X-AUTH-40")
def test_plain_preparation_fails(message: str) -> None:
    assert PlainServer().step(message.encode()) == REFUSED


@pytest.mark.rule("X-AUTH-40")
def test_plain_prepares() -> None:
    outcome = PlainServer().step("\u2168\0I\u00adX\0\u00aa".encode())
    assert outcome == Verify(PasswordCredentials("IX", "IX", "a"))


@pytest.mark.rule("X-PLAIN-06")
def test_plain_authorization_is_asked_separately() -> None:
    message = b"Ursel\0Kurt\0xipj3plmq"
    server = PlainServer()
    assert server.step(message) == Verify(PasswordCredentials("Kurt", "Ursel", "xipj3plmq"))
    assert server.verified(True) == Verify(Authorization("Kurt", "Ursel"))
    assert server.verified(False) == REFUSED

    users, client = {"Kurt": "xipj3plmq"}, PlainClient("Kurt", "xipj3plmq", authorization_id="Ursel")
    assert talk(client, PlainServer(), password_judge(users)) == REFUSED
    client = PlainClient("Kurt", "xipj3plmq", authorization_id="Ursel")
    allowed = password_judge(users, frozenset({("Kurt", "Ursel")}))
    assert talk(client, PlainServer(), allowed) == Success(Identity("Kurt", "Ursel"))


def test_plain_own_name_needs_no_authorization() -> None:
    server = PlainServer()
    server.step(b"u\0u\0p")
    assert server.verified(True) == Success(Identity("u", "u"))


def test_plain_canonical_name_from_the_application() -> None:
    server = PlainServer()
    server.step(b"\0u\0p")
    assert server.verified(True, identity="u@example.org") == Success(Identity("u@example.org", "u@example.org"))


@pytest.mark.parametrize(
    ("user", "password", "acting"),
    [("a\0b", "x", ""), ("a", "x\0y", ""), ("a", "x", "z\0"), ("", "x", ""), ("a", "", ""), ("a\ud800", "x", "")],
)
@pytest.mark.rule("X-PLAIN-07")
def test_plain_client_refuses(user: str, password: str, acting: str) -> None:
    with pytest.raises(LocalProtocolError):
        PlainClient(user, password, authorization_id=acting)


@pytest.mark.rule("X-PLAIN-08")
def test_plain_client_acts_as_itself() -> None:
    assert PlainClient("tim", "secret").step(b"") == b"\0tim\0secret"


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.rule("X-AUTH-11", "X-AUTH-25")
def test_plain_exchange(initial: bool) -> None:
    judge = password_judge({"tim": "secret"})
    outcomes = [
        talk(PlainClient(user, password), PlainServer(), judge, initial=initial)
        for user, password in (("tim", "secret"), ("tim", "wrong"), ("nobody", "secret"))
    ]
    assert outcomes == [Success(Identity("tim", "tim")), REFUSED, REFUSED]


def test_plain_has_one_message() -> None:
    client = PlainClient("tim", "secret")
    client.step(None)
    with pytest.raises(SaslError) as caught:
        client.step(b"again")
    assert caught.value.reason == "unexpected-challenge"
    assert not client.complete


# LOGIN


@pytest.mark.rule("X-LOGIN-01")
def test_login_prompts() -> None:
    server = LoginServer()
    prompt = server.step(None)
    assert isinstance(prompt, Challenge)
    assert b64encode(prompt.data) == b"VXNlcm5hbWU6"
    prompt = server.step(b"tim")
    assert isinstance(prompt, Challenge)
    assert b64encode(prompt.data) == b"UGFzc3dvcmQ6"
    assert server.step(b"secret") == Verify(PasswordCredentials("tim", "", "secret"))
    assert server.verified(True) == Success(Identity("tim", "tim"))


@pytest.mark.parametrize("prompts", [(b"Username:", b"Password:"), (b"User Name\0", b"Password\0"), (b"", b"")])
@pytest.mark.rule("X-LOGIN-02")
def test_login_client_ignores_prompts(prompts: tuple[bytes, bytes]) -> None:
    client = LoginClient("tim", "secret")
    assert client.step(prompts[0]) == b"tim"
    assert not client.complete
    assert client.step(prompts[1]) == b"secret"
    assert client.complete
    with pytest.raises(SaslError):
        client.step(b"Password:")
    assert not client.complete


@pytest.mark.rule("X-LOGIN-03")
def test_login_initial_response_is_the_user_name() -> None:
    server = LoginServer()
    assert server.step(b"tim") == Challenge(b"Password:")
    assert server.step(b"secret") == Verify(PasswordCredentials("tim", "", "secret"))


@pytest.mark.rule("X-LOGIN-04")
def test_login_client_has_no_initial_response() -> None:
    assert not LoginClient.mechanism.client_first
    with pytest.raises(LocalProtocolError):
        LoginClient("tim", "secret").step(None)


@pytest.mark.parametrize(("user", "password"), [(b"", b"x"), (b"u", b""), (b"", b""), (b"u\0", b"x")])
@pytest.mark.rule("X-LOGIN-05")
def test_login_empty_fields(user: bytes, password: bytes) -> None:
    server = LoginServer()
    server.step(None)
    assert server.step(user) == Challenge(b"Password:")
    assert server.step(password) == REFUSED


def test_login_invalid_utf8() -> None:
    server = LoginServer()
    assert server.step(b"\xff") == MALFORMED
    server = LoginServer()
    server.step(b"u")
    assert server.step(b"\xff") == MALFORMED


@pytest.mark.parametrize(("user", "password"), [("a\0", "b"), ("a", "b\0"), ("", "b"), ("a", "")])
def test_login_client_refuses(user: str, password: str) -> None:
    with pytest.raises(LocalProtocolError):
        LoginClient(user, password)


@pytest.mark.rule("X-LOGIN-06")
def test_login_is_offered_if_asked_and_under_tls() -> None:
    assert "LOGIN" not in advertised(tls=True)
    assert advertised(["LOGIN"], tls=True) == ("LOGIN",)
    assert advertised(["LOGIN"], tls=False) == ()


# CRAM-MD5


@pytest.mark.rule("X-CRAM-01", "X-CRAM-02")
def test_cram_example() -> None:
    server = CramMd5Server(CHALLENGE)
    challenge = server.step(None)
    assert isinstance(challenge, Challenge)
    assert b64encode(challenge.data) == b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
    client = CramMd5Client("tim", "tanstaaftanstaaf")
    response = client.step(challenge.data)
    assert b64encode(response) == b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
    assert client.complete
    assert server.step(response) == Verify(SecretNeeded("tim", "", "CRAM-MD5"))
    assert server.provide("tanstaaftanstaaf") == Success(Identity("tim", "tim"))


@pytest.mark.parametrize(
    "challenge",
    [b"", b"<a>", b"<@h>", b"<a@>", b"a@h>", b"<a@h", b"<a b@h>", b"<a\r@h>", b"<a@h\xff>", b"@", b"<", b"<a@h>\n"],
)
@pytest.mark.rule("X-CRAM-01")
def test_cram_challenge_is_a_message_identifier(challenge: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        CramMd5Server(challenge)


@pytest.mark.rule("X-CRAM-03")
def test_cram_user_name_with_spaces() -> None:
    server = CramMd5Server(CHALLENGE)
    server.step(None)
    assert server.step(b"tim b b913a602c7eda7a495b4e6e7334d3890") == Verify(SecretNeeded("tim b", "", "CRAM-MD5"))
    assert talk(CramMd5Client("tim b", "x"), CramMd5Server(CHALLENGE), stored={"tim b": b"x"}) == Success(
        Identity("tim b", "tim b")
    )


@pytest.mark.parametrize(
    "response",
    [
        b"tim B913A602C7EDA7A495B4E6E7334D3890",
        b"tim b913a602c7eda7a495b4e6e7334d3891",
        b"tim b913a602c7eda7a495b4e6e7334d389",
        b"tim ",
        b"tim \xff",
    ],
)
@pytest.mark.rule("X-CRAM-04")
def test_cram_digest_is_exact(response: bytes) -> None:
    server = CramMd5Server(CHALLENGE)
    server.step(None)
    server.step(response)
    assert server.provide("tanstaaftanstaaf") == REFUSED


@pytest.mark.rule("X-CRAM-05", "X-AUTH-16")
def test_cram_initial_response() -> None:
    assert CramMd5Server(CHALLENGE).step(b"tim") == Failure(FailureReason.INITIAL_RESPONSE)
    with pytest.raises(LocalProtocolError):
        CramMd5Client("tim", "x").step(None)


@pytest.mark.rule("X-AUTH-25")
def test_cram_unknown_user_fails_like_a_wrong_password() -> None:
    assert talk(CramMd5Client("nobody", "x"), CramMd5Server(CHALLENGE)) == REFUSED
    assert talk(CramMd5Client("tim", "x"), CramMd5Server(CHALLENGE), stored={"tim": "y"}) == REFUSED
    # the digest with the empty password is not a way in
    server = CramMd5Server(CHALLENGE)
    server.step(None)
    server.step(b"tim " + hmac.new(b"", CHALLENGE, "md5").hexdigest().encode())
    assert server.provide(None) == REFUSED


@pytest.mark.parametrize(("response", "outcome"), [(b"", MALFORMED), (b"tim", MALFORMED), (b"\xff x", MALFORMED)])
def test_cram_malformed(response: bytes, outcome: Failure) -> None:
    server = CramMd5Server(CHALLENGE)
    server.step(None)
    assert server.step(response) == outcome


@pytest.mark.rule("X-AUTH-40")
def test_cram_user_name_is_prepared() -> None:
    server = CramMd5Server(CHALLENGE)
    server.step(None)
    assert server.step("I\u00adX 00".encode()) == Verify(SecretNeeded("IX", "", "CRAM-MD5"))
    server = CramMd5Server(CHALLENGE)
    server.step(None)
    assert server.step(b" 00") == REFUSED


def test_cram_client_challenges() -> None:
    client = CramMd5Client("tim", "x")
    with pytest.raises(SaslError) as caught:
        client.step(b"")
    assert caught.value.reason == "malformed-challenge"
    client = CramMd5Client("tim", "x")
    client.step(CHALLENGE)
    with pytest.raises(SaslError):
        client.step(CHALLENGE)


def test_cram_wants_a_password() -> None:
    from smtpcore.sasl import ScramKeys

    server = CramMd5Server(CHALLENGE)
    server.step(None)
    server.step(b"tim 00")
    with pytest.raises(LocalProtocolError):
        server.provide(ScramKeys("SHA-1", b"s", 1, b"k" * 20, b"k" * 20))
    assert server.provide("x") == REFUSED  # the question was still open


@pytest.mark.rule("X-CRAM-07")
def test_cram_vanishes_without_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    real = hashlib.new
    assert usable(CRAM_MD5)
    assert "CRAM-MD5" in advertised(["CRAM-MD5"], tls=True)

    def new(name: str, data: bytes = b"") -> object:
        if name == "md5":
            raise ValueError("unsupported hash type md5")
        return real(name, data)

    monkeypatch.setattr(hashlib, "new", new)
    assert not usable(CRAM_MD5)
    assert advertised(["CRAM-MD5", "SCRAM-SHA-256"], tls=True) == ("SCRAM-SHA-256",)
