"""Writes `docs/state-machine.md` from the table in `smtpcore/state.py`: `python docs/state_machine.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.state import Move, State

PAGE = Path(__file__).parent / "state-machine.md"
HEAD = """# The state machine

Generated from the table in `smtpcore/state.py` by `python docs/state_machine.py`; do not edit.

Both ends use this one table. The server answers 503 to a command that has no arrow from the state it is in; the
client refuses to send it. Commands that leave a state as it is in every case (NOOP, VRFY, EXPN, HELP) are left out of
the picture and stand in the table below.

"""


def arrows() -> Iterator[tuple[str, str, str]]:
    """From, to, label: the moves that change the state, verbs with the same way joined."""
    ways: dict[tuple[State, State], list[str]] = {}
    for state, row in rows():
        for verb, move in row.items():
            if move.done is not state:
                ways.setdefault((state, move.done), []).append(verb)
            if move.refused is not state and move.refused is not move.done:
                ways.setdefault((state, move.refused), []).append(f"{verb} refused")
    for (start, end), verbs in ways.items():
        yield start.name, end.name, ", ".join(name(verb) for verb in verbs)


def rows() -> Iterator[tuple[State, dict[str, Move]]]:
    """The table with the verbs of the extensions of this package."""
    for state in State:
        yield state, dict(CLIENT_EXTENSIONS.rows[state])


def name(verb: str) -> str:
    """A verb as a reader knows it."""
    special = {".": "end of the message", "CONNECT": "greeting", "CONNECT refused": "greeting refused"}
    return special.get(verb, verb.replace("TLS", "handshake") if verb.startswith("TLS") else verb)


def page() -> str:
    """The whole page."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> CONNECTED"]
    lines += [f"    {start} --> {end}: {label}" for start, end, label in arrows()]
    lines += ["    CLOSED --> [*]", "```", ""]
    lines += ["| state | command | after 2yz or 3yz | after 4yz or 5yz |", "|---|---|---|---|"]
    for state, row in rows():
        lines += [
            f"| {state.name} | {name(verb)} | {move.done.name} | {move.refused.name} |" for verb, move in row.items()
        ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or with `--check` say whether it is stale."""
    if "--check" in sys.argv[1:]:
        fresh = PAGE.exists() and PAGE.read_text("utf-8") == page()
        sys.stdout.write("fresh\n" if fresh else f"stale: run python docs/{Path(__file__).name}\n")
        return 0 if fresh else 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
