"""What an idle connection costs: the object after EHLO, and a connection in a server process."""

from __future__ import annotations

import argparse
import contextlib
import gc
import socket
import sys
import time
import tracemalloc

from smtpcore import AuthExtension, ServerConnection, StartTlsExtension, accept_all
from smtpcore.extensions.base import Extension
from smtpcore.extensions.known import SERVER_EXTENSIONS
from tests.benchmarks import adapters, peers
from tests.benchmarks.bodies import await_reply, talk
from tests.benchmarks.load import HELLO
from tests.benchmarks.processes import start_all
from tests.benchmarks.tables import OURS, Facts, Table

CONNECTIONS = 500


def every_extension() -> list[Extension]:
    """All that a server can offer, those that need a certificate or accounts as well."""
    return [*SERVER_EXTENSIONS, StartTlsExtension(), AuthExtension(("PLAIN", "SCRAM-SHA-256"))]


def octets_of_server(count: int = 200) -> int:
    """Octets that one more connection of a server takes after EHLO, everything offered, output sent."""
    settings = adapters.settings(every_extension())

    def one() -> ServerConnection:
        conn = ServerConnection(settings=settings)
        for data in (b"", HELLO):
            if data:
                conn.receive_data(bytes(bytearray(data)))  # as the transport does: octets of its own
            for event in conn.events():
                accept_all(conn, event)
            conn.data_to_send()
        return conn

    return _octets(one, count)


def octets_of_client(count: int = 200) -> int:
    """Octets that one more client takes after the reply to EHLO."""
    return _octets(adapters.greeted, count)


def _octets(one: object, count: int) -> int:
    assert callable(one)
    keep = [one() for _ in range(20)]  # caches are filled now
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept: list[object] = [None] * count
    used = tracemalloc.get_traced_memory()[0] - before
    for place in range(count):
        kept[place] = one()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del keep
    return (after - before - used) // count


def in_process(options: argparse.Namespace) -> tuple[Table, Facts]:
    """Resident memory of a server for each of many connections that have said EHLO."""
    made = Table(f"{CONNECTIONS} idle connections after EHLO, in a server process", ["", "KiB each", "next wave"])
    facts: Facts = {}
    found = peers.servers(options)
    with contextlib.ExitStack() as stack:
        for server in start_all(found, stack):
            waves = []
            for _ in range(2):
                before = server.memory()
                with contextlib.ExitStack() as open_now:
                    there = [
                        open_now.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
                        for _ in range(CONNECTIONS)
                    ]
                    for sock in there:
                        await_reply(sock)
                        talk(sock, HELLO)
                    waves.append((server.memory() - before) / 1024 / CONNECTIONS)
                time.sleep(0.3)  # the server notices the ends
            made.add(server.name, *(f"{wave:.1f}" for wave in waves))
            if server.name == OURS:
                facts["idle.server"] = waves[0]
    made.note = found.note()
    return made, facts


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    made = Table("An idle connection object, everything offered", ["", "octets"])
    server = octets_of_server()
    made.add("ServerConnection after EHLO", server)
    made.add("ClientConnection after EHLO", octets_of_client())
    made.add("an empty dict, for comparison", sys.getsizeof({}))
    facts: Facts = {"idle.object": server / 1024}
    process, found = in_process(options)
    return [made, process], facts | found
