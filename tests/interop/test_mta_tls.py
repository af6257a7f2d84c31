"""TLS and AUTH with Postfix, Exim and OpenSMTPD: towards them by our client, and from them into our server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtpcore.cli.wire import client_context
from smtpcore.delivery import Login, Message
from smtpcore.sasl import ClientCredentials
from tests.applications import Serve
from tests.interop.conftest import Certificates
from tests.interop.mta.layer import needed
from tests.interop.mta.parts import MTAS, Security
from tests.interop.mta.sending import HEADER, below_trace, deliver

pytestmark = pytest.mark.interop

SENDER, RECIPIENT = "a@example.org", "b@example.net"
BODY = HEADER + b".\r\n..\r\nHello\r\n"


@pytest.fixture
def security(certificates: Certificates) -> Security:
    return Security(Path(certificates.server), Path(certificates.authority), "ann", "open sesame")


@pytest.fixture
def far(security: Security, tmp_path: Path) -> Iterator[Serve]:
    """Our server, which takes mail only from who has logged in."""
    accounts = tmp_path / "accounts"
    accounts.write_text(f"{security.user}:{security.password}\n", encoding="utf-8")
    with Serve("--cert", str(security.certificate), "--auth", str(accounts), "--require-auth") as server:
        yield server
        server.stop()


@pytest.fixture
def open_far(security: Security) -> Iterator[Serve]:
    """Our server with TLS, for Postfix, which cannot log in."""
    with Serve("--cert", str(security.certificate)) as server:
        yield server
        server.stop()


def check(server: Serve, user: str | None) -> None:
    message = server.message()
    assert (message["tls"], message["auth"]) == (True, user)
    assert below_trace(base64.b64decode(message["body_base64"])) == BODY


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5"])
def test_exim_with_a_login_on_both_sides(mechanism: str, security: Security, far: Serve) -> None:
    needed("exim")
    context = client_context(str(security.authority))
    with MTAS["Exim"](far.port, security) as mta:
        for password, error in (("wrong", "auth-failed"), (security.password, "")):
            login = Login(ClientCredentials(security.user, password), mechanisms=(mechanism,))
            message = Message(SENDER, (RECIPIENT,), BODY)
            (report,) = deliver(mta.port, [message], context=context, tls="required", login=login)
            assert report.error == error, mta.log()
        assert f"A={mechanism.lower().removesuffix('-md5')}:{security.user}" in mta.log()
        check(far, security.user)


def test_opensmtpd_logs_in_to_our_server(security: Security, far: Serve) -> None:
    needed("opensmtpd")
    with MTAS["OpenSMTPD"](far.port, security) as mta:
        message = Message(SENDER, (RECIPIENT,), BODY)
        (report,) = deliver(mta.port, [message])
        assert report.error == "", mta.log()
        check(far, security.user)


def test_postfix_with_tls_on_both_sides(security: Security, open_far: Serve) -> None:
    needed("postfix")
    context = client_context(str(security.authority))
    with MTAS["Postfix"](open_far.port, security) as mta:
        message = Message(SENDER, (RECIPIENT,), BODY)
        (report,) = deliver(mta.port, [message], context=context, tls="required")
        assert report.error == "", mta.log()
        check(open_far, None)
