"""An SMTP server on asyncio that takes everything and drops it: the load that one process can carry.

python examples/asyncio_server.py PORT [--uvloop] [--cert FILE]     PORT 0 chooses a free one
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
from contextlib import suppress
from importlib import import_module
from typing import cast

import smtpcore
from smtpcore import Step


class Client(asyncio.Protocol):
    """One client."""

    settings: smtpcore.ServerSettings
    tls: ssl.SSLContext | None = None
    there: set[Client] = set()
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.conn = smtpcore.ServerConnection(settings=self.settings)
        self.there.add(self)
        self.pump()

    def data_received(self, data: bytes) -> None:
        self.conn.receive_data(data)
        self.pump()

    def connection_lost(self, error: Exception | None) -> None:
        self.there.discard(self)  # with all that was not acknowledged

    def pump(self) -> None:
        """The driver loop: pull and send, until more input is due."""
        conn = self.conn
        while True:
            for event in conn.events():
                smtpcore.accept_all(conn, event)
            if output := conn.data_to_send():
                self.transport.write(output)
            step = conn.next_step
            if step is Step.CONTINUE:
                continue
            if step is Step.CLOSE:
                self.transport.close()  # after what was written
            elif step is Step.START_TLS:
                self.transport.pause_reading()
                self.handshake = asyncio.ensure_future(self.start_tls())
            return

    def pause_writing(self) -> None:
        self.transport.pause_reading()  # a client that does not read its replies gets no new ones

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    async def start_tls(self) -> None:
        assert self.tls is not None
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self.transport, self, self.tls, server_side=True)
        except OSError:
            self.conn.tls_failed()
        else:
            self.transport = cast(asyncio.Transport, transport)
            self.conn.tls_started()
        self.pump()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Client, "127.0.0.1", port, backlog=1024)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while True:
        await asyncio.sleep(5)  # one clock for all: deadlines are minutes long
        for client in list(Client.there):
            client.conn.tick(loop.time())
            client.pump()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--cert", help="certificate and key in PEM; offers STARTTLS")
    options = parser.parse_args()
    extensions = [smtpcore.Size(0), smtpcore.EightBitMime(), smtpcore.Pipelining(), smtpcore.Chunking()]
    if options.cert:
        Client.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        Client.tls.load_cert_chain(options.cert)
        extensions.append(smtpcore.StartTlsExtension())
    Client.settings = smtpcore.ServerSettings("localhost", extensions=extensions)
    factory = import_module("uvloop" if options.uvloop else "asyncio").new_event_loop
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.port))


if __name__ == "__main__":
    main()
