"""One meaning (CVE-2023-51764 and its kin): what our server took and our client sends on is one message for everybody.

Our server takes texts made of near misses of an end of message, under REJECT or REPAIR, and our client sends them
on.  Each part must see exactly as many messages as were sent, with the same texts.
"""

from __future__ import annotations

import base64
import functools
import itertools
import random
import socket
from typing import Any

import pytest

from smtpcore.content import NewlinePolicy
from smtpcore.delivery import Message
from smtpcore.settings import ServerSettings
from tests.applications import PATIENCE, Serve, free_port
from tests.interop.mta.layer import needed
from tests.interop.mta.parts import MTAS
from tests.interop.mta.sending import HEADER, below_trace, deliver
from tests.test_hostile_smuggling import served, wires

pytestmark = pytest.mark.interop

SENDER = "a@example.org"
END = b"\r\n.\r\n"
#: What would be a message by itself, were one of the near misses an end.
SECOND = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\n" + HEADER + b"smuggled\r\n"
#: What may stand beside a dot instead of CRLF.
NEAR = [
    b"".join(pieces)
    for length in (1, 2, 3)
    for pieces in itertools.product((b"\r", b"\n", b"\r\n", b"\0"), repeat=length)
]
#: Dots at every border of lines.
DOTS = [
    b"".join(pieces)
    for length in (1, 2, 3, 4)
    for pieces in itertools.product((b"\r\n", b".", b"..", b"a"), repeat=length)
]


def with_header(wire: bytes) -> bytes:
    """A wire of the generator with a header in front of its first text."""
    before, data, rest = wire.partition(b"DATA\r\n")
    return before + data + HEADER + rest


def texts(policy: NewlinePolicy) -> list[bytes]:
    """What our server takes under the policy, of generated wires and of a sample of near misses around a dot."""
    settings = ServerSettings("mx.example", newlines=policy, extensions=())
    chance = random.Random(policy.name)
    envelope = b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
    crafted = [
        HEADER + b"a" + before + b"." + after + SECOND
        for before, after in itertools.product(NEAR, NEAR)
        if not (before.endswith(b"\r\n") and after.startswith(b"\r\n"))  # that is an end
    ]
    crafted = chance.sample(crafted, 400) + [
        HEADER + dots.replace(b"\r\n.", b"\r\n..") + b"\r\n" + SECOND for dots in chance.sample(DOTS, 80)
    ]
    generated = map(with_header, wires(500, f"interop {policy.name}"))
    found: dict[bytes, None] = {}
    for wire in [*(envelope + text + END for text in crafted), *generated]:
        for text in served(wire, settings, chance):
            if text is not None and text.startswith(HEADER):
                found[text] = None
    return list(found)


def envelopes(bodies: list[bytes]) -> list[Message]:
    return [Message(SENDER, (f"{number}@example.net",), body) for number, body in enumerate(bodies)]


@functools.cache
def sendable() -> list[bytes]:
    """Those without NUL, which our client does not send (RFC 2045 2.7, 2.8)."""
    taken = [*texts(NewlinePolicy.REJECT), *texts(NewlinePolicy.REPAIR)]
    bodies = [text for text in taken if b"\0" not in text]
    assert len(bodies) > 250
    assert sum(b"evil" in body for body in bodies) > 100
    return bodies


@pytest.mark.parametrize(
    ("name", "chunking", "share"),
    [
        # An end of message is something to look for in DATA only: all texts go that way.
        ("Postfix", False, 1),
        ("Exim", False, 1),
        ("OpenSMTPD", False, 3),  # it hands on few at a time, 50 milliseconds for each
        ("Postfix", True, 3),
        ("Exim", True, 3),
    ],
)
def test_a_part_sees_what_we_sent(name: str, chunking: bool, share: int) -> None:
    needed(name.lower())
    bodies = sendable()[::share]
    with Serve() as far, MTAS[name](far.port) as mta:
        reports = deliver(mta.port, envelopes(bodies), chunking=chunking)
        assert [report.error for report in reports] == [""] * len(bodies), mta.log()
        seen: dict[str, bytes] = {}
        for message in far.messages(len(bodies)):
            (recipient,) = message["rcpt_to"]
            assert message["mail_from"] == SENDER, message
            assert recipient["to"] not in seen, message
            seen[recipient["to"]] = below_trace(base64.b64decode(message["body_base64"]))
        # Were there another one, the part had it before this.
        (report,) = deliver(mta.port, [Message(SENDER, ("last@example.net",), HEADER)])
        assert report.complete
        assert [rcpt["to"] for rcpt in far.message()["rcpt_to"]] == ["last@example.net"]
        far.stop()
        assert len(far.out.all) == len(bodies) + 1
    assert seen == {f"{number}@example.net": body for number, body in enumerate(bodies)}


def test_aiosmtpd_sees_what_we_sent() -> None:
    controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd")
    seen: list[tuple[str, list[str], bytes]] = []

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
            seen.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
            return "250 OK"

    bodies, port = sendable(), free_port()
    options: dict[str, Any] = {"ready_timeout": PATIENCE, "command_call_limit": {"*": 1_000_000}}
    server = controller.Controller(Handler(), hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        reports = deliver(port, envelopes(bodies))
    finally:
        server.stop()
    assert [report.error for report in reports] == [""] * len(bodies)
    assert seen == [(SENDER, [f"{number}@example.net"], body) for number, body in enumerate(bodies)]


#: `LF . CR LF`, which Postfix takes for the end of a message when it is not told otherwise.
SMUGGLED = HEADER + b"one\n.\r\n" + SECOND


def raw(port: int, text: bytes) -> list[bytes]:
    """Say it as an attacker does, without a library; the replies to what follows DATA."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock, sock.makefile("rwb") as stream:
        for line in (b"", b"HELO c.example\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.net>\r\n"):
            stream.write(line)
            stream.flush()
            assert stream.readline()[:1] == b"2"
        stream.write(b"DATA\r\n" + text + END + b"QUIT\r\n")
        stream.flush()
        return stream.readlines()


@pytest.mark.parametrize("policy", ["reject", "repair"])
def test_what_smuggles_into_postfix_does_not_get_past_our_server(policy: str) -> None:
    """That the tests above can see a smuggled message at all: the part that is known for it is given one."""
    needed("postfix")
    with Serve() as far, MTAS["Postfix"](far.port) as mta:
        raw(mta.port, SMUGGLED)
        found = {rcpt["to"] for message in far.messages(2) for rcpt in message["rcpt_to"]}
        assert found == {"b@example.net", "evil@example.net"}
        with Serve("--newlines", policy) as near:
            replies = raw(near.port, SMUGGLED)
            assert [reply[:3] for reply in replies] == [b"354", b"554" if policy == "reject" else b"250", b"221"]
            if policy == "repair":
                text = base64.b64decode(near.message()["body_base64"])
                assert text == SMUGGLED.replace(b"e\n.\r\n", b"e\r\n.\r\n") + b"\r\n"
                reports = deliver(mta.port, [Message(SENDER, ("b@example.net",), text)], chunking=False)
                assert [report.error for report in reports] == [""]
                assert below_trace(base64.b64decode(far.message()["body_base64"])) == text
            near.stop()
        far.stop()
        assert len(far.out.all) == (3 if policy == "repair" else 2)
