"""LIMITS: a server says how much it takes in a session (RFC 9422)."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Mapping, Sequence

from smtpcore import replies
from smtpcore.commands import Command, Rcpt
from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.base import Extension, When
from smtpcore.replies import Reply
from smtpcore.session import Note, ResetKind, Session

_LIMIT: Final = re.compile(r"([A-Za-z0-9_-]+)=([!-:<-~]+)")
_NUMBER: Final = re.compile("[1-9][0-9]{0,5}")


def read_limits(parameters: Sequence[str]) -> Mapping[str, int]:
    """The limits in the parameters of an EHLO line, by upper-case name.

    A line that is not in the grammar counts as none; a value that is not 1 to 999999 drops that limit alone.
    """
    limits: dict[str, int] = {}
    for parameter in parameters:
        found = _LIMIT.fullmatch(parameter)
        if found is None:
            return {}
        if _NUMBER.fullmatch(found[2]) is not None:
            limits[found[1].upper()] = int(found[2])
    return limits


class _Domains(Note):
    """The recipient domains of a session so far."""

    __slots__ = ("seen",)
    survives: ClassVar[frozenset[ResetKind]] = frozenset((ResetKind.TRANSACTION, ResetKind.HELLO))

    def __init__(self) -> None:
        self.seen: set[object] = set()


class LimitsExtension(Extension):
    """The LIMITS extension: what is announced is what is enforced (X-LIMITS-06).

    `mailmax`: MAIL commands of a session, refused ones too; `rcptmax`: RCPT commands of a transaction;
    `rcptdomainmax`: different recipient domains of a session.
    """

    mailmax: int | None = None
    rcptmax: int | None = None
    rcptdomainmax: int | None = None
    keyword: ClassVar[str] = "LIMITS"
    guards: ClassVar[Mapping[str, When]] = {"MAIL": When.ALWAYS, "RCPT": When.ALWAYS}

    def __post_init__(self) -> None:
        for value in (self.mailmax, self.rcptmax, self.rcptdomainmax):
            if value is not None and not 1 <= value <= 999_999:
                raise LocalProtocolError("a limit of RFC 9422 is 1 to 999999")

    @property
    def recipient_limit(self) -> int | None:
        return self.rcptmax

    @property
    def offered(self) -> Sequence[str] | None:
        named = (("MAILMAX", self.mailmax), ("RCPTMAX", self.rcptmax), ("RCPTDOMAINMAX", self.rcptdomainmax))
        return [f"{name}={value}" for name, value in named if value is not None] or None

    def guard(self, command: Command, session: Session) -> Reply | None:
        if not isinstance(command, Rcpt):
            if self.mailmax is not None and session.mails > self.mailmax:
                return replies.Reply(421, "Too many messages in this session", "4.7.0")
            return None
        envelope = session.envelope
        assert envelope is not None
        if self.rcptmax is not None and len(envelope.recipients) + envelope.refused >= self.rcptmax:
            return replies.TOO_MANY_RECIPIENTS
        return self._guard_domains(command, session)

    def _guard_domains(self, rcpt: Rcpt, session: Session) -> Reply | None:
        if self.rcptdomainmax is None:
            return None
        session.notes = session.notes or {}
        note = session.notes.setdefault(self.keyword, _Domains())
        assert isinstance(note, _Domains)
        domain = rcpt.path.domain
        if domain not in note.seen and len(note.seen) >= self.rcptdomainmax:
            return replies.TOO_MANY_RECIPIENTS
        note.seen.add(domain)
        return None
