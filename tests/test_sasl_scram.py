"""SCRAM, both roles: the reference exchanges, and what each side must refuse."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl import (
    SCRAM,
    Authorization,
    Challenge,
    ChannelBinding,
    Failure,
    FailureReason,
    Identity,
    SaslError,
    ScramClient,
    ScramKeys,
    ScramServer,
    SecretNeeded,
    Success,
    Verify,
)
from tests.sasl_pair import talk

MALFORMED = Failure(FailureReason.MALFORMED)
REFUSED = Failure(FailureReason.CREDENTIALS)
UNBOUND = Failure(FailureReason.CHANNEL_BINDING)
DECOY = b"secret of this server"
EXPORTER = ChannelBinding("tls-exporter", b"\x01\x02,=\xff")
UNIQUE = ChannelBinding("tls-unique", b"unique")
NONCE = b"rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = b64decode(b"W22ZaJ0SNY7soEsUEjb6gQ==")
KEYS = ScramKeys.derive("SHA-256", "pencil", SALT, 4096)
#: The messages of RFC 7677 section 3.
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def prove(bare: bytes, server_first: bytes, without_proof: bytes) -> bytes:
    """A client-final-message for KEYS, by the formulas of RFC 5802 section 3 and nothing of the library."""
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", SALT, 4096)
    key = hmac.digest(salted, b"Client Key", "sha256")
    message = b",".join((bare, server_first, without_proof))
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    return without_proof + b",p=" + b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True)))


def make_client(password: str = "pencil") -> ScramClient:
    return ScramClient("SCRAM-SHA-256", "user", password, NONCE)


def make_server(name: str = "SCRAM-SHA-256", bindings: tuple[ChannelBinding, ...] = ()) -> ScramServer:
    return ScramServer(name, SERVER_NONCE, decoy_secret=DECOY, channel_bindings=bindings)


def after_first(message: bytes = CLIENT_FIRST) -> ScramServer:
    server = make_server()
    assert isinstance(server.step(message), Verify)
    assert isinstance(server.provide(KEYS), Challenge)
    return server


# The reference exchanges


@pytest.mark.rule("X-SCRAM-01")
def test_sha1_example() -> None:
    nonce, added = b"fyko+d2lbbFgONRv9qkxdawL", b"3rfcNHYJY1ZVvWVs7j"
    client = ScramClient("SCRAM-SHA-1", "user", "pencil", nonce)
    server = ScramServer("SCRAM-SHA-1", added, decoy_secret=DECOY)
    first = client.step(None)
    assert first == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    assert server.step(first) == Verify(SecretNeeded("user", "", "SCRAM-SHA-1"))
    challenge = server.provide(ScramKeys.derive("SHA-1", "pencil", b64decode(b"QSXCR+Q6sek8bf92"), 4096))
    assert isinstance(challenge, Challenge)
    assert challenge == Challenge(b"r=" + nonce + added + b",s=QSXCR+Q6sek8bf92,i=4096")
    final = client.step(challenge.data)
    assert final == b"c=biws,r=" + nonce + added + b",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert server.step(final) == Challenge(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
    assert client.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=") == b""
    assert client.complete
    assert server.step(b"") == Success(Identity("user", "user"))


@pytest.mark.rule("X-SCRAM-02", "X-SCRAM-16")
def test_sha256_example() -> None:
    client, server = make_client(), make_server()
    assert client.step(None) == CLIENT_FIRST
    assert server.step(CLIENT_FIRST) == Verify(SecretNeeded("user", "", "SCRAM-SHA-256"))
    assert server.provide(KEYS) == Challenge(SERVER_FIRST)
    assert client.step(SERVER_FIRST) == CLIENT_FINAL
    assert not client.complete
    assert server.step(CLIENT_FINAL) == Challenge(SERVER_FINAL)
    assert client.step(SERVER_FINAL) == b""
    assert client.complete
    assert server.step(b"") == Success(Identity("user", "user"))
    with pytest.raises(SaslError):
        client.step(b"")
    assert not client.complete


@pytest.mark.parametrize("name", SCRAM)
def test_each_mechanism(name: str) -> None:
    hash_name = name.removeprefix("SCRAM-").removesuffix("-PLUS")
    plus = name.endswith("-PLUS")
    keys = ScramKeys.derive(hash_name, "pa,=ss", b"salt" * 4, 4096)
    for password, expected in (("pa,=ss", Success(Identity("a,=b", "a,=b"))), ("wrong", REFUSED)):
        client = ScramClient(name, "a,=b", password, NONCE, channel_binding=EXPORTER if plus else None)
        server = make_server(name, (UNIQUE, EXPORTER) if plus else ())
        assert talk(client, server, stored={"a,=b": keys}) == expected
        assert client.complete == (expected != REFUSED)
        assert client.name == server.name == name


@given(
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=8),
    st.binary(min_size=1, max_size=20),
)
def test_any_name_and_salt(name: str, salt: bytes) -> None:
    keys = ScramKeys.derive("SHA-1", "pencil", salt, 4096)
    try:
        client = ScramClient("SCRAM-SHA-1", name, "pencil", NONCE)
    except LocalProtocolError:
        return  # not a name of SASLprep
    server = make_server("SCRAM-SHA-1")
    asked = server.step(client.step(None))
    assert isinstance(asked, Verify)
    challenge = server.provide(keys)
    assert isinstance(challenge, Challenge)
    proof = server.step(client.step(challenge.data))
    assert isinstance(proof, Challenge)
    outcome = server.step(client.step(proof.data))
    assert isinstance(outcome, Success)
    assert outcome.identity.authentication_id == asked.credentials.authentication_id


# The server and the client's first message


@pytest.mark.parametrize(
    "message",
    [b"x,,n=u,r=a", b"", b"n", b"n,", b",,n=u,r=a", b"p,,n=u,r=a", b"p=,,n=u,r=a", b"N,,n=u,r=a", b"nn,,n=u,r=a"],
)
@pytest.mark.rule("X-SCRAM-03")
def test_first_flag(message: bytes) -> None:
    assert make_server().step(message) == MALFORMED


@pytest.mark.parametrize(
    ("message", "name", "acting"),
    [
        (b"n,,n=a=2Cb,r=a", "a,b", ""),
        (b"n,,n=a=3Db,r=a", "a=b", ""),
        (b"n,,n==3D2C,r=a", "=2C", ""),
        (b"n,a=x=2Cy=3D,n=u,r=a", "u", "x,y="),
        ("n,,n=\u2168,r=a".encode(), "IX", ""),
    ],
)
@pytest.mark.rule("X-SCRAM-04", "X-AUTH-40")
def test_first_names(message: bytes, name: str, acting: str) -> None:
    assert make_server().step(message) == Verify(SecretNeeded(name, acting, "SCRAM-SHA-256"))


@pytest.mark.parametrize(
    "message",
    [
        b"n,,n=a=2cb,r=a",
        b"n,,n=a=,r=a",
        b"n,,n==,r=a",
        b"n,,n=a=2,r=a",
        b"n,,n=,r=a",
        b"n,,n=a\0,r=a",
        b"n,,n=\xff,r=a",
        b"n,a=\xff,n=u,r=a",
        b"n,a=,n=u,r=a",
        b"n,a==,n=u,r=a",
        b"n,b=c,n=u,r=a",
        b"n,ab,n=u,r=a",
    ],
)
@pytest.mark.rule("X-SCRAM-04")
def test_first_bad_names(message: bytes) -> None:
    assert make_server().step(message) == MALFORMED


@pytest.mark.parametrize("message", [b"n,,n=\xc2\xad,r=a", b"n,a=\xc2\xad,n=u,r=a", b"n,,n=a\x7f,r=a"])
@pytest.mark.rule("X-AUTH-40")
def test_first_names_that_cannot_be_prepared(message: bytes) -> None:
    assert make_server().step(message) == REFUSED


@pytest.mark.parametrize("message", [b"n,,m=x,n=u,r=a", b"n,,n=u,m=x,r=a", b"n,,n=u,r=a,m=x", b"n,,n=u,r=a,z=1,m=x"])
@pytest.mark.rule("X-SCRAM-05")
def test_first_mandatory_extension(message: bytes) -> None:
    assert make_server().step(message) == MALFORMED


@pytest.mark.parametrize("extension", [b",z=1", b",z=1,y==,Z=\xc3\xa9"])
@pytest.mark.rule("X-SCRAM-06")
def test_unknown_extensions_are_ignored(extension: bytes) -> None:
    server = make_server()
    assert server.step(CLIENT_FIRST + extension) == Verify(SecretNeeded("user", "", "SCRAM-SHA-256"))
    client = make_client()
    client.step(None)
    assert client.step(SERVER_FIRST + extension).startswith(b"c=biws,")


@pytest.mark.parametrize(
    "message",
    [
        b"n,,r=a,n=u",
        b"n,,n=u",
        b"n,,n=u,r=a,n=u",
        b"n,,n=u,r=a,p=x",
        b"n,,n=u,,r=a",
        b"n,,n=u,r=a,",
        b"n,,n=u,r=a,z",
        b"n,,n=u,r=a,z=",
        b"n,,n=u,r=a,1=x",
        b"n,,n=u,r=a,zz=x",
        b"n,,n=u,r=a,z=\0",
        b"n,,n=u,r=",
        b"n,,n=u,r=a b",
        b"n,,n=u,r=\xc3\xa9",
        b"n,,n=u,z=1,r=a",
    ],
)
@pytest.mark.rule("X-SCRAM-06")
def test_first_order(message: bytes) -> None:
    assert make_server().step(message) == MALFORMED


# The client and the server's first message


@pytest.mark.parametrize(
    ("nonce", "reason"),
    [
        (NONCE, "nonce"),
        (b"x" + NONCE, "nonce"),
        (NONCE[:-1] + b"xyz", "nonce"),
        (NONCE + b" ", "nonce"),
        (NONCE + b"\xc3\xa9", "nonce"),
        (b"", "malformed-challenge"),
    ],
)
@pytest.mark.rule("X-SCRAM-07")
def test_client_checks_nonce(nonce: bytes, reason: str) -> None:
    client = make_client()
    client.step(None)
    with pytest.raises(SaslError) as caught:
        client.step(b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert caught.value.reason == reason


@pytest.mark.parametrize("count", [b"1", b"4095", b"1000001", b"4294967295", b"9999999999"])
@pytest.mark.rule("X-SCRAM-20")
def test_client_bounds_iterations(count: bytes) -> None:
    client = make_client()
    client.step(None)
    with pytest.raises(SaslError) as caught:
        client.step(SERVER_FIRST.replace(b"i=4096", b"i=" + count))
    assert caught.value.reason == "iterations"


@pytest.mark.rule("X-SCRAM-20")
def test_client_bounds_can_be_set() -> None:
    client = ScramClient("SCRAM-SHA-256", "user", "pencil", NONCE, min_iterations=1, max_iterations=2)
    client.step(None)
    assert client.step(SERVER_FIRST.replace(b"i=4096", b"i=2")).startswith(b"c=")


@pytest.mark.parametrize(
    "count", [b"0", b"04096", b"+4096", b"4096 ", b"4 096", b"x", b"", b"40961234567", b"\xd9\xa4"]
)
@pytest.mark.rule("X-SCRAM-22")
def test_client_reads_counts_strictly(count: bytes) -> None:
    client = make_client()
    client.step(None)
    with pytest.raises(SaslError) as caught:
        client.step(SERVER_FIRST.replace(b"i=4096", b"i=" + count))
    assert caught.value.reason == "malformed-challenge"


@pytest.mark.parametrize("salt", [b"W22Z=", b"W22", b"W22Z\n", b"W2-Z", b"====", b"=", b"W23=x", b"W25="])
@pytest.mark.rule("X-SCRAM-22")
def test_client_reads_salt_strictly(salt: bytes) -> None:
    client = make_client()
    client.step(None)
    with pytest.raises(SaslError) as caught:
        client.step(SERVER_FIRST.replace(b"W22ZaJ0SNY7soEsUEjb6gQ==", salt))
    assert caught.value.reason == "malformed-challenge"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"m=x," + SERVER_FIRST,
        SERVER_FIRST + b",m=x",
        b"s=AAAA,r=x,i=4096",
        b"e=unknown-user",
        SERVER_FIRST + b",\xff",
    ],
)
@pytest.mark.rule("X-SCRAM-05", "X-SCRAM-06")
def test_client_refuses_malformed_first(message: bytes) -> None:
    client = make_client()
    client.step(None)
    with pytest.raises(SaslError) as caught:
        client.step(message)
    assert caught.value.reason == "malformed-challenge"


# The last messages


@pytest.mark.parametrize("nonce", [NONCE, NONCE + SERVER_NONCE + b"x", b"s" + (NONCE + SERVER_NONCE)[1:]])
@pytest.mark.rule("X-SCRAM-08")
def test_server_checks_nonce(nonce: bytes) -> None:
    """Also when the proof covers the other nonce."""
    assert after_first().step(prove(CLIENT_FIRST[3:], SERVER_FIRST, b"c=biws,r=" + nonce)) == REFUSED
    assert prove(CLIENT_FIRST[3:], SERVER_FIRST, b"c=biws,r=" + NONCE + SERVER_NONCE) == CLIENT_FINAL


@pytest.mark.parametrize("bound", [b"eSws", b"biwsAA==", b"biw=", b"bixhPXgs"])
@pytest.mark.rule("X-SCRAM-09")
def test_server_checks_header(bound: bytes) -> None:
    assert after_first().step(CLIENT_FINAL.replace(b"biws", bound)) == UNBOUND


@pytest.mark.rule("X-SCRAM-09")
def test_server_checks_header_with_identity() -> None:
    server = after_first(b"n,a=user," + CLIENT_FIRST[3:])
    assert server.step(CLIENT_FINAL) == UNBOUND


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"c=biws",
        CLIENT_FINAL + b",z=1",
        CLIENT_FINAL.replace(b",p=", b",m=x,p="),
        CLIENT_FINAL.replace(b",p=", b",q="),
        CLIENT_FINAL[:-1],
        CLIENT_FINAL + b"=",
        CLIENT_FINAL.replace(b"c=biws,", b""),
        b"\xff" + CLIENT_FINAL,
    ],
)
@pytest.mark.rule("X-SCRAM-05", "X-SCRAM-06")
def test_server_refuses_malformed_final(message: bytes) -> None:
    assert after_first().step(message) == MALFORMED


@pytest.mark.parametrize("proof", [b"AAAA", b"A" * 43 + b"=", b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU="])
def test_server_checks_proof(proof: bytes) -> None:
    assert after_first().step(CLIENT_FINAL.rpartition(b"p=")[0] + b"p=" + proof) in (REFUSED, MALFORMED)


def test_server_takes_extensions_in_the_final_message() -> None:
    """They are part of what is signed, so the proof of the reference exchange does not fit."""
    assert after_first().step(CLIENT_FINAL.replace(b",p=", b",z=1,p=")) == REFUSED
    without = CLIENT_FINAL.rpartition(b",p=")[0] + b",z=1"
    assert isinstance(after_first().step(prove(CLIENT_FIRST[3:], SERVER_FIRST, without)), Challenge)


@pytest.mark.rule("X-SCRAM-15")
@pytest.mark.parametrize(
    "message", [SERVER_FINAL.replace(b"=6r", b"=7r"), b"v=AAAA", b"v=x", SERVER_FINAL + b"=", SERVER_FINAL[:-1]]
)
def test_client_checks_signature(message: bytes) -> None:
    client = make_client()
    client.step(None)
    client.step(SERVER_FIRST)
    with pytest.raises(SaslError) as caught:
        client.step(message)
    assert caught.value.reason == "server-signature"
    assert not client.complete
    with pytest.raises(LocalProtocolError):
        client.step(SERVER_FINAL)


@pytest.mark.rule("X-SCRAM-17")
def test_client_is_not_complete_without_the_proof() -> None:
    client = make_client()
    assert not client.complete
    client.step(None)
    assert not client.complete
    client.step(SERVER_FIRST)
    assert not client.complete


@pytest.mark.parametrize("message", [b"e=invalid-proof", b"e=other-error,z=1", b"e="])
@pytest.mark.rule("X-SCRAM-18")
def test_client_takes_server_error(message: bytes) -> None:
    client = make_client("wrong")
    client.step(None)
    client.step(SERVER_FIRST)
    with pytest.raises(SaslError) as caught:
        client.step(message)
    assert caught.value.reason == "server-error"
    assert not client.complete


@pytest.mark.rule("X-SCRAM-18")
def test_server_omits_its_final_message_on_failure() -> None:
    server = after_first()
    client = make_client("wrong")
    client.step(None)
    assert server.step(client.step(SERVER_FIRST)) == REFUSED


@pytest.mark.parametrize("message", [b"", b"x=1", b"v=", SERVER_FINAL + b",m=1", b"\xff"])
def test_client_refuses_malformed_final(message: bytes) -> None:
    client = make_client()
    client.step(None)
    client.step(SERVER_FIRST)
    with pytest.raises(SaslError) as caught:
        client.step(message)
    assert caught.value.reason == "malformed-challenge"


@pytest.mark.rule("X-SCRAM-16")
def test_answer_to_the_proof_is_empty() -> None:
    server = after_first()
    assert server.step(CLIENT_FINAL) == Challenge(SERVER_FINAL)
    assert server.step(b"x") == MALFORMED


# Channel binding


@pytest.mark.rule("X-SCRAM-10")
def test_server_notices_stripped_plus() -> None:
    assert make_server(bindings=(EXPORTER,)).step(b"y,,n=u,r=a") == UNBOUND
    assert isinstance(make_server().step(b"y,,n=u,r=a"), Verify)
    assert isinstance(make_server(bindings=(EXPORTER,)).step(b"n,,n=u,r=a"), Verify)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("SCRAM-SHA-256", b"p=tls-exporter"),
        ("SCRAM-SHA-256-PLUS", b"p=foo"),
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique"),
        ("SCRAM-SHA-256-PLUS", b"n"),
        ("SCRAM-SHA-256-PLUS", b"y"),
    ],
)
@pytest.mark.rule("X-SCRAM-11")
def test_server_checks_flag(name: str, flag: bytes) -> None:
    assert make_server(name, (EXPORTER,)).step(flag + b",,n=u,r=a") == UNBOUND


@pytest.mark.parametrize(
    ("name", "binding", "offered", "start"),
    [
        ("SCRAM-SHA-256-PLUS", EXPORTER, True, b"p=tls-exporter,,n="),
        ("SCRAM-SHA-256", EXPORTER, False, b"y,,n="),
        ("SCRAM-SHA-256", None, True, b"n,,n="),
        ("SCRAM-SHA-256", None, False, b"n,,n="),
    ],
)
@pytest.mark.rule("X-SCRAM-12")
def test_client_flag(name: str, binding: ChannelBinding | None, offered: bool, start: bytes) -> None:
    client = ScramClient(name, "u", "p", NONCE, channel_binding=binding, plus_offered=offered)
    assert client.step(None).startswith(start)


@pytest.mark.rule("X-SCRAM-12")
def test_client_must_bind_when_it_can() -> None:
    with pytest.raises(LocalProtocolError):
        ScramClient("SCRAM-SHA-256", "u", "p", NONCE, channel_binding=EXPORTER, plus_offered=True)
    with pytest.raises(LocalProtocolError):
        ScramClient("SCRAM-SHA-256-PLUS", "u", "p", NONCE)


@pytest.mark.parametrize("binding", [EXPORTER, UNIQUE, ChannelBinding("tls-server-end-point", b"\0" * 32)])
@pytest.mark.rule("X-SCRAM-14")
def test_binding_is_given_by_the_transport(binding: ChannelBinding) -> None:
    name, keys = "SCRAM-SHA-256-PLUS", {"user": KEYS}
    client = ScramClient(name, "user", "pencil", NONCE, channel_binding=binding, authorization_id="user")
    assert talk(client, make_server(name, (binding,)), stored=keys) == Success(Identity("user", "user"))
    # somebody in between: the two ends see two TLS connections
    client = ScramClient(name, "user", "pencil", NONCE, channel_binding=binding)
    other = ChannelBinding(binding.type, binding.data + b"x")
    assert talk(client, make_server(name, (other,)), stored=keys) == UNBOUND


@pytest.mark.parametrize(
    ("kind", "data"), [("", b"x"), ("tls_unique", b"x"), ("tls,unique", b"x"), ("tls-unique", b"")]
)
@pytest.mark.rule("X-SCRAM-14")
def test_impossible_bindings(kind: str, data: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        ChannelBinding(kind, data)


# Names, keys and users that do not exist


def test_foreign_authorization_is_asked_before_the_proof() -> None:
    def run() -> tuple[ScramServer, ScramClient]:
        client = ScramClient("SCRAM-SHA-256", "user", "pencil", NONCE, authorization_id="boss")
        server = make_server()
        assert server.step(client.step(None)) == Verify(SecretNeeded("user", "boss", "SCRAM-SHA-256"))
        challenge = server.provide(KEYS)
        assert isinstance(challenge, Challenge)
        assert server.step(client.step(challenge.data)) == Verify(Authorization("user", "boss"))
        return server, client

    server, client = run()
    assert server.verified(False) == REFUSED
    server, client = run()
    proof = server.verified(True)
    assert isinstance(proof, Challenge)
    assert client.step(proof.data) == b""
    assert server.step(b"") == Success(Identity("user", "boss"))


@pytest.mark.rule("X-SCRAM-23")
def test_name_is_hashed_as_received() -> None:
    """A client that does not prepare the name: the server looks up the prepared one and signs the other."""
    bare = "n=\u2168,r=".encode() + NONCE
    server = make_server()
    assert server.step(b"n,," + bare) == Verify(SecretNeeded("IX", "", "SCRAM-SHA-256"))
    first = server.provide(KEYS)
    assert isinstance(first, Challenge)
    assert isinstance(server.step(prove(bare, first.data, b"c=biws,r=" + NONCE + SERVER_NONCE)), Challenge)


@pytest.mark.rule("X-SCRAM-19")
def test_keys_take_enough_rounds() -> None:
    assert ScramKeys.derive("SHA-1", "x", b"salt").iterations >= 4096
    with pytest.raises(LocalProtocolError):
        ScramKeys.derive("SHA-1", "x", b"salt", 4095)


@pytest.mark.rule("X-SCRAM-24", "X-AUTH-52")
def test_keys_hold_no_password_and_show_none() -> None:
    assert KEYS._fields == ("hash_name", "salt", "iterations", "stored_key", "server_key")
    assert b"pencil" not in b"".join(value for value in (KEYS.salt, KEYS.stored_key, KEYS.server_key))
    assert repr(KEYS.stored_key) not in repr(KEYS)
    assert repr(KEYS.server_key) not in repr(KEYS)
    # the server works from the stored keys alone
    assert talk(make_client(), make_server(), stored={"user": KEYS}) == Success(Identity("user", "user"))


@pytest.mark.parametrize(
    ("hash_name", "salt", "iterations", "stored", "server"),
    [
        ("MD5", b"s", 1, b"k" * 16, b"k" * 16),
        ("SHA-256", b"", 1, b"k" * 32, b"k" * 32),
        ("SHA-256", b"s", 0, b"k" * 32, b"k" * 32),
        ("SHA-256", b"s", 1, b"k" * 20, b"k" * 32),
        ("SHA-256", b"s", 1, b"k" * 32, b"k" * 31),
        ("SHA-256", b"s", 1, b"k" * 20, b"k" * 20),
    ],
)
def test_keys_are_checked(hash_name: str, salt: bytes, iterations: int, stored: bytes, server: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        ScramKeys(hash_name, salt, iterations, stored, server)


@pytest.mark.rule("X-SCRAM-21", "X-AUTH-25")
def test_unknown_user() -> None:
    def first(user: str, nonce: bytes, known: bool) -> tuple[ScramServer, ScramClient, list[bytes]]:
        client = ScramClient("SCRAM-SHA-256", user, "pencil", NONCE)
        server = ScramServer("SCRAM-SHA-256", nonce, decoy_secret=DECOY, decoy_iterations=4096)
        server.step(client.step(None))
        challenge = server.provide(KEYS if known else None)
        assert isinstance(challenge, Challenge)
        return server, client, challenge.data.split(b",")

    server, client, parts = first("nobody", b"abc", known=False)
    again = first("nobody", b"def", known=False)[2]
    other = first("noone", b"abc", known=False)[2]
    real = first("user", b"abc", known=True)[2]
    assert parts[1:] == again[1:]  # the same salt each time
    assert parts[1] != other[1]  # another one for each name
    assert parts[2] == real[2] == b"i=4096"
    assert len(parts[1]) == len(real[1])
    assert server.step(client.step(b",".join(parts))) == REFUSED


def test_decoys_depend_on_secret() -> None:
    one, two = (ScramKeys.decoy("SHA-512", "u", secret) for secret in (b"a", b"b"))
    assert one.salt != two.salt
    assert len(ScramKeys.decoy("SHA-1", "u", b"a", salt_length=64).salt) == 64
    for secret, length in ((b"", 16), (b"a", 0), (b"a", 65)):
        with pytest.raises(LocalProtocolError):
            ScramKeys.decoy("SHA-1", "u", secret, salt_length=length)


@pytest.mark.parametrize("nonce", [b"", b"a,b", b"a b", b"a\n", b"\xff"])
def test_nonces_are_checked(nonce: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        ScramClient("SCRAM-SHA-1", "u", "p", nonce)
    with pytest.raises(LocalProtocolError):
        ScramServer("SCRAM-SHA-1", nonce, decoy_secret=DECOY)


@pytest.mark.parametrize(
    ("user", "password", "acting"),
    [("", "p", ""), ("u", "", ""), ("u", "p", "\u00ad"), ("u\0", "p", ""), ("u", "p\0", ""), ("u", "\U0001f600", "")],
)
def test_client_refuses(user: str, password: str, acting: str) -> None:
    with pytest.raises(LocalProtocolError):
        ScramClient("SCRAM-SHA-256", user, password, NONCE, authorization_id=acting)


def test_unknown_names() -> None:
    with pytest.raises(LocalProtocolError):
        ScramClient("SCRAM-MD5", "u", "p", NONCE)
    with pytest.raises(LocalProtocolError):
        ScramServer("SCRAM-SHA-256-PLUS", NONCE, decoy_secret=DECOY)
    with pytest.raises(LocalProtocolError):
        ScramServer("SCRAM-SHA-256", NONCE, decoy_secret=b"")


def test_wrong_kind_of_secret_leaves_the_question_open() -> None:
    server = make_server()
    server.step(CLIENT_FIRST)
    for wrong in ("pencil", ScramKeys.derive("SHA-1", "pencil", SALT, 4096)):
        with pytest.raises(LocalProtocolError):
            server.provide(wrong)
    assert server.provide(KEYS) == Challenge(SERVER_FIRST)
