"""`python -m tests.vectors [DIRECTORY]`: judge this library by every vector file of a directory."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.vectors.cases import UnknownFormat
from tests.vectors.runner import DATA, lines, load_all, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all well, 1 a case failed or a required kind was missing, 2 a file cannot be judged at all."""
    parser = argparse.ArgumentParser(prog="python -m tests.vectors", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=DATA, help="default: the vectors of this project")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose id or category contains TEXT")
    parser.add_argument("--kind", action="append", metavar="KIND", help="only files of this kind (repeatable)")
    parser.add_argument("--require", action="append", default=[], metavar="KIND", help="fail when KIND did not run")
    parser.add_argument("--strict", action="store_true", help="contentious cases count too")
    parser.add_argument("--show", type=int, default=5, metavar="N", help="failures shown per file (default: 5)")
    options = parser.parse_args(arguments)
    try:
        documents = load_all(options.directory)
    except UnknownFormat as error:
        print(error, file=sys.stderr)
        return 2
    ran: set[str] = set()
    passed = failed = 0
    for document in documents:
        if options.kind and document.kind not in options.kind:
            continue
        tally = run(document, options.only)
        print("\n".join(lines(tally, shown=options.show)), flush=True)
        if tally.passed or tally.failed:
            ran.add(document.kind)
        passed += tally.passed.total() + (tally.contentious_passed if options.strict else 0)
        failed += tally.failed.total() + (tally.contentious_failed if options.strict else 0)
    for kind in options.require:
        if kind not in ran:
            print(f"{kind}: required, but no case of it ran")
            failed += 1
    print(f"vectors: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
