"""Hostile streams over a socket: what a server process pays for many RCPT in one write, and for small writes."""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import sys
import time

from tests.benchmarks import peers
from tests.benchmarks.bodies import await_reply, talk
from tests.benchmarks.load import ENVELOPE, HELLO
from tests.benchmarks.processes import Server, held_to, processors, start_all
from tests.benchmarks.tables import OURS, Facts, Samples, Table, compare, note_ratio

RCPT = ENVELOPE[1]
LINE = b"x" * 60 + b"\r\n"


def exchange(sock: socket.socket, data: bytes, width: int, limit: float) -> None:
    """Write all of it while the replies are read and dropped; until the reply to QUIT, the last one."""
    end = time.monotonic() + limit
    view, tail = memoryview(data), b""
    sock.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while time.monotonic() < end:
            for _, events in selector.select(1):
                if events & selectors.EVENT_READ:
                    got = sock.recv(1 << 18)
                    tail = (tail + got)[-200:]
                    if not got or b"\n221" in tail or tail.startswith(b"221"):
                        return
                if events & selectors.EVENT_WRITE and len(view):
                    view = view[sock.send(view[:width]) :]
                    if not len(view):
                        selector.modify(sock, selectors.EVENT_READ)
    raise OSError("the end did not come in time")


def attack(server: Server, before: tuple[bytes, ...], data: bytes, width: int, limit: float) -> float:
    """CPU seconds of the server."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await_reply(sock)
        for line in (HELLO, *before):
            talk(sock, line)
        start = server.cpu()
        exchange(sock, data, width, limit)
        return server.cpu() - start


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    count = int(20000 * options.scale)
    # The recipients that are counted are those that a server takes in one go, again and again: 1000 for ours.
    group = (ENVELOPE[0] + RCPT * 900 + b"RSET\r\n") * max(1, count // 900)
    cases = {
        "RCPT, pipelined": ((), group + b"QUIT\r\n", 65536, 900 * max(1, count // 900)),
        "text, one octet a write": (ENVELOPE, LINE * (count // 62) + b".\r\nQUIT\r\n", 1, count // 62 * 62),
    }
    tables: list[Table] = []
    facts: Facts = {}
    there = peers.servers(options)
    with contextlib.ExitStack() as stack:
        running = start_all(there, stack)
        stack.enter_context(held_to(processors()[1][0]))
        for name, (before, data, width, units) in cases.items():
            samples: dict[str, list[float]] = {}
            for _ in range(options.runs):
                for server in running:
                    try:
                        used = attack(server, before, data, width, options.limit)
                    except OSError as problem:
                        print(f"# {server.name}: {problem}", file=sys.stderr)
                        continue
                    samples.setdefault(server.name, []).append(used / units * 1e6)
            references = [peers.SINK, peers.GO, "Twisted", "aiosmtpd"]
            note = "" if tables else there.note()
            tables.append(compare(f"Over a socket: {name}", samples, "CPU us each", references, note))
            if name.startswith("RCPT"):
                keep(facts, samples)
    return tables, facts


def keep(facts: Facts, samples: Samples) -> None:
    for peer in ("Twisted", "aiosmtpd"):
        note_ratio(facts, f"rcpt.{peer}", samples, peer, OURS)
