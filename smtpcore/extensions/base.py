"""The shape of an extension: what one file declares, and both ends interpret.

An extension is a subclass of `Extension`.  It names its EHLO keyword, its parameters and verbs, what it wants checked
before a command is taken, and what the client needs of it.  Nothing in `server.py` or `client.py` knows one by name.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Mapping, Protocol, Self, Sequence

from smtpcore.commands import Command, Grammar, Mail
from smtpcore.events import Query
from smtpcore.limits import Limits
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session
from smtpcore.state import Move, State
from smtpcore.value import Value

if TYPE_CHECKING:
    from smtpcore.extensions.planning import MailPlan


class Say(Value):
    """A turn of a dialogue: send this reply and read the next line of the peer."""

    reply: Reply


class Ask(Value):
    """A turn of a dialogue: the application decides; `question` becomes an event."""

    question: Query


class Finish(Value):
    """The last turn of a dialogue: the reply, and what it changes once it is on its way."""

    reply: Reply
    commit: Callable[[Session], None] | None = None
    failed_authentication: bool = False


Turn = Say | Ask | Finish


class Dialogue(Protocol):
    """Lines that belong to one command, as the responses of AUTH do; made anew for each command."""

    def begin(self, value: object = None) -> Turn:
        """The first turn; `value` is what the application provided for the command, if it did."""
        ...

    def receive(self, line: bytes) -> Turn:
        """The turn after a line of the peer (without CRLF)."""
        ...

    def too_long(self) -> Turn:
        """The turn after a line past the limit, which was swallowed."""
        ...

    def answer(self, positive: bool, reply: Reply | None) -> Turn:
        """The turn after the application's answer: accepted or not, and the reply that it gave with it."""
        ...

    def provide(self, value: object) -> Turn:
        """The turn after the application provided what the question asked for."""
        ...


class ClientDialogue(Protocol):
    """The client's half of the lines that belong to one command (AUTH)."""

    def receive(self, reply: Reply) -> bytes:
        """The line (without CRLF) that answers this 3yz reply."""
        ...

    def finish(self, reply: Reply) -> str:
        """The last reply has come; a sentence when the peer broke the protocol with it, else `""`."""
        ...


class Verb:
    """One verb of an extension.

    `moves` are its rows of the state table.  `last`: it must end a pipelined group (RFC 2920 3.1 says so of every verb
    unless its RFC says otherwise).  `octets` gives the number of octets that follow the line, taken in whatever the
    reply is; a line of such a verb that cannot be read closes the connection when it `announces` octets all the same,
    since nobody knows where they end.
    `layer`: a 220 makes both ends change to TLS.  `dialogue` makes the object that reads the lines belonging to the
    command.  `answer`: the library's own reply; without it the application is asked.
    """

    __slots__ = (
        "announces",
        "answer",
        "dialogue",
        "ends_message",
        "grammar",
        "last",
        "layer",
        "line_limit",
        "moves",
        "name",
        "octets",
    )

    def __init__(
        self,
        name: str,
        grammar: Grammar,
        *,
        moves: Mapping[State, Move],
        last: bool = True,
        line_limit: int | None = None,
        octets: Callable[[Command], int] | None = None,
        ends_message: Callable[[Command], bool] | None = None,
        announces: Callable[[bytes], bool] | None = None,
        layer: bool = False,
        dialogue: Callable[[Command, Session, Extension], Dialogue] | None = None,
        answer: Callable[[Command, Session], Reply] | None = None,
    ) -> None:
        self.name = name
        self.grammar = grammar
        self.moves = moves
        self.last = last
        #: Largest line of the verb and of its dialogue, in octets with CRLF; `None`: as every command.
        self.line_limit = line_limit
        self.octets = octets
        self.ends_message = ends_message
        self.announces = announces
        self.layer = layer
        self.dialogue = dialogue
        self.answer = answer


def staying(*states: State) -> dict[State, Move]:
    """Moves of a verb that changes nothing, allowed in these states."""
    return {state: Move(state, state) for state in states}


class When(Enum):
    """When a guard, or a plan, has something to look at; what it cannot mind costs nothing."""

    ALWAYS = "always"
    #: The MAIL of the open transaction has parameters.
    MAIL_PARAMETERS = "mail parameters"
    #: The command has one of the extension's parameters; of a message: the caller gave some to MAIL or RCPT.
    PARAMETERS = "parameters"
    #: The line holds octets above 127; of a message: its commands or its content may, or the content has no lines.
    NON_ASCII = "non-ascii"


class Extension(Value):
    """Base of every extension: all that can be declared, each with a default that declares nothing."""

    #: EHLO keyword; `""` for a profile that lists nothing.
    keyword: ClassVar[str] = ""
    #: Keywords of extensions that must be there too, checked when a connection is configured.
    requires: ClassVar[frozenset[str]] = frozenset()
    #: MAIL, RCPT, VRFY and EXPN parameters.
    parameters: ClassVar[tuple[Parameter[Any], ...]] = ()
    verbs: ClassVar[tuple[Verb, ...]] = ()
    #: Mailboxes and parameter values may be internationalised (RFC 6531 3.3).
    utf8: ClassVar[bool] = False
    #: Commands may be sent ahead of the replies (RFC 2920).
    pipelining: ClassVar[bool] = False
    #: Replies carry enhanced status codes (RFC 2034).
    enhanced_codes: ClassVar[bool] = False
    #: Verbs before which `guard` is called, and when; `"*"` for all verbs.
    guards: ClassVar[Mapping[str, When]] = {}
    #: Of which messages `plan` has something to say; it is said in the class that has this `plan`.
    plans: ClassVar[When] = When.ALWAYS
    #: Reply codes that it adds to commands, its own verbs or others; `"*"` for all commands.
    codes: ClassVar[Mapping[str, frozenset[int]]] = {}
    #: Set it in an extension of your own whose keyword IANA has registered since; others begin with X (RFC 5321 2.2.2).
    registered: ClassVar[bool] = False

    def fitted(self, limits: Limits) -> Self:
        """The extension as a server with these limits offers it."""
        return self

    @property
    def message_limit(self) -> int | None:
        """Largest message taken, in octets, when the extension sets one."""
        return None

    @property
    def recipient_limit(self) -> int | None:
        """Most RCPT commands of a transaction, when the extension sets it."""
        return None

    @property
    def offered(self) -> Sequence[str] | None:
        """Server: the parameters of the EHLO line when they are always the same; `None`: it is not listed."""
        return ()

    def offer(self, session: Session) -> Sequence[str] | None:
        """Server: the parameters of the EHLO line now; `None` when it is not offered now."""
        return self.offered

    def guard(self, command: Command, session: Session) -> Reply | None:
        """Server: a refusal of this command, or `None`.  Called after the sequence was found right."""
        return None

    def binary(self, mail: Mail) -> bool:
        """Whether this MAIL announces content without lines, in which any octet may stand (RFC 3030 3).

        By a parameter that the extension declares; a client does not ask about a MAIL that has none of them.
        """
        return False

    def utf8_replies(self, command: Command) -> bool:
        """Whether this MAIL, VRFY or EXPN allows replies that are not ASCII (RFC 6531 3.7.4)."""
        return False

    def plan(self, plan: MailPlan) -> None:
        """Client: before MAIL, add what this message needs of the extension, or say that it cannot be sent.

        Asked of the messages that `plans` names.
        """
