"""Seeds: the octets of the vectors in tests/vectors/data, by subject.  Imports nothing of the library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "vectors" / "data"
#: Seeds that are longer teach a fuzzer nothing more.
LONGEST = 6000


@cache
def cases(name: str) -> tuple[dict[str, Any], ...]:
    """The cases of one file of vectors."""
    content = json.loads((DATA / f"{name}.json").read_text(encoding="ascii"))
    found: list[dict[str, Any]] = content.get("vectors") or content["cases"]
    return tuple(found)


def octets(text: str) -> bytes:
    """What a string of the vectors stands for: octets, or Unicode text that goes as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _some(found: Iterator[bytes]) -> tuple[bytes, ...]:
    """Each once, in order, without the empty and the very long ones."""
    return tuple(dict.fromkeys(octets for octets in found if 0 < len(octets) <= LONGEST))


def addresses() -> tuple[bytes, ...]:
    """Mailboxes, paths, domains and literals."""
    return _some(octets(case["input"]) for case in cases("addresses"))


def command_lines() -> tuple[bytes, ...]:
    """Command lines without CRLF."""
    return _some(octets(case["input"]) for case in cases("commands"))


def parameters() -> tuple[bytes, ...]:
    """What stands behind the path of MAIL and RCPT."""
    lines = (line.partition(b"> ") for line in command_lines() if line[:4].upper() in (b"MAIL", b"RCPT"))
    return _some(rest for _, _, rest in lines)


def replies(kind: str = "") -> tuple[bytes, ...]:
    """Replies, all or those of one kind: `reply`, `greeting`, `ehlo`."""
    return _some(octets(case["input"]) for case in cases("replies") if kind in ("", case["kind"]))


def client_wires() -> tuple[bytes, ...]:
    """What clients say to a server in whole sessions, honest and hostile."""
    return _some(_client_wires())


def _client_wires() -> Iterator[bytes]:
    for case in cases("server_sessions"):
        yield b"".join(octets(step["send"]) for step in case["steps"] if "send" in step)
    for case in cases("hostile_server"):
        yield b"".join(_sent(step) for step in case["steps"])
    for case in cases("client_sessions"):
        yield b"".join(_first(step["client"]) for step in case["dialog"] if "client" in step)


def _times(step: dict[str, Any]) -> int:
    """The numbers are for the vectors; here the shape counts."""
    return min(int(step["times"]), 5000 // len(step["repeat"]))


def _sent(step: dict[str, Any]) -> bytes:
    if "repeat" in step:
        return octets(step.get("prefix", "") + step["repeat"] * _times(step) + step.get("suffix", ""))
    return b"".join(octets(step[key]) for key in ("send", "drip") if key in step)


def _first(said: str | list[str]) -> bytes:
    return octets(said if isinstance(said, str) else said[0])


def server_wires() -> tuple[bytes, ...]:
    """What servers say to a client in whole sessions, honest and hostile."""
    return _some(_server_wires())


def _server_wires() -> Iterator[bytes]:
    for case in cases("client_sessions"):
        yield b"".join(octets(step["server"]) for step in case["dialog"] if "server" in step)
    for case in cases("hostile_client"):
        yield b"".join(_said(entry) for entry in case["server_says"])


def _said(entry: dict[str, Any]) -> bytes:
    if "repeat" in entry:
        repeated = "".join(entry["repeat"].replace("{n}", str(number)) for number in range(_times(entry)))
        return octets(entry.get("prefix", "") + repeated + entry.get("suffix", ""))
    return octets(entry.get("say", ""))


def texts() -> tuple[bytes, ...]:
    """Texts of messages as they are sent behind 354, and as they are meant."""
    return _some(_texts())


def _texts() -> Iterator[bytes]:
    for wire in client_wires():
        yield from wire.split(b"DATA\r\n")[1:]
    for case in cases("client_sessions"):
        yield octets(case["intent"]["body"])
    for case in cases("hostile_client"):
        yield octets(case["client_intent"].get("body", ""))
