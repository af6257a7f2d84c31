"""The notation that SCRAM and OAUTHBEARER share: GS2 header, escaped names, attributes, base64.

RFC 5802 section 7 has the grammar, RFC 7628 section 3.1 borrows the header.  All of it is linear, and every parser
raises `SyntaxProblem`.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from typing import Final

from smtpcore.errors import SyntaxProblem
from smtpcore.value import Value

#: Octets of a nonce: printable ASCII without the comma.
PRINTABLE: Final = frozenset(range(0x21, 0x7F)) - {0x2C}

_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_BINDING_TYPE: Final = _LETTERS | frozenset(b"0123456789.-")
#: Attributes with a meaning: in the place of an extension they are out of order (X-SCRAM-06).
_KNOWN: Final = frozenset(b"anmrcsipve")


class Gs2Header(Value):
    """`gs2-cbind-flag "," [authzid] ","`: `flag` is `n`, `y` or `p`; `octets` is the header as it was written."""

    flag: str
    binding_type: str
    authorization_id: str
    octets: bytes


def format_header(flag: str, binding_type: str, authorization_id: str) -> bytes:
    """The octets of a GS2 header; `binding_type` counts for flag `p` only."""
    start = f"p={binding_type}".encode("ascii") if flag == "p" else flag.encode("ascii")
    acting = b"a=" + escape(authorization_id) if authorization_id else b""
    return start + b"," + acting + b","


def parse_header(message: bytes) -> tuple[Gs2Header, bytes]:
    """The GS2 header of a message, and what follows it.  Raises `SyntaxProblem`."""
    parts = message.split(b",", 2)
    if len(parts) != 3:
        raise SyntaxProblem("no GS2 header")
    start, acting, rest = parts
    binding = b""
    if start[:2] == b"p=" and len(start) > 2 and _BINDING_TYPE.issuperset(start[2:]):
        binding = start[2:]
    elif start not in (b"n", b"y"):  # X-SCRAM-03
        raise SyntaxProblem("the GS2 header has no channel binding flag")
    if acting and acting[:2] != b"a=":
        raise SyntaxProblem("not an authorization identity", position=len(start) + 1)
    identity = unescape(acting[2:]) if acting else ""
    octets = message[: len(message) - len(rest)]
    return Gs2Header(chr(start[0]), binding.decode("ascii"), identity, octets), rest


def escape(name: str) -> bytes:
    """A name as `saslname`: `=` and `,` become `=3D` and `=2C`."""
    return name.encode("utf-8").replace(b"=", b"=3D").replace(b",", b"=2C")


def unescape(value: bytes) -> str:
    """The name in a `saslname`.  Raises `SyntaxProblem` for any other `=`, for NUL and for the empty name."""
    if not value or b"\0" in value or value.count(b"=") != value.count(b"=2C") + value.count(b"=3D"):
        raise SyntaxProblem("not a saslname")  # X-SCRAM-04
    try:
        return value.replace(b"=2C", b",").replace(b"=3D", b"=").decode("utf-8")
    except UnicodeDecodeError as error:
        raise SyntaxProblem("not UTF-8", reason="utf-8", position=error.start) from None


def encode_base64(octets: bytes) -> bytes:
    """Base64 without line ends."""
    return b2a_base64(octets, newline=False)


def decode_base64(text: bytes) -> bytes:
    """The octets behind canonical base64: one text for each value.  Raises `SyntaxProblem` for any other text."""
    try:
        octets = a2b_base64(text)
    except Error:
        raise SyntaxProblem("not base64", reason="base64") from None
    if encode_base64(octets) != text:
        raise SyntaxProblem("not canonical base64", reason="base64")
    return octets


def attributes(message: bytes, order: bytes) -> list[bytes]:
    """The values of the attributes named by `order`, which the message begins with, in that order.

    Unknown attributes may follow and are ignored; `m`, a mandatory extension, and known attributes out of order are a
    `SyntaxProblem` (RFC 5802 section 5.1).
    """
    try:
        message.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SyntaxProblem("not UTF-8", reason="utf-8", position=error.start) from None
    if b"\0" in message:
        raise SyntaxProblem("NUL in an attribute")
    values: list[bytes] = []
    for item in message.split(b","):
        if len(item) < 3 or item[1] != 0x3D or item[0] not in _LETTERS:
            raise SyntaxProblem("not a list of attributes")
        if len(values) < len(order):
            if item[0] != order[len(values)]:
                raise SyntaxProblem("an attribute is missing or out of order")
            values.append(item[2:])
        elif item[0] in _KNOWN:
            raise SyntaxProblem("an attribute is out of order")
    if len(values) < len(order):
        raise SyntaxProblem("an attribute is missing")
    return values
