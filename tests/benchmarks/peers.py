"""The competitors as command lines."""

from __future__ import annotations

import argparse
import os

from tests.benchmarks import home
from tests.benchmarks.tables import OURS

SINK = "smtp-sink"


def servers(options: argparse.Namespace) -> dict[str, list[str]]:
    """Every server that is here, by name; those that `--only` names, if any."""
    python = str(home.python())
    ours = [python, "examples/asyncio_server.py", "{port}"]
    theirs = [python, "-m", "tests.benchmarks.peer_servers"]
    found = {
        OURS: ours,
        "smtpcore, uvloop": [*ours, "--uvloop"],
        "Twisted": [*theirs, "twisted", "{port}"],
        "aiosmtpd": [*theirs, "aiosmtpd", "{port}"],
        "aiosmtpd, uvloop": [*theirs, "aiosmtpd", "{port}", "--uvloop"],
    }
    sink = sink_command()
    if sink:
        found = {SINK: sink, **found}
    return chosen(found, options)


def sink_command() -> list[str]:
    """Postfix's own sink, in C; empty when it is not here."""
    program = home.program("smtp-sink")
    if program is None:
        return []
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    return [program, *user, "-m", "2000", "127.0.0.1:{port}", "1000"]


def clients(options: argparse.Namespace) -> dict[str, list[str]]:
    """Every client: arguments are the port, the number of messages and their size in octets."""
    python, tail = str(home.python()), ["{port}", "{count}", "{size}"]
    ours = [python, "-m", "tests.benchmarks.send_many", *tail]
    theirs = [python, "-m", "tests.benchmarks.peer_clients"]
    found = {
        "smtplib": [*theirs, "smtplib", *tail],
        "aiosmtplib": [*theirs, "aiosmtplib", *tail],
        "smtpproto": [*theirs, "smtpproto", *tail],
        OURS: [*ours, "--one"],
        "smtpcore, queued": ours,
        "smtpcore, queued, CHUNKING": [*ours, "--chunking"],
    }
    return chosen(found, options)


def chosen(found: dict[str, list[str]], options: argparse.Namespace) -> dict[str, list[str]]:
    return {name: command for name, command in found.items() if not options.only or name in options.only}
