"""The Debian packages of each part, in a folder that the environment names.

`python -m tests.interop.mta.packages FOLDER` fetches what is not there yet: each part's packages with those that they
need and this machine does not have.  Nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

#: The variable that names the folder.
FOLDER: Final = "SMTPCORE_PARTS"
#: What must be there for each part; the first package names the version.
PARTS: Final = {
    "postfix": ("postfix",),
    "exim": ("exim4-daemon-light", "exim4-base"),
    "opensmtpd": ("opensmtpd",),
    "dovecot": ("dovecot-core", "dovecot-lmtpd", "dovecot-submissiond"),
}
#: Seconds for one call of apt-get.
_WAIT: Final = 120.0


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.deb"))


def _complete(folder: Path, part: str) -> bool:
    return all(any(folder.glob(f"{name}_*.deb")) for name in PARTS[part])


def found(part: str) -> tuple[list[Path], str]:
    """The packages of a part, and why there are none (empty when there are)."""
    name = os.environ.get(FOLDER)
    if name is None:
        return [], f"{part} ({FOLDER} names no folder)"
    folder = Path(name).resolve() / part
    return (_files(folder), "") if _complete(folder, part) else ([], f"{part} (not in {FOLDER})")


def version(files: list[Path], part: str) -> str:
    """The version of the part's first package."""
    (file,) = (file for file in files if file.name.startswith(f"{PARTS[part][0]}_"))
    return file.name.split("_")[1].replace("%3a", ":")


def _apt(*arguments: str, folder: Path | None = None) -> str:
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_WAIT).stdout


def _needed(part: str) -> list[str]:
    """Its packages, and what an installation would bring along; only files count, so set-up tools are left out."""
    names = list(PARTS[part])
    for line in _apt("-s", "install", "--no-install-recommends", *names).splitlines():
        word, _, rest = line.partition(" ")
        name = rest.split(" ")[0].split(":")[0]
        if word == "Inst" and name.startswith("lib") and name not in names:
            names.append(name)
    return names


def fetch(root: Path) -> list[str]:
    """Fetch all parts that are not there; gives the names of those that are there in the end."""
    for part in PARTS:
        folder = root / part
        if not _complete(folder, part):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                _apt("download", *_needed(part), folder=folder)
            except (subprocess.SubprocessError, OSError) as error:
                print(f"{part}: {error}", file=sys.stderr)
    return [part for part in PARTS if _complete(root / part, part)]


if __name__ == "__main__":
    print(*(f"{part} {version(_files(Path(sys.argv[1]) / part), part)}" for part in fetch(Path(sys.argv[1]))), sep=", ")
