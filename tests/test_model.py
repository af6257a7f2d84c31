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
from hypothesis.stateful import initialize, invariant, precondition, run_state_machine_as_test
from hypothesis.stateful import rule as step

from smtpcore.addresses import Domain, ForwardPath, ReversePath
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Inquiry, Mail, Noop, Quit, Rcpt, Reset
from smtpcore.errors import TimedOut
from smtpcore.events import Closed, Response, SendBody, Step, TransactionAborted
from smtpcore.extensions.auth import AuthDialogue
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.extensions.starttls import StartTls
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.sasl.plain import PlainClient
from smtpcore.state import State
from tests.model import ANY_TIME, ORDER, TALKING, in_order
from tests.model_ends import Ends

rule = pytest.mark.rule

#: The application's answer: 0 the usual yes, 2 or 3 another yes, else a refusal.
answers = st.sampled_from((0, 0, 0, 2, 450, 550)) | st.sampled_from((0, 0, 0, 0, 2, 2, 450, 550, 421))
greetings = st.sampled_from((0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 450, 550, 421))
yes_or_no = st.sampled_from((0, 0, 0, 450, 550))
#: What the wire makes of a reply: 0 nothing.
forgeries = st.sampled_from((0, 0, 0, 0, 0, 0, 250, 359, 450, 550))
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


class Rules(Ends):
    """What may happen: commands, texts, chunks, mistakes, the end of the line, time."""

    @initialize(answer=greetings, pipelining=st.booleans(), single=st.booleans(), way=st.integers(0, 5))
    def connect(self, answer: int, pipelining: bool, single: bool, way: int) -> None:
        self.begin(answer, pipelining, single)
        self.advance(way, False)

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
    run_state_machine_as_test(Rules, settings=settings(max_examples=examples, stateful_step_count=steps))


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
