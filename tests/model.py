"""A second opinion on the order of commands: a tiny model of one end, from RFC 5321 4.1.4 and not from the table.

Each end has its own: the server's goes by what its application answers, the client's by the codes that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from smtpcore.commands import Command, Hello, Mail, Rcpt
from smtpcore.extensions.binarymime import BinaryMime
from smtpcore.extensions.chunking import Bdat

#: Octets of a message that the server takes.
LIMIT = 64
ANY_TIME = ("NOOP", "VRFY", "HELP", "RSET", "QUIT", "EHLO", "HELO")
TALKING = ("FRESH", "READY", "MAIL", "RCPT", "BDAT", "POISONED")
ORDER = {
    "MAIL": ("READY",),
    "RCPT": ("MAIL", "RCPT"),
    "DATA": ("RCPT",),
    "BDAT": ("RCPT", "BDAT"),
    "STARTTLS": ("READY",),
    "AUTH": ("READY",),
}
#: What wants EHLO.
EXTENDED = ("BDAT", "STARTTLS", "AUTH")


def in_order(phase: str, verb: str) -> bool:
    """Whether the verb may come here (RFC 5321 4.1.4; 3.1 for a refused session; RFC 3030 2 for chunks)."""
    if phase == "REFUSED":
        return verb == "QUIT"
    return phase in TALKING if verb in ANY_TIME else phase in ORDER[verb]


@dataclass
class Open:
    """A transaction: all that an end may know of it."""

    mail: Mail
    recipients: list[Rcpt] = field(default_factory=list)
    refused: int = 0
    chunks: int = 0
    lost: bool = False
    text: bytes = b""
    #: Why it will be refused at its end, and with which code.
    verdict: tuple[str, int] | None = None

    @property
    def binary(self) -> bool:
        return BinaryMime().binary(self.mail)

    def add(self, octets: bytes) -> None:
        self.text += octets
        if len(self.text) > LIMIT and self.verdict is None:
            self.verdict = ("TOO_BIG", 552)

    def judge(self) -> tuple[str, int] | None:
        bare = self.text.replace(b"\r\n", b"")
        if self.verdict is None and not self.binary and (b"\r" in bare or b"\n" in bare):
            self.verdict = ("BARE_NEWLINE", 554)
        return self.verdict


@dataclass
class End:
    """Where one end stands."""

    phase: str = "CONNECTED"
    hello: Hello | None = None
    open: Open | None = None
    tls: bool = False
    identity: str | None = None

    @property
    def esmtp(self) -> bool:
        return self.hello is not None and self.hello.hello == "EHLO"

    def allows(self, verb: str) -> bool:
        return in_order(self.phase, verb) and (self.esmtp or verb not in EXTENDED)

    def forget(self) -> None:
        """The handshake is done (RFC 3207 4.2)."""
        self.phase, self.tls, self.hello, self.identity, self.open = "FRESH", True, None, None, None

    def accepted(self, command: Command) -> None:
        """2yz, and 354."""
        verb = command.verb
        if isinstance(command, Hello):
            self.phase, self.hello, self.open = "READY", command, None
        elif isinstance(command, Mail):
            self.phase, self.open = "MAIL", Open(command)
        elif isinstance(command, Rcpt):
            if self.open is not None:
                self.phase = "RCPT"
                self.open.recipients.append(command)
        elif isinstance(command, Bdat):
            if command.last:
                self.phase, self.open = "READY", None
            else:
                self.phase = "BDAT"
        elif verb == "RSET":
            self.phase, self.open = "FRESH" if self.phase == "FRESH" else "READY", None
        elif verb == ".":
            self.phase, self.open = "READY", None
        else:
            self.phase = {"DATA": "DATA", "STARTTLS": "TLS", "QUIT": "CLOSED"}.get(verb, self.phase)
