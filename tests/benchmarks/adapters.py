"""Both ends without sockets, in the shape that a harness can drive: octets in, octets out.

`server_factory()` gives `feed(octets) -> octets` of a new connection, where `b""` asks for the greeting.  Every event
goes through an application, which accepts.  `send(n)` sends messages against canned replies and gives the number of
replies that were good, four for each message.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import smtpcore
from smtpcore import Step
from smtpcore.delivery import Delivery, Message

Feed = Callable[[bytes], bytes]

HOSTNAME = "mx.example.org"
SENDER, RECIPIENT = "sender@example.org", "recipient@example.net"
#: About one kilobyte, as a mailer would hand it over.
MESSAGE = b"From: <a@example.org>\r\nSubject: x\r\n\r\n" + (b"y" * 74 + b"\r\n") * 12

GREETING = b"220 mx.example.org ESMTP\r\n"
OFFER = b"250-mx.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n"
OFFER_CHUNKING = OFFER.replace(b"250 SIZE", b"250-CHUNKING\r\n250 SIZE")
ENVELOPE_OK = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"
MESSAGE_OK = b"250 2.0.0 Ok\r\n"


def settings(extensions: list[smtpcore.Extension] | None = None) -> smtpcore.ServerSettings:
    """What a server is set up with once; without `extensions` everything that needs no certificate or account."""
    return smtpcore.ServerSettings(HOSTNAME, extensions=extensions)


def server(prepared: smtpcore.ServerSettings) -> Feed:
    """One connection of a server that takes everything."""
    conn = smtpcore.ServerConnection(settings=prepared)
    accept_all, going_on = smtpcore.accept_all, Step.CONTINUE

    def feed(data: bytes) -> bytes:
        if data:
            conn.receive_data(data)
        parts: list[bytes] = []
        while True:
            while (event := conn.next_event()) is not None:
                accept_all(conn, event)
            parts.append(conn.data_to_send())
            if conn.next_step is not going_on:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    return feed


def server_factory() -> Feed:
    """A new connection, with the settings that all of them share."""
    return server(_shared())


@cache
def _shared() -> smtpcore.ServerSettings:
    return settings()


def greeted(offer: bytes = OFFER) -> smtpcore.ClientConnection:
    """A client whose EHLO was answered."""
    conn = smtpcore.ClientConnection("client.example.org")
    for reply in (GREETING, offer):
        conn.receive_data(reply)
        for _ in conn.events():
            pass
        conn.data_to_send()
    return conn


def send(count: int) -> int:
    """Send messages one after the other, the envelope in one group; gives the good replies."""
    conn = greeted()
    good = 0
    for _ in range(count):
        message = smtpcore.Transaction(conn, SENDER, [RECIPIENT], body=MESSAGE)
        message.start()
        conn.data_to_send()
        for replies in (ENVELOPE_OK, MESSAGE_OK):
            conn.receive_data(replies)
            for event in conn.events():
                message.handle(event)
                good += isinstance(event, smtpcore.Response) and not event.reply.is_negative
            conn.data_to_send()
        assert message.report.complete
    return good


def send_queued(count: int) -> int:
    """The same with the next message queued behind the end of the last, as `Delivery` does."""
    conn = smtpcore.ClientConnection("client.example.org")
    messages = [Message(SENDER, (RECIPIENT,), MESSAGE) for _ in range(count)]
    delivery = Delivery(conn, messages)
    good = 0
    replies = [GREETING, OFFER, ENVELOPE_OK, *[MESSAGE_OK + ENVELOPE_OK] * (count - 1), MESSAGE_OK]
    for data in replies:
        conn.receive_data(data)
        for event in conn.events():
            delivery.handle(event)
            good += isinstance(event, smtpcore.Response) and not event.reply.is_negative
        conn.data_to_send()
    assert all(report.complete for report in delivery.reports)
    return good - 1  # without that to EHLO
