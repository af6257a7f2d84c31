"""What one end knows of the other: what is forgotten when, and how the protocol is named in trace fields."""

from __future__ import annotations

from typing import ClassVar

import pytest

from smtpcore.addresses import NULL_PATH, Domain
from smtpcore.commands import Hello, Mail
from smtpcore.session import Envelope, Note, ResetKind, Session


class Fleeting(Note):
    """Survives nothing."""


class Lasting(Note):
    """Survives what is not TLS."""

    survives: ClassVar[frozenset[ResetKind]] = frozenset((ResetKind.TRANSACTION, ResetKind.HELLO))


def hello(verb: str) -> Hello:
    return Hello(Domain("client.example"), verb)


def test_a_new_session_knows_nothing() -> None:
    session = Session()
    assert (session.lmtp, session.tls, session.hello, session.identity, session.envelope) == (
        False, False, None, None, None,
    )  # fmt: skip
    assert (session.mails, session.notes, tuple(session.keywords), session.esmtp) == (0, None, (), False)


@pytest.mark.parametrize(("verb", "esmtp"), [("EHLO", True), ("LHLO", True), ("HELO", False)])
def test_extensions_are_in_force_after_ehlo_and_lhlo(verb: str, esmtp: bool) -> None:
    session = Session()
    session.hello = hello(verb)
    assert session.esmtp is esmtp


@pytest.mark.parametrize(
    ("kind", "left"),
    [(ResetKind.TRANSACTION, {"LASTING"}), (ResetKind.HELLO, {"LASTING"}), (ResetKind.TLS, set())],
)
def test_notes_live_as_long_as_they_say(kind: ResetKind, left: set[str]) -> None:
    session = Session()
    session.forget(kind)
    assert session.notes is None
    session.notes = {"FLEETING": Fleeting(), "LASTING": Lasting()}
    session.forget(kind)
    assert set(session.notes) == left


def test_an_envelope_begins_empty() -> None:
    mail = Mail(NULL_PATH)
    envelope, other = Envelope(mail), Envelope(mail)
    assert envelope.mail is mail
    assert (envelope.recipients, envelope.refused, envelope.chunks, envelope.aborted) == ([], 0, 0, False)
    assert envelope.recipients is not other.recipients


@pytest.mark.rule("X-FW-37", "X-AUTH-50")
@pytest.mark.parametrize(
    ("verb", "tls", "identity", "utf8", "name"),
    [
        ("HELO", False, None, False, "SMTP"),
        ("HELO", True, None, True, "SMTP"),
        ("EHLO", False, None, False, "ESMTP"),
        ("EHLO", True, None, False, "ESMTPS"),
        ("EHLO", False, "joe", False, "ESMTPA"),
        ("EHLO", True, "", False, "ESMTPSA"),
        ("EHLO", False, None, True, "UTF8SMTP"),
        ("EHLO", True, None, True, "UTF8SMTPS"),
        ("EHLO", False, "joe", True, "UTF8SMTPA"),
        ("EHLO", True, "joe", True, "UTF8SMTPSA"),
        ("LHLO", False, None, False, "LMTP"),
        ("LHLO", True, None, False, "LMTPS"),
        ("LHLO", False, "joe", False, "LMTPA"),
        ("LHLO", True, "joe", False, "LMTPSA"),
        ("LHLO", False, None, True, "UTF8LMTP"),
        ("LHLO", True, "joe", True, "UTF8LMTPSA"),
    ],
)
def test_the_with_keyword(verb: str, tls: bool, identity: str | None, utf8: bool, name: str) -> None:
    session = Session(lmtp=verb == "LHLO", tls=tls)
    session.hello = hello(verb)
    session.identity = identity
    assert session.protocol(utf8=utf8) == name


def test_without_a_greeting_it_is_smtp() -> None:
    assert Session(tls=True).protocol(utf8=True) == "SMTP"
