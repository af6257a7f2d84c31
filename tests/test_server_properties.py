"""What holds for every session: segmentation, totality, order, pipelining, the table, bounded memory."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, run_state_machine_as_test
from hypothesis.stateful import rule as step

from smtpcore.commands import EndOfMessage, Rcpt
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Closed, ServerEvent, Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.size import Size
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.state import TABLE, State
from tests.server_tools import GONE, HOST, LATER, NO, Decision, Talk, defer, joined, lines, replies_in, with_extensions

rule = pytest.mark.rule
PLAIN = "AHRpbQBwZW5jaWw="

#: Things a client may say.  Most sessions get as far as a message.
SAID: list[str | bytes] = [
    "EHLO client.example",
    "EHLO client.example",
    "HELO client.example",
    "EHLO",
    "MAIL FROM:<a@b>",
    "MAIL FROM:<a@b>",
    "MAIL FROM:<> SIZE=5 BODY=BINARYMIME",
    "MAIL FROM:<\xe9@b> SMTPUTF8",
    "MAIL FROM:<a@b> FROB=1",
    "RCPT TO:<c@d>",
    "RCPT TO:<c@d>",
    "RCPT TO:<c@d> NOTIFY=NEVER",
    "RCPT TO:<>",
    "DATA",
    "DATA",
    b"hi\r\n..\r\n.\r\n",
    b"a\nb\r\r\n.\r\n",
    b".\r\n",
    b"BDAT 4\r\nRSET",
    b"BDAT 6 LAST\r\n\r\n.\r\n\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT x\r\n",
    b"BDAT 30\r\n" + b"x" * 30,
    f"AUTH PLAIN {PLAIN}",
    "AUTH PLAIN",
    PLAIN,
    "*",
    "RSET",
    "NOOP x",
    "VRFY joe",
    "EXPN list",
    "HELP",
    "QUIT",
    "FOO",
    "",
    b"\x00\xff\r\n",
    b"NOOP " + b"y" * 700 + b"\r\n",
    b"z" * 3000 + b"\r\n",
    b"\r\n.\r\n",
]
START: list[str | bytes] = ["EHLO client.example", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"]
sessions = st.tuples(
    st.sampled_from([[], START[:1], START, [*START, "DATA"], [*START, b"BDAT 2\r\nx\r"]]),
    st.lists(st.sampled_from(SAID) | st.binary(max_size=6), max_size=10),
).map(lambda parts: [*parts[0], *parts[1]])
setups = st.fixed_dictionaries(
    {},
    optional={
        "newlines": st.sampled_from(list(NewlinePolicy)),
        "limits": st.sampled_from(
            [
                Limits(message=8, recipients=2, errors=3, junk=3, chunks=2, swallow=20),
                Limits(command_line=None, endless_line=2000, text_line=1000, errors=None),
            ]
        ),
        "extensions": st.sampled_from(
            [
                (),
                with_extensions(AuthExtension(clear_text=True), LimitsExtension(2, 2, 2), Size(20)),
                with_extensions(AuthExtension(clear_text=True, required=True)),
            ]
        ),
        "lmtp": st.just(False),
    },
)
verdicts = st.fixed_dictionaries(
    {},
    optional={
        verb: st.lists(st.sampled_from([None, None, NO, LATER]), max_size=4)
        for verb in ("EHLO", "MAIL", "RCPT", "DATA", "BDAT", ".", "Authenticate")
    },
)


def conversation(answers: dict[str, list[Any]], setup: dict[str, Any]) -> Talk:
    return Talk({verb: list(decisions) for verb, decisions in answers.items()}, **setup)


def told(talk: Talk) -> list[str]:
    """The events as text, so that errors compare too; `Body` joined."""
    return [
        f"Closed({event.error!r})" if isinstance(event, Closed) else repr((event, _uncompared(event)))
        for event in joined(talk.events)
    ]


def _uncompared(event: ServerEvent) -> object:
    return (event.size, event.offences) if isinstance(event, EndOfMessage) else None


def cut(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(edges) if begin < end]


# -- 1. segmentation ---------------------------------------------------------------------------------------------------


@rule("X-PIPELINING-24", "S-GRAM-03", "X-PIPELINING-19")
@given(sessions, verdicts, setups, st.lists(st.integers(0, 5000), max_size=6), st.booleans())
def test_the_cut_of_the_input_changes_nothing(
    said: list[str | bytes], answers: dict[str, list[Any]], setup: dict[str, Any], places: list[int], single: bool
) -> None:
    text = lines(said)
    whole, pieces = conversation(answers, setup), conversation(answers, setup)
    whole.feed(text)
    for piece in [bytes([octet]) for octet in text] if single and len(text) < 500 else cut(text, places):
        pieces.feed(piece)
    assert pieces.output == whole.output
    assert told(pieces) == told(whole)
    whole.eof()
    pieces.eof()
    assert told(pieces) == told(whole)
    assert whole.closed


# -- 2. pipelined or in turn -------------------------------------------------------------------------------------------


@rule("X-PIPELINING-18", "X-PIPELINING-12")
@given(sessions, verdicts, setups)
def test_ahead_or_in_turn(said: list[str | bytes], answers: dict[str, list[Any]], setup: dict[str, Any]) -> None:
    ahead, in_turn = conversation(answers, setup), conversation(answers, setup)
    ahead.feed(*said)
    for each in said:
        in_turn.feed(each)
    assert in_turn.output == ahead.output
    assert told(in_turn) == told(ahead)


# -- 3. answers in any order -------------------------------------------------------------------------------------------


@rule("X-PIPELINING-12", "S-SES-06")
@given(
    st.lists(st.sampled_from(["RCPT TO:<c@d>", "RCPT TO:<>", "RCPT TO:<x@y> FROB"]), max_size=8),
    st.lists(st.sampled_from([None, NO, LATER]), min_size=8, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
    st.sampled_from([Limits(), Limits(recipients=2)]),
)
def test_answers_in_any_order_are_sent_in_one(
    rcpts: list[str], decisions: list[Reply | None], later: list[bool], chance: Any, window: int, limits: Limits
) -> None:
    said: list[str | bytes] = [*START[:2], *rcpts, "DATA", "RSET"]
    plain = Talk({"RCPT": list(decisions)}, limits=limits)
    plain.feed(*said)
    table: list[Decision] = [defer if late else decision for late, decision in zip(later, decisions, strict=True)]
    talk = Talk({"RCPT": table}, limits=limits, rcpt_window=window)
    talk.feed(*said)
    answered: set[int] = set()
    while talk.step() is Step.DECIDE:
        asked = [event for event in talk.asked if isinstance(event, Rcpt)]
        waiting = [number for number in range(len(asked)) if later[number] and number not in answered]
        number = chance.choice(waiting)
        answered.add(number)
        decision = decisions[number]
        if decision is None:
            talk.connection.accept(asked[number])
        else:
            talk.connection.reject(asked[number], decision)
        talk.pump()
    assert talk.output == plain.output


# -- 4. totality -------------------------------------------------------------------------------------------------------


class Driver:
    """Calls anything at any time; only `LocalProtocolError` may come of it."""

    def __init__(self, data: st.DataObject, **setup: Any) -> None:
        self.data = data
        self.connection = ServerConnection(settings=ServerSettings(HOST, **setup))
        self.events: list[Any] = []
        self.last_sent = b""

    def call(self, method: str, *arguments: object) -> object:
        note(f"{method}{arguments}")
        try:
            return getattr(self.connection, method)(*arguments)
        except LocalProtocolError:
            return None

    def act(self) -> None:
        draw = self.data.draw
        event = draw(st.sampled_from(self.events[-4:])) if self.events else Rcpt
        reply = draw(st.sampled_from([NO, LATER, GONE, Reply(250, "Yes"), Reply(354, "Go"), Reply(235, "In")]))
        match draw(st.integers(0, 15)):
            case 0 | 1 | 2:
                self.call("receive_data", lines([draw(st.sampled_from([*SAID, "STARTTLS"]))]))
            case 3:
                self.call("receive_data", draw(st.binary(min_size=1, max_size=9)))
            case 4 | 5:
                question = self.connection.question
                if question is not None:
                    self.call("accept", question)
            case 6:
                self.call("accept", event, draw(st.sampled_from([None, reply])))
            case 7:
                self.call("reject", event, reply)
            case 8:
                self.call("defer", event)
            case 9:
                self.call("provide", event, draw(st.sampled_from([None, "tim", 5])))
            case 10:
                self.call("reply_each", event, [reply] * draw(st.integers(0, 3)))
            case 11:
                other = draw(st.sampled_from(self.events)) if self.events else event
                self.call("reply_for", event, other, reply)
            case 12:
                self.call("refuse_message", reply)
            case 13:
                self.call(draw(st.sampled_from(["tls_started", "tls_failed"])))
            case 14:
                self.call("tick", float(draw(st.integers(0, 400))))
            case _:
                self.last_sent = self.connection.data_to_send()
                assert self.last_sent[-2:] in (b"", b"\r\n")
        found = self.call("next_event")
        if found is not None:
            self.events.append(found)
        assert isinstance(self.connection.next_step, Step)

    def finish(self) -> None:
        self.call(self.data.draw(st.sampled_from(["receive_eof", "shut_down"])))
        for _ in range(60):
            if self.connection.question is not None:
                self.call("shut_down")
            found = self.call("next_event")
            if found is not None:
                self.events.append(found)
            elif self.connection.next_step is Step.DECIDE:
                self.call("shut_down")
            elif self.connection.next_step is Step.START_TLS:
                self.call("tls_failed")
            self.connection.data_to_send()
        assert self.connection.next_step is Step.CLOSE
        assert isinstance(self.events[-1], Closed)
        assert sum(isinstance(event, Closed) for event in self.events) == 1


@given(st.data(), st.booleans(), st.integers(1, 3))
def test_any_calls_in_any_order(data: st.DataObject, lmtp: bool, window: int) -> None:
    offer = with_extensions(AuthExtension(("PLAIN", "CRAM-MD5"), clear_text=True), StartTlsExtension())
    driver = Driver(data, lmtp=lmtp, rcpt_window=window, extensions=offer, ask=["VRFY", "EXPN"])
    for _ in range(data.draw(st.integers(0, 40))):
        driver.act()
    driver.finish()


@rule("B-SEC-10", "S-LIM-14")
@given(
    st.lists(st.binary(min_size=1, max_size=200) | st.sampled_from([b"\r\n", b"RCPT TO:<", b"x" * 5000]), max_size=30)
)
def test_little_input_is_kept(pieces: list[bytes]) -> None:
    talk = Talk(limits=Limits(errors=None)).hello()
    for piece in pieces:
        talk.feed(piece)
        assert talk.connection.held <= 65536
        if talk.step() is Step.RECEIVE:
            assert talk.connection.held <= 12290
    assert all(line[:1] in b"245" for line in talk.output.split(b"\r\n"))


# -- 5. the table ------------------------------------------------------------------------------------------------------

VERBS = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "HELP", "STARTTLS")
WIRE: dict[str, bytes] = {
    "EHLO": b"EHLO x\r\n",
    "HELO": b"HELO x\r\n",
    "MAIL": b"MAIL FROM:<a@b>\r\n",
    "RCPT": b"RCPT TO:<c@d>\r\n",
    "DATA": b"DATA\r\n",
    "BDAT": b"BDAT 2\r\nhi",
    "RSET": b"RSET\r\n",
    "NOOP": b"NOOP\r\n",
    "VRFY": b"VRFY a\r\n",
    "HELP": b"HELP\r\n",
    "STARTTLS": b"STARTTLS\r\n",
}
ERRORS = (b"FOO\r\n", b"EHLO -\r\n", b"MAIL FROM:<\r\n", b"RCPT TO:<>\r\n", b"DATA x\r\n", b"RSET x\r\n", b"QUIT x\r\n")
TALKING = (State.FRESH, State.READY, State.MAIL, State.RCPT, State.BDAT, State.POISONED)


class TableMachine(RuleBasedStateMachine):
    """The server against the table: where it must stand after each command, accepted, refused or out of place."""

    @initialize()
    def begin(self) -> None:
        extensions = ExtensionSet(with_extensions(StartTlsExtension()))
        self.talk = Talk(ask=["VRFY"], limits=Limits(errors=None, junk=None), extensions=extensions)
        self.rows = extensions.rows
        self.expected = State.FRESH
        self.esmtp = False

    @precondition(lambda self: self.expected in TALKING)
    @step(verb=st.sampled_from(VERBS), yes=st.booleans())
    def command(self, verb: str, yes: bool) -> None:
        asked = verb in ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "VRFY", "STARTTLS")
        self.talk.answers.clear()
        if asked and not yes:
            self.talk.answers[verb] = NO
        codes = self.talk.codes(WIRE[verb])
        assert len(codes) == 1
        envelope = self.talk.connection.session.envelope is not None
        move = self.rows[self.expected].get(verb)
        if move is None or (verb in ("BDAT", "STARTTLS") and not self.esmtp):
            assert codes[0] in (503, 554)  # 554 when every recipient was refused
            if (verb == "BDAT" and envelope) or (verb == "DATA" and self.expected is State.BDAT):
                self.expected = State.POISONED
            return
        assert codes[0] not in (503, 554)
        assert (codes[0] < 400) == (yes or not asked)
        if verb in ("EHLO", "HELO") and yes:
            self.esmtp = verb == "EHLO"
        self.expected = move.done if codes[0] < 400 else move.refused

    @precondition(lambda self: self.expected in TALKING)
    @step(line=st.sampled_from(ERRORS))
    def mistake(self, line: bytes) -> None:
        assert self.talk.codes(line)[0] in (500, 501)

    @precondition(lambda self: self.expected is State.DATA)
    @step(yes=st.booleans())
    def text(self, yes: bool) -> None:
        self.talk.answers["."] = None if yes else NO
        assert self.talk.codes(b"hi\r\n.\r\n") == [250 if yes else 550]
        self.expected = TABLE[State.DATA]["."].done

    @precondition(lambda self: self.expected in (State.RCPT, State.BDAT) and self.esmtp)
    @step(yes=st.booleans())
    def last_chunk(self, yes: bool) -> None:
        self.talk.answers["."] = None if yes else NO
        assert self.talk.codes(b"BDAT 0 LAST\r\n") == [250 if yes else 550]
        self.expected = TABLE[State.BDAT]["."].done

    @precondition(lambda self: self.expected is State.TLS)
    @step()
    def handshake(self) -> None:
        self.talk.starttls()
        self.esmtp = False
        self.expected = TABLE[State.TLS]["TLS"].done
        self.begin()

    @invariant()
    def stands_where_the_table_says(self) -> None:
        if not hasattr(self, "talk"):
            return
        assert self.talk.state() is self.expected
        envelope = self.talk.connection.session.envelope
        opened = (State.MAIL, State.RCPT, State.DATA, State.BDAT, State.POISONED)
        assert (envelope is not None) == (self.expected in opened)
        if envelope is not None and self.expected is State.MAIL:
            assert not envelope.recipients
        assert all(len(reply) > 3 for reply in replies_in(self.talk.output))


@rule("S-SES-09", "S-SES-13", "S-SES-15", "S-SES-34", "B-SES-33")
def test_the_server_moves_by_the_table() -> None:
    run_state_machine_as_test(TableMachine, settings=settings(max_examples=60, stateful_step_count=30))
