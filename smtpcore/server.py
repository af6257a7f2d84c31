"""The server's end of a conversation (RFC 5321).

One pull handles one command: its question is answered before the octets behind it are looked at, so that what they
mean (a command, or text) is never guessed.  What has one right answer is answered here; what is policy is asked.
"""

from __future__ import annotations

import math
import re
from typing import Callable, Final, Iterable, Sequence

from smtpcore import replies
from smtpcore.commands import (
    Command,
    Data,
    EndOfMessage,
    Hello,
    Inquiry,
    Mail,
    Noop,
    Problem,
    Quit,
    Rcpt,
    Reset,
    parse,
)
from smtpcore.connection import BLOCK, Connection, timed_out
from smtpcore.content import NewlinePolicy
from smtpcore.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError, SMTPError
from smtpcore.events import Body, Connect, Query, Question, Reason, Refused, ServerEvent, TransactionAborted
from smtpcore.extensions.base import Ask, Dialogue, Extension, Finish, Say, Turn, Verb
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.limits import Limits
from smtpcore.lines import LineFault
from smtpcore.reception import Reception, Verdict
from smtpcore.replies import Reply
from smtpcore.session import Envelope, ResetKind, Session
from smtpcore.settings import ServerSettings
from smtpcore.slots import Slot, Slots
from smtpcore.state import IN_TRANSACTION, State
from smtpcore.timeouts import Timeouts

#: What no SMTP client says: a browser or a TLS client that was led to the wrong port (RFC 5321 7.8, ALPACA).
_FOREIGN: Final = re.compile(
    rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|CONNECT|PATCH|PRI|TRACE) |[^ ]* .* HTTP/[0-9]|\x16\x03", re.IGNORECASE
)

#: Why a command out of sequence is refused, where more can be said than "bad sequence".
_TOO_EARLY: Final = {
    (State.FRESH, "MAIL"): replies.NEED_HELLO,
    (State.FRESH, "RCPT"): replies.NEED_HELLO,
    (State.FRESH, "DATA"): replies.NEED_HELLO,
    (State.READY, "RCPT"): replies.NEED_MAIL,
    (State.READY, "DATA"): replies.NEED_MAIL,
    (State.MAIL, "MAIL"): replies.NESTED_MAIL,
    (State.RCPT, "MAIL"): replies.NESTED_MAIL,
    (State.MAIL, "DATA"): replies.NEED_RCPT,
}
_BETWEEN: Final = Noop()  # the place, among deferred answers, of a reply that is known already


class ServerConnection(Connection[ServerEvent]):
    """One client's conversation, seen from the server.

    `hostname` begins the greeting; `extensions` are what EHLO offers (any iterable, or a prepared `ExtensionSet`);
    `newlines` says what becomes of a bare CR or LF in a text; `rcpt_window` how many recipients may be deferred at
    once; `ask` names which of VRFY, EXPN and HELP the application answers; `tls` says that the transport was
    protected before the first octet (RFC 8314 3).  `settings` replaces all but `tls` and saves time per connection.

    Raises `LocalProtocolError` for arguments that cannot work together.
    """

    __slots__ = (
        "_asked",
        "_blocks",
        "_chunk",
        "_dialogue",
        "_errors",
        "_failures",
        "_junk",
        "_reception",
        "_session",
        "_settings",
        "_slots",
        "_swallow",
        "_undelivered",
    )

    def __init__(
        self,
        hostname: str = "localhost",
        *,
        extensions: ExtensionSet | Iterable[Extension] = (),
        limits: Limits | None = None,
        leniency: Leniency = DEFAULT,
        timeouts: Timeouts | None = None,
        newlines: NewlinePolicy = NewlinePolicy.REJECT,
        rcpt_window: int = 1,
        ask: Iterable[str] = (),
        lmtp: bool = False,
        tls: bool = False,
        settings: ServerSettings | None = None,
    ) -> None:
        super().__init__(State.CONNECTED)
        self._settings = settings or ServerSettings(
            hostname,
            extensions=extensions,
            limits=limits,
            leniency=leniency,
            timeouts=timeouts,
            newlines=newlines,
            rcpt_window=rcpt_window,
            ask=ask,
            lmtp=lmtp,
        )
        self._session = self._new_session(tls)
        self._asked: Question | None = None
        self._slots: Slots[Question] | None = None  # made when something is deferred
        self._dialogue: Dialogue | None = None
        self._reception: Reception | None = None
        self._chunk: tuple[Command, Verb] | None = None  # the chunk being read
        self._swallow: tuple[int, list[bytes]] | None = None  # octets to drop, and the replies due behind them
        self._undelivered: EndOfMessage | None = None  # LMTP: the message whose replies are given one by one
        self._errors = self._junk = self._failures = self._blocks = 0

    def _new_session(self, tls: bool) -> Session:
        settings = self._settings
        return Session(lmtp=settings.lmtp, tls=tls, keywords=settings.extensions.by_keyword.keys())

    # --- what can be asked of it ---------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """What is known of the client and of the open transaction; read only."""
        return self._session

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    @property
    def question(self) -> Question | None:
        """The event that waits for an answer now, `None` when the last one was answered, deferred or is news."""
        return self._asked

    # --- events --------------------------------------------------------------------------------------------------

    def next_event(self) -> ServerEvent | None:
        """The next event; one command at most is handled.

        Raises `LocalProtocolError` when the question handed out last was neither answered nor deferred.
        """
        if self._asked is not None:
            name = type(self._asked).__name__
            raise LocalProtocolError(
                f"{name} is waiting for an answer: give that very event to accept(), reject() or defer(), then go on"
            )
        while True:
            if self._news:
                event = self._news.pop(0)
                if isinstance(event, Query):
                    self._asked = event
                return event
            state = self._state
            if self._hold or state is State.CLOSED:
                return None
            if self._swallow is not None:
                event = self._drop_octets(*self._swallow)
            elif self._reception is not None and (state is State.DATA or self._chunk is not None):
                event = self._read_content(self._reception)
            elif state is State.CONNECTED:
                return None if self._slots else self._ask(Connect())
            elif state is State.TLS:
                return None
            elif self._slots and not self._may_read_on():
                return None
            else:
                event = self._read_line()
            if event is not None:
                return event
            if self._starved and not self._news:
                if not self._eof or self._owed():
                    return None
                self._peer_is_gone()

    def _ask(self, question: Question) -> Question:
        self._asked = question
        return question

    def _may_read_on(self) -> bool:
        """Whether a line may be read while recipients are deferred: only another RCPT, and within the window."""
        slots = self._slots
        if slots is None:
            return True
        owed = slots.unfilled()
        if not owed:
            return True
        if not isinstance(owed[0], Rcpt) or self._undelivered is not None or len(slots) >= self._settings.rcpt_window:
            return False
        return not self._buffer.has_line() or self._buffer.peek(5).upper() == b"RCPT "

    def _owed(self) -> bool:
        if self._asked is not None:
            return True
        return self._slots is not None and len(self._slots) > 0 and not self._may_read_on()

    # --- reading -------------------------------------------------------------------------------------------------

    def _read_line(self) -> ServerEvent | None:
        settings = self._settings
        dialogue = self._dialogue
        line = self._buffer.next_line(settings.line_limits if dialogue is None else settings.dialogue_limits)
        if line.__class__ is not bytes:
            return self._no_line(line)
        assert isinstance(line, bytes)
        self._progress += 1
        if dialogue is not None:
            return self._turn(dialogue.receive(line))
        command = parse(line, settings.language)
        if isinstance(command, Problem):
            self._bad_line(line, command)
            return None
        verb = command.verb
        if verb not in settings.extensions.rows[self._state]:
            self._refuse_command(line, command, self._out_of_sequence(verb))
            return None
        if verb == "MAIL":
            self._session.mails += 1
        reply = self._guarded(command)
        if reply is not None:
            self._refuse_command(line, command, reply)
            return None
        answer = _ANSWERS.get(command.__class__)
        if answer is not None:
            return answer(self, command, line)
        return self._ask(command)

    def _guarded(self, command: Command) -> Reply | None:
        """What the extensions have against a command that is in sequence."""
        extensions = self._settings.extensions
        reply = extensions.in_force(command, self._session)
        if reply is not None:
            return reply
        for guard in extensions.guards(command.verb):
            reply = guard(command, self._session)
            if reply is not None:
                return reply
        return None

    def _no_line(self, fault: LineFault | bytes | None) -> ServerEvent | None:
        """There is no line, or one that is too long."""
        if fault is None:
            self._starved = True
            return None
        self._progress += 1
        if fault is LineFault.ENDLESS:
            self._shut(replies.unavailable(self._settings.hostname, "No end of line in sight"), Reason.SHUT_DOWN)
            self._close_for(RemoteProtocolError("a line without end"))
            return None
        if self._dialogue is not None:
            return self._turn(self._dialogue.too_long())
        kept = self._buffer.kept
        # The octets behind a line that announces octets cannot be told from commands (RFC 3030 2).
        if self._settings.extensions.announces_octets(kept):
            self._refuse_and_close(kept, replies.LINE_TOO_LONG, "line too long, and octets follow it")
        else:
            self._refuse(kept, self._in_state(replies.LINE_TOO_LONG), "line too long")
        return None

    def _bad_line(self, line: bytes, problem: Problem) -> None:
        if self._state is State.REFUSED:
            self._refuse(line, self._in_state(problem.reply), problem.text)
        elif self._settings.extensions.announces_octets(line):
            self._refuse_and_close(line, problem.reply, problem.text)
        elif not self._settings.foreign and problem.reply.code == 500 and _FOREIGN.match(line):
            self._shut(replies.unavailable(self._settings.hostname, "This is SMTP"), Reason.SHUT_DOWN)
            self._close_for(RemoteProtocolError("the peer does not speak SMTP"))
        else:
            self._refuse(line, problem.reply, problem.text, held=problem.verb in ("MAIL", "RCPT"))

    def _in_state(self, reply: Reply) -> Reply:
        """After a refusal at the greeting every command gets 503 (RFC 5321 3.1)."""
        return replies.BAD_SEQUENCE if self._state is State.REFUSED else reply

    def _out_of_sequence(self, verb: str) -> Reply:
        """503 with the sentence that helps; 554 when every recipient was refused (RFC 5321 3.3)."""
        envelope = self._session.envelope
        if self._state is State.MAIL and verb == "DATA" and envelope is not None and envelope.refused:
            if not self._session.lmtp:  # RFC 2033 4.2: LMTP has 503 only
                return replies.NO_VALID_RECIPIENTS
        return _TOO_EARLY.get((self._state, verb), replies.BAD_SEQUENCE)

    # --- content -------------------------------------------------------------------------------------------------

    def _read_content(self, reception: Reception) -> ServerEvent | None:
        if not reception.finished:
            if not len(self._buffer):
                self._starved = True
                return None
            data = reception.take(self._buffer)
            if reception.size // BLOCK != self._blocks:  # the wait is for a block, not for an octet
                self._blocks = reception.size // BLOCK
                self._progress += 1
            if data:
                return Body._make(data)  # type: ignore[no-any-return]
            if not reception.finished:
                self._starved = True
                return None
        self._progress += 1
        if self._chunk is not None:
            command, verb = self._chunk
            self._chunk = None
            if reception.verdict is not None and not (verb.ends_message and verb.ends_message(command)):
                self._poison(reception.verdict)
                self._write(reception.verdict.reply)
                return None
            self._move(verb.name, True)
            if verb.ends_message is None or not verb.ends_message(command):
                self._write(replies.CHUNK_OK)
                return None
        reception.end()
        if reception.verdict is None:
            return self._ask(EndOfMessage._make(reception.size, reception.offences()))
        self._end_message([reception.verdict.reply] * self._arity())
        self._abort(reception.verdict.reason)
        return None

    def _arity(self) -> int:
        """Replies owed at the end of the message: one, or one for each recipient of LMTP (RFC 2033 4.2)."""
        envelope = self._session.envelope
        return len(envelope.recipients) if self._session.lmtp and envelope is not None else 1

    def _end_message(self, answers: Iterable[Reply]) -> None:
        for reply in answers:
            self._write(reply)
        self._message_over()

    def _message_over(self) -> None:
        self._reception = None
        self._junk = 0
        self._state = self._settings.extensions.rows[self._state]["."].done
        self._hold = True

    def _drop_octets(self, left: int, due: list[bytes]) -> None:
        """Swallow the octets of a refused chunk; its replies go out behind them (RFC 3030 2)."""
        buffer = self._buffer
        taken = min(left, len(buffer))
        buffer.consume_to(buffer.start + taken)
        if taken < left:
            self._swallow = (left - taken, due)
            self._starved = True
            return
        self._progress += 1
        self._swallow = None
        self._out += due
        self._hold = True

    def _poison(self, verdict: Verdict) -> None:
        """A chunk was refused: only RSET mends this transaction (RFC 3030 2)."""
        envelope = self._session.envelope
        self._reception = None
        if envelope is not None:
            self._state = State.POISONED
            if not envelope.aborted:
                envelope.aborted = True
                self._report(TransactionAborted(verdict.reason))

    # --- refusals ------------------------------------------------------------------------------------------------

    def _refuse_command(self, line: bytes, command: Command, reply: Reply) -> None:
        """Refuse a command that is well formed; octets that follow it are not commands, whatever the reply is."""
        verb = self._settings.extensions.verbs.get(command.verb)
        if verb is None or verb.octets is None:
            self._refuse(line, self._in_state(reply), "", held=command.verb in ("MAIL", "RCPT"))
            if isinstance(command, Rcpt) and self._session.envelope is not None:
                self._session.envelope.refused += 1
            self._close_after(reply)
            return
        self._refuse_chunk(command, verb, reply, line)

    def _refuse_chunk(self, command: Command, verb: Verb, reply: Reply, line: bytes = b"") -> None:
        assert verb.octets is not None
        size = verb.octets(command)
        if size > self._settings.limits.swallow:
            self._refuse_and_close(line, reply, "the chunk is too large to be swallowed")
            return
        last = verb.ends_message is not None and verb.ends_message(command)
        count = self._arity() if last else 1
        self._poison(Verdict(Reason.CHUNK, reply))
        self._swallow = (size, [self._wire(reply)] * count)
        if line:
            self._count_error(line, reply, "")

    def _refuse(self, line: bytes, reply: Reply, text: str, *, held: bool = False) -> None:
        """Answer a line with a refusal and report it; `held`: the reply may wait for the rest of its group."""
        self._write(reply)
        if not held:
            self._hold = True  # RFC 2920 3.2 (5), (6)
        self._count_error(line, reply, text)

    def _count_error(self, line: bytes, reply: Reply, text: str) -> None:
        self._report(Refused(line, reply, text))
        self._errors += 1
        limit = self._settings.limits.errors
        if limit is not None and self._errors > limit:
            self._shut(replies.too_many_errors(self._settings.hostname), Reason.SHUT_DOWN)
            self._close_for(RemoteProtocolError("too many errors"))

    def _refuse_and_close(self, line: bytes, reply: Reply, text: str) -> None:
        """Refuse, and close since what follows cannot be told from commands."""
        self._write(reply)
        self._report(Refused(line, reply, text))
        self._abort(Reason.SHUT_DOWN)
        self._close_for(RemoteProtocolError(text))

    # --- what the library answers itself -------------------------------------------------------------------------

    def _answer_noop(self, command: Command, line: bytes) -> ServerEvent | None:
        self._write(replies.OK)
        self._hold = True
        self._count_junk()
        return command

    def _answer_reset(self, command: Command, line: bytes) -> ServerEvent | None:
        self._write(replies.OK)
        self._state = self._settings.extensions.rows[self._state]["RSET"].done
        self._abort(Reason.RESET)
        self._report(command)
        self._count_junk()
        return None

    def _answer_quit(self, command: Command, line: bytes) -> ServerEvent | None:
        self._write(replies.closing(self._settings.hostname))
        self._abort(Reason.QUIT)
        self._report(command)
        self._close_for(None)
        return None

    def _answer_inquiry(self, command: Command, line: bytes) -> ServerEvent | None:
        assert isinstance(command, Inquiry)
        about = command.about
        if about in self._settings.ask:
            return self._ask(command)
        if about == "EXPN":
            self._refuse(line, replies.NOT_IMPLEMENTED, "EXPN is not offered")
            return None
        self._write(replies.CANNOT_VERIFY if about == "VRFY" else self._settings.help)
        self._hold = True
        self._count_junk()
        return None

    def _answer_rcpt(self, command: Command, line: bytes) -> ServerEvent | None:
        envelope = self._session.envelope
        limit = self._settings.limits.recipients
        if limit is not None and envelope is not None:
            if len(envelope.recipients) + (len(self._slots) if self._slots else 0) >= limit:
                self._write(replies.TOO_MANY_RECIPIENTS)  # 452, not 552, and the earlier ones stay (4.5.3.1.10)
                envelope.refused += 1
                self._report(Refused(line, replies.TOO_MANY_RECIPIENTS, "too many recipients"))
                return None
        return self._ask(command)

    def _count_junk(self) -> None:
        self._junk += 1
        limit = self._settings.limits.junk
        if limit is not None and self._junk > limit:
            self._shut(replies.too_many_errors(self._settings.hostname), Reason.SHUT_DOWN)
            self._close_for(RemoteProtocolError("too many commands without a message"))

    # --- answers of the application ------------------------------------------------------------------------------

    def accept(self, question: Question, reply: Reply | None = None) -> None:
        """Answer yes; `reply` (2yz, for DATA 3yz) replaces the usual one.

        `EndOfMessage` accepted means that responsibility for the message is taken (RFC 5321 6.1).  Raises
        `LocalProtocolError` when this is not the question that waits, or when the reply says no.
        """
        wanted = 3 if isinstance(question, Data) else 2
        if reply is not None and reply.code // 100 != wanted:
            raise LocalProtocolError(f"accept() wants a {wanted}yz reply, not {reply.code}; use reject() to refuse")
        self._decide(question, reply, True)

    def reject(self, question: Question, reply: Reply) -> None:
        """Answer no with a 4yz or 5yz reply; 421 closes the connection as well (RFC 5321 3.8).

        Raises `LocalProtocolError` when this is not the question that waits, or when the reply says yes.
        """
        if not reply.is_negative:
            raise LocalProtocolError(f"reject() wants a 4yz or 5yz reply, not {reply.code}; use accept() to agree")
        self._decide(question, reply, False)

    def defer(self, question: Question) -> None:
        """The answer comes later, by the same call; recipients behind it may be asked meanwhile (`rcpt_window`)."""
        if question is not self._asked:
            raise LocalProtocolError("defer() wants the question that was handed out last and is not answered yet")
        self._asked = None
        if self._slots is None:
            self._slots = Slots()
        self._slots.open(question)

    def provide(self, question: Question, value: object) -> None:
        """Give what a question asks for: to a command with a dialogue (AUTH) the object that leads it, to a question
        inside one what that question names.  Raises `LocalProtocolError` when it asks for nothing."""
        verb = self._settings.extensions.verbs.get(question.verb) if isinstance(question, Command) else None
        if verb is not None and verb.dialogue is not None and isinstance(question, Command):
            self._take_question(question)
            self._forget_slot()
            self._begin_dialogue(question, verb, value)
            return
        if self._dialogue is None or not isinstance(question, Query):
            raise LocalProtocolError("provide() answers AUTH and the questions inside it only")
        self._take_question(question)
        self._forget_slot()
        self._turn_later(self._dialogue.provide(value))

    def reply_each(self, question: EndOfMessage, answers: Sequence[Reply]) -> None:
        """LMTP: answer the end of a message with one reply for each accepted recipient, in their order."""
        if not self._session.lmtp:
            raise LocalProtocolError("reply_each() is for LMTP; SMTP has one reply for all: accept() or reject()")
        if len(answers) != self._arity():
            raise LocalProtocolError(f"reply_each() wants {self._arity()} replies, one for each accepted recipient")
        self._take_question(question)
        self._end_message(answers)
        self._session.envelope = None

    def reply_for(self, question: EndOfMessage, recipient: Rcpt, reply: Reply) -> None:
        """LMTP: answer for one recipient, in any order; each reply leaves as soon as those before it have left."""
        envelope = self._session.envelope
        if not self._session.lmtp or envelope is None:
            raise LocalProtocolError("reply_for() answers the end of an LMTP message")
        if question is not self._undelivered:
            self._take_question(question)
            self._undelivered = question
            self._slots = self._slots or Slots()
            for each in envelope.recipients:
                self._slots.open(each)
        slot = self._slots.find(recipient) if self._slots is not None else None
        if slot is None:
            raise LocalProtocolError("that recipient was answered already, or was never accepted")
        slot.wire = self._wire(reply)
        self._flush_slots()

    def refuse_message(self, reply: Reply) -> None:
        """Refuse the message that is coming in: the rest is read and dropped, then this 4yz or 5yz goes out."""
        if self._reception is None:
            raise LocalProtocolError("refuse_message() works while a message comes in: between DATA and its end")
        if not reply.is_negative:
            raise LocalProtocolError(f"refuse_message() wants a 4yz or 5yz reply, not {reply.code}")
        if self._asked is not None or self._slots:
            raise LocalProtocolError("the message is whole: answer EndOfMessage with reject()")
        if self._reception.verdict is None:
            self._reception.verdict = Verdict(Reason.REFUSED, reply)

    def shut_down(self, reply: Reply | None = None) -> None:
        """Close with 421: at once, also as the answer to every question that is open (RFC 5321 3.8)."""
        if self._state is State.CLOSED:
            return
        if self._state is State.TLS:
            self._close_for(None)
            return
        self._asked = None
        if self._slots is not None:
            self._slots.clear()
        self._shut(reply or replies.unavailable(self._settings.hostname), Reason.SHUT_DOWN)
        self._close_for(None)

    def tls_started(self) -> None:
        """The TLS handshake is done: everything known of the client is forgotten (RFC 3207 4.2)."""
        self._must_be(State.TLS, "tls_started() is for the step START_TLS, after a StartTls question was accepted")
        self._session = self._new_session(True)
        self._state = State.FRESH
        self._starved = True

    def tls_failed(self) -> None:
        """The TLS handshake failed: the connection is of no more use (RFC 3207 4.1)."""
        self._must_be(State.TLS, "tls_failed() is for the step START_TLS, after a StartTls question was accepted")
        self._finish(RemoteProtocolError("the TLS handshake failed"))

    # --- what an answer does -------------------------------------------------------------------------------------

    def _take_question(self, question: Question) -> Slot[Question] | None:
        """The question leaves the table; its slot when it was deferred."""
        if question is self._asked:
            self._asked = None
            return None
        slot = self._slots.find(question) if self._slots is not None else None
        if slot is None:
            raise LocalProtocolError(
                f"this {type(question).__name__} does not wait for an answer: it was answered already, is news, or is "
                "an equal value but not the one that was handed out"
            )
        return slot

    def _forget_slot(self) -> None:
        """Anything but RCPT is deferred alone, so its slot is the only one."""
        if self._slots is not None:
            self._slots.clear()

    def _decide(self, question: Question, reply: Reply | None, positive: bool) -> None:
        if isinstance(question, Inquiry) and reply is None and question.about == "EXPN":
            raise LocalProtocolError("accept() of EXPN needs the reply with the members of the list")
        slot = self._take_question(question)
        if isinstance(question, Query):
            assert self._dialogue is not None
            self._forget_slot()
            self._turn_later(self._dialogue.answer(positive, reply))
            self._close_after(reply)
            return
        if slot is not None:
            if isinstance(question, Rcpt):
                slot.wire = self._wire(reply or replies.RECIPIENT_OK)
                slot.positive = positive
                self._flush_slots()
                self._close_after(reply)
                return
            self._forget_slot()
        decided = _DECIDED.get(question.__class__, ServerConnection._decided_verb)
        decided(self, question, reply, positive)
        self._close_after(reply)

    def _close_after(self, reply: Reply | None) -> None:
        if reply is not None and reply.code == 421:
            self._asked = None
            if self._slots is not None:
                self._slots.clear()
            self._abort(Reason.SHUT_DOWN)
            self._close_for(None)


    def _flush_slots(self) -> None:
        assert self._slots is not None
        for slot in self._slots.ready():
            if slot.wire is not None:
                self._out.append(slot.wire)
            if self._undelivered is None and isinstance(slot.key, Rcpt):
                self._count_recipient(slot.key, slot.positive)
        if self._undelivered is not None and not self._slots:
            self._undelivered = None
            self._message_over()
            self._session.envelope = None

    def _count_recipient(self, rcpt: Rcpt, positive: bool) -> None:
        envelope = self._session.envelope
        if envelope is None:
            return
        if positive:
            envelope.recipients.append(rcpt)
            self._state = State.RCPT
        else:
            envelope.refused += 1

    def _decided_connect(self, question: Question, reply: Reply | None, positive: bool) -> None:
        self._write_plain(reply or self._settings.greeting)
        self._move("CONNECT", positive)
        self._hold = True
        if len(self._buffer) and not self._settings.early_talk:
            # RFC 5321 4.3.1: the client waits for the greeting; one that does not is a worm, or a smuggler.
            self._out.clear()
            self._write_plain(replies.SYNC_ERROR)
            self._close_for(RemoteProtocolError("the client spoke before the greeting"))

    def _decided_hello(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Hello)
        again = self._session.hello is not None
        if positive:
            self._abort(Reason.HELLO)
            self._session.hello = question
            self._session.forget(ResetKind.HELLO)
        self._write_plain(reply or self._settings.hello_reply(question.hello, self._session))
        self._move(question.hello, positive)
        self._hold = True
        if positive and again:
            self._count_junk()

    def _decided_mail(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Mail)
        self._write(reply or replies.SENDER_OK)
        if positive:
            self._session.envelope = Envelope(question)
            self._state = State.MAIL

    def _decided_rcpt(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Rcpt)
        self._write(reply or replies.RECIPIENT_OK)
        self._count_recipient(question, positive)

    def _decided_data(self, question: Question, reply: Reply | None, positive: bool) -> None:
        self._write(reply or replies.START_MAIL_INPUT)
        self._hold = True
        if positive:
            settings = self._settings
            self._reception = Reception.dotted(
                settings.message_limit, settings.newlines, settings.limits.text_line
            )
            self._state = State.DATA

    def _decided_message(self, question: Question, reply: Reply | None, positive: bool) -> None:
        self._end_message([reply or replies.MESSAGE_ACCEPTED] * self._arity())
        self._session.envelope = None

    def _decided_inquiry(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Inquiry)
        self._write(reply or (replies.CANNOT_VERIFY if question.about == "VRFY" else self._settings.help))
        self._hold = True
        self._count_junk()

    def _decided_verb(self, question: Question, reply: Reply | None, positive: bool) -> None:
        """A verb of an extension, by its declaration."""
        assert isinstance(question, Command)
        verb = self._settings.extensions.verbs[question.verb]
        if verb.octets is not None:
            self._decided_chunk(question, verb, reply, positive)
            return
        if positive and verb.dialogue is not None:
            self._begin_dialogue(question, verb, None)
            return
        if positive and verb.layer:
            self._start_layer(reply or replies.READY_FOR_TLS)
            return
        self._write(reply or (verb.answer(question, self._session) if verb.answer is not None else replies.OK))
        self._move(verb.name, positive)
        if verb.last:
            self._hold = True

    def _start_layer(self, reply: Reply) -> None:
        """220 and TLS, unless octets came behind STARTTLS: those would be read as if they had been protected."""
        if len(self._buffer):
            self._inject()
            return
        self._write(reply)
        self._state = State.TLS

    def _inject(self) -> None:
        self._shut(replies.unavailable(self._settings.hostname, "Plaintext after STARTTLS"), Reason.TLS)
        self._close_for(RemoteProtocolError("plaintext between STARTTLS and the TLS handshake"))

    def _decided_chunk(self, question: Command, verb: Verb, reply: Reply | None, positive: bool) -> None:
        assert verb.octets is not None
        envelope = self._session.envelope
        assert envelope is not None
        if not positive:
            self._refuse_chunk(question, verb, reply or replies.LOCAL_ERROR)
            return
        envelope.chunks += 1
        limit = self._settings.limits.chunks
        if limit is not None and envelope.chunks > limit:
            self._shut(replies.too_many_errors(self._settings.hostname), Reason.SHUT_DOWN)
            self._close_for(RemoteProtocolError("too many chunks"))
            return
        if self._reception is None:
            settings = self._settings
            self._reception = Reception.chunked(
                settings.message_limit, settings.newlines, binary=settings.extensions.binary(envelope.mail)
            )
        self._reception.begin_chunk(verb.octets(question))
        if self._reception.verdict is not None and verb.octets(question) > self._settings.limits.swallow:
            self._refuse_and_close(question.to_bytes()[:-2], self._reception.verdict.reply, "the chunk is too large")
            return
        self._chunk = (question, verb)

    # --- dialogues (AUTH) ----------------------------------------------------------------------------------------

    def _begin_dialogue(self, command: Command, verb: Verb, value: object) -> None:
        assert verb.dialogue is not None
        dialogue = verb.dialogue(command, self._session, self._settings.extensions.owner(verb.name))
        turn = dialogue.begin(value)
        self._dialogue = dialogue
        self._turn_later(turn)

    def _turn(self, turn: Turn) -> ServerEvent | None:
        """One step of a dialogue; a question of it becomes the event."""
        if isinstance(turn, Ask):
            return self._ask(turn.question)
        self._hold = True
        self._write(turn.reply)
        if isinstance(turn, Say):
            return None
        self._dialogue = None
        if turn.commit is not None:
            turn.commit(self._session)
        if turn.failed_authentication:
            self._failures += 1
            limit = self._settings.limits.auth_failures
            if limit is not None and self._failures >= limit:
                self._shut(replies.too_many_errors(self._settings.hostname), Reason.SHUT_DOWN)
                self._close_for(RemoteProtocolError("too many failed authentications"))
        return None

    def _turn_later(self, turn: Turn) -> None:
        """The same outside of a pull: a question waits for the next one."""
        event = self._turn(turn)
        if event is not None:
            self._asked = None
            self._report(event)

    # --- small steps ---------------------------------------------------------------------------------------------

    def _wire(self, reply: Reply) -> bytes:
        extensions = self._settings.extensions
        if extensions.utf8 and self._utf8():
            return reply.to_bytes(enhanced=extensions.enhanced_codes, utf8=True)
        return reply.to_bytes(enhanced=extensions.enhanced_codes)

    def _utf8(self) -> bool:
        """Whether the client asked for internationalised replies (RFC 6531 3.7.4.1)."""
        envelope = self._session.envelope
        return envelope is not None and self._settings.extensions.utf8_replies(envelope.mail)

    def _write(self, reply: Reply) -> None:
        slots = self._slots
        if slots is not None and len(slots):
            slots.open(_BETWEEN)
            slot = slots.find(_BETWEEN)
            assert slot is not None
            slot.wire = self._wire(reply)
            return
        self._out.append(self._wire(reply))

    def _write_plain(self, reply: Reply) -> None:
        """A reply without enhanced code: the greeting, and all replies to EHLO and HELO (RFC 2034 3 (4))."""
        self._out.append(reply.to_bytes(enhanced=False))

    def _move(self, verb: str, positive: bool) -> None:
        move = self._settings.extensions.rows[self._state][verb]
        self._state = move.done if positive else move.refused

    def _abort(self, reason: Reason) -> None:
        """Drop the transaction, if one is open, as a whole."""
        envelope = self._session.envelope
        self._reception = None
        self._session.envelope = None
        if envelope is not None and not envelope.aborted:
            self._report(TransactionAborted(reason))

    def _shut(self, reply: Reply, reason: Reason) -> None:
        self._write(reply)
        self._abort(reason)

    def _close_for(self, error: SMTPError | None) -> None:
        self._dialogue = None
        self._swallow = None
        self._chunk = None
        self._undelivered = None
        self._finish(error)

    def _peer_is_gone(self) -> None:
        error = ConnectionLost("the client closed the connection without QUIT")
        self._abort(Reason.CLOSED)
        self._close_for(error)

    def _wait(self) -> float:
        state = self._state
        if state is State.CLOSED or state is State.CONNECTED or self._owed():
            return math.inf
        timeouts = self._settings.timeouts
        if state is State.TLS:
            return timeouts.tls
        if self._reception is not None or self._swallow is not None:
            return timeouts.block
        return timeouts.server_command

    def _expire(self) -> None:
        if self._state is not State.TLS:
            self._write(replies.timeout(self._settings.hostname))
        self._abort(Reason.TIMED_OUT)
        self._close_for(timed_out("the client"))

    def receive_data(self, data: bytes) -> None:
        if data and self._state is State.TLS:
            # What arrives in the clear now was meant to be read as protected: never parsed, fatal (RFC 3207 6).
            self._out.clear()
            self._finish(RemoteProtocolError("plaintext between STARTTLS and the TLS handshake"))
            return
        super().receive_data(data)

    def _check_held(self, size: int) -> None:
        if len(self._buffer) + size > self._settings.limits.held_input and self._owed():
            raise LocalProtocolError(
                "an answer is owed and much input is held already: stop reading while next_step is DECIDE"
            )


_Answer = Callable[[ServerConnection, Command, bytes], ServerEvent | None]
_Decided = Callable[[ServerConnection, Question, Reply | None, bool], None]

#: Commands that are answered, or first looked at, here; all others become questions.
_ANSWERS: Final[dict[type, _Answer]] = {
    Noop: ServerConnection._answer_noop,
    Reset: ServerConnection._answer_reset,
    Quit: ServerConnection._answer_quit,
    Inquiry: ServerConnection._answer_inquiry,
    Rcpt: ServerConnection._answer_rcpt,
}
_DECIDED: Final[dict[type, _Decided]] = {
    Connect: ServerConnection._decided_connect,
    Hello: ServerConnection._decided_hello,
    Mail: ServerConnection._decided_mail,
    Rcpt: ServerConnection._decided_rcpt,
    Data: ServerConnection._decided_data,
    EndOfMessage: ServerConnection._decided_message,
    Inquiry: ServerConnection._decided_inquiry,
}
