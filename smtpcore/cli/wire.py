"""A blocking socket under a connection of either end: does what `next_step` says, with deadlines and TLS."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from typing import Final, Protocol

from smtpcore.events import Step

#: Octets read at a time.
READ: Final = 1 << 16
#: Seconds that the peer has to take what was sent, or to close after us.
SEND_WAIT: Final = 180.0
CLOSE_WAIT: Final = 5.0


class Conversation(Protocol):
    """What `ServerConnection` and `ClientConnection` have in common for a transport."""

    @property
    def next_step(self) -> Step:
        """What to do now."""
        ...

    def data_to_send(self) -> bytes:
        """All pending output."""
        ...

    def receive_data(self, data: bytes) -> None:
        """Input; `b""` is its end."""
        ...

    def tick(self, now: float) -> float:
        """The time; returns the deadline."""
        ...

    def tls_started(self) -> None:
        """The handshake is done."""
        ...

    def tls_failed(self) -> None:
        """The handshake failed."""
        ...


class Wire:
    """One connected socket.  `tls` and `server_name` are for the handshake that the conversation may ask for."""

    def __init__(
        self, sock: socket.socket, tls: ssl.SSLContext | None = None, *, server_name: str | None = None
    ) -> None:
        self.sock = sock
        self.context = tls
        self._server_name = server_name
        #: Why the handshake failed, for people.
        self.tls_error = ""

    def turn(self, conn: Conversation) -> None:
        """Send what is pending, then do what `next_step` asks for; what goes wrong is told to the connection."""
        self._turn(conn, False)

    def wait(self, conn: Conversation) -> None:
        """Send what is pending and wait for input, though `next_step` asks for content (`DECIDE`)."""
        self._turn(conn, True)

    def _turn(self, conn: Conversation, wait: bool) -> None:
        try:
            if output := conn.data_to_send():
                self.sock.settimeout(SEND_WAIT)
                self.sock.sendall(output)
            if conn.next_step is Step.START_TLS:
                self._handshake(conn)
            elif wait or conn.next_step is Step.RECEIVE:
                self._receive(conn)
        except OSError:  # the peer is gone; TLS errors and time-outs are OSErrors too
            self._last_words(conn)

    def start_tls(self) -> None:
        """TLS from the first octet (RFC 8314 3), or after STARTTLS.  Raises `OSError`."""
        if self.context is None:
            raise OSError("TLS is not set up")
        server_side = self.context.protocol is ssl.PROTOCOL_TLS_SERVER
        self.sock = self.context.wrap_socket(self.sock, server_side=server_side, server_hostname=self._server_name)

    def _handshake(self, conn: Conversation) -> None:
        try:
            self.sock.settimeout(max(conn.tick(time.monotonic()) - time.monotonic(), 0.001))
            self.start_tls()
        except OSError as error:
            self.tls_error = str(error)
            conn.tls_failed()
        else:
            self.secured(conn)

    def _last_words(self, conn: Conversation) -> None:
        """What the peer said before it went away, when our octets came too late for it, then the end."""
        with suppress(OSError):
            self.sock.settimeout(0)
            while data := self.sock.recv(READ):
                conn.receive_data(data)
        conn.receive_data(b"")

    def _receive(self, conn: Conversation) -> None:
        now = time.monotonic()
        deadline = conn.tick(now)
        if deadline <= now:
            return  # it had passed
        self.sock.settimeout(None if deadline == float("inf") else max(deadline - now, 0.001))
        try:
            data = self.sock.recv(READ)
        except TimeoutError:
            conn.tick(time.monotonic())
        else:
            conn.receive_data(data)

    def secured(self, conn: Conversation) -> None:
        """The handshake is done: tell the connection."""
        conn.tls_started()

    def close(self) -> None:
        """Close so that the peer reads all that was sent: our side first, then wait for the peer's."""
        try:
            self.sock.settimeout(CLOSE_WAIT)
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.unwrap()
            self.sock.shutdown(socket.SHUT_WR)
            for _ in range(64):  # what else comes is not read, but must be taken, or a reset would drop our octets
                if not self.sock.recv(READ):
                    break
        except (OSError, ValueError):
            pass
        finally:
            self.sock.close()


def server_context(certificate: str, key: str | None) -> ssl.SSLContext:
    """What a server needs for TLS; raises `OSError` when the files cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def client_context(authorities: str | None, *, verify: bool = True) -> ssl.SSLContext:
    """What a client needs for TLS: certificates are verified against the system's authorities or a file's."""
    context = ssl.create_default_context(cafile=authorities)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
