"""Both ends against a model, through every error at every state.

A client and a server are joined; the application gives every class of answer to every question, the wire changes
replies, texts and chunks are too big or broken, either end goes away.  After each step both ends stand where a model
says that was written from RFC 5321 4.1.4 (`tests.model`), and know of the transaction that is open what belongs to it,
or there is none: nothing of an older one is left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, run_state_machine_as_test
from hypothesis.stateful import rule as step

from smtpcore.addresses import Domain, ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Inquiry, Mail, Noop, Quit, Rcpt, Reset
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError, TimedOut
from smtpcore.events import Body, Closed, Connect, Greeting, Question, Response, SendBody, Step, TransactionAborted
from smtpcore.extensions.auth import Auth, AuthDialogue, AuthExtension
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.extensions.starttls import StartTls, StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.sasl.plain import PlainClient
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.state import State
from tests.model import ANY_TIME, LIMIT, ORDER, TALKING, End, in_order
from tests.server_tools import HOST, with_extensions

rule = pytest.mark.rule

SERVER: Final = ServerSettings(
    HOST,
    extensions=with_extensions(StartTlsExtension(), AuthExtension(clear_text=True)),
    limits=Limits(message=LIMIT, errors=None, junk=None, auth_failures=None),
)
#: The application's answer: 0 the usual yes, 2 or 3 another yes, else a refusal.
answers = st.sampled_from((0, 0, 0, 2, 450, 550)) | st.sampled_from((0, 0, 0, 0, 2, 2, 450, 550, 421))
greetings = st.sampled_from((0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 450, 550, 421))
yes_or_no = st.sampled_from((0, 0, 0, 450, 550))
#: What the wire makes of a reply: 0 nothing.
forgeries = st.sampled_from((0, 0, 0, 0, 0, 0, 250, 359, 450, 550))
YES: Final = {"DATA": 354, "AUTH": 235, "STARTTLS": 220, "VRFY": 252, "HELP": 214, "QUIT": 221}
#: Verbs that are accepted with one code only, or later.
FIXED: Final = ("AUTH", "STARTTLS", "BDAT")
FORGED: Final = ("MAIL", "RCPT", "RSET", "NOOP", "VRFY", "HELP", "EHLO", "HELO")
PARAMETERS: Final = ("", "SIZE=5", "SIZE=999", "BODY=BINARYMIME", "BODY=8BITMIME ENVID=x", "RET=HDRS")
PIECES: Final = (b"hi\r\n", b"hi\r\n", b".dot\r\n", b"a\nb\r\n", b"a\rb\r\n", b"z" * 70 + b"\r\n")


def standing(*phases: str) -> Callable[[Any], bool]:
    """Both ends stand at one of these, the same."""
    return lambda self: self.there.phase == self.here.phase and self.here.phase in phases


def talking(self: Any) -> bool:
    return self.here.phase in TALKING and self.there.phase in TALKING


def parameters(text: str) -> Parameters:
    pairs = [part.partition("=") for part in text.split()]
    return Parameters(tuple((keyword, value) for keyword, _, value in pairs))


class Ends(RuleBasedStateMachine):
    """`here` is the model of the client, `there` that of the server."""

    number = 0
    label = ""

    @initialize(answer=greetings, pipelining=st.booleans(), single=st.booleans(), way=st.integers(0, 5))
    def connect(self, answer: int, pipelining: bool, single: bool, way: int) -> None:
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
        self.advance(way, False)

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

    # -- commands ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.here.phase not in ("CLOSED", "REFUSED", "TLS"))
    @step(way=st.integers(1, 5), chunks=st.booleans())
    def advance(self, way: int, chunks: bool) -> None:
        """So many steps towards the next message, which all go well."""
        for _ in range(way):
            phase = self.here.phase
            if phase == "FRESH":
                self.hello("EHLO", 0, 0)
            elif phase == "READY":
                self.mail(0, 0, "")
            elif phase == "MAIL":
                self.rcpt(0, 0)
            elif (phase == "RCPT" and chunks) or phase == "BDAT":
                self.chunk(b"hi\r\n", phase == "BDAT", 0, 0)
            elif phase == "RCPT":
                self.data(0)
            elif phase == "DATA":
                self.piece(b"hi\r\n", 0)
                self.end(0)
            elif phase == "POISONED":
                self.any_time(Reset(), 0)

    @precondition(lambda self: self.here.phase not in ("CLOSED", "REFUSED", "TLS"))
    @step(way=st.integers(1, 3), chunks=st.booleans())
    def go_on(self, way: int, chunks: bool) -> None:
        self.advance(way, chunks)

    @precondition(standing("MAIL", "RCPT", "BDAT", "POISONED"))
    @step(command=st.sampled_from((Reset(), Hello(Domain("c.example")))), chunks=st.booleans())
    def start_over(self, command: Command, chunks: bool) -> None:
        """Give a transaction up, and send a whole message: what was forgotten to be forgotten shows in it."""
        self.exchange(command, 0)
        self.advance(4, chunks)

    @precondition(talking)
    @step(verb=st.sampled_from(("EHLO", "EHLO", "HELO")), answer=answers, forge=forgeries)
    def hello(self, verb: str, answer: int, forge: int) -> None:
        self.exchange(Hello(Domain("c.example"), verb), answer, forge)

    @precondition(talking)
    @step(answer=answers, forge=forgeries, words=st.sampled_from(PARAMETERS))
    def mail(self, answer: int, forge: int, words: str) -> None:
        path = ReversePath.of(f"s{self.text()}@c.example")
        self.exchange(Mail(path, parameters(words if self.here.esmtp else "")), answer, forge)

    @precondition(talking)
    @step(answer=answers, forge=forgeries)
    def rcpt(self, answer: int, forge: int) -> None:
        self.exchange(Rcpt(ForwardPath.of(f"r{self.text()}@d.example")), answer, forge)

    @precondition(talking)
    @step(answer=answers)
    def data(self, answer: int) -> None:
        self.exchange(Data(), answer)

    @precondition(talking)
    @step(command=st.sampled_from((Reset(), Noop(), Inquiry("a", "VRFY"), Inquiry("", "HELP"))), forge=forgeries)
    def any_time(self, command: Command, forge: int) -> None:
        self.exchange(command, 0, forge)

    @precondition(lambda self: self.here.phase in (*TALKING, "REFUSED"))
    @step(sure=st.integers(0, 5))
    def quit(self, sure: int) -> None:
        if not sure:
            self.exchange(Quit(), 0)

    @precondition(talking)
    @step(answer=answers)
    def auth(self, answer: int) -> None:
        dialogue = AuthDialogue(PlainClient("tim", "pencil"))
        self.exchange(dialogue.command, answer, dialogue=dialogue)

    @precondition(talking)
    @step(answer=answers)
    def starttls(self, answer: int) -> None:
        self.exchange(StartTls(), answer)

    @precondition(standing("READY"))
    @step(words=st.sampled_from(PARAMETERS), chosen=st.lists(answers, min_size=4, max_size=4))
    def group(self, words: str, chosen: list[int]) -> None:
        """A whole envelope ahead of the replies: MAIL, two RCPT, DATA."""
        mail = Mail(ReversePath.of(f"s{self.text()}@c.example"), parameters(words if self.here.esmtp else ""))
        batch: list[Command] = [mail, *(Rcpt(ForwardPath.of(f"r{self.text()}@d.example")) for _ in range(2))]
        if "BINARY" not in words or not self.here.esmtp:
            batch.append(Data())
        self.answers.clear()
        for command, answer in zip(batch, chosen, strict=False):
            asked = self.there.allows(command.verb) and b"SIZE=999" not in command.to_bytes()
            code = self.expected(command, answer)
            label = self.text()
            if asked:
                self.answers.append((answer, label))
            self.answered(command, code)
            if code == 421:
                break
        self.client.send_all(batch)
        self.move()

    # -- texts and chunks --------------------------------------------------------------------------------------------

    @precondition(standing("DATA"))
    @step(piece=st.sampled_from(PIECES), refuse=st.sampled_from((0, 0, 0, 0, 450, 550)))
    def piece(self, piece: bytes, refuse: int) -> None:
        """A piece of the text, behind which the application may have had enough."""
        assert self.there.open is not None
        self.there.open.add(piece)
        # Not in the piece that makes it too big: which is first then hangs on the cut.
        if refuse and self.there.open.verdict is None:
            self.refuse_text = Reply(refuse, "enough")
            self.there.open.verdict = ("REFUSED", refuse)
        self.client.send_body(piece)
        self.move()
        self.refuse_text = None

    @precondition(standing("DATA"))
    @step(answer=answers)
    def end(self, answer: int) -> None:
        open_ = self.there.open
        assert open_ is not None
        self.answers[:] = [(answer, self.text())]
        command = EndOfMessage(len(open_.text))
        self.answered(command, self.ended(answer))
        self.client.end_body()
        self.move()

    def ended(self, answer: int) -> int:
        """What the server says to a whole message."""
        open_ = self.there.open
        assert open_ is not None
        verdict = open_.judge()
        if verdict is not None:
            self.drop(verdict[0])
            code = verdict[1]
        elif answer > 99:
            code = answer
            if code == 421:
                return code
        else:
            self.due.append((open_.mail, open_.recipients, open_.text))
            code = 251 if answer == 2 else 250
        self.there.phase, self.there.open = "READY", None
        return code

    @precondition(talking)
    @step(piece=st.sampled_from((b"", *PIECES)), last=st.booleans(), chunk=yes_or_no, answer=answers)
    def chunk(self, piece: bytes, last: bool, chunk: int, answer: int) -> None:
        command = Bdat(len(piece), last)
        there = self.there
        if not self.here.allows("BDAT") or not there.allows("BDAT") or chunk > 99:
            self.exchange(command, chunk, octets=piece)
            return
        assert there.open is not None
        self.answers[:] = [(0, ""), (answer, self.text())]
        there.open.chunks += 1
        there.open.add(piece)
        if last:
            code = self.ended(answer)
        elif there.open.verdict is not None:
            code = there.open.verdict[1]
            self.poison(there.open.verdict[0])
        else:
            code, there.phase = 250, "BDAT"
        self.answered(command, code)
        self.client.send(command, octets=piece)
        self.move()

    # -- what no client of ours says ---------------------------------------------------------------------------------

    @precondition(talking)
    @step(line=st.sampled_from(("FOO", "EHLO -", "MAIL FROM:<", "RCPT TO:<>", "DATA x", "RSET x", "QUIT x", "BDAT")))
    def mistake(self, line: str) -> None:
        """A line that is no command changes nothing but the count of refused recipients."""
        if line[:4] == "RCPT" and self.there.open is not None:
            self.there.open.refused += 1
        assert self.aside(line) in (500, 501)

    @precondition(talking)
    @step(line=st.sampled_from(("MAIL FROM:<x@y>", "RCPT TO:<x@y>", "DATA")))
    def out_of_order(self, line: str) -> None:
        verb = line[:4]
        if not self.there.allows(verb):
            assert self.aside(line) == self.expected(Data() if verb == "DATA" else _COMMANDS[verb], 0)

    def aside(self, line: str) -> int:
        """Say it to the server, past the client; gives the code."""
        self.server.receive_data(line.encode() + b"\r\n")
        self.pull()
        return int(self.server.data_to_send()[:3])

    # -- the transport, and time -------------------------------------------------------------------------------------

    @precondition(standing("TLS"))
    @step(way=st.sampled_from(("done", "done", "done", "failed", "client", "server")))
    def handshake(self, way: str) -> None:
        if way == "done":
            self.server.tls_started()
            self.client.tls_started()
            self.here.forget()
            self.there.forget()
        else:
            if way == "client":
                self.client.receive_data(b"250 injected\r\n")
            elif way == "server":
                self.server.receive_data(b"NOOP\r\n")
            for end in (self.client, self.server):
                if end.next_step is Step.START_TLS:
                    end.tls_failed()
            self.over("TLS")
        self.move()

    @precondition(lambda self: self.here.phase not in ("CLOSED", "TLS"))
    @step(way=st.sampled_from(("eof", "shut", "server", "client")), sure=st.integers(0, 5))
    def break_off(self, way: str, sure: int) -> None:
        """The line is cut, the server shuts down, or one of them has waited too long."""
        if sure:
            return
        in_text = self.here.phase == "DATA"
        open_ = self.here.open
        size = 0 if self.there.open is None else len(self.there.open.text)
        if way in ("shut", "server"):
            if way == "shut":
                self.server.shut_down()
            else:
                end = self.server.tick(self.now)
                assert end == self.now + (180 if in_text else 300)
                assert self.server.tick(end - 1) == end
                self.server.tick(end)
            if in_text and open_ is not None:
                self.said.append((EndOfMessage(size), 421, ""))
            self.over("SHUT_DOWN" if way == "shut" else "TIMED_OUT")
        elif way == "eof":
            self.client.receive_eof()
            self.server.receive_eof()
            self.over("CLOSED")
        else:
            if not in_text:
                self.client.send(Quit())
                self.client.data_to_send()  # lost on its way
            end = self.client.tick(self.now)
            assert end == self.now + (180 if in_text else 300)
            self.client.tick(end)
            self.over("CLOSED")
            self.move()
            assert isinstance(self.heard[-1].error, TimedOut)
        self.move()

    @precondition(standing("CLOSED"))
    @step(answer=greetings, pipelining=st.booleans(), single=st.booleans(), way=st.integers(0, 5))
    def again(self, answer: int, pipelining: bool, single: bool, way: int) -> None:
        self.connect(answer, pipelining, single, way)

    # -- what holds after each step ----------------------------------------------------------------------------------

    @invariant()
    def both_stand_where_the_model_says(self) -> None:
        assert (self.client.state.name, self.server.state.name) == (self.here.phase, self.there.phase)
        session, there = self.server.session, self.there
        if there.phase != "CLOSED":
            assert (session.hello, session.tls, session.identity) == (there.hello, there.tls, there.identity)
            mine = self.client.session
            assert (mine.hello, mine.tls, mine.identity) == (self.here.hello, self.here.tls, self.here.identity)

    @invariant()
    def the_transaction_is_whole_or_gone(self) -> None:
        for envelope, open_ in (
            (self.server.session.envelope, self.there.open),
            (self.client.session.envelope, self.here.open),
        ):
            if open_ is None:
                assert envelope is None or self.here.phase == "CLOSED"
            else:
                assert envelope is not None
                assert (envelope.mail, envelope.recipients) == (open_.mail, open_.recipients)
                assert envelope.refused == open_.refused
        if self.there.open is None:
            assert self.server.session.envelope is None
        else:
            envelope = self.server.session.envelope
            assert envelope is not None
            assert (envelope.aborted, envelope.chunks) == (self.there.open.lost, self.there.open.chunks)
        assert [event.reason.name for event in self.told if isinstance(event, TransactionAborted)] == self.reasons
        assert self.delivered == self.due

    @invariant()
    def replies_belong_to_commands(self) -> None:
        seen = [event for event in self.heard if isinstance(event, Response)]
        assert len(seen) == len(self.said)
        for event, (command, code, label) in zip(seen, self.said, strict=True):
            assert event.command == command
            assert event.reply.code == code or {event.reply.code, code} == {503, 554}
            assert re.findall(r"\bn[0-9]+", event.reply.lines[0]) in ([], [label])
        self.said.clear()
        self.heard = [event for event in self.heard if not isinstance(event, Response)]
        assert self.client.outstanding == () or self.here.phase == "CLOSED"
        assert self.server.question is None
        assert not self.server.held
        assert not self.client.held

    @invariant()
    def the_end_is_told_once(self) -> None:
        closed = self.here.phase == "CLOSED"
        for events, end in ((self.heard, self.client), (self.told, self.server)):
            assert [isinstance(event, Closed) for event in events].count(True) == closed
            assert not closed or (isinstance(events[-1], Closed) and end.next_step is Step.CLOSE)
            assert not closed or end.tick(self.now) == math.inf
        wanted = Step.DECIDE if self.here.phase == "DATA" else Step.START_TLS if self.here.phase == "TLS" else None
        if not closed and wanted is not None:
            assert self.client.next_step is wanted
            assert any(isinstance(event, SendBody) for event in self.heard) or wanted is Step.START_TLS


_COMMANDS: Final[dict[str, Command]] = {
    "MAIL": Mail(ReversePath.of("x@y")),
    "RCPT": Rcpt(ForwardPath.of("x@y")),
}


def check(examples: int, steps: int) -> None:
    run_state_machine_as_test(Ends, settings=settings(max_examples=examples, stateful_step_count=steps))


@rule("S-SES-09", "S-SES-11", "S-SES-13", "S-SES-14", "S-SES-15", "S-SES-16", "S-SES-34", "B-SES-33", "C-SES-12")
def test_both_ends_move_as_the_model_says() -> None:
    check(150, 40)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_both_ends_move_as_the_model_says_in_a_hundred_thousand_steps() -> None:
    check(2500, 60)


@rule("S-SES-07", "S-SES-08", "S-SES-10", "S-SES-38", "X-CHUNKING-10")
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_the_table_is_the_order_of_the_model(state: State) -> None:
    for verb in (*ANY_TIME, *ORDER):
        assert (verb in CLIENT_EXTENSIONS.rows[state]) is in_order(state.name, verb), verb
