"""SMTPUTF8: internationalised mailboxes and headers (RFC 6531)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Mapping

from smtpcore import replies
from smtpcore.commands import Command, Inquiry, Mail, Rcpt
from smtpcore.extensions.base import Extension, When
from smtpcore.parameters import Parameter, bare, no_value
from smtpcore.replies import Reply
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan

#: RFC 6531 3.1 budgets 10 octets.
SMTPUTF8: Final = Parameter("SMTPUTF8", "MAIL", octets=10, parse=no_value, format=bare)
_VRFY: Final = Parameter("SMTPUTF8", "VRFY", octets=10, parse=no_value, format=bare)
_EXPN: Final = Parameter("SMTPUTF8", "EXPN", octets=10, parse=no_value, format=bare)


class SmtpUtf8(Extension):
    """The SMTPUTF8 extension."""

    keyword: ClassVar[str] = "SMTPUTF8"
    requires: ClassVar[frozenset[str]] = frozenset(("8BITMIME",))
    parameters: ClassVar[tuple[Parameter[bool], ...]] = (SMTPUTF8, _VRFY, _EXPN)
    utf8: ClassVar[bool] = True
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.NON_ASCII, "RCPT": When.NON_ASCII}

    def utf8_replies(self, command: Command) -> bool:
        return isinstance(command, (Mail, Inquiry)) and "SMTPUTF8" in command.params

    def guard(self, command: Command, session: Session) -> Reply | None:
        # RFC 6531 3.5: an internationalised address needs the parameter on this transaction's MAIL.
        if isinstance(command, Mail):
            if not _ascii(command) and "SMTPUTF8" not in command.params:
                return replies.NON_ASCII_SENDER
        elif isinstance(command, Rcpt) and not _ascii(command):
            envelope = session.envelope
            if envelope is None or "SMTPUTF8" not in envelope.mail.params:
                return replies.NON_ASCII_RECIPIENT
        return None

    def plan(self, plan: MailPlan) -> None:
        if not plan.utf8:
            return
        # A server that offers SMTPUTF8 without 8BITMIME is broken (RFC 6531 3.1 (8)): it is not used.
        if plan.offered("SMTPUTF8") is None or plan.offered("8BITMIME") is None:
            plan.refuse("smtputf8-unavailable", "an address or header is not ASCII and the server has no SMTPUTF8")
        plan.add(SMTPUTF8(True))


def _ascii(command: Mail | Rcpt) -> bool:
    return not command.path.needs_utf8 and (not command.params or str(command.params).isascii())
