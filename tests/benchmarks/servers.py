"""Transactions of server processes over loopback: CPU by the operating system's account, and messages a second."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from typing import NamedTuple

from tests.benchmarks import home, peers
from tests.benchmarks.processes import Server, processors, start_all
from tests.benchmarks.tables import OURS, Facts, Table, figure, median, ratio, spread

SIZE = 1024


class Case(NamedTuple):
    name: str
    connections: int
    each: int
    piped: bool
    key: str = ""


CASES = (
    Case("1 message per connection, 10 connections", 10, 1, False, "one"),
    Case("1 message per connection, 100 connections", 100, 1, False),
    Case("100 messages per connection, 10 connections", 10, 100, False, "hundred"),
    Case("100 messages per connection, 100 connections", 100, 100, False),
    Case("1 message per connection, 10 connections, pipelined", 10, 1, True),
    Case("100 messages per connection, 10 connections, pipelined", 10, 100, True, "piped"),
    Case("100 messages per connection, 100 connections, pipelined", 100, 100, True),
)


def load(server: Server, case: Case, total: int, limit: float) -> tuple[float, float]:
    """Messages a second, and CPU microseconds of the server for each.  Raises `RuntimeError` unless all were taken."""
    given = {"connections": case.connections, "total": total, "each": case.each, "size": SIZE, "piped": case.piped}
    command = [sys.executable, "-m", "tests.benchmarks.load", str(server.port), json.dumps({**given, "limit": limit})]
    before = server.cpu()
    done = subprocess.run(
        ["taskset", "-c", str(processors()[1]), *command] if home.program("taskset") else command,
        cwd=home.ROOT,
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=limit + 20,
        check=True,
    )
    time.sleep(0.02)  # the server closes its last connections
    used = server.cpu() - before
    result = json.loads(done.stdout)
    if result["errors"] or not result["messages"]:
        raise RuntimeError(f"{server.name}: {result}")
    return result["messages"] / result["seconds"], used / result["messages"] * 1e6


def measure(case: Case, running: list[Server], options: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """By server: rate and CPU of each round; the work is cut so that each takes about as long."""
    found: dict[str, list[tuple[float, float]]] = {}
    totals: dict[str, int] = {}
    for server in running:
        first = max(200, case.connections * case.each // 5)
        try:
            rate, _ = load(server, case, first // case.each * case.each or case.each, options.limit)
        except (RuntimeError, subprocess.SubprocessError) as problem:
            print(f"# left out: {problem}", file=sys.stderr)
            continue
        # Each connection makes TIME_WAIT: a bound on them keeps the ports from running out.
        wanted = min(int(rate * options.seconds * options.scale), 12000 if case.each == 1 else 1 << 30)
        unit = case.each * (case.connections if case.each > 1 else 1)
        totals[server.name] = max(unit, wanted // unit * unit)
    for _ in range(options.runs):
        for server in running:
            if server.name in totals:
                found.setdefault(server.name, []).append(load(server, case, totals[server.name], options.limit))
    return found


def table(case: Case, found: dict[str, list[tuple[float, float]]]) -> tuple[Table, Facts]:
    rates = {name: [rate for rate, _ in values] for name, values in found.items()}
    cpus = {name: [cpu for _, cpu in values] for name, values in found.items()}
    made = Table(
        f"Server process, {case.name}",
        [
            "",
            "messages/s",
            "x aiosmtpd",
            "CPU us/message",
            "spread",
            f"x {peers.SINK}",
            "x Twisted",
            "x aiosmtpd",
            "busy",
        ],
    )
    for name in found:
        made.add(
            name,
            f"{median(rates[name]):.0f}",
            figure(ratio(rates, name, "aiosmtpd")),
            f"{median(cpus[name]):.0f}",
            spread(cpus[name]),
            *(figure(ratio(cpus, name, peer)) for peer in (peers.SINK, "Twisted", "aiosmtpd")),
            f"{median([rate * cpu / 1e4 for rate, cpu in found[name]]):.0f} %",
        )
    facts: Facts = {}
    if case.key:
        wanted = (
            (f"server.{case.key}.sink", cpus, OURS, peers.SINK),
            (f"server.{case.key}.sink.uvloop", cpus, f"{OURS}, uvloop", peers.SINK),
            (f"server.{case.key}.rate", rates, OURS, "aiosmtpd"),
        )
        for key, samples, name, peer in wanted:
            value = ratio(samples, name, peer)
            if value is not None:
                facts[key] = value
    return made, facts


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    tables: list[Table] = []
    facts: Facts = {}
    with contextlib.ExitStack() as stack:
        running = start_all(peers.servers(options), stack)
        for case in CASES:
            made, found = table(case, measure(case, running, options))
            tables.append(made)
            facts |= found
    return tables, facts
