"""Enhanced status codes (RFC 3463, 2034) and their registry (RFC 5248) as data.

A code is three numbers, `class.subject.detail`.  The class repeats the first digit of the basic reply code; subject
and detail say what happened.  The basic code alone decides what to do next (RFC 5321 4.2.1): the enhanced code only
tells why.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from smtpcore.errors import SyntaxProblem
from smtpcore.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

# B-ENH-01: no leading zeros, at most three digits, nothing around.
_GRAMMAR: Final = re.compile(rb"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")

#: What the class digit says (RFC 3463 2).
CLASSES: Final[Mapping[int, str]] = MappingProxyType(
    {2: "Success", 4: "Persistent transient failure", 5: "Permanent failure"}
)
#: What the subject number says (RFC 3463 2, S-ENH-09).
SUBJECTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "Other or undefined status",
        1: "Addressing status",
        2: "Mailbox status",
        3: "Mail system status",
        4: "Network and routing status",
        5: "Mail delivery protocol status",
        6: "Message content or media status",
        7: "Security or policy status",
    }
)


class EnhancedCode(Value):
    """An enhanced status code (RFC 3463 2): `EnhancedCode(5, 1, 1)` is written `5.1.1`.

    Any code of the grammar can be built, registered or not; `SyntaxProblem` for the others.
    """

    class_: int
    subject: int
    detail: int

    def __post_init__(self) -> None:
        if self.class_ not in CLASSES or not 0 <= self.subject <= 999 or not 0 <= self.detail <= 999:
            raise SyntaxProblem("An enhanced status code is 2, 4 or 5 and two numbers from 0 to 999")

    @classmethod
    def parse(cls, text: str | bytes) -> EnhancedCode:
        """Reads `5.1.1` and nothing else; raises `SyntaxProblem` (RFC 3463 2)."""
        octets = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        code = read_enhanced(octets)
        if code is None:
            raise SyntaxProblem("Not an enhanced status code: three numbers with dots are wanted, as in 5.1.1")
        return code

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"

    @property
    def is_success(self) -> bool:
        """Class 2."""
        return self.class_ == 2

    @property
    def is_transient(self) -> bool:
        """Class 4: it may work later."""
        return self.class_ == 4

    @property
    def is_permanent(self) -> bool:
        """Class 5: it will not work without a change."""
        return self.class_ == 5


def read_enhanced(octets: bytes) -> EnhancedCode | None:
    """The code that `octets` are, or None: what a reply text begins with is mostly no code, so no exception."""
    match = _GRAMMAR.fullmatch(octets)
    if match is None:
        return None
    code: EnhancedCode = EnhancedCode._make(int(match[1]), int(match[2]), int(match[3]))
    return code
