"""xtext of RFC 3461 4, and the form of RFC 6533 3 for addresses beyond ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore import xtext
from smtpcore.errors import SyntaxProblem

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
NEAR = st.text(st.sampled_from("+=\\x{}0123456789aAbBdDeEfF;@ \x00\r\n\x7f\x85\xa0\xe9\ud800\u20ac"), max_size=12)


def is_xtext(value: str) -> bool:
    """RFC 3461 4 written down again in another way; hexadecimal digits in any case."""
    position = 0
    while position < len(value):
        if value[position] == "+":
            if not all(digit in "0123456789abcdefABCDEF" for digit in value[position + 1 : position + 3].ljust(2)):
                return False
            position += 2
        elif not "!" <= value[position] <= "~" or value[position] == "=":
            return False
        position += 1
    return True


@pytest.mark.rule("X-DSN-02", "X-DSN-03", "B-CMD-MAIL-13")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("a=b c+d", "a+3Db+20c+2Bd"),
        ("e=mc2@example.com", "e+3Dmc2@example.com"),
        ("(x)", "(x)"),
        ("~!", "~!"),
        ("a;b\\c", "a;b\\c"),
    ],
)
def test_encode_and_decode(text: str, value: str) -> None:
    assert xtext.encode(text) == value
    assert xtext.decode(value) == text


@pytest.mark.rule("X-DSN-02")
@given(st.text(PRINTABLE))
def test_everything_printable_comes_back(text: str) -> None:
    value = xtext.encode(text)
    assert is_xtext(value)
    assert " " not in value
    assert "=" not in value
    assert xtext.decode(value) == text
    assert xtext.deviation(value) == ""


@pytest.mark.rule("X-DSN-11", "C-SEC-08")
@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0x100), 0x20AC, 0xD800, 0xFF0B, 0x1F4E7])
def test_what_is_not_printable_ascii_is_neither_written_nor_read(code: int) -> None:
    with pytest.raises(SyntaxProblem):
        xtext.encode(f"a{chr(code)}b")
    with pytest.raises(SyntaxProblem):
        xtext.decode(f"a{chr(code)}b")
    if code < 0x100:
        with pytest.raises(SyntaxProblem):
            xtext.decode(f"a+{code:02X}b")


@pytest.mark.rule("X-DSN-01", "LEN-66")
@pytest.mark.parametrize(
    "value", ["a+2", "a+", "a+ZZ", "+", "+4", "a+G0", "a+0G", "+-1", "+ 1", "a=b", "a b", "+\u0664\u0661"]
)
def test_malformed_xtext(value: str) -> None:
    with pytest.raises(SyntaxProblem):
        xtext.decode(value)


@pytest.mark.rule("X-DSN-01", "LEN-66")
@pytest.mark.parametrize(
    ("value", "text", "name"),
    [
        ("a+2Bb", "a+b", ""),
        ("a+2bb", "a+b", "xtext_lower_case"),
        ("+7e", "~", "xtext_lower_case"),
        ("+7E+7e", "~~", "xtext_lower_case"),
        ("+41bcd", "Abcd", ""),
        ("abc", "abc", ""),
        ("", "", ""),
    ],
)
def test_lower_case_digits_are_a_deviation_with_a_name(value: str, text: str, name: str) -> None:
    assert xtext.decode(value) == text
    assert xtext.deviation(value) == name


@pytest.mark.parametrize(("value", "text"), [("+CE+B4", "\u03b4"), ("a+F0+9F+93+A7", "a\U0001f4e7")])
def test_octets_of_utf8_where_they_are_tolerated(value: str, text: str) -> None:
    assert xtext.decode(value, utf8=True) == text
    assert xtext.deviation(value) == "xtext_utf8"
    with pytest.raises(SyntaxProblem):
        xtext.decode(value)


@pytest.mark.rule("X-DSN-11")
@pytest.mark.parametrize("value", ["+FF", "+CE", "+C0+AF", "+ED+A0+80", "+C2+80", "+C2+85", "+CE+B4+0A", "+CE+B4+7F"])
def test_octets_that_are_no_text_of_utf8(value: str) -> None:
    with pytest.raises(SyntaxProblem):
        xtext.decode(value, utf8=True)


@pytest.mark.rule("X-DSN-01")
@given(NEAR)
def test_the_reader_agrees_with_the_grammar(value: str) -> None:
    try:
        text = xtext.decode(value)
    except SyntaxProblem:
        text = None
    assert text is None or is_xtext(value)
    if text is not None:
        assert all(character in PRINTABLE for character in text)
        assert xtext.decode(xtext.encode(text)) == text


@pytest.mark.rule("X-DSN-38")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=b\u00e9@x", "a\\x{3D}b\\x{E9}@x"),
        ("a+b c\\d", "a\\x{2B}b\\x{20}c\\x{5C}d"),
        ("\u20ac", "\\x{20AC}"),
        ("\U0001f4e7", "\\x{1F4E7}"),
        ("\U0010ffff", "\\x{10FFFF}"),
        ("plain@example.org", "plain@example.org"),
        ("", ""),
    ],
)
def test_encode_and_decode_utf8(text: str, value: str) -> None:
    assert xtext.encode_utf8(text) == value
    assert xtext.decode_utf8(value) == text


@pytest.mark.rule("X-DSN-37", "X-DSN-38")
@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_every_address_comes_back_in_ascii(text: str) -> None:
    value = xtext.encode_utf8(text)
    assert value.isascii()
    assert not set(value) & set(" +=")
    assert xtext.decode_utf8(value) == text


@pytest.mark.rule("X-DSN-37")
def test_utf8_may_stand_as_it_is() -> None:
    assert xtext.decode_utf8("\u00e9\u20ac\\x{E9}@x") == "\u00e9\u20ac\u00e9@x"


@pytest.mark.rule("X-DSN-38", "X-DSN-40")
@pytest.mark.parametrize(
    "value",
    [
        "\\x{41}", "\\x{7E}", "\\x{0A}", "\\x{A}", "\\x{1F}", "\\x{00}", "\\x{7F}", "\\x{85}", "\\x{D800}", "\\x{DFFF}",
        "\\x{110000}", "\\x{FFFFFF}", "\\x{0E9}", "\\x{00E9}", "\\x{}", "\\x{E9", "\\xE9", "\\", "\\\\", "\\X{E9}",
        "\\x{E 9}", "\\x{1000000}", "a+b", "a+2Bb", "a=b", "a b", "a\nb", "a\x7fb", "a\x85b", "a\ud800b",
        "\\x{\\x{20}41}",
    ],
)  # fmt: skip
def test_malformed_utf8_forms(value: str) -> None:
    with pytest.raises(SyntaxProblem):
        xtext.decode_utf8(value)


@pytest.mark.rule("X-DSN-40", "C-SEC-08")
@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDFFF])
def test_controls_and_surrogates_have_no_utf8_form(code: int) -> None:
    with pytest.raises(SyntaxProblem):
        xtext.encode_utf8(f"a{chr(code)}")


@given(NEAR)
def test_the_utf8_reader_gives_back_only_what_it_can_write(value: str) -> None:
    try:
        text = xtext.decode_utf8(value)
    except SyntaxProblem:
        return
    assert xtext.decode_utf8(xtext.encode_utf8(text)) == text
