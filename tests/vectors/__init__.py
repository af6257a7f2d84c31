"""Conformance vectors and the runner that judges this library by them.

`data/` holds the files (octets in, what must come of it; they name no class and no function), `FORMATS.md` and
`HOSTILE.md` say how to read them.  `python -m tests.vectors [DIRECTORY]` runs every file of a directory; pytest does
the same through `tests/test_vectors.py`.  Knowledge is kept apart: `runner.py` loads and counts, `judges/` know what a
vector demands, `adapters/` (one module per kind) drive this library and hand what it did to the judge.
"""
