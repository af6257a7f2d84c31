"""Both ends joined, and beside each the model that was written from RFC 5321 4.1.4 (`tests.model`).

The application gives the answers that it is told, of every class; the wire can change a reply, and cut what it carries
octet by octet.  `exchange` says a command and works out what becomes of both models.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis.stateful import RuleBasedStateMachine

from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Mail, Rcpt
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Body, Connect, Greeting, Question, Step, TransactionAborted
from smtpcore.extensions.auth import Auth, AuthExtension
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from tests.model import LIMIT, End
from tests.server_tools import HOST, with_extensions

SERVER: Final = ServerSettings(
    HOST,
    extensions=with_extensions(StartTlsExtension(), AuthExtension(clear_text=True)),
    limits=Limits(message=LIMIT, errors=None, junk=None, auth_failures=None),
)
YES: Final = {"DATA": 354, "AUTH": 235, "STARTTLS": 220, "VRFY": 252, "HELP": 214, "QUIT": 221}
#: Verbs that are accepted with one code only, or later.
FIXED: Final = ("AUTH", "STARTTLS", "BDAT")
FORGED: Final = ("MAIL", "RCPT", "RSET", "NOOP", "VRFY", "HELP", "EHLO", "HELO")


class Ends(RuleBasedStateMachine):
    """`here` is the model of the client, `there` that of the server.  What may happen to them, subclasses say."""

    number = 0
    label = ""

    def begin(self, answer: int, pipelining: bool, single: bool) -> None:
        """A connection of two new ends, and the application's answer to it."""
        self.client = ClientConnection(
            "c.example", greet=False, pipelining=pipelining, newlines=NewlinePolicy.KEEP, max_line=None
        )
        self.server = ServerConnection(settings=SERVER)
        self.here, self.there = End(), End()
        self.single = single
        self.now = 0.0
        self.answers: list[tuple[int, str]] = []
        self.forge = b""
        self.said: list[tuple[Command, int, str]] = []  # responses that the client is to see, and the answers' labels
        self.heard: list[Any] = []
        self.told: list[Any] = []
        self.reasons: list[str] = []
        self.due: list[tuple[Mail, list[Rcpt], bytes]] = []
        self.delivered: list[tuple[Mail, list[Rcpt], bytes]] = []
        self.body = b""
        self.asked: list[Any] = []
        self.refuse_text: Reply | None = None
        self.answers.append((answer, self.text()))
        self.move()
        code = answer if answer > 99 else 220
        assert [event.reply.code for event in self.heard if isinstance(event, Greeting)] == [code]
        for end in (self.here, self.there):
            end.phase = "FRESH" if code == 220 else "CLOSED" if code == 421 else "REFUSED"

    # -- the wire and the application --------------------------------------------------------------------------------

    def text(self) -> str:
        self.number += 1
        self.label = f"n{self.number}"
        return self.label

    def move(self) -> None:
        """Carry octets until nothing moves."""
        while self.serve() | self.speak():
            pass

    def serve(self) -> bool:
        moved = self.pull()
        data = self.server.data_to_send()
        if data:
            moved = True
            data, self.forge = self.forge or data, b""
            self.feed(self.client, data)
        if self.server.next_step is Step.CLOSE and self.client.next_step is Step.RECEIVE:
            self.client.receive_eof()
            moved = True
        return moved

    def pull(self) -> bool:
        """What the server has to say goes to the application."""
        moved = False
        for event in self.server.events():
            moved = True
            self.told.append(event)
            if isinstance(event, Body):
                self.body += event.data
                if self.refuse_text is not None:
                    self.server.refuse_message(self.refuse_text)
            elif isinstance(event, TransactionAborted):
                self.body = b""
            question = self.server.question
            if question is not None and event is question:
                self.decide(question)
        return moved

    def feed(self, end: ClientConnection | ServerConnection, data: bytes) -> None:
        for start in range(0, len(data), 1 if self.single else len(data)):
            end.receive_data(data[start : start + 1] if self.single else data)
            if end is self.client:
                self.heard += self.client.events()

    def speak(self) -> bool:
        events = list(self.client.events())
        self.heard += events
        data = self.client.data_to_send()
        if data:
            if self.single:
                for octet in data[:-1]:
                    self.server.receive_data(bytes((octet,)))
                    self.serve()
            self.server.receive_data(data[-1:] if self.single else data)
        if self.client.next_step is Step.CLOSE and self.server.next_step is Step.RECEIVE:
            self.server.receive_eof()
            return True
        return bool(data or events)

    def decide(self, question: Question) -> None:
        """Answer; before that give answers of the wrong class, which must change nothing."""
        self.asked.append(question)
        wrong = Reply(250, "no") if isinstance(question, Data) else Reply(354, "no")
        state = self.server.state
        with pytest.raises(LocalProtocolError):
            self.server.accept(question, wrong)
        with pytest.raises(LocalProtocolError):
            self.server.reject(question, Reply(250, "no"))
        assert self.server.question is question
        assert self.server.state is state
        if isinstance(question, Auth) and self.answers[0][0] != 450:
            self.server.accept(question)  # the exchange begins; the answer is for its end
            return
        answer, label = self.answers.pop(0)
        if isinstance(question, EndOfMessage):
            envelope = self.server.session.envelope
            assert envelope is not None
            assert question.size == len(self.body)
            if answer in (0, 2):
                self.delivered.append((envelope.mail, list(envelope.recipients), self.body))
            self.body = b""
        if answer > 99:
            self.server.reject(question, Reply(answer, f"{HOST} {label}"))
        elif answer == 2 and getattr(question, "verb", "") not in (*FIXED, "EHLO", "HELO"):
            code = 359 if isinstance(question, Data) else 220 if isinstance(question, Connect) else 251
            if type(question).__name__ == "Authenticate":
                code = 235
            self.server.accept(question, Reply(code, f"{HOST} {label}"))
        else:
            self.server.accept(question)

    # -- what the model says -----------------------------------------------------------------------------------------

    def drop(self, reason: str) -> None:
        """The server's transaction is dropped, and it says so once."""
        if self.there.open is not None and not self.there.open.lost:
            self.reasons.append(reason)

    def over(self, reason: str) -> None:
        self.drop(reason)
        for end in (self.here, self.there):
            end.phase, end.open = "CLOSED", None

    def poison(self, reason: str) -> None:
        if self.there.open is not None:
            self.drop(reason)
            self.there.phase, self.there.open.lost = "POISONED", True

    def expected(self, command: Command, answer: int) -> int:
        """What the server says to a command, and where that leaves it."""
        there, verb = self.there, command.verb
        if not there.allows(verb):
            code = 554 if verb == "DATA" and there.phase == "MAIL" and there.open and there.open.refused else 503
            if verb == "RCPT" and there.open is not None:
                there.open.refused += 1
            elif verb == "BDAT" or (verb == "DATA" and there.phase == "BDAT"):
                self.poison("CHUNK")
            return code
        if isinstance(command, Mail) and command.params and not there.esmtp:
            return 555  # HELO came in between, as the client does not know
        if verb == "MAIL" and b"SIZE=999" in command.to_bytes():
            return 552
        if verb == "STARTTLS" and there.identity is not None:
            return 503  # the identity would have to be forgotten (RFC 3207 4.2)
        if verb in ("RSET", "QUIT"):
            self.drop("RESET" if verb == "RSET" else "QUIT")
        asked = verb not in ("NOOP", "VRFY", "HELP", "RSET", "QUIT")
        if asked and answer > 99:
            if answer != 421:
                if there.open is not None and verb == "RCPT":
                    there.open.refused += 1
                if verb == "BDAT":
                    self.poison("CHUNK")
            return answer
        if isinstance(command, Hello):
            self.drop("HELLO")
        if verb == "AUTH":
            there.identity = "tim"
        there.accepted(command)
        if verb == "DATA" and answer == 2:
            return 359
        return YES.get(verb, 251 if answer == 2 and asked and verb not in (*FIXED, "EHLO", "HELO") else 250)

    def answered(self, command: Command, code: int) -> None:
        """What a reply does to the client."""
        here, verb = self.here, command.verb
        if 300 <= code < 400 and verb != "DATA":
            self.over("CLOSED")
            return
        if code == 421:
            self.said.append((command, code, self.label))
            self.over("SHUT_DOWN")
            return
        self.said.append((command, code, self.label))
        if code < 400 or verb == ".":  # the end of the text ends the transaction, taken or refused
            here.accepted(command)
            if verb == "AUTH":
                here.identity = ""
        elif verb == "BDAT":
            here.phase = "POISONED"
        elif verb == "MAIL":
            here.open = None
        elif verb == "RCPT" and here.open is not None:
            here.open.refused += 1

    def exchange(self, command: Command, answer: int, forge: int = 0, **more: Any) -> None:
        """One command, if the client may send it; if not, it says so and nothing happens."""
        verb = command.verb
        may = self.here.allows(verb) and not (verb == "DATA" and self.here.open is not None and self.here.open.binary)
        if verb == "STARTTLS":
            may = may and not self.here.tls
        elif verb == "AUTH":
            may = may and self.here.identity is None
        if not may:
            with pytest.raises(LocalProtocolError):
                self.client.send(command, **more)
            assert self.client.data_to_send() == b""
            return
        self.answers[:] = [(answer, self.text())]
        code = self.expected(command, answer)
        if forge and verb in FORGED and code != 421 and not (forge == 250 and verb in ("EHLO", "HELO")):
            code = forge
            self.forge = b"%d forged\r\n" % forge
        self.answered(command, code)
        self.client.send(command, **more)
        self.move()
        if self.here.phase == "CLOSED" and verb == "QUIT":
            self.there.open = None
