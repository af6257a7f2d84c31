"""REQUIRETLS: the message travels over verified TLS or not at all (RFC 8689)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Sequence

from smtpcore.extensions.base import Extension, When
from smtpcore.parameters import Parameter, bare, no_value
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan

REQUIRETLS: Final = Parameter("REQUIRETLS", "MAIL", octets=11, parse=no_value, format=bare, repeats=True)


class RequireTls(Extension):
    """The REQUIRETLS extension; offered under TLS only (RFC 8689 2)."""

    keyword: ClassVar[str] = "REQUIRETLS"
    parameters: ClassVar[tuple[Parameter[bool], ...]] = (REQUIRETLS,)
    plans: ClassVar[When] = When.PARAMETERS

    def offer(self, session: Session) -> Sequence[str] | None:
        return () if session.tls else None

    def plan(self, plan: MailPlan) -> None:
        if "REQUIRETLS" not in plan.mail_params:
            return
        if plan.offered("REQUIRETLS") is not None and plan.tls_verified:
            return
        if plan.path.is_null:
            plan.drop("REQUIRETLS")  # RFC 8689 5: a notification is not lost for it
        else:
            plan.refuse("requiretls-unavailable", "REQUIRETLS needs verified TLS and a server that offers it")
