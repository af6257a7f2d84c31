"""Runs a daemon as if its packages were installed: they are laid over `/` in a mount namespace of its own.

The daemon finds its files, users and configuration at their usual places; outside nothing changes, and several that
could not be installed together run at once.  Its processes have a process namespace too, so that none outlives a test.
Needs root.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

from tests.applications import PATIENCE, Lines
from tests.interop.mta.packages import found

#: $1 is the folder; it holds `files`, `start` and a mount point `m`; the other arguments are packages.
_SCRIPT: Final = r"""
set -e
w=$1; m=$w/m; shift
mount -t tmpfs -o mode=755 tmpfs "$m"
mkdir "$m/l" "$m/u" "$m/w" "$m/r"
for file; do dpkg-deb --fsys-tarfile "$file" | tar -x -C "$m/l"; done
for name in lib bin sbin; do  # these are links to usr: a folder in the layer would hide them
  if [ -d "$m/l/$name" ] && [ -L "/$name" ]; then
    mkdir -p "$m/l/usr/$name"; cp -a "$m/l/$name/." "$m/l/usr/$name/"; rm -r "$m/l/$name"
  fi
done
cp -a "$w/files/." "$m/u/"
mount -t overlay -o "lowerdir=$m/l:/,upperdir=$m/u,workdir=$m/w" overlay "$m/r"
mkdir -p "$m/r/proc" "$m/r/dev" "$m/r$w"
mount --bind "$w" "$m/r$w"
mount -t proc proc "$m/r/proc"
mount --rbind /dev "$m/r/dev"
mount -t tmpfs -o mode=755 tmpfs "$m/r/run"
mount -t tmpfs -o mode=1777 tmpfs "$m/r/var/tmp"
exec chroot "$m/r" /bin/sh -e "$w/start"
"""
#: No name server, no other machine: what a daemon looks up is answered at once.
_NAMES: Final = {
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n",
}
_FIRST_ID: Final = 64100


@functools.cache
def _may_mount() -> bool:
    """Whether root may do here what root may: in a container that is often forbidden."""
    command = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def needed(part: str) -> list[Path]:
    """The packages of the part; skips the test where it cannot run."""
    files, missing = found(part)
    if missing:
        pytest.skip(missing)
    if os.name != "posix" or os.getuid() != 0:
        pytest.skip(f"{part} (root)")
    if shutil.which("dpkg-deb") is None or shutil.which("unshare") is None:
        pytest.skip(f"{part} (dpkg-deb, unshare)")
    if not _may_mount():
        pytest.skip(f"{part} (may not mount)")
    return files


class Layer:
    """A part's daemon.  Use it in a `with`; `folder` is seen under the same path inside and outside.

    `users` are made with a group of the same name.  `start` is a shell script, run inside as root, that ends in `exec`
    of the daemon in the foreground.  `port`: ready when something there sends a greeting.
    """

    def __init__(self, part: str, users: Sequence[str], files: Mapping[str, str], start: str, port: int) -> None:
        packages = needed(part)
        self.part, self.port = part, port
        self.folder = Path(tempfile.mkdtemp(prefix=f"{part}-"))
        self.folder.chmod(0o755)  # daemons give up root, and must still find their files
        (self.folder / "m").mkdir()
        self._write("start", start.replace("$FOLDER", str(self.folder)))
        for path, text in {**_NAMES, **_accounts(users), **files}.items():
            self._write(f"files{path}", text.replace("$FOLDER", str(self.folder)))
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _SCRIPT, "sh", str(self.folder)]
            + [str(file) for file in packages],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        )
        assert self._process.stdout is not None
        self._lines = Lines(self._process.stdout)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    def __enter__(self) -> Self:
        try:
            self._await_greeting()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _await_greeting(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as sock:
                    if sock.recv(1):
                        return
            except ConnectionError:
                pass
            assert time.monotonic() < deadline, f"{self.part} does not listen\n{self.log()}"
            try:
                self._process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"{self.part} has ended\n{self.log()}")

    def log(self) -> str:
        """What it has said so far."""
        said = b"".join(self._lines.all)
        return said.decode("utf-8", "replace") + "".join(
            file.read_text("utf-8", "replace") for file in sorted(self.folder.glob("log/*"))
        )

    def stop(self) -> None:
        """End all its processes, and its folder."""
        if self._process.poll() is None:
            # The first process of the namespace: with it all others end, before the kernel tells of its end.
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            for child in children:
                os.kill(int(child), 9)
            if not children:
                self._process.kill()
        self._process.wait(PATIENCE)
        self._lines.rest()
        shutil.rmtree(self.folder)


def _accounts(users: Sequence[str]) -> dict[str, str]:
    """The machine's users and groups with these, who have nothing but an id."""
    passwd, group = Path("/etc/passwd").read_text(encoding="utf-8"), Path("/etc/group").read_text(encoding="utf-8")
    for number, user in enumerate(users, _FIRST_ID):
        passwd = "".join(line for line in passwd.splitlines(True) if not line.startswith(f"{user}:"))
        group = "".join(line for line in group.splitlines(True) if not line.startswith(f"{user}:"))
        passwd += f"{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
        group += f"{user}:x:{number}:\n"
    return {"/etc/passwd": passwd, "/etc/group": group}
