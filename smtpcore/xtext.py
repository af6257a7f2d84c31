"""xtext: any text inside an ESMTP parameter value (RFC 3461 4); and the form of RFC 6533 for internationalised ones."""

from __future__ import annotations

import re
from typing import Final

from smtpcore.errors import SyntaxProblem

_PLAIN: Final = re.compile("[!-*,-<>-~]*")
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*")
_HEX: Final = re.compile(r"\+([0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_ENCODED: Final = re.compile("[^!-*,-<>-~]")
# RFC 6533 3: \x{HEXPOINT} for controls, space, backslash, plus, equals and everything that is not ASCII.
_ESCAPED: Final = re.compile("[^!-*,-<>-\\[\\]-~]")
_POINT: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")


def encode(text: str) -> str:
    """ASCII text as xtext; hexadecimal digits in upper case.  Raises `SyntaxProblem` for controls and non-ASCII."""
    if not text.isascii() or _CONTROL.search(text) is not None:
        raise SyntaxProblem("xtext stands for printable ASCII text")
    return _ENCODED.sub(lambda found: f"+{ord(found[0]):02X}", text)


def decode(value: str, *, lower_case: bool = True) -> str:
    """The text that an xtext value stands for.

    Raises `SyntaxProblem` for a `+` without two hexadecimal digits, for lower-case digits unless `lower_case`, and
    for control characters: a CR LF hidden in one would break the header it is copied to (X-DSN-11).
    """
    if _PLAIN.fullmatch(value) is not None:
        return value
    if _XTEXT.fullmatch(value) is None:
        raise SyntaxProblem("not xtext: '+' needs two hexadecimal digits")
    if not lower_case and any(found[1] != found[1].upper() for found in _HEX.finditer(value)):
        raise SyntaxProblem("xtext has upper-case hexadecimal digits", reason="xtext_lower_case")
    text = _HEX.sub(lambda found: chr(int(found[1], 16)), value)
    if _CONTROL.search(text) is not None or not text.isascii():
        raise SyntaxProblem("xtext stands for printable ASCII text")
    return text


def encode_utf8(text: str) -> str:
    """The 7-bit form of an internationalised address: utf-8-addr-xtext (RFC 6533 3)."""
    if _CONTROL.search(text) is not None:
        raise SyntaxProblem("an address holds no control characters")
    return _ESCAPED.sub(lambda found: f"\\x{{{ord(found[0]):X}}}", text)


def decode_utf8(value: str) -> str:
    """The text of a utf-8-addr-xtext or utf-8-addr-unitext value (RFC 6533 3); raises `SyntaxProblem`."""

    def point(found: re.Match[str]) -> str:
        number = int(found[1], 16)
        # HEXPOINT names what may not stand plain; controls and surrogates name nothing.
        if 0x20 < number < 0x7F and chr(number) not in "\\+=" or number < 0x20 or 0x7F <= number < 0xA0:
            raise SyntaxProblem("this \\x{...} does not name a character that needs it")
        if 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
            raise SyntaxProblem("this \\x{...} is not a character")
        return chr(number)

    text = _POINT.sub(point, value)
    if "\\" in _POINT.sub("", value):
        raise SyntaxProblem("a backslash begins \\x{...} only")
    if "+" in value or "=" in value:
        raise SyntaxProblem("'+' and '=' are written as \\x{2B} and \\x{3D}")
    return text
