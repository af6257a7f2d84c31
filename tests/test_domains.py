"""Domain names: grammar, sizes, comparison, the two forms of internationalised names (RFC 5321 4.1.2, RFC 6531 3.3)."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given

from smtpcore.addresses import Domain, read_domain_or_literal
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from smtpcore.testing._address_strategies import domains


def fault(text: str | bytes, *, utf8: bool = False, leniency: Leniency = STRICT) -> tuple[str, int] | None:
    try:
        Domain.parse(text, utf8=utf8, leniency=leniency)
    except SyntaxProblem as problem:
        return problem.reason, problem.position
    return None


@pytest.mark.parametrize("text", ["com", "a", "3com.com", "123.456", "a-b.c--d", "xn--bcher-kva.example", "A.B", "1"])
@pytest.mark.rule("B-ADDR-10", "B-ADDR-12")
def test_domains(text: str) -> None:
    assert str(Domain.parse(text)) == str(Domain(text)) == text


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (".", 0),
        (".a", 0),
        ("a.", 2),
        ("a..b", 2),
        ("-a.b", 0),
        ("a-.b", 1),
        ("a.-b", 2),
        ("a.b-", 3),
        ("#123", 0),
        ("#", 0),
        ("a.#1", 2),
        ("a b", 1),
        (" a", 0),
        ("a ", 1),
        ("a\n", 1),
        ("a\r\n", 1),
        ("a\0", 1),
        ("a/b", 1),
        ("*.a", 0),
        ("[a]", 0),
        ("a:b", 1),
        ("a\x7f", 1),
        ("a_b", 1),
        ("_a", 0),
        ("-_", 0),
    ],
)
@pytest.mark.rule("B-ADDR-10", "B-ADDR-11", "B-ADDR-12", "B-ADDR-17", "LEN-28", "LEN-29")
def test_no_domains(text: str, position: int) -> None:
    assert fault(text) == ("syntax", position)
    assert fault(text, leniency=DEFAULT) == ("syntax", position)
    with pytest.raises(SyntaxProblem) as caught:
        Domain(text)
    assert (caught.value.reason, caught.value.position) == ("syntax", position)


@pytest.mark.rule("B-ADDR-11", "B-LIM-02")
def test_sizes() -> None:
    label = "a" * 63
    assert fault(f"{label}.com") is None
    assert fault(f"b.{label}a.com") == ("limit-label", 65)
    assert fault(f"b.{label}a") == ("limit-label", 65)
    longest = f"{label}.{label}.{label}.{'a' * 61}.b"
    assert len(longest) == 255
    assert fault(longest) is None
    assert fault(longest + "c") == ("limit-domain", 255)
    assert fault(longest + "c", leniency=LENIENT) == ("limit-domain", 255)
    assert fault("a." * 5000 + "a") == ("limit-domain", 255)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b\u00fccher.example", ("utf8-not-enabled", 1)),
        ("\u00e9.example", ("utf8-not-enabled", 0)),
        ("a.\u00e9", ("utf8-not-enabled", 2)),
        ("-\u00e9", ("syntax", 0)),
        ("\u0661.example", ("utf8-not-enabled", 0)),  # a digit to str.isdigit and int
        ("\u212a.example", ("utf8-not-enabled", 0)),  # KELVIN SIGN, a k to str.lower
        ("a\u2028", ("utf8-not-enabled", 1)),  # a line end to str.splitlines
        ("a\u3000", ("utf8-not-enabled", 1)),  # blank to str.strip
        ("a\u3002b", ("utf8-not-enabled", 1)),
    ],
)
@pytest.mark.rule("B-ADDR-20")
def test_ascii_only_unless_asked_for(text: str, expected: tuple[str, int]) -> None:
    assert fault(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b\u00fccher.example", None),
        ("\u4f8b\u5b50.\u5e7f\u544a", None),
        ("-\u00e9", ("syntax", 0)),
        ("\u00e9-.a", ("syntax", 2)),
        ("\u00e9..a", ("syntax", 3)),
        ("a.\u263a", ("u-label", 2)),
        ("ab.c\u00e9\u2028", ("u-label", 6)),
        ("\u0661.example", ("u-label", 0)),
        ("a\u3002b", ("u-label", 1)),
        ("B\u00fccher", ("u-label", 0)),
        (b"a\xff", ("utf8-malformed", 1)),
        (b"a.b\xc3", ("utf8-malformed", 3)),
        (b"\xc0\xaf", ("utf8-malformed", 0)),
        ("a\ud800", ("utf8-malformed", 1)),
        ("\u00e9" * 60, ("limit-label", 0)),
    ],
)
@pytest.mark.rule("B-ADDR-20", "X-SMTPUTF8-12", "X-SMTPUTF8-13")
def test_u_labels(text: str | bytes, expected: tuple[str, int] | None) -> None:
    assert fault(text, utf8=True) == expected
    if isinstance(text, str) and expected is not None:
        with pytest.raises(SyntaxProblem):
            Domain(text)


@pytest.mark.rule("B-ADDR-11", "LEN-28", "LEN-29")
def test_deviations() -> None:
    assert fault("a_b.c", leniency=Leniency(domain_underscore=True)) is None
    assert fault("a_b.\u00e9", leniency=Leniency(domain_underscore=True), utf8=True) is None
    assert Domain.parse("a.b.", leniency=Leniency(trailing_dot=True)) == Domain("a.b")
    assert fault("a..", leniency=LENIENT) == ("syntax", 2)
    assert fault(".", leniency=LENIENT) == ("syntax", 0)
    assert fault("a.-", leniency=LENIENT) == ("syntax", 2)
    names: list[str] = []
    domain, end = read_domain_or_literal(b"_a.b.>", 0, utf8=False, leniency=LENIENT, deviations=names)
    assert (str(domain), end, names) == ("_a.b", 5, ["trailing_dot", "domain_underscore"])


@pytest.mark.rule("LEN-15")
def test_underscore_in_the_argument_of_hello() -> None:
    names: list[str] = []
    line = b"EHLO my_host"
    found = read_domain_or_literal(line, 5, utf8=False, leniency=DEFAULT, hello=True, deviations=names)
    assert (str(found[0]), found[1], names) == ("my_host", 12, ["hello_underscore"])
    for leniency, hello in ((DEFAULT, False), (STRICT, True)):
        with pytest.raises(SyntaxProblem) as caught:
            read_domain_or_literal(line, 5, utf8=False, leniency=leniency, hello=hello)
        assert caught.value.position == 7


@pytest.mark.rule("B-ADDR-12")
def test_numbers_and_dots_are_a_domain() -> None:
    assert read_domain_or_literal(b"EHLO 1.2.3.4", 5, utf8=False, leniency=STRICT) == (Domain("1.2.3.4"), 12)


def test_case_does_not_count() -> None:
    assert Domain("Example.ORG") == Domain("example.org")
    assert hash(Domain("Example.ORG")) == hash(Domain("example.org"))
    assert str(Domain("Example.ORG")) == "Example.ORG"
    assert Domain("EX.b\u00fccher") == Domain("ex.b\u00fccher")
    assert hash(Domain("EX.b\u00fccher")) == hash(Domain("ex.b\u00fccher"))
    assert Domain("a.b") != Domain("a.c")
    assert Domain("a.b") != "a.b"
    assert Domain("\u13a0\u13a1") == Domain("\u13a0\u13a1")


def test_the_ascii_form() -> None:
    name = Domain("www.b\u00fccher.\u4f8b\u5b50")
    assert not name.is_ascii
    assert str(name.to_ascii()) == "www.xn--bcher-kva.xn--fsqu00a"
    assert name.to_ascii().is_ascii
    assert name.to_ascii().to_unicode() == name
    assert name.to_ascii() != name  # two texts; which of them meets which is for the caller
    plain = Domain("example.org")
    assert plain.to_ascii() is plain
    with pytest.raises(SyntaxProblem) as caught:
        Domain(".".join(["\u00e9"] * 80)).to_ascii()
    assert caught.value.reason == "limit-domain"


def test_the_form_for_people() -> None:
    assert str(Domain("xn--0049.XN--BCHER-KVA.org").to_unicode()) == "xn--0049.b\u00fccher.org"
    chinese = Domain(".".join([Domain("\u4f8b" * 30).to_ascii().text] * 4))
    assert chinese.to_unicode() is chinese  # 360 octets it would be


@given(domains(utf8=True))
def test_what_is_written_is_read(domain: Domain) -> None:
    assert Domain.parse(str(domain), utf8=True, leniency=STRICT) == domain
    assert Domain.parse(str(domain).encode(), utf8=True) == domain
    assert pickle.loads(pickle.dumps(domain)) == domain
    assert domain.to_ascii().to_unicode().to_ascii() == domain.to_ascii()
    assert (fault(str(domain)) is None) == domain.is_ascii
