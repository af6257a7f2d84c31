"""Transactions of server processes over loopback: CPU by the operating system's account, and messages a second."""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import time
from typing import NamedTuple

from tests.benchmarks import home, peers
from tests.benchmarks.load import Result, Task
from tests.benchmarks.processes import Server, held_to, processors, start_all
from tests.benchmarks.tables import Facts, Table, figure, median, note_ratio, ratio, spread

SIZE = 1024


class Case(NamedTuple):
    name: str
    connections: int
    each: int
    piped: bool = False
    key: str = ""
    source: bool = False
    note: str = ""


_SOURCE = "Loaded by Postfix's own generator, in C, with its start: a check on the tables above. "
CASES = (
    Case("1 message per connection, 10 connections", 10, 1, key="one"),
    Case("1 message per connection, 100 connections", 100, 1),
    Case("100 messages per connection, 10 connections", 10, 100, key="hundred"),
    Case("100 messages per connection, 100 connections", 100, 100),
    Case("1 message per connection, 10 connections, pipelined", 10, 1, True),
    Case("100 messages per connection, 10 connections, pipelined", 10, 100, True, "piped"),
    Case("100 messages per connection, 100 connections, pipelined", 100, 100, True),
    Case(
        "1 message per connection, 10 connections, by smtp-source", 10, 1, source=True, note=f"{_SOURCE}It says HELO."
    ),
    Case(
        "all messages over 10 connections, by smtp-source",
        10,
        100,
        source=True,
        note=f"{_SOURCE}It cannot say how many messages go over a connection, and says HELO.",
    ),
)
#: Whom the CPU is compared with.
REFERENCES = (peers.SINK, peers.GO, "Twisted", "aiosmtpd")


class Sample(NamedTuple):
    """Of one load: messages a second; CPU microseconds for one, of the server and of the load; parts of the time."""

    rate: float
    cpu: float
    load: float
    busy: float
    waited: float


def load(server: Server, case: Case, total: int, limit: float) -> Sample:
    """Raises `RuntimeError` unless all messages were taken."""
    before = server.account()
    result = by_source(server, case, total, limit) if case.source else by_python(server, case, total, limit)
    time.sleep(0.02)  # the server closes its last connections
    used = server.account().since(before)
    if result["errors"] or not result["messages"]:
        raise RuntimeError(f"{server.name}: {result}")
    messages, seconds = result["messages"], result["seconds"]
    micros = 1e6 / messages
    return Sample(
        messages / seconds, used.ran * micros, result["cpu"] * micros, used.ran / seconds, used.waited / seconds
    )


def by_python(server: Server, case: Case, total: int, limit: float) -> Result:
    task: Task = {
        "connections": case.connections,
        "total": total,
        "each": case.each,
        "size": SIZE,
        "piped": case.piped,
        "limit": limit,
        "processors": processors()[1],
    }
    command = [sys.executable, "-m", "tests.benchmarks.load", str(server.port), json.dumps(task)]
    with held_to(*processors()[1]):
        done = run_bounded(command, limit)
    result: Result = json.loads(done.stdout)
    if result["errors"]:
        print(f"# {server.name}: {done.stderr.strip()[:300]}", file=sys.stderr)
    return result


def by_source(server: Server, case: Case, total: int, limit: float) -> Result:
    """Postfix's own generator; its start and its connections are part of what is measured."""
    program = home.program(peers.SOURCE) or peers.SOURCE
    names = ["-M", "client.example.org", "-f", "sender@example.org", "-t", "recipient@example.net"]
    counts = ["-s", str(case.connections), "-m", str(total), "-l", str(SIZE)]
    keep = ["-d"] if case.each > 1 else []
    used, begin = children(), time.monotonic()
    with held_to(processors()[1][0]):
        done = run_bounded([program, *names, *counts, *keep, f"inet:127.0.0.1:{server.port}"], limit, check=False)
    seconds = time.monotonic() - begin
    if done.returncode:
        print(f"# {server.name}: {done.stderr.strip()[:300]}", file=sys.stderr)
    return {"messages": total, "seconds": seconds, "cpu": children() - used, "errors": int(done.returncode != 0)}


def run_bounded(command: list[str], limit: float, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = home.environment()
    return subprocess.run(
        command, cwd=home.ROOT, env=environment, capture_output=True, text=True, timeout=limit + 20, check=check
    )


def children() -> float:
    """CPU seconds of the processes that ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(case: Case, running: list[Server], options: argparse.Namespace) -> dict[str, list[Sample]]:
    """By server: a sample of each round; the work is cut so that each takes about as long."""
    found: dict[str, list[Sample]] = {}
    totals: dict[str, int] = {}
    first = max(200, case.connections * case.each // 5) // case.each * case.each or case.each
    for server in running:
        sample = attempt(server, case, first, options.limit)
        if sample is None:
            continue
        # Each connection makes TIME_WAIT: a bound on them keeps the ports from running out.
        wanted = min(int(sample.rate * options.seconds * options.scale), 12000 if case.each == 1 else 1 << 30)
        unit = case.each * (case.connections if case.each > 1 else 1)
        totals[server.name] = max(unit, wanted // unit * unit)
    for _ in range(options.runs):
        for server in running:
            sample = attempt(server, case, totals[server.name], options.limit) if server.name in totals else None
            if sample is not None:
                found.setdefault(server.name, []).append(sample)
    return found


def attempt(server: Server, case: Case, total: int, limit: float) -> Sample | None:
    """A load; `None`, with a word to standard error, when it failed."""
    try:
        return load(server, case, total, limit)
    except (RuntimeError, subprocess.SubprocessError) as problem:
        print(f"# left out: {case.name}: {problem}", file=sys.stderr)
        return None


NOTE = """\
`busy` is the part of the time that the server ran, `waited` that it was ready but another process had its processor; \
`load` is what the generator needs for a message: where it is above the server's, messages/s say how fast the \
generator is. nodemailer waits 100 ms before its greeting: with one message for each connection only its CPU counts."""


def table(case: Case, found: dict[str, list[Sample]], note: str) -> tuple[Table, Facts]:
    rates = {name: [each.rate for each in values] for name, values in found.items()}
    cpus = {name: [each.cpu for each in values] for name, values in found.items()}
    header = ["", "messages/s", "x aiosmtpd", "CPU us/message", "spread"]
    header += [f"x {peer}" for peer in REFERENCES] + ["load us", "busy", "waited"]
    made = Table(f"Server process, {case.name}", header, note)
    for name, values in found.items():
        made.add(
            name,
            f"{median(rates[name]):.0f}",
            figure(ratio(rates, name, "aiosmtpd")),
            f"{median(cpus[name]):.0f}",
            spread(cpus[name]),
            *(figure(ratio(cpus, name, peer)) for peer in REFERENCES),
            f"{median([each.load for each in values]):.0f}",
            f"{100 * median([each.busy for each in values]):.0f} %",
            f"{100 * median([each.waited for each in values]):.0f} %",
        )
    facts: Facts = {}
    if case.key:
        note_ratio(facts, f"server.{case.key}.sink", cpus, peers.SINK)
        note_ratio(facts, f"server.{case.key}.sink.uvloop", cpus, peers.SINK, peers.UVLOOP)
        note_ratio(facts, f"server.{case.key}.go.uvloop", cpus, peers.GO, peers.UVLOOP)
        note_ratio(facts, f"server.{case.key}.rate", rates, "aiosmtpd")
    return made, facts


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    tables: list[Table] = []
    facts: Facts = {}
    found = peers.servers(options)
    why = peers.reason(peers.SOURCE)
    with contextlib.ExitStack() as stack:
        running = start_all(found, stack)
        for case in CASES:
            if case.source and why:
                tables[0].note += f" No table by {peers.SOURCE}: {why}."
                continue
            note = case.note or ("" if tables else found.note(NOTE))
            made, part = table(case, measure(case, running, options), note)
            tables.append(made)
            facts |= part
    return tables, facts
