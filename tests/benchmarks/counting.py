"""Cost without a clock: functions of the library that are entered, and network turns.  The same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import smtpcore
from smtpcore import ClientConnection, Step
from smtpcore.delivery import Delivery, Message
from tests.benchmarks import adapters

PACKAGE = str(Path(smtpcore.__file__).parent)


def calls(action: Callable[[], object]) -> int:
    """How many times Python functions of this package are entered, generators at each resumption too."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


class Turns:
    """A client and a server in memory, with an ear on the wire: how often the client has to wait for the server."""

    def __init__(self, settings: smtpcore.ServerSettings) -> None:
        self.conn = ClientConnection("client.example.org")
        self._server = adapters.server(settings)
        self._input = self._server(b"")
        self.count = 0

    def turn(self, handle: Callable[[smtpcore.ClientEvent], None]) -> None:
        """What the client says to what it heard last; the server hears it and answers."""
        conn = self.conn
        if self._input:
            conn.receive_data(self._input)
        output = b""
        while True:
            for event in conn.events():
                handle(event)
            output += conn.data_to_send()
            if conn.next_step is not Step.CONTINUE:
                break
        self.count += bool(output)
        self._input = self._server(output) if output else b""


def turns_one_by_one(count: int) -> int:
    """Turns of a session with so many messages, each begun when the last one is done; EHLO and QUIT are in it."""
    wire = Turns(adapters.settings([smtpcore.Pipelining(), smtpcore.EightBitMime(), smtpcore.Size(0)]))
    while wire.conn.session.hello is None:
        wire.turn(lambda event: None)
    for _ in range(count):
        message = smtpcore.Transaction(
            wire.conn, adapters.SENDER, [adapters.RECIPIENT], body=adapters.MESSAGE, chunking=False
        )
        message.start()
        while not message.done:
            wire.turn(message.handle)
        assert message.report.complete
    wire.conn.send(smtpcore.Quit())
    while wire.conn.next_step is not Step.CLOSE:
        wire.turn(lambda event: None)
    return wire.count


def turns_queued(count: int, *, chunking: bool) -> int:
    """The same with all messages queued; with `chunking` the server offers CHUNKING and each is one flight."""
    extensions: list[smtpcore.Extension] = [smtpcore.Pipelining(), smtpcore.EightBitMime(), smtpcore.Size(0)]
    if chunking:
        extensions.append(smtpcore.Chunking())
    wire = Turns(adapters.settings(extensions))
    messages = [Message(adapters.SENDER, (adapters.RECIPIENT,), adapters.MESSAGE) for _ in range(count)]
    delivery = Delivery(wire.conn, messages, one_flight=chunking)
    while wire.conn.next_step is not Step.CLOSE:
        wire.turn(delivery.handle)
    assert all(report.complete for report in delivery.reports)
    return wire.count
