"""Trials: each is a forked process, so that a fault leaves nothing behind."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

T = TypeVar("T")
#: Octets of memory that a trial may take beyond what its parent has.
_MEMORY: Final = 1 << 30
_STATM: Final = Path("/proc/self/statm")
#: A trial that failed itself, not the tests.
BROKEN: Final = "broken"
#: What became of a trial whose process did not say.
TIMEOUT: Final = ["timeout", ""]


@dataclass
class _Trial(Generic[T]):
    task: T
    pid: int
    end: float
    said: bytearray = field(default_factory=bytearray)


def _start(task: T, run: Callable[[T], list[str]], seconds: float) -> tuple[int, _Trial[T]]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return reader, _Trial(task, pid, time.monotonic() + seconds)
    os.close(reader)
    result = [BROKEN, ""]
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(silence, number)
        if _STATM.exists():
            pages = int(_STATM.read_text(encoding="ascii").split()[0])
            limit = pages * resource.getpagesize() + _MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
        result = run(task)
    except BaseException:
        result = [BROKEN, traceback.format_exc()]
    finally:
        answer(writer, result)
    raise AssertionError


def answer(writer: int, result: list[str]) -> None:
    """The last act of a trial."""
    os.write(writer, json.dumps(result).encode())
    os._exit(0)


def pool(tasks: Iterable[T], run: Callable[[T], list[str]], jobs: int, seconds: float) -> Iterator[tuple[T, list[str]]]:
    """Run each task in a process of its own, some at a time; one that takes longer than this is ended."""
    waiting = iter(tasks)
    running: dict[int, _Trial[T]] = {}
    more = True
    while True:
        while more and len(running) < jobs:
            try:
                task = next(waiting)
            except StopIteration:
                more = False
                break
            sys.stdout.flush()
            reader, trial = _start(task, run, seconds)
            running[reader] = trial
        if not running:
            return
        ready, _, _ = select.select([*running], [], [], 1)
        for reader in ready:
            trial = running[reader]
            octets = os.read(reader, 65536)
            trial.said += octets
            if octets:
                continue
            del running[reader]
            os.close(reader)
            os.waitpid(trial.pid, 0)
            result: list[str] = json.loads(trial.said) if trial.said else TIMEOUT
            yield trial.task, result
        for trial in running.values():
            if time.monotonic() > trial.end:
                os.kill(trial.pid, signal.SIGKILL)
