"""Our client end into Dovecot: LMTP with a reply for each recipient, submission with STARTTLS and every mechanism."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.applications import PATIENCE, Serve, free_port
from tests.applications import smtpcore as command
from tests.interop.conftest import Certificates, program

pytestmark = pytest.mark.interop

USER, PASSWORD, SENDER = "ann", "open:sesame", "a@example.org"
BODY = b"From: a@example.org\r\nSubject: one\r\n\r\n.\r\n..\r\nHello\r\n"
CONFIGURATION = """
base_dir = {folder}/run
log_path = {folder}/log
protocols = lmtp submission
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
passdb {{
  driver = static
  args = password={{PLAIN}}{password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%n allow_all_users=yes
}}
first_valid_uid = 1
mail_location = maildir:~
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service submission-login {{
  inet_listener submission {{
    address = 127.0.0.1
    port = {submission}
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
"""


class Dovecot:
    """A Dovecot of our own; what is submitted to it goes on to `serve`."""

    def __init__(self, folder: Path, certificates: Certificates, relay: int) -> None:
        self.folder, self.lmtp, self.submission = folder, free_port(), free_port()
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        certificate = folder / "server.pem"
        certificate.write_bytes(Path(certificates.server).read_bytes())
        text = CONFIGURATION.format(
            folder=folder,
            certificate=certificate,
            password=PASSWORD,
            lmtp=self.lmtp,
            submission=self.submission,
            relay=relay,
        )
        (folder / "dovecot.conf").write_text(text, encoding="utf-8")
        self.process = subprocess.Popen(
            [program("dovecot"), "-F", "-c", str(folder / "dovecot.conf")], stdin=subprocess.DEVNULL
        )

    def wait(self) -> None:
        """Until both ports are open."""
        deadline = time.monotonic() + PATIENCE
        for port in (self.lmtp, self.submission):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
                    break
                except ConnectionRefusedError:
                    assert self.process.poll() is None, "dovecot has ended"
                    assert time.monotonic() < deadline, "dovecot does not listen"

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def delivered(self, user: str) -> list[bytes]:
        """What is in a mailbox, its line ends as they were on the wire."""
        files = sorted((self.folder / "mail" / user / "new").iterdir())
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]


@pytest.fixture(scope="module")
def relay() -> Iterator[Serve]:
    with Serve() as server:
        yield server


@pytest.fixture(scope="module")
def dovecot(certificates: Certificates, relay: Serve) -> Iterator[Dovecot]:
    program("dovecot")
    if os.getuid() != 0:
        pytest.skip("dovecot (needs root)")
    with tempfile.TemporaryDirectory() as name:  # not pytest's: other users must be able to enter
        folder = Path(name)
        folder.chmod(0o755)
        server = Dovecot(folder, certificates, relay.port)
        try:
            server.wait()
            yield server
        finally:
            server.stop()


def test_lmtp_has_a_result_for_each_recipient(dovecot: Dovecot) -> None:
    arguments = (
        "--lmtp",
        "--port",
        str(dovecot.lmtp),
        "--from",
        SENDER,
        "--to",
        "bob@mx.example",
        "--to",
        "carol@mx.example",
    )
    status, out, err = command("send", *arguments, stdin=BODY)
    assert (status, err) == (0, ""), out
    assert [line.split(" (")[0] for line in out.splitlines()] == [
        "<bob@mx.example>: delivered",
        "<carol@mx.example>: delivered",
    ]
    for user in ("bob", "carol"):
        (message,) = dovecot.delivered(user)
        assert message.startswith(b"Return-Path: <a@example.org>\r\n")
        assert message.endswith(BODY)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"])
def test_submission_with_starttls_and_authentication(
    mechanism: str, dovecot: Dovecot, relay: Serve, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["--host", "localhost", "--port", str(dovecot.submission), "--from", SENDER, "--to", "b@example.net"]
    how = ["--tls", "required", "--ca", certificates.authority, "--user", USER, "--mechanism", mechanism]
    monkeypatch.setenv("SMTPCORE_PASSWORD", PASSWORD)
    status, out, err = command("send", *where, *how, stdin=BODY)
    assert (status, err) == (0, ""), out
    message = relay.message()
    assert message["mail_from"] == SENDER
    assert base64.b64decode(message["body_base64"]).endswith(BODY)  # Dovecot adds a trace field


def test_submission_refuses_a_wrong_password(
    dovecot: Dovecot, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["--host", "localhost", "--port", str(dovecot.submission), "--from", SENDER, "--to", "b@example.net"]
    how = ["--tls", "required", "--ca", certificates.authority, "--user", USER, "--mechanism", "SCRAM-SHA-256"]
    monkeypatch.setenv("SMTPCORE_PASSWORD", "wrong")
    status, out, _ = command("send", *where, *how, stdin=BODY)
    assert status == 69
    assert "535" in out
