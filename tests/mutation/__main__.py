"""`python -m tests.mutation [module ...]`: see the package."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import tests.mutation as package
from tests.mutation.choice import Choice
from tests.mutation.mutants import Key, Mutant, modules, mutants, path_of
from tests.mutation.reach import reach
from tests.mutation.trials import ANEW, KILLED, Trials
from tests.mutation.verdicts import Verdict, put, read, reasons, survivors, table, write

#: What a trial of all tests that enter a line may take at most, in seconds of usual durations.
_SECONDS = 15.0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=package.__doc__)
    parser.add_argument("modules", nargs="*", metavar="module", help="as `lines` or `sasl/scram`; without: all")
    parser.add_argument("--lines", type=int, nargs="+", default=(), help="only the mutants of these lines")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at a time")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of tests for one mutant, then it survived")
    parser.add_argument("--map", type=Path, help="file that keeps which test enters which line")
    parser.add_argument("--log", type=Path, help="file that verdicts are added to; those in it are not tried again")
    parser.add_argument(
        "--again", type=Path, metavar="LOG", help="only the survivors of this log without a known reason"
    )
    parser.add_argument("--report", type=Path, nargs="+", metavar="LOG", help="try nothing, print the scores of logs")
    parser.add_argument("--into", type=Path, metavar="FILE", help="write scores between the marks of a document")
    return parser.parse_args(arguments)


def _chosen(options: argparse.Namespace, sources: dict[str, str]) -> list[Mutant]:
    names = [name.removeprefix("smtpcore/").removesuffix(".py") for name in options.modules] or list(sources)
    found = [mutant for name in names for mutant in mutants(name, sources[name])]
    if options.lines:
        found = [mutant for mutant in found if mutant.line in options.lines]
    if options.again:
        left = {key for key, each in read(options.again).items() if each.survived} - reasons().keys()
        found = [mutant for mutant in found if mutant.key in left]
    elif options.log and options.log.exists():
        done = {key for key, each in read(options.log).items() if each.result != ANEW}
        found = [mutant for mutant in found if mutant.key not in done]
    return found


def _current(verdicts: dict[Key, Verdict], names: Sequence[str]) -> list[Verdict]:
    """Verdicts on mutants as the modules are now; others are of what was changed since."""
    logged = {key.module for key in verdicts} & {*modules()}
    found: list[Verdict] = []
    for name in sorted(logged & {*names} if names else logged):
        keys = [mutant.key for mutant in mutants(name, path_of(name).read_text(encoding="utf-8"))]
        found += [verdicts[key] for key in keys if key in verdicts]
        if untried := [key for key in keys if key not in verdicts]:
            print(f"{name}: {len(untried)} of {len(keys)} mutants are not in the log", file=sys.stderr)
    return found


def _print(verdicts: Sequence[Verdict]) -> None:
    print("\n".join((*table(verdicts), *survivors(verdicts, equivalent=True))))


def _run(trials: Trials, found: Sequence[Mutant], log: Path) -> None:
    """Try mutants; what was killed by tests that fail anyway is tried again without those."""
    choice = trials.choice
    rest = list(found)

    def tell(mutant: Mutant, result: list[str]) -> None:
        write(log, Verdict.of(mutant, result))

    while rest:
        swapped = [mutant for mutant in rest if choice.can_swap(mutant)]
        trials.swapped(swapped, tell)
        verdicts = read(log)
        first = {mutant: verdicts[mutant.key].detail for mutant in swapped if verdicts[mutant.key].result == ANEW}
        first |= {mutant: "" for mutant in rest if not choice.can_swap(mutant)}
        trials.imported(list(first.items()), tell)
        verdicts = read(log)
        killed = {mutant: verdicts[mutant.key] for mutant in rest}
        bad = _unsound(trials, {each.detail for each in killed.values() if each.result == KILLED})
        choice.void |= bad
        rest = [mutant for mutant, each in killed.items() if each.result == KILLED and each.detail in bad]


def _unsound(trials: Trials, names: set[str]) -> set[str]:
    """Which of these tests fail without a fault."""
    with tempfile.NamedTemporaryFile("a+", encoding="utf-8") as file:
        trials.unsound(sorted(names), lambda name: print(name, file=file, flush=True))
        file.seek(0)
        bad = set(file.read().splitlines())
    for name in sorted(bad):
        print(f"fails without a fault, too: {name}", flush=True)
    return bad


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    if options.report:
        verdicts = _current(read(*options.report), options.modules)
        _print(verdicts)
        if options.into:
            put(options.into, verdicts)
        return
    os.nice(10)
    sources = {name: path_of(name).read_text(encoding="utf-8") for name in modules()}
    where = options.map or Path(tempfile.gettempdir()) / "smtpcore-mutation.json"
    found = _chosen(options, sources)
    trials = Trials(Choice(reach(where), sources), sources, options.jobs, options.seconds)
    with tempfile.TemporaryDirectory() as directory:
        log = options.log or Path(directory) / "log"
        begun = time.monotonic()
        _run(trials, found, log)
        tried = {mutant.key for mutant in found}
        verdicts = [each for each in read(log).values() if each.key in tried] if found else []
    _print(verdicts)
    print(f"\n{len(found)} mutants in {time.monotonic() - begun:.0f} s")
    unknown = [each for each in verdicts if each.survived and each.key not in reasons()]
    if unknown:
        sys.exit(f"{len(unknown)} mutants survived without a known reason")


if __name__ == "__main__":
    main()
