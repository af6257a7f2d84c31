"""SIZE: the client says how large the message is, the server how large it may be (RFC 1870)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Mapping, Sequence

from smtpcore import replies
from smtpcore.commands import Command, Mail
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.base import Extension, When
from smtpcore.limits import Limits
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan

_DIGITS: Final = re.compile("[0-9]{1,20}")


def _parse(value: str | None) -> int:
    if value is None or _DIGITS.fullmatch(value) is None:
        raise SyntaxProblem("SIZE wants 1 to 20 digits")
    return int(value)


def _format(size: int) -> str:
    if not 0 <= size < 10**20:
        raise SyntaxProblem("SIZE is 0 or more, of 20 digits at most")
    return str(size)


#: Octets of the message, dots unstuffed, CRLFs counted (RFC 1870 5).
SIZE: Final = Parameter("SIZE", "MAIL", octets=26, parse=_parse, format=_format)


class Size(Extension):
    """The SIZE extension.  `maximum` is in octets; `None`: nothing is said of a limit, 0: there is none."""

    maximum: int | None = None
    keyword: ClassVar[str] = "SIZE"
    parameters: ClassVar[tuple[Parameter[int], ...]] = (SIZE,)
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.PARAMETERS}

    def __post_init__(self) -> None:
        if self.maximum is not None and not 0 <= self.maximum < 10**20:
            raise LocalProtocolError("the maximum of SIZE is 0 or more octets, of 20 digits at most")

    @property
    def message_limit(self) -> int | None:
        return self.maximum or None

    def fitted(self, limits: Limits) -> Size:
        # RFC 5321 4.5.3.1.7: a limit is announced, and what is announced is what holds.
        if not limits.message or (self.maximum and self.maximum <= limits.message):
            return self
        return Size(limits.message)

    @property
    def offered(self) -> Sequence[str]:
        return () if self.maximum is None else (str(self.maximum),)

    def guard(self, command: Command, session: Session) -> Reply | None:
        assert isinstance(command, Mail)
        too_big = self.maximum and (SIZE.get(command.params) or 0) > self.maximum
        return replies.MESSAGE_TOO_BIG if too_big else None  # RFC 1870 6.1 (2)

    def plan(self, plan: MailPlan) -> None:
        offered = plan.offered("SIZE")
        if offered is None or plan.size is None:
            return
        # RFC 1870 3 (3): absent, 0 and a number are three answers; garbage is taken as absent.
        limit = int(offered[0]) if offered and _DIGITS.fullmatch(offered[0]) else 0
        if limit and plan.size > limit:
            plan.refuse("size-exceeded", f"the message has {plan.size} octets, the server takes {limit}")
        plan.add(SIZE(plan.size))
