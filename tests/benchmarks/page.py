"""Makes docs/performance.md: python -m tests.benchmarks.page RESULTS.json... >docs/performance.md"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import TypedDict

from tests.benchmarks import foreign, goals, home
from tests.benchmarks.__main__ import SECTIONS
from tests.benchmarks.tables import Facts

INTRODUCTION = """\
# How fast it is

This page is made by a program from the runs named below of `python -m tests.benchmarks`, which measures this library
and its peers side by side on one machine; run it on yours (`--help` says how). Only ratios within a run mean something
elsewhere, and differences under 15 percent, or under the spread, mean nothing.
CPU is processor time by the operating system's account, medians over rounds in which the competitors take turns;
`spread` is the distance of the extremes in percent of the median. A column `x NAME` is the ratio to NAME.

Every server takes each message and drops it. Ours hands every command to an application, which accepts it, and
every octet of text, which was checked for bare CR and LF. Limits of peers that would end a session (20 calls of one
verb in aiosmtpd) are lifted. smtp-sink is Postfix's own test sink, in C.

How some goals are read here: "where plain copy makes 7" scales our figure by the speed of `bytes(bytearray(piece))`
measured beside it; "where one compiled regex takes 0.9" likewise by a look-up of the verb and one expression for the
whole line. A client's clock starts when it has the greeting, as smtplib's does. The driver in memory pulls with
`next_event()`, which is a little cheaper than the generator `events()`. Growth is timed without making the input; its
control rows copy octets of the same size, and show what the caches of the machine do by themselves.
"""


def machine() -> list[str]:
    """What it ran on."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = found[0] if found else model
    return [
        f"* {os.cpu_count()} x {model}, {platform.system()} {platform.release()}",
        f"* {platform.python_implementation()} {platform.python_version()}",
        *(f"* {line}" for line in peers()),
    ]


def peers() -> list[str]:
    """The versions of the peers."""
    import importlib.metadata as metadata

    found = []
    for name in home.PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    found += foreign.versions()
    return [", ".join(found)] if found else []


class Result(TypedDict):
    """What `--json` keeps."""

    options: list[str]
    asked: list[str]
    loads: list[float]
    facts: Facts
    tables: dict[str, list[str]]


def described(result: Result) -> list[str]:
    """A run: its command, what else the machine did, and what did not come to its end."""
    lines = [f"* `python -m tests.benchmarks {' '.join([*result['asked'], *result['options']])}`"]
    low, high = min(result["loads"]), max(result["loads"])
    lines.append(f"  (load of the machine meanwhile: {low:.1f} to {high:.1f} on {os.cpu_count()} processors)")
    missing = [name for name in result["asked"] if name not in result["tables"]]
    if missing:
        lines.append(f"  This run was cut short: nothing here from {', '.join(missing)}.")
    return lines


def page(results: list[Result], losses: str) -> str:
    facts: Facts = {}
    tables: dict[str, list[str]] = {}
    runs: list[str] = []
    for result in results:
        facts |= result["facts"]
        tables |= result["tables"]
        runs += described(result)
    parts = [INTRODUCTION, "## Machine and runs", "", *machine(), *runs, ""]
    parts += [goals.table(facts).markdown(2), losses]
    for name, text in SECTIONS.items():
        if name in tables:
            parts += [f"## {text[0].upper()}{text[1:]}", "", *tables[name]]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.page", description=__doc__)
    parser.add_argument(
        "files", nargs="+", metavar="RESULTS.json", help="what `python -m tests.benchmarks --json` kept"
    )
    results: list[Result] = []
    for name in parser.parse_args().files:
        try:
            result: Result | list[object] = json.loads(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            parser.error(f"{name}: {problem}")
        if not isinstance(result, dict) or not Result.__required_keys__ <= result.keys():
            parser.error(f"{name}: these are not results of python -m tests.benchmarks")
        results.append(result)
    losses = (Path(__file__).parent / "losses.md").read_text(encoding="utf-8")
    sys.stdout.write(page(results, losses))


if __name__ == "__main__":
    main()
