"""EHLO lines: whatever a server says becomes capabilities, and what can be said again says the same."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.capabilities import Capabilities
from smtpcore.commands import Mail, Rcpt
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.extensions.planning import MailPlan, MissingExtension
from smtpcore.replies import Reply
from tests.fuzz import corpus

_MAIL, _RCPT = Mail(ReversePath.of("a@a.example")), Rcpt(ForwardPath.of("b@b.example"))


def seeds() -> Iterable[bytes]:
    return [b"\n".join(line[4:] for line in octets.split(b"\r\n")) for octets in corpus.replies("ehlo")]


def run(data: bytes) -> None:
    lines = [line.replace(b"\r", b"") for line in data.split(b"\n")]
    capabilities = Capabilities.parse(Reply.received(250, lines, enhanced=False))
    assert len(capabilities) <= 256
    for keyword, parameters in capabilities.items():
        assert keyword in capabilities
        assert keyword.lower() in capabilities
        assert capabilities[keyword] == parameters == capabilities.every(keyword)[0]
        assert capabilities.spelling(keyword).upper() == keyword
    assert all(name == name.upper() and 0 < len(name) <= 20 for name in capabilities.mechanisms)
    repr(capabilities)
    _plan(capabilities)
    try:
        again = Capabilities.parse(capabilities.to_reply())
    except SyntaxProblem:
        return  # outside the grammar: to be read, not to be said
    assert dict(again) == dict(capabilities)
    assert again.mechanisms == capabilities.mechanisms


def _plan(capabilities: Capabilities) -> None:
    """What each known extension makes of its line."""
    needs = ((None, None, False, False), (10, False, False, False), (1 << 40, True, True, True))
    for size, eight_bit, binary, utf8 in needs:
        plan = MailPlan(capabilities, _MAIL, [_RCPT], size=size, eight_bit=eight_bit, binary=binary, utf8=utf8)
        try:
            plan.finish(CLIENT_EXTENSIONS)
        except MissingExtension:
            continue
        wire = Mail(plan.path, plan.mail_params).to_bytes()
        assert not any(octet < 32 or octet > 126 for octet in wire[:-2]), wire
