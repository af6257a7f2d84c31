"""Applications of the library as processes: started as users start them, watched line by line, never by sleeping."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).parent.parent
#: Seconds until a test gives up on a process; no test waits that long when all is well.
PATIENCE = 60.0


class Lines:
    """The lines of a pipe, read in a thread so that the process never waits for the test."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.all: list[bytes] = []
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self.all.append(line)
            self._queue.put(line)
        self._queue.put(None)
        pipe.close()

    def next(self) -> bytes:
        """The next line; fails when there is none in time, or no more at all."""
        try:
            line = self._queue.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError("no line came in time") from None
        assert line is not None, "the stream has ended"
        return line

    def rest(self) -> bytes:
        """All lines, once the stream has ended."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the stream has not ended"
        return b"".join(self.all)


class Application:
    """A Python process of this checkout; use it in a `with`, which ends it."""

    def __init__(self, *arguments: str, stdin: bytes | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)
        if stdin is not None:
            assert self.process.stdin is not None
            self.process.stdin.write(stdin)
            self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.out.rest()
        self.err.rest()

    def address(self, lines: Lines) -> tuple[str, int]:
        """Where it listens, from its first line on that stream."""
        words = lines.next().decode().split()
        assert words[:2] == ["listening", "on"], words
        host, _, port = words[2].rpartition(":")
        return host, int(port)

    def finish(self) -> int:
        """Wait for its end; gives the exit status."""
        status = self.process.wait(PATIENCE)
        self.out.rest()
        self.err.rest()
        return status

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C (or another signal), then wait for the end."""
        self.process.send_signal(number)
        return self.finish()


class Serve(Application):
    """`python -m smtpcore serve` with JSON lines, on a port of its own."""

    def __init__(self, *options: str, output: str = "json") -> None:
        super().__init__("-m", "smtpcore", "serve", "--port", "0", "--output", output, *options)
        self.host, self.port = self.address(self.err)

    def message(self) -> dict[str, Any]:
        """The next message that it took."""
        found: dict[str, Any] = json.loads(self.out.next())
        return found

    def messages(self, count: int) -> list[dict[str, Any]]:
        """The next messages."""
        return [self.message() for _ in range(count)]

    def stop(self) -> None:
        """Ctrl-C: it ends with 0, and has nothing else to say than where it listened."""
        assert self.interrupt() == 0
        assert self.err.rest().count(b"\n") == 1, self.err.rest().decode()


def free_port() -> int:
    """A port that was free a moment ago, for servers that cannot choose one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def run(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    """Run an application to its end: status, standard output, standard error."""
    with Application(*arguments, stdin=stdin) as application:
        status = application.finish()
        return status, application.out.rest().decode(), application.err.rest().decode()


def smtpcore(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    """Run `python -m smtpcore` to its end."""
    return run("-m", "smtpcore", *arguments, stdin=stdin)


def with_final_crlf(bodies: Iterable[bytes]) -> list[bytes]:
    """What DATA makes of texts: each ends in CRLF (RFC 5321 4.1.1.4)."""
    return [body if body.endswith(b"\r\n") or not body else body + b"\r\n" for body in bodies]
