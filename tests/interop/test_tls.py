"""TLS and AUTH with real peers: clients of other projects into `serve`, our client into a server of another project."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.applications import PATIENCE, Serve, free_port
from tests.applications import smtpcore as command
from tests.interop.conftest import Certificates, program
from tests.interop.test_clients import SENDER, call

pytestmark = [
    pytest.mark.interop,
    # Clients of other projects that run in this process leave sockets open when they fail.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

USER, PASSWORD, RECIPIENT = "ann", "open:sesame", "b@example.net"
BODY = b"From: a@example.org\r\nTo: b@example.net\r\nSubject: one\r\n\r\n.\r\n..\r\nHello\r\n"


@pytest.fixture(params=["STARTTLS", "implicit TLS"])
def server(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path: Path
) -> Iterator[tuple[Serve, str, bool]]:
    """`serve` with TLS, that takes mail only from who has logged in; its authority; whether TLS is implicit."""
    accounts = tmp_path / "accounts"
    accounts.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    implicit = request.param == "implicit TLS"
    more = ["--implicit-tls"] if implicit else []
    with Serve("--cert", certificates.server, "--auth", str(accounts), "--require-auth", *more) as serve:
        yield serve, certificates.authority, implicit
        serve.stop()


def by_smtplib(serve: Serve, authority: str, implicit: bool, folder: Path, password: str) -> None:
    context = ssl.create_default_context(cafile=authority)
    client: smtplib.SMTP
    if implicit:
        client = smtplib.SMTP_SSL("localhost", serve.port, timeout=PATIENCE, context=context)
    else:
        client = smtplib.SMTP("localhost", serve.port, timeout=PATIENCE)
    with client:
        if not implicit:
            client.starttls(context=context)
        client.login(USER, password)
        client.sendmail(SENDER, [RECIPIENT], BODY)


def by_aiosmtplib(serve: Serve, authority: str, implicit: bool, folder: Path, password: str) -> None:
    aiosmtplib = pytest.importorskip("aiosmtplib", reason="aiosmtplib")
    context = ssl.create_default_context(cafile=authority)
    options: dict[str, Any] = {"use_tls": implicit, "start_tls": not implicit, "tls_context": context}
    options |= {"username": USER, "password": password, "timeout": PATIENCE}

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname="localhost", port=serve.port, **options) as client:
            await client.sendmail(SENDER, [RECIPIENT], BODY)

    asyncio.run(send())


def by_curl(serve: Serve, authority: str, implicit: bool, folder: Path, password: str) -> None:
    path = folder / "message"
    path.write_bytes(BODY)
    url = f"{'smtps' if implicit else 'smtp'}://localhost:{serve.port}/client.example"
    options = ["--ssl-reqd", "--cacert", authority, "--user", f"{USER}:{password}", "-T", str(path)]
    call(program("curl"), "-sSv", url, *options, "--mail-from", SENDER, "--mail-rcpt", RECIPIENT)


def by_swaks(serve: Serve, authority: str, implicit: bool, folder: Path, password: str) -> None:
    swaks = program("swaks")
    if b"TLS supported" not in subprocess.run([swaks, "--support"], capture_output=True, check=False).stdout:
        pytest.skip("swaks with TLS (libnet-ssleay-perl)")
    path = folder / "message"
    path.write_bytes(BODY.removesuffix(b"\r\n").replace(b"\r\n", b"\n"))
    tls = ["--tls-on-connect" if implicit else "--tls", "--tls-verify", "--tls-ca-path", authority]
    login = ["--auth", "PLAIN", "--auth-user", USER, "--auth-password", password]
    where = ["--server", "localhost", "--port", str(serve.port), "--from", SENDER, "--to", RECIPIENT]
    call(swaks, *where, *tls, *login, "--data", f"@{path}")


def by_msmtp(serve: Serve, authority: str, implicit: bool, folder: Path, password: str) -> None:
    tls = ["--tls=on", f"--tls-trust-file={authority}", f"--tls-starttls={'off' if implicit else 'on'}"]
    login = ["--auth=on", f"--user={USER}", f"--passwordeval=echo {password}"]
    where = ["--host=localhost", f"--port={serve.port}", f"--from={SENDER}", "--domain=client.example"]
    text = BODY.replace(b"\r\n", b"\n")
    call(program("msmtp"), "--file=/dev/null", *where, *tls, *login, "--", RECIPIENT, stdin=text)


CLIENTS: dict[str, Callable[[Serve, str, bool, Path, str], None]] = {
    "smtplib": by_smtplib,
    "aiosmtplib": by_aiosmtplib,
    "curl": by_curl,
    "swaks": by_swaks,
    "msmtp": by_msmtp,
}
by_client = pytest.mark.parametrize("client", CLIENTS)


@by_client
def test_a_client_starts_tls_and_logs_in(client: str, server: tuple[Serve, str, bool], tmp_path: Path) -> None:
    serve, authority, implicit = server
    CLIENTS[client](serve, authority, implicit, tmp_path, PASSWORD)
    message = serve.message()
    assert (message["tls"], message["auth"]) == (True, USER)
    body = base64.b64decode(message["body_base64"])
    # msmtp adds what RFC 5322 wants of a message.
    assert body.endswith(BODY[BODY.index(b"From:") :]) if client == "msmtp" else body == BODY


@by_client
def test_a_client_with_a_wrong_password_is_refused(
    client: str, server: tuple[Serve, str, bool], tmp_path: Path
) -> None:
    serve, authority, implicit = server
    with pytest.raises(Exception, match=r"535|421|[Aa]uth"):  # 421: smtplib tries three times
        CLIENTS[client](serve, authority, implicit, tmp_path, "wrong")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # aiosmtpd's own, of its AUTH
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_our_client_into_aiosmtpd(mechanism: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiosmtpd", reason="aiosmtpd")
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    taken: list[bytes] = []

    class Handler:
        async def handle_DATA(self, server: object, session: Any, envelope: Any) -> str:
            assert session.ssl is not None
            assert session.authenticated
            taken.append(envelope.content)
            return "250 OK"

    def judge(server: object, session: object, envelope: object, kind: str, data: object) -> Any:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good and kind == mechanism, handled=False)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    port = free_port()
    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=port,
        ready_timeout=PATIENCE,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=judge,
    )
    controller.start()
    try:
        monkeypatch.setenv("SMTPCORE_PASSWORD", PASSWORD)
        where = ["send", "--host", "localhost", "--port", str(port), "--from", SENDER, "--to", RECIPIENT]
        options = ["--tls", "required", "--ca", certificates.authority, "--user", USER, "--mechanism", mechanism]
        status, out, err = command(*where, *options, stdin=BODY)
        assert (status, err) == (0, ""), out
        monkeypatch.setenv("SMTPCORE_PASSWORD", "wrong")
        status, out, _ = command(*where, *options, stdin=BODY)
        assert status == 69
        assert "535" in out
    finally:
        controller.stop()
    assert taken == [BODY]
