"""Settings that every test shares: generated inputs are the same in each run, and slow machines are no failure."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.conformance import Ledger, Recorder, balance, read_baseline, rules_of, verdict
from tests.secret_watch import Plugin

settings.register_profile(
    "smtpcore",
    derandomize=True,  # a red run is red again, here and on the next machine
    deadline=None,  # time is judged by the benchmarks, not by a busy test machine
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "campaign", parent=settings.get_profile("smtpcore"), derandomize=False, max_examples=20_000, print_blob=True
)
settings.load_profile("smtpcore")

_LEDGER = Ledger.load()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ledger", action="store_true", help="fail when a ledger row of held.txt is not held by this run (whole suite)"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Plugin(), "secrets")
    if config.getoption("--ledger"):
        config.pluginmanager.register(Recorder(), "ledger")


def pytest_runtest_setup(item: pytest.Item) -> None:
    unknown = [name for name in rules_of(item) if name not in _LEDGER.rows]
    if unknown:
        pytest.fail(f"no rows of docs/conformance/ledger.json: {', '.join(unknown)}", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    recorder = config.pluginmanager.get_plugin("ledger")
    if isinstance(recorder, Recorder):
        terminalreporter.write_line(str(balance(_LEDGER.rows.values(), recorder.held(_LEDGER))))
        for problem in verdict(_LEDGER, recorder, read_baseline()):
            terminalreporter.write_line(f"ledger: {problem}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    recorder = session.config.pluginmanager.get_plugin("ledger")
    if not isinstance(recorder, Recorder) or hasattr(session.config, "workerinput"):
        return
    if session.exitstatus == pytest.ExitCode.OK and verdict(_LEDGER, recorder, read_baseline()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
