"""Watches the whole suite: no credential that a test uses shows in an event, an error or in what is printed.

While a test runs, what it logs in with is noted as it passes by; every event that an end hands out and every error
that is raised is turned into text, as a log would do it, and looked at.  What the test prints is looked at in the end.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from smtpcore.client import ClientConnection
from smtpcore.errors import SMTPError
from smtpcore.extensions.auth import Auth, Authenticate
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.sasl.scram_keys import ScramKeys
from smtpcore.server import ServerConnection

#: Tests that count calls or octets of memory, which watching would add to.
LEFT_ALONE = ("test_benchmarks.py", "test_hostile_linear.py", "test_hostile_memory.py", "test_value.py")
#: Mechanisms whose initial response is a name, which may be logged.
NAMES_ONLY = ("LOGIN", "EXTERNAL", "ANONYMOUS")
#: Shorter ones, as "x", stand in texts for other reasons.
SHORTEST = 6


def written(secret: object) -> Iterator[str]:
    """A secret as it would show: as it is, in a `repr`, in base64."""
    octets = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    if not isinstance(octets, bytes) or len(octets) < SHORTEST:
        return
    yield secret if isinstance(secret, str) else repr(secret)[2:-1]
    yield base64.b64encode(octets).decode()[: len(octets) // 3 * 4]


class SecretWatch:
    """What is known of the secrets of the test that runs."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        #: Texts looked at while there was a secret to be found.
        self.looked_at = 0

    def note(self, *secrets: object) -> None:
        for secret in secrets:
            if isinstance(secret, ScramKeys):
                self.note(secret.stored_key, secret.server_key)
            else:
                self.secrets.update(written(secret))

    def look(self, *texts: str) -> None:
        for text in texts if self.secrets else ():
            self.looked_at += 1
            for secret in self.secrets:
                assert secret not in text, "a credential shows"  # the text itself would be one more place

    def event(self, event: object) -> None:
        if isinstance(event, Authenticate):
            credentials = event.credentials
            self.note(getattr(credentials, "password", None), getattr(credentials, "token", None))
        elif isinstance(event, Auth) and event.mechanism not in NAMES_ONLY:
            self.note(event.initial)
        if self.secrets and event is not None:
            self.look(repr(event), str(event))

    # -- where it stands -------------------------------------------------------------------------------------------

    def installed(self, patch: pytest.MonkeyPatch) -> None:
        watch = self

        def watched(next_event: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def wrapper(connection: Any) -> Any:
                event = next_event(connection)
                watch.event(event)
                return event

            return wrapper

        for end in (ServerConnection, ClientConnection):
            patch.setattr(end, "next_event", watched(end.next_event))
        provide, credentials, error = ServerConnection.provide, ClientCredentials.__init__, SMTPError.__init__

        def provided(connection: Any, question: Any, value: object) -> None:
            watch.note(value)
            provide(connection, question, value)

        def made(self: Any, *arguments: Any, **named: Any) -> None:
            credentials(self, *arguments, **named)
            watch.note(self.password, self.token)

        def failed(self: Any, *arguments: Any, **named: Any) -> None:
            error(self, *arguments, **named)
            watch.look(*map(str, arguments), repr(arguments))

        patch.setattr(ServerConnection, "provide", provided)
        type.__setattr__(ClientCredentials, "__init__", made)
        patch.setattr(SMTPError, "__init__", failed, raising=False)


class Plugin:
    """Puts a watch around each test."""

    def __init__(self) -> None:
        self.looked_at = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        if item.path.name in LEFT_ALONE:
            return (yield)
        watch = SecretWatch()
        original = ClientCredentials.__init__
        with pytest.MonkeyPatch.context() as patch:
            watch.installed(patch)
            try:
                result = yield
            finally:
                type.__setattr__(ClientCredentials, "__init__", original)
                self.looked_at += watch.looked_at
        item.stash[_WATCH] = watch
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        report = yield
        watch = item.stash.get(_WATCH, None)
        if watch is not None and report.when == "teardown" and report.passed:
            try:
                watch.look(*(text for _, text in report.sections))
            except AssertionError as error:
                report.outcome, report.longrepr = "failed", str(error)
        return report


_WATCH = pytest.StashKey[SecretWatch]()
