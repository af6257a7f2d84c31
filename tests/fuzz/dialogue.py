"""Our client and our server over a line that cuts, delays and breaks, and what each of them says of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from smtpcore.client import ClientConnection
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.errors import LocalProtocolError
from smtpcore.events import ClientEvent, Closed, SendBody, Step
from smtpcore.report import Outcome, Report
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.server import ServerConnection
from tests.fuzz.choices import Choices
from tests.fuzz.host import Host

#: Turns after which two ends that still wait for each other are taken to hang.
PATIENCE = 20_000
LOGIN = Login(ClientCredentials("user", "pencil"), nonce=b"bm9uY2U", clear_text=True)


class Courier:
    """The client's side: one delivery, the text given in pieces where it was not given beforehand."""

    def __init__(
        self, connection: ClientConnection, delivery: Delivery, texts: Sequence[bytes], choices: Choices
    ) -> None:
        self.connection = connection
        self.delivery = delivery
        self.texts = texts
        self.choices = choices
        self.events: list[ClientEvent] = []
        self.closed = False
        self.aborted = False

    def pump(self) -> bytes:
        """Pull events, hand them to the delivery; gives what is to be sent."""
        output = b""
        for _ in range(PATIENCE):
            for event in self.connection.events():
                assert not self.closed
                self.events.append(event)
                self.closed = isinstance(event, Closed)
                self.delivery.handle(event)
                if isinstance(event, SendBody) and self.connection.next_step is Step.DECIDE:
                    self.speak()
            output += self.connection.data_to_send()
            if self.connection.next_step is not Step.CONTINUE:
                return output
        raise AssertionError("the client goes on for ever")

    def speak(self) -> None:
        message = self.delivery.current
        assert message is not None
        try:
            for piece in self.choices.pieces(self.texts[int(str(message.sender)[1])]):
                self.connection.send_body(piece)
            self.connection.end_body()
        except LocalProtocolError as error:
            self.aborted = True
            self.connection.abort(error)


class Line:
    """What is between the two ends: octets on their way, and the accidents that happen to them."""

    def __init__(self, courier: Courier, host: Host, choices: Choices, *, accidents: bool) -> None:
        self.courier = courier
        self.host = host
        host.plays_tls = False
        self.choices = choices
        self.accidents = accidents
        self.to_server = b""
        self.to_client = b""
        self.read = 0  # octets of the server's output that were taken
        self.broken = False
        self.now = 0.0

    def run(self) -> None:
        """Until both ends are closed."""
        for _ in range(PATIENCE):
            self.gather()
            if self.courier.closed and self.host.closed:
                return
            self.turn()
        raise AssertionError("the two ends wait for each other for ever")

    def gather(self) -> None:
        """Take what the ends want to send; what a broken line is given is lost."""
        self.to_server += self.courier.pump()
        self.host.pump()
        self.to_client += self.host.output[self.read :]
        self.read = len(self.host.output)
        if self.broken:
            self.to_server = self.to_client = b""

    def turn(self) -> None:
        accident = self.choices.octet() if self.accidents else 0
        if accident == 255 and not self.broken:
            self.to_server = self.to_server[: self.choices.below(len(self.to_server) + 1)]
            self.to_client = self.to_client[: self.choices.below(len(self.to_client) + 1)]
            self.deliver(len(self.to_server), len(self.to_client))
            self.broken = True
        elif accident > 248:
            self.now += self.choices.pick((1.0, 61.0, 181.0, 601.0))
            self.courier.connection.tick(self.now)
            self.host.connection.tick(self.now)
        elif accident > 128:
            self.deliver(self.choices.octet() % 30, self.choices.octet() % 30)
        else:
            self.deliver(len(self.to_server), len(self.to_client))

    def deliver(self, up: int, down: int) -> None:
        """Carry so many octets each way; where nothing is left and the other end is gone, the end of input."""
        client, server = self.courier.connection, self.host.connection
        if client.next_step is Step.START_TLS and server.next_step is Step.START_TLS:
            server.tls_started()
            client.tls_started(verified=True)
            self.host.account.forget()
            return
        if server.next_step is Step.DECIDE or (self.host.deferred and not self.to_server):
            self.host.settle()
        elif server.next_step is Step.RECEIVE and self.to_server:
            server.receive_data(self.to_server[:up] or self.to_server[:1])
            self.to_server = self.to_server[max(up, 1) :]
        elif not self.to_server and (self.broken or self.courier.closed):
            self.gone(server)
        if self.to_client and client.next_step is not Step.DECIDE:
            client.receive_data(self.to_client[:down] or self.to_client[:1])
            self.to_client = self.to_client[max(down, 1) :]
        elif not self.to_client and (self.broken or self.host.closed):
            self.gone(client)

    def gone(self, end: ClientConnection | ServerConnection) -> None:
        if end.next_step is Step.START_TLS:
            end.tls_failed()
        else:
            end.receive_eof()


def check(line: Line, messages: Sequence[Message], expected: Sequence[frozenset[bytes]]) -> None:
    """Both ends say the same of every message, or the report says that nobody knows."""
    taken: dict[tuple[str, str], int] = {}
    for mail, recipients, body in line.host.account.messages:
        sender = str(mail.path)
        number = int(sender[2])
        assert f"<{messages[number].sender}>" == sender
        assert body in expected[number], (body, expected[number])
        for recipient in recipients:
            key = (sender, str(recipient.path))
            taken[key] = taken.get(key, 0) + 1
    for message, report in zip(messages, line.courier.delivery.reports, strict=True):
        _compare(line, message, report, taken)
    assert not taken, f"taken, and never sent: {taken}"


def _compare(line: Line, message: Message, report: Report, taken: dict[tuple[str, str], int]) -> None:
    lmtp = line.courier.connection.session.lmtp
    closed = line.courier.events[-1]
    assert isinstance(closed, Closed)
    for result in report:
        here = taken.pop((f"<{message.sender}>", str(result.recipient)), 0)
        assert here <= 1, "one message was taken twice"
        if result.outcome is Outcome.DELIVERED:
            assert here == 1, f"{result} but the server did not take it"
        elif result.outcome is Outcome.UNKNOWN:
            assert closed.error is not None, "nothing went wrong, and yet nobody knows"
        elif not (lmtp and closed.error is not None and result.reply is None):
            # RFC 2033 5: LMTP tries again what has no reply yet.
            assert here == 0, f"{result} but the server took it"
        if result.outcome is not Outcome.DELIVERED:
            assert report.error or report.delivered
