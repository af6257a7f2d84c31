"""SASL and its base64: any octets on either side of any mechanism; nobody gets in without the secret."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.auth import decode, encode
from smtpcore.sasl import (
    MECHANISMS,
    Authorization,
    Challenge,
    ChannelBinding,
    ClientCredentials,
    Failure,
    Outcome,
    SaslError,
    SecretNeeded,
    ServerMechanism,
    ServerSettings,
    Success,
    Verify,
    client_mechanism,
    server_mechanism,
)
from smtpcore.sasl.credentials import Credentials
from tests.fuzz.choices import Choices, split, varied

#: Long enough that no fuzzer guesses it, and told to nobody.
SECRET = "correct.horse-battery.staple7c1e"
_BINDING = ChannelBinding("tls-exporter", b"x" * 32)
_CLIENT = ClientCredentials("user", SECRET, SECRET, external=True, trace="trace")
_SERVER = ServerSettings(
    nonce=b"bm9uY2U",
    challenge=b"<1.2@mx.example>",
    decoy_secret=b"decoy",
    channel_bindings=(_BINDING,),
    peer_identity="user",
)
_NAMES = tuple(MECHANISMS)
#: Messages of RFC 4616, 2195, 5802, 7677, 7628, 4505, and of the XOAUTH2 that is in use.
_SAID = (
    b"\0user\0pencil",
    b"admin\0user\0pencil",
    b"user",
    b"tim b913a602c7eda7a495b4e6e7334d3890",
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    b"p=tls-exporter,a=admin,n=us=2Cer,r=rOprNGfwEbeRWgbNEkqO",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bd92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    b"e=other-error",
    b"n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRh\1\1",
    b"user=someuser@example.com\1auth=Bearer vF9dft4qmTc\1\1",
    b'{"status":"invalid_token","scope":"example_scope"}',
    b"\1",
    b"",
)


def seeds() -> Iterable[bytes]:
    whole = [b"\n".join(encode(said).encode() for said in _SAID[start : start + 3]) for start in range(len(_SAID))]
    return varied([*whole, *(b"\n".join(_SAID[start : start + 3]) for start in range(len(_SAID)))], times=8)


def run(data: bytes) -> None:
    wire, choices = split(data)
    lines = wire.split(b"\n")
    messages = [_decoded(line) for line in lines]
    if choices.chance(2):
        _server(server_mechanism(choices.pick(_NAMES), _SERVER), messages, choices)
    else:
        _client(choices.pick(_NAMES), messages, choices)


def _decoded(line: bytes) -> bytes:
    """What a line stands for; one that is not base64 goes as it is."""
    try:
        octets = decode(line)
    except SyntaxProblem:
        return line
    assert encode(octets).encode() == line, "two spellings of one value"
    return octets


def _server(mechanism: ServerMechanism, messages: list[bytes], choices: Choices) -> None:
    """The peer knows no secret: unless the application says yes to a question, it does not get in."""
    agreed = False
    outcome = mechanism.step(None if choices.chance(3) else messages.pop(0))
    for _ in range(2 * len(messages) + 8):
        shown = repr(outcome) + repr(mechanism)
        assert SECRET not in shown
        if isinstance(outcome, Challenge):
            if not messages:
                return
            outcome = mechanism.step(messages.pop(0))
        elif isinstance(outcome, Verify):
            outcome, agreed = _judged(mechanism, outcome.credentials, choices, agreed)
        else:
            assert isinstance(outcome, (Success, Failure))
            assert agreed or isinstance(outcome, Failure), "in without the secret"
            return
    raise AssertionError("the exchange does not end")


def _judged(mechanism: ServerMechanism, asked: Credentials, choices: Choices, agreed: bool) -> tuple[Outcome, bool]:
    if isinstance(asked, SecretNeeded):
        stored = None if choices.chance(2) or mechanism.name.startswith("SCRAM") else SECRET
        return mechanism.provide(stored), agreed
    yes = choices.chance(2)
    if isinstance(asked, Authorization):
        assert agreed, "asked who may act for whom before it is known who is there"
    try:
        return mechanism.verified(yes), agreed or yes
    except LocalProtocolError:  # the message names nobody
        return mechanism.verified(yes, identity="somebody"), agreed or yes


def _client(name: str, messages: list[bytes], choices: Choices) -> None:
    mechanism = client_mechanism(name, _CLIENT, nonce=b"fyko+d2lbbFgONRv9qkxdawL", channel_binding=_BINDING)
    if mechanism.mechanism.client_first and choices.chance(2):
        mechanism.step(None)
    for message in messages:
        try:
            mechanism.step(message)
        except SaslError as error:
            shown = str(error) + repr(error)
            assert SECRET not in shown
            assert not mechanism.complete, "a 235 counts though the exchange has failed"
            break
        assert SECRET not in repr(mechanism)
    if mechanism.complete and name.startswith("SCRAM"):
        raise AssertionError("the server proved that it knows a secret that it was never told")
