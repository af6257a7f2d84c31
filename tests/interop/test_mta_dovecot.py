"""Our client end into Dovecot: LMTP, and a submission service that wants TLS and a login and relays into `serve`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from smtpcore.cli.wire import client_context
from smtpcore.delivery import Login, Message
from smtpcore.report import Outcome, Report
from smtpcore.sasl import ClientCredentials
from tests.applications import Serve
from tests.interop.conftest import Certificates
from tests.interop.mta.layer import needed
from tests.interop.mta.parts import Dovecot
from tests.interop.mta.sending import HEADER, below_trace, deliver

pytestmark = pytest.mark.interop

SENDER, PASSWORD = "a@example.org", "open sesame"
#: Texts with something to get wrong.
AWKWARD = [
    HEADER,
    HEADER + b".\r\n",
    HEADER + b"..\r\n.\r\n...\r\n\r\n\r\n.\r\n",
    HEADER + b".\r\n" * 500,
    HEADER + b"x" * 998 + b"\r\n." + b"x" * 996 + b"\r\n",
    HEADER + bytes(octet for octet in range(1, 256) if octet not in b"\r\n") + b"\r\n",
    HEADER + "Grüße, 日本, 🙂\r\n".encode(),
    HEADER + (b"." + b"x" * 76 + b"\r\n") * 30_000,
]


class Setting(NamedTuple):
    """Dovecot, the server of ours that it relays to, and the authority of its certificate."""

    dovecot: Dovecot
    far: Serve
    authority: str


@pytest.fixture(scope="module")
def setting(certificates: Certificates) -> Iterator[Setting]:
    needed("dovecot")
    users = ["ann", *(f"u{number}" for number in range(20))]
    with Serve() as far, Dovecot(far.port, Path(certificates.server), users, PASSWORD) as dovecot:
        yield Setting(dovecot, far, certificates.authority)
        far.stop()


def outcomes(report: Report) -> list[tuple[Outcome, int]]:
    return [(result.outcome, result.reply.code if result.reply else 0) for result in report]


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
def test_lmtp_fills_two_mailboxes(chunking: bool, setting: Setting) -> None:
    users = ["u0", "u1"] if chunking else ["u2", "u3"]
    messages = [Message(SENDER, tuple(f"{user}@example.net" for user in users), body) for body in AWKWARD]
    reports = deliver(setting.dovecot.port, messages, lmtp=True, chunking=chunking)
    assert [outcomes(report) for report in reports] == [[(Outcome.DELIVERED, 250)] * 2] * len(AWKWARD)
    for user in users:
        mails = setting.dovecot.mails(user)
        assert sorted(below_trace(mail, b"delivered-to") for mail in mails) == sorted(AWKWARD)


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
def test_lmtp_tells_of_each_recipient(chunking: bool, setting: Setting) -> None:
    """One is not known, for one nothing can be written, which shows only after the text: RFC 2033 4.2."""
    user = "u4" if chunking else "u5"
    message = Message(SENDER, ("none@example.net", "full@example.net", f"{user}@example.net"), AWKWARD[2])
    (report,) = deliver(setting.dovecot.port, [message], lmtp=True, chunking=chunking)
    refused, full, taken = report
    assert refused.outcome is Outcome.REFUSED
    assert full.outcome is Outcome.RETRY
    assert taken.outcome is Outcome.DELIVERED
    assert [result.reply.code for result in report if result.reply] == [550, 451, 250]
    assert [below_trace(mail, b"delivered-to") for mail in setting.dovecot.mails(user)] == [AWKWARD[2]]


def log_in(setting: Setting, mechanism: str, password: str = PASSWORD, **options: bool) -> Report:
    login = Login(ClientCredentials("ann", password), mechanisms=(mechanism,), nonce=b"fyko+d2lbbFgONRv9qkxdawL")
    (report,) = deliver(
        setting.dovecot.submission,
        [Message(SENDER, ("b@example.net", "c@example.net"), AWKWARD[2])],
        context=client_context(setting.authority),
        tls="required",
        login=login,
        **options,
    )
    return report


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
def test_submission_with_starttls_and_a_login(mechanism: str, chunking: bool, setting: Setting) -> None:
    report = log_in(setting, mechanism, chunking=chunking)
    assert outcomes(report) == [(Outcome.DELIVERED, 250)] * 2
    message = setting.far.message()
    assert [rcpt["to"] for rcpt in message["rcpt_to"]] == ["b@example.net", "c@example.net"]
    assert below_trace(base64.b64decode(message["body_base64"])) == AWKWARD[2]
    log = setting.dovecot.log()
    assert f"user=<ann>, method={mechanism}," in log, log


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_submission_with_a_wrong_password(mechanism: str, setting: Setting) -> None:
    report = log_in(setting, mechanism, "wrong")
    assert report.error == "auth-failed"
    assert report.reply is not None
    assert report.reply.code == 535


def test_submission_without_a_login(setting: Setting) -> None:
    message = Message(SENDER, ("b@example.net",), HEADER)
    (report,) = deliver(setting.dovecot.submission, [message])
    assert report.error == "mail-rejected"
    assert report.reply is not None
    assert report.reply.code == 530
