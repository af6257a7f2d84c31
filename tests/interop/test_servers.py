"""Our client end into servers of other projects and into our own: what arrived is what was given, octet by octet."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import smtpcore
from smtpcore.cli.wire import Wire
from smtpcore.delivery import Delivery, Message
from tests.applications import PATIENCE, Serve, free_port, with_final_crlf
from tests.applications import smtpcore as command
from tests.interop.conftest import program

pytestmark = pytest.mark.interop

SENDER, RECIPIENT = "a@example.org", "b@example.net"
HEADER = b"From: a@example.org\r\nSubject: one\r\n\r\n"
LARGE = HEADER + (b"." + b"x" * 76 + b"\r\n") * (10 * (1 << 20) // 79)
#: Texts with something to get wrong; the last ones have no CRLF at their end.
AWKWARD = [
    b"",
    b"\r\n",
    b".\r\n",
    b"..\r\n",
    b"\r\n.\r\n",
    HEADER,
    HEADER + b".\r\n" * 500,
    HEADER + b"..\r\n.\r\n...\r\n\r\n\r\n",
    HEADER + b"x" * 998 + b"\r\n." + b"x" * 996 + b"\r\n",
    HEADER + bytes(octet for octet in range(1, 256) if octet not in b"\r\n") + b"\r\n",
    HEADER + "Grüße, 日本, 🙂\r\n".encode(),
    (b"x" * 78 + b"\r\n") * 819 + b"x" * 14 + b"\r\n.\r\n..\r\n",  # a dot at the border of 64 KiB
    b".",
    b"no end of line",
    HEADER + b"a\r\n.",
]


def thousand() -> list[bytes]:
    """A thousand messages, one of them of 10 MiB."""
    return [*(AWKWARD[number % len(AWKWARD)] + b"%d\r\n" % number for number in range(999)), LARGE]


def deliver(host: str, port: int, bodies: Sequence[bytes], **options: Any) -> None:
    """All of them over one connection, by `ClientConnection` and `Delivery`; every one must be taken."""
    conn = smtpcore.ClientConnection("client.example", max_line=None)
    messages = [Message(SENDER, (RECIPIENT,), body) for body in bodies]
    delivery = Delivery(conn, messages, **options)
    wire = Wire(socket.create_connection((host, port), timeout=PATIENCE))
    try:
        while conn.next_step is not smtpcore.Step.CLOSE:
            for event in conn.events():
                delivery.handle(event)
            wire.turn(conn)
    finally:
        wire.close()
    assert [report.error for report in delivery.reports] == [""] * len(bodies)


def send(host: str, port: int, bodies: Sequence[bytes]) -> None:
    """One after the other, by `python -m smtpcore send`."""
    for body in bodies:
        arguments = ("send", "--host", host, "--port", str(port), "--from", SENDER, "--to", RECIPIENT)
        status, out, err = command(*arguments, stdin=body)
        assert (status, err) == (0, ""), out


class Sink:
    """Postfix's test server, which writes each message into a file of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        path = program("smtp-sink")
        self.folder = folder / "sink"
        self.folder.mkdir()
        self.port = free_port()
        user = ["-u", "root"] if os.getuid() == 0 else []
        arguments = [path, *user, "-d", f"{self.folder}/", *options, f"127.0.0.1:{self.port}", "100"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self) -> Sink:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
            except ConnectionRefusedError:
                assert self.process.poll() is None, "smtp-sink has ended"
                assert time.monotonic() < deadline, "smtp-sink does not listen"
            else:
                return self

    def __exit__(self, *error: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)

    def messages(self) -> list[bytes]:
        """The messages, without the header that it adds and with the line ends that it takes away."""
        found = []
        for file in self.folder.iterdir():
            lines = file.read_bytes().split(b"\n")
            start = next(number for number, line in enumerate(lines) if line.startswith(b"\tby smtp-sink")) + 2
            assert lines[-2:] == [b"", b""]  # an empty line and the end of the last one
            found.append(b"".join(line + b"\r\n" for line in lines[start:-2]))
        return found


class Aiosmtpd:
    """aiosmtpd in a thread, keeping what it is given."""

    def __init__(self) -> None:
        controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd")
        self.messages: list[bytes] = []
        self.port = free_port()
        self._controller = controller.Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ready_timeout=PATIENCE,
            enable_SMTPUTF8=True,
            command_call_limit={"*": 1_000_000},
        )

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        assert envelope.mail_from == SENDER
        assert envelope.rcpt_tos == [RECIPIENT]
        self.messages.append(envelope.content)
        return "250 OK"

    def __enter__(self) -> Aiosmtpd:
        self._controller.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._controller.stop()


SENDERS: dict[str, Callable[[str, int, Sequence[bytes]], None]] = {"ClientConnection": deliver, "send": send}
by_sender = pytest.mark.parametrize("sender", SENDERS)


def amount(sender: str) -> list[bytes]:
    """A thousand for the library, each kind once for the command, which is a process for each."""
    return thousand() if sender == "ClientConnection" else [*AWKWARD, LARGE]


@by_sender
def test_into_aiosmtpd(sender: str) -> None:
    bodies = amount(sender)
    with Aiosmtpd() as server:
        SENDERS[sender]("127.0.0.1", server.port, bodies)
    assert server.messages == with_final_crlf(bodies)


@by_sender
@pytest.mark.parametrize("options", [(), ("-p",)], ids=["PIPELINING", "lock-step"])
def test_into_smtp_sink(options: tuple[str, ...], sender: str, tmp_path: Path) -> None:
    bodies = amount(sender)
    with Sink(tmp_path, *options) as server:
        SENDERS[sender]("127.0.0.1", server.port, bodies)
        assert sorted(server.messages()) == sorted(with_final_crlf(bodies))


WAYS: list[dict[str, Any]] = [{}, {"chunking": False}, {"chunk_size": 1000}, {"one_flight": True}]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_thousand_into_our_own_server(way: dict[str, Any]) -> None:
    bodies = thousand()
    with Serve() as server:
        deliver(server.host, server.port, bodies, **way)
        taken = [base64.b64decode(message["body_base64"]) for message in server.messages(len(bodies))]
        server.stop()
    assert taken == (with_final_crlf(bodies) if way == {"chunking": False} else bodies)


def test_lmtp_into_smtp_sink(tmp_path: Path) -> None:
    with Sink(tmp_path, "-L") as server:
        arguments = ("send", "--lmtp", "--port", str(server.port), "--from", SENDER, "--to", RECIPIENT)
        status, out, err = command(*arguments, "--to", "c@example.net", stdin=AWKWARD[7])
        assert (status, err) == (0, "")
        assert out.count(": delivered (250 ") == 2
        assert server.messages() == [AWKWARD[7]]
