"""DELIVERBY: a message that is worth something until a time only (RFC 2852)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Mapping, Sequence

from smtpcore import replies
from smtpcore.commands import Command, Mail
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.base import Extension, When
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session
from smtpcore.value import Value

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan

_BY: Final = re.compile(r"([+-]?[0-9]{1,9});([NnRr])([Tt]?)")
_MINIMUM: Final = re.compile("([0-9]{1,9})(?:,.*)?")  # what stands behind a comma is for later (RFC 2852 2 (3))


class DeliverBy(Value):
    """BY=: `seconds` from now; mode `R` returns the message afterwards, `N` notifies; `trace` reports each relay."""

    seconds: int
    mode: str = "R"
    trace: bool = False

    def __post_init__(self) -> None:
        if not -999_999_999 <= self.seconds <= 999_999_999 or self.mode not in ("N", "R"):
            raise SyntaxProblem("BY has 9 digits of seconds at most, and mode N or R")
        if self.mode == "R" and self.seconds <= 0:
            raise SyntaxProblem("mode R wants a time that is not over")  # RFC 2852 4


def _parse(value: str | None) -> DeliverBy:
    found = _BY.fullmatch(value or "")
    if found is None:
        raise SyntaxProblem("BY wants seconds, a semicolon, N or R, and T or nothing")
    return DeliverBy(int(found[1]), found[2].upper(), found[3] != "")


def _format(by: DeliverBy) -> str:
    return f"{by.seconds};{by.mode}{'T' if by.trace else ''}"


BY: Final = Parameter("BY", "MAIL", octets=17, parse=_parse, format=_format)


class DeliverByExtension(Extension):
    """The DELIVERBY extension.  `minimum`: seconds below which mode R is refused; `None`: nothing is said."""

    minimum: int | None = None
    keyword: ClassVar[str] = "DELIVERBY"
    parameters: ClassVar[tuple[Parameter[DeliverBy], ...]] = (BY,)
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.PARAMETERS}
    plans: ClassVar[When] = When.PARAMETERS

    @property
    def offered(self) -> Sequence[str]:
        return () if self.minimum is None else (str(self.minimum),)

    def guard(self, command: Command, session: Session) -> Reply | None:
        assert isinstance(command, Mail)
        by = BY.get(command.params)
        if by is not None and by.mode == "R" and by.seconds < (self.minimum or 0):
            return replies.UNKNOWN_PARAMETER  # RFC 2852 3: it cannot be honoured, 555
        return None

    def plan(self, plan: MailPlan) -> None:
        offered, by = plan.offered("DELIVERBY"), plan.value(BY)
        if not offered or by is None or by.mode != "R":
            return
        least = _MINIMUM.fullmatch(offered[0])
        if least is not None and by.seconds < int(least[1]):
            # RFC 2852 4.1.4.1: it would come back, and after the time that it has.
            plan.refuse("deliverby-unavailable", f"BY wants {by.seconds} seconds, the server {least[1]} or more")
