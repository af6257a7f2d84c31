"""`python -m tests.benchmarks`: runs the sections that were asked for, ours beside the peers, and prints tables."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence

from tests.benchmarks import foreign, goals, home, peers, processes
from tests.benchmarks.tables import Facts

#: Module of this package to what it measures.
SECTIONS = {
    "objects": "protocol objects in memory: CPU of a transaction, both ends",
    "micro": "lines to events, content coding, values, import",
    "memory": "an idle connection: the object, and in a server process",
    "growth": "how cost grows with hostile input, in memory, both ends",
    "servers": "server processes: CPU and messages/s, 1 and 100 messages per connection, 10 and 100 connections",
    "bodies": "long messages into server processes: MB/s and peak memory",
    "hostile": "pipelined RCPT and small pieces over a socket",
    "clients": "clients: messages/s, CPU, network turns, and behind a delay",
}

#: Those that need the account that Linux keeps of processes.
PROCESSES = ("memory", "servers", "bodies", "hostile", "clients")

EPILOG = """\
Ratios within one run say something; absolute figures say something about the machine.  A server has one processor to
itself, the load the others.  Peers in Python are installed by package name into a folder when they are missing; so are
nodemailer where there is npm, and go-smtp where there are Debian's packages (--no-install: only what is there).
smtp-sink and smtp-source are used where Postfix's package is.  What is not here is said in the notes of the tables.
PERF_HOME names the folder of the peers.  Everything runs on 127.0.0.1.  --json keeps the results, from which
`python -m tests.benchmarks.page FILE...` makes docs/performance.md.
"""


def count(text: str) -> int:
    """An argument of 1 or more."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return value


def amount(text: str) -> float:
    """An argument above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def parser() -> argparse.ArgumentParser:
    sections = "\n".join(f"  {name:<10}{text}" for name, text in SECTIONS.items())
    names = "\n".join([f"  servers: {'; '.join(peers.SERVERS)}", f"  clients: {'; '.join(peers.CLIENTS)}"])
    made = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"Measures smtpcore beside its peers in one run.\n\nsections:\n{sections}\n\nNAMES:\n{names}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("what", nargs="*", metavar="SECTION", help="default: all of them")
    made.add_argument(
        "--runs", type=count, default=5, help="rounds, by turns; medians are shown (default: %(default)s)"
    )
    made.add_argument(
        "--scale", type=amount, default=1.0, help="work of each round, as a factor (default: %(default)s)"
    )
    made.add_argument("--seconds", type=amount, default=1.0, help="of one load on a server (default: %(default)s)")
    made.add_argument(
        "--limit", type=amount, default=60.0, help="seconds that any one load may take (default: %(default)s)"
    )
    made.add_argument("--rtt", type=amount, default=20.0, help="delay of the far server, in ms (default: %(default)s)")
    made.add_argument("--only", action="append", default=[], metavar="NAME", help="this competitor (repeatable)")
    made.add_argument("--json", metavar="FILE", help="write the results there as well")
    made.add_argument("--no-install", action="store_true", help="do not install peers that are missing")
    return made


def asked(made: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the program with a message when they make no sense."""
    options = made.parse_args(arguments)
    for what, given, known in (
        ("section", options.what, set(SECTIONS)),
        ("competitor", options.only, {*peers.SERVERS, *peers.CLIENTS}),
    ):
        unknown = sorted(set(given) - known)
        if unknown:
            made.error(f"no such {what}: {', '.join(unknown)} (there are: {'; '.join(sorted(known))})")
    if options.json:
        try:
            with open(options.json, "a", encoding="utf-8"):
                pass
        except OSError as problem:
            made.error(f"--json: {problem}")
    options.what = list(dict.fromkeys(options.what)) or [*SECTIONS]
    if not processes.accounted():
        left_out = [name for name in options.what if name in PROCESSES]
        options.what = [name for name in options.what if name not in PROCESSES]
        if left_out:
            print(f"# left out: {', '.join(left_out)}: this system keeps no account of processes", file=sys.stderr)
    return options


def shown(options: argparse.Namespace) -> list[str]:
    """The options that decide what the figures are worth."""
    return ["--runs", str(options.runs), "--scale", f"{options.scale:g}", "--seconds", f"{options.seconds:g}"]


def main() -> int:
    options = asked(parser())
    if not home.inside() and home.prepare(not options.no_install):
        if not options.no_install:
            foreign.prepare()
        # The peers' environment has everything that is compared: go on there.
        arguments = [str(home.python()), "-m", "tests.benchmarks", *sys.argv[1:]]
        os.execve(arguments[0], arguments, home.environment())
    facts: Facts = {}
    texts: dict[str, list[str]] = {}
    loads = [os.getloadavg()[0]]
    for name in options.what:
        begin = time.monotonic()
        tables, found = importlib.import_module(f"tests.benchmarks.{name}").run(options)
        facts |= found
        texts[name] = [table.markdown(3) for table in tables if table.rows]
        print("\n".join(texts[name]), flush=True)
        print(f"# {name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
        loads.append(os.getloadavg()[0])
        if options.json:
            kept = {"options": shown(options), "asked": options.what, "loads": loads}
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump({**kept, "facts": facts, "tables": texts}, file, indent=1)
    print(goals.table(facts).markdown(3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
