"""Preparation of user names, passwords and trace texts: SASLprep (RFC 4013) and "trace" (RFC 4505 section 3).

Both are profiles of stringprep (RFC 3454), over Unicode 3.2.  Printable ASCII is its own prepared form, so the tables
are only loaded for other text.
"""

from __future__ import annotations

from typing import Callable

from smtpcore.errors import SyntaxProblem

#: Longest text in characters, other than printable ASCII, that is prepared; RFC 4616 section 2 asks for 255 octets.
MAX_CHARACTERS = 1024

# RFC 3454 C.1.2, spaces that become SPACE, then B.1, what becomes nothing.  U+200B is in both: RFC 4013 section 2.1
# names the mapping to SPACE first.
_MAPPED: dict[int, str | None] = {
    **dict.fromkeys((0x00AD, 0x034F, 0x1806, 0x180B, 0x180C, 0x180D, 0x200C, 0x200D, 0x2060, 0xFEFF)),
    **dict.fromkeys(range(0xFE00, 0xFE10)),
    **dict.fromkeys((0x00A0, 0x1680, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x3000), " "),
}


def saslprep(text: str, *, stored: bool = False) -> str:
    """The text as SASLprep has it (RFC 4013); may become empty, which every user of it must refuse.

    A `stored` text must not hold code points that Unicode 3.2 does not assign, a query (the default) may (RFC 3454
    section 7).  Raises `SyntaxProblem`, whose reason is `limit` or `saslprep`.
    """
    if text.isascii() and text.isprintable():
        return text
    _check_length(text)
    import stringprep
    import unicodedata

    result = unicodedata.ucd_3_2_0.normalize("NFKC", text.translate(_MAPPED))
    _refuse(result, (*_common(), stringprep.in_table_c7, *((stringprep.in_table_a1,) if stored else ())))
    return result


def trace_prep(text: str) -> str:
    """The same text, when the "trace" profile allows it: no mapping, no normalization (RFC 4505 section 3).

    Raises `SyntaxProblem` with the reason `limit` or `saslprep`.
    """
    if not (text.isascii() and text.isprintable()):
        _check_length(text)
        _refuse(text, _common())
    return text


def _check_length(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise SyntaxProblem("too long to be prepared", reason="limit", position=MAX_CHARACTERS)


def _common() -> tuple[Callable[[str], bool], ...]:
    """What both profiles prohibit: controls, private use, non-characters, surrogates, and so on."""
    import stringprep as tables

    return (
        tables.in_table_c21_c22,
        tables.in_table_c3,
        tables.in_table_c4,
        tables.in_table_c5,
        tables.in_table_c6,
        tables.in_table_c8,
        tables.in_table_c9,
    )


def _refuse(text: str, prohibited: tuple[Callable[[str], bool], ...]) -> None:
    """Each character is looked up once, however often it comes: linear, and cheap for repeated ones."""
    import stringprep

    characters = set(text)
    if any(table(character) for character in characters for table in prohibited):
        raise SyntaxProblem("a character that must not be in a name or password", reason="saslprep")
    # RFC 3454 section 6: right-to-left text begins and ends so, and has no left-to-right characters in it.
    right_to_left = {character for character in characters if stringprep.in_table_d1(character)}
    if right_to_left and (
        text[0] not in right_to_left
        or text[-1] not in right_to_left
        or any(stringprep.in_table_d2(character) for character in characters)
    ):
        raise SyntaxProblem("left-to-right and right-to-left characters are mixed", reason="saslprep")
