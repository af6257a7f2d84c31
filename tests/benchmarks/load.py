"""The load on a server: many connections of one process for each processor that the server leaves, waited for together.

python -m tests.benchmarks.load PORT TASK, where TASK is `Task` in JSON,

prints `{"messages", "seconds", "cpu", "errors"}`.  What it sends is made beforehand, and a reply that was seen before
is only compared: it must cost less than the server, which is to be the one that is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import TypedDict

HELLO = b"EHLO client.example.org\r\n"
ENVELOPE = (b"MAIL FROM:<sender@example.org>\r\n", b"RCPT TO:<recipient@example.net>\r\n", b"DATA\r\n")
HEADER = b"From: <sender@example.org>\r\nTo: <recipient@example.net>\r\nSubject: load\r\n\r\n"
#: Octets of one read: more than the replies that are owed at once.
READ = 4096


class Task(TypedDict):
    """What a load is told: how many connections at once, messages in all and for each connection, their octets."""

    connections: int
    total: int
    each: int
    size: int
    piped: bool
    limit: float
    processors: list[int]


class Result(TypedDict):
    """`seconds` by the clock, `cpu` seconds of the load itself."""

    messages: int
    seconds: float
    cpu: float
    errors: int


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


def replies(data: bytes) -> list[bytes]:
    """The last lines of the replies that are whole; raises `ValueError` when one of them refuses something."""
    lines = data.split(b"\r\n")[:-1]
    if any(line[:1] not in (b"2", b"3") for line in lines):
        raise ValueError(f"the server said {data!r}")
    return [line for line in lines if line[3:4] != b"-"]


class Talk:
    """One connection, somewhere in the script."""

    __slots__ = ("place", "recv", "send", "sock", "tail")

    def __init__(self, port: int) -> None:
        self.sock = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex(("127.0.0.1", port))  # in progress; a refusal comes from the first read
        self.recv, self.send = sock.recv, sock.sendall
        self.place = 0
        self.tail = b""


class Load:
    """Drives connections through the script until so many messages were accepted."""

    def __init__(self, port: int, task: Task) -> None:
        self.port, self.connections = port, task["connections"]
        self.each = task["each"]
        self.steps = script(self.each, task["size"], task["piped"])
        #: The whole reply of each step, once it has come in one piece.
        self.known: list[bytes | None] = [None] * len(self.steps)
        self.dialogues = max(1, task["total"] // self.each)
        self.limit = task["limit"]
        self.good = self.errors = 0
        self.poll = select.epoll()
        self.talks: dict[int, Talk] = {}

    def open(self) -> None:
        talk = Talk(self.port)
        number = talk.sock.fileno()
        self.talks[number] = talk
        self.poll.register(number, select.EPOLLIN)
        self.dialogues -= 1

    def close(self, talk: Talk) -> None:
        del self.talks[talk.sock.fileno()]
        talk.sock.close()
        if self.dialogues:
            self.open()

    def run(self) -> Result:
        begin, used = time.monotonic(), time.process_time()
        for _ in range(min(self.connections, self.dialogues)):
            self.open()
        talks, poll, read = self.talks, self.poll.poll, self.read
        end = begin + self.limit
        while talks and time.monotonic() < end:
            for number, _ in poll(1):
                read(talks[number])
        return {
            "messages": self.good,
            "seconds": time.monotonic() - begin,
            "cpu": time.process_time() - used,
            "errors": self.errors + len(talks),
        }

    def read(self, talk: Talk) -> None:
        place = talk.place
        try:
            data = talk.recv(READ)
            if data != self.known[place] and not self.learn(talk, data):
                return
            talk.place = place = place + 1
            if place < len(self.steps):
                talk.send(self.steps[place][0])
                return
            self.good += self.each
        except (OSError, ValueError) as problem:
            if not self.errors:
                print(problem, file=sys.stderr)
            self.errors += 1
        self.close(talk)

    def learn(self, talk: Talk, data: bytes) -> bool:
        """Whether all replies of this step have come, by looking at them."""
        if not data:
            raise ConnectionError("the server closed the connection")
        seen = talk.tail + data
        if not whole(seen) or len(replies(seen)) < self.steps[talk.place][1]:
            talk.tail = seen
            return False
        if not talk.tail:
            self.known[talk.place] = data
        talk.tail = b""
        return True


def share(whole_of: int, parts: int, number: int) -> int:
    """What the part of this number has of it."""
    return whole_of // parts + (number < whole_of % parts)


def work(port: int, task: Task) -> Result:
    """One process for each processor, each with its share of the connections and of the dialogues."""
    parts = max(1, min(len(task["processors"]), task["connections"]))
    dialogues = max(1, task["total"] // task["each"])
    pipes = []
    for number, processor in enumerate(task["processors"][:parts] or [None]):
        connections = share(task["connections"], parts, number)
        total = share(dialogues, parts, number) * task["each"]
        if not total:
            continue
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(reading)
            if processor is not None:
                os.sched_setaffinity(0, {processor})
            mine: Task = {**task, "connections": connections, "total": total}
            os.write(writing, json.dumps(Load(port, mine).run()).encode())
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    return together([json.loads(os.read(each, 65536)) for each in pipes])


def together(results: Sequence[Result]) -> Result:
    return {
        "messages": sum(each["messages"] for each in results),
        "seconds": max(each["seconds"] for each in results),
        "cpu": sum(each["cpu"] for each in results),
        "errors": sum(each["errors"] for each in results),
    }


def task_of(text: str) -> Task:
    """Raises `ValueError` for what is not a task in JSON."""
    task: Task | list[object] = json.loads(text)
    if isinstance(task, dict) and task.keys() == Task.__required_keys__:
        return task
    raise ValueError("not a task")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("task", type=task_of, help=f"JSON with {', '.join(sorted(Task.__required_keys__))}")
    options = parser.parse_args()
    print(json.dumps(work(options.port, options.task)))


if __name__ == "__main__":
    main()
