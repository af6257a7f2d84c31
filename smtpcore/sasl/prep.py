"""Preparation of user names, passwords and trace texts: SASLprep (RFC 4013) and "trace" (RFC 4505 section 3).

Both are profiles of stringprep (RFC 3454), over Unicode 3.2.  Printable ASCII is its own prepared form, so the
Unicode database is only loaded for other text.
"""

from __future__ import annotations

import re

from smtpcore.errors import SyntaxProblem

#: Longest text in characters, other than printable ASCII, that is prepared; RFC 4616 section 2 asks for 255 octets.
MAX_CHARACTERS = 512

# RFC 3454 C.1.2, spaces that become SPACE, then B.1, what becomes nothing.  U+200B is in both: RFC 4013 section 2.1
# names the mapping to SPACE first.
_MAPPED: dict[int, str | None] = {
    **dict.fromkeys((0x00AD, 0x034F, 0x1806, 0x180B, 0x180C, 0x180D, 0x200C, 0x200D, 0x2060, 0xFEFF)),
    **dict.fromkeys(range(0xFE00, 0xFE10)),
    **dict.fromkeys((0x00A0, 0x1680, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x3000), " "),
}

# RFC 3454 appendix C, as the inside of a character class: what both profiles prohibit.
_PROHIBITED = (
    r"\0-\x1f\x7f"  # C.2.1
    r"\x80-\x9f\u06dd\u070f\u180e\u200c\u200d\u2028\u2029\u2060-\u2063\u206a-\u206f\ufeff\ufff9-\ufffc"  # C.2.2
    r"\U0001d173-\U0001d17a"  # C.2.2
    r"\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"  # C.3
    r"\ufdd0-\ufdef"  # C.4, and the last two of each plane
    + "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(17))
    + r"\ud800-\udfff"  # C.5
    r"\ufff9-\ufffd"  # C.6
    r"\u0340\u0341\u200e\u200f\u202a-\u202e\u206a-\u206f"  # C.8
    r"\U000e0001\U000e0020-\U000e007f"  # C.9
)
#: C.7 is for SASLprep alone.
_C7 = r"\u2ff0-\u2ffb"


def saslprep(text: str, *, stored: bool = False) -> str:
    """The text as SASLprep has it (RFC 4013); may become empty, which every user of it must refuse.

    A `stored` text must not hold code points that Unicode 3.2 does not assign, a query (the default) may (RFC 3454
    section 7).  Raises `SyntaxProblem`, whose reason is `limit` or `saslprep`.
    """
    if text.isascii() and text.isprintable():
        return text
    _check_length(text)
    import unicodedata

    result = unicodedata.ucd_3_2_0.normalize("NFKC", text.translate(_MAPPED))
    _refuse(result, f"[{_PROHIBITED}{_C7}]")
    if stored and any(unicodedata.ucd_3_2_0.category(character) == "Cn" for character in set(result)):
        raise SyntaxProblem("a character that Unicode 3.2 does not assign", reason="saslprep")
    return result


def trace_prep(text: str) -> str:
    """The same text, when the "trace" profile allows it: no mapping, no normalization (RFC 4505 section 3).

    Raises `SyntaxProblem` with the reason `limit` or `saslprep`.
    """
    if not (text.isascii() and text.isprintable()):
        _check_length(text)
        _refuse(text, f"[{_PROHIBITED}]")
    return text


def _check_length(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise SyntaxProblem("too long to be prepared", reason="limit", position=MAX_CHARACTERS)


def _refuse(text: str, prohibited: str) -> None:
    """Linear; the direction of each character is looked up once, however often it comes."""
    import unicodedata

    if re.search(prohibited, text):
        raise SyntaxProblem("a character that must not be in a name or password", reason="saslprep")
    # RFC 3454 section 6: right-to-left text begins and ends so, and has no left-to-right characters in it.
    direction = {character: unicodedata.ucd_3_2_0.bidirectional(character) for character in set(text)}
    seen = direction.values()
    if ("R" in seen or "AL" in seen) and (
        "L" in seen or direction[text[0]] not in ("R", "AL") or direction[text[-1]] not in ("R", "AL")
    ):
        raise SyntaxProblem("left-to-right and right-to-left characters are mixed", reason="saslprep")
