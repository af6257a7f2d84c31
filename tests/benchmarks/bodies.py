"""One long message into each server process: MB/s, CPU for an octet, and how far the peak of its memory grows."""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import time

from tests.benchmarks import peers
from tests.benchmarks.load import ENVELOPE, HELLO, whole
from tests.benchmarks.processes import Server, held_to, processors, start_all
from tests.benchmarks.tables import OURS, Facts, Table, figure, median, ratio, spread

#: Lines of 76 octets with their CRLF.
LINES = {"plain": b"x" * 74 + b"\r\n", "dots": b".." + b"x" * 72 + b"\r\n"}
PIECE = 1 << 18


def talk(sock: socket.socket, line: bytes) -> None:
    """Send a line and read its whole reply."""
    sock.sendall(line)
    await_reply(sock)


def await_reply(sock: socket.socket) -> None:
    data = b""
    while not whole(data):
        got = sock.recv(65536)
        if not got:
            raise OSError("the server closed the connection")
        data += got
    if data[:1] not in b"23":
        raise OSError(f"the server said {data!r}")


def one_message(server: Server, kind: str, octets: int, limit: float) -> tuple[float, float, float]:
    """MB/s, CPU nanoseconds for an octet of the wire, growth of the peak in MiB."""
    line = LINES[kind]
    block = memoryview(line * (PIECE // len(line)))
    pieces = max(1, octets // len(block))
    with socket.create_connection(("127.0.0.1", server.port), limit) as sock:
        await_reply(sock)
        for command in (HELLO, *ENVELOPE):
            talk(sock, command)
        server.forget_peak()
        memory, before, begin = server.memory(), server.cpu(), time.monotonic()
        for _ in range(pieces):
            sock.sendall(block)
        sock.sendall(b".\r\n")
        await_reply(sock)
        seconds = time.monotonic() - begin
        used = server.cpu() - before
        grown = server.memory("VmHWM") - memory
        talk(sock, b"QUIT\r\n")
    sent = pieces * len(block)
    return sent / seconds / 1e6, used / sent * 1e9, grown / (1 << 20)


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    tables: list[Table] = []
    facts: Facts = {}
    there = peers.servers(options)
    with contextlib.ExitStack() as stack:
        running = start_all(there, stack)
        stack.enter_context(held_to(processors()[1][0]))
        for megabytes in (10, 100):
            for kind in LINES:
                found = measure(running, kind, int(megabytes * 1e6 * min(1.0, options.scale)), options)
                tables.append(
                    table(f"{megabytes * min(1.0, options.scale):g} MB, {kind}", found, there if not tables else None)
                )
                rates = {name: [value[0] for value in values] for name, values in found.items()}
                if megabytes == 100:
                    for peer in (peers.SINK, "aiosmtpd", "Twisted"):
                        value = ratio(rates, OURS, peer)
                        if value is not None:
                            facts[f"body.{kind}.{peer}"] = value
                if OURS in found:
                    grown = median([value[2] for value in found[OURS]])
                    facts["body.peak"] = max(facts.get("body.peak", 0.0), grown)
    return tables, facts


def measure(
    running: list[Server], kind: str, octets: int, options: argparse.Namespace
) -> dict[str, list[tuple[float, float, float]]]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(options.runs):
        for server in running:
            try:
                result = one_message(server, kind, octets, options.limit)
            except OSError as problem:
                print(f"# {server.name}: {problem}", file=sys.stderr)
                continue
            found.setdefault(server.name, []).append(result)
    return found


def table(name: str, found: dict[str, list[tuple[float, float, float]]], there: peers.Peers | None) -> Table:
    rates = {name: [value[0] for value in values] for name, values in found.items()}
    references = [peer for peer in (peers.SINK, peers.GO, "Twisted", "aiosmtpd") if peer in found]
    note = "`dots`: every line begins with a dot, which was doubled for the wire."
    made = Table(
        f"One message of {name}",
        ["", "MB/s", "spread", *(f"x {peer}" for peer in references), "CPU ns/octet", "peak grows by MiB"],
        there.note(note) if there else note,
    )
    for server, values in found.items():
        made.add(
            server,
            f"{median(rates[server]):.0f}",
            spread(rates[server]),
            *(figure(ratio(rates, server, peer)) for peer in references),
            f"{median([value[1] for value in values]):.1f}",
            f"{median([value[2] for value in values]):.1f}",
        )
    return made
