"""One meaning: the messages of a wire are those that a twenty-line reader of CRLF.CRLF counts, under every policy."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from smtpcore.client import ClientConnection
from smtpcore.commands import EndOfMessage
from smtpcore.content import NewlinePolicy, UnsendableContent
from smtpcore.events import Body, Reason, TransactionAborted
from smtpcore.limits import Limits
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from smtpcore.transaction import Transaction
from tests.fuzz.oracles import plain_text

_LINES = (b"EHLO c.example", b"MAIL FROM:<evil@e.example>", b"RCPT TO:<v@b.example>", b"DATA", b".", b"")
#: What texts are made of: the borders of lines in every spelling, and what would smuggle a second message.
_PIECES = (
    *(b"\r", b"\n", b"\r\n", b".", b"\0", b"a", b" ", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n"),
    *(
        b"\r\n.\r",
        b"\r\r\n",
        b"\r\n\r\n",
        b"\n\r",
        b"..",
        b"\r\n..",
        b"\r\n\0.\r\n",
        b"\x0b.\x0c",
        b"\xe2\x80\xa8.\x85",
    ),
    *(line + end for line in _LINES[1:4] for end in (b"\r\n", b"\n")),
)
_START = b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
_LIMITS = Limits(errors=None, junk=None)


def count(wire: bytes) -> list[bytes]:
    """The texts in what a client says after EHLO, read by RFC 5321 4.1.1.4 and nothing else."""
    texts: list[bytes] = []
    sender = recipient = False
    while b"\r\n" in wire:
        line, _, wire = wire.partition(b"\r\n")
        word = line.rstrip(b" \t")
        if word.startswith(b"MAIL FROM:<") and word.endswith(b">") and not sender:
            sender = word in (_LINES[1], b"MAIL FROM:<a@a.example>")
        elif word in (_LINES[2], b"RCPT TO:<b@b.example>") and sender:
            recipient = True
        elif word == b"DATA" and recipient:
            text, end, rest = (b"\r\n" + wire).partition(b"\r\n.\r\n")
            if not end:
                break
            lines = (text + b"\r\n").split(b"\r\n")[1:]
            texts.append(b"\r\n".join(line.removeprefix(b".") for line in lines))
            wire = rest
            sender = recipient = False
    return texts


def wires(number: int, seed: str) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(number):
        text = b"".join(chance.choices(_PIECES, k=chance.randrange(1, 14)))
        yield _START + text + b"\r\n.\r\n" + chance.choice((b"", _START + b"\r\nx\r\n.\r\n"))


def served(wire: bytes, settings: ServerSettings, chance: random.Random) -> list[bytes | None]:
    """The texts that a server takes out of a wire, `None` for one that it reads and refuses for its newlines."""
    server = ServerConnection(settings=settings)
    found: list[bytes | None] = []
    body = b""
    size = chance.choice((1, 2, 3, 7, len(wire), len(wire)))
    wire = b"EHLO c.example\r\n" + wire
    for event in server.events():
        server.accept(event)  # type: ignore[arg-type]
    for start in range(0, len(wire), size):
        server.receive_data(wire[start : start + size])
        for _ in range(1000):
            for event in server.events():
                if type(event) is Body:
                    body += event.data
                elif type(event) is TransactionAborted:
                    assert event.reason is Reason.BARE_NEWLINE
                    found.append(None)
                    body = b""
                elif (question := server.question) is not None:
                    server.accept(question)
                    if type(event) is EndOfMessage:
                        found.append(body)
                        body = b""
            if not server.data_to_send():
                break
    return found


def has_bare(text: bytes) -> bool:
    rest = text.replace(b"\r\n", b"")
    return b"\r" in rest or b"\n" in rest


def check(number: int, policy: NewlinePolicy) -> None:
    settings = ServerSettings("mx.example", limits=_LIMITS, newlines=policy, extensions=())
    chance = random.Random(number)
    several = 0
    for wire in wires(number, policy.name):
        wanted: list[bytes | None] = list(count(wire))
        if policy is NewlinePolicy.REJECT:
            wanted = [None if text is None or has_bare(text) else text for text in wanted]
        elif policy is NewlinePolicy.REPAIR:
            wanted = [None if text is None else plain_text(text) for text in wanted]
        assert served(wire, settings, chance) == wanted, wire
        several += len(wanted) > 1
    assert several > number // 10, "texts that hold a second message have to be among them"


@pytest.mark.rule("S-DATA-03", "S-DATA-04", "S-DATA-05", "S-DATA-06", "B-SEC-09", "X-MIX-08")
@pytest.mark.parametrize("policy", NewlinePolicy)
def test_as_many_messages_as_the_oracle_counts(policy: NewlinePolicy) -> None:
    check(4000, policy)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("policy", NewlinePolicy)
def test_as_many_messages_as_the_oracle_counts_in_a_hundred_thousand_texts(policy: NewlinePolicy) -> None:
    check(100_000, policy)


def sent(text: bytes, policy: NewlinePolicy) -> bytes:
    """What our client writes behind DATA for this text."""
    client = ClientConnection("c.example", newlines=policy, max_line=None)
    transaction = Transaction(client, "a@a.example", ["b@b.example"], body=text, chunking=False)
    output = b""
    for said in (b"220 mx\r\n", b"250-mx\r\n250 8BITMIME\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        client.receive_data(said)
        for event in client.events():
            transaction.handle(event)
        output = client.data_to_send()
    return output


def loosest(wire: bytes) -> list[bytes]:
    """The lines as a reader sees them for which CR, LF and CRLF all end a line."""
    return wire.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def resend(number: int, policy: NewlinePolicy) -> int:
    """What was taken is sent on; returns how many texts that were."""
    settings = ServerSettings("mx.example", limits=_LIMITS, newlines=policy, extensions=())
    chance, relayed = random.Random(number), 0
    for wire in wires(number, f"resend {policy.name}"):
        for text in served(wire, settings, chance):
            if text is None or b"\0" in text:
                continue
            relayed += 1
            out = sent(text, NewlinePolicy.REJECT)
            lines = loosest(out)
            assert lines[-2:] == [b".", b""], out
            assert lines.count(b".") == 1, "somebody reads two messages in one"
            assert count(_START + out) == [text if text.endswith(b"\r\n") or not text else text + b"\r\n"]
    return relayed


@pytest.mark.rule("S-DATA-19", "B-SEC-09", "X-MIX-09")
@pytest.mark.parametrize("policy", [NewlinePolicy.REJECT, NewlinePolicy.REPAIR])
def test_what_was_taken_and_sent_on_is_one_message_for_everybody(policy: NewlinePolicy) -> None:
    assert resend(1500, policy) > 150


def test_what_was_kept_is_not_sent_on_as_it_is() -> None:
    for text in (b"a\n.\nb\r\n", b"a\r.\rb\r\n", b"a\r\n.\rb\r\n", b"\n", b"\r"):
        client = ClientConnection("c.example")
        transaction = Transaction(client, "a@a.example", ["b@b.example"], body=text)
        for said in (b"220 mx\r\n", b"250 mx\r\n"):
            client.receive_data(said)
            if said[:3] == b"220":
                list(client.events())
                client.data_to_send()
        (event,) = client.events()
        with pytest.raises(UnsendableContent):
            transaction.handle(event)
        assert client.data_to_send() == b"", "MAIL went out for a text that cannot follow"


def test_the_oracle() -> None:
    assert count(_START + b"x\r\n.\r\n") == [b"x\r\n"]
    assert count(_START + b".\r\n" + _START + b"..\r\n.\r\n") == [b"", b".\r\n"]
    assert count(_START + b"x\n.\r\nMAIL\r\n.\n" + _START) == []
    assert count(b"DATA\r\nx\r\n.\r\n") == []
