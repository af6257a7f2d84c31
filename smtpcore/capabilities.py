"""What a server offers: the reply to EHLO or LHLO as a mapping (RFC 5321 4.1.1.1).

Tolerant: a line that is no keyword is kept aside and never ends the session (C-CMD-EHLO-06, X-FW-35).  A keyword that
nobody knows yet is kept with its parameters like the others (C-EXT-12).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from smtpcore.replies import Reply, hello_ok

_KEYWORD: Final = re.compile("[A-Za-z0-9][A-Za-z0-9-]*")
_OLD_AUTH: Final = re.compile("[Aa][Uu][Tt][Hh]=")
_MECHANISM: Final = re.compile("[A-Za-z0-9_-]{1,20}")  # RFC 4422 3.1
_SPACE: Final = re.compile("[ \t]+")
_Offer = tuple[str, tuple[str, ...]]


class Capabilities(Mapping[str, tuple[str, ...]]):
    """An immutable mapping of keyword, in upper case, to its parameters as they were written.

    Keywords are looked up in any case: `"size" in capabilities`, `capabilities["SIZE"]`.  When a keyword came on more
    than one line, the mapping has the parameters of the first and `every` has all (X-FW-36).  Equal are two of them
    that offer the same, spelled the same, with the same first line.
    """

    __slots__ = ("_domain", "_greet", "_lines", "_offers", "_options", "_table", "_unparsed")
    _domain: str | None
    _greet: str
    _lines: tuple[str, ...]
    _offers: tuple[_Offer, ...]
    _options: tuple[bool, int]
    _table: dict[str, tuple[str, ...]]
    _unparsed: tuple[str, ...]

    def __init__(self, lines: Iterable[str] = (), *, old_auth: bool = True, max_keywords: int = 256) -> None:
        """Reads the texts of the lines of a reply; the first is never a keyword (C-CMD-EHLO-07, X-FW-08).

        `old_auth`: whether `AUTH=LOGIN`, the form of servers before RFC 2554, counts as AUTH.  Lines after the first
        `max_keywords` keywords are not read and go to `unparsed`.
        """
        lines = tuple(lines)
        domain, _, greet = _SPACE.sub(" ", lines[0].strip(" \t"), count=1).partition(" ") if lines else ("", "", "")
        offers: list[_Offer] = []
        unparsed: list[str] = []
        for line in lines[1:]:
            offer = _read(line, old_auth) if len(offers) < max_keywords else None
            if offer is None:
                unparsed.append(line)
            else:
                offers.append(offer)
        table: dict[str, tuple[str, ...]] = {}
        for keyword, parameters in offers:
            table.setdefault(keyword.upper(), parameters)
        _set(self, "_domain", domain or None)
        _set(self, "_greet", greet)
        _set(self, "_lines", lines)
        _set(self, "_offers", tuple(offers))
        _set(self, "_options", (old_auth, max_keywords))
        _set(self, "_table", table)
        _set(self, "_unparsed", tuple(unparsed))

    @classmethod
    def parse(cls, reply: Reply, *, old_auth: bool = True) -> Capabilities:
        """What the lines of a positive reply to EHLO or LHLO say.  Never raises."""
        return cls(reply.lines, old_auth=old_auth)

    @classmethod
    def of(cls, domain: str, keywords: Mapping[str, Iterable[str]], greet: str = "") -> Capabilities:
        """What a server is to offer, in the order given; raises `SyntaxProblem` outside the grammar (S-CMD-EHLO-05)."""
        return cls(hello_ok(domain, greet, [" ".join((word, *rest)) for word, rest in keywords.items()]).lines)

    def to_reply(self) -> Reply:
        """The reply that says it, one space between words; lines of `unparsed` are left out.

        Raises `SyntaxProblem` when a part of it is outside the grammar of RFC 5321 4.1.1.1.
        """
        return hello_ok(self._domain or "", self._greet, [" ".join((word, *rest)) for word, rest in self._offers])

    @property
    def domain(self) -> str | None:
        """The name of the server: the first word of the first line, or None."""
        return self._domain

    @property
    def greet(self) -> str:
        """The rest of the first line; by its grammar it may hold control characters (S-CMD-EHLO-08)."""
        return self._greet

    @property
    def unparsed(self) -> tuple[str, ...]:
        """Lines that are no keyword with parameters, as they came."""
        return self._unparsed

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Names of the SASL mechanisms of all AUTH lines, in upper case, each once, in order (RFC 4954 3)."""
        names = [name.upper() for parameters in self.every("AUTH") for name in parameters if _MECHANISM.fullmatch(name)]
        return tuple(dict.fromkeys(names))

    def every(self, keyword: str) -> tuple[tuple[str, ...], ...]:
        """The parameters of each line with this keyword, in order."""
        key = _key(keyword)
        return tuple([parameters for word, parameters in self._offers if word.upper() == key])

    def spelling(self, keyword: str) -> str:
        """The keyword as the server wrote it first; `KeyError` when it is not offered (X-FW-09)."""
        key = _key(keyword)
        for word, _ in self._offers:
            if word.upper() == key:
                return word
        raise KeyError(keyword)

    def __getitem__(self, keyword: str) -> tuple[str, ...]:
        return self._table[_key(keyword)]

    def __contains__(self, keyword: object) -> bool:
        return isinstance(keyword, str) and _key(keyword) in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def _compared(self) -> tuple[object, ...]:
        return self._domain, self._greet, self._offers

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Capabilities):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        return f"Capabilities({self._lines!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self._lines, *self._options)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Capabilities is immutable: build a new one instead of setting {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Capabilities is immutable: {name!r} cannot be deleted")


_set: Final = object.__setattr__


def _rebuild(lines: tuple[str, ...], old_auth: bool, max_keywords: int) -> Capabilities:
    return Capabilities(lines, old_auth=old_auth, max_keywords=max_keywords)


def _key(keyword: str) -> str:
    """Upper case of ASCII only: beyond it there are letters whose upper case is an ASCII letter."""
    return keyword.upper() if keyword.isascii() else keyword


def _read(line: str, old_auth: bool) -> _Offer | None:
    """Keyword as spelled, and parameters, of one line; None when the line has no keyword."""
    keyword, *parameters = _SPACE.split(line.strip(" \t"))
    if _KEYWORD.fullmatch(keyword) is not None:
        return keyword, tuple(parameters)
    if old_auth and _OLD_AUTH.match(keyword) is not None:
        first = keyword[5:]
        return keyword[:4], (first, *parameters) if first else tuple(parameters)
    return None


#: Nothing offered: before the first EHLO, after HELO, after STARTTLS (RFC 5321 4.1.4, RFC 3207 4.2).
EMPTY: Final = Capabilities()
