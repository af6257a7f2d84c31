"""Clients over one connection: messages a second, CPU, network turns, and messages a second behind a delay.

Each client tells its own time and CPU, from the greeting to the reply to QUIT; smtpproto and nodemailer begin after
EHLO, and smtp-source does not tell: there its start counts.  Behind the delay the time is the proxy's, for all alike.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, NamedTuple, TypedDict

from tests.benchmarks import home, peers
from tests.benchmarks.peers import CHUNKED, QUEUED, SOURCE
from tests.benchmarks.processes import Server, held_to, processors
from tests.benchmarks.tables import OURS, Facts, Table, figure, median, ratio, spread

SIZE = 1024
FAR = 20  # messages that are sent to the far server
FAR_ROUNDS = 3
PYTHON_PEERS = ("smtplib", "aiosmtplib", "smtpproto")


class Sent(TypedDict):
    """What a client prints: messages, seconds by the clock, CPU seconds."""

    n: int
    secs: float
    cpu: float


class Away(NamedTuple):
    """Of a client of the far server: turns for a message, with EHLO; messages a second."""

    turns: float
    rate: float


def send(command: list[str], port: int, count: int, limit: float) -> Sent:
    """Run a client to its end; raises `RuntimeError` when it failed or took too long."""
    arguments = [part.format(port=port, count=count, size=SIZE) for part in command]
    environment = home.environment()
    try:
        with held_to(processors()[1][0]):
            done = subprocess.run(
                arguments,
                check=False,
                cwd=home.ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=limit + 20,
            )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(arguments)}: more than {limit + 20:g} s") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-300:]}")
    found: Sent = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def far_server(server: Server, milliseconds: float) -> Iterator[tuple[int, IO[str]]]:
    """The port of a delayed way to the server, and where the turns of the connection are told."""
    command = [sys.executable, "-m", "tests.benchmarks.delay", str(server.port), str(milliseconds)]
    environment = home.environment()
    with held_to(processors()[0]):
        process = subprocess.Popen(
            command, cwd=home.ROOT, env=environment, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.stdout
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def near(
    server: Server, commands: dict[str, list[str]], missing: dict[str, str], options: argparse.Namespace
) -> dict[str, list[Sent]]:
    """By client: what it told in each round; those that fail are noted as missing."""
    found: dict[str, list[Sent]] = {}
    counts: dict[str, int] = {}
    for name, command in commands.items():
        try:
            first = send(command, server.port, 200, options.limit)
        except RuntimeError as problem:
            print(f"# left out: {problem}", file=sys.stderr)
            missing[name] = "does not send"
            continue
        counts[name] = max(200, int(200 / first["secs"] * options.seconds * options.scale))
    for _ in range(options.runs):
        for name, count in counts.items():
            found.setdefault(name, []).append(send(commands[name], server.port, count, options.limit))
    return found


def far(server: Server, commands: dict[str, list[str]], options: argparse.Namespace) -> dict[str, list[Away]]:
    """By client: what each round showed."""
    found: dict[str, list[Away]] = {}
    for _ in range(min(options.runs, FAR_ROUNDS)):
        for name, command in commands.items():
            with far_server(server, options.rtt) as (port, told):
                send(command, port, FAR, options.limit)
                if not select.select([told], [], [], options.limit)[0]:
                    raise RuntimeError(f"{name}: its connection to the far server does not end")
                seen = json.loads(told.readline())
                found.setdefault(name, []).append(Away(seen["turns"] / FAR, FAR / seen["seconds"]))
    return found


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    facts: Facts = {}
    python = str(home.python())
    ours = [python, "examples/asyncio_server.py", "{port}"]
    there = peers.clients(options)
    sink = peers.sink_command()
    plain = {name: command for name, command in there.commands.items() if name != CHUNKED}
    tables: list[Table] = []
    if plain:
        with Server(peers.SINK if sink else OURS, sink or ours) as server:
            close = near(server, plain, there.missing, options)
            away = far(server, {name: plain[name] for name in close}, options)
        note = there.note(NOTE) + ("" if sink else f" {peers.SINK} is not here either: they send to our own server.")
        tables.append(table(f"Clients to {server.name}, {SIZE} octets", close, away, options.rtt, note))
        collect(facts, close, away)
    chunked = {name: there.commands[name] for name in (QUEUED, CHUNKED) if name in there.commands}
    if chunked:  # smtp-sink does not offer CHUNKING
        with Server(OURS, ours) as server:
            close = near(server, chunked, {}, options)
            away = far(server, chunked, options)
        tables.append(table("Clients to our own server, which offers CHUNKING", close, away, options.rtt, ""))
        if CHUNKED in away:
            facts["client.chunking.turns"] = median([each.turns for each in away[CHUNKED]])
    return tables, facts


NOTE = f"""\
Turns are counted over {FAR} messages with EHLO and QUIT: one of them is 0.05. Behind the delay the clock runs from \
the reply to EHLO to that to QUIT. {SOURCE} is timed with its start. `x best` is to the fastest Python peer."""


def best_peer(away: dict[str, list[Away]]) -> float:
    """Messages a second of the Python peer that was fastest behind the delay; 0 when there is none."""
    return max((median([each.rate for each in away[name]]) for name in PYTHON_PEERS if name in away), default=0.0)


def table(title: str, close: dict[str, list[Sent]], away: dict[str, list[Away]], rtt: float, note: str) -> Table:
    header = ["", "messages/s", "CPU us/message", "spread", "x smtplib"]
    header += ["turns/message", f"messages/s at {rtt:g} ms", "spread", "x best"]
    made = Table(title, header, note)
    cpus = {name: [each["cpu"] / each["n"] * 1e6 for each in values] for name, values in close.items()}
    best = best_peer(away)
    for name, values in close.items():
        rates = [each.rate for each in away[name]]
        made.add(
            name,
            f"{median([each['n'] / each['secs'] for each in values]):.0f}",
            f"{median(cpus[name]):.0f}",
            spread(cpus[name]),
            figure(ratio(cpus, name, "smtplib")),
            figure(median([each.turns for each in away[name]])),
            figure(median(rates), 1),
            spread(rates),
            figure(median(rates) / best if best else None),
        )
    return made


def collect(facts: Facts, close: dict[str, list[Sent]], away: dict[str, list[Away]]) -> None:
    cpus = {name: [each["cpu"] / each["n"] for each in values] for name, values in close.items()}
    for key, name in (("client", OURS), ("client.queued", QUEUED)):
        value = ratio(cpus, name, "smtplib")
        if value is not None:
            facts[f"{key}.cpu"] = value
        if name in away:
            facts[f"{key}.turns"] = median([each.turns for each in away[name]])
    best = best_peer(away)
    if best and QUEUED in away:
        facts["client.queued.far"] = median([each.rate for each in away[QUEUED]]) / best
