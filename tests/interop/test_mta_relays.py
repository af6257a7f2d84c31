"""Postfix, Exim and OpenSMTPD between our two ends: what our client gives them reaches our server as it was."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import pytest

from smtpcore.addresses import ForwardPath
from smtpcore.commands import Rcpt
from smtpcore.delivery import Message
from smtpcore.extensions.dsn import ORCPT, OriginalRecipient
from smtpcore.parameters import Parameters
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


def test_parameters_go_on(relay: Relay) -> None:
    """What our client asks for (RFC 3461) is what our server is asked by the part."""
    asked = {"NOTIFY": "SUCCESS,FAILURE", "ORCPT": "rfc822;c+2Bd@example.com"}
    whole = {"RET": "HDRS", "ENVID": "QQ+3D1"}
    recipient = Rcpt(ForwardPath.of("b@example.net"), Parameters(tuple(asked.items())))
    (report,) = deliver(
        relay.mta.port, [Message(SENDER, (recipient,), HEADER + b"x\r\n", params=Parameters(tuple(whole.items())))]
    )
    assert (report.error, report.dropped) == ("", ())
    taken = relay.far.message()
    assert taken["rcpt_to"] == [{"to": "b@example.net", "params": asked}]
    assert taken["mail_params"].items() >= whole.items()


UTF8_BODY = HEADER.replace(b"one", "Grüße".encode()) + b"x\r\n"
UTF8_SENDER, UTF8_RECIPIENT = "jürgen@example.org", "δοκιμή@example.net"


def test_addresses_in_utf8_go_on(relay: Relay) -> None:
    original = Parameters((ORCPT(OriginalRecipient(UTF8_RECIPIENT, "utf-8")),))
    recipient = Rcpt(ForwardPath.of(UTF8_RECIPIENT), original)
    (report,) = deliver(relay.mta.port, [Message(UTF8_SENDER, (recipient,), UTF8_BODY, utf8=True)])
    if relay.name == "OpenSMTPD":
        assert report.error == "smtputf8-unavailable"
        return
    assert report.error == ""
    taken = relay.far.message()
    assert (taken["mail_from"], [rcpt["to"] for rcpt in taken["rcpt_to"]]) == (UTF8_SENDER, [UTF8_RECIPIENT])
    assert "SMTPUTF8" in taken["mail_params"]
    assert text(taken) == UTF8_BODY


def test_postfix_makes_an_original_recipient_of_utf8() -> None:
    """It sends ORCPT=rfc822;+CE+B4..., which RFC 3461 4.2 does not have: tolerated, or the message would bounce."""
    needed("postfix")
    with Serve() as far, MTAS["Postfix"](far.port) as mta:
        (report,) = deliver(mta.port, [Message(SENDER, (UTF8_RECIPIENT,), UTF8_BODY, utf8=True)])
        assert report.error == ""
        assert far.message()["mail_from"] == SENDER, "it came back"
        far.stop()


@pytest.mark.parametrize("name", ["Postfix", "Exim"])
def test_what_our_server_refuses_comes_back(name: str) -> None:
    """Postfix reads the limit in SIZE, Exim is told 552; a bounce has no sender (RFC 5321 4.5.5).

    OpenSMTPD reads it too, but returns the whole message, which is too large again.
    """
    needed(name.lower())
    body = HEADER + (b"x" * 78 + b"\r\n") * 8000
    with Serve("--max-size", "500000") as far, MTAS[name](far.port) as mta:
        (report,) = deliver(mta.port, [Message(SENDER, ("b@example.net",), body)])
        assert report.error == ""
        bounce = far.message()
        assert bounce["mail_from"] == ""
        assert [rcpt["to"] for rcpt in bounce["rcpt_to"]] == [SENDER]
        assert b"b@example.net" in base64.b64decode(bounce["body_base64"])
        far.stop()
