"""Command lines: a command or a problem with a reply, never an exception; and what was read is written alike."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.commands import Command, Problem, parse
from smtpcore.errors import SMTPError
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.leniency import DEFAULT, LENIENT, STRICT
from tests.fuzz import corpus

LANGUAGES = tuple(
    CLIENT_EXTENSIONS.language(lmtp=lmtp, leniency=leniency)
    for lmtp in (False, True)
    for leniency in (STRICT, DEFAULT, LENIENT)
)


def seeds() -> Iterable[bytes]:
    return corpus.command_lines()


def run(data: bytes) -> None:
    for language in LANGUAGES:
        command = parse(data, language)
        if isinstance(command, Problem):
            assert command.reply.code // 100 == 5, command
            assert 0 <= command.position <= len(data), command
            continue
        _check(command)
    parse(data)


def _check(command: Command) -> None:
    repr(command)
    try:
        wire = command.to_bytes()
    except SMTPError:  # tolerated when read, not for sending: it says so
        return
    assert wire.endswith(b"\r\n"), wire
    assert not any(octet < 32 or octet == 127 for octet in wire[:-2]), wire
    again = parse(wire[:-2], LANGUAGES[2])
    if isinstance(again, Problem):
        again = parse(wire[:-2], LANGUAGES[5])
    assert again == command, (wire, again, command)
    assert isinstance(again, Command)
    assert again.to_bytes() == wire
