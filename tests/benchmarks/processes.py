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

from tests.benchmarks import home

#: Seconds until a server has to listen.
PATIENCE = 20.0


def processors() -> tuple[int, int]:
    """One for the server, one for the load; the same when there is no other."""
    there = sorted(os.sched_getaffinity(0))
    return there[0], there[-1]


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
        self._process = subprocess.Popen(
            arguments,
            cwd=home.ROOT,
            env=home.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.sched_setaffinity(self._process.pid, {self.processor})
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
        total = 0
        for pid in self._family():
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

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


def start_all(commands: dict[str, list[str]], stack: contextlib.ExitStack) -> list[Server]:
    """Those that can be started; the others are left out, with a word to standard error."""
    found = []
    for name, command in commands.items():
        try:
            found.append(stack.enter_context(Server(name, command)))
        except (OSError, RuntimeError) as problem:
            print(f"# left out: {problem}", file=sys.stderr)
    return found
