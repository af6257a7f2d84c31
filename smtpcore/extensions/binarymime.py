"""BINARYMIME: content without lines, sent by BDAT only (RFC 3030 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Mapping

from smtpcore import replies
from smtpcore.commands import Command, Mail
from smtpcore.extensions.base import Extension, When
from smtpcore.extensions.eightbitmime import BODY, BodyType
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan


class BinaryMime(Extension):
    """The BINARYMIME extension: BODY=BINARYMIME."""

    keyword: ClassVar[str] = "BINARYMIME"
    requires: ClassVar[frozenset[str]] = frozenset(("CHUNKING",))
    parameters: ClassVar[tuple[Parameter[BodyType], ...]] = (BODY,)
    guards: ClassVar[Mapping[str, When]] = {"DATA": When.MAIL_PARAMETERS}
    plans: ClassVar[When] = When.NON_ASCII

    def binary(self, mail: Mail) -> bool:
        return bool(mail.params.pairs) and BODY.get(mail.params) is BodyType.BINARY_MIME

    def guard(self, command: Command, session: Session) -> Reply | None:
        envelope = session.envelope
        assert envelope is not None
        # RFC 3030 3: binary text does not go by DATA.
        return replies.BAD_SEQUENCE if self.binary(envelope.mail) else None

    def plan(self, plan: MailPlan) -> None:
        if not plan.binary:
            return
        if plan.offered("BINARYMIME") is None or plan.offered("CHUNKING") is None:
            plan.refuse("binarymime-unavailable", "the message is binary and the server does not offer BINARYMIME")
        plan.add(BODY(BodyType.BINARY_MIME))
