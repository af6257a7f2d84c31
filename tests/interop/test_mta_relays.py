"""Postfix, Exim and OpenSMTPD between our two ends: what our client gives them reaches our server as it was."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import pytest

from smtpcore.delivery import Message
from tests.applications import Serve
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


def through(relay: Relay, bodies: list[bytes], refused: Collection[int] = (), **options: Any) -> dict[int, Any]:
    """Send each to a recipient of its own; the message that our server took, by the number of the text."""
    messages = [Message(SENDER, (f"{number}@example.net",), body) for number, body in enumerate(bodies)]
    reports = deliver(relay.mta.port, messages, **options)
    errors = ["message-rejected" if number in refused else "" for number in range(len(bodies))]
    assert [report.error for report in reports] == errors, relay.mta.log()
    taken: dict[int, Any] = {}
    for message in relay.far.messages(errors.count("")):
        (recipient,) = message["rcpt_to"]
        assert recipient["to"].endswith("@example.net")
        assert message["mail_from"] == SENDER
        taken[int(recipient["to"].removesuffix("@example.net"))] = message
    return taken


def text(message: dict[str, Any]) -> bytes:
    return below_trace(base64.b64decode(message["body_base64"]))


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
def test_the_text_goes_on_as_it_was(chunking: bool, relay: Relay) -> None:
    taken = through(relay, AWKWARD, chunking=chunking)
    for number, body in enumerate(AWKWARD):
        assert text(taken[number]) == body, number


def test_texts_without_an_end_or_a_header(relay: Relay) -> None:
    """Postfix and Exim put a header above a text that has none, OpenSMTPD refuses it."""
    bodies = [b".", b".\r\n", b"..\r\n", b"no end of line", b"", b"\r\n", b"\r\n.\r\n", HEADER + b"x\r\n."]
    refused = range(4) if relay.name == "OpenSMTPD" else ()
    taken = through(relay, bodies, refused, chunking=False)
    assert sorted(taken) == [number for number in range(len(bodies)) if number not in refused]
    for number, message in taken.items():
        body = bodies[number]
        whole = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
        assert base64.b64decode(message["body_base64"]).endswith(whole), number
