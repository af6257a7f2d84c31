"""DSN: which notifications the sender wants, and what identifies them (RFC 3461; RFC 6533 for UTF-8 addresses)."""

from __future__ import annotations

import re
from enum import Enum
from typing import ClassVar, Final

from smtpcore import xtext
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.base import Extension
from smtpcore.parameters import Parameter
from smtpcore.value import Value

_ATOM: Final = re.compile("[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")


class Ret(Enum):
    """RET=: how much of the message a failure notification returns (RFC 3461 4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Notify(Enum):
    """The conditions of NOTIFY= (RFC 3461 4.1); `NEVER` stands alone."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


# Plain dictionaries: looking a member up in its enumeration is slow (CPython 3.11).
_RETS: Final = {member.value: member for member in Ret}
_CONDITIONS: Final = {member.value: member for member in Notify}


class OriginalRecipient(Value):
    """ORCPT=: the recipient as the sender wrote it (RFC 3461 4.2).  `address` is decoded, of whatever type."""

    address: str
    address_type: str = "rfc822"

    def __post_init__(self) -> None:
        if _ATOM.fullmatch(self.address_type) is None:
            raise SyntaxProblem("an address type is an atom, such as rfc822 or utf-8")
        _format_orcpt(self)


def _upper(value: str | None, what: str) -> str:
    if value is None or not value.isascii():
        raise SyntaxProblem(f"{what} wants a value")
    return value.upper()


def _parse_ret(value: str | None) -> Ret:
    found = _RETS.get(_upper(value, "RET"))
    if found is None:
        raise SyntaxProblem("RET is FULL or HDRS")
    return found


def _parse_notify(value: str | None) -> frozenset[Notify]:
    words = _upper(value, "NOTIFY").split(",")
    if not all(word in _CONDITIONS for word in words):
        raise SyntaxProblem("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY")
    found = frozenset(_CONDITIONS[word] for word in words)
    if Notify.NEVER in found and len(words) > 1:
        raise SyntaxProblem("NEVER stands alone in NOTIFY")
    return found


def _format_notify(conditions: frozenset[Notify]) -> str:
    if not conditions or (Notify.NEVER in conditions and len(conditions) > 1):
        raise SyntaxProblem("NOTIFY is NEVER alone, or one or more of SUCCESS, FAILURE and DELAY")
    return ",".join(member.value for member in Notify if member in conditions)


def _parse_envid(value: str | None) -> str:
    if value is None:
        raise SyntaxProblem("ENVID wants a value")
    if len(value) > 100:
        raise SyntaxProblem("ENVID has 100 octets at most")  # RFC 3461 4.4
    return xtext.decode(value)


def _format_envid(envid: str) -> str:
    value = xtext.encode(envid)
    if not 0 < len(value) <= 100:
        raise SyntaxProblem("ENVID has 1 to 100 octets as xtext")
    return value


def _parse_orcpt(value: str | None) -> OriginalRecipient:
    address_type, semicolon, encoded = (value or "").partition(";")
    if not semicolon or _ATOM.fullmatch(address_type) is None:
        raise SyntaxProblem("ORCPT is an address type, a semicolon and an address in xtext")
    if len(encoded.encode("utf-8", "surrogatepass")) > 500:
        raise SyntaxProblem("ORCPT has 500 octets of address at most")
    international = address_type.lower() == "utf-8"
    address = xtext.decode_utf8(encoded) if international else xtext.decode(encoded, utf8=True)
    recipient: OriginalRecipient = OriginalRecipient._make(address, address_type)
    return recipient


def _format_orcpt(recipient: OriginalRecipient) -> str:
    encode = xtext.encode_utf8 if recipient.address_type.lower() == "utf-8" else xtext.encode
    value = f"{recipient.address_type};{encode(recipient.address)}"
    if len(value) > 500:
        raise SyntaxProblem("ORCPT has 500 octets at most")  # RFC 3461 4.2
    return value


def _deviation(value: str | None) -> str:
    return xtext.deviation(value or "")


def _orcpt_deviation(value: str | None) -> str:
    return xtext.deviation((value or "").partition(";")[2])  # the form of RFC 6533 has no '+'


RET: Final = Parameter("RET", "MAIL", octets=9, parse=_parse_ret, format=lambda ret: ret.value, repeats=True)
ENVID: Final = Parameter("ENVID", "MAIL", octets=107, parse=_parse_envid, format=_format_envid, deviation=_deviation)
NOTIFY: Final = Parameter("NOTIFY", "RCPT", octets=29, parse=_parse_notify, format=_format_notify, repeats=True)
ORCPT: Final = Parameter(
    "ORCPT", "RCPT", octets=507, parse=_parse_orcpt, format=_format_orcpt, deviation=_orcpt_deviation
)


class Dsn(Extension):
    """The DSN extension.  A relay passes `mail.params` and `rcpt.params` on as they are (RFC 3461 5.2.1)."""

    keyword: ClassVar[str] = "DSN"
    parameters: ClassVar[tuple[Parameter[object], ...]] = (RET, ENVID, NOTIFY, ORCPT)  # type: ignore[assignment]
