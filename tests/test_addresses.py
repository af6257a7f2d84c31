"""Mailboxes and paths: grammar, decoding, quoting, comparison, sizes, deviations (RFC 5321 4.1.2, RFC 6531 3.3)."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.addresses import (
    NULL_PATH,
    AddressLiteral,
    Domain,
    ForwardPath,
    Mailbox,
    Postmaster,
    ReversePath,
    Unqualified,
    read_forward_path,
    read_reverse_path,
    strip_own_route,
)
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from smtpcore.testing._address_strategies import almost_valid_mailboxes, forward_paths, mailboxes, reverse_paths

Fault = tuple[str, int]


def fault(text: str | bytes, *, utf8: bool = False, leniency: Leniency = STRICT) -> Fault | None:
    """What is wrong with a mailbox."""
    try:
        Mailbox.parse(text, utf8=utf8, leniency=leniency)
    except SyntaxProblem as problem:
        return problem.reason, problem.position
    return None


def forward_fault(text: str | bytes, *, utf8: bool = False, leniency: Leniency = STRICT) -> Fault | None:
    try:
        ForwardPath.parse(text, utf8=utf8, leniency=leniency)
    except SyntaxProblem as problem:
        return problem.reason, problem.position
    return None


def reverse_fault(text: str | bytes, *, utf8: bool = False, leniency: Leniency = STRICT) -> Fault | None:
    try:
        ReversePath.parse(text, utf8=utf8, leniency=leniency)
    except SyntaxProblem as problem:
        return problem.reason, problem.position
    return None


# -- local-parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "local_part"),
    [
        ("a@d", "a"),
        ("a.b.c@d", "a.b.c"),
        ("!#$%&'*+-/=?^_`{|}~@d", "!#$%&'*+-/=?^_`{|}~"),
        ("u%x.example@d", "u%x.example"),
        ("x.example!u@d", "x.example!u"),
        ('""@d', ""),
        ('"a b"@d', "a b"),
        ('"a\\b"@d', "ab"),
        ('"\\""@d', '"'),
        ('"\\\\"@d', "\\"),
        ('"\\ "@d', " "),
        ('"a..b"@d', "a..b"),
        ('"."@d', "."),
        ('"a@b> SIZE=1 <x"@d', "a@b> SIZE=1 <x"),
        ('"@><,:;[]()"@d', "@><,:;[]()"),
        ('" !#$%&\'()*+,-./0123456789:;<=>?@[]^_`{|}~"@d', " !#$%&'()*+,-./0123456789:;<=>?@[]^_`{|}~"),
        ("=?utf-8?q?a=40b?=@d", "=?utf-8?q?a=40b?="),
        ("${run{x}}@d", "${run{x}}"),
    ],
)
@pytest.mark.rule("B-ADDR-05", "B-ADDR-06", "LEN-68")
def test_local_parts(text: str, local_part: str) -> None:
    mailbox = Mailbox.parse(text, leniency=STRICT)
    assert (mailbox.local_part, str(mailbox.domain)) == (local_part, "d")
    path = ForwardPath.parse(f"<{text}>", leniency=STRICT)
    assert (path.local_part, path.domain, path.route, path.deviations) == (local_part, Domain("d"), (), ())
    assert Mailbox(local_part, Domain("d")) == mailbox


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("@", 0),
        ("@d", 0),
        ("u", 1),
        ("u@", 2),
        (".a@d", 0),
        ("a.@d", 2),
        ("a..b@d", 2),
        (".@d", 0),
        (".!@d", 0),
        ("a@b@c", 3),
        ("hi@@d", 3),
        ("a\\,b@d", 1),
        ("Joe\\,Smith@d", 3),
        ('"a".b@d', 3),
        ('"a"b"@d', 3),
        ('a."b"@d', 2),
        ('a"b"@d', 1),
        ('"a"."b"@d', 3),
        ('"a""b"@d', 3),
        ('""b@d', 2),
        ('"a"@', 4),
        ('"a\tb"@d', 2),
        ('"a\rb"@d', 2),
        ('"a\nb"@d', 2),
        ('"a\0"@d', 2),
        ('"a\x7f"@d', 2),
        ('"a\\\x7f"@d', 3),
        ('"a\\\t"@d', 3),
        ('"a\\\u00e9"@d', 3),
        ('"a\\', 3),
        ('"a', 2),
        ('"', 1),
        ('"a@d', 4),
        ('"\\"@d', 5),
        ("a(b)@d", 1),
        ("(c)a@d", 0),
        ("a@(c)d", 2),
        ("a@d(c)", 3),
        ("Joe <a@d>", 3),
        ("<a@d>", 0),
        ("a @d", 1),
        ("a@ d", 2),
        (" a@d", 0),
        ("a@d ", 3),
        ("a@d\n", 3),
        ("a@d\r\n", 3),
        ("a\r\n @d", 1),
        ("G:a@d;", 1),
        ("a,b@d", 1),
        ("a@[1.2.3]", 8),
        ("a@d[1.2.3.4]", 3),
        ("a@[1.2.3.4]x", 11),
    ],
)
@pytest.mark.rule("B-ADDR-03", "B-ADDR-04", "B-ADDR-05", "B-ADDR-07", "B-ADDR-13", "S-ADDR-16", "LEN-26", "LEN-27")
def test_no_mailbox(text: str, position: int) -> None:
    assert fault(text) == ("syntax", position)
    assert fault(text, leniency=DEFAULT) == ("syntax", position)
    assert fault(text.encode()) == ("syntax", position)
    inside = b"MAIL FROM:<" + text.encode() + b">"
    if text and text[0] not in "@<":  # those begin a route, or the brackets
        for read in (read_forward_path, read_reverse_path):
            with pytest.raises(SyntaxProblem) as caught:
                read(inside, 10, utf8=False, leniency=STRICT)
            unclosed = text[0] == '"' and '"' not in text[1:].replace('\\"', "")  # takes the bracket in
            assert caught.value.position == 11 + position + unclosed
    with pytest.raises(SyntaxProblem):
        ForwardPath.of(text if text[:1] != "<" else f"<{text}>")


@pytest.mark.rule("B-ADDR-08", "LEN-68")
def test_all_spellings_are_one_mailbox() -> None:
    spellings = {Mailbox.parse(text) for text in ("abc@d", '"abc"@d', '"a\\bc"@d', '"\\a\\b\\c"@D')}
    assert len(spellings) == 1
    assert [str(mailbox) for mailbox in spellings] == ["abc@d"]


@pytest.mark.parametrize(
    ("local_part", "written"),
    [
        ("abc", "abc"),
        ("a.b", "a.b"),
        ("", '""'),
        (".", '"."'),
        ("a.", '"a."'),
        ("a..b", '"a..b"'),
        ("a b", '"a b"'),
        ("a@b", '"a@b"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\u00e9", "a\u00e9"),
        ("a\u00e9 ", '"a\u00e9 "'),
        ("\u2005", "\u2005"),
        ("\u0085", "\u0085"),
        ("a>\u0085", '"a>\u0085"'),
    ],
)
@pytest.mark.rule("B-ADDR-08")
def test_least_quoting(local_part: str, written: str) -> None:
    mailbox = Mailbox(local_part, Domain("d"))
    assert str(mailbox) == f"{written}@d"
    assert mailbox.to_bytes() == f"{written}@d".encode()
    assert Mailbox.parse(mailbox.to_bytes(), utf8=True, leniency=STRICT) == mailbox


@pytest.mark.rule("B-ADDR-09", "S-CMD-RCPT-02")
def test_case_of_the_local_part() -> None:
    assert Mailbox.parse("A@d") != Mailbox.parse("a@d")
    assert Mailbox.parse("a@D.Example") == Mailbox.parse("a@d.example")
    first, second = Mailbox.parse("PostMaster@d"), Mailbox.parse('"postmaster"@D')
    assert first == second
    assert hash(first) == hash(second)
    assert first.is_postmaster
    assert second.is_postmaster
    assert str(first) == "PostMaster@d"
    assert first != Mailbox.parse("postmaster@e")
    assert first != Mailbox.parse("postmaste@d")
    assert first != "PostMaster@d"
    assert not Mailbox.parse("postmaster2@d").is_postmaster
    assert not Mailbox.parse("po\u017ftmaster@d", utf8=True).is_postmaster  # LONG S, an S to str.upper


@pytest.mark.parametrize("local_part", ["a\r\nb", "\n", "a\0", "\x7f", "\t", "\x1b[1m"])
@pytest.mark.rule("B-ADDR-05", "B-ADDR-13")
def test_nothing_is_injected(local_part: str) -> None:
    for make in (lambda: Mailbox(local_part, Domain("d")), lambda: Unqualified(local_part)):
        with pytest.raises(SyntaxProblem) as caught:
            make()
        assert caught.value.position == (1 if local_part[0] == "a" else 0)
    with pytest.raises(SyntaxProblem):
        copy.copy(Mailbox("a", Domain("d"))).__replace__(local_part=local_part)


def test_the_position_in_a_value_is_in_octets() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        Mailbox("\u00e9\n", Domain("d"))
    assert (caught.value.reason, caught.value.position) == ("syntax", 2)
    with pytest.raises(SyntaxProblem) as caught:
        Mailbox("\u00e9\ud800", Domain("d"))
    assert (caught.value.reason, caught.value.position) == ("utf8-malformed", 2)


def test_parts_have_their_types() -> None:
    domain = "d>\r\nRSET"
    with pytest.raises(TypeError):
        Mailbox("a", domain)  # type: ignore[arg-type]
    for path in (ReversePath, ForwardPath):
        with pytest.raises(TypeError):
            path("a@d>\r\nRSET")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            path(Mailbox("a", Domain("d")), ["e"])  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            path(Mailbox("a", Domain("d")), ("e",))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ReversePath(Postmaster())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ForwardPath(None)  # type: ignore[arg-type]


# -- beyond ASCII ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u00e9@d", ("utf8-not-enabled", 0)),
        ("a\u00e9@d", ("utf8-not-enabled", 1)),
        ('"\u00e9"@d', ("utf8-not-enabled", 1)),
        ('"a b\u00e9"@d', ("utf8-not-enabled", 4)),
        ("a@b\u00fccher", ("utf8-not-enabled", 3)),
        ("a.\u00e9@d", ("utf8-not-enabled", 2)),
        (b"a\xff@d", ("utf8-not-enabled", 1)),
        ("a\u2028@d", ("utf8-not-enabled", 1)),
        ("a\ud800@d", ("utf8-not-enabled", 1)),
        ("a..\u00e9@d", ("syntax", 2)),
        ("a@[\u0661.2.3.4]", ("syntax", 3)),
    ],
)
@pytest.mark.rule("B-ADDR-20")
def test_ascii_only_unless_asked_for(text: str | bytes, expected: Fault) -> None:
    assert fault(text) == fault(text, leniency=DEFAULT) == expected
    line = b"RCPT TO:<" + (text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")) + b">"
    with pytest.raises(SyntaxProblem) as caught:
        read_forward_path(line, 8, utf8=False, leniency=DEFAULT)
    assert (caught.value.reason, caught.value.position - 9) == expected


@pytest.mark.parametrize(
    ("text", "local_part"),
    [
        ("\u00fcser@b\u00fccher.example", "\u00fcser"),
        ('"\u00e9 x"@b', "\u00e9 x"),
        ('"\\"\u00e9"@b', '"\u00e9'),
        ("s\u0323\u0307@b", "s\u0323\u0307"),  # kept as it was sent
        ("\u0300@b", "\u0300"),
        ("u\uff20evil.example@b", "u\uff20evil.example"),  # FULLWIDTH @ is text
        ("a\u3002b@b", "a\u3002b"),
        ("a\u0085b@b", "a\u0085b"),
        ("a\u2028b@b", "a\u2028b"),
        ("\u00a0@b", "\u00a0"),
        ("\u0660@b", "\u0660"),
        ("\U0001f4e7@b", "\U0001f4e7"),
    ],
)
@pytest.mark.rule("B-ADDR-20", "X-SMTPUTF8-11", "X-SMTPUTF8-27")
def test_beyond_ascii(text: str, local_part: str) -> None:
    mailbox = Mailbox.parse(text, utf8=True, leniency=STRICT)
    assert mailbox.local_part == local_part
    assert mailbox.needs_utf8
    assert mailbox.to_bytes() == text.encode()
    path = ReversePath.parse(f"<{text}>", utf8=True, leniency=STRICT)
    assert (path.mailbox, path.needs_utf8) == (mailbox, True)
    assert not {"\u0085", "\u2028", "\u00a0"} & set(repr(mailbox))  # X-SMTPUTF8-27


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b"\xc0\xaf@x", 0),
        (b"a\xed\xa0\x80@x", 1),
        (b"a\xff@x", 1),
        (b"a\xe9@x", 1),
        (b"a\xe2\x82@x", 1),
        (b"\xf4\x90\x80\x80@x", 0),
        (b'"a \xff"@x', 3),
        (b'"\\a\xc3"@x', 3),
        (b"a@x\xff", 3),
        ("a\ud800@x", 1),
    ],
)
@pytest.mark.rule("X-SMTPUTF8-12")
def test_octets_that_are_not_utf8(text: bytes | str, position: int) -> None:
    assert fault(text, utf8=True) == ("utf8-malformed", position)
    assert fault(text, utf8=True, leniency=LENIENT) == ("utf8-malformed", position)


@pytest.mark.rule("X-SMTPUTF8-13")
def test_the_domain_is_of_u_labels() -> None:
    assert fault("a@exam\u200bple.com", utf8=True) == ("u-label", 6)
    assert fault("a@b\u3002c", utf8=True) == ("u-label", 3)
    assert fault("a@\u263a", utf8=True) == ("u-label", 2)


def test_for_a_server_without_smtputf8() -> None:
    mailbox = Mailbox("u", Domain("b\u00fccher.example"))
    assert mailbox.needs_utf8
    assert str(mailbox.with_ascii_domain()) == "u@xn--bcher-kva.example"
    assert not mailbox.with_ascii_domain().needs_utf8
    assert Mailbox("\u00e9", Domain("b\u00fccher")).with_ascii_domain().needs_utf8  # never rewritten
    literal = Mailbox("u", AddressLiteral("[1.2.3.4]"))
    assert literal.with_ascii_domain() == literal
    assert str(ReversePath(mailbox).with_ascii_domain()) == "<u@xn--bcher-kva.example>"
    assert str(ForwardPath(mailbox).with_ascii_domain()) == "<u@xn--bcher-kva.example>"
    assert NULL_PATH.with_ascii_domain() is NULL_PATH
    postmaster = ForwardPath(Postmaster())
    assert postmaster.with_ascii_domain() is postmaster


def test_advice_on_normalization() -> None:
    assert Mailbox("\u00e9", Domain("d")).is_nfc
    assert not Mailbox("e\u0301", Domain("d")).is_nfc
    assert Mailbox("e\u0301", Domain("d")) != Mailbox("\u00e9", Domain("d"))


# -- sizes -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("B-LIM-01", "LEN-49")
def test_size_of_a_local_part() -> None:
    assert fault("a" * 64 + "@d") is None
    assert fault("a" * 65 + "@d") == ("limit-local", 64)
    assert fault("a" * 128 + "@d", leniency=DEFAULT) is None
    assert fault("a" * 129 + "@d", leniency=DEFAULT) == ("limit-local", 128)
    assert fault('"' + "a" * 62 + '"@d') is None
    assert fault('"' + "a" * 63 + '"@d') == ("limit-local", 64)
    assert fault('"' + "\\a" * 31 + '"@d') is None
    assert fault('"' + "\\a" * 32 + '"@d') == ("limit-local", 64)
    assert fault('"' + "a" * 70 + "\n") == ("limit-local", 64)
    assert fault("a" * 65 + "..@d") == ("limit-local", 64)
    assert fault("a" * 60 + ".." + "a" * 60 + "@d") == ("syntax", 61)
    assert fault("a" * 64 + "@d", leniency=Leniency(local_part=8)) is None  # never fewer than RFC 5321 has
    path = ForwardPath.parse("<" + "a" * 65 + "@d>")
    assert path.deviations == ("local_part",)
    assert ForwardPath.parse("<" + "a" * 64 + "@d>").deviations == ()
    with pytest.raises(SyntaxProblem) as caught:
        path.check_send_limits()
    assert (caught.value.reason, caught.value.position) == ("limit-local", 65)
    ForwardPath.parse("<" + "a" * 64 + "@d>").check_send_limits()


@pytest.mark.rule("X-SMTPUTF8-25")
def test_sizes_are_in_octets() -> None:
    assert fault("\u03bb" * 32 + "@d", utf8=True) is None
    assert fault("\u03bb" * 33 + "@d", utf8=True) == ("limit-local", 64)
    with pytest.raises(SyntaxProblem):
        ForwardPath(Mailbox("\u03bb" * 33, Domain("d"))).check_send_limits()


def domain_of(octets: int) -> str:
    label = "b" * 49
    return ".".join([label] * 3 + ["b" * (octets - 150)])


@pytest.mark.rule("B-LIM-03", "B-ADDR-18")
def test_size_of_a_path() -> None:
    longest = "a" * 60 + "@" + domain_of(193)
    assert len(longest) == 254
    for check in (forward_fault, reverse_fault):
        assert check(f"<{longest}>") is None
        assert check(f"<{longest}b>") == ("limit-path", 255)
        assert check(f"<{longest}b>", leniency=DEFAULT) == ("limit-path", 255)
    assert fault(longest) is None
    assert fault(longest + "b") == ("limit-path", 254)
    ForwardPath.of(longest).check_send_limits()
    with pytest.raises(SyntaxProblem) as caught:
        ForwardPath(Mailbox("a" * 61, Domain(domain_of(193)))).check_send_limits()
    assert (caught.value.reason, caught.value.position) == ("limit-path", 255)


@pytest.mark.rule("B-LIM-03", "B-ADDR-18")
def test_the_route_counts() -> None:
    route = ",".join(["@host.example"] * 17)
    assert len(f"<{route}:u@d.example>") == 251
    assert forward_fault(f"<{route}:u@d.example>") is None
    assert forward_fault(f"<{route}:u@d.example1234b>") is None
    assert forward_fault(f"<{route}:u@d.example12345b>") == ("limit-path", 255)
    path, end = read_forward_path(f"X<{route}:u@d.example>Y".encode(), 1, utf8=False, leniency=STRICT)
    assert (end, len(path.route)) == (252, 17)
    path.check_send_limits()  # it is sent without


@pytest.mark.rule("LEN-49", "B-LIM-03")
def test_a_tolerated_local_part_does_not_use_up_the_path() -> None:
    assert forward_fault("<" + "a" * 128 + "@" + domain_of(189) + ">", leniency=DEFAULT) is None
    assert forward_fault("<" + "a" * 128 + "@" + domain_of(190) + ">", leniency=DEFAULT) == ("limit-path", 319)


def test_no_brackets_count_as_if_there() -> None:
    lenient = Leniency(missing_brackets=True)
    longest = "a" * 60 + "@" + domain_of(193)
    assert forward_fault(longest, leniency=lenient) is None
    assert forward_fault(longest + "b", leniency=lenient) == ("limit-path", 254)


# -- paths -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("<u@d>", ()),
        ("<@a:u@d>", ("a",)),
        ("<@a,@b:u@d>", ("a", "b")),
        ("<@hosta.int,@jkl.org:u@d>", ("hosta.int", "jkl.org")),
        ('<@a:"u"@d>', ("a",)),
    ],
)
@pytest.mark.rule("B-ADDR-01", "B-ADDR-02", "S-CMD-MAIL-07", "S-CMD-RCPT-05", "LEN-30")
def test_paths(text: str, route: tuple[str, ...]) -> None:
    reverse, forward = ReversePath.parse(text, leniency=STRICT), ForwardPath.parse(text, leniency=STRICT)
    assert reverse.mailbox == forward.mailbox == Mailbox("u", Domain("d"))
    assert reverse.route == forward.route == tuple(map(Domain, route))
    assert str(reverse) == str(forward) == "<u@d>"
    assert reverse.to_bytes() == forward.to_bytes() == b"<u@d>"
    assert reverse == ReversePath.of("u@d")
    assert forward == ForwardPath.of("u@d")
    assert hash(forward) == hash(ForwardPath.of("u@d"))
    assert reverse != forward
    assert forward != "<u@d>"


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("u@d", 0),
        (" <u@d>", 0),
        ("\t<u@d>", 0),
        ("<", 1),
        ("<u", 2),
        ("<u>", 2),
        ("<u@>", 3),
        ("<@d>", 3),
        ("<u@d", 4),
        ("<u@d>>", 5),
        ("<u@d> ", 5),
        ("<u@d>x", 5),
        ("<<u@d>>", 1),
        ("< >", 1),
        ("< u@d>", 1),
        ("<u@d >", 4),
        ("<(c)u@d>", 1),
        ("<u@d(c)>", 4),
        ("Joe <u@d>", 0),
        ('"Joe" <u@d>', 0),
        ("<@a,b:u@d>", 4),
        ("<@a u@d>", 3),
        ("<@a:>", 4),
        ("<@a>", 3),
        ("<@a:@b:u@d>", 4),
        ("<@a,:u@d>", 4),
        ("<@a, @b:u@d>", 4),
        ("<@a @b:u@d>", 3),
        ("<@[1.2.3.4]:u@d>", 2),
        ("<a:u@d>", 2),
        ("<@:u@d>", 2),
        ("<@a:u>", 5),
        ("<@a:postmaster>", 14),
        ("<@a.:u@d>", 4),
        ('<"postmaster">', 13),
        ("<abuse>", 6),
        ("<postmaster", 11),
        ("<postmaster@>", 12),
        ("<u@d,v@d>", 4),
        ("<u@d><v@d>", 5),
        ("<u@d_e>", 4),
        ("<u@d.>", 5),
        ("<;id;>", 1),
        ('<test">"addr>', 5),
    ],
)
@pytest.mark.rule("B-ADDR-01", "B-ADDR-02", "B-ADDR-03", "S-ADDR-16", "LEN-25", "LEN-27", "LEN-28", "LEN-29")
def test_no_paths(text: str, position: int) -> None:
    assert forward_fault(text) == ("syntax", position)
    assert forward_fault(text, leniency=DEFAULT) == ("syntax", position)
    assert reverse_fault(text) == ("syntax", position)


@pytest.mark.parametrize(
    "pattern",
    [
        "<{}@d>",
        "<a@{}>",
        '<"{}"@d>',
        "<@{}:a@d>",
        "<@a:{}@d>",
        "{}",
    ],
)
def test_no_octet_is_looked_at_twice(pattern: str) -> None:
    # Not a clock: long inputs of every shape end, with a position inside them.
    for filling in (
        "a" * 3000,
        "a." * 1500,
        "a-" * 1500,
        "." * 3000,
        "\\" * 3001,
        "@a," * 1000,
        "@a:" * 1000,
        "-" * 3000,
    ):
        text = pattern.format(filling)
        for check in (forward_fault, reverse_fault):
            found = check(text, leniency=LENIENT)
            assert found is not None
            assert 0 <= found[1] <= len(text)


@pytest.mark.rule("S-CMD-MAIL-02")
def test_the_null_path() -> None:
    path = ReversePath.parse("<>")
    assert path is NULL_PATH
    assert path.is_null
    assert (path.mailbox, path.local_part, path.domain) == (None, None, None)
    assert (str(path), path.to_bytes()) == ("<>", b"<>")
    assert not path.needs_utf8
    assert not path.is_postmaster
    assert bool(path) is True  # a sender like any other
    path.check_send_limits()
    assert path != ReversePath.of("a@d")
    assert ReversePath.of("") == ReversePath.of("<>") == ReversePath(None) == NULL_PATH
    assert read_reverse_path(b"MAIL FROM:<> SIZE=1", 10, utf8=False, leniency=STRICT) == (NULL_PATH, 12)
    assert not ReversePath.of("a@d").is_null


@pytest.mark.rule("S-CMD-RCPT-03", "LEN-23")
def test_no_recipient_is_null() -> None:
    assert forward_fault("<>") == forward_fault("<>", leniency=LENIENT) == ("syntax", 1)
    for text in ("", "<>"):
        with pytest.raises(SyntaxProblem):
            ForwardPath.of(text)


@pytest.mark.parametrize("name", ["Postmaster", "postmaster", "POSTMASTER", "pOsTmAsTeR"])
@pytest.mark.rule("S-CMD-RCPT-02", "LEN-24")
def test_postmaster_alone(name: str) -> None:
    path = ForwardPath.parse(f"<{name}>", leniency=STRICT)
    assert path.mailbox == Postmaster()
    assert hash(path.mailbox) == hash(Postmaster())
    assert (path.local_part, path.domain, path.is_postmaster) == (name, None, True)
    assert (str(path), path.to_bytes(), path.deviations) == (f"<{name}>", f"<{name}>".encode(), ())
    assert path == ForwardPath.of("postmaster") == ForwardPath.of("<Postmaster>") == ForwardPath.of(Postmaster())
    assert path != ForwardPath.of("postmaster@d")
    assert Postmaster() != "Postmaster"
    assert not path.needs_utf8
    path.check_send_limits()
    assert ForwardPath.of(f"{name}@d").is_postmaster


@pytest.mark.parametrize("name", ["", "post", "postmaster@d", "po\u017ftmaster", "abuse", "postmaster\n"])
@pytest.mark.rule("S-CMD-RCPT-02")
def test_nobody_else_is_postmaster(name: str) -> None:
    with pytest.raises(SyntaxProblem):
        Postmaster(name)


@pytest.mark.rule("S-CMD-MAIL-09", "B-ADDR-03")
def test_postmaster_alone_is_no_sender() -> None:
    assert reverse_fault("<postmaster>") == reverse_fault("<postmaster>", leniency=DEFAULT) == ("syntax", 11)
    assert reverse_fault("<Postmaster@d>") is None
    path = ReversePath.parse("<postmaster>", leniency=LENIENT)
    assert path.mailbox == Unqualified("postmaster")
    assert (path.deviations, path.is_postmaster) == (("unqualified",), True)


@pytest.mark.rule("C-CMD-MAIL-08", "C-CMD-RCPT-18", "B-ADDR-02")
def test_routes_are_not_sent() -> None:
    for text in ("<@a:u@d>", "@a:u@d", "<@a,@b:u@d>"):
        with pytest.raises(SyntaxProblem):
            ReversePath.of(text)
        with pytest.raises(SyntaxProblem):
            ForwardPath.of(text)
    path = ForwardPath.parse("<@a:u@d>")
    assert ForwardPath.of(path).to_bytes() == b"<u@d>"


@pytest.mark.rule("S-CMD-RCPT-07")
def test_own_host_in_a_route() -> None:
    path = ForwardPath.parse("<@Me,@b:u@d>")
    names = {Domain("me"), Domain("me.example")}
    assert strip_own_route(path, names).route == (Domain("b"),)
    assert strip_own_route(strip_own_route(path, names), names).route == (Domain("b"),)
    other = ForwardPath.parse("<@b,@me:u@d>")
    assert strip_own_route(other, names) is other  # no shortcut
    direct = ForwardPath.parse("<u@d>")
    assert strip_own_route(direct, names) is direct


@pytest.mark.rule("B-ADDR-01")
def test_paths_of_what_there_is() -> None:
    mailbox = Mailbox("u", Domain("d"))
    reverse, forward = ReversePath(mailbox), ForwardPath(mailbox)
    assert ReversePath.of(mailbox) == ReversePath.of("u@d") == ReversePath.of("<u@d>") == reverse
    assert ReversePath.of(reverse) is reverse
    assert ForwardPath.of(mailbox) == ForwardPath.of("u@d") == ForwardPath.of("<u@d>") == forward
    assert ForwardPath.of(forward) is forward
    assert str(ForwardPath.of("\u00e9@d")) == "<\u00e9@d>"
    assert str(ReversePath.of('"a b"@d')) == '<"a b"@d>'
    assert (reverse.local_part, reverse.domain, forward.domain) == ("u", Domain("d"), Domain("d"))
    for text in ("u", "u@d\r\nRSET", "<u@d", "u@d>", "<u@d> SIZE=1", " u@d", "u@[x:y]"):
        with pytest.raises(SyntaxProblem):
            ReversePath.of(text)
        with pytest.raises(SyntaxProblem):
            ForwardPath.of(text)


@pytest.mark.rule("B-ADDR-06")
def test_the_offset_after_a_path() -> None:
    line = b'RCPT TO:<"a@b> SIZE=1 <x"@d.org> NOTIFY=NEVER'
    path, end = read_forward_path(line, 8, utf8=False, leniency=STRICT)
    assert (path.local_part, line[end:]) == ("a@b> SIZE=1 <x", b" NOTIFY=NEVER")
    line = b"MAIL FROM:<a@b>SIZE=1"
    for utf8 in (False, True):
        assert read_reverse_path(line, 10, utf8=utf8, leniency=STRICT) == (ReversePath.of("a@b"), 15)
    with pytest.raises(SyntaxProblem) as caught:
        read_reverse_path(b"MAIL FROM:", 10, utf8=False, leniency=STRICT)
    assert caught.value.position == 10


# -- leniency ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "local_part", "deviations"),
    [
        ("<a..b@d>", "a..b", ("loose_dots",)),
        ("<.a@d>", ".a", ("loose_dots",)),
        ("<a.@d>", "a.", ("loose_dots",)),
        ("<a.b@d>", "a.b", ()),
        ("<a@d.>", "a", ("trailing_dot",)),
        ("<a@d_e>", "a", ("domain_underscore",)),
        ("<a@[x:y]>", "a", ("unknown_literal_tag",)),
        ("<a@[01.2.3.4]>", "a", ("literal_leading_zero",)),
        ("a@d", "a", ("missing_brackets",)),
        ("a@d.", "a", ("missing_brackets", "trailing_dot")),
        ("postmaster", "postmaster", ("missing_brackets",)),
        ("<user>", "user", ("unqualified",)),
        ('<"a b">', "a b", ("unqualified",)),
        ("<@a_.:..@d>", "..", ("trailing_dot", "domain_underscore", "loose_dots")),
        ("<" + "a" * 256 + "@d>", "a" * 256, ("local_part",)),
    ],
)
@pytest.mark.rule("LEN-03", "LEN-25", "LEN-26", "LEN-28", "LEN-29", "LEN-53", "LEN-55")
def test_deviations(text: str, local_part: str, deviations: tuple[str, ...]) -> None:
    path = ForwardPath.parse(text, leniency=LENIENT)
    assert (path.local_part, path.deviations) == (local_part, deviations)
    assert path.mailbox is not None
    for name in deviations:
        switch = {"local_part": 64}.get(name, False)
        assert forward_fault(text, leniency=LENIENT.__replace__(**{name: switch})) is not None
    assert path == ForwardPath(path.mailbox)


@pytest.mark.rule("LEN-03")
def test_without_brackets() -> None:
    path, end = read_forward_path(b"RCPT TO:a@b NOTIFY=NEVER", 8, utf8=False, leniency=LENIENT)
    assert (str(path), end, path.deviations) == ("<a@b>", 11, ("missing_brackets",))
    line = b'MAIL FROM:"a b"@c'
    assert read_reverse_path(line, 10, utf8=False, leniency=LENIENT)[1] == len(line)
    assert reverse_fault("a@b>", leniency=LENIENT) == ("syntax", 3)
    assert reverse_fault("", leniency=LENIENT) == ("syntax", 0)
    assert reverse_fault("<a@b", leniency=LENIENT) == ("syntax", 4)


@pytest.mark.rule("LEN-25", "B-ADDR-01")
def test_without_a_domain() -> None:
    path = ReversePath.parse("<user>", leniency=LENIENT)
    assert path.mailbox == Unqualified("user")
    assert (path.local_part, path.domain, path.is_postmaster, str(path)) == ("user", None, False, "<user>")
    assert not path.needs_utf8
    assert Unqualified("\u00e9").needs_utf8
    assert str(Unqualified("a b")) == '"a b"'
    with pytest.raises(SyntaxProblem) as caught:
        path.check_send_limits()
    assert caught.value.position == 5
    assert path.with_ascii_domain() is path
    assert reverse_fault("<@a:user>", leniency=LENIENT) == ("syntax", 8)


@pytest.mark.rule("B-ADDR-11", "LEN-28")
def test_an_underscore_is_not_sent() -> None:
    path = ForwardPath.parse("<u@d_e>", leniency=LENIENT)
    with pytest.raises(SyntaxProblem) as caught:
        path.check_send_limits()
    assert caught.value.position == 4
    ForwardPath.of("u_v@[1.2.3.4]").check_send_limits()


@pytest.mark.rule("LEN-26")
def test_loose_dots_are_quoted_when_written() -> None:
    path = ForwardPath.parse("<a..b@d>", leniency=LENIENT)
    assert path.to_bytes() == b'<"a..b"@d>'
    assert ForwardPath.parse(path.to_bytes(), leniency=STRICT) == path


# -- properties --------------------------------------------------------------------------------------------------------


@given(mailboxes(utf8=True))
@pytest.mark.rule("B-ADDR-08")
def test_what_is_written_is_read(mailbox: Mailbox) -> None:
    assert Mailbox.parse(mailbox.to_bytes(), utf8=True, leniency=STRICT) == mailbox
    assert Mailbox.parse(str(mailbox), utf8=True) == mailbox
    assert (fault(str(mailbox)) is None) == (not mailbox.needs_utf8)
    assert pickle.loads(pickle.dumps(mailbox)) == mailbox
    assert hash(Mailbox(mailbox.local_part, mailbox.domain)) == hash(mailbox)
    assert ReversePath.of(mailbox) == ReversePath.of(str(mailbox))


@given(reverse_paths(utf8=True), st.binary(max_size=3))
@pytest.mark.rule("B-ADDR-01")
def test_reverse_paths_are_read(path: ReversePath, after: bytes) -> None:
    line = b"MAIL FROM:" + path.to_bytes() + after
    assert read_reverse_path(line, 10, utf8=True, leniency=STRICT) == (path, len(line) - len(after))
    assert pickle.loads(pickle.dumps(path)) == path
    assert path.to_bytes().startswith(b"<")
    path.check_send_limits()


@given(forward_paths(utf8=True), st.binary(max_size=3))
@pytest.mark.rule("B-ADDR-01")
def test_forward_paths_are_read(path: ForwardPath, after: bytes) -> None:
    line = b"RCPT TO:" + path.to_bytes() + after
    assert read_forward_path(line, 8, utf8=True, leniency=STRICT) == (path, len(line) - len(after))
    assert pickle.loads(pickle.dumps(path)) == path
    assert path.to_bytes().endswith(b">")
    path.check_send_limits()


@given(almost_valid_mailboxes(utf8=True), st.booleans())
def test_the_short_way_and_the_long_way_agree(octets: bytes, utf8: bool) -> None:
    """A path of the common shape is matched at once, a mailbox is always read octet by octet: they mean the same."""
    found = fault(octets, utf8=utf8)
    assert found is None or 0 <= found[1] <= len(octets)
    bracketed = b"<" + octets + b">"
    if found is None:
        mailbox = Mailbox.parse(octets, utf8=utf8, leniency=STRICT)
        for parse in (ForwardPath.parse, ReversePath.parse):
            path = parse(bracketed, utf8=utf8, leniency=STRICT)
            assert path.mailbox == mailbox
            assert (path.local_part, str(path.domain)) == (mailbox.local_part, str(mailbox.domain))
    elif octets[:1] != b"@" and found[0] != "syntax":
        reason, position = found
        assert forward_fault(bracketed, utf8=utf8) == reverse_fault(bracketed, utf8=utf8) == (reason, position + 1)


@given(st.binary(max_size=40) | st.text(max_size=40), st.booleans(), st.sampled_from((STRICT, DEFAULT, LENIENT)))
def test_any_octets_are_judged(text: bytes | str, utf8: bool, leniency: Leniency) -> None:
    size = len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    for check in (fault, forward_fault, reverse_fault):
        found = check(text, utf8=utf8, leniency=leniency)
        assert found is None or 0 <= found[1] <= size


@pytest.mark.parametrize("value", [None, b"u@d", 5])
def test_what_is_neither_text_nor_path_is_no_path(value: object) -> None:
    with pytest.raises(TypeError, match="a sender is"):
        ReversePath.of(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a recipient is"):
        ForwardPath.of(value)  # type: ignore[arg-type]
