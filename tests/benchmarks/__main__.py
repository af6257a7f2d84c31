"""`python -m tests.benchmarks`: runs the sections that were asked for, ours beside the peers, and prints tables."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time

from tests.benchmarks import goals, home
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

EPILOG = """\
Ratios within one run say something; absolute figures say something about the machine.  Peers are installed by package
name when they are missing (--no-install: only those that are there).  smtp-sink is used where Postfix's package is.
PERF_HOME names the folder of the peers.  Everything runs on 127.0.0.1.  --json keeps the results, from which
`python -m tests.benchmarks.page FILE...` makes docs/performance.md.
"""


def parser() -> argparse.ArgumentParser:
    sections = "\n".join(f"  {name:<10}{text}" for name, text in SECTIONS.items())
    made = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"Measures smtpcore beside its peers in one run.\n\nsections:\n{sections}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("what", nargs="*", metavar="SECTION", help="default: all of them")
    made.add_argument("--runs", type=int, default=5, help="rounds, by turns; medians are shown (default: %(default)s)")
    made.add_argument("--scale", type=float, default=1.0, help="work of each round, as a factor (default: %(default)s)")
    made.add_argument("--seconds", type=float, default=1.0, help="of one load on a server (default: %(default)s)")
    made.add_argument(
        "--limit", type=float, default=60.0, help="seconds that any one load may take (default: %(default)s)"
    )
    made.add_argument("--rtt", type=float, default=20.0, help="delay of the far server, in ms (default: %(default)s)")
    made.add_argument("--only", action="append", default=[], metavar="NAME", help="this competitor (repeatable)")
    made.add_argument("--json", metavar="FILE", help="write the results there as well")
    made.add_argument("--no-install", action="store_true", help="do not install peers that are missing")
    return made


def shown(options: argparse.Namespace) -> list[str]:
    """The options that decide what the figures are worth."""
    return ["--runs", str(options.runs), "--scale", f"{options.scale:g}", "--seconds", f"{options.seconds:g}"]


def main() -> int:
    made = parser()
    options = made.parse_args()
    unknown = set(options.what) - SECTIONS.keys()
    if unknown:
        made.error(f"no such section: {', '.join(sorted(unknown))}")
    if not home.inside() and home.prepare(not options.no_install):
        # The peers' environment has everything that is compared: go on there.
        arguments = [str(home.python()), "-m", "tests.benchmarks", *sys.argv[1:]]
        os.execve(arguments[0], arguments, home.environment())
    facts: Facts = {}
    texts: dict[str, list[str]] = {}
    loads = [os.getloadavg()[0]]
    for name in options.what or SECTIONS:
        begin = time.monotonic()
        tables, found = importlib.import_module(f"tests.benchmarks.{name}").run(options)
        facts |= found
        texts[name] = [table.markdown(3) for table in tables]
        print("\n".join(texts[name]), flush=True)
        print(f"# {name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
        loads.append(os.getloadavg()[0])
        if options.json:
            kept = {"options": shown(options), "asked": options.what or [*SECTIONS], "loads": loads}
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump({**kept, "facts": facts, "tables": texts}, file, indent=1)
    print(goals.table(facts).markdown(3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
