"""8BITMIME: octets above 127 in the text (RFC 6152).  BINARYMIME adds a third value to BODY in its own file."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Mapping

from smtpcore import replies
from smtpcore.commands import Command, Mail
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.base import Extension, When
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan


class BodyType(Enum):
    """The values of BODY=."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


_BODY_TYPES: Final = {member.value: member for member in BodyType}


def _parse(value: str | None) -> BodyType:
    found = _BODY_TYPES.get(value.upper()) if value is not None and value.isascii() else None
    if found is None:
        raise SyntaxProblem("BODY wants 7BIT, 8BITMIME or BINARYMIME")
    return found


def _format(body: BodyType) -> str:
    return body.value


#: What kind of octets the message holds; the longest line is that of BINARYMIME (RFC 3030 3 (8)).
BODY: Final = Parameter("BODY", "MAIL", octets=16, parse=_parse, format=_format, repeats=True)


class EightBitMime(Extension):
    """The 8BITMIME extension: every octet of the text is kept as it is."""

    keyword: ClassVar[str] = "8BITMIME"
    parameters: ClassVar[tuple[Parameter[BodyType], ...]] = (BODY,)
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.PARAMETERS}
    plans: ClassVar[When] = When.NON_ASCII

    def guard(self, command: Command, session: Session) -> Reply | None:
        assert isinstance(command, Mail)
        if "BINARYMIME" in session.keywords:
            return None
        binary = BODY.get(command.params) is BodyType.BINARY_MIME
        return replies.UNKNOWN_PARAMETER if binary else None  # a value that nobody offered (X-BINARYMIME-02)

    def plan(self, plan: MailPlan) -> None:
        if plan.binary or not plan.eight_bit:
            return
        if plan.offered("8BITMIME") is None:
            # RFC 6152 3: never, under any circumstances, octets above 127 to a server that does not offer it.
            plan.refuse("8bitmime-unavailable", "the message has 8-bit octets and the server does not offer 8BITMIME")
        plan.add(BODY(BodyType.EIGHT_BIT_MIME))
