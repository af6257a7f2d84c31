"""Counts what ran: a part that is missing must be seen in the log, not hidden in a row of dots."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.applications import Serve

_ran: list[str] = []
_skipped: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "tests/interop/" not in report.nodeid:
        return
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped[report.nodeid] = str(report.longrepr[2]).removeprefix("Skipped: ")
    elif report.when == "call":
        _ran.append(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _ran or _skipped:
        missing = ", ".join(sorted(set(_skipped.values()))) or "nothing"
        terminalreporter.write_line(f"interop: {len(_ran)} ran, {len(_skipped)} skipped (missing: {missing})")


def program(name: str) -> str:
    """The path of a program of another project; skips the test where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(name)
    return found


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Our server with JSON lines; in the end it is told to stop, and must do so without a word."""
    with Serve() as server:
        yield server
        server.stop()


class Certificates:
    """An authority of our own, and the certificate of `localhost` and 127.0.0.1, as files."""

    def __init__(self, folder: Path) -> None:
        trustme = pytest.importorskip("trustme", reason="trustme")
        authority = trustme.CA()
        self.authority, self.server = str(folder / "authority.pem"), str(folder / "server.pem")
        authority.cert_pem.write_to_path(self.authority)
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.server)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for tests of TLS."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
