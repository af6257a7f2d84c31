"""xtext: any text inside an ESMTP parameter value (RFC 3461 4); and the form of RFC 6533 for internationalised ones."""

from __future__ import annotations

import re
from typing import Final

from smtpcore.errors import SyntaxProblem

_PLAIN: Final = re.compile("[!-*,-<>-~]*")
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*")
_HEX: Final = re.compile(r"\+([0-9A-Fa-f]{2})")
_LOWER_CASE: Final = re.compile(r"\+(?:[a-f]|[0-9A-F][a-f])")
_HIGH: Final = re.compile(r"\+[89A-Fa-f]")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_ENCODED: Final = re.compile("[^!-*,-<>-~]")
# RFC 6533 3: \x{HEXPOINT} for controls, space, backslash, plus, equals and everything that is not ASCII.
_ESCAPED: Final = re.compile("[^!-*,-<>-\\[\\]-~]")
_POINT: Final = re.compile(r"\\x\{([1-9A-Fa-f][0-9A-Fa-f]{1,5})\}")
_UNITEXT: Final = re.compile("[^\x00- +=\\\\\x7f-\x9f\ud800-\udfff]*")
# What no address holds: controls, those of Latin-1 too, and halves of surrogate pairs.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def encode(text: str) -> str:
    """ASCII text as xtext; hexadecimal digits in upper case.  Raises `SyntaxProblem` for controls and non-ASCII."""
    if not text.isascii() or _CONTROL.search(text) is not None:
        raise SyntaxProblem("xtext stands for printable ASCII text")
    return _ENCODED.sub(lambda found: f"+{ord(found[0]):02X}", text)


def decode(value: str, *, utf8: bool = False) -> str:
    """The text that an xtext value stands for; hexadecimal digits in any case (see `deviation`).

    `utf8`: hexadecimal octets may be UTF-8, which RFC 3461 4.2 does not have and servers send (see `deviation`).
    Raises `SyntaxProblem` for a `+` without two hexadecimal digits, and for control characters: a CR LF hidden in one
    would break the header it is copied to (X-DSN-11).
    """
    if _PLAIN.fullmatch(value) is not None:
        return value
    if _XTEXT.fullmatch(value) is None:
        raise SyntaxProblem("not xtext: '+' needs two hexadecimal digits")
    text = _HEX.sub(lambda found: chr(int(found[1], 16)), value)
    if not text.isascii():
        text = _as_utf8(text) if utf8 else ""
        if not text:
            raise SyntaxProblem("xtext stands for printable ASCII text")
    if _UNFIT.search(text) is not None:
        raise SyntaxProblem("xtext stands for text without control characters")
    return text


def _as_utf8(octets: str) -> str:
    """The text whose UTF-8 octets these characters are; empty when they are none."""
    try:
        return octets.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return ""


def deviation(value: str) -> str:
    """The switch of `Leniency` that a value needs which `decode` takes, `""` when it is xtext to the letter.

    `xtext_utf8` for octets above 127, `xtext_lower_case` for digits that RFC 3461 4 wants in upper case.
    """
    if _HIGH.search(value) is not None:
        return "xtext_utf8"
    return "xtext_lower_case" if _LOWER_CASE.search(value) is not None else ""


def encode_utf8(text: str) -> str:
    """The 7-bit form of an internationalised address: utf-8-addr-xtext (RFC 6533 3).

    Raises `SyntaxProblem` for control characters and lone surrogates.
    """
    if _UNFIT.search(text) is not None:
        raise SyntaxProblem("an address holds no control characters")
    return _ESCAPED.sub(lambda found: f"\\x{{{ord(found[0]):X}}}", text)


def decode_utf8(value: str) -> str:
    """The text of a utf-8-addr-xtext or utf-8-addr-unitext value (RFC 6533 3); raises `SyntaxProblem`."""
    if _UNITEXT.fullmatch(_POINT.sub("", value)) is None:
        raise SyntaxProblem("a backslash begins \\x{...} only, '+' and '=' are written as \\x{2B} and \\x{3D}")
    return _POINT.sub(_character, value)


def _character(point: re.Match[str]) -> str:
    """HEXPOINT names what may not stand plain; controls and surrogates name nothing (X-DSN-38, X-DSN-40)."""
    number = int(point[1], 16)
    if number > 0x10FFFF or not (chr(number) in " \\+=" or (number >= 0xA0 and not 0xD800 <= number <= 0xDFFF)):
        raise SyntaxProblem("this \\x{...} does not name a character that needs it")
    return chr(number)
