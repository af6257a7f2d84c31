"""Address literals: IPv4, IPv6 with RFC 5321's own compression, general ones (RFC 5321 4.1.3)."""

from __future__ import annotations

import ipaddress
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.addresses import AddressLiteral, Domain, read_domain_or_literal
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from smtpcore.testing._address_strategies import address_literals


def fault(text: str | bytes, leniency: Leniency = LENIENT) -> int | None:
    try:
        AddressLiteral.parse(text, leniency=leniency)
    except SyntaxProblem as problem:
        return problem.position if problem.reason == "syntax" else -1
    return None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("[0.0.0.0]", b"\0\0\0\0"),
        ("[123.255.37.2]", b"\x7b\xff\x25\x02"),
        ("[001.002.003.004]", b"\1\2\3\4"),
        ("[08.09.010.255]", b"\x08\x09\x0a\xff"),  # decimal, never octal
    ],
)
@pytest.mark.rule("B-LIT-01", "LEN-53")
def test_ipv4(text: str, address: bytes) -> None:
    for leniency in (STRICT, DEFAULT):
        literal = AddressLiteral.parse(text, leniency=leniency)
        assert (str(literal), literal.tag, literal.address) == (text, "IPv4", address)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[]", 1),
        ("[1.2.3]", 6),
        ("[1.2.3.]", 7),
        ("[1.2.3.4.5]", 8),
        ("[1.2.3.4.]", 8),
        ("[256.1.1.1]", 1),
        ("[1.2.3.999]", 7),
        ("[0001.2.3.4]", 4),
        ("[1..3.4]", 3),
        ("[.1.2.3]", 1),
        ("[1.2.3.-4]", 7),
        ("[1.2.3.+4]", 7),
        ("[1.2.3.4_0]", 8),
        ("[1.2.3. 4]", 7),
        ("[0x1.2.3.4]", 2),
        ("[1.2.3.4", 8),
        ("[1.2.3.4]x", 9),
        ("[[1.2.3.4]]", 1),
        ("[ 1.2.3.4]", 1),
        ("[1.2.3.4\n]", 8),
        ("[1.2.3.\u0664]", 7),  # ARABIC-INDIC DIGIT FOUR, an int to int()
        ("[1.2.3.\u00b2]", 7),
        ("1.2.3.4", 0),
        ("", 0),
    ],
)
@pytest.mark.rule("B-LIT-01")
def test_no_ipv4(text: str, position: int) -> None:
    assert fault(text) == position
    with pytest.raises(SyntaxProblem):
        AddressLiteral(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("[ipV6:1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8"),
        ("[IPv6:0001:0002:AbCd:0:0:0:0:ffff]", "1:2:abcd::ffff"),
        ("[IPv6:::]", "::"),
        ("[IPv6:::1]", "::1"),
        ("[IPv6:1::]", "1::"),
        ("[IPv6:1::8]", "1::8"),
        ("[IPv6:1:2:3:4:5:6::]", "1:2:3:4:5:6::"),
        ("[IPv6:::1:2:3:4:5:6]", "::1:2:3:4:5:6"),
        ("[IPv6:1:2:3::4:5:6]", "1:2:3::4:5:6"),
        ("[IPv6:1:2:3:4:5:6:1.2.3.4]", "1:2:3:4:5:6:102:304"),
        ("[IPv6:::1.2.3.4]", "::102:304"),
        ("[IPv6:::ffff:1.2.3.4]", "::ffff:102:304"),
        ("[IPv6:1:2:3:4::1.2.3.4]", "1:2:3:4::102:304"),
        ("[IPv6:::1:2:3:4:1.2.3.4]", "::1:2:3:4:102:304"),
        ("[IPv6:1::2:3:4:001.002.003.004]", "1::2:3:4:102:304"),
    ],
)
@pytest.mark.rule("B-LIT-02", "B-LIT-03", "B-LIT-04")
def test_ipv6(text: str, address: str) -> None:
    literal = AddressLiteral.parse(text, leniency=STRICT)
    assert (str(literal), literal.tag) == (text, "IPv6")
    assert literal.address == ipaddress.IPv6Address(address).packed


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[IPv6:]", 6),
        ("[IPv6::]", 6),
        ("[IPv6::1]", 6),
        ("[IPv6:1:]", 8),
        ("[IPv6:1]", 7),
        ("[IPv6:1:2:3:4:5:6:7]", 19),
        ("[IPv6:1:2:3:4:5:6:7:]", 20),
        ("[IPv6:1:2:3:4:5:6:7:8:9]", 21),
        ("[IPv6:12345::]", 10),
        ("[IPv6:00001::]", 10),
        ("[IPv6:1::2::3]", 11),
        ("[IPv6:::::]", 8),
        ("[IPv6:1:::2]", 9),
        ("[IPv6:1:2:3:4:5:6:7:1.2.3.4]", 20),
        ("[IPv6:1:2:3:4:5:1.2.3.4]", 23),
        ("[IPv6:::1.2.3]", 13),
        ("[IPv6:1.2.3.4::]", 13),
        ("[IPv6:1.2.3.4]", 13),
        ("[IPv6:::1.2.3.256]", 14),
        ("[IPv6:::1.2.3.4:5]", 15),
        ("[IPv6:fe80::1%eth0]", 13),
        ("[IPv6:::1/64]", 9),
        ("[IPv6:zzz]", 6),
        ("[IPv6:g::]", 6),
        ("[IPv6:-1::]", 6),
        ("[IPv6:0x1::]", 7),
        ("[IPv6:1:2:3:4:5:6:7:\uff11]", 20),
    ],
)
@pytest.mark.rule("B-LIT-02", "B-LIT-03", "B-LIT-04", "B-LIT-05", "B-LIT-07")
def test_no_ipv6(text: str, position: int) -> None:
    assert fault(text) == position
    with pytest.raises(SyntaxProblem):
        AddressLiteral(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[IPv6:1:2:3:4:5:6:7::]", 20),
        ("[IPv6:::2:3:4:5:6:7:8]", 20),
        ("[IPv6:1::3:4:5:6:7:8]", 19),
        ("[IPv6:1:2:3:4:5::1.2.3.4]", 17),
        ("[IPv6:1:2:3:4:5:6:7:8::]", 21),
    ],
)
@pytest.mark.rule("B-LIT-03", "B-LIT-04", "LEN-54")
def test_the_double_colon_is_two_groups_at_least(text: str, position: int) -> None:
    assert fault(text) == position


@pytest.mark.rule("B-LIT-06", "LEN-55")
def test_general_literals() -> None:
    for text, tag in (("[x400:c=us]", "x400"), ("[-a:x]", "-a"), ("[IPv4:1.2.3.4]", "IPv4"), ("[1:2:3]", "1")):
        assert fault(text, DEFAULT) == 1
        literal = AddressLiteral.parse(text, leniency=Leniency(unknown_literal_tag=True))
        assert (literal.tag, literal.address, str(literal)) == (tag, None, text)
        assert literal.canonical() is literal
        assert AddressLiteral(text) == literal
    names: list[str] = []
    read_domain_or_literal(b"[foo:bar]", 0, utf8=False, leniency=LENIENT, deviations=names)
    assert names == ["unknown_literal_tag"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[:x]", 1),
        ("[tag:]", 5),
        ("[tag-:x]", 4),
        ("[ta_g:x]", 3),
        ("[1.2.3.4:5]", 2),
        ("[tag:a b]", 6),
        ("[tag:a[b]", 6),
        ("[tag:a\\b]", 6),
        ("[tag:a]b]", 7),
        ("[tag:\u00e9]", 5),
        ("[tag:a", 6),
        ("[tag:a\x7f]", 6),
        ("[IPv\u212a:x]", 4),
    ],
)
@pytest.mark.rule("B-LIT-06")
def test_no_general_literals(text: str, position: int) -> None:
    assert fault(text) == position


@pytest.mark.rule("LEN-18")
def test_ipv6_without_its_tag() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        read_domain_or_literal(b"EHLO [::1]", 5, utf8=False, leniency=LENIENT, hello=True)
    assert caught.value.position == 6


@pytest.mark.rule("LEN-53")
def test_leading_zeros_by_choice() -> None:
    strict = Leniency(literal_leading_zero=False)
    assert fault("[1.2.3.04]", strict) == 7
    assert fault("[IPv6:::1.2.3.04]", strict) == 14
    assert fault("[0.0.0.0]", strict) is None
    names: list[str] = []
    read_domain_or_literal(b"[01.02.3.4]", 0, utf8=False, leniency=STRICT, deviations=names)
    assert names == ["literal_leading_zero"]


@pytest.mark.rule("B-ADDR-19")
def test_equal_when_the_address_is() -> None:
    first, second = AddressLiteral("[IPv6:::1]"), AddressLiteral("[ipv6:0:0:0:0:0:0:0.0.0.1]")
    assert first == second
    assert hash(first) == hash(second)
    assert str(second) == "[ipv6:0:0:0:0:0:0:0.0.0.1]"
    assert AddressLiteral("[1.2.3.4]") == AddressLiteral("[001.2.3.4]")
    assert AddressLiteral("[1.2.3.4]") != AddressLiteral("[IPv6:::ffff:1.2.3.4]")
    assert AddressLiteral("[1.2.3.4]") != AddressLiteral("[IPv4:1.2.3.4]")
    assert AddressLiteral("[Tag:x]") == AddressLiteral("[tag:x]")
    assert hash(AddressLiteral("[Tag:x]")) == hash(AddressLiteral("[tag:x]"))
    assert AddressLiteral("[tag:X]") != AddressLiteral("[tag:x]")
    assert AddressLiteral("[1.2.3.4]") != Domain("1.2.3.4")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1:2:3:4:5:6:7:0", "[IPv6:1:2:3:4:5:6:7:0]"),
        ("0:1:0:1:0:1:0:1", "[IPv6:0:1:0:1:0:1:0:1]"),
        ("1:2:3:4:5:6::", "[IPv6:1:2:3:4:5:6::]"),
        ("1:2:3:4:5:6:7::", "[IPv6:1:2:3:4:5:6:7:0]"),
        ("::2:3:4:5:6:7:8", "[IPv6:0:2:3:4:5:6:7:8]"),
        ("::", "[IPv6:::]"),
        ("::1", "[IPv6:::1]"),
        ("2001:DB8::0001", "[IPv6:2001:db8::1]"),
        ("1:0:0:2:0:0:0:3", "[IPv6:1:0:0:2::3]"),
        ("1:0:0:2:3:0:0:4", "[IPv6:1::2:3:0:0:4]"),
        ("::ffff:192.0.2.1", "[IPv6:::ffff:c000:201]"),
        ("192.0.2.1", "[192.0.2.1]"),
    ],
)
@pytest.mark.rule("C-LIT-09")
def test_of_an_ip_address(text: str, canonical: str) -> None:
    literal = AddressLiteral.from_ip(text)
    assert str(literal) == canonical
    assert literal.canonical() == literal
    assert str(literal.canonical()) == canonical
    assert fault(canonical, STRICT) is None


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "01.2.3.4", "fe80::1%eth0", "::1/64", "[::1]", "1::2::3", ":", "1.2.3.4\n", "::\u0661"]
)
@pytest.mark.rule("B-LIT-05", "C-LIT-09")
def test_of_no_ip_address(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        AddressLiteral.from_ip(text)


@given(st.binary(min_size=16, max_size=16) | st.binary(min_size=4, max_size=4), st.sets(st.integers(0, 7)))
def test_any_ip_address(address: bytes, zeros: set[int]) -> None:
    octets = bytearray(address)
    for index in zeros:
        if len(octets) == 16:
            octets[2 * index : 2 * index + 2] = b"\0\0"
    ip = ipaddress.ip_address(bytes(octets))
    literal = AddressLiteral.from_ip(str(ip))
    assert literal.address == bytes(octets)
    assert literal == AddressLiteral.from_ip(ip.exploded)
    assert fault(str(literal), STRICT) is None


@given(address_literals())
def test_what_is_written_is_read(literal: AddressLiteral) -> None:
    assert AddressLiteral.parse(str(literal)) == literal
    assert pickle.loads(pickle.dumps(literal)) == literal
    canonical = literal.canonical()
    assert canonical == literal
    assert str(canonical.canonical()) == str(canonical)
    assert len(str(canonical)) <= len(str(literal)) or "." in str(literal)
