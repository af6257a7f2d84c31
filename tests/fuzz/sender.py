"""A client's application for fuzzing: sends at random, by hand or by the conveniences, and judges what comes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from smtpcore.addresses import Domain, ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, Hello, Inquiry, Mail, Noop, Quit, Rcpt, Reset
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.errors import LocalProtocolError, SyntaxProblem, TimedOut
from smtpcore.events import ClientEvent, Closed, Response, Step
from smtpcore.extensions.auth import AuthDialogue
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.starttls import StartTls
from smtpcore.parameters import Parameters
from smtpcore.report import Outcome, Report
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.sasl.factory import client_mechanism
from smtpcore.transaction import Transaction
from tests.fuzz.choices import Choices

#: Each line of a text begins with one of these, so that a reader of the wire tells text from commands.
BODIES = (
    b"Text one\r\n.Text two\r\n..\r\n.\r\nText\r\n",
    b"",
    b"Text without an end",
    b"Text \xc3\xa9\r\n" * 40,
    b".\r\n" * 20,
)
CREDENTIALS = ClientCredentials("user", "pencil", "token")
PATIENCE = 10_000
_LINE = re.compile(
    rb"(?:EHLO|HELO|LHLO|VRFY|EXPN|AUTH|BDAT) [!-~ ]+|MAIL FROM:<[!-~ ]*>[!-~ ]*|RCPT TO:<[!-~ ]+>[!-~ ]*"
    rb"|(?:HELP|NOOP)(?: [!-~ ]+)?|DATA|RSET|QUIT|STARTTLS|\*|[A-Za-z0-9+/]*=*"
)
_COMMANDS: Sequence[Callable[[], Command]] = (
    lambda: Mail(ReversePath.of("a@a.example")),
    lambda: Rcpt(ForwardPath.of("b@b.example")),
    Data,
    Reset,
    lambda: Noop("hello"),
    lambda: Inquiry("user", "VRFY"),
    lambda: Mail(ReversePath.of(""), Parameters((("SIZE", "1000"), ("BODY", "8BITMIME")))),
    lambda: Rcpt(ForwardPath.of("c@c.example"), Parameters((("NOTIFY", "NEVER"),))),
    StartTls,
    lambda: Hello(Domain("client.example"), "HELO"),
    Quit,
)


class Sender:
    """Drives one client to the end of its input."""

    def __init__(self, connection: ClientConnection, choices: Choices) -> None:
        self.connection = connection
        self.choices = choices
        self.events: list[ClientEvent] = []
        self.output = b""
        self.now = 0.0
        self.closed = False
        #: Commands went out that the delivery does not know of.
        self.meddled = False
        self.delivery: Delivery | None = None
        self.transaction: Transaction | None = None
        how = choices.below(4)
        if how < 2:
            self.delivery = self._delivery()
        elif how == 2:
            body = choices.pick(BODIES) if choices.chance(2) else None
            self.transaction = Transaction(
                connection, "a@a.example", ["b@b.example", "c@c.example", "b@b.example"], body=body, one_flight=True
            )

    def _delivery(self) -> Delivery:
        choices = self.choices
        login = Login(CREDENTIALS, nonce=b"bm9uY2U", clear_text=True, initial_response=choices.chance(2))
        messages = [
            Message(
                "a@a.example", ("b@b.example", "c@c.example")[: 1 + choices.below(2)], choices.pick((None, *BODIES))
            )
            for _ in range(1 + choices.below(3))
        ]
        return Delivery(
            self.connection,
            messages,
            tls=choices.pick(("none", "opportunistic", "required")),
            login=choices.pick((None, login)),
            chunking=choices.chance(2),
            chunk_size=choices.pick((None, 20)),
            one_flight=choices.chance(2),
        )

    # -- driving ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        self.connection.receive_data(data)
        self.pump()

    def finish(self) -> None:
        """The server is gone; everything comes to an end."""
        self.connection.receive_eof()
        self.pump()
        assert self.connection.next_step is Step.CLOSE, self.connection.next_step
        assert self.closed, "closed without an event that says so"
        assert self.connection.tick(self.now) == math.inf

    def pump(self) -> None:
        for _ in range(PATIENCE):
            for event in self.connection.events():
                self.take(event)
            self.output += self.connection.data_to_send()
            step = self.connection.next_step
            if step is Step.START_TLS:
                self.handshake()
            elif step is Step.DECIDE:
                self.speak()
            elif step is not Step.CONTINUE:
                if not self.disturb():
                    return
        raise AssertionError("the client goes on for ever")

    def handshake(self) -> None:
        if self.choices.chance(8):
            self.connection.tls_failed()
        else:
            self.connection.tls_started(verified=self.choices.chance(2))

    def speak(self) -> None:
        """The text is due."""
        body = self.choices.pick(BODIES)
        try:
            for piece in self.choices.pieces(body):
                self.connection.send_body(piece)
            self.connection.end_body()
        except LocalProtocolError as error:
            self.connection.abort(error)

    def disturb(self) -> bool:
        """What may happen at any moment; false when there is nothing more to do but wait."""
        what = self.choices.octet()
        if what > 250:
            self.now += self.choices.pick((0.0, 1.0, 61.0, 700.0))
            end = self.connection.tick(self.now)
            assert end == self.now or self.connection.tick(self.now) == end
            return self.connection.next_step is not Step.RECEIVE
        if what == 250:
            self.connection.abort()
            return True
        if what > 200 or (what and self.delivery is None and self.transaction is None):
            self.command()
            return True
        return False

    def command(self) -> None:
        """Any command, in or out of order: it is sent, or refused before anything of it is written."""
        self.meddled = True
        before = self.connection.outstanding
        number = self.choices.below(len(_COMMANDS) + 3)
        try:
            if number < len(_COMMANDS):
                self.connection.send(_COMMANDS[number]())
            elif number == len(_COMMANDS):
                self.connection.send(Bdat(4, self.choices.chance(2)), octets=b"Text")
            elif number == len(_COMMANDS) + 1:
                self.connection.start_chunks(Bdat)
            else:
                name = self.choices.pick(("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2"))
                mechanism = client_mechanism(name, CREDENTIALS, nonce=b"bm9uY2U")
                dialogue = AuthDialogue(mechanism, initial_response=self.choices.chance(2))
                self.connection.send(dialogue.command, dialogue=dialogue)
        except (LocalProtocolError, SyntaxProblem):
            assert self.connection.outstanding == before, "refused, and queued all the same"

    # -- events and the outcome ---------------------------------------------------------------------------------------

    def take(self, event: ClientEvent) -> None:
        assert not self.closed, f"{event!r} after the end"
        repr(event)
        self.events.append(event)
        if isinstance(event, Closed):
            self.closed = True
        handler = self.delivery or self.transaction
        if handler is None:
            return
        try:
            handler.handle(event)
        except (LocalProtocolError, SyntaxProblem):
            # Commands that nobody expected came in between, or the text must not go to this server.
            assert self.meddled or self.connection.state.name in ("DATA", "RCPT", "BDAT")
            self.connection.abort()

    def reports(self) -> tuple[Report, ...]:
        if self.delivery is not None:
            return self.delivery.reports
        return () if self.transaction is None else (self.transaction.report,)

    def check(self) -> None:
        """The wire is well-formed, and no report says more than the replies do."""
        ended = check_wire(self.output)
        positive = [event.reply for event in self.events if isinstance(event, Response) and event.reply.is_success]
        delivered = 0
        for report in self.reports():
            repr(report)
            for result in report:
                if result.outcome is Outcome.DELIVERED:
                    delivered += 1
                    assert result.reply in positive
                elif result.outcome is Outcome.UNKNOWN:
                    assert ended, "in doubt about a text that was never whole"
                    last = self.events[-1]
                    assert isinstance(last, Closed)
                elif result.reply is not None:
                    assert result.reply.is_negative
        assert not delivered or ended, "delivered a text that was never whole"
        if any(isinstance(event, Closed) and isinstance(event.error, TimedOut) for event in self.events):
            assert self.now > 0


def check_wire(output: bytes) -> int:
    """Judge what a client wrote: commands, texts and chunks, nothing else; gives the number of whole texts."""
    position = ended = 0
    text = False
    while position < len(output):
        end = output.find(b"\r\n", position)
        assert end >= 0, "half a line"
        line = output[position:end]
        position = end + 2
        assert b"\r" not in line, line
        assert b"\n" not in line, line
        if text:
            assert line.startswith((b"Text", b".")) or not line, line
            if line == b".":
                text = False
                ended += 1
            elif not line.startswith(b"Text"):
                assert line.startswith(b".."), line
            continue
        if line == b".":  # the empty text
            ended += 1
            continue
        if line.startswith((b"Text", b"..")):
            assert output[:position].count(b"DATA\r\n"), line
            text = True
            position -= len(line) + 2
            continue
        assert _LINE.fullmatch(line), line
        if line.startswith(b"BDAT "):
            words = line.split(b" ")
            position += int(words[1])
            ended += len(words) == 3
    return ended
