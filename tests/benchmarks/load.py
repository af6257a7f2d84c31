"""The load on a server: many connections of one process, waited for together.

python -m tests.benchmarks.load PORT '{"connections": 10, "total": 1000, "each": 1, "size": 1024, "piped": false}'

prints `{"messages", "seconds", "errors"}`.  It is a process of its own, on another processor than the server.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

HELLO = b"EHLO client.example.org\r\n"
ENVELOPE = (b"MAIL FROM:<sender@example.org>\r\n", b"RCPT TO:<recipient@example.net>\r\n", b"DATA\r\n")
HEADER = b"From: <sender@example.org>\r\nTo: <recipient@example.net>\r\nSubject: load\r\n\r\n"


def text(size: int) -> bytes:
    """A message of about `size` octets, with the final dot."""
    line = b"x" * 74 + b"\r\n"
    return HEADER + line * max(1, (size - len(HEADER)) // len(line)) + b".\r\n"


def script(each: int, size: int, piped: bool) -> list[tuple[bytes, int]]:
    """What a connection sends and how many replies it waits for, from the greeting on."""
    group = [(b"".join(ENVELOPE), 3)] if piped else [(line, 1) for line in ENVELOPE]
    message = [*group, (text(size), 1)]
    return [(b"", 1), (HELLO, 1), *message * each, (b"QUIT\r\n", 1)]


def whole(data: bytes) -> bool:
    """Whether the reply, perhaps of several lines, has come to its end."""
    return data.endswith(b"\r\n") and data[:-2].rpartition(b"\r\n")[2][3:4] == b" "


class Talk:
    """One connection, somewhere in the script."""

    __slots__ = ("owed", "place", "sock", "tail")

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.place = 0
        self.owed = 1
        self.tail = b""


class Load:
    """Drives connections through the script until so many messages were accepted."""

    def __init__(
        self, port: int, connections: int, total: int, each: int, size: int, piped: bool, limit: float
    ) -> None:
        self.port, self.connections = port, connections
        self.steps = script(each, size, piped)
        self.dialogues = max(1, total // each)
        self.each = each
        self.end = time.monotonic() + limit
        self.good = self.errors = 0
        self.poll = select.epoll()
        self.talks: dict[int, Talk] = {}

    def open(self) -> None:
        talk = Talk(self.port)
        self.talks[talk.sock.fileno()] = talk
        self.poll.register(talk.sock, select.EPOLLIN)
        self.dialogues -= 1

    def close(self, talk: Talk) -> None:
        del self.talks[talk.sock.fileno()]
        talk.sock.close()
        if self.dialogues:
            self.open()

    def run(self) -> dict[str, float]:
        begin = time.monotonic()
        for _ in range(min(self.connections, self.dialogues)):
            self.open()
        while self.talks and time.monotonic() < self.end:
            for number, _ in self.poll.poll(1):
                self.read(self.talks[number])
        return {"messages": self.good, "seconds": time.monotonic() - begin, "errors": self.errors + len(self.talks)}

    def read(self, talk: Talk) -> None:
        data = talk.sock.recv(65536)
        if not data:
            self.errors += 1
            self.close(talk)
            return
        data = talk.tail + data
        if talk.place == 1:  # the one reply of several lines
            if not whole(data):
                talk.tail = data
                return
            talk.tail, owed = b"", 0
        else:
            talk.tail = data[data.rfind(b"\n") + 1 :]
            owed = talk.owed - data.count(b"\r\n")
            if data[:1] not in b"23" or b"\n4" in data or b"\n5" in data:
                self.errors += 1
        if owed > 0:
            talk.owed = owed
            return
        talk.place += 1
        if talk.place == len(self.steps):
            self.good += self.each
            self.close(talk)
        else:
            octets, talk.owed = self.steps[talk.place]
            talk.sock.sendall(octets)


def main() -> None:
    options = json.loads(sys.argv[2])
    print(json.dumps(Load(int(sys.argv[1]), **options).run()))


if __name__ == "__main__":
    main()
