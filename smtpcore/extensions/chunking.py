"""CHUNKING: BDAT, the message in counted octets instead of a dotted text (RFC 3030 2)."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Mapping

from smtpcore import replies
from smtpcore.commands import Command, CommandError, Language
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.base import Extension, Verb
from smtpcore.state import Move, State

_ARGUMENT: Final = re.compile(rb" ([0-9]{1,20})( [Ll][Aa][Ss][Tt])?")

_NUMBER_LIKE: Final = re.compile(rb"[0-9\x80-\xff]")


class Bdat(Command):
    """BDAT: `size` octets of the message follow the line; `last` ends the message."""

    size: int
    last: bool = False
    verb: ClassVar[str] = "BDAT"

    def __post_init__(self) -> None:
        if self.size < 0:
            raise SyntaxProblem("a chunk has 0 octets or more")

    def argument(self) -> str:
        return f" {self.size} LAST" if self.last else f" {self.size}"


def _grammar(line: bytes, end: int, language: Language) -> Command:
    found = _ARGUMENT.fullmatch(line, end)
    if found is None:
        raise CommandError(replies.BAD_ARGUMENT, "BDAT wants a number of octets, and LAST or nothing", end)
    bdat: Bdat = Bdat._make(int(found[1]), found[2] is not None)
    return bdat


def _octets(command: Command) -> int:
    assert isinstance(command, Bdat)
    return command.size


def _ends_message(command: Command) -> bool:
    assert isinstance(command, Bdat)
    return command.last


def _announces(line: bytes) -> bool:
    """Whether some reader could take the argument for a number of octets above zero, or lost it on the way."""
    argument = line[4:]
    found = _ARGUMENT.fullmatch(argument.rstrip(b" \t"))
    if found is not None:
        return int(found[1]) > 0
    return argument != b"" and (argument.strip() == b"" or _NUMBER_LIKE.search(argument) is not None)


BDAT: Final = Verb(
    "BDAT",
    _grammar,
    moves={state: Move(State.BDAT, State.POISONED) for state in (State.RCPT, State.BDAT)},
    last=False,
    octets=_octets,
    ends_message=_ends_message,
    announces=_announces,
)


class Chunking(Extension):
    """The CHUNKING extension."""

    keyword: ClassVar[str] = "CHUNKING"
    verbs: ClassVar[tuple[Verb, ...]] = (BDAT,)
    codes: ClassVar[Mapping[str, frozenset[int]]] = {"BDAT": frozenset((250, 450, 451, 452, 503, 550, 552, 554))}
