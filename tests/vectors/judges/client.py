"""What a client is asked for, the engine that a judge drives, and what it reports: for both kinds of client vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class ClientIntent:
    """What the host program wants of a client, in the words of the formats."""

    helo: str
    mail_from: str
    rcpt_to: Sequence[str]
    #: The text in the pieces in which the host gives it.
    body: Sequence[bytes]
    tls: Literal["none", "opportunistic", "required", "implicit"] = "none"
    #: User and password.
    auth: tuple[str, str] | None = None
    #: In order of preference; `None`: the engine chooses.
    mechanisms: Sequence[str] | None = None
    initial_response: bool = True
    allow_plaintext_auth: bool = True
    #: `None`: the engine chooses.
    pipelining: bool | None = None
    chunking: bool = False
    #: Octets of every chunk but the last; `None`: one chunk.
    chunk_size: int | None = None
    binary: bool = False
    lmtp: bool = False
    requiretls: bool = False
    #: The same message that often on one connection.
    transactions: int = 1
    #: `ret`, `envid`, and `rcpt`: address to `notify` and `orcpt`; plain values.
    dsn: Mapping[str, Any] = field(default_factory=dict)
    mail_params: Mapping[str, str | None] = field(default_factory=dict)
    rcpt_params: Mapping[str, str | None] = field(default_factory=dict)
    #: Commands between EHLO and MAIL: verb and argument.
    extra: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class RecipientOutcome:
    """What became of one recipient: `sent`, `failed` (refused, or not tried) or `unknown`."""

    state: str
    code: int | None = None
    enhanced: str | None = None


@dataclass
class ClientOutcome:
    """What the client reported in the end."""

    #: By the address of the intent.
    recipients: dict[str, RecipientOutcome] = field(default_factory=dict)
    #: A word of FORMATS.md, `None` when at least one recipient was accepted.
    error: str | None = None
    permanent: bool | None = None
    #: The reply that decided the error.
    code: int | None = None
    #: `local`: the engine refused itself; `remote`: the peer's or the connection's fault; `None`: neither.
    fault: str | None = None
    #: Every error text, `repr` and the like that a host might log.
    texts: list[str] = field(default_factory=list)


class ClientEngine(Protocol):
    """A client with its host.  After it closed, `feed` does nothing."""

    @property
    def closed(self) -> bool: ...
    @property
    def wants_tls(self) -> bool: ...
    @property
    def held(self) -> int:
        """Octets of input that the engine keeps."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """Keywords that the host sees now, upper case."""
        ...

    @property
    def size_limit(self) -> int | None:
        """The largest message that the host believes the server takes, in octets."""
        ...

    def feed(self, data: bytes) -> None: ...
    def eof(self) -> None: ...
    def take(self) -> bytes:
        """All that is to be sent now."""
        ...

    def tls(self, ok: bool) -> None: ...
    def outcome(self) -> ClientOutcome:
        """Asked for once, when the connection is over."""
        ...


ClientFactory = Callable[[ClientIntent], ClientEngine]
