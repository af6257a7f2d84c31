"""Each example does what it says: started as a process, on a port of its own, talked to, told to stop."""

from __future__ import annotations

import ast
import smtplib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import smtpcore
from tests.applications import PATIENCE, ROOT, Application, run

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SERVERS, CLIENTS = ("socket", "asyncio", "trio"), ("socket", "asyncio", "trio")
by_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
by_server = pytest.mark.parametrize("server", SERVERS)
by_client = pytest.mark.parametrize("client", CLIENTS)
MESSAGE = b"Subject: dots\r\n\r\n.\r\n..\r\nhi\r\n"


@contextmanager
def serving(kind: str, *options: str) -> Iterator[tuple[Application, int]]:
    """One of the server examples, listening; it must end cleanly on Ctrl-C."""
    if kind == "trio":
        pytest.importorskip("trio", reason="trio")
    with Application(f"examples/{kind}_server.py", "0", *options) as server:
        _, port = server.address(server.out)
        yield server, port
        status = server.interrupt()
        assert server.err.rest() == b""
        assert status == 0


def send(kind: str, port: int, folder: Path, *options: str, message: bytes = MESSAGE) -> tuple[int, str]:
    """Send with one of the client examples; gives its status and what it said."""
    if kind == "trio":
        pytest.importorskip("trio", reason="trio")
    path = folder / "message"
    path.write_bytes(message)
    arguments = [f"examples/{kind}_client.py", "localhost", str(port), "ann@example.org", "bob@example.net"]
    if kind == "socket":
        status, out, err = run(*arguments, *options, stdin=message)
    else:
        status, out, err = run(*arguments, str(path), *options)
    assert err == ""
    return status, out


@by_example
def test_it_is_short(example: Path) -> None:
    assert example.read_text(encoding="utf-8").count("\n") < 100


@by_example
def test_its_driver_loop_is_at_most_30_lines(example: Path) -> None:
    tree = ast.parse(example.read_text(encoding="utf-8"))
    drivers = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (ast.get_docstring(node) or "").startswith("The driver loop")
    ]
    (driver,) = drivers
    assert driver.end_lineno is not None
    assert driver.end_lineno - driver.lineno < 30


@by_example
def test_it_uses_public_names_only(example: Path) -> None:
    tree = ast.parse(example.read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "smtpcore"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "smtpcore":
            used |= {name.name for name in node.names}
    assert used
    assert used <= {*smtpcore.__all__, "sasl"}  # the package of mechanisms is public as well
    private = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    assert not private


@by_example
def test_it_explains_itself(example: Path) -> None:
    if example.stem.startswith("trio"):
        pytest.importorskip("trio", reason="trio")
    status, out, err = run(str(example), "--help")
    assert (status, err) == (0, "")
    assert f"python examples/{example.name}" in " ".join(out.split())


@by_server
@by_client
def test_every_client_delivers_to_every_server(client: str, server: str, tmp_path: Path) -> None:
    with serving(server) as (application, port):
        status, out = send(client, port, tmp_path)
        assert "delivered (250 2.6.0 Message accepted)" in out
        assert status == 0
        if server == "socket":
            assert application.out.next() == f"<ann@example.org> -> <bob@example.net>: {len(MESSAGE)} octets\n".encode()


@by_server
def test_smtplib_delivers_to_every_server(server: str) -> None:
    with serving(server) as (_, port), smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        assert client.sendmail("ann@example.org", ["bob@example.net"], MESSAGE) == {}
        assert client.noop()[0] == 250


@by_client
def test_a_client_tells_of_a_refusal(client: str, tmp_path: Path) -> None:
    with serving("trio") as (_, port):
        path = tmp_path / "message"
        path.write_bytes(MESSAGE)
        arguments = [f"examples/{client}_client.py", "localhost", str(port), "ann@example.org", "nobody@example.net"]
        more = [] if client == "socket" else [str(path)]
        status, out, err = run(*arguments, *more, stdin=MESSAGE)
        assert (status, err) == (1, "")
        assert "refused (550 5.1.1 No such user here)" in out


@by_client
def test_a_client_survives_a_server_that_is_not_there(client: str, tmp_path: Path) -> None:
    with serving("asyncio") as (_, port):
        pass
    path = tmp_path / "message"
    path.write_bytes(MESSAGE)
    more = [] if client == "socket" else [str(path)]
    arguments = [f"examples/{client}_client.py", "127.0.0.1", str(port), "ann@example.org", "bob@example.net"]
    status, _, _ = run(*arguments, *more, stdin=MESSAGE)
    assert status == 1


#: Runs an example and then says how much memory it had at its most.
MEASURED = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    with open("/proc/self/status") as file:
        print(file.read())
    sys.exit(end.code)
"""


def peak(status: str) -> int:
    """The most memory a process had, in MiB."""
    (line,) = [line for line in status.split("\n") if line.startswith("VmHWM:")]
    return int(line.split()[1]) >> 10


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc on this system")
@pytest.mark.parametrize("server", ["asyncio", "trio"])
def test_a_large_message_passes_in_constant_memory(server: str, tmp_path: Path) -> None:
    megabytes = 64
    path = tmp_path / "large"
    path.write_bytes((b"x" * 62 + b"\r\n") * (megabytes << 14))
    with serving(server) as (application, port):
        arguments = ["examples/asyncio_client.py", "127.0.0.1", str(port), "ann@example.org", "bob@example.net"]
        status, out, err = run("-c", MEASURED, *arguments, str(path))
        assert (status, err) == (0, "")
        assert "delivered" in out
        server_status = Path(f"/proc/{application.process.pid}/status").read_text(encoding="ascii")
    assert peak(out) < megabytes
    assert peak(server_status) < megabytes


class Certificates:
    """An authority of our own and a server's certificate, as files."""

    def __init__(self, folder: Path) -> None:
        trustme = pytest.importorskip("trustme", reason="trustme")
        authority = trustme.CA()
        self.authority, self.server = str(folder / "authority.pem"), str(folder / "server.pem")
        authority.cert_pem.write_to_path(self.authority)
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(self.server)


@by_server
@pytest.mark.parametrize("client", ["socket", "trio"])
def test_starttls_between_examples(client: str, server: str, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with serving(server, "--cert", certificates.server) as (_, port):
        status, out = send(client, port, tmp_path, "--starttls", "--ca", certificates.authority)
        assert "delivered" in out
        assert status == 0


@by_server
def test_smtplib_starts_tls(server: str, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    context = ssl.create_default_context(cafile=certificates.authority)
    with (
        serving(server, "--cert", certificates.server) as (_, port),
        smtplib.SMTP("localhost", port, timeout=PATIENCE) as client,
    ):
        client.starttls(context=context)
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.sendmail("ann@example.org", ["bob@example.net"], MESSAGE) == {}


def test_auth_between_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = Certificates(tmp_path)
    options = ["--starttls", "--ca", certificates.authority, "--user", "ann"]
    with serving("socket", "--cert", certificates.server) as (_, port):
        monkeypatch.setenv("PASSWORD", "correct horse")
        assert send("socket", port, tmp_path, *options)[0] == 0
        monkeypatch.setenv("PASSWORD", "wrong horse")
        status, out = send("socket", port, tmp_path, *options)
        assert status == 1
        assert "535 5.7.8" in out


@pytest.mark.parametrize("client", ["socket", "trio"])
def test_lmtp_between_examples(client: str, tmp_path: Path) -> None:
    with serving("socket", "--lmtp") as (_, port):
        status, out = send(client, port, tmp_path, "--lmtp")
        assert "delivered" in out
        assert status == 0


def test_the_asyncio_server_takes_uvloop() -> None:
    pytest.importorskip("uvloop", reason="uvloop")
    with serving("asyncio", "--uvloop") as (_, port), smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        assert client.sendmail("ann@example.org", ["bob@example.net"], MESSAGE) == {}


def test_many_messages_over_one_connection(tmp_path: Path) -> None:
    pytest.importorskip("trio", reason="trio")
    path = tmp_path / "message"
    path.write_bytes(MESSAGE)
    with serving("socket") as (application, port):
        arguments = ["examples/trio_client.py", "localhost", str(port), "ann@example.org", "bob@example.net"]
        status, out, err = run(*arguments, *[str(path)] * 50)
        assert (status, err) == (0, "")
        assert out.count("delivered") == 50
        for _ in range(50):
            application.out.next()


@by_server
def test_a_client_in_a_hurry_is_not_taken_for_an_injection(server: str, tmp_path: Path) -> None:
    """EHLO in the same segment as the end of the handshake comes decrypted, before the server's loop says so."""
    certificates = Certificates(tmp_path)
    context = ssl.create_default_context(cafile=certificates.authority)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with (
        serving(server, "--cert", certificates.server) as (_, port),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock,
    ):
        for line, last in (b"", b"220 "), (b"EHLO client.example\r\n", b"250 "), (b"STARTTLS\r\n", b"220 "):
            sock.sendall(line)
            reply = b""
            while not (reply.endswith(b"\r\n") and reply.split(b"\r\n")[-2].startswith(last)):
                reply += sock.recv(4096)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(b"EHLO client.example\r\nQUIT\r\n")
        sock.sendall(outgoing.read())  # the end of the handshake, and what follows it
        replies = b""
        while b"221 " not in replies:
            try:
                replies += tls.read(65536)
            except ssl.SSLWantReadError:
                data = sock.recv(65536)
                assert data, "the server closed the connection"
                incoming.write(data)
        assert replies.startswith(b"250-localhost")


def in_virtual_time(talk: Callable[[Any], Awaitable[float]]) -> float:
    """Run with a clock that jumps to the next moment at which something happens; gives what `talk` gives."""
    trio = pytest.importorskip("trio", reason="trio")
    clock = pytest.importorskip("trio.testing").MockClock(autojump_threshold=0)
    seconds: float = trio.run(talk, trio, clock=clock)
    return seconds


@pytest.mark.rule("S-TMO-08", "S-TMO-10", "S-TMO-13")
def test_a_server_gives_a_dribbling_client_no_more_than_its_time() -> None:
    converse = import_module("examples.trio_server").converse

    async def talk(trio: Any) -> float:
        near, far = trio.testing.memory_stream_pair()
        said = b""

        async def listen() -> None:
            nonlocal said
            async for data in near:
                said += data

        async with trio.open_nursery() as nursery:
            nursery.start_soon(converse, smtpcore.ServerSettings("localhost"), None, far)
            nursery.start_soon(listen)
            with suppress(trio.BrokenResourceError):
                for _ in range(100_000):
                    await near.send_all(b"x")
                    await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        assert said.startswith(b"220 ")
        assert b"421 4.4.2 " in said
        return float(trio.current_time())

    assert in_virtual_time(talk) == pytest.approx(300, abs=1)


@pytest.mark.rule("C-TMO-02")
def test_a_client_gives_a_dribbling_server_no_more_than_its_time() -> None:
    deliver = import_module("examples.trio_client").deliver

    async def talk(trio: Any) -> float:
        near, far = trio.testing.memory_stream_pair()
        conn = smtpcore.ClientConnection("client.example")
        delivery = smtpcore.Delivery(conn, [smtpcore.Message("a@example.org", ("b@example.net",), MESSAGE)])

        async def dribble() -> None:
            with suppress(trio.BrokenResourceError):
                for octet in b"220-" + b"x" * 100_000:
                    await near.send_all(bytes([octet]))
                    await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(dribble)
            await deliver(far, conn, delivery, ssl.create_default_context(), "localhost")
            nursery.cancel_scope.cancel()
        (report,) = delivery.reports
        assert report.error == "timed-out"
        return float(trio.current_time())

    assert in_virtual_time(talk) == pytest.approx(300, abs=1)
