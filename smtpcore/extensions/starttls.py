"""STARTTLS: protection begun inside the conversation (RFC 3207)."""

from __future__ import annotations

from typing import ClassVar, Final, Mapping, Sequence

from smtpcore import replies
from smtpcore.commands import Command, no_argument
from smtpcore.extensions.base import Extension, Verb, When
from smtpcore.replies import Reply
from smtpcore.session import Session
from smtpcore.state import Move, State


class StartTls(Command):
    """STARTTLS: after 220 both ends do the TLS handshake, and forget what they knew (RFC 3207 4)."""

    verb: ClassVar[str] = "STARTTLS"


STARTTLS: Final = Verb(
    "STARTTLS",
    no_argument(StartTls),
    moves={State.READY: Move(State.TLS, State.READY)},
    layer=True,
)
#: What a client may say before TLS where TLS is required, besides STARTTLS itself (RFC 3207 4).
_BEFORE_TLS: Final = frozenset(("EHLO", "LHLO", "NOOP", "QUIT"))


class StartTlsExtension(Extension):
    """The STARTTLS extension.  `required`: everything else waits for TLS (not for a public MX, RFC 3207 4)."""

    required: bool = False
    keyword: ClassVar[str] = "STARTTLS"
    verbs: ClassVar[tuple[Verb, ...]] = (STARTTLS,)
    guards: ClassVar[Mapping[str, When]] = {"*": When.ALWAYS}
    codes: ClassVar[Mapping[str, frozenset[int]]] = {
        "*": frozenset((530, 554)),  # RFC 3207 4, and 4.1 for TLS that is too weak
        "STARTTLS": frozenset((220, 454, 503)),
    }

    def offer(self, session: Session) -> Sequence[str] | None:
        return None if session.tls else ()

    def guard(self, command: Command, session: Session) -> Reply | None:
        if command.verb == "STARTTLS":
            # Twice makes no sense; after AUTH the identity would have to be forgotten (RFC 3207 4.2).
            return replies.BAD_SEQUENCE if session.tls or session.identity is not None else None
        if self.required and not session.tls and command.verb not in _BEFORE_TLS:
            return replies.TLS_REQUIRED
        return None
