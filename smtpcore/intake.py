"""The reading half of a server: what the client's octets do.

One pull handles one command: its question is answered before the octets behind it are looked at, so that what they
mean (a command, or text) is never guessed.  What has one right answer is answered here; what is policy is asked.
"""

from __future__ import annotations

import re
from typing import Callable, Final, Iterable

from smtpcore import replies
from smtpcore.commands import Command, Data, EndOfMessage, Inquiry, Noop, Problem, Quit, Rcpt, Reset, parse
from smtpcore.connection import BLOCK
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import Body, Connect, Query, Reason, Refused, ServerEvent, TransactionAborted
from smtpcore.extensions.base import Ask, Say, Turn, Verb
from smtpcore.lines import LineFault, ReceiveBuffer
from smtpcore.parameters import NO_PARAMETERS, Parameters
from smtpcore.reception import Verdict
from smtpcore.replies import Reply
from smtpcore.serving import ServerCore
from smtpcore.state import State

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
#: The states that the reading loop asks for, without a look into the enumeration each time.
_CONNECTED, _DATA, _TLS, _CLOSED = State.CONNECTED, State.DATA, State.TLS, State.CLOSED
_READY_FOR_TEXT: Final = (State.RCPT, State.BDAT)


class Intake(ServerCore):
    """Reads lines and text, answers what has one right answer, hands out the rest as events."""

    __slots__ = ()

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
                return self._next_news()
            state = self._state
            buffer = self._buffer
            if self._hold:
                if buffer.start >= len(buffer._data) and self._chunk is None and self._swallow is None:
                    self._starved = not self._eof  # the next pass would find that out, and nothing else
                return None
            if state is _TLS or state is _CLOSED or (self._slots and not self._may_read_on(self._slots)):
                return None
            if state is _DATA or self._chunk is not None:
                event = self._read_content()
            elif state is _CONNECTED or self._swallow is not None:
                event = self._read_rarely()
            elif buffer.start >= len(buffer._data):
                self._starved = True
                event = None
            else:
                event = self._read_line(buffer)
            if event is not None:
                return event
            if self._starved and not self._news and (not self._eof or not self._noticed_end()):
                return None

    def _read_rarely(self) -> ServerEvent | None:
        """What comes before the first line, and behind a chunk that was refused."""
        if self._swallow is not None:
            return self._drop_octets(*self._swallow)
        return self._ask(Connect._make())

    def _noticed_end(self) -> bool:
        """Whether the client is gone and nothing is owed to it; then that is the news."""
        if self._owed():
            return False
        self._peer_is_gone()
        return True

    def _next_news(self) -> ServerEvent:
        news = self._news.pop(0)
        if self._dialogue is not None and isinstance(news, Query):  # only a dialogue asks so
            self._asked = news
        return news

    def _read_line(self, buffer: ReceiveBuffer) -> ServerEvent | None:
        settings = self._settings
        dialogue = self._dialogue
        line = buffer.next_line(settings.line_limits if dialogue is None else settings.dialogue_limits)
        if line.__class__ is not bytes:
            return self._no_line(line)
        assert isinstance(line, bytes)
        self._progress += 1
        if dialogue is not None:
            return self._turn(dialogue.receive(line))
        command = parse(line, settings.language)
        if type(command) is Problem:
            self._bad_line(line, command)
            return None
        verb = command.verb
        extensions = settings.extensions
        if verb not in extensions.rows[self._state]:
            self._refuse_command(line, command, self._out_of_sequence(verb))
            return None
        if verb == "MAIL":
            self._session.mails += 1
        # Most commands have nothing that an extension could mind: that is seen by one look.
        if (
            (verb not in extensions.unguarded and not (verb in extensions.guarded_by_mail and self._mail_is_plain()))
            or not line.isascii()
            or getattr(command, "params", NO_PARAMETERS).pairs
        ):
            reply = self._guarded(command, verb, line)
            if reply is not None:
                self._refuse_command(line, command, reply)
                return None
        answer = _ANSWERS.get(command.__class__)
        if answer is not None:
            return answer(self, command, line)
        if verb in extensions.answered:
            return self._answer_verb(command, extensions.verbs[verb])
        self._asked = command
        return command

    def _mail_is_plain(self) -> bool:
        envelope = self._session.envelope
        return envelope is None or not envelope.mail.params.pairs

    def _guarded(self, command: Command, verb: str, line: bytes) -> Reply | None:
        """What the extensions have against a command that is in sequence."""
        extensions = self._settings.extensions
        session = self._session
        params: Parameters = getattr(command, "params", NO_PARAMETERS)
        keywords = tuple([keyword.upper() for keyword, _ in params.pairs])
        concern = extensions.concern(verb, keywords, line.isascii())
        if keywords:
            if not concern.in_force(session):
                return replies.UNKNOWN_PARAMETER
        elif verb in extensions.verbs and not session.esmtp:
            return replies.BAD_SEQUENCE
        for guard in concern.guards:
            reply = guard(command, session)
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
            reply = replies.unavailable(self._settings.hostname, "No end of line in sight")
            self._shut(reply, Reason.SHUT_DOWN, RemoteProtocolError("a line without end"))
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
        envelope = self._session.envelope
        if envelope is not None and problem.verb == "RCPT":
            envelope.refused += 1
        if self._state is State.REFUSED:
            self._refuse(line, self._in_state(problem.reply), problem.text)
        elif self._settings.extensions.announces_octets(line):
            self._refuse_and_close(line, problem.reply, problem.text)
        elif not self._settings.foreign and problem.reply.code == 500 and _FOREIGN.match(line):
            reply = replies.unavailable(self._settings.hostname, "This is SMTP")
            self._shut(reply, Reason.SHUT_DOWN, RemoteProtocolError("the peer does not speak SMTP"))
        else:
            self._refuse(line, problem.reply, problem.text, held=problem.verb in ("MAIL", "RCPT"))

    def _out_of_sequence(self, verb: str) -> Reply:
        """503 with the sentence that helps; 554 when every recipient was refused (RFC 5321 3.3)."""
        envelope = self._session.envelope
        refused = self._state is State.MAIL and envelope is not None and envelope.refused
        if verb == "DATA" and refused and not self._session.lmtp:  # RFC 2033 4.2: LMTP has 503 only
            return replies.NO_VALID_RECIPIENTS
        return _TOO_EARLY.get((self._state, verb), replies.BAD_SEQUENCE)

    def _read_content(self) -> ServerEvent | None:
        reception = self._reception
        assert reception is not None
        text = reception.text
        if not text.finished:
            buffer = self._buffer
            if buffer.start >= len(buffer._data):
                self._starved = True
                return None
            data = reception.take(buffer)
            blocks = text.size // BLOCK
            if blocks != self._blocks:  # the wait is for a block, not for an octet
                self._blocks = blocks
                self._progress += 1
            if data:
                body: Body = Body._make(data)
                return body
            if not text.finished:
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
            return self._ask(EndOfMessage._make(text.size, reception.offences()))
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

    def _drop_octets(self, left: int, due: list[bytes]) -> ServerEvent | None:
        """Swallow the octets of a refused chunk; its replies go out behind them (RFC 3030 2)."""
        buffer = self._buffer
        taken = min(left, len(buffer))
        buffer.consume_to(buffer.start + taken)
        if taken < left:
            self._swallow = (left - taken, due)
            self._starved = True
            return None
        self._progress += 1
        self._swallow = None
        self._out += due
        self._hold = True
        return None

    def _poison(self, verdict: Verdict) -> None:
        """A chunk was refused: only RSET mends this transaction (RFC 3030 2)."""
        envelope = self._session.envelope
        self._reception = None
        if envelope is not None:
            self._state = State.POISONED
            if not envelope.aborted:
                envelope.aborted = True
                self._report(TransactionAborted(verdict.reason))

    def _refuse_command(self, line: bytes, command: Command, reply: Reply) -> None:
        """Refuse a command that is well formed; octets that follow it are not commands, whatever the reply is."""
        if reply.code == 421:
            self._report(Refused(line, reply))
            self._shut(reply, Reason.SHUT_DOWN, None)
            return
        verb = self._settings.extensions.verbs.get(command.verb)
        if verb is not None and verb.octets is not None:
            self._refuse_chunk(command, verb, reply, line)
            return
        self._refuse(line, self._in_state(reply), "", held=command.verb in ("MAIL", "RCPT"))
        if isinstance(command, Data) and reply.code == 503 and self._state in _READY_FOR_TEXT:
            self._poison(Verdict(Reason.CHUNK, reply))  # RFC 3030 2, 3: DATA where only BDAT goes; RSET mends it
        if isinstance(command, Rcpt) and self._session.envelope is not None:
            self._session.envelope.refused += 1

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
        self._out.append(self._settings.usual.closing)
        if self._session.envelope is not None:
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
        assert envelope is not None
        limit = self._settings.limits.recipients
        if limit is not None and len(envelope.recipients) >= limit:
            self._write(replies.TOO_MANY_RECIPIENTS)  # 452, not 552, and the earlier ones stay (4.5.3.1.10)
            envelope.refused += 1
            if envelope.refused > limit:  # a list that is too long is no offence; one without end is
                self._count_error(line, replies.TOO_MANY_RECIPIENTS, "too many recipients")
            else:
                self._report(Refused(line, replies.TOO_MANY_RECIPIENTS, "too many recipients"))
            return None
        return self._ask(command)

    def _answer_verb(self, command: Command, verb: Verb) -> ServerEvent:
        """A verb of an extension that needs no decision."""
        assert verb.answer is not None
        reply = verb.answer(command, self._session)
        self._write(reply)
        self._move(verb.name, reply.is_positive)
        self._hold = self._hold or verb.last
        self._count_junk()
        return command

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
                self._give_up("too many failed authentications")
        elif turn.commit is None:
            self._count_junk()  # cancelled, or not in the grammar: it led nowhere
        return None


_Answer = Callable[[Intake, Command, bytes], ServerEvent | None]

#: Commands that are answered, or first looked at, here; all others become questions.
_ANSWERS: Final[dict[type, _Answer]] = {
    Noop: Intake._answer_noop,
    Reset: Intake._answer_reset,
    Quit: Intake._answer_quit,
    Inquiry: Intake._answer_inquiry,
    Rcpt: Intake._answer_rcpt,
}
