"""What became of a message: one result for each recipient, with the whole reply (RFC 5321 4.2.5, 6.1)."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Final, Iterator

from smtpcore.addresses import ForwardPath
from smtpcore.errors import SMTPError
from smtpcore.replies import Reply, ReplyError
from smtpcore.value import Value


class Outcome(Enum):
    """What the sender of a message has to do about a recipient."""

    #: The server took responsibility (RFC 5321 6.1).
    DELIVERED = "delivered"
    #: Permanent: not to be tried again unchanged; somebody has to be told.
    REFUSED = "refused"
    #: Not taken, surely; try again later.
    RETRY = "retry"
    #: The connection ended between the end of the text and its reply: taken or not, nobody here knows (RFC 1047).
    UNKNOWN = "unknown"


#: Members of an enumeration are looked up slowly (CPython 3.11), and this one for each message.
_DELIVERED: Final = Outcome.DELIVERED


class Result(Value):
    """One recipient, what became of it, and the reply that said so, `None` when the server never did."""

    recipient: ForwardPath
    outcome: Outcome
    reply: Reply | None = None


class Report(Value):
    """What became of a message, in the order of its recipients, duplicates included.

    `error` is why nothing was delivered, one word for programs, `""` when a recipient was served:

    `greeting-rejected`, `helo-rejected`, `starttls-unavailable`, `starttls-refused`, `auth-unavailable`,
    `auth-failed`, `mail-rejected`, `no-recipients`, `data-rejected`, `message-rejected`, `service-closing` (421),
    `connection-lost`, `timed-out`, `protocol-error`, `aborted`, `not-sent`, `limit-reached`, `invalid-argument`,
    `size-exceeded`, or a keyword and `-unavailable`, as `8bitmime-unavailable`, for what the server cannot carry.

    `reply` is the reply that decided, `exception` the error that did.  `dropped` names the parameters that the server
    does not offer and that were left out (RFC 3461 5.2.2).
    """

    results: tuple[Result, ...]
    error: str = ""
    reply: Reply | None = None
    exception: SMTPError | None = None
    dropped: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("exception",)

    def __getitem__(self, recipient: str | ForwardPath) -> Result:
        """The result of a recipient; `KeyError` when there is none.  Of duplicates the first."""
        wanted = ForwardPath.of(recipient)
        for result in self.results:
            if result.recipient == wanted:
                return result
        raise KeyError(recipient)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def having(self, outcome: Outcome) -> tuple[ForwardPath, ...]:
        """The recipients with this outcome."""
        return tuple([result.recipient for result in self.results if result.outcome is outcome])

    @property
    def delivered(self) -> tuple[ForwardPath, ...]:
        """The recipients that were served."""
        return self.having(_DELIVERED)

    @property
    def complete(self) -> bool:
        """Whether every recipient was served."""
        return not [result for result in self.results if result.outcome is not _DELIVERED]

    @property
    def permanent(self) -> bool | None:
        """Whether trying again is of no use; `None` when nothing says so, or when a recipient was served."""
        if not self.error or self.error == "protocol-error":
            return None
        return all(result.outcome is Outcome.REFUSED for result in self.results)

    def raise_for_status(self) -> None:
        """Raises, for scripts, unless every recipient was served: the error that decided, or `ReplyError`."""
        if self.complete:
            return
        if self.exception is not None:
            raise self.exception
        for result in self.results:
            if result.outcome is not _DELIVERED and result.reply is not None:
                raise ReplyError(result.reply)
        raise SMTPError(f"not delivered: {self.error}")
