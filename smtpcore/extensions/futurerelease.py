"""FUTURERELEASE: keep a submitted message for a while (RFC 4865)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Mapping, Sequence

from smtpcore import replies
from smtpcore.commands import Command, Mail
from smtpcore.datetimes import is_date_time
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.base import Extension, When
from smtpcore.extensions.deliverby import BY
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan

_INTERVAL: Final = re.compile("[1-9][0-9]{0,8}")


def _parse_interval(value: str | None) -> int:
    if value is None or _INTERVAL.fullmatch(value) is None:
        raise SyntaxProblem("HOLDFOR is 1 to 999999999 seconds, without leading zeros")
    return int(value)


def _format_interval(seconds: int) -> str:
    if not 1 <= seconds <= 999_999_999:
        raise SyntaxProblem("HOLDFOR is 1 to 999999999 seconds")
    return str(seconds)


def _date_time(value: str | None) -> str:
    if value is None or not is_date_time(value, utc=True):
        raise SyntaxProblem("HOLDUNTIL is a date-time of RFC 3339 in UTC, as 2030-02-10T17:28:00Z")
    return value


#: Seconds to hold the message.
HOLDFOR: Final = Parameter("HOLDFOR", "MAIL", octets=34, parse=_parse_interval, format=_format_interval, group="hold")
#: The moment of release, as text.
HOLDUNTIL: Final = Parameter("HOLDUNTIL", "MAIL", octets=34, parse=_date_time, format=_date_time, group="hold")


class FutureRelease(Extension):
    """The FUTURERELEASE extension, for submission only: the largest interval in seconds and the last date-time."""

    interval: int
    until: str
    keyword: ClassVar[str] = "FUTURERELEASE"
    parameters: ClassVar[tuple[Parameter[int] | Parameter[str], ...]] = (HOLDFOR, HOLDUNTIL)
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.PARAMETERS}
    plans: ClassVar[When] = When.PARAMETERS

    def __post_init__(self) -> None:
        if not 1 <= self.interval <= 999_999_999 or not is_date_time(self.until, utc=True):
            raise LocalProtocolError("FUTURERELEASE wants 1 to 999999999 seconds and a date-time of RFC 3339 in UTC")

    @property
    def offered(self) -> Sequence[str]:
        return str(self.interval), self.until

    def guard(self, command: Command, session: Session) -> Reply | None:
        assert isinstance(command, Mail)
        seconds, until = HOLDFOR.get(command.params), HOLDUNTIL.get(command.params)
        # RFC 4865 4.2 (7-11): past what was announced.  Date-times in UTC of one shape compare as text.
        if (seconds or 0) > self.interval or (until or "") > self.until:
            return replies.BAD_PARAMETER
        by = BY.get(command.params)
        if by is not None and seconds is not None and seconds > by.seconds:
            return replies.BAD_PARAMETER  # RFC 4865 5.2
        return None

    def plan(self, plan: MailPlan) -> None:
        offered = plan.offered("FUTURERELEASE")
        seconds, until = plan.value(HOLDFOR), plan.value(HOLDUNTIL)
        if offered is None or (seconds is None and until is None):
            return
        limits = _limits(offered)
        if limits is None or (seconds or 0) > limits[0] or (until or "") > limits[1]:
            plan.refuse("futurerelease-unavailable", "the server does not hold a message for so long")
        if plan.path.is_null or (seconds is not None and until is not None):
            # RFC 4865 5.1.1, 4.1: no notification waits, and one release is all there can be.
            plan.refuse("futurerelease-unavailable", "one of HOLDFOR and HOLDUNTIL, and for no notification")


def _limits(offered: Sequence[str]) -> tuple[int, str] | None:
    """The largest interval and the last date-time that a server offers; `None` when it does not say it right."""
    if len(offered) != 2 or _INTERVAL.fullmatch(offered[0]) is None or not is_date_time(offered[1], utc=True):
        return None
    return int(offered[0]), offered[1]
