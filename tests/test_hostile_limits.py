"""Limits hold to the octet, however the input is cut, also when all of it comes while the application owes an answer.

Each limit stands here with its default: an input that just fits, and one with an octet, a line or a command more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Mail, Rcpt
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError, RemoteProtocolError
from smtpcore.events import Body, Closed, Step
from smtpcore.extensions.auth import AuthDialogue, Authenticate, AuthExtension
from smtpcore.extensions.dsn import Dsn
from smtpcore.extensions.known import KNOWN
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.sasl.factory import client_mechanism
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings

rule = pytest.mark.rule
HELLO, MAIL, RCPT = b"EHLO c.example\r\n", b"MAIL FROM:<a@a.example>\r\n", b"RCPT TO:<b@b.example>\r\n"
_OFFERED = (*(each for each in KNOWN if each.keyword != "AUTH"), AuthExtension(clear_text=True))


def cuts(octets: bytes) -> Iterator[list[bytes]]:
    """The whole, octet by octet, in sevens, and cut at each of the last places, where a limit is decided."""
    yield [octets]
    for size in (1, 7):
        yield [octets[start : start + size] for start in range(0, len(octets), size)]
    for place in range(max(1, len(octets) - 12), len(octets)):
        yield [octets[:place], octets[place:]]


# -- the server --------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """`wire(n)` is what is measured; `n` of it get the codes `good`, one more gets `bad`."""

    limit: int
    wire: Callable[[int], bytes]
    good: list[int]
    bad: list[int]
    #: The commands before it; the last is a question, and may be answered when the wire has come.
    before: tuple[bytes, ...] = (HELLO,)
    setup: dict[str, Any] = field(default_factory=dict)
    #: Whether the connection is closed for what is too much.
    closes: bool = False


def line(start: bytes, fill: bytes = b"x", end: bytes = b"NOOP\r\n") -> Callable[[int], bytes]:
    """A line of n octets with its CRLF, and a command behind it, which shows that the two ends are in step."""
    return lambda n: start + fill * (n - len(start) - 2) + b"\r\n" + end


def text(n: int) -> bytes:
    """A text of n octets in short lines."""
    content = b"123456789012345678901234567890\r\n" * (n // 32 + 1)
    return content[-n:] if n > 1 else b"\r\n"[:n]


_TEXT = (HELLO, MAIL, RCPT, b"DATA\r\n")
_CHUNKS = (HELLO, MAIL, RCPT)
_SERVER: dict[str, Case] = {
    "command_line": Case(2048, line(b"NOOP "), [250, 250], [500, 250]),
    "command_line of the RFC": Case(
        512, line(b"NOOP "), [250, 250], [500, 250], setup={"limits": Limits(command_line=None)}
    ),
    "command_line with what DSN adds": Case(
        512 + 9 + 107,
        line(b"MAIL FROM:<a@b>", b" "),
        [250, 250],
        [500, 250],
        setup={"limits": Limits(command_line=512), "extensions": [Dsn()]},
    ),
    # RFC 4954 4: 12288 octets of base64 have to do, and their CRLF.
    "line of AUTH": Case(12290, lambda n: b"AUTH X-NONE".ljust(n - 2) + b"\r\nNOOP\r\n", [504, 250], [500, 250]),
    "line of an exchange": Case(12290, line(b"", b"!"), [501, 250], [500, 250], before=(HELLO, b"AUTH PLAIN\r\n")),
    "endless_line": Case(65536, line(b""), [500, 250], [421], closes=True),
    "text_line": Case(
        1000, line(b"", b"x", b".\r\nNOOP\r\n"), [250, 250], [500, 250], _TEXT, {"limits": Limits(text_line=1000)}
    ),
    "text_line with a stuffed dot": Case(
        1001, line(b"..", b"x", b".\r\nNOOP\r\n"), [250, 250], [500, 250], _TEXT, {"limits": Limits(text_line=1000)}
    ),
    "message": Case(
        600, lambda n: text(n) + b".\r\nNOOP\r\n", [250, 250], [552, 250], _TEXT, {"limits": Limits(message=600)}
    ),
    "message, repaired": Case(
        600,
        lambda n: b"x" * (n - 8) + b"\na\r" + b"b\r\n.\r\nNOOP\r\n",
        [250, 250],
        [552, 250],
        _TEXT,
        {"limits": Limits(message=600), "newlines": NewlinePolicy.REPAIR},
    ),
    "message in a chunk": Case(
        600,
        lambda n: b"BDAT %d LAST\r\n" % n + text(n) + b"NOOP\r\n",
        [250, 250],
        [552, 250],
        _CHUNKS,
        {"limits": Limits(message=600)},
    ),
    "message in chunks": Case(
        600,
        lambda n: b"BDAT 400\r\n" + text(n)[:400] + b"BDAT %d\r\n" % (n - 400) + text(n)[400:] + b"BDAT 0 LAST\r\n",
        [250, 250, 250],
        [250, 552, 503],
        _CHUNKS,
        {"limits": Limits(message=600)},
    ),
    "recipients": Case(
        1000,
        lambda n: b"".join(b"RCPT TO:<%d@b>\r\n" % number for number in range(n)) + b"DATA\r\n",
        [250] * 1000 + [354],
        [250] * 1000 + [452, 354],
        (HELLO, MAIL),
    ),
    "errors": Case(20, lambda n: b"FOO\r\n" * n + b"NOOP\r\n", [500] * 20 + [250], [500] * 21 + [421], closes=True),
    "errors of many kinds": Case(
        20,
        lambda n: b"FOO\r\nMAIL FROM:<\r\nDATA\r\nBDAT 1\r\nx" * (n // 4) + b"FOO\r\n" * (n % 4) + b"NOOP\r\n",
        [500, 501, 503, 503] * 5 + [250],
        [500, 501, 503, 503] * 5 + [500, 421],
        closes=True,
    ),
    "junk": Case(100, lambda n: b"NOOP\r\n" * n + MAIL, [250] * 101, [250] * 101 + [421], closes=True),
    "auth_failures": Case(
        2,
        lambda n: b"AUTH PLAIN AGFubgBwYXNz\r\n" * n + b"NOOP\r\n",
        [535, 535, 250],
        [535, 535, 535, 421],
        closes=True,
    ),
    "chunks": Case(
        50,
        lambda n: b"BDAT 1\r\nx" * (n - 1) + b"BDAT 0 LAST\r\nNOOP\r\n",
        [250] * 51,
        [250] * 50 + [421],
        _CHUNKS,
        {"limits": Limits(chunks=50)},
        closes=True,
    ),
    "swallow": Case(
        600,
        lambda n: b"BDAT %d LAST\r\n" % n + text(n) + b"NOOP\r\n",
        [503, 250],
        [503],
        (HELLO, MAIL),
        {"limits": Limits(swallow=600)},
        closes=True,
    ),
    "SIZE": Case(20, lambda n: MAIL[:-2] + b" SIZE=%s1\r\nNOOP\r\n" % (b"0" * (n - 1)), [250, 250], [501, 250]),
    "ENVID": Case(100, lambda n: MAIL[:-2] + b" ENVID=" + b"e" * n + b"\r\nNOOP\r\n", [250, 250], [501, 250]),
    "ORCPT": Case(
        500,
        lambda n: RCPT[:-2] + b" ORCPT=rfc822;" + b"o" * n + b"\r\nNOOP\r\n",
        [250, 250],
        [501, 250],
        (HELLO, MAIL),
    ),
    "local-part": Case(128, lambda n: b"MAIL FROM:<" + b"a" * n + b"@b>\r\nNOOP\r\n", [250, 250], [501, 250]),
}


class Server:
    """A server whose application accepts everything but logins, at once or when all has come."""

    def __init__(self, case: Case) -> None:
        setup: dict[str, Any] = {"extensions": _OFFERED, **case.setup}
        self.connection = ServerConnection(settings=ServerSettings("mx.example", **setup))
        self.output = self.text = b""
        self.events: list[object] = []

    def pump(self) -> None:
        connection = self.connection
        while True:
            self.answer()
            for event in connection.events():
                if isinstance(event, Body):
                    self.text += event.data
                else:
                    self.events.append(event)
                self.answer()
            self.output += connection.data_to_send()
            if connection.next_step is not Step.CONTINUE:
                return

    def answer(self) -> None:
        question = self.connection.question
        if question is None:
            return
        if isinstance(question, Authenticate):
            self.connection.reject(question, Reply(535, "No", "5.7.8"))
        else:
            self.connection.accept(question)

    def say(self, before: tuple[bytes, ...], pieces: list[bytes], *, late: bool) -> list[int]:
        """Gives the codes of the replies to the pieces."""
        self.pump()
        for command in before[:-1]:
            self.connection.receive_data(command)
            self.pump()
        known = len(codes(self.output)) + 1
        self.connection.receive_data(before[-1])
        if late:
            self.events.append(self.connection.next_event())
        else:
            self.pump()
        for piece in pieces:
            assert (self.connection.next_step is Step.DECIDE) is late or self.connection.next_step is Step.CLOSE
            self.connection.receive_data(piece)
            if not late:
                self.pump()
        self.pump()
        return codes(self.output)[known:]


def codes(output: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"^([0-9]{3}) ", output, re.MULTILINE)]


@rule("S-LIM-14", "S-LIM-10", "X-FW-23", "X-FW-24", "B-LIM-04", "S-DATA-18", "S-SEC-11")
@pytest.mark.parametrize("late", [False, True], ids=["in turn", "while an answer is owed"])
@pytest.mark.parametrize("name", _SERVER)
def test_a_limit_of_the_server(name: str, late: bool) -> None:
    case = _SERVER[name]
    for size, wanted, closed in ((case.limit, case.good, False), (case.limit + 1, case.bad, case.closes)):
        first: tuple[object, ...] | None = None
        for pieces in cuts(case.wire(size)):
            server = Server(case)
            assert server.say(case.before, pieces, late=late) == wanted, (size, len(pieces))
            assert (server.connection.next_step is Step.CLOSE) is closed
            found = (server.output, server.text, server.events)
            first = first or found
            assert found == first, "the cut shows"


@rule("B-SEC-10")
@pytest.mark.parametrize("size", [1 << 20, 100_000])
def test_input_held_while_an_answer_is_owed(size: int) -> None:
    """The one limit for the caller: an octet more than a mebibyte, in pieces of any size, is not taken."""
    limits = Limits() if size == 1 << 20 else Limits(held_input=size)
    for step in (4096, 65536, size - 1):
        server = ServerConnection("mx.example", limits=limits)
        server.receive_data(b"x")
        assert server.next_event() is not None
        for start in range(1, size, step):
            server.receive_data(b"x" * min(step, size - start))
        assert server.held == size
        with pytest.raises(LocalProtocolError, match="stop reading"):
            server.receive_data(b"x")
        assert server.held == size


@rule("X-CHUNKING-04")
def test_the_default_size_of_a_chunk_that_is_swallowed() -> None:
    for size, closed in ((1 << 30, False), ((1 << 30) + 1, True)):
        server = Server(Case(0, text, [], []))
        server.say((HELLO,), [b"BDAT %d LAST\r\n" % size], late=False)
        assert (server.connection.next_step is Step.CLOSE) is closed


# -- the client --------------------------------------------------------------------------------------------------------


def heard(pieces: list[bytes], *before: bytes, **setup: Any) -> tuple[list[str], ClientConnection]:
    """The names of the events behind `before`."""
    client = ClientConnection("c.example", **setup)
    for octets in before:
        client.receive_data(octets)
        assert list(client.events())
        client.data_to_send()
    found: list[str] = []
    for piece in pieces:
        client.receive_data(piece)
        for event in client.events():
            if isinstance(event, Closed):
                assert isinstance(event.error, RemoteProtocolError)
            found.append(type(event).__name__)
        client.data_to_send()
    return found, client


def _reply(total: int) -> bytes:
    """A reply of so many octets in 64 lines."""
    first, last = b"220-" + b"x" * 1018 + b"\r\n", b"220 "
    return first * 63 + last + b"x" * (total - 63 * 1024 - 6) + b"\r\n"


_REPLIES: dict[str, tuple[int, Callable[[int], bytes], tuple[bytes, ...]]] = {
    "reply_line": (2048, line(b"220 ", end=b""), ()),
    "reply_line, not the last": (2048, line(b"220-", end=b"220 x\r\n"), ()),
    "reply_line of an answer": (2048, line(b"250 ", end=b""), (b"220 mx\r\n",)),
    "reply_lines": (1024, lambda n: b"220-x\r\n" * (n - 1) + b"220 x\r\n", ()),
    "lines of EHLO": (1024, lambda n: b"250-X%d\r\n" % n * (n - 1) + b"250 HELP\r\n", (b"220 mx\r\n",)),
    "reply": (65536, _reply, ()),
}


@rule("C-REP-17", "X-FW-34")
@pytest.mark.parametrize("name", _REPLIES)
def test_a_limit_of_the_client(name: str) -> None:
    limit, wire, before = _REPLIES[name]
    good = "Response" if before else "Greeting"
    for size, wanted in ((limit, [good]), (limit + 1, ["Closed"])):
        for pieces in cuts(wire(size)):
            found, client = heard(pieces, *before)
            assert found == wanted, (size, len(pieces))
            assert not client.held


@rule("C-REP-17")
def test_the_line_of_a_challenge() -> None:
    """RFC 4954 4: 12288 octets, and no more."""
    for size, wanted in ((12288, ["Response"]), (12289, ["Closed"])):
        for pieces in cuts(b"334 " + b"=" * (size - 6) + b"\r\n"):
            client = ClientConnection("c.example", tls=True, tls_verified=True)
            for octets in (b"220 mx\r\n", b"250-mx\r\n250 AUTH PLAIN\r\n"):
                client.receive_data(octets)
                assert list(client.events())
                client.data_to_send()
            dialogue = AuthDialogue(client_mechanism("PLAIN", ClientCredentials("u", "p")), initial_response=False)
            client.send(dialogue.command, dialogue=dialogue)
            client.data_to_send()
            found: list[str] = []
            for piece in pieces:
                client.receive_data(piece)
                found += [type(event).__name__ for event in client.events()]
            cancelled = client.data_to_send() == b"*\r\n"
            client.receive_data(b"501 cancelled\r\n")
            found += [type(event).__name__ for event in client.events()]
            assert found == wanted, (size, len(pieces))
            assert cancelled is (size == 12288)


@rule("X-PIPELINING-09")
def test_commands_that_are_sent_ahead() -> None:
    """4096 octets of command lines, and not one more, wait for their replies."""
    for longer in (0, 1):
        client = ClientConnection("c.example")
        for octets in (b"220 mx\r\n", b"250-mx\r\n250 PIPELINING\r\n"):
            client.receive_data(octets)
            assert list(client.events())
            client.data_to_send()
        commands: list[Command] = [Mail(ReversePath.of("aaaaaaaa@a.example"))]  # 32 octets, as all the others
        commands += [Rcpt(ForwardPath.of(f"r{number:09d}@b.example")) for number in range(126)]
        commands.append(Rcpt(ForwardPath.of("x" * longer + "last000000@b.example")))
        client.send_all(commands)
        sent = client.data_to_send()
        assert len(sent) == 4096 - 32 * longer
        client.receive_data(b"250 ok\r\n")
        assert len(list(client.events())) == 1
        assert len(client.data_to_send()) == 33 * longer
