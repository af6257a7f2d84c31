"""Postfix, Exim and OpenSMTPD between our two ends: what our client gives them reaches our server as it was."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from smtpcore.delivery import Message
from tests.applications import PATIENCE, Serve
from tests.interop.mta.layer import Layer, needed
from tests.interop.mta.parts import MTAS
from tests.interop.mta.sending import HEADER, below_trace, deliver
from tests.interop.test_mta_dovecot import AWKWARD

pytestmark = pytest.mark.interop
SENDER = "a@example.org"


class Relay(NamedTuple):
    """A server of another project, and ours behind it."""

    name: str
    mta: Layer
    far: Serve


@pytest.fixture(scope="module", params=MTAS)
def relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    name: str = request.param
    needed(name.lower())
    with Serve() as far, MTAS[name](far.port) as mta:
        yield Relay(name, mta, far)
        far.stop()


def through(relay: Relay, bodies: list[bytes], **options: Any) -> dict[str, list[dict[str, Any]]]:
    """Send each to a recipient of its own; what our server took, by recipient."""
    messages = [Message(SENDER, (f"r{number}@example.net",), body) for number, body in enumerate(bodies)]
    reports = deliver(relay.mta.port, messages, **options)
    assert [report.error for report in reports] == [""] * len(bodies), relay.mta.log()
    taken: dict[str, list[dict[str, Any]]] = {}
    for message in relay.far.messages(len(bodies)):
        for recipient in message["rcpt_to"]:
            taken.setdefault(recipient["to"], []).append(message)
    return taken


def text(message: dict[str, Any]) -> bytes:
    return below_trace(base64.b64decode(message["body_base64"]))


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
def test_the_text_goes_on_as_it_was(chunking: bool, relay: Relay) -> None:
    taken = through(relay, AWKWARD, chunking=chunking)
    for number, body in enumerate(AWKWARD):
        (message,) = taken[f"r{number}@example.net"]
        assert message["mail_from"] == SENDER
        assert text(message) == body, number


def test_texts_without_an_end_or_a_header(relay: Relay) -> None:
    """Each part completes a message that has no header, below or above; our octets are there, and one message each."""
    bodies = [b"", b"\r\n", b".", b".\r\n", b"..\r\n", b"\r\n.\r\n", b"no end of line", HEADER + b"x\r\n."]
    taken = through(relay, bodies, chunking=False)
    for number, body in enumerate(bodies):
        (message,) = taken[f"r{number}@example.net"]
        whole = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
        assert base64.b64decode(message["body_base64"]).endswith(whole), number
