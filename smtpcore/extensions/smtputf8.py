"""SMTPUTF8: internationalised mailboxes and headers (RFC 6531)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Mapping

from smtpcore import replies
from smtpcore.commands import Command, Inquiry, Mail
from smtpcore.extensions.base import Extension, When
from smtpcore.parameters import Parameter, bare, no_value
from smtpcore.replies import Reply
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan

#: RFC 6531 3.1 budgets 10 octets.
SMTPUTF8: Final = Parameter("SMTPUTF8", "MAIL", octets=10, parse=no_value, format=bare, repeats=True)
_VRFY: Final = Parameter("SMTPUTF8", "VRFY", octets=10, parse=no_value, format=bare, repeats=True)
_EXPN: Final = Parameter("SMTPUTF8", "EXPN", octets=10, parse=no_value, format=bare, repeats=True)


class SmtpUtf8(Extension):
    """The SMTPUTF8 extension."""

    keyword: ClassVar[str] = "SMTPUTF8"
    requires: ClassVar[frozenset[str]] = frozenset(("8BITMIME",))
    parameters: ClassVar[tuple[Parameter[bool], ...]] = (SMTPUTF8, _VRFY, _EXPN)
    utf8: ClassVar[bool] = True
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.NON_ASCII, "RCPT": When.NON_ASCII}
    plans: ClassVar[When] = When.NON_ASCII

    def utf8_replies(self, command: Command) -> bool:
        return isinstance(command, (Mail, Inquiry)) and "SMTPUTF8" in command.params

    def guard(self, command: Command, session: Session) -> Reply | None:
        # RFC 6531 3.5: what is not ASCII, which only a path or a value can be, needs the parameter on this MAIL.
        if isinstance(command, Mail):
            return None if "SMTPUTF8" in command.params else replies.NON_ASCII_SENDER
        assert session.envelope is not None
        return None if "SMTPUTF8" in session.envelope.mail.params else replies.NON_ASCII_RECIPIENT

    def plan(self, plan: MailPlan) -> None:
        if not plan.utf8:
            return
        # A server that offers SMTPUTF8 without 8BITMIME is broken (RFC 6531 3.1 (8)): it is not used.
        if plan.offered("SMTPUTF8") is None or plan.offered("8BITMIME") is None:
            plan.refuse("smtputf8-unavailable", "an address or header is not ASCII and the server has no SMTPUTF8")
        plan.add(SMTPUTF8(True))
