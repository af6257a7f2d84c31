"""EXTERNAL and ANONYMOUS, both roles."""

from __future__ import annotations

from base64 import b64decode

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl import (
    AnonymousClient,
    AnonymousCredentials,
    AnonymousServer,
    Challenge,
    ClientCredentials,
    ExternalClient,
    ExternalCredentials,
    ExternalServer,
    Failure,
    FailureReason,
    Identity,
    SaslError,
    Success,
    Verify,
    advertised,
    preferred,
)
from tests.sasl_pair import talk

MALFORMED = Failure(FailureReason.MALFORMED)
REFUSED = Failure(FailureReason.CREDENTIALS)


@pytest.mark.parametrize(
    ("encoded", "acting"), [("ZnJlZEBleGFtcGxlLmNvbQ==", "fred@example.com"), ("", ""), ("RsOpZA==", "F\u00e9d")]
)
@pytest.mark.rule("X-EXTERNAL-01")
def test_external_message(encoded: str, acting: str) -> None:
    message = b64decode(encoded)
    client = ExternalClient(acting)
    assert client.step(None) == message
    assert client.complete
    assert ExternalServer("CN=fred").step(message) == Verify(ExternalCredentials("CN=fred", acting))


@pytest.mark.parametrize(("message", "outcome"), [(b"a\0b", REFUSED), (b"\xff", MALFORMED), (b"\xc2\xad", REFUSED)])
@pytest.mark.rule("X-EXTERNAL-01", "X-AUTH-40")
def test_external_bad_messages(message: bytes, outcome: Failure) -> None:
    assert ExternalServer("CN=fred").step(message) == outcome


@pytest.mark.parametrize("acting", ["a\0b", "\udc80"])
@pytest.mark.rule("X-EXTERNAL-01")
def test_external_client_refuses(acting: str) -> None:
    with pytest.raises(LocalProtocolError):
        ExternalClient(acting)


@pytest.mark.parametrize("message", [b"", b"fred"])
@pytest.mark.rule("X-EXTERNAL-02")
def test_external_without_proof(message: bytes) -> None:
    assert ExternalServer("").step(message) == REFUSED


@pytest.mark.rule("X-EXTERNAL-03")
def test_external_is_one_step() -> None:
    server = ExternalServer("CN=fred")
    server.step(b"")
    assert server.verified(True) == Success(Identity("CN=fred", "CN=fred"))
    server = ExternalServer("CN=fred")
    server.step(b"boss")
    # the answer covers the authorization: there is nothing else to check
    assert server.verified(True, identity="fred") == Success(Identity("fred", "boss"))
    client = ExternalClient()
    client.step(None)
    with pytest.raises(SaslError):
        client.step(b"")


@pytest.mark.rule("X-EXTERNAL-04", "X-AUTH-11")
def test_external_without_initial_response() -> None:
    server = ExternalServer("CN=fred")
    assert server.step(None) == Challenge(b"")
    assert ExternalClient().step(b"") == b""
    assert talk(ExternalClient(), ExternalServer("CN=fred"), lambda _: True, initial=False) == Success(
        Identity("CN=fred", "CN=fred")
    )
    assert talk(ExternalClient(), ExternalServer("CN=fred"), lambda _: False) == REFUSED


@pytest.mark.rule("X-EXTERNAL-05")
def test_external_is_offered_with_a_peer_identity() -> None:
    assert advertised(["EXTERNAL"], tls=True) == ()
    assert advertised(["EXTERNAL"], tls=True, peer_identity=True) == ("EXTERNAL",)


@pytest.mark.parametrize(
    "trace", ["sirhc", "", "a@b.example", "a" * 255, "\u00e9" * 255, "\U0001f600" * 255, "two words", "e\u0301"]
)
@pytest.mark.rule("X-ANONYMOUS-01")
def test_anonymous_message(trace: str) -> None:
    client = AnonymousClient(trace)
    message = client.step(None)
    assert message == trace.encode()
    assert client.complete
    assert AnonymousServer().step(message) == Verify(AnonymousCredentials(trace))


@pytest.mark.rule("X-ANONYMOUS-01")
def test_anonymous_example() -> None:
    assert AnonymousServer().step(b64decode("c2lyaGM=")) == Verify(AnonymousCredentials("sirhc"))


@pytest.mark.parametrize("trace", ["a" * 256, "\x07", "a\0", "a\r\n", "@", "a@", "@b", "\ue000", "\u05d0a", "\x7f"])
@pytest.mark.rule("X-ANONYMOUS-02")
def test_anonymous_refuses(trace: str) -> None:
    assert AnonymousServer().step(trace.encode()) == MALFORMED
    with pytest.raises(LocalProtocolError):
        AnonymousClient(trace)


@pytest.mark.rule("X-ANONYMOUS-02")
def test_anonymous_invalid_utf8() -> None:
    assert AnonymousServer().step(b"\xff") == MALFORMED


@pytest.mark.rule("X-ANONYMOUS-03")
def test_anonymous_identity() -> None:
    assert "ANONYMOUS" not in advertised(tls=True, peer_identity=True, channel_binding=True)
    assert advertised(["ANONYMOUS"], tls=False) == ("ANONYMOUS",)
    assert preferred(["ANONYMOUS"], ClientCredentials("u", "p"), tls=True) == []
    anonymous = Success(Identity("anonymous", "anonymous"))
    assert talk(AnonymousClient("root"), AnonymousServer(), lambda _: True) == anonymous
    assert talk(AnonymousClient(), AnonymousServer(), lambda _: False) == REFUSED


def test_anonymous_has_one_message() -> None:
    client = AnonymousClient()
    client.step(b"")
    with pytest.raises(SaslError):
        client.step(b"")
