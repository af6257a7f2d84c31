"""Small faults of the SASL mechanisms, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable

import pytest

from smtpcore import sasl
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.sasl.base import Challenge, ClientMechanism, Failure, FailureReason, Mechanism, Verify
from smtpcore.sasl.choice import MECHANISMS, advertised, canonical_name, usable
from smtpcore.sasl.cram_md5 import CramMd5Server
from smtpcore.sasl.credentials import AnonymousCredentials, ChannelBinding, ClientCredentials, TokenCredentials
from smtpcore.sasl.factory import ServerSettings
from smtpcore.sasl.gs2 import attributes, parse_header, unescape
from smtpcore.sasl.oauth import OAuthBearerClient, OAuthBearerServer
from smtpcore.sasl.prep import saslprep, trace_prep
from smtpcore.sasl.scram import ScramClient, ScramServer
from smtpcore.sasl.scram_keys import ScramKeys

# -- which mechanisms -------------------------------------------------------------------------------------------------


def test_what_a_server_offers_unless_told_otherwise() -> None:
    hashed = ("SCRAM-SHA-256", "SCRAM-SHA-1")
    assert advertised(tls=False) == hashed
    assert advertised(tls=True) == (*hashed, "PLAIN")
    assert advertised(tls=False, clear_text=True) == (*hashed, "PLAIN")
    bound = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN")
    assert advertised(tls=True, channel_binding=True) == bound


def test_external_wants_an_identity() -> None:
    assert advertised(["EXTERNAL"], tls=True) == ()
    assert advertised(["EXTERNAL"], tls=True, peer_identity=True) == ("EXTERNAL",)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("x", "X"), ("plain", "PLAIN"), ("x" * 20, "X" * 20), ("x" * 21, ""), ("", ""), ("a b", ""), ("a_-9", "A_-9")],
)
def test_the_name_of_a_mechanism(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


def test_a_mechanism_without_its_hash_is_of_no_use() -> None:
    assert usable(Mechanism("X", hash="no such hash")) is False
    assert usable(Mechanism("X")) is True
    assert usable(Mechanism("X", hash="sha256")) is True


def test_commands_may_follow_where_the_client_speaks_once() -> None:
    """RFC 4954 4."""
    once = {name for name, mechanism in MECHANISMS.items() if mechanism.one_round_trip}
    assert once == {"PLAIN", "EXTERNAL", "ANONYMOUS"}
    assert not Mechanism("X").one_round_trip


def test_what_is_not_given_is_empty() -> None:
    assert ClientCredentials().port == 0
    assert AnonymousCredentials("trace").authorization_id == ""
    assert ServerSettings().decoy_salt_length == 16


# -- CRAM-MD5 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("challenge", [b"<a@b>", b"<!~@~!>", b"<1.2@host.example>"])
def test_a_message_identifier_is_a_challenge(challenge: bytes) -> None:
    CramMd5Server(challenge)


@pytest.mark.parametrize(
    "challenge",
    [b"", b"<ab>", b"a@b>", b"<a@b", b"<@b>", b"<a@>", b"<a b@c>", b"<a@b\x7f>", b"<a\x7f@b>", b"<a@b>x", b"x<a@b>"],
)
def test_anything_else_is_not(challenge: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        CramMd5Server(challenge)


# -- GS2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [b"n", b"y", b"p=a", b"p=tls-unique", b"p=A.9-z"])
def test_the_flags_of_a_header(flag: bytes) -> None:
    header, rest = parse_header(flag + b",a=me,rest,of it")
    assert header.flag.encode() == flag[:1]
    assert header.binding_type.encode() == flag[2:]
    assert (header.authorization_id, header.octets, rest) == ("me", flag + b",a=me,", b"rest,of it")


@pytest.mark.parametrize("flag", [b"", b"x", b"nn", b"p", b"p=", b"p=_a", b"p=a_", b"p=a b", b"x=tls-unique", b"n=tls"])
def test_no_flags_of_a_header(flag: bytes) -> None:
    with pytest.raises(SyntaxProblem):
        parse_header(flag + b",,rest")


@pytest.mark.parametrize("name", [b"", b"a\0b", b"\0", b"a=b", b"=2c", b"=3d", b"\xff"])
def test_what_is_no_name(name: bytes) -> None:
    with pytest.raises(SyntaxProblem):
        unescape(name)


@pytest.mark.parametrize("message", [b"r=\xff", b"r=a,x=\xc3", b"r=\0", b"r=", b"=a", b"1=a", b"r:a"])
def test_what_are_no_attributes(message: bytes) -> None:
    with pytest.raises(SyntaxProblem):
        attributes(message, b"r")


@pytest.mark.parametrize("name", sorted({*string.ascii_letters} - {*"anmrcsipve"}))
def test_attributes_of_the_future_pass_by(name: str) -> None:
    """RFC 5802 5.1: those without a meaning are ignored behind the known ones."""
    assert attributes(b"r=abc," + name.encode() + b"=x", b"r") == [b"abc"]


# -- SCRAM ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("binding", "header"), [(None, b"n,,"), (ChannelBinding("tls-unique", b"data"), b"y,,")])
def test_without_plus_nothing_is_bound(binding: ChannelBinding | None, header: bytes) -> None:
    """RFC 5802 6: only flag `p` brings the data of the channel along."""
    client = ScramClient("SCRAM-SHA-1", "user", "pencil", b"abc", channel_binding=binding)
    assert client.step(None) == header + b"n=user,r=abc"
    final = client.step(b"r=abcdef,s=QSXCR+Q6sek8bf92,i=4096")
    assert final.partition(b",")[0] == b"c=" + base64.b64encode(header)


@pytest.mark.parametrize("octet", range(256))
def test_the_octets_of_a_nonce(octet: int) -> None:
    nonce = bytes((0x61, octet))
    fits = 0x21 <= octet <= 0x7E and octet != ord(",")
    if fits:
        assert ScramClient("SCRAM-SHA-1", "user", "pencil", nonce).step(None) == b"n,,n=user,r=" + nonce
    else:
        with pytest.raises(LocalProtocolError):
            ScramClient("SCRAM-SHA-1", "user", "pencil", nonce)


def test_the_salt_of_a_decoy() -> None:
    assert len(ScramKeys.decoy("SHA-256", "user", b"secret").salt) == 16
    assert len(ScramKeys.decoy("SHA-256", "user", b"secret", salt_length=1).salt) == 1
    for length in (-1, 0, 65):
        with pytest.raises(LocalProtocolError):
            ScramKeys.decoy("SHA-256", "user", b"secret", salt_length=length)


def test_the_salt_of_who_does_not_exist() -> None:
    server = ScramServer("SCRAM-SHA-1", b"server", decoy_secret=b"secret")
    assert isinstance(server.step(b"n,,n=user,r=abc"), Verify)
    challenge = server.provide(None)
    assert isinstance(challenge, Challenge)
    assert len(base64.b64decode(attributes(challenge.data, b"rsi")[1])) == 16


def test_the_rounds_of_keys_unless_told_otherwise() -> None:
    """Decoys that took others than real users would tell who has an account (X-SCRAM-21)."""
    found = ScramKeys.derive("SHA-1", "pencil", b"salt"), ScramKeys.decoy("SHA-1", "user", b"secret")
    assert {keys.iterations for keys in found} == {ServerSettings().decoy_iterations} == {10_000}


def test_a_decoy_for_any_name() -> None:
    names = ("user", "u", "", "\ud800", "\udfff")
    assert len({ScramKeys.decoy("SHA-256", name, b"secret") for name in names}) == len(names)


def test_a_decoy_is_the_same_in_every_release() -> None:
    """Salts that change when the library does would tell who has an account, as those of users stay (X-SCRAM-21)."""
    assert ScramKeys.decoy("SHA-1", "user", b"secret", 4096, 8) == ScramKeys(
        "SHA-1",
        bytes.fromhex("f0568d900e429112"),
        4096,
        bytes.fromhex("d61238d6dfd6f76e32dfd183e4105ad6fcb98867"),
        bytes.fromhex("c892c4e9e472d54bfbd90fccf877622047285acb"),
    )


# -- SASLprep ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prepare", [saslprep, trace_prep])
def test_the_longest_text_that_is_prepared(prepare: Callable[[str], str]) -> None:
    assert prepare("\xe9" * 512) == "\xe9" * 512
    with pytest.raises(SyntaxProblem) as told:
        prepare("\xe9" * 513)
    assert told.value.reason == "limit"


def test_a_query_may_hold_what_is_not_assigned_yet() -> None:
    """RFC 3454 7."""
    assert saslprep("\u0221") == "\u0221"
    with pytest.raises(SyntaxProblem):
        saslprep("\u0221", stored=True)


@pytest.mark.parametrize("start", [b"p=tls-unique,,", b"p=tls-exporter,a=x,"])
def test_a_mechanism_that_binds_nothing_is_not_bound(start: bytes) -> None:
    """RFC 5802 6: flag `p` belongs to -PLUS."""
    server = ScramServer("SCRAM-SHA-1", b"server", decoy_secret=b"secret")
    failed = server.step(start + b"n=user,r=abc")
    assert isinstance(failed, Failure)
    assert failed.reason is FailureReason.CHANNEL_BINDING


# -- a mechanism of one's own ------------------------------------------------------------------------------------------


class Echo(ClientMechanism):
    """Says what it is asked."""

    mechanism = Mechanism("X-ECHO")

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        return b"%d:" % turn + challenge


@pytest.mark.parametrize("first", [None, b""])
def test_a_client_that_speaks_first_is_asked_with_an_empty_challenge(first: bytes | None) -> None:
    client = Echo()
    assert client.step(first) == b"0:"
    assert client.step(b"x") == b"1:x"


# -- OAUTHBEARER ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("port", "fits"), [(-1, False), (0, True), (1, True), (65535, True), (65536, False)])
def test_ports(port: int, fits: bool) -> None:
    if fits:
        OAuthBearerClient("user", "token", port=port)
    else:
        with pytest.raises(LocalProtocolError):
            OAuthBearerClient("user", "token", port=port)
    outcome = OAuthBearerServer().step(b"n,a=user,\x01port=%d\x01auth=Bearer t\x01\x01" % port)
    if fits and port:
        assert isinstance(outcome, Verify)
        assert isinstance(outcome.credentials, TokenCredentials)
        assert outcome.credentials.port == port
    else:
        assert isinstance(outcome, Failure)


def test_an_empty_name_of_a_user_is_none_and_nul_is_refused() -> None:
    OAuthBearerClient("", "token")
    with pytest.raises(LocalProtocolError):
        OAuthBearerClient("a\0b", "token")


def test_a_message_without_pairs_is_answered_with_what_is_wanted() -> None:
    """RFC 7628 4.3."""
    assert isinstance(OAuthBearerServer().step(b"n,,\x01\x01"), Challenge)
    for rest in (b"", b"\x01", b"\x01\x01\x01", b"auth=Bearer t\x01\x01"):
        assert isinstance(OAuthBearerServer().step(b"n,," + rest), Failure)


# -- names ------------------------------------------------------------------------------------------------------------


def test_every_public_name_can_be_had() -> None:
    for name in sasl.__all__:
        assert getattr(sasl, name) is not None
