"""A server's application for fuzzing: decides at random, keeps an account of its own, and judges what the server says.

The account knows nothing of the library's states: what a transaction is follows from the questions and the answers
alone (RFC 5321 3.3, 4.1.4), so that a state that was not reset shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from smtpcore import replies
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Mail, Rcpt
from smtpcore.events import Body, Closed, Connect, Question, Refused, ServerEvent, Step, TransactionAborted
from smtpcore.extensions.auth import Auth, Authenticate
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.starttls import StartTls
from smtpcore.replies import Reply
from smtpcore.sasl.credentials import PasswordCredentials, SecretNeeded
from smtpcore.server import ServerConnection
from tests.fuzz.choices import Choices

_LATER, _NEVER = Reply(451, "Later", "4.3.0"), Reply(550, "No", "5.7.1")
_CLOSING = Reply(421, "Closing", "4.3.2")
#: Turns of the loop after which a connection that is fed nothing is taken to hang.
PATIENCE = 10_000


class Account:
    """What was agreed with the client, by the questions that were accepted."""

    def __init__(self) -> None:
        self.mail: Mail | None = None
        self.recipients: list[Rcpt] = []
        self.size = 0
        self.doomed = False  # EHLO was accepted: the next event says that the transaction is gone
        self.messages: list[tuple[Mail, list[Rcpt], bytes]] = []
        self.body: list[bytes] = []

    def forget(self) -> None:
        self.mail, self.recipients, self.body, self.size, self.doomed = None, [], [], 0, False


class Host:
    """Drives one server to the end of its input."""

    def __init__(self, connection: ServerConnection, choices: Choices, *, wild: bool = True) -> None:
        self.connection = connection
        self.choices = choices
        #: Also does what depends on the moment: time, 421 out of the blue, refusals in the middle of a text.
        self.wild = wild
        #: Says by itself how the TLS handshake went; without it somebody else does.
        self.plays_tls = True
        self.account = Account()
        self.events: list[ServerEvent] = []
        self.output = b""
        self.deferred: list[tuple[Question, Reply | None, Choices]] = []
        #: Questions so far: what is decided about one hangs on its number, not on how the octets were cut.
        self.asked = 0
        self.now = 0.0
        self.closed = False

    # -- driving ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Octets of the client; answers whatever is owed first, as a driver that heeds DECIDE does."""
        self.pump()
        while self.connection.next_step is Step.DECIDE:
            self.settle()
        self.connection.receive_data(data)
        self.pump()

    def finish(self) -> None:
        """The client is gone: answer all that is open, to the end."""
        self.pump()
        while self.deferred:
            self.settle()
        self.connection.receive_eof()
        self.pump()
        while self.connection.next_step is Step.DECIDE:
            self.settle()
        if self.connection.next_step is Step.START_TLS:
            self.connection.tls_failed()
            self.pump()
        assert self.connection.next_step is Step.CLOSE, self.connection.next_step
        assert self.closed, "closed without an event that says so"

    def pump(self) -> None:
        """Pull and send until there is nothing to do but wait."""
        for _ in range(PATIENCE):
            for event in self.connection.events():
                self.take(event)
            self.output += self.connection.data_to_send()
            step = self.connection.next_step
            if step is Step.START_TLS and self.plays_tls:
                self.handshake()
            elif step is not Step.CONTINUE:
                if self.wild:
                    self.disturb()
                if self.connection.next_step is not Step.CONTINUE:
                    return
        raise AssertionError("the server goes on for ever")

    def handshake(self) -> None:
        self.account.forget()
        if self.choices.chance(8):
            self.connection.tls_failed()
        else:
            self.connection.tls_started()

    def disturb(self) -> None:
        """What may happen at any moment."""
        what = self.choices.octet()
        if what > 252:
            self.connection.shut_down(_CLOSING if what == 255 else None)
            self.deferred.clear()
        elif what > 240:
            self.now += self.choices.pick((0.0, 1.0, 59.0, 301.0))
            end = self.connection.tick(self.now)
            assert end >= self.now
            assert end == self.now or self.connection.tick(self.now) == end, "telling the time twice does something"
            if self.connection.state.name == "CLOSED":
                self.deferred.clear()
        elif what > 230 and self.deferred:
            self.settle()

    def settle(self) -> None:
        """Answer one deferred question, any."""
        assert self.deferred, "the server waits for an answer to nothing"
        question, reply, choices = self.deferred.pop(self.choices.below(len(self.deferred)))
        self.answer(question, reply, choices)
        if reply is not None and reply.code == 421:
            self.deferred.clear()
        self.pump()

    # -- events -----------------------------------------------------------------------------------------------------

    def take(self, event: ServerEvent) -> None:
        assert not self.closed, f"{event!r} after the end"
        repr(event)
        self.events.append(event)
        account = self.account
        assert not account.doomed or isinstance(event, TransactionAborted), event
        if isinstance(event, Body):
            assert event.data
            assert account.mail is not None
            assert account.recipients
            account.body.append(event.data)
            account.size += len(event.data)
            if self.wild and self.choices.chance(16):
                self.connection.refuse_message(self.choices.pick((_LATER, _NEVER)))
        elif isinstance(event, TransactionAborted):
            assert account.mail is not None, "a transaction is gone that was not there"
            account.forget()
        elif isinstance(event, Closed):
            self.closed = True
            self.deferred.clear()  # 421 was the answer to all of them
        elif (question := self.connection.question) is not None and question is event:
            self.decide(question)
        else:
            assert isinstance(event, (Command, Refused)), event

    def decide(self, question: Question) -> None:
        account = self.account
        if isinstance(question, EndOfMessage):
            assert account.mail is not None
            assert account.recipients
            assert question.size == account.size, "the text is not what Body brought"
        elif isinstance(question, Rcpt):
            assert account.mail is not None or any(isinstance(each, Mail) for each, *_ in self.deferred)
        elif isinstance(question, (Data, Bdat)):
            assert account.recipients
        elif isinstance(question, Mail):
            assert account.mail is None
        choices = self.choices.at(self.asked)
        self.asked += 1
        reply = self.opinion(choices)
        if choices.chance(5) and not isinstance(question, Connect):
            self.connection.defer(question)
            self.deferred.append((question, reply, choices))
        else:
            self.answer(question, reply, choices)

    def opinion(self, choices: Choices) -> Reply | None:
        """A refusal, or `None` for yes."""
        number = choices.octet() % 24
        if number < 18:
            return None
        if number == 23 and self.wild:
            return _CLOSING
        return _LATER if number < 21 else _NEVER

    def answer(self, question: Question, reply: Reply | None, choices: Choices) -> None:
        connection = self.connection
        if isinstance(question, Authenticate):
            self.authenticate(question, reply, choices)
        elif isinstance(question, EndOfMessage) and connection.session.lmtp:
            self.answer_each(question, reply, choices)
        elif reply is not None:
            connection.reject(question, reply)
            if isinstance(question, EndOfMessage) and reply.code != 421:  # after 421 an event says it
                self.account.forget()
        elif isinstance(question, Auth) and choices.chance(3):
            connection.provide(question, None)
        else:
            connection.accept(question, self.sentence(question, choices))
            self.agreed(question)
        repr(connection.session.envelope)

    def sentence(self, question: Question, choices: Choices) -> Reply | None:
        if isinstance(question, Command) and question.verb == "EXPN":
            return Reply(250, ["<a@a.example>", "<b@b.example>"])
        if isinstance(question, Rcpt) and choices.chance(9):
            return Reply(251, "will forward to <\u00e9@d.example>", "2.1.5")
        return None

    def agreed(self, question: Question) -> None:
        account = self.account
        if isinstance(question, Mail):
            account.forget()
            account.mail = question
        elif isinstance(question, Rcpt):
            account.recipients.append(question)
        elif isinstance(question, EndOfMessage):
            assert account.mail is not None
            account.messages.append((account.mail, account.recipients, b"".join(account.body)))
            account.forget()
        elif isinstance(question, (Hello, StartTls)):
            account.doomed = account.mail is not None

    def answer_each(self, question: EndOfMessage, reply: Reply | None, choices: Choices) -> None:
        """LMTP: one reply for each recipient, together or one by one in any order."""
        envelope = self.connection.session.envelope
        assert envelope is not None
        recipients = list(envelope.recipients)  # in the order of the commands, whatever the order of the answers was
        assert sorted(map(id, recipients)) == sorted(map(id, self.account.recipients))
        answers = [reply if reply is not None else self.opinion(choices) for _ in recipients]
        answers = [_LATER if each is _CLOSING else each for each in answers]
        written = [replies.MESSAGE_ACCEPTED if each is None else each for each in answers]
        if choices.chance(2):
            self.connection.reply_each(question, written)
        else:
            order = list(range(len(recipients)))
            while order:
                at = order.pop(choices.below(len(order)))
                self.connection.reply_for(question, recipients[at], written[at])
        self.account.recipients = [each for each, no in zip(recipients, answers, strict=True) if no is None]
        if self.account.recipients:
            self.agreed(question)
        else:
            self.account.forget()

    def authenticate(self, question: Authenticate, reply: Reply | None, choices: Choices) -> None:
        credentials = question.credentials
        if isinstance(credentials, SecretNeeded):
            self.connection.provide(question, None if reply is not None else "secret")
        elif reply is not None:
            self.connection.reject(question, reply)
        elif isinstance(credentials, PasswordCredentials) and choices.chance(2):
            self.connection.provide(question, "somebody")
        else:
            self.connection.accept(question)


def merged(events: list[ServerEvent]) -> Iterator[ServerEvent]:
    """The events with the pieces of a text joined: how it was cut is not part of what happened."""
    body = b""
    for event in events:
        if isinstance(event, Body):
            body += event.data
            continue
        if body:
            yield Body(body)
            body = b""
        yield event
    if body:
        yield Body(body)


def check_output(output: bytes) -> list[bytes]:
    """The replies in what a server said; every octet belongs to a well-formed one (RFC 5321 4.2)."""
    found: list[bytes] = []
    start, code = 0, b""
    lines = output.split(b"\r\n")
    assert lines.pop() == b"", "half a reply"
    size = 0
    for line in lines:
        assert line[:1] in (b"2", b"3", b"4", b"5"), line
        assert line[:3].isdigit(), line
        assert line[3:4] in (b" ", b"-"), line
        assert code in (b"", line[:3]), "two codes in one reply"
        assert not any((octet < 32 and octet != 9) or octet == 127 for octet in line), line
        assert len(line) <= 510 or line[:3] in (b"334", b"250"), line
        size += len(line) + 2
        code = line[:3]
        if line[3:4] == b" ":
            found.append(output[start : start + size])
            start, size, code = start + size, 0, b""
    assert not code, "a reply without end"
    return found
