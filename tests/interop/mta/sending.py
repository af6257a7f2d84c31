"""Our client end towards a part: one connection, any number of messages."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

from smtpcore import ClientConnection, Step
from smtpcore.cli.wire import Conversation, Wire
from smtpcore.delivery import Delivery, Message
from smtpcore.report import Report
from tests.applications import PATIENCE

#: A complete header: with one that lacks a field, each part adds what it misses.
HEADER = (
    b"From: a@example.org\r\nTo: b@example.net\r\nSubject: one\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n\r\n"
)


class _VerifiedWire(Wire):
    """Its context checks certificates; the connection is told so, or no password would go out (RFC 4954 14)."""

    def secured(self, conn: Conversation) -> None:
        assert isinstance(conn, ClientConnection)
        assert self.context is not None
        conn.tls_started(verified=self.context.verify_mode is ssl.CERT_REQUIRED)


def deliver(
    port: int, messages: Sequence[Message], *, lmtp: bool = False, context: ssl.SSLContext | None = None, **options: Any
) -> Sequence[Report]:
    """Deliver them by `ClientConnection` and `Delivery` (`options` are the latter's); one report for each."""
    conn = ClientConnection("client.example", lmtp=lmtp, max_line=None)
    delivery = Delivery(conn, messages, **options)
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    wire = _VerifiedWire(sock, context, server_name="localhost")
    try:
        while conn.next_step is not Step.CLOSE:
            for event in conn.events():
                delivery.handle(event)
            wire.turn(conn)
    finally:
        wire.close()
    return delivery.reports


def below_trace(text: bytes, *names: bytes) -> bytes:
    """A text without the trace fields (RFC 5321 4.4), and those of these names, that stand above everything else."""
    lines = text.split(b"\r\n")
    while lines[0].split(b":")[0].lower() in (b"received", b"return-path", *names):
        del lines[0]
        while lines[0].startswith((b" ", b"\t")):
            del lines[0]
    return b"\r\n".join(lines)
