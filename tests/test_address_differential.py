"""Addresses against two others: a recogniser from the ABNF (no difference), and email-validator (each explained)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from smtpcore.addresses import AddressLiteral, ForwardPath, Mailbox, ReversePath
from smtpcore.errors import SyntaxProblem
from smtpcore.idna import check_u_label, to_u_label
from smtpcore.leniency import STRICT
from tests import oracle_addresses as oracle

#: The whole grammar: which tags are registered is no matter of syntax.
GRAMMAR = STRICT.__replace__(unknown_literal_tag=True)
PIECES = [
    *(bytes((octet,)) for octet in b'aA0..-@@"\\<>,:[] _\t\r\n\0\x7f\xff'),
    *(b"IPv6:", b"::", b"1", b"ffff", b"1.2.3.4", b"255", b"256", b"01", b"xn--", b"abc", b"a.b", b"tag:"),
    *("\u00e9".encode(), "\u00fc".encode(), "\u2028".encode(), "\u3002".encode(), "\u4f8b".encode()),
    *(b"a@b", b"<a@b>", b"@a:", b"@a,", b'"a b"@c', b"@[", b"IPv6:1:2:3:4:5:6:7:8", b"1:2:3:4", b"(c)", b"+"),
    *(b"a" * 30, b"b" * 33),
]
V6_PIECES = [b":", b":", b"1", b"::", b"ff", b"1.2.3.4", b":2", b":3"]


def candidates(seed: int, number: int) -> Iterator[bytes]:
    """Octets that are an address or nearly one."""
    chance = random.Random(seed)
    for _ in range(number):
        text = b"".join(chance.choices(PIECES, k=chance.randint(1, 7)))
        shape = chance.randint(0, 9)
        if shape < 3:
            text = b"a@" + text
        elif shape < 4:
            text = b"a@[" + text + b"]"
        elif shape < 6:
            text = b"a@[IPv6:" + b"".join(chance.choices(V6_PIECES, k=chance.randint(1, 12))) + b"]"
        elif shape < 8:
            text += b"@d"
        yield text


def is_u_label(label: str) -> bool:
    try:
        check_u_label(label)
    except SyntaxProblem:
        return False
    return True


def reading(kind: type[Mailbox | ForwardPath | ReversePath], text: str | bytes, utf8: bool) -> oracle.Reading | None:
    try:
        found = kind.parse(text, utf8=utf8, leniency=GRAMMAR)
    except SyntaxProblem:
        return None
    route = () if isinstance(found, Mailbox) else tuple(map(str, found.route))
    return str(found.local_part), str(found.domain), route


def compare_with_the_oracle(seed: int, number: int) -> int:
    """How many candidates were addresses; any difference fails."""
    good = 0
    chance = random.Random(seed)
    for text in candidates(seed, number):
        utf8 = chance.random() < 0.5
        expected = oracle.mailbox(text, utf8=utf8, is_u_label=is_u_label)
        assert reading(Mailbox, text, utf8) == expected, text
        path = chance.choice((text, b"<" + text + b">", b"<" + text + b">", b"<@" + text + b":a@b>"))
        expected = oracle.path(path, utf8=utf8, is_u_label=is_u_label)
        if path not in (b"<>", b""):
            assert reading(ReversePath, path, utf8) == expected, path
        assert reading(ForwardPath, path, utf8) == expected, path
        good += expected is not None
    return good


@pytest.mark.rule("B-ADDR-02", "B-ADDR-03", "B-ADDR-04", "B-ADDR-05", "B-ADDR-07", "B-ADDR-10", "B-LIT-03", "B-LIT-04")
def test_the_oracle_agrees() -> None:
    assert compare_with_the_oracle(5321, 100_000) > 2500


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_the_oracle_agrees_at_length(seed: int) -> None:
    assert compare_with_the_oracle(seed, 100_000) > 2500


# -- email-validator ---------------------------------------------------------------------------------------------------

#: Why email-validator takes what is none of RFC 5321, by the text.
THEY_ACCEPT: dict[str, Callable[[str], bool]] = {
    "turns U-labels into A-labels by itself, and maps them first (UTS 46)": lambda text: not text.isascii(),
    "reads IPv6 with the standard library, where :: may be one group": lambda text: "[IPv6:" in text,
    "counts the local-part only when it is told to be strict": lambda text: text.rindex("@") > 64,
}
#: Why it refuses what is one, by local-part and domain.
THEY_REFUSE: dict[str, Callable[[str, str], bool]] = {
    "wants something in the quotes": lambda local_part, domain: local_part == "",
    "knows no tag but IPv6": lambda local_part, domain: domain[0] == "[" and AddressLiteral(domain).address is None,
    "reads IPv4 with the standard library, without leading zeros": lambda local_part, domain: domain[0] == "[",
    "decodes A-labels, and refuses fakes": lambda local_part, domain: any(map(_is_fake, domain.split("."))),
    "reads hyphens in the third and fourth places as a prefix": lambda local_part, domain: "--" in domain,
    "refuses blanks and separators beyond ASCII": lambda local_part, domain: "\u2028" in local_part,
}


def _is_fake(label: str) -> bool:
    try:
        to_u_label(label)
    except SyntaxProblem:
        return label[:4].lower() == "xn--"
    return False


def their_opinion(text: str, utf8: bool) -> bool:
    other = pytest.importorskip("email_validator")
    try:
        other.validate_email(
            text,
            allow_smtputf8=utf8,
            allow_quoted_local=True,
            allow_domain_literal=True,
            check_deliverability=False,
            test_environment=True,
            globally_deliverable=False,
        )
    except other.EmailNotValidError:
        return False
    return True


def compare_with_email_validator(seed: int, number: int) -> None:
    agreed = 0
    for candidate in candidates(seed, number):
        text = candidate.decode("utf-8", "replace")
        for utf8 in (False, True):
            ours = reading(Mailbox, text, utf8)
            theirs = their_opinion(text, utf8)
            agreed += ours is not None and theirs
            if ours is None and theirs:
                assert any(applies(text) for applies in THEY_ACCEPT.values()), (text, utf8)
            if ours is not None and not theirs:
                assert any(applies(*ours[:2]) for applies in THEY_REFUSE.values()), (text, utf8)
    assert agreed > number // 50


def test_differences_from_email_validator_have_reasons() -> None:
    compare_with_email_validator(6531, 3000)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(5))
def test_differences_from_email_validator_have_reasons_at_length(seed: int) -> None:
    compare_with_email_validator(seed, 50_000)
