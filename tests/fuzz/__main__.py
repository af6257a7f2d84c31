"""`python -m tests.fuzz NAME`: run one target, or all of them, for some seconds.  docs/fuzzing.md tells the rest."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import rig

ROOT = Path(__file__).parent.parent.parent
#: What libFuzzer says at its end, and the plain runner too.
_DONE = re.compile(r"^Done (\d+) runs", re.MULTILINE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 nothing found, 1 a bug or a target that does not start, 2 wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", nargs="?", help="the target (see --list)")
    parser.add_argument("--list", action="store_true", help="list the targets")
    parser.add_argument("--all", action="store_true", help="run every target, one after the other")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target (60)")
    parser.add_argument("--plain", action="store_true", help="random changes of the seeds, without atheris")
    parser.add_argument("--seed", type=int, default=0, help="number that the random changes begin with (plain)")
    parser.add_argument("--corpus", type=Path, help="folder that keeps the inputs that reach new branches (atheris)")
    parser.add_argument("--input", type=Path, metavar="FILE", help="run the target once, on the octets of a file")
    parser.add_argument("--atheris", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--package", default=rig.PACKAGE, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.list:
        return _list(options.package)
    if options.all:
        return _all(options)
    if options.name is None:
        parser.print_usage(sys.stderr)
        return 2
    try:
        return _one(options)
    except rig.NoTarget as error:
        print(error, file=sys.stderr)
        return 1


def _list(package: str) -> int:
    status = 0
    for name in rig.names(package):
        try:
            print(f"{name:12} {rig.load(name, package).about}")
        except rig.NoTarget as error:
            print(f"{error}", file=sys.stderr)
            status = 1
    return status


def _all(options: argparse.Namespace) -> int:
    """Each target in a process of its own: atheris takes one, and ends it."""
    failed = []
    found = rig.names(options.package)
    for name in found:
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(options.seconds)]
        command += ["--package", options.package, "--seed", str(options.seed), *(["--plain"] if options.plain else [])]
        command += [] if options.corpus is None else ["--corpus", str(options.corpus / name)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        output = done.stdout.decode("utf-8", "replace")
        runs = _DONE.search(output)
        good = done.returncode == 0 and runs is not None and int(runs[1]) > 0
        print(f"{name:12} {'ok' if good else 'FAILED'} {runs[1] if runs else 'no'} executions", flush=True)
        if not good:
            failed.append(name)
            print(output, file=sys.stderr)
    print(f"{len(found) - len(failed)} targets without a finding, {len(failed)} with one or not started")
    return 1 if failed or not found else 0


def _one(options: argparse.Namespace) -> int:
    if options.atheris is not None:
        return _fuzz(options)
    if options.input is not None:
        rig.load(options.name, options.package).run(options.input.read_bytes())
        return 0
    if not options.plain and importlib.util.find_spec("atheris") is not None:
        return _guided(options)
    target = rig.load(options.name, options.package)
    try:
        count = rig.run_plainly(target, seconds=options.seconds, seed=options.seed)
    except rig.Finding as finding:
        traceback.print_exception(finding.__cause__)
        path = Path(f"crash-{target.name}-{hashlib.sha256(finding.data).hexdigest()[:12]}")
        path.write_bytes(finding.data)
        print(f"the input is in {path}: python -m tests.fuzz {target.name} --input {path}", file=sys.stderr)
        return 1
    print(f"Done {count} runs of {target.name} (plain, seed {options.seed})")
    return 0


def _guided(options: argparse.Namespace) -> int:
    """By atheris, in a process of its own, since its `Fuzz` ends the process and would leave the folders behind."""
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as start:
        for data in rig.load(options.name, options.package).seeds():
            (Path(start) / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        corpus = options.corpus or Path(kept)
        corpus.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.fuzz", options.name, "--package", options.package]
        limits = [f"-max_total_time={max(1, round(options.seconds))}", f"-max_len={rig.LONGEST}", "-timeout=30"]
        command += ["--atheris", *limits, "-print_final_stats=1", str(corpus), start]
        return 1 if subprocess.run(command, check=False).returncode else 0


def _fuzz(options: argparse.Namespace) -> int:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["smtpcore"], enable_loader_override=False):
        target = rig.load(options.name, options.package)
    atheris.Setup([sys.argv[0], *options.atheris], target.run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
