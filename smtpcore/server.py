"""The server's end of a conversation (RFC 5321): what the application's answers do.

The other half, what the client's octets do, is in `intake`.
"""

from __future__ import annotations

from typing import Callable, Final, Iterable, Sequence

from smtpcore import replies
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Inquiry, Mail, Rcpt
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import Connect, Query, Question, Reason, ServerEvent
from smtpcore.extensions.base import Extension, Turn, Verb
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.intake import Intake
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.limits import Limits
from smtpcore.reception import Reception, Verdict
from smtpcore.replies import Reply
from smtpcore.session import Envelope, ResetKind
from smtpcore.settings import ServerSettings
from smtpcore.slots import Slot, Slots
from smtpcore.state import State
from smtpcore.timeouts import Timeouts


class ServerConnection(Intake):
    """One client's conversation, seen from the server.

    `hostname` begins the greeting; `extensions` are what EHLO offers (any iterable, or a prepared `ExtensionSet`;
    without it all that need neither certificates nor accounts);
    `newlines` says what becomes of a bare CR or LF in a text; `rcpt_window` how many recipients may be deferred at
    once; `ask` names which of VRFY, EXPN and HELP the application answers; `tls` says that the transport was
    protected before the first octet (RFC 8314 3).  `settings` replaces all but `tls` and saves time per connection.

    Raises `LocalProtocolError` for arguments that cannot work together.
    """

    __slots__ = ()

    def __init__(
        self,
        hostname: str = "localhost",
        *,
        extensions: ExtensionSet | Iterable[Extension] | None = None,
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
        settings = settings or ServerSettings(
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
        super().__init__(settings, tls)

    def accept(self, question: Question, reply: Reply | None = None) -> None:
        """Answer yes; `reply` (2yz, for DATA 3yz) replaces the usual one.

        `EndOfMessage` accepted means that responsibility for the message is taken (RFC 5321 6.1).  Raises
        `LocalProtocolError` when this is not the question that waits, or when the reply says no.
        """
        if reply is not None:
            wanted = 3 if isinstance(question, Data) else 2
            if reply.code // 100 != wanted:
                raise LocalProtocolError(f"accept() wants a {wanted}yz reply, not {reply.code}; use reject() to refuse")
        elif question is self._asked and question.__class__ in _PLAIN:
            self._asked = None  # the common case, by the shortest way
            _DECIDED[question.__class__](self, question, None, True)
            return
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
            self._reception = Reception.dotted(settings.message_limit, settings.newlines, settings.limits.text_line)
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

    def _begin_dialogue(self, command: Command, verb: Verb, value: object) -> None:
        assert verb.dialogue is not None
        dialogue = verb.dialogue(command, self._session, self._settings.extensions.owner(verb.name))
        turn = dialogue.begin(value)
        self._dialogue = dialogue
        self._turn_later(turn)

    def _turn_later(self, turn: Turn) -> None:
        """The same outside of a pull: a question waits for the next one."""
        event = self._turn(turn)
        if event is not None:
            self._asked = None
            self._report(event)


_Decided = Callable[[ServerConnection, Question, Reply | None, bool], None]

_DECIDED: Final[dict[type, _Decided]] = {
    Connect: ServerConnection._decided_connect,
    Hello: ServerConnection._decided_hello,
    Mail: ServerConnection._decided_mail,
    Rcpt: ServerConnection._decided_rcpt,
    Data: ServerConnection._decided_data,
    EndOfMessage: ServerConnection._decided_message,
    Inquiry: ServerConnection._decided_inquiry,
}

#: Questions whose acceptance needs no look at anything else.
_PLAIN: Final = frozenset((Hello, Mail, Rcpt, Data, EndOfMessage))


def accept_all(connection: ServerConnection, event: ServerEvent) -> None:
    """Accept the event if it is a question: a whole policy for test harnesses and sinks."""
    if event is connection.question:
        connection.accept(connection.question)
