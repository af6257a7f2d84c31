"""ESMTP parameters: the `SIZE=1000 BODY=8BITMIME` behind a path (RFC 5321 4.1.2, esmtp-param).

`Parameters` keeps what was written, octet for octet, because a relay must pass it on unchanged (RFC 3461 5.2.1).
`Parameter` is the declaration of one keyword: its grammar both ways, and how far it lengthens the command line.
"""

from __future__ import annotations

import re
from typing import Callable, Final, Generic, Iterator, Literal, TypeVar

from smtpcore.errors import SyntaxProblem
from smtpcore.value import Value

T = TypeVar("T")

#: Where a parameter may stand.
Place = Literal["MAIL", "RCPT", "VRFY", "EXPN"]

_KEYWORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE: Final = re.compile(r"[^\x00- =\x7f-\x9f\ud800-\udfff]+")
_ONE: Final = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\xff]+))?(?: +|\Z)")


class Parameters(Value):
    """An ordered set of parameters, each `(keyword, value)` as written; `None` for a keyword without value.

    Looked up in any case.  Two are equal when they hold the same keywords with the same values, in any order.
    """

    pairs: tuple[tuple[str, str | None], ...] = ()

    def __post_init__(self) -> None:
        """Raises `SyntaxProblem` for what is not an esmtp-param, and for a keyword given twice."""
        seen: set[str] = set()
        for keyword, value in self.pairs:
            if _KEYWORD.fullmatch(keyword) is None:
                raise SyntaxProblem("a parameter keyword is letters, digits and hyphens, not a hyphen first")
            if value is not None and _VALUE.fullmatch(value) is None:
                raise SyntaxProblem(f"the value of {keyword} must be printable, not empty, without space and '='")
            if keyword.upper() in seen:
                raise SyntaxProblem(f"the parameter {keyword} is given twice")
            seen.add(keyword.upper())

    def __contains__(self, keyword: object) -> bool:
        return bool(self.pairs) and isinstance(keyword, str) and self._find(keyword) is not None

    def __getitem__(self, keyword: str) -> str | None:
        found = self._find(keyword)
        if found is None:
            raise KeyError(keyword)
        return found[1]

    def _find(self, keyword: str) -> tuple[str, str | None] | None:
        """The pair with this keyword in any ASCII case (B-GRAM-04): `str.upper` alone takes a long s for an S."""
        wanted = keyword.upper()
        for pair in self.pairs:
            key = pair[0]
            if key == keyword or (key.upper() == wanted and keyword.isascii()):
                return pair
        return None

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        return self._by_keyword() == other._by_keyword()

    def __hash__(self) -> int:
        return hash(frozenset(self._by_keyword().items()))

    def _by_keyword(self) -> dict[str, str | None]:
        return {keyword.upper(): value for keyword, value in self.pairs}

    def __str__(self) -> str:
        """The wire form, a space before each."""
        return "".join([f" {key}" if value is None else f" {key}={value}" for key, value in self.pairs])

    def with_(self, keyword: str, value: str | None) -> Parameters:
        """A copy with one more."""
        return Parameters((*self.pairs, (keyword, value)))


NO_PARAMETERS: Final = Parameters()


def read_parameters(line: bytes, start: int) -> tuple[Parameters, bool]:
    """Read the parameters of `line` from `start`, where the first keyword begins, to its end.

    Gives them, and whether more than one space stood between two.  Raises `SyntaxProblem`; its reason is
    `"duplicate"` for a keyword given twice, `"utf8-malformed"` for a value that is not UTF-8.
    """
    pairs: list[tuple[str, str | None]] = []
    seen: set[bytes] = set()
    spaced = False
    end = len(line)
    while start < end:
        found = _ONE.match(line, start)
        if found is None:
            raise SyntaxProblem("not a parameter: keyword, or keyword=value without space or '='", position=start)
        keyword, value = found.groups()
        upper = keyword.upper()
        if upper in seen:
            raise SyntaxProblem("the parameter is given twice", reason="duplicate", position=start)
        seen.add(upper)
        pairs.append((keyword.decode("ascii"), None if value is None else _decode(value, found.start(2))))
        start = found.end()
        spaced = spaced or line[start - 2 : start] == b"  "
    if line.endswith(b" "):
        raise SyntaxProblem("space at the end", position=end - 1)
    return Parameters._make(tuple(pairs)), spaced


def _decode(value: bytes, position: int) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        position += error.start
        raise SyntaxProblem("the value is not UTF-8", reason="utf8-malformed", position=position) from None
    if not text.isascii() and _VALUE.fullmatch(text) is None:
        raise SyntaxProblem("the value holds control characters", position=position)
    return text


def _no_deviation(value: str | None) -> str:
    return ""


class Parameter(Generic[T]):
    """The declaration of one keyword of MAIL, RCPT, VRFY or EXPN.

    `octets` is what it may add to the command line: space, keyword, `=` and the longest value.  `parse` takes the
    value as written (`None`: no value) and raises `SyntaxProblem` when it is not in the keyword's grammar; `format`
    is its inverse.  `repeats` says that few values are used, which `parse` may be asked for once only.  `group` names
    parameters of which one command may carry only one.  `deviation` names the switch of `Leniency` that a value needs
    which `parse` takes though its grammar does not have it, or gives `""`.
    """

    __slots__ = ("_format", "_parse", "deviation", "group", "keyword", "octets", "place", "repeats")

    def __init__(
        self,
        keyword: str,
        place: Place,
        *,
        octets: int,
        parse: Callable[[str | None], T],
        format: Callable[[T], str | None],  # noqa: A002 - the pair of `parse`
        group: str = "",
        repeats: bool = False,
        deviation: Callable[[str | None], str] = _no_deviation,
    ) -> None:
        """Raises `SyntaxProblem` for what is no keyword (RFC 5321 4.1.2, esmtp-keyword)."""
        if _KEYWORD.fullmatch(keyword) is None:
            raise SyntaxProblem("a parameter keyword is letters, digits and hyphens, not a hyphen first")
        self.keyword = keyword.upper()
        self.place: Place = place
        self.octets = octets
        self.group = group
        #: Whether it pays to remember what was read, since the next message will say the same.
        self.repeats = repeats
        self.deviation = deviation
        self._parse = parse
        self._format = format

    def __repr__(self) -> str:
        return f"Parameter({self.keyword!r}, {self.place!r})"

    def __call__(self, value: T) -> tuple[str, str | None]:
        """The pair to put into `Parameters`; raises `SyntaxProblem` when the value has no wire form."""
        return self.keyword, self._format(value)

    def parse(self, value: str | None) -> T:
        """The typed value of what was written; raises `SyntaxProblem`."""
        return self._parse(value)

    def get(self, parameters: Parameters) -> T | None:
        """The typed value in these parameters, `None` when it is not there; raises `SyntaxProblem`."""
        found = parameters._find(self.keyword) if parameters.pairs else None
        return None if found is None else self._parse(found[1])


def no_value(value: str | None) -> bool:
    """`parse` of a keyword that stands alone: true, or `SyntaxProblem` when a value is there."""
    if value is not None:
        raise SyntaxProblem("the parameter takes no value")
    return True


def bare(value: bool) -> None:
    """`format` of a keyword that stands alone."""
    if not value:
        raise SyntaxProblem("leave the parameter out instead of giving a false value")
