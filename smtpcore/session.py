"""What one end knows of the other, and of the transaction that is open.

The transaction is one object, dropped as a whole: there is no field that a forgotten reset could leave behind.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Collection

from smtpcore.commands import Hello, Mail, Rcpt


class ResetKind(Enum):
    """What makes an end forget: RSET (and the end of a message), a new EHLO, the TLS handshake."""

    TRANSACTION = "transaction"
    HELLO = "hello"
    TLS = "tls"


class Note:
    """Base of what an extension keeps about a session; `survives` names the resets that leave it alone."""

    __slots__ = ()
    survives: ClassVar[frozenset[ResetKind]] = frozenset()


class Envelope:
    """The open mail transaction (RFC 5321 2.3.1, 3.3): sender, accepted recipients, the content so far."""

    __slots__ = ("aborted", "chunks", "mail", "recipients", "refused")

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        #: Accepted recipients in the order of their commands, duplicates kept (RFC 2033 4.2).
        self.recipients: list[Rcpt] = []
        #: How many recipients were refused.
        self.refused = 0
        #: Chunks so far (RFC 3030).
        self.chunks = 0
        #: A chunk was refused: the transaction is lost, but its recipients still count (RFC 2033 4.3).
        self.aborted = False


class Session:
    """What is known of the peer.  Hooks of extensions read it; only the connection changes it."""

    __slots__ = ("envelope", "hello", "identity", "keywords", "lmtp", "mails", "notes", "tls")

    def __init__(self, lmtp: bool = False, tls: bool = False, keywords: Collection[str] = ()) -> None:
        self.lmtp = lmtp
        #: Upper-case keywords of the extensions that this end is set up with.
        self.keywords = keywords
        #: Whether the connection is protected.
        self.tls = tls
        #: The greeting that is in force, `None` before the first.
        self.hello: Hello | None = None
        #: Who authenticated, `None` while nobody did.
        self.identity: str | None = None
        self.envelope: Envelope | None = None
        #: MAIL commands in this session, refused ones too (RFC 9422).
        self.mails = 0
        #: What extensions keep, by their keyword; made when the first note is.
        self.notes: dict[str, Note] | None = None

    @property
    def esmtp(self) -> bool:
        """Whether extensions are in force: EHLO or LHLO was the greeting."""
        return self.hello is not None and self.hello.hello != "HELO"

    def forget(self, kind: ResetKind) -> None:
        """Drop the notes that extensions made and that do not survive a reset of this kind."""
        if self.notes is not None:
            self.notes = {key: note for key, note in self.notes.items() if kind in note.survives}

    def protocol(self, *, utf8: bool = False) -> str:
        """The `with` keyword of a Received field (RFC 5321 4.4, RFC 3848 1, RFC 6531 4.3)."""
        if not self.esmtp:
            return "SMTP"
        name = ("UTF8" if utf8 else "") + ("LMTP" if self.lmtp else "SMTP" if utf8 else "ESMTP")
        return name + ("S" if self.tls else "") + ("A" if self.identity is not None else "")
