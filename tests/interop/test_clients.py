"""Real clients into `python -m smtpcore serve`: what arrives is what was sent, octet by octet."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.applications import PATIENCE, Serve
from tests.interop.conftest import program

pytestmark = pytest.mark.interop

SENDER, RECIPIENTS = "a@example.org", ["b@example.net", "c@example.net"]
HEADER = (
    b"From: a@example.org\r\nTo: b@example.net\r\nSubject: one\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n\r\n"
)
BODIES = {
    "plain": HEADER + b"Hello\r\n",
    "dots": HEADER + b".\r\n..\r\n.a\r\n\r\n.\r\n...\r\n",
    "header only": HEADER,
    "long lines": HEADER + (b"x" * 998 + b"\r\n") * 50 + b"." * 998 + b"\r\n",
    "large": HEADER + b"".join(b"%06d .line of the message\r\n" % number for number in range(40_000)),
}
EIGHT_BIT = HEADER + bytes(range(0x80, 0x100)) + b"\r\n" + "Grüße, 日本".encode() + b"\r\n"


def call(*arguments: str, stdin: bytes = b"") -> str:
    """Run a client; it must succeed."""
    done = subprocess.run(arguments, input=stdin, capture_output=True, timeout=PATIENCE, check=False)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, text
    return text


def taken(serve: Serve) -> bytes:
    """The octets of the next message, whose envelope must be ours."""
    message = serve.message()
    assert message["mail_from"] == SENDER
    assert [rcpt["to"] for rcpt in message["rcpt_to"]] == RECIPIENTS
    assert list(message) == ["helo", "mail_from", "mail_params", "rcpt_to", "body_base64", "tls", "auth"]
    return base64.b64decode(message["body_base64"], validate=True)


def by_smtplib(serve: Serve, body: bytes, folder: Path) -> None:
    with smtplib.SMTP(serve.host, serve.port, timeout=PATIENCE) as client:
        options = ["BODY=8BITMIME"] if not body.isascii() else []
        assert client.sendmail(SENDER, RECIPIENTS, body, options) == {}


def by_aiosmtplib(serve: Serve, body: bytes, folder: Path) -> None:
    aiosmtplib = pytest.importorskip("aiosmtplib", reason="aiosmtplib")

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname=serve.host, port=serve.port, timeout=PATIENCE, start_tls=False) as client:
            refused, _ = await client.sendmail(SENDER, RECIPIENTS, body)
            assert refused == {}

    asyncio.run(send())


def by_curl(serve: Serve, body: bytes, folder: Path) -> None:
    path = folder / "message"
    path.write_bytes(body)
    recipients = [word for each in RECIPIENTS for word in ("--mail-rcpt", each)]
    address = f"smtp://{serve.host}:{serve.port}/client.example"
    call(program("curl"), "-sS", address, "--mail-from", SENDER, *recipients, "-T", str(path))


def by_swaks(serve: Serve, body: bytes, folder: Path) -> None:
    path = folder / "message"
    # swaks reads escapes like \n in the data and wants the lines of this system.
    path.write_bytes(body.removesuffix(b"\r\n").replace(b"\r\n", b"\n"))
    options = ["--server", serve.host, "--port", str(serve.port), "--helo", "client.example", "--suppress-data"]
    call(program("swaks"), *options, "--from", SENDER, "--to", ",".join(RECIPIENTS), "--data", f"@{path}")


def by_msmtp(serve: Serve, body: bytes, folder: Path) -> None:
    options = [f"--host={serve.host}", f"--port={serve.port}", f"--from={SENDER}", "--domain=client.example"]
    call(program("msmtp"), "--file=/dev/null", *options, "--", *RECIPIENTS, stdin=body.replace(b"\r\n", b"\n"))


CLIENTS: dict[str, Callable[[Serve, bytes, Path], None]] = {
    "smtplib": by_smtplib,
    "aiosmtplib": by_aiosmtplib,
    "curl": by_curl,
    "swaks": by_swaks,
    "msmtp": by_msmtp,
}
by_client = pytest.mark.parametrize("client", CLIENTS)


@by_client
def test_octets_arrive_as_they_were(client: str, serve: Serve, tmp_path: Path) -> None:
    for name, body in BODIES.items():
        if (client, name) == ("swaks", "header only"):
            continue  # it adds empty lines to a header that no text follows
        CLIENTS[client](serve, body, tmp_path)
        assert taken(serve) == body, name


@by_client
def test_8_bit_octets_arrive_as_they_were(client: str, serve: Serve, tmp_path: Path) -> None:
    CLIENTS[client](serve, EIGHT_BIT, tmp_path)
    assert taken(serve) == EIGHT_BIT


def source(serve: Serve, *options: str, body: bytes, folder: Path, count: int = 2000, sessions: int = 20) -> None:
    """Postfix's load maker: that many messages in that many sessions at once."""
    message = folder / "message"
    message.write_bytes(body.replace(b"\r\n", b"\n"))
    call(
        program("smtp-source"), "-s", str(sessions), "-m", str(count), "-f", SENDER, "-F", str(message), *options,
        *("-t", RECIPIENTS[0], f"{serve.host}:{serve.port}"),
    )  # fmt: skip


#: What `smtp-source -F` adds behind the lines of the file.
ADDED = b"\r\n"


@pytest.mark.parametrize("options", [(), ("-d",)], ids=["a connection each", "connections kept"])
def test_smtp_source_loses_nothing(options: tuple[str, ...], serve: Serve, tmp_path: Path) -> None:
    source(serve, *options, body=BODIES["dots"], folder=tmp_path)
    for message in serve.messages(2000):
        assert base64.b64decode(message["body_base64"]) == BODIES["dots"] + ADDED


def test_smtp_source_fills_a_maildir(tmp_path: Path) -> None:
    with Serve(output=f"maildir:{tmp_path / 'mail'}") as server:
        source(server, body=BODIES["long lines"], folder=tmp_path)
        server.stop()
    files = list((tmp_path / "mail" / "new").iterdir())
    assert len(files) == 2000
    assert {file.read_bytes() for file in files} == {BODIES["long lines"] + ADDED}
    assert not list((tmp_path / "mail" / "tmp").iterdir())


def test_smtp_source_speaks_lmtp(tmp_path: Path) -> None:
    with Serve("--lmtp") as server:
        source(server, "-L", "-r", "3", body=BODIES["plain"], folder=tmp_path, count=100)
        messages = server.messages(100)
        server.stop()
    assert {len(message["rcpt_to"]) for message in messages} == {3}


def test_smtplib_speaks_lmtp() -> None:
    with Serve("--lmtp") as server:
        with smtplib.LMTP(server.host, server.port, timeout=PATIENCE) as client:
            assert client.sendmail(SENDER, RECIPIENTS[:1], BODIES["plain"]) == {}
        assert base64.b64decode(server.message()["body_base64"]) == BODIES["plain"]
        server.stop()


def test_swaks_speaks_lmtp(tmp_path: Path) -> None:
    with Serve("--lmtp") as server:
        path = tmp_path / "message"
        path.write_bytes(BODIES["plain"].removesuffix(b"\r\n").replace(b"\r\n", b"\n"))
        options = ["--protocol", "LMTP", "--server", server.host, "--port", str(server.port), "--from", SENDER]
        call(program("swaks"), *options, "--to", ",".join(RECIPIENTS), "--data", f"@{path}")
        assert taken(server) == BODIES["plain"]
        server.stop()


def test_curl_asks_vrfy_and_gets_help(serve: Serve) -> None:
    address = f"smtp://{serve.host}:{serve.port}/client.example"
    assert "252" in call(program("curl"), "-sSv", address, "--request", "VRFY someone")
    assert "MAIL" in call(program("curl"), "-sSv", address, "--request", "HELP")


def test_parameters_are_told(serve: Serve) -> None:
    with smtplib.SMTP(serve.host, serve.port, "client.example", timeout=PATIENCE) as client:
        client.ehlo()
        client.mail("", ["size=5", "BODY=8BITMIME", "RET=HDRS"])
        client.rcpt("b@example.net", ["NOTIFY=NEVER"])
        client.data(b"hi\r\n")
    message: dict[str, Any] = serve.message()
    assert message["helo"] == "client.example"
    assert message["mail_from"] == ""
    assert message["mail_params"] == {"SIZE": "5", "BODY": "8BITMIME", "RET": "HDRS"}
    assert message["rcpt_to"] == [{"to": "b@example.net", "params": {"NOTIFY": "NEVER"}}]
    assert message["tls"] is False
    assert message["auth"] is None
