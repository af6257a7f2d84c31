"""The competitors as command lines, and why some are not here."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from typing import NamedTuple

from tests.benchmarks import foreign, home
from tests.benchmarks.tables import OURS

SINK, SOURCE = "smtp-sink", "smtp-source"
GO, NODE = "go-smtp", "nodemailer"
UVLOOP = f"{OURS}, uvloop"
QUEUED, CHUNKED = f"{OURS}, queued", f"{OURS}, queued, CHUNKING"
#: What each of those in Python needs.
PACKAGES = {
    "Twisted": ("twisted",),
    "aiosmtpd": ("aiosmtpd",),
    "aiosmtpd, uvloop": ("aiosmtpd", "uvloop"),
    UVLOOP: ("uvloop",),
    "aiosmtplib": ("aiosmtplib",),
    "smtpproto": ("smtpproto",),
}
SERVERS = (SINK, GO, NODE, OURS, UVLOOP, "Twisted", "aiosmtpd", "aiosmtpd, uvloop")
CLIENTS = (SOURCE, NODE, "smtplib", "aiosmtplib", "smtpproto", OURS, QUEUED, CHUNKED)


class Peers(NamedTuple):
    """Command lines by name, and the reason for each that is not here."""

    commands: dict[str, list[str]]
    missing: dict[str, str]

    def note(self, text: str = "") -> str:
        """`text`, and who is not in the table."""
        absent = "; ".join(f"{name} ({reason})" for name, reason in self.missing.items())
        return " ".join(part for part in (text, f"Not here: {absent}." if absent else "") if part)


def servers(options: argparse.Namespace) -> Peers:
    """Every server; those that `--only` names, if any."""
    python = str(home.python())
    ours = [python, "examples/asyncio_server.py", "{port}"]
    theirs = [python, "-m", "tests.benchmarks.peer_servers"]
    return chosen(
        SERVERS,
        {
            SINK: sink_command(),
            GO: foreign.go_smtp("{port}"),
            NODE: foreign.nodemailer("server", "{port}"),
            OURS: ours,
            UVLOOP: [*ours, "--uvloop"],
            "Twisted": [*theirs, "twisted", "{port}"],
            "aiosmtpd": [*theirs, "aiosmtpd", "{port}"],
            "aiosmtpd, uvloop": [*theirs, "aiosmtpd", "{port}", "--uvloop"],
        },
        options,
    )


def sink_command() -> list[str]:
    """Postfix's own sink, in C; empty when it is not here."""
    program = home.program(SINK)
    if program is None:
        return []
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    return [program, *user, "-m", "2000", "127.0.0.1:{port}", "1000"]


def clients(options: argparse.Namespace) -> Peers:
    """Every client: arguments are the port, the number of messages and their size in octets."""
    python, tail = str(home.python()), ["{port}", "{count}", "{size}"]
    ours = [python, "-m", "tests.benchmarks.send_many", *tail]
    theirs = [python, "-m", "tests.benchmarks.peer_clients"]
    return chosen(
        CLIENTS,
        {
            NODE: foreign.nodemailer("client", *tail),
            OURS: [*ours, "--one"],
            QUEUED: ours,
            CHUNKED: [*ours, "--chunking"],
            **{name: [*theirs, name, *tail] for name in (SOURCE, "smtplib", "aiosmtplib", "smtpproto")},
        },
        options,
    )


def reason(name: str) -> str:
    """Why a competitor is not here; empty when it is."""
    if name in (SINK, SOURCE):
        return foreign.postfix_missing(name)
    if name == GO:
        return foreign.go_smtp_missing()
    if name == NODE:
        return foreign.nodemailer_missing()
    absent = [package for package in PACKAGES.get(name, ()) if find_spec(package) is None]
    return f"no {' and no '.join(absent)}" if absent else ""


def chosen(names: tuple[str, ...], commands: dict[str, list[str]], options: argparse.Namespace) -> Peers:
    wanted = [name for name in names if not options.only or name in options.only]
    missing = {name: reason(name) for name in wanted}
    return Peers(
        {name: commands[name] for name in wanted if not missing[name]},
        {name: why for name, why in missing.items() if why},
    )
