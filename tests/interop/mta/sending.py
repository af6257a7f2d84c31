"""Our client end towards a part: one connection, any number of messages."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

from smtpcore import ClientConnection, Step
from smtpcore.cli.wire import Wire
from smtpcore.delivery import Delivery, Message
from smtpcore.report import Report
from tests.applications import PATIENCE

#: A complete header: with one that lacks a field, each part adds what it misses.
HEADER = (
    b"From: a@example.org\r\nTo: b@example.net\r\nSubject: one\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n\r\n"
)


def deliver(
    port: int, messages: Sequence[Message], *, lmtp: bool = False, context: ssl.SSLContext | None = None, **options: Any
) -> Sequence[Report]:
    """Deliver them by `ClientConnection` and `Delivery` (`options` are the latter's); one report for each."""
    conn = ClientConnection("client.example", lmtp=lmtp, max_line=None)
    delivery = Delivery(conn, messages, **options)
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    wire = Wire(sock, context, server_name="localhost")
    try:
        while conn.next_step is not Step.CLOSE:
            for event in conn.events():
                delivery.handle(event)
            wire.turn(conn)
    finally:
        wire.close()
    return delivery.reports
