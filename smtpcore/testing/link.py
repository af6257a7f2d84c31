"""A client and a server joined in memory: for tests, harnesses and demonstrations."""

from __future__ import annotations

from typing import Callable, Final, Iterator

from smtpcore.client import ClientConnection
from smtpcore.events import ClientEvent, ServerEvent, Step
from smtpcore.server import ServerConnection, accept_all

ServerPolicy = Callable[[ServerConnection, ServerEvent], object]
ClientPolicy = Callable[[ClientConnection, ClientEvent], object]
#: Where an octet string is cut on its way: gives the pieces, in order.
Cut = Callable[[bytes], Iterator[bytes]]
#: What stands in `Link.transcript` where a credential was said.
HIDDEN: Final = b"***"


def whole(data: bytes) -> Iterator[bytes]:
    """No cut at all."""
    yield data


def octets(data: bytes) -> Iterator[bytes]:
    """One octet at a time."""
    for start in range(len(data)):
        yield data[start : start + 1]


class Link:
    """Carries octets between the two ends and events to two policies, until nothing moves any more.

    `transcript` holds what went over the wire, as `("C", octets)` and `("S", octets)` in order; what was said in an
    authentication is `***` there, the challenges too (RFC 4954 9).  `raw_transcript` has the octets as they were,
    passwords included: not for a log.  `client_events` and `server_events` hold what the ends said.  A TLS handshake is
    played by telling both ends that it is done.
    """

    def __init__(
        self,
        client: ClientConnection,
        server: ServerConnection,
        *,
        serve: ServerPolicy = accept_all,
        drive: ClientPolicy | None = None,
        cut: Cut = whole,
    ) -> None:
        self.client = client
        self.server = server
        self.client_events: list[ClientEvent] = []
        self.server_events: list[ServerEvent] = []
        self.transcript: list[tuple[str, bytes]] = []
        self.raw_transcript: list[tuple[str, bytes]] = []
        self._serve = serve
        self._drive = drive
        self._cut = cut

    def run(self) -> Link:
        """Go on until both ends wait for each other, for the caller, or are closed; gives the link itself."""
        while self._server_turn() | self._client_turn():
            pass
        return self

    def close(self) -> Link:
        """Cut the line: both ends see the end of input."""
        self.client.receive_eof()
        self.server.receive_eof()
        return self.run()

    def _server_turn(self) -> bool:
        moved = False
        for event in self.server.events():
            moved = True
            self.server_events.append(event)
            self._serve(self.server, event)
        data = self.server.data_to_send()
        if data:
            moved = True
            self._note("S", data)
            for piece in self._cut(data):
                self.client.receive_data(piece)
                self._pull_client()
        return moved | self._handshake()

    def _pull_client(self) -> bool:
        moved = False
        for event in self.client.events():
            moved = True
            self.client_events.append(event)
            if self._drive is not None:
                self._drive(self.client, event)
        return moved

    def _client_turn(self) -> bool:
        moved = self._pull_client()
        data = self.client.data_to_send()
        if data:
            moved = True
            self._note("C", data)
            for piece in self._cut(data):
                self.server.receive_data(piece)
                for event in self.server.events():
                    self.server_events.append(event)
                    self._serve(self.server, event)
        return moved | self._close_ends()

    def _note(self, side: str, data: bytes) -> None:
        """Write down what goes over the wire, before it arrives."""
        self.raw_transcript.append((side, data))
        auth = next((pending.wire for pending in self.client._outstanding if pending.dialogue is not None), None)
        if auth is not None:
            data = _without_credentials(data, auth) if side == "C" else _without_challenges(data)
        self.transcript.append((side, data))

    def _handshake(self) -> bool:
        if self.client.next_step is Step.START_TLS and self.server.next_step is Step.START_TLS:
            self.server.tls_started()
            self.client.tls_started()
            return True
        return False

    def _close_ends(self) -> bool:
        """A closed end closes the transport, which the other end sees."""
        if self.server.next_step is Step.CLOSE and self.client.next_step is Step.RECEIVE:
            self.client.receive_eof()
            return True
        if self.client.next_step is Step.CLOSE and self.server.next_step is Step.RECEIVE:
            self.server.receive_eof()
            return True
        return False


def _without_credentials(data: bytes, auth: bytes) -> bytes:
    """What a client said while `auth` was under way: that line stands behind other commands, or had left before."""
    before, command, lines = data.rpartition(auth) if auth in data else (b"", b"", data)
    verb, _, rest = command.removesuffix(b"\r\n").partition(b" ")
    name, _, initial = rest.partition(b" ")
    if initial:
        command = b"%s %s %s\r\n" % (verb, name, HIDDEN)
    said = [line if line in (b"", b"*") else HIDDEN for line in lines.split(b"\r\n")]
    return before + command + b"\r\n".join(said)


def _without_challenges(data: bytes) -> bytes:
    """A challenge, and the answer to it, are enough to try passwords out."""
    lines = data.split(b"\r\n")
    return b"\r\n".join([line[:4] + HIDDEN if line[:3] == b"334" and line[4:] else line for line in lines])


def link(
    client: ClientConnection,
    server: ServerConnection,
    *,
    serve: ServerPolicy = accept_all,
    drive: ClientPolicy | None = None,
    cut: Cut = whole,
) -> Link:
    """Join the two ends and run them as far as they go."""
    return Link(client, server, serve=serve, drive=drive, cut=cut).run()
