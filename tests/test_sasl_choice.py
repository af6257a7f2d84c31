"""Which mechanisms are offered and tried; objects by name."""

from __future__ import annotations

import re
from itertools import product

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl import (
    DEFAULT_MECHANISMS,
    MECHANISMS,
    PREFERENCE,
    Challenge,
    ChannelBinding,
    ClientCredentials,
    Credentials,
    Identity,
    Mechanism,
    OAuthError,
    PasswordCredentials,
    ScramKeys,
    ServerSettings,
    StoredSecret,
    Success,
    TokenCredentials,
    advertised,
    canonical_name,
    client_mechanism,
    preferred,
    removed,
    server_mechanism,
)
from tests.sasl_pair import talk

PASSWORD = ClientCredentials("user", "pencil")
EVERYTHING = ClientCredentials("user", "pencil", token="tok", external=True, trace="")
BINDING = ChannelBinding("tls-exporter", b"\x01" * 32)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", "PLAIN"),
        ("Cram-Md5", "CRAM-MD5"),
        ("X_1", "X_1"),
        ("A" * 20, "A" * 20),
        ("A" * 21, ""),
        ("", ""),
        ("PLA!N", ""),
        ("PLAIN\r\nX", ""),
        ("PLAIN x", ""),
        ("\u017fCRAM", ""),
        ("PLAIN\0", ""),
    ],
)
@pytest.mark.rule("X-AUTH-02")
def test_names(name: str, expected: str) -> None:
    assert canonical_name(name) == expected


def test_facts() -> None:
    assert set(PREFERENCE) == set(MECHANISMS)
    assert {name for name, facts in MECHANISMS.items() if facts.plaintext} == {
        "PLAIN",
        "LOGIN",
        "XOAUTH2",
        "OAUTHBEARER",
    }
    assert {name for name, facts in MECHANISMS.items() if not facts.client_first} == {"LOGIN", "CRAM-MD5"}
    assert {name for name, facts in MECHANISMS.items() if facts.channel_binding} == {
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-512-PLUS",
    }
    assert all(name == facts.name == canonical_name(name) for name, facts in MECHANISMS.items())


@pytest.mark.rule("X-AUTH-36")
def test_who_speaks_once() -> None:
    """Only these may have commands after them in a pipelined group."""
    assert {name for name, facts in MECHANISMS.items() if facts.one_round_trip} == {"PLAIN", "EXTERNAL", "ANONYMOUS"}


# What a server offers


@pytest.mark.rule("X-AUTH-31", "X-AUTH-32")
def test_nothing_readable_without_tls() -> None:
    for names in (DEFAULT_MECHANISMS, tuple(MECHANISMS)):
        offered = advertised(names, tls=False, channel_binding=True, peer_identity=True)
        assert not {"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"} & set(offered)
        assert "SCRAM-SHA-256" in offered
    assert "PLAIN" in advertised(tls=True)
    assert "PLAIN" in advertised(tls=False, clear_text=True)


@pytest.mark.rule("X-SCRAM-13")
def test_plus_is_offered_beside_the_plain_form() -> None:
    names = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert advertised(names, tls=True, channel_binding=True) == names
    assert advertised(names, tls=True) == ("SCRAM-SHA-256",)
    assert advertised(names[:1], tls=True, channel_binding=True) == names[:1]


def test_everything_can_be_offered() -> None:
    assert advertised(MECHANISMS, tls=True, channel_binding=True, peer_identity=True) == tuple(MECHANISMS)
    own = Mechanism("X-OWN", plaintext=True)
    assert advertised(["plain", own], tls=True) == ("PLAIN", "X-OWN")
    assert advertised(["scram-sha-1", own], tls=False) == ("SCRAM-SHA-1",)
    for unknown in ("X-OWN", "NTLM", "PLA IN"):
        with pytest.raises(LocalProtocolError):
            advertised([unknown], tls=True)


# What a client tries


@pytest.mark.rule("X-AUTH-54")
def test_order() -> None:
    offered = ["CRAM-MD5", "LOGIN", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]
    assert preferred(offered, PASSWORD, tls=True) == ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"]
    bound = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "PLAIN", "LOGIN", "CRAM-MD5"]
    assert preferred(offered, PASSWORD, tls=True, channel_binding=True) == bound
    some = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"]
    assert preferred(some, PASSWORD, tls=True, channel_binding=True) == ["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"]
    assert preferred(["scram-sha-512", *offered], PASSWORD, tls=True)[0] == "SCRAM-SHA-512"


@pytest.mark.rule("X-AUTH-54")
def test_tokens_only_if_given() -> None:
    offered = ["XOAUTH2", "PLAIN", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS"]
    assert preferred(offered, PASSWORD, tls=True) == ["PLAIN"]
    assert preferred(offered, ClientCredentials("u", token="t"), tls=True) == ["OAUTHBEARER", "XOAUTH2"]
    everything = ["EXTERNAL", "OAUTHBEARER", "XOAUTH2", "PLAIN", "ANONYMOUS"]
    assert preferred(offered, EVERYTHING, tls=True) == everything
    assert preferred(offered, ClientCredentials("u"), tls=True) == []


@pytest.mark.rule("X-AUTH-54")
def test_order_can_be_set() -> None:
    offered = ["PLAIN", "SCRAM-SHA-256", "LOGIN", "X-OWN"]
    assert preferred(offered, PASSWORD, tls=True, order=["LOGIN", "X-OWN", "PLAIN"]) == ["LOGIN", "PLAIN"]


@pytest.mark.rule("X-CRAM-06", "X-AUTH-54")
def test_without_tls() -> None:
    offered = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]
    assert preferred(offered, PASSWORD, tls=False) == ["SCRAM-SHA-256"]
    assert preferred(offered, PASSWORD, tls=False, clear_text=True) == ["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]


@pytest.mark.rule("X-CRAM-07")
def test_no_hash_no_mechanism(monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    def new(name: str) -> object:
        raise ValueError("unsupported hash type")

    monkeypatch.setattr(hashlib, "new", new)
    assert preferred(["CRAM-MD5", "PLAIN"], PASSWORD, tls=True) == ["PLAIN"]


@pytest.mark.rule("X-AUTH-53")
def test_removed() -> None:
    before, after = ["SCRAM-SHA-256", "plain", "Login", "BAD NAME", "login"], ["LOGIN"]
    assert removed(before, after) == ["SCRAM-SHA-256", "PLAIN"]
    assert removed(after, before) == []


# Objects by name


def judge(credentials: Credentials) -> bool:
    match credentials:
        case PasswordCredentials(name, _, password):
            return (name, password) == ("user", "pencil")
        case TokenCredentials(_, token):
            return token == "tok"
        case _:
            return True


@pytest.mark.parametrize("name", MECHANISMS)
def test_both_ends_by_name(name: str) -> None:
    settings = ServerSettings(
        nonce=b"server",
        challenge=b"<1.2@mx.example>",
        decoy_secret=b"s",
        channel_bindings=(BINDING,) if name.endswith("-PLUS") else (),
        peer_identity="user",
        hosts=("mx.example",),
        error=OAuthError("invalid_token"),
    )
    hash_name = name.removeprefix("SCRAM-").removesuffix("-PLUS")
    secret: StoredSecret = "pencil"
    if name.startswith("SCRAM"):
        secret = ScramKeys.derive(hash_name, "pencil", b"0123456789abcdef", 4096)
    client = client_mechanism(
        name.lower(), EVERYTHING, nonce=b"client", channel_binding=BINDING if name.endswith("-PLUS") else None
    )
    server = server_mechanism(name.lower(), settings)
    outcome = talk(client, server, judge, {"user": secret})
    who = "anonymous" if name == "ANONYMOUS" else "user"
    assert outcome == Success(Identity(who, who))
    assert client.complete
    assert client.mechanism is server.mechanism is MECHANISMS[name]


def test_credentials_reach_the_mechanism() -> None:
    acting = ClientCredentials("u", "p", token="t", authorization_id="z", host="h", port=25, external=True, trace="me")
    assert client_mechanism("PLAIN", acting).step(None) == b"z\0u\0p"
    assert client_mechanism("EXTERNAL", acting).step(None) == b"z"
    assert client_mechanism("ANONYMOUS", acting).step(None) == b"me"
    assert client_mechanism("OAUTHBEARER", acting).step(None) == b"n,a=u,\x01host=h\x01port=25\x01auth=Bearer t\x01\x01"
    assert client_mechanism("SCRAM-SHA-1", acting, nonce=b"n").step(None) == b"n,a=z,n=u,r=n"


@pytest.mark.rule("X-SCRAM-21")
def test_decoys_look_like_the_real_keys() -> None:
    settings = ServerSettings(nonce=b"n", decoy_secret=b"d", decoy_iterations=4096, decoy_salt_length=12)
    server = server_mechanism("SCRAM-SHA-1", settings)
    server.step(b"n,,n=nobody,r=a")
    challenge = server.provide(None)
    assert isinstance(challenge, Challenge)
    assert re.fullmatch(rb"r=an,s=[A-Za-z0-9+/]{16},i=4096", challenge.data)


@pytest.mark.rule("X-SCRAM-12")
def test_offer_decides_the_flag() -> None:
    def make(*offered: str) -> bytes:
        client = client_mechanism("SCRAM-SHA-1", PASSWORD, nonce=b"n", channel_binding=BINDING, offered=offered)
        return client.step(None)

    assert make("SCRAM-SHA-1", "SCRAM-SHA-256-PLUS").startswith(b"y,,")
    with pytest.raises(LocalProtocolError):
        make("scram-sha-1", "scram-sha-1-plus")


def test_missing_or_unknown() -> None:
    for name, credentials in product(MECHANISMS, [ClientCredentials("u")]):
        with pytest.raises(LocalProtocolError):
            client_mechanism(name, credentials)
    for name in ("NTLM", "PLAIN\r\nX", ""):
        with pytest.raises(LocalProtocolError):
            client_mechanism(name, EVERYTHING)
        with pytest.raises(LocalProtocolError):
            server_mechanism(name, ServerSettings())
    for name in ("SCRAM-SHA-1", "CRAM-MD5"):
        with pytest.raises(LocalProtocolError):
            server_mechanism(name, ServerSettings())
