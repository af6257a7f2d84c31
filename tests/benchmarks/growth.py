"""How cost grows with hostile input, in memory, both ends: the exponent between n and 10 n is 1 when it is linear."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable

import smtpcore
from smtpcore import Limits, NewlinePolicy, ServerSettings, Step
from smtpcore.content import ContentEncoder
from tests.benchmarks import adapters
from tests.benchmarks.tables import Facts, Table, cpu_seconds, figure

HELLO, MAIL = b"EHLO client.example.org\r\n", b"MAIL FROM:<a@example.org>\r\n"
RCPT = b"RCPT TO:<b@example.net>\r\n"
TEXT = [HELLO, MAIL, RCPT, b"DATA\r\n"]
CHUNKS = [HELLO, MAIL, RCPT]
PIECE = 65536


def _open_settings(newlines: NewlinePolicy = NewlinePolicy.REJECT) -> ServerSettings:
    """Without the limits that would end the attack before it costs anything."""
    limits = Limits(errors=None, junk=None, recipients=None, chunks=None)
    return ServerSettings("mx.example.org", limits=limits, newlines=newlines)


OPEN = _open_settings()
REPAIRING = _open_settings(NewlinePolicy.REPAIR)


def cut(data: bytes, width: int = PIECE) -> list[bytes]:
    return [data[start : start + width] for start in range(0, len(data), width)]


def serve(before: Iterable[bytes], pieces: Iterable[bytes], settings: ServerSettings = OPEN) -> Callable[[], None]:
    """A server that takes everything meets the octets."""

    def attack() -> None:
        feed = adapters.server(settings)
        for piece in (b"", *before):
            feed(piece)
        for piece in pieces:
            feed(piece)

    return attack


def meet(pieces: Iterable[bytes], recipients: int = 1) -> Callable[[], None]:
    """A client in the middle of a transaction meets the octets of a server."""
    rcpts = [f"r{number}@example.net" for number in range(recipients)]

    def attack() -> None:
        conn = adapters.greeted()
        message = smtpcore.Transaction(conn, adapters.SENDER, rcpts, body=adapters.MESSAGE)
        message.start()
        conn.data_to_send()
        for piece in pieces:
            if conn.next_step is Step.CLOSE:
                return
            conn.receive_data(piece)
            for event in conn.events():
                message.handle(event)
            conn.data_to_send()

    return attack


def encode(pieces: list[bytes]) -> Callable[[], None]:
    """An application that sends its text in such pieces."""

    def attack() -> None:
        encoder = ContentEncoder(NewlinePolicy.REPAIR, max_line=None)
        for piece in pieces:
            encoder.encode(piece)

    return attack


def copy(pieces: list[bytes]) -> Callable[[], None]:
    def control() -> None:
        for piece in pieces:
            bytes(bytearray(piece))

    return control


#: From a size (octets, lines or commands) to the attack; and the size with which that takes some milliseconds.
Attack = tuple[Callable[[int], Callable[[], None]], int]

SERVER: dict[str, Attack] = {
    "endless command line, octet by octet": (lambda n: serve([], [b"x"] * n), 10_000),
    "endless command line, 64 KiB pieces": (lambda n: serve([], cut(b"x" * n)), 10_000_000),
    "command lines of 64 KiB": (lambda n: serve([HELLO], [(b"x" * PIECE + b"\r\n") * 10] * n), 10),
    "greeting line that never ends, octet by octet": (lambda n: serve([HELLO], [b"MAIL"] + [b" "] * n), 10_000),
    "lines of one octet, in one piece": (lambda n: serve([HELLO], [b"x\r\n" * n]), 1_000),
    "empty lines, in one piece": (lambda n: serve([HELLO], [b"\r\n" * n]), 1_000),
    "NOOP in one piece": (lambda n: serve([HELLO], [b"NOOP\r\n" * n]), 1_000),
    "NOOP octet by octet": (lambda n: serve([HELLO], cut(b"NOOP\r\n" * n, 1)), 500),
    "RCPT in one piece": (lambda n: serve([HELLO, MAIL], [RCPT * n]), 1_000),
    "RCPT refused by its grammar, in one piece": (lambda n: serve([HELLO, MAIL], [b"RCPT TO:<@>\r\n" * n]), 1_000),
    "EHLO in one piece": (lambda n: serve([HELLO], [HELLO * n]), 1_000),
    "MAIL and RSET in one piece": (lambda n: serve([HELLO], [(MAIL + b"RSET\r\n") * n]), 1_000),
    "text of CRLF, in one piece": (lambda n: serve(TEXT, [b"\r\n" * n]), 1_000_000),
    "text of CRLF, 64 KiB pieces": (lambda n: serve(TEXT, cut(b"\r\n" * n)), 1_000_000),
    "text, octet by octet": (lambda n: serve(TEXT, cut((b"x" * 60 + b"\r\n") * (n // 62), 1)), 10_000),
    "text of dots, octet by octet": (lambda n: serve(TEXT, cut(b"..\r\n" * (n // 4), 1)), 10_000),
    "text of one line": (lambda n: serve(TEXT, [b"x" * PIECE] * n), 200),
    "text of dot lines": (lambda n: serve(TEXT, cut(b"..\r\n" * n)), 200_000),
    "text of nearly ends": (lambda n: serve(TEXT, cut(b"\r\n.\r" * n)), 200_000),
    "text of bare CR, repaired": (lambda n: serve(TEXT, cut(b"\r" * n), REPAIRING), 1_000_000),
    "text of bare LF, repaired": (lambda n: serve(TEXT, cut(b"\n" * n), REPAIRING), 1_000_000),
    "chunks of one octet, in one piece": (lambda n: serve(CHUNKS, [b"BDAT 1\r\nx" * n]), 1_000),
    "chunk octet by octet": (lambda n: serve([*CHUNKS, b"BDAT %d\r\n" % (n + 1)], [b"x"] * n), 10_000),
}
CLIENT: dict[str, Attack] = {
    "endless reply line, octet by octet": (lambda n: meet([b"2"] + [b"5"] * n), 10_000),
    "endless reply line, 64 KiB pieces": (lambda n: meet(cut(b"250 " + b"x" * n)), 10_000_000),
    "reply of many lines": (lambda n: meet([b"250-x\r\n" * n]), 100),
    "replies to many recipients, in one piece": (lambda n: meet([b"250 Ok\r\n" * (n + 1)], n), 500),
    "replies to many recipients, octet by octet": (lambda n: meet(cut(b"250 Ok\r\n" * (n + 1), 1), n), 500),
    "refusals to many recipients, in one piece": (lambda n: meet([b"250 Ok\r\n" + b"550 No\r\n" * n], n), 500),
    "replies that nobody asked for": (lambda n: meet([b"250 Ok\r\n" * n]), 10_000),
    "text sent octet by octet": (lambda n: encode(cut(b".\r\n" * (n // 3), 1)), 10_000),
    "text of dot lines, sent": (lambda n: encode(cut(b".\r\n" * n)), 200_000),
    "text of bare CR, sent": (lambda n: encode(cut(b"\r" * n)), 1_000_000),
}
#: What the machine itself does with pieces that outgrow its caches: no code of ours, for comparison.
CONTROL: dict[str, Attack] = {
    "copy of one piece, as large as the text of CRLF": (lambda n: copy([b"\r\n" * n]), 1_000_000),
    "copies of 64 KiB pieces": (lambda n: copy([b"\r\n" * (PIECE // 2)] * n), 200),
}
#: Attacks of one octet a call, whose size is the number of calls.
SINGLE = (
    "endless command line, octet by octet",
    "greeting line that never ends, octet by octet",
    "text, octet by octet",
    "text of dots, octet by octet",
    "chunk octet by octet",
    "text sent octet by octet",
)


def times(attack: Callable[[int], Callable[[], None]], size: int, runs: int) -> tuple[float, float]:
    """The best CPU time of a size, and of ten times that."""
    small, large = attack(size), attack(10 * size)
    small()
    return min(cpu_seconds(small) for _ in range(max(5, runs))), min(cpu_seconds(large) for _ in range(min(3, runs)))


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    made = Table(
        "Growth with hostile input",
        ["", "n", "ms", "10 n, ms", "exponent", "us for each of n"],
        "The application accepts everything, limits that would end the attack are off where there are such.",
    )
    facts: Facts = {"growth.worst": 0.0, "octet.worst": 0.0}
    for end, attacks in (("server", SERVER), ("client", CLIENT), ("control", CONTROL)):
        for name, (attack, size) in attacks.items():
            size = max(10, int(size * options.scale))
            small, large = times(attack, size, options.runs)
            exponent = math.log10(large / small)
            each = large / size / 10 * 1e6
            made.add(f"{end}: {name}", size, figure(small * 1e3), figure(large * 1e3), figure(exponent), figure(each))
            if end != "control":
                facts["growth.worst"] = max(facts["growth.worst"], exponent)
            if name in SINGLE:
                facts["octet.worst"] = max(facts["octet.worst"], each)
    return [made], facts
