"""Peers in other languages, in the folder of the peers: go-smtp (Go), nodemailer (Node), Postfix's test programs (C).

Nothing is installed into the system.  Packages of npm go to a folder of their own; go-smtp is built from Debian's
packages, with their compiler when there is none; they are unpacked and not installed.  What cannot be had is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import home

#: Where these sources are.
_HERE = Path(__file__).resolve().parent
_NODE_PACKAGES = ("smtp-server", "nodemailer")
_GO_PACKAGES = ("golang-github-emersion-go-smtp-dev", "golang-github-emersion-go-sasl-dev")
#: Seconds for one call of a package client or of the compiler.
_WAIT = 240


def prepare() -> None:
    """Make what is missing and can be made; a word to standard error for what cannot."""
    ways: dict[str, tuple[Callable[[], str], Callable[[], None]]] = {
        "nodemailer": (nodemailer_missing, _install_node),
        "go-smtp": (go_smtp_missing, _build_go),
    }
    for name, (missing, make) in ways.items():
        if missing():
            try:
                make()
            except (OSError, subprocess.SubprocessError) as problem:
                print(f"# left out: {name}: {problem}", file=sys.stderr)


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    given = {**os.environ, **(environment or {})}
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=given,
        capture_output=True,
        text=True,
        timeout=_WAIT,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise OSError(f"{' '.join(command[:2])}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _need(name: str) -> str:
    found = home.program(name)
    if found is None:
        raise OSError(f"there is no {name}")
    return found


# --- Node ----------------------------------------------------------------------------------------------------------


def _modules() -> Path:
    return home.folder() / "node" / "node_modules"


def nodemailer_missing() -> str:
    """Why nodemailer is not here; empty when it is."""
    if home.program("node") is None:
        return "no node"
    return "" if all((_modules() / name).exists() for name in _NODE_PACKAGES) else "not installed"


def nodemailer(*arguments: str) -> list[str]:
    return [home.program("node") or "node", str(_HERE / "peer_node.js"), *arguments]


def _install_node() -> None:
    npm = _need("npm")
    folder = _modules().parent
    folder.mkdir(parents=True, exist_ok=True)
    _run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *_NODE_PACKAGES], folder)


# --- Go ------------------------------------------------------------------------------------------------------------


def _go_folder() -> Path:
    return home.folder() / "go"


def _go_program() -> Path:
    return _go_folder() / "peer_go"


def go_smtp_missing() -> str:
    """Why go-smtp is not here; empty when it is."""
    return "" if _go_program().exists() else "not built"


def go_smtp(*arguments: str) -> list[str]:
    return [str(_go_program()), *arguments]


def _build_go() -> None:
    """From Debian's sources; with Debian's compiler when there is no other."""
    there = home.program("go")
    parts = _go_folder() / "parts"
    version = _unpack([*_GO_PACKAGES, *([] if there else ["golang-go"])], parts)
    usr = parts / "usr"
    compiler = [there] if there else [str(path) for path in sorted(usr.glob("lib/go-*/bin/go"))]
    if not compiler:
        raise OSError("Debian's packages hold no compiler")
    environment = {
        "GO111MODULE": "off",
        "GOPATH": f"{usr / 'share' / 'gocode'}:/usr/share/gocode",
        "GOCACHE": str(_go_folder() / "cache"),
        "CGO_ENABLED": "0",
    }
    if not there:
        environment["GOROOT"] = str(Path(compiler[0]).parents[1])
    _run([compiler[0], "build", "-o", str(_go_program()), str(_HERE / "peer_go.go")], _go_folder(), environment)
    built = _run([compiler[0], "env", "GOVERSION"], _go_folder(), environment).strip()
    (_go_folder() / "version").write_text(f"go-smtp {version} ({built})\n", encoding="utf-8")
    for folder in (parts, _go_folder() / "cache"):
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(names: list[str], folder: Path) -> str:
    """Debian's packages, and those in Go that they need and that are not installed; gives the first one's version."""
    apt, tool = _need("apt-get"), _need("dpkg-deb")
    folder.mkdir(parents=True, exist_ok=True)
    plan = _run([apt, "-s", "-q", "install", "--no-install-recommends", *names], folder).splitlines()
    wanted = {line.split()[1] for line in plan if line.startswith("Inst golang-")}
    if wanted:
        _run([apt, "-q", "-o", "APT::Sandbox::User=root", "download", *sorted(wanted)], folder)
    for file in sorted(folder.glob("*.deb")):
        _run([tool, "-x", str(file), str(folder)], folder)
        file.unlink()
    policy = _run([_need("apt-cache"), "policy", names[0]], folder)
    return next((line.split()[1] for line in policy.splitlines() if "Candidate:" in line), "?")


# --- Postfix -------------------------------------------------------------------------------------------------------


def postfix_missing(name: str) -> str:
    """Why `smtp-sink` or `smtp-source` is not here; empty when it is."""
    return "" if home.program(name) else "Postfix's package is not installed"


# --- Versions ------------------------------------------------------------------------------------------------------


def versions() -> list[str]:
    """Of those that are here."""
    found: list[str] = []
    for name in _NODE_PACKAGES:
        file = _modules() / name / "package.json"
        if file.exists():
            found.append(f"{name} {json.loads(file.read_text(encoding='utf-8'))['version']}")
    if not go_smtp_missing():
        file = _go_folder() / "version"
        found.append(file.read_text(encoding="utf-8").strip() if file.exists() else "go-smtp")
    postconf = home.program("postconf")
    if postconf:
        try:
            found.append(f"Postfix {_run([postconf, '-d', '-h', 'mail_version'], _HERE).strip()}")
        except (OSError, subprocess.SubprocessError):
            found.append("Postfix")
    return found
