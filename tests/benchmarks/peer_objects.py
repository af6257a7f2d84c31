"""Peers' protocol objects without sockets, in the shape of `adapters`: each takes every message and drops it."""

# mypy: ignore-errors
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import asyncio
import logging

from tests.benchmarks.adapters import ENVELOPE_OK, GREETING, HOSTNAME, MESSAGE, MESSAGE_OK, OFFER, Feed


class _Loop:
    """A loop that is turned by hand: aiosmtpd cannot do without one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    def turn(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()


class _Pipe(asyncio.Transport):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop, self.output, self.closed = loop, [], False

    def write(self, data: bytes) -> None:
        self.output.append(data)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 1)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.loop.call_soon(self.peer.connection_lost, None)


_loops: list[_Loop] = []


def aiosmtpd_object() -> Feed:
    """A connection of aiosmtpd's server."""
    from aiosmtpd.smtp import SMTP

    logging.getLogger("mail.log").setLevel(logging.ERROR)
    if not _loops:
        _loops.append(_Loop())
    turner = _loops[0]
    pipe = _Pipe(turner.loop)
    limits = {"command_call_limit": {"*": 1 << 30}}
    pipe.peer = SMTP(_Taker(), hostname=HOSTNAME, loop=turner.loop, **limits)
    pipe.peer.connection_made(pipe)

    def feed(data: bytes) -> bytes:
        if data:
            pipe.peer.data_received(data)
        while True:
            before = len(pipe.output)
            turner.turn()
            if len(pipe.output) == before and not turner.loop._ready:
                break
        output = b"".join(pipe.output)
        pipe.output.clear()
        return output

    return feed


class _Taker:
    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        return "250 2.0.0 OK"


class _Ready(dict):
    """Stands for a message: serialised beforehand, so that only SMTP is measured."""

    def as_bytes(self, policy: object) -> bytes:
        return MESSAGE


def smtpproto_send(count: int) -> int:
    """`adapters.send` for smtpproto: its object takes one command at a time."""
    from smtpproto.protocol import SMTPClientProtocol

    conn, message, good = SMTPClientProtocol(), _Ready(), 0
    conn.feed_bytes(GREETING)
    conn.send_greeting("client.example.org")
    conn.get_outgoing_data()
    conn.feed_bytes(OFFER)
    replies = [*ENVELOPE_OK.splitlines(keepends=True), MESSAGE_OK]
    for _ in range(count):
        steps = (
            lambda: conn.mail("sender@example.org"),
            lambda: conn.recipient("recipient@example.net"),
            conn.start_data,
            lambda: conn.data(message),
        )
        for step, reply in zip(steps, replies, strict=True):
            step()
            conn.get_outgoing_data()
            good += conn.feed_bytes(reply).code < 400
    return good
