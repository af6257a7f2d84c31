"""In-memory transactions: protocol objects without sockets, the steadiest rows of all."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.benchmarks import adapters
from tests.benchmarks.adapters import Feed
from tests.benchmarks.tables import OURS, Facts, Table, compare, cpu_seconds, note_ratio, rounds

HELLO, MAIL = b"EHLO client.example.org\r\n", b"MAIL FROM:<sender@example.org>\r\n"
RCPT, DATA, QUIT = b"RCPT TO:<recipient@example.net>\r\n", b"DATA\r\n", b"QUIT\r\n"
TEXT = adapters.MESSAGE + b".\r\n"

#: Name, the octets of each read, messages in a connection.
SHAPES: dict[str, tuple[list[bytes], int]] = {
    "lock-step, 1 per connection": ([HELLO, MAIL, RCPT, DATA, TEXT, QUIT], 1),
    "pipelined, 1 per connection": ([HELLO, MAIL + RCPT + DATA, TEXT, QUIT], 1),
    "pipelined, 100 per connection": ([HELLO, *[MAIL + RCPT + DATA, TEXT] * 100, QUIT], 100),
}
_KEYS = {"lock-step, 1 per connection": "lockstep", "pipelined, 100 per connection": "pipelined100"}


def converse(make: Callable[[], Feed], reads: list[bytes]) -> bytes:
    """One connection; gives all that the server said."""
    feed = make()
    return b"".join([feed(b""), *[feed(data) for data in reads]])


def check(name: str, make: Callable[[], Feed]) -> None:
    """Every competitor does the whole work: each command has its positive reply."""
    for reads, messages in SHAPES.values():
        lines = [line for line in converse(make, reads).split(b"\r\n") if line[3:4] == b" "]
        if len(lines) != 3 + 4 * messages or any(line[:1] not in b"23" for line in lines):
            raise RuntimeError(f"{name} does not answer as it should: {lines}")


def servers() -> dict[str, Callable[[], Feed]]:
    found: dict[str, Callable[[], Feed]] = {OURS: adapters.server_factory}
    try:
        from tests.benchmarks import peer_objects

        found |= {"Twisted": peer_objects.twisted_object, "aiosmtpd": peer_objects.aiosmtpd_object}
    except ImportError as problem:
        print(f"# left out: {problem}")
    return found


def clients() -> dict[str, Callable[[int], int]]:
    found: dict[str, Callable[[int], int]] = {OURS: adapters.send, "smtpcore, queued": adapters.send_queued}
    try:
        from tests.benchmarks import peer_objects

        found["smtpproto"] = peer_objects.smtpproto_send
    except ImportError:
        pass
    return found


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    tables: list[Table] = []
    facts: Facts = {}
    there = servers()
    for name, make in there.items():
        check(name, make)
    for shape, (reads, messages) in SHAPES.items():
        count = max(1, int(options.scale * 200 / messages))

        def once(make: Callable[[], Feed], reads: list[bytes] = reads, count: int = count) -> None:
            for _ in range(count):
                converse(make, reads)

        ways = {
            name: lambda make=make, total=count * messages: cpu_seconds(lambda: once(make)) / total * 1e6
            for name, make in there.items()
        }
        samples = rounds(ways, options.runs)
        tables.append(compare(f"Server in memory, {shape}", samples, "CPU us/message", ["Twisted", "aiosmtpd"]))
        if shape in _KEYS:
            for peer in ("Twisted", "aiosmtpd"):
                note_ratio(facts, f"memory.{_KEYS[shape]}.{peer}", samples, peer)
    count = int(options.scale * 500)
    senders = {
        name: lambda send=send: cpu_seconds(lambda: send(count)) / count * 1e6 for name, send in clients().items()
    }
    samples = rounds(senders, options.runs)
    note = "Replies are canned.  smtpproto's message is serialised beforehand, and it cannot pipeline."
    tables.append(compare("Client in memory", samples, "CPU us/message", ["smtpproto"], note))
    return tables, facts
