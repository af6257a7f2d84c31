"""RRVS: deliver only if the mailbox still belongs to whom it belonged then (RFC 7293)."""

from __future__ import annotations

from typing import ClassVar, Final

from smtpcore.datetimes import is_date_time
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.base import Extension
from smtpcore.parameters import Parameter
from smtpcore.value import Value


class ValidSince(Value):
    """RRVS=: a date-time of RFC 3339, and what to do where RRVS is not known: `C`ontinue, `R`eject, `""` unsaid."""

    since: str
    no_support: str = ""

    def __post_init__(self) -> None:
        if not is_date_time(self.since) or self.no_support not in ("", "C", "R"):
            raise SyntaxProblem("RRVS is a date-time of RFC 3339 without fraction, and C, R or nothing")


def _parse(value: str | None) -> ValidSince:
    since, semicolon, action = (value or "").partition(";")
    if semicolon and action not in ("C", "R", "c", "r"):
        raise SyntaxProblem("RRVS ends in ;C or ;R or nothing")
    return ValidSince(since, action.upper())


def _format(since: ValidSince) -> str:
    return f"{since.since};{since.no_support}" if since.no_support else since.since


RRVS: Final = Parameter("RRVS", "RCPT", octets=33, parse=_parse, format=_format)


class Rrvs(Extension):
    """The RRVS extension; whether the mailbox changed hands is the application's to say (550 5.7.17)."""

    keyword: ClassVar[str] = "RRVS"
    parameters: ClassVar[tuple[Parameter[ValidSince], ...]] = (RRVS,)
