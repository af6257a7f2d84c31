"""Servers as processes, alone on one processor, with the account that the operating system keeps of them (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tests.benchmarks import home
from tests.benchmarks.peers import Peers

#: Seconds until a server has to listen.
PATIENCE = 20.0


#: The processors that this process was given, before anything was held to one of them.
_GIVEN = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else (0,)


def accounted() -> bool:
    """Whether this system keeps the account that the figures of processes come from."""
    return Path("/proc/self/schedstat").exists() and hasattr(os, "sched_setaffinity")


def processors() -> tuple[int, list[int]]:
    """One for the server, the others for the load; the same when there is no other."""
    return _GIVEN[0], list(_GIVEN[1:] or _GIVEN)


@contextlib.contextmanager
def held_to(*which: int) -> Iterator[None]:
    """This process, and those that it starts meanwhile with all of their threads, run only on these processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, which)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Account(NamedTuple):
    """Seconds that a process, with its threads and children, ran, and was ready to run but had to wait."""

    ran: float
    waited: float

    def since(self, before: Account) -> Account:
        return Account(self.ran - before.ran, self.waited - before.waited)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Server:
    """A process that listens on 127.0.0.1; `{port}` in its command line is replaced.  Use it in a `with`."""

    def __init__(self, name: str, command: Sequence[str], processor: int | None = None) -> None:
        self.name = name
        self.port = free_port()
        self.processor = processors()[0] if processor is None else processor
        arguments = [part.format(port=self.port) for part in command]
        with held_to(self.processor):
            self._process = subprocess.Popen(
                arguments,
                cwd=home.ROOT,
                env=home.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._wait(shlex.join(arguments))

    def _wait(self, command: str) -> None:
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                    sock.recv(512)  # the greeting: it is up
                    return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.name} does not listen: {command}")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def cpu(self) -> float:
        """Seconds of processor time that the process, with its threads and children, has had."""
        return self.account().ran

    def account(self) -> Account:
        ran = waited = 0
        for pid in self._family():
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    fields = (task / "schedstat").read_text().split()
                    ran, waited = ran + int(fields[0]), waited + int(fields[1])
        return Account(ran / 1e9, waited / 1e9)

    def memory(self, key: str = "VmRSS") -> int:
        """Octets; `VmHWM` is the peak since `forget_peak`."""
        total = 0
        for pid in self._family():
            with contextlib.suppress(OSError):
                found = re.search(rf"^{key}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
                total += int(found[1]) * 1024 if found else 0
        return total

    def forget_peak(self) -> None:
        for pid in self._family():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _family(self) -> Iterator[int]:
        waiting = [self._process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())


def start_all(found: Peers, stack: contextlib.ExitStack) -> list[Server]:
    """Those that can be started; the others are left out, with a word to standard error and in the notes."""
    running = []
    for name, command in found.commands.items():
        try:
            running.append(stack.enter_context(Server(name, command)))
        except (OSError, RuntimeError) as problem:
            print(f"# left out: {problem}", file=sys.stderr)
            found.missing[name] = "does not start"
    return running
