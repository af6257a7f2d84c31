"""CHUNKING: the command itself (RFC 3030 2); the conversation is in test_server_chunks."""

from __future__ import annotations

import pytest

from smtpcore.commands import parse
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.chunking import BDAT, Bdat, Chunking
from smtpcore.extensions.registry import ExtensionSet

rule = pytest.mark.rule
LANGUAGE = ExtensionSet([Chunking()]).language()


@rule("X-CHUNKING-02")
def test_on_the_wire() -> None:
    assert Bdat(5).to_bytes() == b"BDAT 5\r\n"
    assert Bdat(0, True).to_bytes() == b"BDAT 0 LAST\r\n"
    for command in (Bdat(0), Bdat(10**20 - 1, True)):
        assert parse(command.to_bytes()[:-2], LANGUAGE) == command
    assert parse(b"bdat 007 last", LANGUAGE) == Bdat(7, True)
    with pytest.raises(SyntaxProblem, match="0 octets or more"):
        Bdat(-1)


@rule("X-CHUNKING-03")
@pytest.mark.parametrize(
    ("line", "announces"),
    [
        (b"BDAT 5 LAST", True),
        (b"BDAT 5 \t", True),
        (b"BDAT 0 LAST", False),
        (b"BDAT 0", False),
        (b"BDAT", False),
        (b"BDAT LAST", False),
        (b"BDAT  ", True),
        (b"BDAT x5", True),
        (b"BDAT \xd9\xa1", True),
    ],
)
def test_lines_behind_which_octets_may_follow(line: bytes, announces: bool) -> None:
    assert BDAT.announces is not None
    assert BDAT.announces(line) is announces
