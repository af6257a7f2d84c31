"""Replies and commands stay paired: whatever is pipelined, however the answers are delayed and the octets cut."""

from __future__ import annotations

import random

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import NOT_SENT, ClientConnection
from smtpcore.commands import Command, Data, Inquiry, Mail, Noop, Rcpt, Reset
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Closed, Response, SendBody, Step
from smtpcore.extensions.known import KNOWN
from smtpcore.limits import Limits
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.transaction import Transaction
from tests.fuzz.choices import Choices
from tests.fuzz.host import Host, check_output

_LIMITS = Limits(errors=None, junk=None)
_EXTENSIONS = tuple(each for each in KNOWN if each.keyword not in ("STARTTLS", "AUTH", "REQUIRETLS"))
_SERVERS = tuple(
    ServerSettings(
        "mx.example", extensions=_EXTENSIONS, limits=_LIMITS, rcpt_window=window, ask=("VRFY", "EXPN"), lmtp=lmtp
    )
    for window in (1, 4, 100)
    for lmtp in (False, True)
)
_TEXTS = (b"x\r\n.\r\n", b".\r\n", b"RSET\r\nQUIT\r\n..\r\n.\r\n", b"bare\nnewline\r\n.\r\n")


def script(chance: random.Random, lmtp: bool) -> list[bytes]:
    """Commands in and out of order, well-formed or not; each with the octets that belong to it."""
    hello = b"LHLO" if lmtp else b"EHLO"
    steps = [b"%s c%d.example\r\n" % (hello, chance.randrange(9))]
    for number in range(chance.randrange(4, 24)):
        address = b"<a%d@a.example>" % number
        steps.append(
            chance.choice(
                (
                    *(b"MAIL FROM:" + address + b"\r\n", b"MAIL FROM:" + address + b" SIZE=10 BODY=8BITMIME\r\n") * 2,
                    *(b"RCPT TO:" + address + b"\r\n",) * 6,
                    *(b"DATA\r\n",) * 3,
                    b"BDAT 7\r\nNOOP\r\n.",
                    b"BDAT 6 LAST\r\nQUIT\r\n",
                    b"BDAT 0 LAST\r\n",
                    b"RSET\r\n",
                    b"NOOP\r\n",
                    b"VRFY u%d\r\n" % number,
                    b"EXPN u%d\r\n" % number,
                    b"HELP\r\n",
                    hello + b" again.example\r\n",
                    b"RCPT TO:<broken\r\n",
                    b"MAIL FROM:" + address + b" UNKNOWN=1\r\n",
                    b"XYZZY\r\n",
                    b"NOOP " + b"x" * 3000 + b"\r\n",
                )
            )
        )
    return steps


def one_by_one(settings: ServerSettings, steps: list[bytes], decisions: bytes) -> tuple[Host, bytes]:
    """Lock-step: each command waits for its reply; gives what was said, and what would be pipelined."""
    host = Host(ServerConnection(settings=settings), Choices(decisions), wild=False)
    host.pump()
    wire, chance = b"", random.Random(decisions)
    for step in steps:
        octets = step
        before = len(host.output)
        envelope = host.connection.session.envelope
        accepted = 0 if envelope is None else len(envelope.recipients)
        answer(host, step)
        replies = check_output(host.output[before:])
        # RFC 2033 4.3: in a transaction the last chunk gets one reply for each recipient, none when there is none.
        last = step.startswith(b"BDAT") and b"LAST" in step and settings.lmtp and envelope is not None
        assert len(replies) == (accepted if last else 1), (step, replies)
        if replies and replies[0].startswith(b"354"):
            text = chance.choice(_TEXTS)
            octets += text
            before = len(host.output)
            answer(host, text)
            assert len(check_output(host.output[before:])) == (accepted if settings.lmtp else 1), text
        wire += octets
    host.finish()
    return host, wire


def answer(host: Host, octets: bytes) -> None:
    host.feed(octets)
    while host.deferred:
        host.settle()


def check(number: int) -> None:
    chance = random.Random(number)
    for _ in range(number):
        settings = chance.choice(_SERVERS)
        decisions = chance.randbytes(chance.choice((0, 64, 200)))
        slow, wire = one_by_one(settings, script(chance, settings.lmtp), decisions)
        fast = Host(ServerConnection(settings=settings), Choices(decisions), wild=False)
        fast.pump()
        for piece in Choices(chance.randbytes(100)).pieces(wire):
            fast.feed(piece)
            if fast.deferred and chance.random() < 0.3:
                fast.settle()
        fast.finish()
        assert fast.output == slow.output, wire
        assert [str(mail) for mail, *_ in fast.account.messages] == [str(mail) for mail, *_ in slow.account.messages]


@pytest.mark.rule("S-SES-06", "S-DATA-15", "X-LMTP-05", "X-LMTP-07", "X-LMTP-08", "X-LMTP-14")
def test_pipelined_is_lock_step_whatever_is_delayed() -> None:
    check(300)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_pipelined_is_lock_step_in_a_hundred_thousand_scripts() -> None:
    check(100_000)


# -- the client --------------------------------------------------------------------------------------------------------


class Numbered:
    """A server that numbers its replies by the commands as it read them."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.input = b""
        self.lines: list[bytes] = []
        self.text = False

    def replies(self, octets: bytes) -> bytes:
        """What it says to these octets, all at once."""
        self.input += octets
        said = b""
        while b"\r\n" in self.input:
            line, _, self.input = self.input.partition(b"\r\n")
            if self.text:
                self.text = line != b"."
                if not self.text:
                    said += self.reply(b".", (b"250", b"550", b"451"))
            elif line.startswith(b"BDAT "):
                size = int(line.split(b" ")[1])
                self.input = self.input[size:]
                said += self.reply(line, (b"250", b"250", b"250", b"552"))
            elif line == b"DATA":
                said += self.reply(line, (b"354", b"354", b"354", b"503"))
                self.text = said.endswith(b"354 %d\r\n" % (len(self.lines) - 1))
            else:
                said += self.reply(line, (b"250", b"250", b"250", b"550", b"452"))
        return said

    def reply(self, line: bytes, codes: tuple[bytes, ...]) -> bytes:
        self.lines.append(line)
        code, number = self.chance.choice(codes), len(self.lines) - 1
        lines = b"".join(b"%s-%d\r\n" % (code, number) for _ in range(self.chance.choice((0, 0, 0, 2))))
        return lines + b"%s %d\r\n" % (code, number)


def commands(chance: random.Random) -> list[list[Command]]:
    """Groups that an application may queue together: whole transactions, and what stands between them."""
    found: list[list[Command]] = []
    for number in range(chance.randrange(1, 7)):
        rcpts = [Rcpt(ForwardPath.of(f"r{number}.{each}@b.example")) for each in range(chance.randrange(1, 4))]
        mail = Mail(ReversePath.of(f"a{number}@a.example"))
        groups: list[list[Command]] = [
            [mail, *rcpts, Data()],
            [Reset(), mail, *rcpts, Data()],
            [mail, *rcpts, Reset()],
            [Noop(str(number))],
            [Inquiry(f"u{number}", "VRFY"), Noop()],
        ]
        found.append(chance.choice(groups))
    return found


def talk(chance: random.Random) -> None:
    offers = chance.choice((b"250 mx\r\n", b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"))
    client, peer = ClientConnection("c.example"), Numbered(chance)
    client.receive_data(b"220 mx\r\n")
    queue = commands(chance)
    waiting = b""
    answered: list[Command] = []
    for _ in range(10_000):
        for event in client.events():
            assert not isinstance(event, Closed), event
            if isinstance(event, SendBody):
                client.send_body(b"x\r\n..\r\n")
                client.end_body(b"RSET\r\n")
            elif isinstance(event, Response) and event.command.verb != "EHLO" and event.reply is not NOT_SENT:
                answered.append(event.command)
                line = peer.lines[int(event.reply.lines[0])]
                wanted = b"." if event.command.verb == "." else event.command.to_bytes()[:-2]
                assert line == wanted, (line, wanted)
                assert len(answered) - 1 == int(event.reply.lines[-1]), "a reply too many or too few"
        output = client.data_to_send()
        if output.startswith(b"EHLO"):
            waiting += offers
        else:
            waiting += peer.replies(output)
        if queue and client.state.name != "CONNECTED" and client.session.hello and chance.random() < 0.5:
            try:
                client.send_all(queue[0])
                queue.pop(0)
            except LocalProtocolError:  # out of sequence: something was refused before
                if client.planned_state.name in ("MAIL", "RCPT"):
                    client.send(Reset())
        elif waiting and not output:
            size = chance.choice((1, 5, len(waiting)))
            client.receive_data(waiting[:size])
            waiting = waiting[size:]
        elif not (waiting or output or queue) and client.next_step is Step.RECEIVE:
            break
    assert not client.outstanding
    assert len(answered) == len(peer.lines)


def test_every_reply_finds_its_command() -> None:
    chance = random.Random(1)
    for _ in range(400):
        talk(chance)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_every_reply_finds_its_command_in_a_hundred_thousand_sessions() -> None:
    chance = random.Random(2)
    for _ in range(100_000):
        talk(chance)


def refused_reset(offers: bytes) -> bytes:
    """What a client writes for two messages when the recipients of the first and RSET are refused."""
    client = ClientConnection("c.example")
    first = Transaction(client, "first@a.example", ["r@b.example"], body=b"one\r\n")
    second = Transaction(client, "second@a.example", ["s@b.example"], body=b"two\r\n")
    answers = {
        b"EHLO": offers,
        b"RCPT TO:<r": b"550 no\r\n",
        b"RSET": b"451 not now\r\n",
        b"MAIL FROM:<second": b"503 nested\r\n",
    }
    wire, said = b"", b"220 mx\r\n"
    for _ in range(12):
        client.receive_data(said) if said else None
        for event in client.events():
            first.handle(event)
            if second.started:
                second.handle(event)
            elif first.done:
                second.start()
        output = client.data_to_send()
        wire += output
        said = b""
        for line in output.splitlines():
            default = (
                b"" if line == b"two" else b"503 no\r\n" if line == b"DATA" and b"s@b" not in wire else b"250 ok\r\n"
            )
            default = b"354 go\r\n" if line == b"DATA" and b"s@b" in wire else default
            said += next((answer for start, answer in answers.items() if line.startswith(start)), default)
    assert not second.report.delivered
    return wire


@pytest.mark.parametrize("offers", [b"250 mx\r\n", b"250-mx\r\n250 PIPELINING\r\n"])
def test_a_text_never_goes_out_under_the_sender_of_another_message(offers: bytes) -> None:
    wire = refused_reset(offers)
    assert b"first@a.example" in wire
    assert b"RSET" in wire
    assert b"two" not in wire


def test_recipients_of_a_mail_that_was_not_sent_are_not_sent_either() -> None:
    """Queued behind a transaction that fails, the next one must not end up in it."""
    client = ClientConnection("c.example")
    for said in (b"220 mx\r\n", b"250 mx\r\n"):
        client.receive_data(said)
        assert list(client.events())
        client.data_to_send()
    queued: list[Command] = [
        Mail(ReversePath.of("first@a.example")),
        Rcpt(ForwardPath.of("r@b.example")),
        Reset(),
        Mail(ReversePath.of("second@a.example")),
        Noop("between"),
        Rcpt(ForwardPath.of("s@b.example")),
        Data(),
    ]
    client.send_all(queued)
    wire, responses = b"", list[Response]()
    for answer in (b"250 ok\r\n", b"250 ok\r\n", b"451 reset fails\r\n", b"250 ok\r\n"):
        wire += client.data_to_send()
        client.receive_data(answer)
        responses += [event for event in client.events() if isinstance(event, Response)]
    assert b"second" not in wire
    assert b"s@b.example" not in wire
    assert b"DATA" not in wire
    assert wire.endswith(b"NOOP between\r\n")
    assert [response.command for response in responses] == queued
    assert [response.reply == NOT_SENT for response in responses] == [False, False, False, True, False, True, True]


def test_what_belongs_to_the_next_transaction_is_sent_again() -> None:
    """Behind a new MAIL, RSET or EHLO commands have a transaction again."""
    client = ClientConnection("c.example")
    for said in (b"220 mx\r\n", b"250 mx\r\n"):
        client.receive_data(said)
        assert list(client.events())
        client.data_to_send()
    first, second, third = (Mail(ReversePath.of(f"{name}@a.example")) for name in ("first", "second", "third"))
    rcpt = Rcpt(ForwardPath.of("r@b.example"))
    client.send_all([first, Reset(), second, rcpt, Reset(), third, rcpt])
    wire = b""
    for answer in (b"250 ok\r\n", b"451 reset fails\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"):
        wire += client.data_to_send()
        client.receive_data(answer)
        assert all(isinstance(event, Response) for event in client.events())
    assert b"second" not in wire
    assert wire.endswith(b"RSET\r\nMAIL FROM:<third@a.example>\r\nRCPT TO:<r@b.example>\r\n")
