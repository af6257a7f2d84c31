"""STARTTLS: the declaration (RFC 3207); the conversation is in test_server_tls."""

from __future__ import annotations

import pytest

from smtpcore.commands import parse
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.starttls import StartTls, StartTlsExtension
from smtpcore.session import Session

rule = pytest.mark.rule


@rule("X-STARTTLS-13")
def test_it_is_offered_in_the_clear_only() -> None:
    assert StartTlsExtension().offer(Session()) == ()
    assert StartTlsExtension().offer(Session(tls=True)) is None


@rule("X-STARTTLS-01")
def test_on_the_wire() -> None:
    assert StartTls().to_bytes() == b"STARTTLS\r\n"
    assert parse(b"starttls", ExtensionSet([StartTlsExtension()]).language()) == StartTls()
