"""Clients over one connection: messages a second, CPU, network turns, and messages a second behind a delay."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

from tests.benchmarks import home, peers
from tests.benchmarks.processes import Server, processors
from tests.benchmarks.tables import OURS, Facts, Table, figure, median, ratio, spread

SIZE = 1024
FAR = 20  # messages that are sent to the far server
QUEUED, CHUNKED = "smtpcore, queued", "smtpcore, queued, CHUNKING"
PYTHON_PEERS = ("smtplib", "aiosmtplib", "smtpproto")


def send(command: list[str], port: int, count: int, limit: float) -> dict[str, float]:
    """Run a client to its end; gives the seconds and the CPU seconds of its sending."""
    arguments = [part.format(port=port, count=count, size=SIZE) for part in command]
    if home.program("taskset"):
        arguments = ["taskset", "-c", str(processors()[1]), *arguments]
    done = subprocess.run(
        arguments,
        check=False,
        cwd=home.ROOT,
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=limit + 20,
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-300:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def far_server(server: Server, milliseconds: float) -> Iterator[tuple[int, IO[str]]]:
    """The port of a delayed way to the server, and where the turns of each connection are told."""
    command = [sys.executable, "-m", "tests.benchmarks.delay", str(server.port), str(milliseconds)]
    process = subprocess.Popen(
        command, cwd=home.ROOT, env=home.environment(), stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.stdout
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def near(
    server: Server, commands: dict[str, list[str]], options: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {}
    counts: dict[str, int] = {}
    for name, command in commands.items():
        try:
            first = send(command, server.port, 200, options.limit)
        except (RuntimeError, subprocess.SubprocessError) as problem:
            print(f"# left out: {problem}", file=sys.stderr)
            continue
        counts[name] = max(200, int(200 / first["secs"] * options.seconds * options.scale))
    for _ in range(options.runs):
        for name, count in counts.items():
            found.setdefault(name, []).append(send(commands[name], server.port, count, options.limit))
    return found


def far(server: Server, commands: dict[str, list[str]], options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Turns for a message, and messages a second."""
    found: dict[str, tuple[float, float]] = {}
    with far_server(server, options.rtt) as (port, told):
        for name, command in commands.items():
            result = send(command, port, FAR, options.limit)
            found[name] = int(told.readline()) / FAR, FAR / result["secs"]
    return found


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    facts: Facts = {}
    python = str(home.python())
    ours = [python, "examples/asyncio_server.py", "{port}"]
    commands = peers.clients(options)
    sink = peers.sink_command()
    plain = {name: command for name, command in commands.items() if name != CHUNKED}
    with Server(peers.SINK if sink else OURS, sink or ours) as server:
        close = near(server, plain, options)
        away = far(server, {name: plain[name] for name in close}, options)
    first = table(f"Clients to {server.name}, {SIZE} octets", close, away, options.rtt)
    collect(facts, close, away)
    tables = [first]
    chunked = {name: commands[name] for name in (QUEUED, CHUNKED) if name in commands}
    if chunked:  # smtp-sink does not offer CHUNKING
        with Server(OURS, ours) as server:
            close = near(server, chunked, options)
            away = far(server, chunked, options)
        tables.append(table("Clients to our own server, which offers CHUNKING", close, away, options.rtt))
        if CHUNKED in away:
            facts["client.chunking.turns"] = away[CHUNKED][0]
    return tables, facts


def table(
    title: str, close: dict[str, list[dict[str, float]]], away: dict[str, tuple[float, float]], rtt: float
) -> Table:
    made = Table(
        title,
        ["", "messages/s", "CPU us/message", "spread", "x smtplib", "turns/message", f"messages/s at {rtt:g} ms"],
        f"Turns are counted over {FAR} messages with the greeting, EHLO and QUIT: a twentieth of them is 0.05.",
    )
    cpus = {name: [each["cpu"] / each["n"] * 1e6 for each in values] for name, values in close.items()}
    for name, values in close.items():
        made.add(
            name,
            f"{median([each['n'] / each['secs'] for each in values]):.0f}",
            f"{median(cpus[name]):.0f}",
            spread(cpus[name]),
            figure(ratio(cpus, name, "smtplib")),
            figure(away[name][0]),
            figure(away[name][1], 1),
        )
    return made


def collect(facts: Facts, close: dict[str, list[dict[str, float]]], away: dict[str, tuple[float, float]]) -> None:
    cpus = {name: [each["cpu"] / each["n"] for each in values] for name, values in close.items()}
    for key, name in (("client", OURS), ("client.queued", QUEUED)):
        value = ratio(cpus, name, "smtplib")
        if value is not None:
            facts[f"{key}.cpu"] = value
        if name in away:
            facts[f"{key}.turns"] = away[name][0]
    best = max((away[name][1] for name in PYTHON_PEERS if name in away), default=0.0)
    if best and QUEUED in away:
        facts["client.queued.far"] = away[QUEUED][1] / best
