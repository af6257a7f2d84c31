"""`python -m smtpcore`, from outside: what it says, what it writes, and how it ends."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from smtpcore.cli.main import main
from tests.applications import PATIENCE, ROOT, Application, Serve, smtpcore, with_final_crlf

FROM, TO = ("--from", "ann@example.org"), ("--to", "bob@example.net")
MESSAGE = b"Subject: dots\r\n\r\n.\r\n..\r\n"
BODIES = [
    MESSAGE,
    b"",
    b".\r\n",
    b".",
    b"\r\n.\r\n",
    b"no end of line",
    b"8 bit \xff\xfe \xc3\xa9\r\n",
    "Subject: Grüße\r\n\r\n日本\r\n".encode(),
    b"x" * 70_000 + b"\r\n",
    (b"." * 65_535 + b"\r\n") * 3,
    (b"x" * 78 + b"\r\n") * 40_000,
]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with Serve() as server:
        yield server
        server.stop()


def send(port: int, *options: str, message: bytes = MESSAGE) -> tuple[int, str, str]:
    return smtpcore("send", "--port", str(port), *FROM, *TO, *options, stdin=message)


@contextmanager
def scripted(*turns: bytes, eof: bool = True) -> Iterator[int]:
    """A server that says these octets, one piece after each line (or group) that it reads; then it closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        sock, _ = listener.accept()
        with sock:
            for turn in turns:
                sock.sendall(turn)
                if not sock.recv(65536):
                    return

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    with listener:
        yield listener.getsockname()[1]
    thread.join(PATIENCE)


def here(*arguments: str) -> int:
    """The exit status of a command line that does no I/O but on the standard streams: no process for it."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(str(end.code))


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("demo",), ("serve",), ("send",)], ids=str)
def test_help_explains(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    status = here(*arguments, "--help")
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert out.startswith("usage: python -m smtpcore")
    assert max(map(len, out.split("\n"))) <= 90


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "COMMAND"),
        (("nothing",), "invalid choice"),
        (("serve", "--port", "x"), "invalid int value"),
        (("serve", "--output", "nowhere"), "print, json or maildir:DIR"),
        (("serve", "--output", "maildir:"), "print, json or maildir:DIR"),
        (("serve", "--output", "maildir:/dev/null"), "no maildir"),
        (("serve", "--name", "not a name"), "domain or an address literal"),
        (("serve", "--max-size", "-1"), "0 or more"),
        (("serve", "--cert", "/dev/null"), "cannot be used for TLS"),
        (("serve", "--implicit-tls"), "need --cert"),
        (("serve", "--require-auth"), "need --auth"),
        (("serve", "--auth", "any"), "needs TLS"),
        (("serve", "--auth", "/nowhere"), "No such file"),
        (("send",), "required: --from, --to"),
        (("send", *FROM, "--to", "no address"), "--to 'no address' is not an address"),
        (("send", "--from", "a@b@c", *TO), "--from 'a@b@c' is not an address"),
        (("send", "--from", "a@example.org\r\nRCPT TO:<x@example.org>", *TO), "is not an address"),
        (("send", *FROM, *TO, "/nowhere"), "/nowhere: No such file"),
        (("send", *FROM, *TO, "--user", "ann"), "--user needs a password"),
        (("send", *FROM, *TO, "--tls", "required", "--ca", "/nowhere"), "--ca /nowhere"),
    ],
    ids=str,
)
def test_wrong_use_is_64_and_a_sentence(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = here(*arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (64, "")
    assert words in err


def test_it_runs_from_the_checkout_without_installation() -> None:
    command = [
        sys.executable,
        "-I",
        "-c",
        "import sys, runpy; sys.path.insert(0, '.'); sys.argv = ['smtpcore', 'demo']",
    ]
    command[-1] += "; runpy.run_module('smtpcore', run_name='__main__', alter_sys=True)"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


# --- demo ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["C: EHLO client.example", "C: DATA", "C: ..", "S: 354 ", "S: 550 5.1.1"]),
        (("--lmtp",), ["C: LHLO client.example", "end of the message for <bob@mx.example>: 250"]),
        (("--lockstep",), ["C: DATA", "S: 354 "]),
        (("--chunking",), ["C: BDAT 144 LAST", "server>  Body, 144 octets"]),
        (("--lmtp", "--chunking"), ["C: BDAT 144 LAST"]),
    ],
    ids=str,
)
def test_demo_shows_both_ends(
    options: tuple[str, ...], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = here("demo", *options)
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    for text in expected:
        assert text in out
    assert out.count(": delivered (250 Message accepted)") == 2
    assert out.count(": refused (550 Mailbox unavailable)") == 1


def test_demo_sends_a_group_at_once_and_lockstep_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    def turns(*options: str) -> int:
        """How often the client speaks after the server did."""
        assert here("demo", *options) == 0
        who = [line[0] for line in capsys.readouterr().out.split("\n") if line[:2] in ("C:", "S:")]
        return sum(1 for before, now in pairwise(who) if (before, now) == ("S", "C"))

    assert turns() == 4  # EHLO, the group, the text, QUIT
    assert turns("--lockstep") == 8


# --- serve -----------------------------------------------------------------------------------------------------------


def test_serve_listens_first_and_ends_cleanly_on_ctrl_c() -> None:
    with Serve() as server:
        assert server.host == "127.0.0.1"
        assert server.port > 0
        server.stop()
        assert server.out.rest() == b""


def test_serve_ends_cleanly_on_sigterm() -> None:
    with Serve() as server:
        assert server.interrupt(signal.SIGTERM) == 0
        assert server.err.rest().count(b"\n") == 1


def test_serve_tells_open_conversations_421() -> None:
    with Serve() as server, socket.create_connection((server.host, server.port), timeout=PATIENCE) as sock:
        assert sock.recv(4096).startswith(b"220 ")
        sock.sendall(b"EHLO client.example\r\nMAIL FROM:<a@example.org>\r\n")
        said = b""
        while b"Sender OK" not in said:
            said += sock.recv(4096)
        assert server.interrupt() == 0
        assert sock.recv(4096).startswith(b"421 4.3.2 localhost ")


def test_serve_keeps_what_it_acknowledged_when_it_is_stopped(tmp_path: Path) -> None:
    with Serve(output=f"maildir:{tmp_path}") as server:
        client = smtplib.SMTP(server.host, server.port, timeout=PATIENCE)
        client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
        server.stop()
        client.close()
    (file,) = (tmp_path / "new").iterdir()
    assert file.read_bytes() == MESSAGE
    assert not list((tmp_path / "tmp").iterdir())


def test_serve_cannot_listen_twice_on_one_port(serve: Serve) -> None:
    status, _, err = smtpcore("serve", "--port", str(serve.port))
    assert status == 69
    assert "cannot listen on 127.0.0.1" in err


def test_serve_takes_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this system")
    with Application("-m", "smtpcore", "serve", "--host", "::1", "--port", "0", "--output", "json") as server:
        words = server.err.next()
        if b"cannot listen" in words:
            pytest.skip("no IPv6 address on this system")
        host, _, port = words.decode().split()[-1].rpartition(":")
        assert host == "[::1]"
        with smtplib.SMTP("::1", int(port), timeout=PATIENCE) as client:
            assert client.noop()[0] == 250
        assert server.interrupt() == 0


def test_serve_prints_for_people() -> None:
    with Serve(output="print") as server:
        with smtplib.SMTP(server.host, server.port, "client.example", timeout=PATIENCE) as client:
            client.ehlo()
            client.sendmail(
                "a@example.org",
                ["b@example.net"],
                b"Subject: \x1b[31mred\r\n\r\nGr\xc3\xbc\xc3\x9fe \xff",
                ["BODY=8BITMIME"],
            )
        server.stop()
        assert server.out.rest().decode() == (
            "--- message 1 from <a@example.org> SIZE=30 BODY=8BITMIME, client client.example\n"
            "--- to <b@example.net>\n"
            "Subject: \\x1b[31mred\n\nGrüße \\xff\n"
            "--- end of message 1, 32 octets\n"
        )


def test_serve_refuses_what_is_too_big() -> None:
    with Serve("--max-size", "100") as server:
        with smtplib.SMTP(server.host, server.port, timeout=PATIENCE) as client:
            client.ehlo()
            assert client.esmtp_features["size"] == "100"
            assert client.mail("a@example.org", ["SIZE=101"])[0] == 552
            client.mail("a@example.org")
            client.rcpt("b@example.net")
            assert client.data(b"x" * 200)[0] == 552
            client.sendmail("a@example.org", ["b@example.net"], b"x" * 90)
        assert base64.b64decode(server.message()["body_base64"]) == b"x" * 90 + b"\r\n"
        server.stop()


@pytest.mark.parametrize(
    ("policy", "taken"), [("reject", None), ("keep", b"a\nb\rc\r\n"), ("repair", b"a\r\nb\r\nc\r\n")]
)
def test_serve_has_a_policy_for_bare_newlines(policy: str, taken: bytes | None) -> None:
    with Serve("--newlines", policy) as server:
        with socket.create_connection((server.host, server.port), timeout=PATIENCE) as sock:
            file = sock.makefile("rb")
            for line in (b"HELO client.example", b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.net>", b"DATA"):
                assert file.readline()[:1] == b"2"
                sock.sendall(line + b"\r\n")
            assert file.readline()[:4] == b"354 "
            sock.sendall(b"a\nb\rc\r\n.\r\n")
            assert file.readline()[:4] == (b"554 " if taken is None else b"250 ")
            file.close()
        if taken is not None:
            assert base64.b64decode(server.message()["body_base64"]) == taken
        server.stop()


@pytest.mark.parametrize("output", ["json", "print"])
@pytest.mark.parametrize("full", [False, True], ids=["closed pipe", "full disk"])
def test_serve_ends_when_its_output_is_gone(output: str, full: bool) -> None:
    if full and not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "wb") if full else nullcontext(subprocess.PIPE) as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "smtpcore", "serve", "--port", "0", "--output", output],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    with process:
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().rpartition(b":")[2])
            if process.stdout is not None:
                process.stdout.close()
            client = smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE)
            client.ehlo()
            client.mail("a@example.org")
            client.rcpt("b@example.net")
            assert client.data(MESSAGE)[0] == 452  # never 250 for what is lost
            client.close()
            assert process.wait(PATIENCE) == 74
            (line,) = process.stderr.read().splitlines()
            assert line.startswith(b"smtpcore: the output is gone: ")
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_lost_output_changes_no_outcome(serve: Serve) -> None:
    def status(*arguments: str) -> tuple[int, bytes]:
        with open("/dev/full", "wb") as stdout:
            command = [sys.executable, "-m", "smtpcore", *arguments]
            done = subprocess.run(
                command, cwd=ROOT, input=MESSAGE, stdout=stdout, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
            )
            return done.returncode, done.stderr

    assert status("send", "--port", str(serve.port), *FROM, *TO) == (0, b"")
    assert base64.b64decode(serve.message()["body_base64"]) == MESSAGE
    code, err = status("demo")
    assert code == 74
    assert err.startswith(b"smtpcore: standard output: ")


def test_a_maildir_that_is_gone_refuses_for_now(tmp_path: Path) -> None:
    with Serve(output=f"maildir:{tmp_path / 'mail'}") as server:
        shutil.rmtree(tmp_path / "mail" / "tmp")
        with smtplib.SMTP(server.host, server.port, timeout=PATIENCE) as client:
            client.ehlo()
            client.mail("a@example.org")
            client.rcpt("b@example.net")
            assert client.data(MESSAGE)[0] == 452
            (tmp_path / "mail" / "tmp").mkdir()
            client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
        assert server.interrupt() == 0
        assert b"could not be written" in server.err.rest()
    (file,) = (tmp_path / "mail" / "new").iterdir()
    assert file.read_bytes() == MESSAGE


def test_serve_verbose_tells_events_but_no_passwords(tmp_path: Path) -> None:
    with Serve("-v", "--auth", "any", "--clear-text-auth") as server:
        with smtplib.SMTP(server.host, server.port, timeout=PATIENCE) as client:
            client.login("ann", "open sesame")
            client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
        message = server.message()
        assert server.interrupt() == 0
        told = server.err.rest().decode()
    assert message["auth"] == "ann"
    assert "Mail(" in told
    assert "EndOfMessage" in told
    for secret in ("sesame", base64.b64encode(b"\0ann\0open sesame").decode()):
        assert secret not in told


# --- send ------------------------------------------------------------------------------------------------------------


def bodies(*options: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Every body sent by `send`, with what `serve` says of it."""
    with Serve(*options) as server:
        more = [option for option in options if option == "--lmtp"]
        for body in BODIES:
            status, out, err = send(server.port, *more, message=body)
            assert (status, err) == (0, ""), out
            yield body, server.message()
        server.stop()


@pytest.mark.parametrize("options", [(), ("--lmtp",)], ids=["SMTP", "LMTP"])
def test_send_into_serve_is_byte_identical(options: tuple[str, ...]) -> None:
    for body, message in bodies(*options):
        assert base64.b64decode(message["body_base64"]) == body  # BDAT keeps the end as it is
        assert message["mail_params"]["SIZE"] == str(len(body))
        assert message["mail_params"].get("BODY", "7BIT") == ("7BIT" if body.isascii() else "8BITMIME")
        assert ("SMTPUTF8" in message["mail_params"]) is body.startswith("Subject: Grü".encode())


def test_send_tells_each_recipient_and_the_status() -> None:
    replies = (
        b"220 x\r\n",
        b"250-x\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n",
        b"250 2.1.0 a\r\n250 2.1.5 b\r\n550 5.1.1 no\r\n354 go\r\n",
        b"250 2.6.0 taken\r\n",
        b"221 bye\r\n",
    )
    with scripted(*replies) as port:
        status, out, err = send(port, "--to", "carol@example.net")
    assert (status, err) == (69, "")
    assert out == "<bob@example.net>: delivered (250 2.6.0 taken)\n<carol@example.net>: refused (550 5.1.1 no)\n"


EHLO = (b"220 x\r\n", b"250 x\r\n")


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((*EHLO, b"250 a\r\n", b"250 b\r\n", b"354 c\r\n", b"250 d\r\n", b"221 e\r\n"), (0, "", "delivered", 250)),
        ((b"554 no\r\n", b"221 e\r\n"), (69, "greeting-rejected", "refused", 554)),
        ((b"421 later\r\n",), (75, "service-closing", "retry", 421)),
        ((*EHLO, b"451 x\r\n", b"221 e\r\n"), (75, "mail-rejected", "retry", 451)),
        ((*EHLO, b"250 a\r\n", b"550 no\r\n", b"221 e\r\n"), (69, "no-recipients", "refused", 550)),
        ((*EHLO, b"250 a\r\n", b"552 full\r\n", b"221 e\r\n"), (75, "no-recipients", "retry", 552)),
        ((*EHLO, b"250 a\r\n", b"250 b\r\n", b"354 c\r\n"), (75, "connection-lost", "unknown", None)),
        ((*EHLO, b"250 a\r\n", b"250 b\r\n"), (75, "connection-lost", "retry", None)),
        ((*EHLO, b"999 what\r\n"), (75, "protocol-error", "retry", None)),
    ],
    ids=lambda value: value[1] if isinstance(value[0], int) else "",
)
def test_send_tells_the_truth(replies: tuple[bytes, ...], expected: tuple[int, str, str, int | None]) -> None:
    with scripted(*replies) as port:
        status, out, _ = send(port, "--json")
    found = json.loads(out)
    (recipient,) = found["recipients"]
    assert (status, found["error"], recipient["outcome"], recipient["code"]) == expected
    assert found["status"] == status
    assert recipient["to"] == "bob@example.net"


def test_send_without_a_server_is_to_be_tried_again() -> None:
    with Serve() as server:
        server.stop()
    status, out, err = send(server.port)
    assert status == 75
    assert "cannot connect" in err
    assert out.startswith("<bob@example.net>: retry (cannot connect")


def test_send_repairs_line_ends_unless_told_otherwise(serve: Serve) -> None:
    assert send(serve.port, message=b"a\nb\rc\n")[0] == 0
    assert base64.b64decode(serve.message()["body_base64"]) == b"a\r\nb\r\nc\r\n"
    status, out, err = send(serve.port, "--newlines", "reject", message=b"a\nb\r\n")
    assert (status, out) == (64, "")
    assert "standard input" in err
    status, out, err = send(serve.port, "--newlines", "keep", message=b"a\nb\r\n")
    assert status == 69
    assert "554 5.6.0" in out
    status, _, err = send(serve.port, message=b"a\0b\r\n")
    assert status == 64
    assert "an octet 0" in err


def test_send_takes_binary_content(serve: Serve) -> None:
    content = bytes(range(256)) * 300
    assert send(serve.port, "--binary", message=content)[0] == 0
    message = serve.message()
    assert base64.b64decode(message["body_base64"]) == content
    assert message["mail_params"]["BODY"] == "BINARYMIME"


def test_send_takes_a_file_and_the_null_path(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(MESSAGE)
    arguments = ["send", "--port", str(serve.port), "--from", "", "--to", "Postmaster", "--helo", "client.example"]
    assert smtpcore(*arguments, str(path))[0] == 0
    message = serve.message()
    assert message["mail_from"] == ""
    assert message["rcpt_to"] == [{"to": "Postmaster", "params": {}}]
    assert message["helo"] == "client.example"
    assert base64.b64decode(message["body_base64"]) == MESSAGE


def test_send_refuses_8_bit_where_the_server_has_no_8bitmime() -> None:
    with scripted(*EHLO, b"221 e\r\n") as port:
        status, out, _ = send(port, "--json", message=b"\xff\r\n")
    assert status == 69
    assert json.loads(out)["error"] == "8bitmime-unavailable"


def test_send_ends_on_ctrl_c_with_130() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        arguments = ("send", "--port", str(listener.getsockname()[1]), *FROM, *TO)
        with Application("-m", "smtpcore", *arguments, stdin=MESSAGE) as application:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"220 x\r\n")
                assert sock.recv(4096).startswith(b"EHLO ")  # and say nothing more
                assert application.interrupt() == 130
                assert application.err.rest() == b"smtpcore: interrupted\n"


def test_a_servers_words_cannot_steer_a_terminal() -> None:
    with scripted(b"220 x\r\n", b"250 x\r\n", b"550 \x1b[2J\x07gone\r\n", b"221 e\r\n") as port:
        status, out, _ = send(port)
    assert status == 69
    assert "\x1b" not in out
    assert "\x07" not in out


def test_with_final_crlf() -> None:
    assert with_final_crlf([b"", b"a", b"a\r\n"]) == [b"", b"a\r\n", b"a\r\n"]


# --- TLS and AUTH ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """An authority's certificate, and a server's with its key."""
    trustme = pytest.importorskip("trustme", reason="trustme")
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return str(folder / "authority.pem"), str(folder / "server.pem")


@pytest.fixture
def accounts(tmp_path: Path) -> str:
    path = tmp_path / "accounts"
    path.write_text("# name:password\nann:open:sesame\nbob:x\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("tls", ["required", "opportunistic", "implicit"])
def test_send_and_serve_speak_tls(tls: str, certificates: tuple[str, str]) -> None:
    authority, server_file = certificates
    more = ["--implicit-tls"] if tls == "implicit" else []
    with Serve("--cert", server_file, *more) as server:
        status, out, err = send(server.port, "--host", "localhost", "--tls", tls, "--ca", authority)
        assert (status, err) == (0, ""), out
        assert server.message()["tls"] is True
        server.stop()


def test_send_does_not_trust_a_stranger(certificates: tuple[str, str]) -> None:
    with Serve("--cert", certificates[1]) as server:
        status, _, err = send(server.port, "--host", "localhost", "--tls", "required")
        assert status == 75
        assert "certificate verify failed" in err
        assert send(server.port, "--host", "localhost", "--tls", "required", "--no-verify")[0] == 0
        server.stop()


def test_send_requires_tls_where_told(serve: Serve) -> None:
    status, out, _ = send(serve.port, "--tls", "required", "--json")
    assert status == 75
    assert json.loads(out)["error"] == "starttls-unavailable"
    assert send(serve.port, "--tls", "opportunistic")[0] == 0
    assert serve.message()["tls"] is False


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"])
def test_send_logs_in(
    mechanism: str, certificates: tuple[str, str], accounts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, server_file = certificates
    monkeypatch.setenv("SMTPCORE_PASSWORD", "open:sesame")
    options = ["--host", "localhost", "--tls", "required", "--ca", authority, "--user", "ann", "--mechanism", mechanism]
    with Serve("--cert", server_file, "--auth", accounts, "--require-auth") as server:
        status, out, err = send(server.port, *options)
        assert (status, err) == (0, ""), out
        assert server.message()["auth"] == "ann"
        monkeypatch.setenv("SMTPCORE_PASSWORD", "wrong")
        status, out, _ = send(server.port, *options)
        assert status == 69
        assert "535 5.7.8" in out
        status, out, _ = send(server.port, "--host", "localhost", "--tls", "required", "--ca", authority, "--json")
        assert status == 69
        assert json.loads(out)["recipients"][0]["code"] == 530
        server.stop()


def test_a_password_never_goes_out_in_the_clear(accounts: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("open:sesame\n", encoding="utf-8")
    options = ["--user", "ann", "--password-file", str(password)]
    with Serve("--auth", accounts, "--clear-text-auth") as server:
        status, out, _ = send(server.port, *options, "--mechanism", "PLAIN", "--json")
        assert (status, json.loads(out)["error"]) == (75, "auth-unavailable")
        assert send(server.port, *options, "--mechanism", "PLAIN", "--clear-text-auth")[0] == 0
        assert server.message()["auth"] == "ann"
        assert send(server.port, *options)[0] == 0  # SCRAM hides it
        assert server.message()["auth"] == "ann"
        server.stop()


def test_wrong_account_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_text("ann:x\nbob\n", encoding="utf-8")
    status, _, err = smtpcore("serve", "--auth", str(path))
    assert status == 64
    assert "line 2" in err


def test_serve_survives_a_failed_handshake(certificates: tuple[str, str]) -> None:
    with Serve("--cert", certificates[1], "--implicit-tls") as server:
        with socket.create_connection((server.host, server.port), timeout=PATIENCE) as sock:
            sock.sendall(b"EHLO in.the.clear\r\n")
            with suppress(ConnectionResetError):
                while sock.recv(4096):
                    pass
        context = ssl.create_default_context(cafile=certificates[0])
        with smtplib.SMTP_SSL("localhost", server.port, context=context, timeout=PATIENCE) as client:
            assert client.noop()[0] == 250
        server.stop()
