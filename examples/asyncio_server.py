"""An SMTP server on asyncio that takes everything and drops it: python examples/asyncio_server.py PORT (0: any)."""

from __future__ import annotations

import argparse
import asyncio
import ssl
from contextlib import closing, suppress
from typing import ClassVar, cast
from weakref import WeakSet

from smtpcore import SERVER_EXTENSIONS, ServerConnection, ServerSettings, StartTlsExtension, Step, accept_all

BUFFER = memoryview(bytearray(65536))  # asyncio reads into it: without, each read gets 256 KiB of new memory
CONTINUE, CLOSE, START_TLS = Step.CONTINUE, Step.CLOSE, Step.START_TLS  # before Python 3.12 the look-up is slow


class Client(asyncio.Protocol, asyncio.BufferedProtocol):
    settings: ClassVar[ServerSettings]
    tls: ClassVar = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there: ClassVar[WeakSet[Client]] = WeakSet()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.conn = ServerConnection(settings=self.settings)
        self.held: bytes | None = None  # during the TLS handshake: what is decrypted before start_tls() returns
        self.there.add(self)
        self.pump()

    def get_buffer(self, sizehint: int) -> memoryview:
        return BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(BUFFER[:nbytes]))

    def data_received(self, data: bytes) -> None:  # uvloop, which has such a buffer itself, calls this
        if self.held is not None:
            self.held += data
        else:
            self.conn.receive_data(data)
            self.pump()

    def pump(self) -> None:
        """The driver loop: pull and send, until more input is due."""
        conn = self.conn
        while True:
            while (event := conn.next_event()) is not None:
                accept_all(conn, event)
            self.transport.write(conn.data_to_send())  # nothing, if there is nothing
            if (step := conn.next_step) is not CONTINUE:
                break
        if step is CLOSE:
            self.transport.close()
        elif step is START_TLS:
            self.transport.pause_reading()
            self.handshake = asyncio.ensure_future(self.start_tls())

    def pause_writing(self) -> None:
        self.transport.pause_reading()  # a client that does not read its replies gets no new ones

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    async def start_tls(self) -> None:
        self.held = b""
        with suppress(OSError):  # the client is gone
            transport = await asyncio.get_running_loop().start_tls(self.transport, self, self.tls, server_side=True)
            self.transport = cast(asyncio.Transport, transport)
            self.conn.tls_started()
            held, self.held = self.held, None
            self.data_received(held) if held else self.pump()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    with closing(await loop.create_server(Client, "127.0.0.1", port, backlog=1024)) as server:
        print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        while True:
            await asyncio.sleep(5)  # one clock for all: deadlines are minutes long
            for client in [each for each in Client.there if each.conn.tick(loop.time()) <= loop.time()]:
                client.pump()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--cert", help="certificate and key in PEM; offers STARTTLS")
    options, extensions = parser.parse_args(), [*SERVER_EXTENSIONS]
    if options.cert:
        extensions.append(StartTlsExtension())
        Client.tls.load_cert_chain(options.cert)
    Client.settings = ServerSettings("localhost", extensions=extensions)
    with suppress(KeyboardInterrupt):
        __import__("uvloop" if options.uvloop else "asyncio").run(serve(options.port))


if __name__ == "__main__":
    main()
