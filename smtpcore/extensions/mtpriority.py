"""MT-PRIORITY: which message goes first (RFC 6710)."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Mapping, Sequence

from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.base import Extension
from smtpcore.parameters import Parameter

_PRIORITY: Final = re.compile("0|-?[1-9]")


def _parse(value: str | None) -> int:
    if value is None or _PRIORITY.fullmatch(value) is None:
        raise SyntaxProblem("MT-PRIORITY is -9 to 9, without '+' and leading zeros")
    return int(value)


def _format(priority: int) -> str:
    if not -9 <= priority <= 9:
        raise SyntaxProblem("MT-PRIORITY is -9 to 9")
    return str(priority)


#: -9 (last) to 9 (first).
MT_PRIORITY: Final = Parameter("MT-PRIORITY", "MAIL", octets=15, parse=_parse, format=_format, repeats=True)


class MtPriority(Extension):
    """The MT-PRIORITY extension; `profile` names the assignment policy in use (RFC 6710 9.2)."""

    profile: str = ""
    keyword: ClassVar[str] = "MT-PRIORITY"
    parameters: ClassVar[tuple[Parameter[int], ...]] = (MT_PRIORITY,)
    codes: ClassVar[Mapping[str, frozenset[int]]] = {"MAIL": frozenset((450,))}  # RFC 6710 4.1 (4): too low, for now

    def __post_init__(self) -> None:
        if re.fullmatch("[A-Za-z0-9._-]{0,20}", self.profile) is None:
            raise SyntaxProblem("a priority profile is named by up to 20 letters, digits, '-', '_' and '.'")

    @property
    def offered(self) -> Sequence[str]:
        return (self.profile,) if self.profile else ()
