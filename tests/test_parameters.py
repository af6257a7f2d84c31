"""Parameters of MAIL, RCPT, VRFY and EXPN: the grammar of RFC 5321 4.1.2 both ways, and the declaration of one."""

from __future__ import annotations

import itertools
import pickle
import string
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.parameters import NO_PARAMETERS, Parameter, Parameters, bare, no_value, read_parameters
from smtpcore.testing import strategies as make

DECLARED: Mapping[str, Mapping[str, Parameter[object]]] = CLIENT_EXTENSIONS.parameters
LET_DIG = (string.ascii_letters + string.digits).encode()
OCTETS = st.sampled_from(b"aZ09-=+;_ \t\x00\r\n\x7f\x80\xc3\xa9\xc2\x85\xff").map(lambda octet: bytes((octet,)))
WORDS = st.sampled_from((b"SIZE=1", b"A", b"a", b"B=\xc3\xa9", b"-C", b"D=e=f", b"9", b" ", b" ", b" ", b"  ", b"="))
TEXTS = st.lists(OCTETS | WORDS, max_size=9).map(b"".join)


def is_parameters(text: bytes) -> bool:
    """`esmtp-param *(SP esmtp-param)` of RFC 5321 4.1.2 and RFC 6531 3.3, in another way; several spaces pass."""
    seen = set()
    for word in text.split(b" "):
        if not word:
            continue
        keyword, equals, value = word.partition(b"=")
        if not keyword or keyword[0] not in LET_DIG or keyword.strip(LET_DIG + b"-"):
            return False
        if keyword.upper() in seen:
            return False
        seen.add(keyword.upper())
        if equals and (not value or any(octet < 0x21 or octet in b"=\x7f" for octet in value)):
            return False
        try:
            if any("\x7f" <= character < "\xa0" for character in value.decode("utf-8")):
                return False
        except UnicodeDecodeError:
            return False
    return text[:1] != b" " and text[-1:] != b" "


# --- the set --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("B-GRAM-04", "X-FW-09", "X-FW-30", "X-DSN-04", "LEN-36")
def test_lookup_takes_any_case_and_gives_what_was_written() -> None:
    found = Parameters((("Size", "1000"), ("smtpUTF8", None), ("ENVID", "AbC+41")))
    assert "SIZE" in found
    assert "size" in found
    assert found["sIzE"] == "1000"
    assert found["SMTPUTF8"] is None
    assert found["envid"] == "AbC+41"
    assert str(found) == " Size=1000 smtpUTF8 ENVID=AbC+41"
    assert list(found) == list(found.pairs)
    assert len(found) == 3


@pytest.mark.rule("B-GRAM-04")
@pytest.mark.parametrize("keyword", ["\u017fize", "S\u0131ZE", "\uff33IZE", "SIZE ", "", 5, None])
def test_only_ascii_letters_have_cases(keyword: object) -> None:
    found = Parameters((("SIZE", "1"), ("SS", "2")))
    assert keyword not in found
    assert "\xdf" not in found
    if isinstance(keyword, str):
        with pytest.raises(KeyError):
            found[keyword]


@pytest.mark.rule("X-MIX-04")
@given(make.parameters(utf8=True), st.randoms(use_true_random=False))
def test_order_and_case_do_not_matter(params: Parameters, random: object) -> None:
    for order in itertools.islice(itertools.permutations(params.pairs), 24):
        other = Parameters(tuple((keyword.swapcase(), value) for keyword, value in order))
        assert other == params
        assert hash(other) == hash(params)
        assert pickle.loads(pickle.dumps(other)) == params


def test_values_and_keywords_matter() -> None:
    one = Parameters((("A", "1"), ("B", None)))
    for other in (
        Parameters((("A", "1"),)),
        Parameters((("A", "2"), ("B", None))),
        Parameters((("A", "1"), ("B", "x"))),
        Parameters((("A", "1"), ("C", None))),
    ):
        assert one != other
    assert one != (("A", "1"), ("B", None))
    assert not NO_PARAMETERS
    assert Parameters() == NO_PARAMETERS


def test_one_more() -> None:
    assert NO_PARAMETERS.with_("SIZE", "5").with_("SMTPUTF8", None) == Parameters((("SIZE", "5"), ("SMTPUTF8", None)))
    with pytest.raises(SyntaxProblem, match="size is given twice"):
        Parameters((("SIZE", "5"),)).with_("size", "6")


@pytest.mark.rule("X-FW-16", "S-CMD-MAIL-10")
@pytest.mark.parametrize("keyword", ["A", "8X-Y", "0", "a-", "X--Y", "SIZE"])
def test_keywords(keyword: str) -> None:
    assert keyword in Parameters(((keyword, None),))
    assert Parameter(keyword, "MAIL", octets=9, parse=no_value, format=bare).keyword == keyword.upper()


@pytest.mark.rule("X-FW-15", "X-FW-16", "C-GRAM-02", "C-SEC-08")
def test_every_other_character_is_refused_in_keywords_and_values() -> None:
    keyword_characters = set(string.ascii_letters + string.digits + "-")
    for code in range(0x10000):
        character = chr(code)
        for pair, allowed in (
            ((f"a{character}", None), character in keyword_characters),
            (
                ("X", f"a{character}"),
                ("!" <= character <= "~" and character != "=")
                or (character >= "\xa0" and not "\ud800" <= character <= "\udfff"),
            ),
        ):
            try:
                assert f"a{character}" in str(Parameters((pair,)))
                assert allowed, hex(code)
            except SyntaxProblem:
                assert not allowed, hex(code)


@pytest.mark.rule("X-FW-15", "X-FW-16")
@pytest.mark.parametrize(
    "pair", [("", None), ("-X", None), ("A_B", "1"), ("X", ""), ("X", "a=b"), ("X", " "), ("X=", "1")]
)
def test_pairs_that_are_none(pair: tuple[str, str | None]) -> None:
    with pytest.raises(SyntaxProblem):
        Parameters((pair,))


# --- the reader -----------------------------------------------------------------------------------------------------


@given(make.parameters(utf8=True), st.integers(0, 3))
def test_what_is_written_is_read(params: Parameters, before: int) -> None:
    line = b"x" * before + str(params)[1:].encode("utf-8")
    assert read_parameters(line, before) == (params, False)
    assert read_parameters(line, before)[0].pairs == params.pairs


@pytest.mark.rule("S-CMD-MAIL-10", "S-CMD-MAIL-12", "X-FW-15", "X-FW-16")
@given(TEXTS)
@example(b"A ")
@example(b"A  B C")
@example(b"A B  C")
@example(b"A B C=1")
def test_the_reader_agrees_with_the_grammar(text: bytes) -> None:
    if not is_parameters(text):
        with pytest.raises(SyntaxProblem) as caught:
            read_parameters(text, 0)
        assert 0 <= caught.value.position <= len(text)
        return
    params, spaced = read_parameters(text, 0)
    assert spaced is (b"  " in text)
    assert str(params)[1:].encode("utf-8").split() == text.split()
    assert Parameters(params.pairs) == params


def test_where_the_trouble_is() -> None:
    for text, position in ((b"A ", 1), (b"A=1 B= C", 4), (b"SIZE=1 size=2", 7), (b"A=1 =", 4)):
        with pytest.raises(SyntaxProblem) as caught:
            read_parameters(b"MAIL " + text, 5)
        assert caught.value.position == 5 + position


@pytest.mark.rule("X-FW-22", "S-CMD-MAIL-12", "LEN-33")
@pytest.mark.parametrize("text", [b"SIZE=1 size=2", b"A A", b"a=1 B=2 A=1", b"SIZE SIZE=1"])
def test_a_keyword_given_twice(text: bytes) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        read_parameters(text, 0)
    assert caught.value.reason == "duplicate"
    assert text[caught.value.position - 1 : caught.value.position] == b" "


@pytest.mark.rule("X-SMTPUTF8-12")
@pytest.mark.parametrize(
    ("value", "reason", "position"),
    [
        (b"a\xff", "utf8-malformed", 3),
        (b"\xc0\xaf", "utf8-malformed", 2),
        (b"ab\xed\xa0\x80", "utf8-malformed", 4),
        (b"\xc3", "utf8-malformed", 2),
        (b"a\xc2\x85", "syntax", 2),
        (b"\x7f", "syntax", 0),
        (b"\x01", "syntax", 0),
    ],
)
def test_values_that_are_no_text(value: bytes, reason: str, position: int) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        read_parameters(b"X=" + value, 0)
    assert (caught.value.reason, caught.value.position) == (reason, position)


# --- a declaration --------------------------------------------------------------------------------------------------


def _parse_number(value: str | None) -> int:
    if value is None or not value.isascii() or not value.isdigit():
        raise SyntaxProblem("a number is wanted")
    return int(value)


NUMBER: Parameter[int] = Parameter("x-number", "RCPT", octets=20, parse=_parse_number, format=str, group="numbers")


def test_a_declaration() -> None:
    assert (NUMBER.keyword, NUMBER.place, NUMBER.octets, NUMBER.group) == ("X-NUMBER", "RCPT", 20, "numbers")
    assert repr(NUMBER) == "Parameter('X-NUMBER', 'RCPT')"
    assert NUMBER(5) == ("X-NUMBER", "5")
    assert NUMBER.parse("5") == 5
    assert NUMBER.get(Parameters((("x-NUMBER", "7"),))) == 7
    assert NUMBER.get(NO_PARAMETERS) is None
    assert NUMBER.deviation("5") == ""
    with pytest.raises(SyntaxProblem):
        NUMBER.get(Parameters((("X-NUMBER", None),)))
    with pytest.raises(SyntaxProblem, match="letters, digits and hyphens"):
        Parameter("A B", "MAIL", octets=1, parse=no_value, format=bare)


def test_a_keyword_alone() -> None:
    alone = Parameter("X-ALONE", "MAIL", octets=8, parse=no_value, format=bare)
    assert alone(True) == ("X-ALONE", None)
    assert alone.get(Parameters((alone(True),))) is True
    with pytest.raises(SyntaxProblem):
        alone(False)
    with pytest.raises(SyntaxProblem):
        alone.parse("1")


# --- what the extensions declare ------------------------------------------------------------------------------------


def test_a_declaration_stands_in_its_place_under_its_keyword() -> None:
    for place, declared in DECLARED.items():
        for keyword, parameter in declared.items():
            assert (parameter.place, parameter.keyword) == (place, keyword)


@pytest.mark.rule("S-LIM-15", "X-BINARYMIME-10")
@pytest.mark.parametrize(
    ("place", "keyword", "octets"),
    [
        ("MAIL", "SIZE", 26), ("MAIL", "SMTPUTF8", 10), ("MAIL", "AUTH", 500), ("MAIL", "BY", 17), ("MAIL", "BODY", 16),
        ("MAIL", "ENVID", 107), ("MAIL", "RET", 9), ("RCPT", "NOTIFY", 29), ("RCPT", "ORCPT", 507),
        ("MAIL", "HOLDFOR", 34), ("MAIL", "HOLDUNTIL", 34), ("MAIL", "MT-PRIORITY", 15), ("RCPT", "RRVS", 33),
        ("MAIL", "REQUIRETLS", 11),
    ],
)  # fmt: skip
def test_how_far_each_lengthens_the_line(place: str, keyword: str, octets: int) -> None:
    assert DECLARED[place][keyword].octets == octets


@given(make.mail_parameters(utf8=True) | make.mail_parameters(), make.rcpt_parameters(utf8=True))
def test_what_is_formatted_is_parsed_and_fits(mail: Parameters, rcpt: Parameters) -> None:
    for place, params in (("MAIL", mail), ("RCPT", rcpt)):
        for keyword, value in params:
            parameter = DECLARED[place][keyword]
            assert parameter(parameter.parse(value)) == (keyword, value)
            assert keyword == "AUTH" or len(str(Parameters(((keyword, value),)))) <= parameter.octets


@given(st.none() | st.text(st.sampled_from("09+-;,:TZRNCn.aA\\x{}\xe9\u0660"), min_size=1) | st.text(min_size=1))
def test_no_value_makes_a_declaration_fail_in_another_way(value: str | None) -> None:
    for declared in DECLARED.values():
        for parameter in declared.values():
            try:
                typed = parameter.parse(value)
            except SyntaxProblem:
                continue
            again = parameter(typed)[1]
            assert parameter.parse(again) == typed
