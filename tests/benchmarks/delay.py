"""A server that is far away: a proxy that holds everything back for half the delay each way, and counts turns.

python -m tests.benchmarks.delay TARGET MILLISECONDS

prints its port, then for each closed connection `{"turns", "seconds"}`.  A turn is a burst of the client after it heard
from the server: what the client waited for, once for each.  The seconds go from the reply to the first turn, which is
EHLO, to the last that the client heard: the same for every client, whatever its own clock counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json

#: Seconds that a timer may be late.
TICK = 0.001


class Counter:
    """Turns and time of one client."""

    def __init__(self) -> None:
        self.turns = 0
        self.heard = True
        self.begin = self.end = 0.0

    def client(self) -> None:
        self.turns += self.heard
        self.heard = False

    def server(self, now: float) -> None:
        self.heard = True
        self.end = now
        if self.turns <= 1:
            self.begin = now


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, count: Counter, from_client: bool
) -> None:
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await held.get()
            if (left := due - loop.time()) > TICK:  # what follows at once is not made to wait for a timer of its own
                await asyncio.sleep(left)
            if not data:
                writer.close()
                return
            if not from_client:
                count.server(loop.time())  # now the client hears it
            writer.write(data)

    task = asyncio.create_task(deliver())
    with contextlib.suppress(ConnectionError):  # a client may be gone without a word
        while data := await reader.read(1 << 18):
            if from_client:
                count.client()
            held.put_nowait((loop.time() + delay, data))
    held.put_nowait((loop.time() + delay, b""))
    await task


async def serve(target: int, delay: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        count = Counter()
        await asyncio.gather(
            pass_on(reader, far_writer, delay, count, True), pass_on(far_reader, writer, delay, count, False)
        )
        print(json.dumps({"turns": count.turns, "seconds": count.end - count.begin}), flush=True)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.delay", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("target", type=int, help="port of the server")
    parser.add_argument("milliseconds", type=float, help="there and back")
    options = parser.parse_args()
    asyncio.run(serve(options.target, options.milliseconds / 2000))
