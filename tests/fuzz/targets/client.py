"""A client before a random server: nothing escapes, nothing hangs, and no report says more than the replies did."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.client import ClientConnection
from smtpcore.limits import Limits
from tests.fuzz import corpus
from tests.fuzz.choices import Choices, split, varied
from tests.fuzz.sender import Sender

_SMALL = Limits(reply_line=512, reply_lines=5, reply=1500, pipeline=100)


def seeds() -> Iterable[bytes]:
    return varied(corpus.server_wires(), times=4)


def run(data: bytes) -> None:
    wire, choices = split(data)
    connection = ClientConnection(
        "client.example",
        limits=choices.pick((Limits(), _SMALL)),
        lmtp=choices.chance(4),
        tls=choices.chance(4),
        pipelining=not choices.chance(3),
        greet=not choices.chance(8),
        extra_parameters=choices.chance(2),
    )
    sender = Sender(connection, choices)
    sender.pump()
    for piece in _replies(wire, choices):
        if not sender.closed:
            sender.feed(piece)
    sender.finish()
    sender.check()


def _replies(wire: bytes, choices: Choices) -> Iterable[bytes]:
    """The octets of the server: one reply at a time, as an honest one speaks, or cut anywhere."""
    if choices.chance(3):
        yield from choices.pieces(wire)
        return
    start = 0
    for line in wire.splitlines(keepends=True):
        if line[3:4] != b"-":
            end = wire.index(line, start) + len(line)
            yield wire[start:end]
            start = end
    if wire[start:]:
        yield wire[start:]
