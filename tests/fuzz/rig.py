"""Finds the targets and runs them: by atheris, which follows the branches, or by plain random changes of the seeds."""

from __future__ import annotations

import importlib
import pkgutil
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

PACKAGE = "tests.fuzz.targets"
#: Octets at which parsers of SMTP go wrong; half of what the plain runner puts in comes from here.
TRAPS: Sequence[bytes] = (
    *(bytes((octet,)) for octet in b'\r\n\0 .-=<>@:;,"\\[]()+*%!#\t\x7f\x80\xff\xc3\xa90129aZ'),
    *(b"\r\n", b"\r\n.\r\n", b"\n.\n", b"\r\n.", b"\r.\r", b"..", b"\r\nQUIT\r\n", b"\r\nRSET\r\n", b"250 ", b"250-"),
    *(b"421 x\r\n", b"354 x\r\n", b"220 x\r\n", b"334 \r\n", b"5", b"BDAT 9 LAST\r\n", b"DATA\r\n", b"STARTTLS\r\n"),
    *(b"AUTH PLAIN\r\n", b"=\r\n", b"*\r\n", b"<>", b"+0D+0A", b"\\x{", b"IPv6:", b"\xe2\x80\xa8", b"99999999999"),
)
LONGEST = 8192


class NoTarget(Exception):
    """A module among the targets that cannot be run: it has no `run`, no seeds, or it cannot be imported."""


@dataclass(frozen=True)
class Target:
    """One target: its name, what it is about, its seeds, and the function that a fuzzer calls."""

    name: str
    about: str
    seeds: Callable[[], Iterable[bytes]]
    run: Callable[[bytes], None]


def names(package: str = PACKAGE) -> list[str]:
    """The targets that there are: every module of the package, listed nowhere."""
    home = importlib.import_module(package)
    return sorted(module.name for module in pkgutil.iter_modules(home.__path__))


def load(name: str, package: str = PACKAGE) -> Target:
    """One target.  Raises `NoTarget` when it would not start."""
    try:
        module = importlib.import_module(f"{package}.{name}")
    except Exception as error:
        raise NoTarget(f"{name}: {type(error).__name__}: {error}") from error
    seeds, run = _function(module, "seeds"), _function(module, "run")
    if seeds is None or run is None:
        raise NoTarget(f"{name}: a target has the functions seeds() and run(data)")
    target = Target(name, (module.__doc__ or "").partition("\n")[0], seeds, run)
    if not any(True for _ in target.seeds()):
        raise NoTarget(f"{name}: no seeds")
    return target


def _function(module: ModuleType, name: str) -> Callable[..., Any] | None:
    found = getattr(module, name, None)
    return found if callable(found) else None


class Finding(Exception):
    """A target has raised: `data` is the input that did it, the cause is what it raised."""

    def __init__(self, target: str, data: bytes) -> None:
        super().__init__(f"{target}: {data!r}")
        self.data = data


def mutations(seeds: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """The seeds in some order, a changed one behind each, then changed ones without end; the same for one `chance`."""
    for seed in chance.sample(seeds, len(seeds)):
        yield seed
        yield _changed(chance.choice(seeds), seeds, chance)
    while True:
        yield _changed(chance.choice(seeds), seeds, chance)


def _changed(seed: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        _change(data, seeds, chance)
    return bytes(data[:LONGEST])


def _change(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 16, 64)))
    kind = chance.randrange(8)
    if kind == 0:
        del data[at:end]
    elif kind == 1:
        data[at:at] = data[at:end] * chance.choice((1, 2, 8))
    elif kind == 2:
        other = chance.choice(seeds)
        start = chance.randrange(len(other) + 1)
        data[at:end] = other[start : start + chance.choice((1, 8, 64, 512))]
    elif kind == 3:
        data[at:end] = chance.randbytes(chance.choice((1, 2, 4)))
    elif kind == 4:  # the decisions of a dialogue stand at the end
        tail = chance.randbytes(chance.choice((4, 16, 64)))
        data += tail + bytes((len(tail),))
    elif kind == 5 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    else:
        data[at : at if kind == 6 else end] = chance.choice(TRAPS)


def run_plainly(target: Target, *, executions: int | None = None, seconds: float | None = None, seed: int = 0) -> int:
    """Run a target on its seeds and on changes of them; gives the number of executions.

    With `executions` and without `seconds` every run is the same.  Raises `Finding` at the first bug.
    """
    end = None if seconds is None else time.monotonic() + seconds
    count = 0
    for data in mutations(list(target.seeds()), random.Random(f"{target.name} {seed}")):
        if count == executions or (end is not None and time.monotonic() >= end):
            break
        try:
            target.run(data)
        except Exception as error:
            raise Finding(target.name, data) from error
        count += 1
    return count
