"""XOAUTH2 and OAUTHBEARER, both roles."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl import (
    Challenge,
    ClientCredentials,
    Credentials,
    Failure,
    FailureReason,
    Identity,
    OAuthBearerClient,
    OAuthBearerServer,
    OAuthError,
    SaslError,
    Success,
    TokenCredentials,
    Verify,
    XOAuth2Client,
    XOAuth2Server,
    advertised,
    preferred,
)
from tests.sasl_pair import talk

MALFORMED = Failure(FailureReason.MALFORMED)
REFUSED = Failure(FailureReason.CREDENTIALS)
ERROR = Challenge(b'{"status":"invalid_token"}')
GOOD = b"n,a=a@b.example,\x01host=mx.example\x01port=587\x01auth=Bearer tok\x01\x01"


def good_token(credentials: Credentials) -> bool:
    return isinstance(credentials, TokenCredentials) and credentials.token == "tok"


# XOAUTH2


@pytest.mark.rule("X-XOAUTH2-01")
def test_xoauth2_message() -> None:
    message = b64decode("dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciB0b2sBAQ==")
    client = XOAuth2Client("a@b.example", "tok")
    assert client.step(None) == message
    assert client.complete
    assert XOAuth2Server().step(message) == Verify(TokenCredentials("a@b.example", "tok"))


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"bEaReR"])
@pytest.mark.rule("X-XOAUTH2-02", "X-OAUTHBEARER-07")
def test_scheme_ignores_case(scheme: bytes) -> None:
    outcome = XOAuth2Server().step(b"user=u\x01auth=" + scheme + b" tok\x01\x01")
    assert outcome == Verify(TokenCredentials("u", "tok"))
    outcome = OAuthBearerServer().step(b"n,a=u,\x01auth=" + scheme + b" tok\x01\x01")
    assert outcome == Verify(TokenCredentials("u", "tok"))


@pytest.mark.rule("X-XOAUTH2-03", "X-XOAUTH2-04")
def test_xoauth2_failure_in_two_steps() -> None:
    server = XOAuth2Server(error=OAuthError("401", scope="mail", schemes="bearer"))
    client = XOAuth2Client("u", "bad")
    assert isinstance(server.step(client.step(None)), Verify)
    error = server.verified(False)
    assert isinstance(error, Challenge)
    assert error == Challenge(b'{"status":"401","scope":"mail","schemes":"bearer"}')
    assert client.error is None
    assert client.step(error.data) == b""
    assert client.error == OAuthError("401", scope="mail", schemes="bearer")
    assert not client.complete
    assert server.step(b"") == REFUSED
    with pytest.raises(SaslError):  # never the token again
        client.step(b"")


@pytest.mark.parametrize(
    "data", [b"{}", b"", b"[]", b'{"status":401}', b"{", b"\xff", b"[" * 9000, b"1" * 5000, b"nil"]
)
@pytest.mark.rule("X-XOAUTH2-04")
def test_errors_are_read_as_far_as_possible(data: bytes) -> None:
    client = XOAuth2Client("u", "bad")
    client.step(None)
    assert client.step(data) == b""
    assert client.error == OAuthError("")


@given(st.binary(max_size=60))
def test_reading_an_error_never_raises(data: bytes) -> None:
    assert isinstance(OAuthError.parse(data), OAuthError)


@settings(max_examples=30)
@given(st.builds(OAuthError, *(st.text(max_size=3),) * 4))
def test_error_round_trip(error: OAuthError) -> None:
    assert OAuthError.parse(error.to_bytes()) == error


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"user=u",
        b"user=u\x01auth=Bearer tok",
        b"user=u\x01auth=Bearer tok\x01",
        b"user=u\x01auth=Bearer tok\x01\x01\x01",
        b"user=u\x01auth=Bearer tok\x01x\x01",
        b"user=u\x01auth=Bearer tok\x01\x01x",
        b"auth=Bearer tok\x01\x01",
        b"User=u\x01auth=Bearer tok\x01\x01",
        b"user=u\x01Auth=Bearer tok\x01\x01",
        b"user=\xff\x01auth=Bearer tok\x01\x01",
    ],
)
def test_xoauth2_malformed(message: bytes) -> None:
    assert XOAuth2Server().step(message) == MALFORMED


@pytest.mark.parametrize(
    "value", [b"", b"Basic tok", b"Bearer", b"Bearer ", b"Bearer  tok", b"Bearer t k", b"Bearer \xff"]
)
def test_other_than_bearer_is_refused_with_the_error(value: bytes) -> None:
    assert XOAuth2Server().step(b"user=u\x01auth=" + value + b"\x01\x01") == ERROR


@pytest.mark.rule("X-AUTH-40")
@pytest.mark.parametrize("user", ["", "\u00ad", "a\nb"])
def test_users_that_cannot_be_prepared(user: str) -> None:
    assert XOAuth2Server().step(f"user={user}\x01auth=Bearer tok\x01\x01".encode()) == REFUSED


@pytest.mark.rule("X-AUTH-40")
def test_user_is_prepared() -> None:
    expected = Verify(TokenCredentials("IX", "tok"))
    assert XOAuth2Server().step("user=\u2168\x01auth=Bearer tok\x01\x01".encode()) == expected
    assert OAuthBearerServer().step("n,a=\u2168,\x01auth=Bearer tok\x01\x01".encode()) == expected
    assert OAuthBearerServer().step("n,a=\u00ad,\x01auth=Bearer tok\x01\x01".encode()) == REFUSED


@pytest.mark.parametrize(
    ("user", "token"), [("a\x01b", "t"), ("", "t"), ("a\nb", "t"), ("a", ""), ("a", "t\x01"), ("a", "t t")]
)
@pytest.mark.rule("X-XOAUTH2-06")
def test_xoauth2_client_refuses(user: str, token: str) -> None:
    with pytest.raises(LocalProtocolError):
        XOAuth2Client(user, token)


@pytest.mark.parametrize("name", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.rule("X-XOAUTH2-06", "X-OAUTHBEARER-07")
def test_tokens_under_tls_only(name: str) -> None:
    credentials = ClientCredentials("u", token="tok")
    assert preferred([name], credentials, tls=False) == []
    assert preferred([name], credentials, tls=True) == [name]
    assert advertised([name], tls=False) == ()


# OAUTHBEARER


@pytest.mark.rule("X-OAUTHBEARER-01")
def test_oauthbearer_message() -> None:
    encoded = b"bixhPWFAYi5leGFtcGxlLAFob3N0PW14LmV4YW1wbGUBcG9ydD01ODcBYXV0aD1CZWFyZXIgdG9rAQE="
    assert b64decode(encoded) == GOOD
    client = OAuthBearerClient("a@b.example", "tok", host="mx.example", port=587)
    assert client.step(None) == GOOD
    assert client.complete
    assert OAuthBearerServer().step(GOOD) == Verify(TokenCredentials("a@b.example", "tok", "mx.example", 587))


@pytest.mark.rule("X-OAUTHBEARER-01")
def test_oauthbearer_example() -> None:
    """RFC 7628 section 4.1, the exchange in SMTP."""
    encoded = (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmd"
        b"DRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
    client = OAuthBearerClient("user@example.com", token, host="server.example.com", port=587)
    assert client.step(None).replace(token.encode(), b"") == b64decode(encoded).replace(
        b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", b""
    )
    outcome = OAuthBearerServer().step(b64decode(encoded))
    assert isinstance(outcome, Verify)
    assert outcome.credentials.authentication_id == "user@example.com"


@pytest.mark.rule("X-OAUTHBEARER-01")
def test_oauthbearer_optional_parts() -> None:
    assert OAuthBearerClient("", "tok").step(None) == b"n,,\x01auth=Bearer tok\x01\x01"
    assert OAuthBearerServer().step(b"n,a=u,\x01auth=Bearer tok\x01\x01") == Verify(TokenCredentials("u", "tok"))
    assert OAuthBearerServer().step(b"n,a=u,\x01host=h\x01\x01") == ERROR  # auth is required


@pytest.mark.rule("X-OAUTHBEARER-02")
def test_oauthbearer_unknown_keys() -> None:
    message = b"n,a=u,\x01foo=1\x01auth=Bearer tok\x01bar=\r\n\t x\x01\x01"
    assert OAuthBearerServer().step(message) == Verify(TokenCredentials("u", "tok"))


@pytest.mark.parametrize(
    ("host", "port", "fits"),
    [
        ("mx.example", 587, True),
        ("MX.Example", 0, True),
        ("", 0, True),
        ("evil", 587, False),
        ("mx.example", 25, False),
    ],
)
@pytest.mark.rule("X-OAUTHBEARER-03")
def test_oauthbearer_host_and_port(host: str, port: int, fits: bool) -> None:
    message = OAuthBearerClient("u", "tok", host=host, port=port).step(None)
    outcome = OAuthBearerServer(hosts=["mx.example", "mail.example"], ports=[587, 465]).step(message)
    assert outcome == (Verify(TokenCredentials("u", "tok", host, port)) if fits else ERROR)


@pytest.mark.rule("X-OAUTHBEARER-04", "X-OAUTHBEARER-05")
def test_oauthbearer_failure_in_two_steps() -> None:
    client, server = OAuthBearerClient("u", "bad"), OAuthBearerServer()
    server.step(client.step(None))
    error = server.verified(False)
    assert isinstance(error, Challenge)
    assert b64encode(error.data) == b"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0="
    filler = client.step(error.data)
    assert b64encode(filler) == b"AQ=="
    assert not client.complete
    assert client.error == OAuthError("invalid_token")
    assert server.step(filler) == REFUSED
    with pytest.raises(SaslError):
        client.step(error.data)


@pytest.mark.parametrize("message", [b"\x01", b""])
@pytest.mark.rule("X-OAUTHBEARER-06")
def test_oauthbearer_filler_as_first_message(message: bytes) -> None:
    assert OAuthBearerServer().step(message) == REFUSED


@pytest.mark.parametrize("flag", [b"n", b"y"])
@pytest.mark.rule("X-OAUTHBEARER-08")
def test_oauthbearer_header(flag: bytes) -> None:
    message = flag + b",a=x=2Cy=3D,\x01auth=Bearer tok\x01\x01"
    assert OAuthBearerServer().step(message) == Verify(TokenCredentials("x,y=", "tok"))
    assert OAuthBearerClient("x,y=", "tok").step(None) == message.replace(b"y,a", b"n,a", 1)


@pytest.mark.rule("X-OAUTHBEARER-08")
def test_oauthbearer_channel_binding() -> None:
    message = b"p=tls-exporter,a=u,\x01auth=Bearer tok\x01\x01"
    assert OAuthBearerServer().step(message) == Failure(FailureReason.CHANNEL_BINDING)


@pytest.mark.rule("X-OAUTHBEARER-09")
def test_oauthbearer_discovery() -> None:
    """RFC 7628 section 4.3; the URL as the decoded text has it, the base64 has a longer one."""
    url = "https://example.com/.well-known/openid-config"
    server = OAuthBearerServer(error=OAuthError("invalid_token", "example_scope", url))
    error = server.step(
        b64decode("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9AQE=")
    )
    assert isinstance(error, Challenge)
    assert error.data == (
        b'{"status":"invalid_token","scope":"example_scope",'
        b'"openid-configuration":"https://example.com/.well-known/openid-config"}'
    )
    assert server.step(b"\x01") == REFUSED


@pytest.mark.parametrize(
    "message",
    [
        b"x",
        b"n,a=u",
        b"n,a=u,",
        b"n,a=u,\x01",
        b"n,a=u,auth=Bearer tok\x01\x01",
        b"n,a=u,\x01auth=Bearer tok",
        b"n,a=u,\x01auth=Bearer tok\x01",
        b"n,a=u,\x01auth=Bearer tok\x01\x01x",
        b"n,a=u,\x01auth=Bearer tok\x01auth=Bearer tok\x01\x01",
        b"n,a=u,\x01auth\x01\x01",
        b"n,a=u,\x01=x\x01auth=Bearer tok\x01\x01",
        b"n,a=u,\x01a1=x\x01auth=Bearer tok\x01\x01",
        b"n,a=u,\x01host=\xff\x01auth=Bearer tok\x01\x01",
        b"n,a=u,\x01host=a\x00\x01auth=Bearer tok\x01\x01",
        b"n,a=u,\x01\x01auth=Bearer tok\x01\x01",
        b"n,a=\xff,\x01auth=Bearer tok\x01\x01",
        b"n,user=u,\x01auth=Bearer tok\x01\x01",  # as printed in RFC 7628 section 4.4, against its own grammar
        *(
            b"n,a=u,\x01port=" + port + b"\x01auth=Bearer tok\x01\x01"
            for port in (b"0587", b"0", b"x", b"65536", b"-1")
        ),
    ],
)
@pytest.mark.rule("X-OAUTHBEARER-01")
def test_oauthbearer_malformed(message: bytes) -> None:
    assert OAuthBearerServer().step(message) == MALFORMED


def test_oauthbearer_without_a_name() -> None:
    message = b"n,,\x01auth=Bearer tok\x01\x01"
    assert OAuthBearerServer().step(message) == ERROR
    server = OAuthBearerServer(require_user=False)
    assert server.step(message) == Verify(TokenCredentials("", "tok"))
    with pytest.raises(LocalProtocolError):
        server.verified(True)
    assert server.verified(True, identity="subject") == Success(Identity("subject", "subject"))


def test_subject_of_the_token() -> None:
    server = XOAuth2Server()
    server.step(XOAuth2Client("box@example", "tok").step(None))
    assert server.verified(True, identity="7431") == Success(Identity("7431", "box@example"))


@pytest.mark.parametrize(
    ("user", "token", "host", "port"),
    [
        ("a\x01", "t", "", 0),
        ("a\0", "t", "", 0),
        ("a", "", "", 0),
        ("a", "t", "h\x01", 0),
        ("a", "t", "h\u00e9", 0),
        ("a", "t", "", -1),
        ("a", "t", "", 65536),
        ("a", "t\u00e9", "", 0),
        ("\ud800", "t", "", 0),
    ],
)
def test_oauthbearer_client_refuses(user: str, token: str, host: str, port: int) -> None:
    with pytest.raises(LocalProtocolError):
        OAuthBearerClient(user, token, host=host, port=port)


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.rule("X-AUTH-11")
def test_exchanges(initial: bool) -> None:
    good = Success(Identity("u", "u"))
    assert talk(XOAuth2Client("u", "tok"), XOAuth2Server(), good_token, initial=initial) == good
    assert talk(OAuthBearerClient("u", "tok"), OAuthBearerServer(), good_token, initial=initial) == good
    assert talk(XOAuth2Client("u", "bad"), XOAuth2Server(), good_token, initial=initial) == REFUSED
    assert talk(OAuthBearerClient("u", "bad"), OAuthBearerServer(), good_token, initial=initial) == REFUSED
