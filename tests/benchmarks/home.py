"""The folder of the peers: a virtual environment filled by package name, when it is first needed.

`PERF_HOME` names the folder; without it there is one below the temporary directory, which other harnesses may share.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The packages of the peers, and of the event loop that ours is measured with.
PACKAGES = ("aiosmtpd", "uvloop", "twisted", "aiosmtplib", "smtpproto")
#: Seconds that the installation of the peers may take.
PATIENCE = 600


def folder() -> Path:
    given = os.environ.get("PERF_HOME")
    return Path(given) if given else Path(tempfile.gettempdir()) / "smtpperf"


def _own() -> Path:
    return folder() / "venv" / "bin" / "python"


def python() -> Path:
    """The interpreter for all that is in Python: that of the environment, or this one when there is none."""
    return _own() if _own().exists() else Path(sys.executable)


def inside() -> bool:
    """Whether this very process runs in the environment of the peers."""
    return Path(sys.prefix).resolve() == (folder() / "venv").resolve()


def prepare(install: bool = True) -> bool:
    """Make the environment and install what is missing; gives whether there is one.

    A package that cannot be installed is left out, with a word to standard error: its rows will be missing.
    """
    if not _own().exists():
        if not install:
            return False
        folder().mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "venv", str(folder() / "venv")]
        if subprocess.run(command, check=False, timeout=PATIENCE).returncode:
            print("# left out: all peers in Python: no virtual environment could be made", file=sys.stderr)
            shutil.rmtree(folder() / "venv", ignore_errors=True)
            return False
    if install:
        for name in missing():
            command = [str(_own()), "-m", "pip", "install", "-q", "--disable-pip-version-check", name]
            if subprocess.run(command, check=False, timeout=PATIENCE).returncode:
                print(f"# left out: {name} could not be installed", file=sys.stderr)
    return True


def missing() -> list[str]:
    """The packages that the environment does not have."""
    code = "import sys, importlib.util as u; print(*[n for n in sys.argv[1:] if u.find_spec(n) is None])"
    command = [str(_own()), "-c", code, *PACKAGES]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return found.stdout.split()


def environment() -> dict[str, str]:
    """For processes of the peers and ours: this checkout is importable, and compiled code is kept outside of it."""
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **given,
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(folder() / "pycache"),
        "NODE_PATH": str(folder() / "node" / "node_modules"),
    }


def program(name: str) -> str | None:
    """A program of the system, also from the folder of administrators, where Postfix is."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + os.path.join(os.sep, "usr", "sbin")
    return shutil.which(name, path=path)
