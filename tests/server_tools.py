"""What tests of the server's end share: a client that says lines, and an application that is a table of answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from smtpcore.commands import Command
from smtpcore.events import Body, Closed, Connect, Question, Refused, ServerEvent, Step, TransactionAborted
from smtpcore.extensions.base import Extension
from smtpcore.extensions.known import SERVER_EXTENSIONS
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.state import State

E = TypeVar("E")
HOST: Final = "mx.example.org"
NO: Final = Reply(550, "No", "5.7.1")
LATER: Final = Reply(450, "Later", "4.2.0")
GONE: Final = Reply(421, f"{HOST} Gone", "4.3.2")

#: What an application does with a question: a reply, `None` to accept, a list of these for one question each (then
#: it accepts), or a function.
Decision = Reply | None | Callable[[ServerConnection, Any], None]


def defer(connection: ServerConnection, question: Question) -> None:
    """A decision: not yet."""
    connection.defer(question)


def leave(connection: ServerConnection, question: Question) -> None:
    """A decision: none, which is an error at the next pull."""


def with_extensions(*more: Extension) -> tuple[Extension, ...]:
    """The extensions that a server has by default, with these instead of those of the same keyword, or besides."""
    keywords = {extension.keyword for extension in more}
    return (*(each for each in SERVER_EXTENSIONS if each.keyword not in keywords), *more)


def key_of(question: object) -> str:
    """`"CONNECT"`, the verb of a command, or the name of the class."""
    if isinstance(question, Connect):
        return "CONNECT"
    return question.verb if isinstance(question, Command) else type(question).__name__


def replies_in(output: bytes) -> list[str]:
    """Each reply as one text, the lines of a long one joined by a newline."""
    found: list[str] = []
    going_on = False
    for line in output.decode("utf-8").split("\r\n")[:-1]:
        if going_on:
            found[-1] += "\n" + line
        else:
            found.append(line)
        going_on = line[3:4] == "-"
    assert not going_on
    return found


def joined(events: Iterable[ServerEvent]) -> list[ServerEvent]:
    """The events with `Body` that stand side by side made one: their number depends on how the octets came."""
    result: list[ServerEvent] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Body) and isinstance(last, Body):
            result[-1] = Body(last.data + event.data)
        else:
            result.append(event)
    return result


class Talk:
    """A conversation with a server: `talk("NOOP")` says a line and gives the reply.

    A text is a line, octets go as they are.  `answers` is the application, by `key_of`.
    """

    def __init__(
        self,
        answers: Mapping[str, Decision | Sequence[Decision]] | None = None,
        *,
        tls: bool = False,
        early: bytes = b"",
        settings: ServerSettings | None = None,
        hostname: str = HOST,
        **setup: Any,
    ) -> None:
        self.answers: dict[str, Decision | list[Decision]] = {
            key: list(answer) if isinstance(answer, Sequence) else answer for key, answer in (answers or {}).items()
        }
        self.connection = ServerConnection(settings=settings or ServerSettings(hostname, **setup), tls=tls)
        self.events: list[ServerEvent] = []
        self.asked: list[Question] = []
        self.output = b""
        if early:
            self.connection.receive_data(early)
        self.greeting = self.pump()

    # -- the driver --------------------------------------------------------------------------------------------------

    def pump(self) -> bytes:
        """Pull, decide and send until the server wants something; gives what it sent."""
        sent = b""
        while True:
            for event in self.connection.events():
                self.events.append(event)
                if event is self.connection.question:
                    self.decide(event)
            sent += self.connection.data_to_send()
            if self.connection.next_step is not Step.CONTINUE:
                self.output += sent
                return sent

    def decide(self, event: ServerEvent) -> None:
        question = cast(Question, event)
        self.asked.append(question)
        answer = self.answers.get(key_of(question))
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        if answer is None:
            self.connection.accept(question)
        elif not isinstance(answer, Reply):
            answer(self.connection, question)
        elif answer.is_negative:
            self.connection.reject(question, answer)
        else:
            self.connection.accept(question, answer)

    def feed(self, *said: str | bytes) -> bytes:
        """Say all this in one piece."""
        data = b"".join(wire(each) for each in said)
        if data:
            self.connection.receive_data(data)
        return self.pump()

    def eof(self) -> bytes:
        self.connection.receive_eof()
        return self.pump()

    def starttls(self) -> None:
        """The handshake, which succeeds."""
        assert self.step() is Step.START_TLS
        self.connection.tls_started()
        assert self.pump() == b""

    # -- what tests say ----------------------------------------------------------------------------------------------

    def __call__(self, *said: str | bytes) -> str:
        """Say it; gives the one reply."""
        (reply,) = self.replies(*said)
        return reply

    def replies(self, *said: str | bytes) -> list[str]:
        """Say it in one piece; gives the replies."""
        return replies_in(self.feed(*said))

    def codes(self, *said: str | bytes) -> list[int]:
        """Say it in one piece; gives the reply codes."""
        return [int(reply[:3]) for reply in self.replies(*said)]

    def hello(self) -> Talk:
        """Introduce oneself, as the protocol wants it."""
        verb = "LHLO" if self.connection.session.lmtp else "EHLO"
        assert self.codes(f"{verb} client.example") == [250]
        return self

    def envelope(self, *recipients: str) -> Talk:
        """Open a transaction with these recipients."""
        if self.connection.session.hello is None:
            self.hello()
        assert self.codes("MAIL FROM:<a@client.example>") == [250]
        for recipient in recipients or ("b@mx.example.org",):
            assert self.codes(f"RCPT TO:<{recipient}>") == [250]
        return self

    def data(self, *recipients: str) -> Talk:
        """Go as far as 354."""
        assert self.envelope(*recipients).codes("DATA") == [354]
        return self

    # -- what tests look at ------------------------------------------------------------------------------------------

    def step(self) -> Step:
        """What the driver does next."""
        return self.connection.next_step

    def state(self) -> State:
        """Where the conversation stands."""
        return self.connection.state

    @property
    def closed(self) -> bool:
        return self.step() is Step.CLOSE

    @property
    def error(self) -> str | None:
        """Why it is over, `None` when it ended well; fails when it is not over, or not with the last event."""
        assert self.closed
        closings = [event for event in self.events if isinstance(event, Closed)]
        assert closings == self.events[-1:]
        error = closings[0].error
        return None if error is None else f"{type(error).__name__}: {error}"

    @property
    def keywords(self) -> list[str]:
        """Say EHLO; gives the lines behind the first."""
        verb = "LHLO" if self.connection.session.lmtp else "EHLO"
        return [line[4:] for line in self(f"{verb} client.example").split("\n")[1:]]

    def all(self, kind: type[E]) -> list[E]:
        """The events of this class so far."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> bytes:
        """What `Body` brought so far."""
        return b"".join(body.data for body in self.all(Body))

    @property
    def aborted(self) -> list[str]:
        """The reasons why transactions were dropped so far."""
        return [event.reason.name for event in self.all(TransactionAborted)]

    @property
    def refused(self) -> list[int]:
        return [event.reply.code for event in self.all(Refused)]


def wire(said: str | bytes) -> bytes:
    """A text is a line; octets are themselves."""
    return said if isinstance(said, bytes) else said.encode("utf-8") + b"\r\n"


def lines(said: Sequence[str | bytes]) -> bytes:
    """All of it in one piece."""
    return b"".join(map(wire, said))
