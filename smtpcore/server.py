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

#: Members of an enumeration are looked up slowly (CPython 3.11), and these for each message.
_MAIL, _RCPT, _DATA = State.MAIL, State.RCPT, State.DATA


class ServerConnection(Intake):
    """One client's conversation, seen from the server.

    `hostname` begins the greeting; `extensions` are what EHLO offers (any iterable, or a prepared `ExtensionSet`;
    without it all that need neither certificates nor accounts);
    `newlines` says what becomes of a bare CR or LF in a text; `rcpt_window` how many recipients may be deferred at
    once; `ask` names which of VRFY, EXPN and HELP the application answers; `tls` says that the transport was
    protected before the first octet (RFC 8314 3); `strict_replies` refuses, from the application, replies with codes
    that are not listed for the command (RFC 5321 4.3.2).  `settings` replaces all but `tls` and saves time per
    connection.

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
        strict_replies: bool = False,
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
            strict_replies=strict_replies,
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
        elif question is self._asked:
            usual = _USUAL.get(question.__class__)
            if usual is not None:
                self._asked = None  # the common case, by the shortest way
                usual(self, question, None, True)
                return
        self._decide(question, reply, True)

    def reject(self, question: Question, reply: Reply) -> None:
        """Answer no with a 4yz or 5yz reply; 421 closes the connection as well (RFC 5321 3.8).

        Raises `LocalProtocolError` when this is not the question that waits, or when the reply says yes.
        """
        if not reply.is_negative:
            raise LocalProtocolError(f"reject() wants a 4yz or 5yz reply, not {reply.code}; use accept() to agree")
        if reply.code == 421:
            self._slot_of(question)
            self.shut_down(reply)
            return
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
        self._slot_of(question)
        verb = self._dialogue_verb(question)
        if verb is not None:
            turn = self._begin_dialogue(question, verb, value)
        elif isinstance(question, Query) and self._dialogue is not None:
            turn = self._dialogue.provide(value)
        else:
            name = type(question).__name__
            raise LocalProtocolError(f"provide() is for AUTH and the questions inside it: accept() or reject() {name}")
        self._turn_later(turn)

    def reply_each(self, question: EndOfMessage, answers: Sequence[Reply]) -> None:
        """LMTP: answer the end of a message with one reply for each accepted recipient, in their order.

        A 421 stands for itself and all behind it, and closes (RFC 5321 3.8).
        """
        if not self._session.lmtp:
            raise LocalProtocolError("reply_each() is for LMTP; SMTP has one reply for all: accept() or reject()")
        self._slot_of(question)
        if question.__class__ is not EndOfMessage:
            raise LocalProtocolError(f"reply_each() answers the end of a message, not {type(question).__name__}")
        if len(answers) != self._arity():
            raise LocalProtocolError(f"reply_each() wants {self._arity()} replies, one for each accepted recipient")
        for reply in answers:
            self._check_final(question, reply)
        last = next((index for index, reply in enumerate(answers) if reply.code == 421), None)
        self._settle()
        self._end_message(answers if last is None else answers[: last + 1])
        self._end_transaction()
        if last is not None:
            self._close_for(None)

    def reply_for(self, question: EndOfMessage, recipient: Rcpt, reply: Reply) -> None:
        """LMTP: answer for one recipient, in any order; each reply leaves as soon as those before it have left.

        A 421 stands for all that were not sent yet, and closes (RFC 5321 3.8).
        """
        envelope = self._session.envelope
        if not self._session.lmtp or envelope is None or question.__class__ is not EndOfMessage:
            raise LocalProtocolError("reply_for() answers the end of an LMTP message")
        self._check_final(question, reply)
        if question is not self._undelivered:
            self._slot_of(question)
            self._settle()
            self._undelivered = question
            self._slots = Slots()
            for each in envelope.recipients:
                self._slots.open(each)
        slot = self._slots.find(recipient) if self._slots is not None else None
        if slot is None:
            raise LocalProtocolError("that recipient was answered already, or was never accepted")
        if reply.code == 421:
            self.shut_down(reply)
            return
        slot.wire = self._wire(reply)
        self._flush_slots()

    def refuse_message(self, reply: Reply) -> None:
        """Refuse the message that is coming in: the rest is read and dropped, then this 4yz or 5yz goes out."""
        reception = self._reception
        if reception is None:
            raise LocalProtocolError("refuse_message() works while a message comes in: between DATA and its end")
        if not reply.is_negative:
            raise LocalProtocolError(f"refuse_message() wants a 4yz or 5yz reply, not {reply.code}")
        if reply.code == 421:
            raise LocalProtocolError("421 closes, so there is no rest to read: use shut_down()")
        if reception.whole:
            raise LocalProtocolError("the message is whole: answer EndOfMessage with reject()")
        self._check_listed(".", reply)
        if reception.verdict is None:
            reception.verdict = Verdict(Reason.REFUSED, reply)

    def shut_down(self, reply: Reply | None = None) -> None:
        """Close with 421: at once, also as the answer to every question that is open (RFC 5321 3.8).

        Raises `LocalProtocolError` for a reply with another code.
        """
        if reply is not None and reply.code != 421:
            raise LocalProtocolError(f"shut_down() says 421, not {reply.code}")
        if self._state is State.CLOSED:
            return
        if self._state is State.TLS:
            self._close_for(None)
            return
        owed = self._asked if self._asked is not None or not self._slots else self._slots.unfilled()[0]
        plain = self._state is State.CONNECTED or isinstance(owed, Hello)
        reply = reply or replies.unavailable(self._settings.hostname)
        self._shut(reply, Reason.SHUT_DOWN, None, plain=plain)

    def tls_started(self) -> None:
        """The TLS handshake is done: everything known of the client is forgotten (RFC 3207 4.2)."""
        self._must_be(State.TLS, "tls_started() is for the step START_TLS, after a StartTls question was accepted")
        self._session = self._new_session(True)
        self._state = State.FRESH
        self._starved = True

    def tls_failed(self) -> None:
        """The TLS handshake failed: the connection is of no more use (RFC 3207 4.1)."""
        self._must_be(State.TLS, "tls_failed() is for the step START_TLS, after a StartTls question was accepted")
        self._close_for(RemoteProtocolError("the TLS handshake failed"))

    # --- questions and their places -------------------------------------------------------------------------------

    def _slot_of(self, question: Question) -> Slot[Question] | None:
        """The place of the reply when the question was deferred; raises unless the question waits."""
        if question is self._asked:
            return None
        slot = self._slots.find(question) if self._slots is not None else None
        if slot is None:
            raise LocalProtocolError(
                f"this {type(question).__name__} does not wait for an answer: it was answered already, is news, or is "
                "an equal value but not the one that was handed out"
            )
        return slot

    def _settle(self) -> None:
        """The question leaves the table.  Anything but RCPT is deferred alone, so that its slot is the only one."""
        self._asked = None
        self._slots = None

    def _check_listed(self, verb: str, reply: Reply) -> None:
        listed = self._settings.listed
        if listed is not None and reply.code not in listed.get(verb, (reply.code,)):
            codes = ", ".join(map(str, sorted(listed[verb])))
            raise LocalProtocolError(f"{reply.code} is not listed for {verb} (RFC 5321 4.3.2): {codes}")

    def _check_final(self, question: Question, reply: Reply) -> None:
        if reply.is_intermediate:
            raise LocalProtocolError(f"the end of a message is answered with 2yz, 4yz or 5yz, not {reply.code}")
        self._check_listed(question.verb if isinstance(question, Command) else "", reply)

    def _check_reply(self, question: Question, reply: Reply | None, positive: bool) -> None:
        """Whether this reply can be given to this question, before anything changes."""
        if positive and self._session.envelope is None:
            verb = self._settings.extensions.verbs.get(question.verb) if isinstance(question, Command) else None
            if verb is not None and verb.octets is not None:
                raise LocalProtocolError(
                    f"the octets of {verb.name} are content, and no transaction is open: reject it"
                )
        if reply is None:
            if isinstance(question, Inquiry) and question.about == "EXPN":
                raise LocalProtocolError("accept() of EXPN needs the reply with the members of the list")
            return
        if isinstance(question, Command):
            verb = self._settings.extensions.verbs.get(question.verb)
            if positive and verb is not None and verb.dialogue is not None:
                raise LocalProtocolError(f"accept() begins the exchange of {verb.name}; its reply comes at its end")
            if positive and verb is not None and verb.layer and reply.code != 220:
                raise LocalProtocolError(f"{verb.name} is accepted with 220 and nothing else (RFC 3207 4)")
            if positive and verb is not None and verb.octets is not None:
                raise LocalProtocolError(f"accept() lets the octets of {verb.name} in; its reply comes behind them")
            self._check_listed(question.verb, reply)
        elif isinstance(question, Connect):
            self._check_listed("CONNECT", reply)

    def _dialogue_verb(self, question: Question) -> Verb | None:
        """The declaration of a command that begins a dialogue, `None` for everything else."""
        verb = self._settings.extensions.verbs.get(question.verb) if isinstance(question, Command) else None
        return verb if verb is not None and verb.dialogue is not None else None

    # --- what each answer does ------------------------------------------------------------------------------------

    def _decide(self, question: Question, reply: Reply | None, positive: bool) -> None:
        slot = self._slot_of(question)
        self._check_reply(question, reply, positive)
        if isinstance(question, Query):
            assert self._dialogue is not None
            self._turn_later(self._dialogue.answer(positive, reply))
            return
        verb = self._dialogue_verb(question)
        if positive and verb is not None:
            self._turn_later(self._begin_dialogue(question, verb, None))
            return
        if slot is not None and isinstance(question, Rcpt):
            slot.wire = self._wire(reply or replies.RECIPIENT_OK)
            slot.positive = positive
            self._flush_slots()
            return
        if question is self._asked:
            self._asked = None
        else:
            self._slots = None
        decided = _DECIDED.get(question.__class__, ServerConnection._decided_verb)
        decided(self, question, reply, positive)

    def _flush_slots(self) -> None:
        self._progress += 1  # the client waited for us, not we for it
        assert self._slots is not None
        for slot in self._slots.ready():
            assert slot.wire is not None
            self._out.append(slot.wire)
            if self._undelivered is None and isinstance(slot.key, Rcpt):
                self._count_recipient(slot.key, slot.positive)
        if self._undelivered is not None and not self._slots:
            self._undelivered = None
            self._message_over()
            self._end_transaction()

    def _count_recipient(self, rcpt: Rcpt, positive: bool) -> None:
        envelope = self._session.envelope
        assert envelope is not None
        if positive:
            envelope.recipients.append(rcpt)
            self._state = _RCPT
        else:
            envelope.refused += 1

    def _decided_connect(self, question: Question, reply: Reply | None, positive: bool) -> None:
        if reply is not None and reply.code == 521:
            self._refusal = reply  # RFC 7504 3: the same to everything but QUIT
        self._move("CONNECT", positive)
        self._hold = True
        early = len(self._buffer) and not self._settings.early_talk
        if positive and early:
            # RFC 5321 4.3.1: the client waits for the greeting; one that does not is a worm, or a smuggler.
            reply = replies.SYNC_ERROR
        if reply is None:
            self._out.append(self._settings.usual.greeting)
        else:
            self._write_plain(reply)
        if early:
            self._close_for(RemoteProtocolError("the client spoke before the greeting"))

    def _decided_hello(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Hello)
        again = self._session.hello is not None
        session = self._session
        if positive:
            if session.envelope is not None:
                self._abort(Reason.HELLO)
            session.hello = question
            if session.notes is not None:
                session.forget(ResetKind.HELLO)
        if reply is None:
            self._out.append(self._settings.hello_reply(question.hello, session).to_bytes(enhanced=False))
        else:
            self._write_plain(reply)
        self._move(question.hello, positive)
        self._hold = True
        if positive and again:
            self._count_junk()

    def _decided_mail(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Mail)
        self._out.append(self._settings.usual.sender if reply is None else self._wire(reply))
        if positive:
            self._session.envelope = Envelope(question)
            self._state = _MAIL

    def _decided_rcpt(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Rcpt)
        slots = self._slots
        if slots:  # behind recipients that were deferred: counted in their order, too (RFC 2033 4.2)
            slots.open(question)
            slot = slots.find(question)
            assert slot is not None
            slot.wire = self._wire(reply or replies.RECIPIENT_OK)
            slot.positive = positive
            return
        self._out.append(self._settings.usual.recipient if reply is None else self._wire(reply))
        self._count_recipient(question, positive)

    def _decided_data(self, question: Question, reply: Reply | None, positive: bool) -> None:
        settings = self._settings
        self._out.append(settings.usual.text if reply is None else self._wire(reply))
        self._hold = True
        if positive:
            self._reception = Reception.dotted(settings.message_limit, settings.newlines, settings.limits.text_line)
            self._state = _DATA

    def _decided_message(self, question: Question, reply: Reply | None, positive: bool) -> None:
        if reply is None and not self._session.lmtp:
            self._out.append(self._settings.usual.message)
            self._message_over()
        else:
            self._end_message([reply or replies.MESSAGE_ACCEPTED] * self._arity())
        self._end_transaction()

    def _decided_inquiry(self, question: Question, reply: Reply | None, positive: bool) -> None:
        assert isinstance(question, Inquiry)
        reply = reply or (replies.CANNOT_VERIFY if question.about == "VRFY" else self._settings.help)
        utf8 = self._settings.extensions.utf8_replies(question)
        if not utf8 and reply.ascii_only() is not reply:  # RFC 6531 3.7.4.2
            reply = _NO_UTF8_HERE if positive else replies.UTF8_REPLY_REQUIRED
        self._out.append(self._wire(reply, utf8))
        self._hold = True
        self._count_junk()

    def _decided_verb(self, question: Question, reply: Reply | None, positive: bool) -> None:
        """A verb of an extension, by its declaration."""
        assert isinstance(question, Command)
        verb = self._settings.extensions.verbs[question.verb]
        if verb.octets is not None:
            self._decided_chunk(question, verb, reply, positive)
            return
        if positive and verb.layer:
            self._start_layer(reply or replies.READY_FOR_TLS)
            return
        self._write(reply or replies.OK)
        self._move(verb.name, positive)
        self._hold = self._hold or verb.last

    def _start_layer(self, reply: Reply) -> None:
        """220 and TLS, unless octets came behind STARTTLS: those would be read as if they had been protected."""
        if len(self._buffer):
            error = RemoteProtocolError("plaintext between STARTTLS and the TLS handshake")
            self._shut(replies.unavailable(self._settings.hostname, "Plaintext after STARTTLS"), Reason.TLS, error)
            return
        self._write(reply)
        self._state = State.TLS

    def _decided_chunk(self, question: Command, verb: Verb, reply: Reply | None, positive: bool) -> None:
        assert verb.octets is not None
        if not positive:
            assert reply is not None
            self._refuse_chunk(question, verb, reply)
            return
        envelope = self._session.envelope
        assert envelope is not None  # it was looked at before anything changed
        envelope.chunks += 1
        limit = self._settings.limits.chunks
        if limit is not None and envelope.chunks > limit:
            self._give_up("too many chunks")
            return
        if self._reception is None:
            settings = self._settings
            binary = settings.extensions.binary(envelope.mail)
            self._reception = Reception.chunked(
                settings.message_limit, settings.newlines, settings.limits.text_line, binary=binary
            )
        self._reception.begin_chunk(verb.octets(question))
        if self._reception.verdict is not None and verb.octets(question) > self._settings.limits.swallow:
            self._refuse_and_close(question.to_bytes()[:-2], self._reception.verdict.reply, "the chunk is too large")
            return
        self._chunk = (question, verb)

    def _begin_dialogue(self, question: Question, verb: Verb, value: object) -> Turn:
        assert verb.dialogue is not None
        assert isinstance(question, Command)
        dialogue = verb.dialogue(question, self._session, self._settings.extensions.owner(verb.name))
        turn = dialogue.begin(value)
        self._dialogue = dialogue
        return turn

    def _turn_later(self, turn: Turn) -> None:
        """One step of a dialogue, outside of a pull: a question of it waits for the next one."""
        self._settle()
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
_USUAL: Final[dict[type, _Decided]] = {
    kind: _DECIDED[kind] for kind in (Connect, Hello, Mail, Rcpt, Data, EndOfMessage)
}


#: To VRFY and EXPN when the answer needs UTF-8 that the client did not allow (RFC 6531 3.7.4.2).
_NO_UTF8_HERE: Final = Reply(252, replies.CANNOT_VERIFY.lines, "2.6.8")


def accept_all(connection: ServerConnection, event: ServerEvent) -> None:
    """Accept the event if it is a question: a whole policy for test harnesses and sinks."""
    asked = connection._asked
    if asked is event and asked is not None:
        connection.accept(asked)
