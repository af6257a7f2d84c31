"""Our client over a blocking socket: python send_many.py PORT COUNT SIZE [--one | --chunking]

Sends COUNT messages of about SIZE octets over one connection and prints `{"n", "secs", "cpu"}` of all that comes after
the greeting.  `--one`: a message is begun when the last one is done, as a program does that has one at a time.
Without it messages are queued (`Delivery`): each goes out behind the end of the last.  `--chunking`: the same with each
message in one flight where the server offers CHUNKING.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import smtpcore
from smtpcore import ClientConnection, ClientEvent, Step, Transaction
from smtpcore.delivery import Delivery, Message

RECEIVE = Step.RECEIVE
SENDER, RECIPIENT = "sender@example.org", "recipient@example.net"


def content(size: int) -> bytes:
    header = f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: load\r\n\r\n".encode()
    line = b"x" * 74 + b"\r\n"
    return header + line * max(1, (size - len(header)) // len(line))


class Wire:
    """The driver loop, in blocking form; the greeting has come already."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 60)
        self.sock.settimeout(None)  # as smtplib's by default: with one each call is two
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.conn = ClientConnection("client.example.org")
        self.conn.receive_data(self.sock.recv(65536))

    def turn(self, handle: Callable[[ClientEvent], None]) -> None:
        """Once around: output, input when that is due, events."""
        conn = self.conn
        output = conn.data_to_send()
        if output:
            self.sock.sendall(output)
        if conn.next_step is RECEIVE:
            conn.receive_data(self.sock.recv(65536))
        while (event := conn.next_event()) is not None:
            handle(event)


def one_by_one(wire: Wire, count: int, body: bytes) -> None:
    conn = wire.conn
    while conn.session.hello is None:
        wire.turn(ignore)
    for _ in range(count):
        message = Transaction(conn, SENDER, [RECIPIENT], body=body)
        message.start()
        while not message.done:
            wire.turn(message.handle)
        if not message.report.complete:
            raise SystemExit(f"not delivered: {message.report}")
    conn.send(smtpcore.Quit())
    while conn.next_step is not Step.CLOSE:
        wire.turn(ignore)


def queued(wire: Wire, delivery: Delivery) -> None:
    while wire.conn.next_step is not Step.CLOSE:
        wire.turn(delivery.handle)
    if not all(report.complete for report in delivery.reports):
        raise SystemExit("not delivered")


def ignore(event: ClientEvent) -> None:
    """Nothing waits for this one."""


def now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("--one", action="store_true")
    parser.add_argument("--chunking", action="store_true")
    options = parser.parse_args()
    body = content(options.size)
    wire = Wire(options.port)
    begin = now()
    if options.one:
        one_by_one(wire, options.count, body)
    else:
        messages = (Message(SENDER, (RECIPIENT,), body) for _ in range(options.count))
        queued(wire, Delivery(wire.conn, messages, chunking=options.chunking, one_flight=options.chunking))
    end = now()
    wire.sock.close()
    print(json.dumps({"n": options.count, "secs": end[0] - begin[0], "cpu": end[1] - begin[1]}))


if __name__ == "__main__":
    main()
