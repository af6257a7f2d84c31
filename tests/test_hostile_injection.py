"""No argument breaks out of its place: it is refused before anything is written, or one line goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from smtpcore.addresses import Domain, ForwardPath, Mailbox, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Hello, Inquiry, Mail, Noop, Problem, Rcpt, parse
from smtpcore.errors import LocalProtocolError, SMTPError, SyntaxProblem
from smtpcore.events import Connect, Response
from smtpcore.extensions.auth import AUTH_PARAMETER, Auth, AuthDialogue
from smtpcore.extensions.dsn import ENVID, ORCPT, OriginalRecipient
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.sasl.factory import client_mechanism
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.transaction import Transaction

_OFFERS = (
    b"250-mx.example\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250-DSN\r\n250-SIZE\r\n"
    b"250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER ANONYMOUS EXTERNAL SCRAM-SHA-256\r\n250 CHUNKING\r\n"
)
_LANGUAGE = CLIENT_EXTENSIONS.language()
Make = Callable[[str], Command]
_UTF8 = Parameters((("SMTPUTF8", None),))
_MAIL = Mail(ReversePath.of("a@a.example"), _UTF8)


def _dialogue(name: str, credentials: ClientCredentials) -> AuthDialogue:
    return AuthDialogue(client_mechanism(name, credentials, nonce=b"bm9uY2U"))


#: Where text of an application stands in a command: a function of that text for each place.
_PLACES: dict[str, Make] = {
    "EHLO domain": lambda text: Hello(Domain(f"c{text}.example")),
    "HELO domain": lambda text: Hello(Domain(f"{text}c.example"), "HELO"),
    "MAIL local-part": lambda text: Mail(ReversePath(Mailbox(f"a{text}b", Domain("a.example"))), _UTF8),
    "MAIL domain": lambda text: Mail(ReversePath.of(f"a@a{text}a.example"), _UTF8),
    "MAIL text": lambda text: Mail(ReversePath.of(f"<{text}a@a.example>"), _UTF8),
    "MAIL keyword": lambda text: Mail(ReversePath.of("a@a.example"), Parameters(((f"X{text}", "1"),))),
    "MAIL value": lambda text: Mail(ReversePath.of("a@a.example"), Parameters((("XVALUE", f"1{text}"),))),
    "MAIL ENVID": lambda text: Mail(ReversePath.of("a@a.example"), Parameters((ENVID(f"e{text}"),))),
    "MAIL AUTH": lambda text: Mail(
        ReversePath.of("a@a.example"), Parameters((AUTH_PARAMETER(ReversePath.of(f"u{text}@a.example")),))
    ),
    "RCPT local-part": lambda text: Rcpt(ForwardPath(Mailbox(f"{text}b", Domain("b.example")))),
    "RCPT domain": lambda text: Rcpt(ForwardPath.of(f"b@b.{text}example")),
    "RCPT value": lambda text: Rcpt(ForwardPath.of("b@b.example"), Parameters((("XVALUE", f"{text}1"),))),
    "RCPT ORCPT": lambda text: Rcpt(
        ForwardPath.of("b@b.example"), Parameters((ORCPT(OriginalRecipient(f"b{text}@b.example")),))
    ),
    "VRFY": lambda text: Inquiry(f"u{text}", "VRFY", _UTF8),
    "EXPN": lambda text: Inquiry(f"{text}u", "EXPN", _UTF8),
    "HELP": lambda text: Inquiry(f"u{text}u", "HELP"),
    "inquiry verb": lambda text: Inquiry("u", f"HELP{text}"),
    "NOOP": lambda text: Noop(f"n{text}"),
    "AUTH mechanism": lambda text: Auth(f"X{text}"),
    "PLAIN user": lambda text: _dialogue("PLAIN", ClientCredentials(f"u{text}", "p")).command,
    "PLAIN password": lambda text: _dialogue("PLAIN", ClientCredentials("u", f"{text}p")).command,
    "XOAUTH2 user": lambda text: _dialogue("XOAUTH2", ClientCredentials(f"u{text}", token="t")).command,
    "XOAUTH2 token": lambda text: _dialogue("XOAUTH2", ClientCredentials("u", token=f"t{text}")).command,
    "SCRAM user": lambda text: _dialogue("SCRAM-SHA-256", ClientCredentials(f"u{text}", "p")).command,
    "ANONYMOUS trace": lambda text: _dialogue("ANONYMOUS", ClientCredentials(trace=f"t{text}")).command,
}


class Dialogue:
    """Answers nothing; AUTH is not sent without one."""

    def receive(self, reply: Reply) -> bytes:
        raise NotImplementedError

    def finish(self, reply: Reply) -> str:
        return ""


class Client:
    """A client that is used again and again, its server taking nothing."""

    def __init__(self) -> None:
        self.connection = ClientConnection("c.example", extra_parameters=True)
        for said in (b"220 mx\r\n", _OFFERS):
            self.say(said)
            self.connection.data_to_send()

    def say(self, octets: bytes) -> None:
        self.connection.receive_data(octets)
        assert list(self.connection.events())

    def send(self, command: Command) -> bytes | None:
        """What goes out for a command; `None` when it is refused, and then nothing may."""
        connection = self.connection
        if isinstance(command, Rcpt) and connection.state.name == "READY":
            connection.send(_MAIL)
            connection.data_to_send()
            self.say(b"250 ok\r\n")
        if not isinstance(command, Rcpt) and connection.state.name == "MAIL":
            self.__init__()  # type: ignore[misc]
            connection = self.connection
        try:
            connection.send(command, dialogue=Dialogue() if isinstance(command, Auth) else None)
        except (LocalProtocolError, SyntaxProblem):
            assert connection.data_to_send() == b"", "refused, and written all the same"
            return None
        wire = connection.data_to_send()
        connection.receive_data(b"550 no\r\n")
        (event,) = connection.events()
        assert isinstance(event, Response)
        assert event.command is command
        connection.data_to_send()
        return wire


def check(place: str, texts: Iterator[str]) -> int:
    """Try all the texts in a place; gives how many were sent."""
    make, client, sent, refused = _PLACES[place], Client(), 0, 0
    for text in texts:
        try:
            command = make(text)
        except SMTPError:
            refused += 1
            continue
        wire = client.send(command)
        if wire is None:
            refused += 1
            continue
        sent += 1
        assert wire.endswith(b"\r\n"), (place, text, wire)
        line = wire[:-2]
        assert not any(octet < 32 or octet == 127 for octet in line), (place, text, wire)
        shown = line.decode("utf-8")  # strict: nothing was cut to eight bits, no surrogate slipped through
        assert not any(0x80 <= ord(character) < 0xA0 for character in shown), (place, text, wire)
        read = parse(line, _LANGUAGE)
        unknown = isinstance(read, Problem) and read.reply.code == 555
        assert unknown or read == command, f"{command} is read as {read}"
    assert refused, "at least the line ends have to be refused"
    return sent


#: All that has ever broken out, and what narrowing to eight bits would turn into CR, LF, NUL, `<`, `>` or a space.
_TRAPS = (
    *map(chr, range(0x180)),
    *(chr(high << 8 | low) for high in (0x01, 0x20, 0x76, 0xD8, 0xFF) for low in b"\0\r\n <>\x7f\x85"),
    *"\u2028\u2029\ufeff\ufffd\uffff\u3002\uff0e\uff61\u00ad\u200b\u202e\u0131\u017f\u212a\uff1c\uff1e\uff20",
    *(chr(point) for point in (0xD800, 0xDBFF, 0xDC00, 0xDC0A, 0xDC0D, 0xDFFF)),
    *("\r\n", "\r\nRSET", "\n.\n", "> SIZE=1\r\nRCPT TO:<e@e.example", ">\x00<", "\\\r\n", '"\r\n"', "\U0001f4e7", ""),
    *("\ud800\udc0a", "%0D%0A", "=0D=0A", "\\r\\n", "+0D+0A", "a\u0301", "\\x{D}\\x{A}"),
)


@pytest.mark.rule("C-SEC-08", "C-GRAM-02")
@pytest.mark.parametrize("place", _PLACES)
def test_what_ever_broke_out_does_not(place: str) -> None:
    # The verbs of an inquiry are three, and that is all.
    assert check(place, iter(_TRAPS)) or place == "inquiry verb", "nothing is taken at all: this tests nothing"


@pytest.mark.rule("C-SEC-08", "C-GRAM-02")
@pytest.mark.parametrize("place", _PLACES)
def test_every_fiftieth_character_stays_in_its_place(place: str) -> None:
    start = sum(map(ord, place)) % 50
    check(place, map(chr, (0, 10, 13, *range(start, 0x10000, 50))))


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("place", _PLACES)
def test_every_character_stays_in_its_place(place: str) -> None:
    check(place, map(chr, range(0x10000)))


def test_names_of_both_ends() -> None:
    """The name in EHLO, and the one in the greeting and in 221 and 421."""
    for text in _TRAPS:
        check_names(text)


def check_names(text: str) -> None:
    try:
        client = ClientConnection(f"c{text}.example")
    except SMTPError:
        pass
    else:
        client.receive_data(b"220 mx\r\n")
        assert list(client.events())
        wire = client.data_to_send()
        assert wire.startswith(b"EHLO ")
        assert wire.isascii()
        assert wire[:-2].decode().isprintable()
    try:
        settings = ServerSettings(f"mx{text}.example")
    except SMTPError:
        return
    server = ServerConnection(settings=settings)
    for event in server.events():
        assert isinstance(event, Connect)
        server.accept(event)
    server.shut_down()
    assert list(server.events())
    wire = server.data_to_send()
    assert wire.count(b"\r\n") == 2
    assert wire.replace(b"\r\n", b"").decode("ascii").isprintable()


@pytest.mark.rule("X-ENHANCED-16")
def test_texts_of_replies() -> None:
    """What an application puts into a reply is one line of it, or is refused."""
    for text in _TRAPS:
        check_replies(text)


def check_replies(text: str) -> None:
    for lines in ([f"a{text}b"], ["first", text]):
        try:
            reply = Reply(550, lines, "5.1.1")
        except SMTPError:
            continue
        for utf8 in (False, True):
            wire = reply.to_bytes(utf8=utf8)
            assert wire.count(b"\r\n") == len(reply.lines)
            assert not any((octet < 32 and octet != 9) or octet == 127 for octet in wire.replace(b"\r\n", b""))


def _rejected(sender: str, recipients: Sequence[str]) -> bool:
    client = ClientConnection("c.example")
    try:
        transaction = Transaction(client, sender, recipients, body=b"x\r\n")
        for said in (b"220 mx\r\n", b"250 mx\r\n"):
            client.receive_data(said)
            for event in client.events():
                transaction.handle(event)
            wire = client.data_to_send()
    except SMTPError:
        return client.data_to_send() == b""
    return not wire or b"MAIL" not in wire


@pytest.mark.parametrize(
    "address",
    [
        "a@a.example>\r\nRCPT TO:<e@e.example",
        "a@a.example\n",
        "a\r\n@a.example",
        '"a\r\nRSET"@a.example',
        "a@a.example> SIZE=1",
        "a@a.example,b@b.example",
        "a@[127.0.0.1]\r\n",
        "<a@a.example>, <b@b.example>",
        "a@a.example\x00",
        "a\u010d\u010a@a.example",
    ],
)
def test_one_bad_address_and_nothing_of_the_message_goes_out(address: str) -> None:
    assert _rejected(address, ["b@b.example"])
    assert _rejected("a@a.example", ["b@b.example", address])
