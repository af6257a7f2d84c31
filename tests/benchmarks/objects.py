"""In-memory transactions: protocol objects without sockets, the steadiest rows of all."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import TypeVar

from tests.benchmarks import adapters, peers
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
#: The peers' objects, by module and name.
SERVERS = {"Twisted": "peer_twisted:twisted_object", "aiosmtpd": "peer_objects:aiosmtpd_object"}
CLIENTS = {"smtpproto": "peer_objects:smtpproto_send"}
Way = TypeVar("Way")
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


def choose(
    ours: dict[str, Way], theirs: dict[str, str], options: argparse.Namespace
) -> tuple[dict[str, Way], peers.Peers]:
    """Ours and the peers that are here: a peer's module cannot even be read where its package is not installed."""
    names = (*ours, *theirs)
    there = peers.chosen(names, {name: [] for name in names}, options)
    found: dict[str, Way] = {}
    for name in there.commands:
        if name in ours:
            found[name] = ours[name]
        else:
            module, _, attribute = theirs[name].partition(":")
            found[name] = getattr(importlib.import_module(f"tests.benchmarks.{module}"), attribute)
    return found, there


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    tables: list[Table] = []
    facts: Facts = {}
    there, known = choose({OURS: adapters.server_factory}, SERVERS, options)
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
        note = "" if tables else known.note()
        tables.append(compare(f"Server in memory, {shape}", samples, "CPU us/message", list(SERVERS), note))
        if shape in _KEYS:
            for peer in SERVERS:
                note_ratio(facts, f"memory.{_KEYS[shape]}.{peer}", samples, peer)
    count = max(1, int(options.scale * 500))
    senders, known = choose({OURS: adapters.send, peers.QUEUED: adapters.send_queued}, CLIENTS, options)
    calls = {name: lambda send=send: cpu_seconds(lambda: send(count)) / count * 1e6 for name, send in senders.items()}
    note = known.note("Replies are canned.  smtpproto's message is serialised beforehand, and it cannot pipeline.")
    tables.append(compare("Client in memory", rounds(calls, options.runs), "CPU us/message", list(CLIENTS), note))
    return tables, facts
