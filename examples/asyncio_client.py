"""Send a file of any size on asyncio, holding no more of it than the network takes (real back-pressure).

python examples/asyncio_client.py HOST PORT SENDER RECIPIENT FILE
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import smtpcore
from smtpcore import Step


class Sender(asyncio.Protocol):
    """One message over one connection; `report` is there when the connection has ended."""

    transport: asyncio.Transport
    paused = False

    def __init__(self, sender: str, recipient: str, file: BinaryIO) -> None:
        self.loop = asyncio.get_running_loop()
        self.report: asyncio.Future[smtpcore.Report] = self.loop.create_future()
        self.timer = self.loop.call_soon(lambda: None)
        self.file = file
        eight_bit = any(not piece.isascii() for piece in iter(partial(file.read, 65536), b""))
        message = smtpcore.Message(sender, (recipient,), size=file.tell(), eight_bit=eight_bit)
        file.seek(0)
        self.conn = smtpcore.ClientConnection("client.example", max_line=None)
        self.delivery = smtpcore.Delivery(self.conn, [message])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.pump()

    def data_received(self, data: bytes) -> None:
        self.conn.receive_data(data)
        self.pump()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.pump()

    def pump(self) -> None:
        """The driver loop: pull, send, and give content as long as the transport takes it."""
        conn = self.conn
        self.timer.cancel()
        deadline = conn.tick(self.loop.time())
        while True:
            for event in conn.events():
                self.delivery.handle(event)
            if output := conn.data_to_send():
                self.transport.write(output)
            if (step := conn.next_step) is Step.DECIDE and not self.paused and len(conn.outstanding) < 16:
                if piece := self.file.read(65536):
                    conn.send_body(piece)
                else:
                    conn.end_body()
            elif step is Step.CLOSE:
                self.transport.close()
                return
            elif step is not Step.CONTINUE:
                break
        self.timer = self.loop.call_at(min(deadline, self.loop.time() + 60), self.pump)

    def connection_lost(self, exc: Exception | None) -> None:
        self.conn.receive_eof()
        self.pump()
        self.report.set_result(self.delivery.reports[0])


async def send(host: str, port: int, sender: str, recipient: str, path: Path) -> smtpcore.Report:
    loop = asyncio.get_running_loop()
    with path.open("rb") as file:
        _, client = await loop.create_connection(partial(Sender, sender, recipient, file), host, port)
        return await client.report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("host", str), ("port", int), ("sender", str), ("recipient", str), ("file", Path)):
        parser.add_argument(name, type=kind)
    report = asyncio.run(send(*vars(parser.parse_args()).values()))
    for result in report:
        print(f"{result.recipient}: {result.outcome.value} ({result.reply or report.exception or report.error})")
    return 0 if report.complete else 1


if __name__ == "__main__":
    sys.exit(main())
