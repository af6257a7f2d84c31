"""The grammar of command lines (RFC 5321 4.1): what each line means, or the reply that it deserves."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore import replies
from smtpcore.addresses import NULL_PATH, AddressLiteral, Domain, ForwardPath, Mailbox, Postmaster, ReversePath
from smtpcore.commands import (
    CORE,
    CORE_VERBS,
    KNOWN_VERBS,
    LMTP_VERBS,
    Command,
    CommandError,
    Data,
    Hello,
    Inquiry,
    Language,
    Mail,
    Noop,
    Problem,
    Quit,
    Rcpt,
    Reset,
    check_parameters,
    free_text,
    parse,
)
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.auth import Auth
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.starttls import StartTls
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from smtpcore.parameters import Parameter, Parameters, bare, no_value
from smtpcore.testing import strategies as make

FULL = CLIENT_EXTENSIONS.language()
FULL_STRICT = CLIENT_EXTENSIONS.language(leniency=STRICT)
FULL_LENIENT = CLIENT_EXTENSIONS.language(leniency=LENIENT)
LMTP = CLIENT_EXTENSIONS.language(lmtp=True)
WITHOUT_UTF8 = ExtensionSet(
    [extension for extension in CLIENT_EXTENSIONS if extension.keyword != "SMTPUTF8"]
).language()
LANGUAGES: Mapping[str, Language] = {
    "core": CORE,
    "strict": FULL_STRICT,
    "default": FULL,
    "lenient": FULL_LENIENT,
    "lmtp": LMTP,
    "ascii": WITHOUT_UTF8,
}
by_language = pytest.mark.parametrize("name", LANGUAGES)

JOE = Mailbox("joe", Domain("ex.org"))


def rule(*ids: str) -> pytest.MarkDecorator:
    return pytest.mark.rule(*ids)


def refusal(line: bytes, language: Language = FULL) -> Problem:
    problem = parse(line, language)
    assert isinstance(problem, Problem), problem
    assert 0 <= problem.position <= len(line)
    assert problem.text
    return problem


def code(line: bytes, language: Language = FULL) -> str:
    """The code and enhanced code with which a line is refused, as `501 5.5.4`; `"ok"` when it is a command."""
    problem = parse(line, language)
    if not isinstance(problem, Problem):
        return "ok"
    return f"{problem.reply.code} {problem.reply.enhanced or ''}".strip()


# --- properties -----------------------------------------------------------------------------------------------------


@rule("B-GRAM-10", "B-EXT-20")
@given(make.commands())
def test_what_is_formatted_is_parsed_as_the_same(command: Command) -> None:
    line = command.to_bytes()[:-2]
    for language in (FULL, FULL_STRICT, FULL_LENIENT):
        found = parse(line, language)
        assert found == command
        assert isinstance(found, Command)
        assert found.to_bytes()[:-2] == line
        assert getattr(found, "deviations", ()) in ((), ("literal_leading_zero",))


@given(make.hellos(lmtp=True) | make.mails() | make.rcpts())
def test_lmtp_speaks_the_same(command: Command) -> None:
    assert parse(command.to_bytes()[:-2], LMTP) == command


@rule("B-GRAM-04", "LEN-13", "X-FW-09", "X-DSN-07", "X-8BITMIME-02")
@given(make.commands(utf8=False), st.randoms(use_true_random=False))
def test_verbs_and_keywords_have_no_case(command: Command, random: object) -> None:
    line = command.to_bytes()[:-2]
    end = len(command.verb)
    for verb in (line[:end].lower(), line[:end].title(), line[:end].swapcase()):
        assert parse(verb + line[end:], FULL_STRICT) == command
    if isinstance(command, (Mail, Rcpt)):
        swapped = line.replace(b" FROM:<", b" fRoM:<").replace(b" TO:<", b" tO:<")
        assert parse(swapped, FULL_STRICT) == command
        keywords = {keyword.lower(): value for keyword, value in command.params}
        lower = Parameters(tuple(keywords.items()))
        assert parse(line.removesuffix(str(command.params).encode()) + str(lower).encode(), FULL_STRICT) == command


@by_language
@given(line=make.almost_valid_lines() | st.binary(max_size=60))
def test_nothing_raises_and_what_is_taken_can_be_sent(name: str, line: bytes) -> None:
    language = LANGUAGES[name]
    found = parse(line, language)
    if isinstance(found, Problem):
        assert found.reply.code in (500, 501, 502, 555)
        assert 0 <= found.position <= len(line)
        return
    canonical = found.to_bytes()
    assert canonical.find(b"\r") == canonical.find(b"\n") - 1 == len(canonical) - 2
    again = parse(canonical[:-2], language)
    assert again == found
    assert isinstance(again, Command)
    assert again.to_bytes() == canonical


@rule("S-GRAM-12", "B-GRAM-13", "LEN-51")
@given(make.commands(utf8=False), st.integers(0, 199), st.sampled_from((*range(9), *range(10, 32), 127)))
def test_a_control_octet_anywhere_makes_a_line_no_command(command: Command, place: int, octet: int) -> None:
    line = bytearray(command.to_bytes()[:-2])
    place %= len(line) + 1
    line.insert(place, octet)
    found = parse(bytes(line), FULL)
    assert isinstance(found, Problem)
    assert found.reply.code in (500, 501)


@rule("S-GRAM-08", "LEN-07", "LEN-32")
@given(make.commands(), st.text(" \t", min_size=1, max_size=4))
def test_white_space_at_the_end_is_nothing(command: Command, space: str) -> None:
    line = command.to_bytes()[:-2]
    assert parse(line + space.encode(), FULL_STRICT) == command
    strictest = CLIENT_EXTENSIONS.language(leniency=Leniency(trailing_space=False))
    problem = refusal(line + space.encode(), strictest)
    assert (problem.reply.code, problem.position) == (501, len(line))


@rule("S-GRAM-11", "X-FW-32", "S-EXT-19", "X-SMTPUTF8-12")
@given(
    make.commands(utf8=False), st.integers(0, 199), st.sampled_from((b"\xc3\xa9", b"\xff", b"\x80", b"\xed\xa0\x80"))
)
def test_octets_beyond_ascii_need_an_extension(command: Command, place: int, octets: bytes) -> None:
    if isinstance(command, Noop) or (isinstance(command, Inquiry) and command.params):
        return
    line = command.to_bytes()[:-2]
    place %= len(line) + 1
    broken = line[:place] + octets + line[place:]
    assert refusal(broken, WITHOUT_UTF8).reply.code in (500, 501, 555)


# --- verbs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"", "500 5.5.2", marks=rule("S-GRAM-19")),
        pytest.param(b" NOOP", "500 5.5.2", marks=rule("B-GRAM-09", "LEN-06")),
        pytest.param(b"\tNOOP", "500 5.5.2", marks=rule("B-GRAM-09")),
        pytest.param(b"NOOP\tx", "500 5.5.2", marks=rule("LEN-05")),
        pytest.param(b"VRFY\tx", "500 5.5.2", marks=rule("LEN-05")),
        pytest.param(b"FOO", "500 5.5.1", marks=rule("S-CMD-X-01", "X-FW-13")),
        pytest.param(b"XNOPE a b", "500 5.5.1", marks=rule("S-CMD-X-01", "X-FW-13")),
        pytest.param(b"XFOO-2 a", "500 5.5.1", marks=rule("B-GRAM-21")),
        pytest.param(b"X" * 600, "500 5.5.1", marks=rule("S-CMD-X-01")),
        pytest.param(b"NOOPS", "500 5.5.1", marks=rule("S-CMD-X-01")),
        pytest.param(b"NOOP:", "500 5.5.2", marks=rule("B-GRAM-09")),
        pytest.param(b"MAILFROM:<a@b>", "500 5.5.2", marks=rule("B-GRAM-09")),
        pytest.param(b"-X", "500 5.5.2", marks=rule("B-GRAM-21")),
        pytest.param(b"A_B", "500 5.5.2", marks=rule("B-GRAM-21")),
        pytest.param(b"NO\xffOP", "500 5.5.2", marks=rule("S-GRAM-11")),
        pytest.param("ma\u0131l FROM:<a@b>".encode(), "500 5.5.2", marks=rule("B-GRAM-04")),
        pytest.param("DAT\u0130".encode(), "500 5.5.2", marks=rule("B-GRAM-04")),
        pytest.param("\u212aEEP".encode(), "500 5.5.2", marks=rule("B-GRAM-04")),
        pytest.param(b"\x16\x03\x01\x02\x00", "500 5.5.2", marks=rule("S-CMD-X-01")),
    ],
)
def test_lines_without_a_verb_that_is_known(line: bytes, expected: str) -> None:
    assert code(line) == expected


@pytest.mark.parametrize(
    ("line", "verb"),
    [
        (b"", ""), (b"foo bar", "FOO"), (b"xfoo-2", "XFOO-2"), (b"NO\xffOP", ""), (b"noop:", "NOOP"), (b" NOOP", ""),
        (b"mail", "MAIL"), (b"turn", "TURN"), (b"ehlo", "EHLO"),
    ],
)  # fmt: skip
def test_a_problem_names_the_verb(line: bytes, verb: str) -> None:
    assert refusal(line).verb == verb


@rule("S-CMD-X-02", "LEN-45", "S-LEG-01", "S-LEG-04", "X-FW-13")
@pytest.mark.parametrize("verb", ["SEND", "SOML", "SAML", "TURN", "STARTTLS", "AUTH", "BDAT", "BURL", "ETRN", "ATRN"])
def test_verbs_that_exist_elsewhere(verb: str) -> None:
    assert verb.encode() in KNOWN_VERBS
    for line in (verb, verb.lower(), f"{verb} FROM:<a@b>"):
        assert code(line.encode(), CORE) == "502 5.5.1"


def test_without_a_language_it_is_the_core() -> None:
    assert parse(b"BDAT 5") == parse(b"BDAT 5", CORE)
    assert parse(b"NOOP") == Noop()


@rule("S-SES-41")
def test_what_every_server_understands() -> None:
    assert {b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"QUIT", b"VRFY"} <= CORE_VERBS.keys()
    assert CORE_VERBS.keys() - LMTP_VERBS.keys() == {b"EHLO", b"HELO"}
    assert LMTP_VERBS.keys() - CORE_VERBS.keys() == {b"LHLO"}


@rule("X-LMTP-01")
@pytest.mark.parametrize(("line", "language"), [(b"EHLO a", LMTP), (b"HELO a", LMTP), (b"LHLO a", FULL)])
def test_each_protocol_has_its_greeting(line: bytes, language: Language) -> None:
    assert code(line, language) == "500 5.5.1"


@rule("C-GRAM-14", "S-GRAM-15", "LEN-37", "LEN-38", "LEN-39", "X-STARTTLS-01", "S-CMD-RSET-01")
@pytest.mark.parametrize("command", [Data(), Reset(), Quit(), StartTls()], ids=repr)
def test_verbs_that_stand_alone(command: Command) -> None:
    verb = command.verb.encode()
    assert parse(verb, FULL_STRICT) == parse(verb.lower() + b" \t", FULL) == command
    for line in (verb + b" x", verb + b" \x01", verb + b"\tx", verb + b" \xff", verb + b" x "):
        assert code(line) == "501 5.5.4"


# --- EHLO, HELO, LHLO -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "command", "deviations"),
    [
        pytest.param(b"EHLO ex.org", Hello(Domain("ex.org")), (), marks=rule("S-CMD-EHLO-01")),
        pytest.param(b"EHLO [127.0.0.1]", Hello(AddressLiteral("[127.0.0.1]")), (), marks=rule("S-CMD-EHLO-01")),
        pytest.param(b"EHLO [IPv6:::1]", Hello(AddressLiteral("[IPv6:::1]")), (), marks=rule("S-CMD-EHLO-01")),
        pytest.param(b"EHLO localhost", Hello(Domain("localhost")), (), marks=rule("S-CMD-EHLO-01")),
        pytest.param(b"EHLO a--b.c-d", Hello(Domain("a--b.c-d")), (), marks=rule("S-CMD-EHLO-01")),
        pytest.param(b"EHLO 1.2.3.4", Hello(Domain("1.2.3.4")), (), marks=rule("S-CMD-EHLO-17", "LEN-16")),
        pytest.param(b"HELO ex.org", Hello(Domain("ex.org"), "HELO"), (), marks=rule("S-CMD-EHLO-02")),
        pytest.param(
            b"HELO [192.0.2.1]",
            Hello(AddressLiteral("[192.0.2.1]"), "HELO"),
            ("hello_literal",),
            marks=rule("LEN-17"),
        ),
        pytest.param(
            b"EHLO a_b", Hello(Domain._make("a_b")), ("hello_underscore",), marks=rule("S-CMD-EHLO-15", "LEN-15")
        ),
        pytest.param(b"EHLO  ex.org", Hello(Domain("ex.org")), ("extra_spaces",), marks=rule("LEN-04")),
        pytest.param(
            b"EHLO [192.0.2.1] (nat)",
            Hello(AddressLiteral("[192.0.2.1]")),
            ("hello_trailing_text",),
            marks=rule("S-CMD-EHLO-11", "LEN-20", "X-FW-29"),
        ),
        (
            b"HELO   [192.0.2.1]  \xc3\xa9",
            Hello(AddressLiteral("[192.0.2.1]"), "HELO"),
            ("hello_literal", "extra_spaces", "hello_trailing_text"),
        ),
        (b"EHLO " + b"a" * 63, Hello(Domain("a" * 63)), ()),
        (b"EHLO " + b"a." * 40 + b"b", Hello(Domain("a." * 40 + "b")), ()),
    ],
)
def test_greetings(line: bytes, command: Hello, deviations: tuple[str, ...]) -> None:
    found = parse(line)
    assert found == command
    assert isinstance(found, Hello)
    assert type(found.name) is type(command.name)
    assert found.deviations == deviations


def test_the_text_behind_a_literal_is_kept() -> None:
    found = parse(b"EHLO [192.0.2.1]   my host")
    assert isinstance(found, Hello)
    assert found.trailing == "my host"
    assert found.to_bytes() == b"EHLO [192.0.2.1]\r\n"


@rule("S-CMD-EHLO-14")
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", marks=rule("S-CMD-EHLO-01", "LEN-14")),
        pytest.param(b" ", marks=rule("S-CMD-EHLO-01", "LEN-14")),
        pytest.param(b" -x", marks=rule("S-CMD-EHLO-01")),
        pytest.param(b" x-", marks=rule("S-CMD-EHLO-01")),
        pytest.param(b" a..b", marks=rule("S-CMD-EHLO-01")),
        pytest.param(b" [::1]", marks=rule("LEN-18")),
        pytest.param(b" [x", marks=rule("LEN-19")),
        pytest.param(b" [1.2.3.4]x", marks=rule("S-CMD-EHLO-01")),
        pytest.param(b" [foo:bar]", marks=rule("LEN-55")),
        pytest.param(b" ex.org more", marks=rule("LEN-20")),
        pytest.param(b"\tex.org", marks=rule("B-GRAM-09")),
        pytest.param(b" b\xc3\xbccher.example", marks=rule("S-GRAM-11")),
        pytest.param(b" a\x01b", marks=rule("S-GRAM-12")),
        pytest.param(b" [1.2.3.4] a\x01b", marks=rule("S-GRAM-12")),
        pytest.param(b" [1.2.3.4] \xff", marks=rule("S-GRAM-11")),
        pytest.param(b" [1.2.3.4]\ta", marks=rule("S-CMD-EHLO-01")),
        pytest.param(b" " + b"a" * 64, marks=rule("S-CMD-EHLO-01")),
        pytest.param(b" " + b"a." * 128 + b"a", marks=rule("B-LIM-02")),
    ],
)
@pytest.mark.parametrize("verb", [b"EHLO", b"HELO"])
def test_no_greeting_and_no_enhanced_code(verb: bytes, line: bytes) -> None:
    problem = refusal(verb + line)
    assert problem.reply == replies.BAD_HELLO
    assert (problem.reply.code, problem.reply.enhanced) == (501, None)


@rule("S-CMD-EHLO-02", "S-CMD-EHLO-14", "S-CMD-EHLO-15")
@pytest.mark.parametrize("line", [b"HELO [192.0.2.1]", b"EHLO  ex.org", b"EHLO a_b", b"LHLO a_b", b"EHLO ex.org "])
def test_no_greeting_by_the_letter(line: bytes) -> None:
    strictest = STRICT.__replace__(trailing_space=False)
    language = CLIENT_EXTENSIONS.language(lmtp=line[:1] == b"L", leniency=strictest)
    assert refusal(line, language).reply == replies.BAD_HELLO


# --- MAIL and RCPT --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "path", "deviations"),
    [
        pytest.param(b"MAIL FROM:<>", NULL_PATH, (), marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL FROM:<joe@ex.org>", ReversePath(JOE), (), marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL FROM:<@a,@b:joe@ex.org>", ReversePath(JOE), (), marks=rule("S-CMD-MAIL-07", "LEN-30")),
        pytest.param(b"MAIL FROM: <>", NULL_PATH, ("space_after_colon",), marks=rule("LEN-01")),
        pytest.param(b"MAIL FROM:   <joe@ex.org>", ReversePath(JOE), ("space_after_colon",), marks=rule("LEN-01")),
        pytest.param(b"MAIL  FROM:<joe@ex.org>", ReversePath(JOE), ("extra_spaces",), marks=rule("LEN-04")),
        pytest.param(b"mail   from: <>", NULL_PATH, ("extra_spaces", "space_after_colon"), marks=rule("LEN-04")),
        pytest.param(b"MAIL FROM:<>  SIZE=5", NULL_PATH, ("extra_spaces",), marks=rule("LEN-32")),
        pytest.param(b"MAIL  FROM:<>  SIZE=5", NULL_PATH, ("extra_spaces",), marks=rule("LEN-32")),
        pytest.param(b"MAIL FROM:<> SIZE=5   RET=FULL", NULL_PATH, ("extra_spaces",), marks=rule("LEN-32")),
        pytest.param(
            b"MAIL FROM:<" + b"a" * 65 + b"@ex.org>",
            ReversePath._make(Mailbox._make("a" * 65, Domain("ex.org"))),
            ("local_part",),
            marks=rule("LEN-49", "B-LIM-01"),
        ),
    ],
)
def test_senders(line: bytes, path: ReversePath, deviations: tuple[str, ...]) -> None:
    found = parse(line, FULL)
    assert isinstance(found, Mail)
    assert found.path == path
    assert found.deviations == deviations
    assert (code(line, FULL_STRICT) == "ok") is (not deviations)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        pytest.param(b"RCPT TO:<joe@ex.org>", ForwardPath(JOE), marks=rule("S-CMD-RCPT-01")),
        pytest.param(b"RCPT TO:<pOsTmAsTeR>", ForwardPath(Postmaster()), marks=rule("S-CMD-RCPT-02", "LEN-24")),
        pytest.param(
            b"RCPT TO:<postmaster@ex.org>",
            ForwardPath(Mailbox("postmaster", Domain("ex.org"))),
            marks=rule("S-CMD-RCPT-01", "S-CMD-RCPT-02"),
        ),
        pytest.param(b"RCPT TO:<@a.int,@b.org:joe@ex.org>", ForwardPath(JOE), marks=rule("S-CMD-RCPT-05", "LEN-30")),
        pytest.param(
            b"RCPT TO:<u@[127.0.0.1]>",
            ForwardPath(Mailbox("u", AddressLiteral("[127.0.0.1]"))),
            marks=rule("S-CMD-RCPT-22"),
        ),
        pytest.param(b"RCPT TO:<a%b@c>", ForwardPath(Mailbox("a%b", Domain("c"))), marks=rule("S-CMD-RCPT-21")),
        pytest.param(
            b"RCPT TO:<SmItH@ex.org>", ForwardPath(Mailbox("SmItH", Domain("ex.org"))), marks=rule("B-GRAM-05")
        ),
    ],
)
def test_recipients(line: bytes, path: ForwardPath) -> None:
    found = parse(line, FULL_STRICT)
    assert isinstance(found, Rcpt)
    assert found.path == path
    assert found.path.is_postmaster is (b"postmaster" in line.lower())
    assert found.path.local_part == path.local_part or found.path.is_postmaster


@rule("B-GRAM-16")
@pytest.mark.parametrize("name", ["strict", "default", "ascii"])
def test_every_octet_of_an_atom(name: str) -> None:
    atext = frozenset(f"{string.ascii_letters}{string.digits}!#$%&'*+-/=?^_`{{|}}~".encode())
    for octet in range(256):
        line = b"MAIL FROM:<a" + bytes((octet,)) + b"b@c.example>"
        taken = isinstance(parse(line, LANGUAGES[name]), Mail)
        assert taken is (octet in atext or octet == ord(".")), octet


@rule("B-GRAM-18")
def test_ldh_str_ends_with_a_letter_or_digit() -> None:
    assert code(b"EHLO [a-1:x]", FULL_STRICT) == "ok"
    assert code(b"EHLO [a-:x]", FULL_STRICT) == "501"


@rule("S-CMD-MAIL-07", "S-CMD-RCPT-05", "S-CMD-RCPT-06", "C-CMD-RCPT-18")
def test_a_route_is_seen_and_not_sent() -> None:
    for line in (b"MAIL FROM:<@a,@b:u@d>", b"RCPT TO:<@a,@b:u@d>"):
        found = parse(line)
        assert isinstance(found, (Mail, Rcpt))
        assert found.path.route == (Domain("a"), Domain("b"))
        assert found.to_bytes() == line.replace(b"@a,@b:", b"") + b"\r\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"MAIL", "501 5.5.4", marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL <a@b>", "501 5.5.4", marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL FROM", "501 5.5.4", marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL FROM:", "501 5.1.7", marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL FROM :<a@b>", "501 5.5.4", marks=rule("LEN-02", "B-GRAM-10")),
        pytest.param(b"MAIL\tFROM:<a@b>", "501 5.5.4", marks=rule("B-GRAM-09")),
        pytest.param(b"MAIL FROM:\t<a@b>", "501 5.1.7", marks=rule("B-GRAM-10")),
        pytest.param(b"MAIL TO:<a@b>", "501 5.5.4", marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL SIZE=1 FROM:<a@b>", "501 5.5.4", marks=rule("X-FW-14")),
        pytest.param(b"MAIL FROM:a@b", "501 5.1.7", marks=rule("LEN-03")),
        pytest.param(b"MAIL FROM:<a@b", "501 5.1.7", marks=rule("S-CMD-MAIL-01")),
        pytest.param(b"MAIL FROM:<a@b>>", "501 5.5.4", marks=rule("S-CMD-MAIL-11")),
        pytest.param(b"MAIL FROM:<postmaster>", "501 5.1.7", marks=rule("S-CMD-MAIL-09")),
        pytest.param(b"MAIL FROM:<user>", "501 5.1.7", marks=rule("LEN-25")),
        pytest.param(b"MAIL FROM:<a..b@d>", "501 5.1.7", marks=rule("LEN-26", "B-ADDR-04")),
        pytest.param(b"MAIL FROM:<(c)u@d>", "501 5.1.7", marks=rule("LEN-27")),
        pytest.param(b"MAIL FROM:<u@d_e>", "501 5.1.7", marks=rule("LEN-28")),
        pytest.param(b"MAIL FROM:<u@d.>", "501 5.1.7", marks=rule("LEN-29")),
        pytest.param(b"MAIL FROM:<" + b"a" * 129 + b"@ex.org>", "501 5.1.7", marks=rule("B-LIM-01")),
        pytest.param(b"MAIL FROM:<a@" + b"b." * 127 + b"bb>", "501 5.1.7", marks=rule("B-LIM-02", "B-LIM-03")),
        pytest.param(b"MAIL FROM:<a@b>SIZE=1", "501 5.5.4", marks=rule("S-CMD-MAIL-11", "LEN-31", "X-FW-14")),
        pytest.param(b"MAIL FROM:<a@b>\tSIZE=1", "501 5.5.4", marks=rule("S-CMD-MAIL-11")),
        pytest.param(b"RCPT", "501 5.5.4", marks=rule("S-CMD-RCPT-01")),
        pytest.param(b"RCPT <a@b>", "501 5.5.4", marks=rule("S-CMD-RCPT-01")),
        pytest.param(b"RCPT TO:<>", "501 5.1.3", marks=rule("S-CMD-RCPT-03", "LEN-23")),
        pytest.param(b"RCPT TO:<user>", "501 5.1.3", marks=rule("LEN-25")),
        pytest.param(b"RCPT TO:<a\x01b@c>", "501 5.1.3", marks=rule("S-GRAM-12")),
        pytest.param(b"RCPT TO:<a\x00b@c>", "501 5.1.3", marks=rule("LEN-51")),
        pytest.param(b"RCPT TO:<\xff@c>", "501 5.1.3", marks=rule("X-SMTPUTF8-12")),
        pytest.param(b"RCPT TO:<\xc0\xaf@c>", "501 5.1.3", marks=rule("X-SMTPUTF8-12")),
        pytest.param(b"RCPT TO:<\xed\xa0\x80@c>", "501 5.1.3", marks=rule("X-SMTPUTF8-12")),
        pytest.param(b"RCPT TO:<a@b> ", "ok", marks=rule("S-GRAM-08")),
    ],
)
def test_paths_and_what_is_none(line: bytes, expected: str) -> None:
    assert code(line) == expected
    assert refusal(line).verb == line[:4].decode() if expected != "ok" else True


@rule("B-LIM-03", "B-LIM-01")
def test_the_longest_path() -> None:
    domain = ".".join(("b" * 63, "b" * 63, "b" * 61))  # 189 octets
    path = b"<" + b"a" * 64 + b"@" + domain.encode() + b">"
    assert len(path) == 256
    assert code(b"MAIL FROM:" + path, FULL_STRICT) == "ok"
    assert code(b"RCPT TO:" + path, FULL_STRICT) == "ok"
    assert code(b"RCPT TO:" + path.replace(b"b>", b"bb>"), FULL_STRICT) == "501 5.1.3"
    assert code(b"RCPT TO:<" + b"a" * 65 + b"@b>", FULL_STRICT) == "501 5.1.3"


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param("SIZE=", "501 5.5.4", marks=rule("X-FW-15", "S-CMD-MAIL-10")),
        pytest.param("-X=1", "501 5.5.4", marks=rule("X-FW-16", "S-CMD-MAIL-10")),
        pytest.param("A_B=1", "501 5.5.4", marks=rule("X-FW-16")),
        pytest.param("8X-Y=1", "555 5.5.4", marks=rule("X-FW-16", "X-FW-17")),
        pytest.param("ENVID=a=b", "501 5.5.4", marks=rule("X-FW-15", "S-CMD-MAIL-10")),
        pytest.param("FROB=1", "555 5.5.4", marks=rule("X-FW-17", "S-EXT-15", "LEN-34", "S-CMD-MAIL-14")),
        pytest.param("FROB", "555 5.5.4", marks=rule("X-FW-17", "S-EXT-15")),
        pytest.param("SIZE=x FROB=1", "501 5.5.4", marks=rule("X-MIX-03", "S-CMD-MAIL-14")),
        pytest.param("FROB=1 SIZE=x", "501 5.5.4", marks=rule("X-MIX-03")),
        pytest.param("FROB=1 =", "501 5.5.4", marks=rule("X-MIX-03")),
        pytest.param("SIZE=1 size=2", "501 5.5.4", marks=rule("X-FW-22", "S-CMD-MAIL-12", "LEN-33")),
        pytest.param("FROB FROB", "501 5.5.4", marks=rule("X-FW-22")),
        pytest.param("SIZE=00000000000000000001", "ok", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=99999999999999999999", "ok", marks=rule("X-SIZE-02", "X-SIZE-03")),
        pytest.param("SIZE=0", "ok", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=" + "9" * 21, "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=+1", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=-1", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=1k", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=0x10", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=1_0", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("SIZE=\u0661", "501 5.5.4", marks=rule("X-SIZE-02")),
        pytest.param("body=8bitmime", "ok", marks=rule("X-8BITMIME-02", "LEN-36")),
        pytest.param("BODY=7bit", "ok", marks=rule("X-8BITMIME-02")),
        pytest.param("BODY=9BIT", "501 5.5.4", marks=rule("X-8BITMIME-02")),
        pytest.param("BODY", "501 5.5.4", marks=rule("X-8BITMIME-02")),
        pytest.param("BODY=7BIT BODY=8BITMIME", "501 5.5.4", marks=rule("X-8BITMIME-03")),
        pytest.param("SMTPUTF8", "ok", marks=rule("X-SMTPUTF8-03")),
        pytest.param("SMTPUTF8=1", "501 5.5.4", marks=rule("X-SMTPUTF8-03")),
        pytest.param("REQUIRETLS", "ok", marks=rule("X-REQUIRETLS-01")),
        pytest.param("REQUIRETLS=1", "501 5.5.4", marks=rule("X-REQUIRETLS-01")),
        pytest.param("RET=hdrs", "ok", marks=rule("X-DSN-14")),
        pytest.param("RET=FULL", "ok", marks=rule("X-DSN-14")),
        pytest.param("RET=BODY", "501 5.5.4", marks=rule("X-DSN-14", "X-DSN-20")),
        pytest.param("RET", "501 5.5.4", marks=rule("X-DSN-14", "X-DSN-20")),
        pytest.param("RET=FULL RET=FULL", "501 5.5.4", marks=rule("X-DSN-16")),
        pytest.param("ENVID=a ENVID=a", "501 5.5.4", marks=rule("X-DSN-16")),
        pytest.param("ENVID=" + "a" * 100, "ok", marks=rule("X-DSN-15")),
        pytest.param("ENVID=" + "a" * 101, "501 5.5.4", marks=rule("X-DSN-15")),
        pytest.param("ENVID=(x)+20", "ok", marks=rule("X-DSN-03", "X-DSN-11")),
        pytest.param("ENVID", "501 5.5.4", marks=rule("X-DSN-15", "X-DSN-20")),
        pytest.param("ENVID=a+2", "501 5.5.4", marks=rule("X-DSN-01", "X-DSN-20")),
        pytest.param("ENVID=a+", "501 5.5.4", marks=rule("X-DSN-01", "LEN-66")),
        pytest.param("ENVID=a+ZZ", "501 5.5.4", marks=rule("X-DSN-01", "LEN-66")),
        pytest.param("ENVID=a+0D+0AX", "501 5.5.4", marks=rule("X-DSN-11")),
        pytest.param("NOTIFY=NEVER", "555 5.5.4", marks=rule("X-DSN-21")),
        pytest.param("ORCPT=rfc822;a", "555 5.5.4", marks=rule("X-DSN-21")),
        pytest.param("AUTH=<>", "ok", marks=rule("X-AUTH-45")),
        pytest.param("AUTH=e+3Dmc2@example.com", "ok", marks=rule("X-AUTH-45", "B-CMD-MAIL-13")),
        pytest.param("AUTH", "501 5.5.4", marks=rule("X-AUTH-45")),
        pytest.param("AUTH=", "501 5.5.4", marks=rule("X-AUTH-45")),
        pytest.param("AUTH=foo", "501 5.5.4", marks=rule("X-AUTH-45")),
        pytest.param("AUTH=<a@b>", "501 5.5.4", marks=rule("X-AUTH-45")),
        pytest.param("AUTH=+3Ca@b+3E", "501 5.5.4", marks=rule("X-AUTH-45")),
        pytest.param("BY=120;R", "ok", marks=rule("X-DELIVERBY-02")),
        pytest.param("BY=-5;N", "ok", marks=rule("X-DELIVERBY-02", "X-DELIVERBY-04")),
        pytest.param("BY=+60;NT", "ok", marks=rule("X-DELIVERBY-02")),
        pytest.param("by=0;n", "ok", marks=rule("X-DELIVERBY-02", "X-DELIVERBY-04")),
        pytest.param("BY=0;R", "501 5.5.4", marks=rule("X-DELIVERBY-03", "X-DELIVERBY-13")),
        pytest.param("BY=120", "501 5.5.4", marks=rule("X-DELIVERBY-02")),
        pytest.param("BY=;R", "501 5.5.4", marks=rule("X-DELIVERBY-02")),
        pytest.param("BY=120;X", "501 5.5.4", marks=rule("X-DELIVERBY-02")),
        pytest.param("BY=1234567890;N", "501 5.5.4", marks=rule("X-DELIVERBY-02")),
        pytest.param("BY", "501 5.5.4", marks=rule("X-DELIVERBY-02")),
        pytest.param("MT-PRIORITY=-9", "ok", marks=rule("X-MTPRIORITY-01")),
        pytest.param("MT-PRIORITY=0", "ok", marks=rule("X-MTPRIORITY-01")),
        pytest.param("MT-PRIORITY=+3", "501 5.5.4", marks=rule("X-MTPRIORITY-01")),
        pytest.param("MT-PRIORITY=-0", "501 5.5.4", marks=rule("X-MTPRIORITY-01")),
        pytest.param("MT-PRIORITY=03", "501 5.5.4", marks=rule("X-MTPRIORITY-01")),
        pytest.param("MT-PRIORITY=10", "501 5.5.4", marks=rule("X-MTPRIORITY-01")),
        pytest.param("MT-PRIORITY", "501 5.5.4", marks=rule("X-MTPRIORITY-01", "X-MTPRIORITY-02")),
        pytest.param("MT-PRIORITY=1 MT-PRIORITY=1", "501 5.5.4", marks=rule("X-MTPRIORITY-02")),
        pytest.param("HOLDFOR=1", "ok", marks=rule("X-FUTURERELEASE-04")),
        pytest.param("HOLDFOR=0", "501 5.5.4", marks=rule("X-FUTURERELEASE-04")),
        pytest.param("HOLDFOR=007", "501 5.5.4", marks=rule("X-FUTURERELEASE-04")),
        pytest.param("HOLDFOR=1000000000", "501 5.5.4", marks=rule("X-FUTURERELEASE-04")),
        pytest.param("HOLDUNTIL=2014-04-03T23:01:00Z", "ok", marks=rule("X-FUTURERELEASE-05")),
        pytest.param("HOLDUNTIL=2014-04-03T23:01:00+01:00", "501 5.5.4", marks=rule("X-FUTURERELEASE-05")),
        pytest.param("HOLDUNTIL=2014-02-30T23:01:00Z", "501 5.5.4", marks=rule("X-FUTURERELEASE-05")),
        pytest.param("HOLDFOR=60 HOLDUNTIL=2014-04-03T23:01:00Z", "501 5.5.4", marks=rule("X-FUTURERELEASE-06")),
        pytest.param("HOLDFOR=60 HOLDFOR=60", "501 5.5.4", marks=rule("X-FUTURERELEASE-06")),
        pytest.param("RRVS=2014-04-03T23:01:00Z", "555 5.5.4", marks=rule("X-RRVS-03")),
    ],
)
def test_parameters_of_mail(parameters: str, expected: str) -> None:
    assert code(b"MAIL FROM:<a@b> " + parameters.encode()) == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param("NOTIFY=SUCCESS,FAILURE,DELAY", "ok", marks=rule("X-DSN-05")),
        pytest.param("notify=Success,deLay", "ok", marks=rule("X-DSN-07")),
        pytest.param("NOTIFY=NEVER", "ok", marks=rule("X-DSN-05")),
        pytest.param("NOTIFY=DELAY,DELAY", "ok", marks=rule("X-DSN-08")),
        pytest.param("NOTIFY", "501 5.5.4", marks=rule("X-DSN-05", "X-DSN-20")),
        pytest.param("NOTIFY=", "501 5.5.4", marks=rule("X-DSN-05")),
        pytest.param("NOTIFY=NEVER,SUCCESS", "501 5.5.4", marks=rule("X-DSN-06", "X-DSN-20")),
        pytest.param("NOTIFY=SUCCESS,,DELAY", "501 5.5.4", marks=rule("X-DSN-08")),
        pytest.param("NOTIFY=SOMETIMES", "501 5.5.4", marks=rule("X-DSN-05")),
        pytest.param("NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4", marks=rule("X-DSN-17")),
        pytest.param("ORCPT=rfc822;a ORCPT=rfc822;a", "501 5.5.4", marks=rule("X-DSN-17")),
        pytest.param("ORCPT=rfc822;Bob@Example.COM", "ok", marks=rule("X-DSN-10")),
        pytest.param("ORCPT=rfc822;", "ok", marks=rule("X-DSN-10")),
        pytest.param("ORCPT=rfc822;not-an-address", "ok", marks=rule("X-DSN-12")),
        pytest.param("ORCPT=rfc822;+20", "ok", marks=rule("X-DSN-11")),
        pytest.param("ORCPT=rfc822;+00", "501 5.5.4", marks=rule("X-DSN-11")),
        pytest.param("ORCPT=Bob@x", "501 5.5.4", marks=rule("X-DSN-10", "X-DSN-20")),
        pytest.param("ORCPT=;x", "501 5.5.4", marks=rule("X-DSN-10")),
        pytest.param("ORCPT", "501 5.5.4", marks=rule("X-DSN-10")),
        pytest.param("ORCPT=utf-8;\\x{E9}@x", "ok", marks=rule("X-DSN-37", "X-DSN-38")),
        pytest.param("ORCPT=utf-8;\xe9@x", "ok", marks=rule("X-DSN-37")),
        pytest.param("ORCPT=utf-8;\\x{41}", "501 5.5.4", marks=rule("X-DSN-38")),
        pytest.param("ORCPT=utf-8;\\x{0A}", "501 5.5.4", marks=rule("X-DSN-40")),
        pytest.param("RET=FULL", "555 5.5.4", marks=rule("X-DSN-21")),
        pytest.param("ENVID=a", "555 5.5.4", marks=rule("X-DSN-21")),
        pytest.param("SMTPUTF8", "555 5.5.4", marks=rule("X-SMTPUTF8-03")),
        pytest.param("REQUIRETLS", "555 5.5.4", marks=rule("X-REQUIRETLS-01")),
        pytest.param("RRVS=2014-04-03T23:01:00Z", "ok", marks=rule("X-RRVS-01")),
        pytest.param("RRVS=2014-04-03T23:01:00+00:00;C", "ok", marks=rule("X-RRVS-01")),
        pytest.param("RRVS=2014-04-03T23:01:00.5Z", "501 5.5.4", marks=rule("X-RRVS-01")),
        pytest.param("RRVS=2014-04-03T23:01:00Z;X", "501 5.5.4", marks=rule("X-RRVS-01")),
        pytest.param("RRVS=2014-04-03", "501 5.5.4", marks=rule("X-RRVS-01")),
    ],
)
def test_parameters_of_rcpt(parameters: str, expected: str) -> None:
    assert code(b"RCPT TO:<a@b> " + parameters.encode()) == expected


@rule("X-FW-30", "X-DSN-04", "X-DSN-09", "X-RRVS-02")
def test_values_are_kept_as_they_were_written() -> None:
    line = b"MAIL FROM:<a@b> envid=AbC+41 Size=0005"
    found = parse(line, FULL_STRICT)
    assert isinstance(found, Mail)
    assert found.params.pairs == (("envid", "AbC+41"), ("Size", "0005"))
    assert found.to_bytes() == line + b"\r\n"
    bare_rcpt = parse(b"RCPT TO:<a@b>", FULL)
    assert isinstance(bare_rcpt, Rcpt)
    assert "NOTIFY" not in bare_rcpt.params


@rule("X-MIX-04")
def test_parameters_have_no_order() -> None:
    one = parse(b"MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME SMTPUTF8 AUTH=<>", FULL)
    other = parse(b"MAIL FROM:<a@b> AUTH=<> SMTPUTF8 BODY=8BITMIME SIZE=1", FULL)
    assert one == other
    assert isinstance(one, Mail)


@rule("S-EXT-15", "X-FW-17")
def test_without_extensions_no_parameter_is_known() -> None:
    assert code(b"MAIL FROM:<a@b> SIZE=1", CORE) == "555 5.5.4"
    assert code(b"RCPT TO:<a@b> NOTIFY=NEVER", CORE) == "555 5.5.4"


@rule("X-FW-32")
def test_values_beyond_ascii_need_smtputf8() -> None:
    assert code("RCPT TO:<a@b> ORCPT=utf-8;\xe9".encode()) == "ok"
    assert code("RCPT TO:<a@b> ORCPT=utf-8;\xe9".encode(), WITHOUT_UTF8) == "501 5.5.4"
    assert code("RCPT TO:<a@b> FROB=\xe9".encode(), WITHOUT_UTF8) == "555 5.5.4"
    assert code("MAIL FROM:<a@b> SIZE=1 FROB=\x85".encode()) == "501 5.5.4"


@rule("X-FW-22", "X-FUTURERELEASE-06", "LEN-36")
def test_a_private_parameter() -> None:
    """What an extension that nobody has written yet can declare."""

    def deviation(value: str | None) -> str:
        return "xtext_lower_case" if value == "b" else ""

    def text(value: str | None) -> str:
        if value is None:
            raise SyntaxProblem("a value is wanted")
        return value

    declared: dict[str, Parameter[Any]] = {
        "XONE": Parameter("XONE", "MAIL", octets=9, parse=text, format=text, group="one", deviation=deviation),
        "XTWO": Parameter("XTWO", "MAIL", octets=9, parse=no_value, format=bare, group="one"),
        "XTHREE": Parameter("XTHREE", "MAIL", octets=9, parse=text, format=text, deviation=deviation),
    }
    language = Language(CORE_VERBS, parameters={"MAIL": declared})
    strict = Language(CORE_VERBS, parameters={"MAIL": declared}, leniency=STRICT)
    assert (language.leniency, language.known, language.utf8) == (DEFAULT, frozenset(), False)
    assert code(b"MAIL FROM:<> XONE=a XTHREE=a", strict) == "ok"
    assert code(b"MAIL FROM:<> XONE=a XTWO", language) == "501 5.5.4"
    assert code(b"MAIL FROM:<> XONE", language) == "501 5.5.4"
    assert code(b"MAIL FROM:<> XONE=b", strict) == "501 5.5.4"
    found = parse(b"MAIL FROM:<> XONE=b XTHREE=b", language)
    assert isinstance(found, Mail)
    assert found.deviations == ("xtext_lower_case",)


def test_parameters_are_judged_for_anybody() -> None:
    with pytest.raises(CommandError) as caught:
        check_parameters(Parameters((("SIZE", "x"),)), FULL.parameters["MAIL"], FULL, 7, [])
    error = caught.value
    assert (error.reply, error.position) == (replies.BAD_PARAMETER, 7)
    assert str(error) == error.text == "SIZE: SIZE wants 1 to 20 digits"


# --- VRFY, EXPN, HELP, NOOP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "command"),
    [
        pytest.param(b"VRFY joe.smith@ex.org", Inquiry("joe.smith@ex.org"), marks=rule("B-GRAM-17")),
        pytest.param(b"VRFY u", Inquiry("u"), marks=rule("S-CMD-VRFY-08", "B-GRAM-17")),
        pytest.param(b'VRFY "Joe Q"', Inquiry('"Joe Q"'), marks=rule("B-GRAM-17")),
        pytest.param(b"EXPN list-1", Inquiry("list-1", "EXPN"), marks=rule("B-GRAM-17")),
        pytest.param(b"HELP", Inquiry("", "HELP")),
        pytest.param(b"help MAIL FROM", Inquiry("MAIL FROM", "HELP")),
        pytest.param(b"VRFY  u", Inquiry("u"), marks=rule("LEN-04")),
        (b"VRFY SMTPUTF8", Inquiry("SMTPUTF8")),
        (b"VRFY joe smtputf8", Inquiry("joe", "VRFY", Parameters((("SMTPUTF8", None),)))),
        (b"EXPN \xc3\xa9  SMTPUTF8", Inquiry("\xe9", "EXPN", Parameters((("SMTPUTF8", None),)))),
        (b"HELP joe SMTPUTF8", Inquiry("joe SMTPUTF8", "HELP")),
        (b"VRFY SIZE=1 x", Inquiry("SIZE=1 x")),
    ],
)
def test_inquiries(line: bytes, command: Inquiry) -> None:
    found = parse(line, FULL)
    assert found == command
    assert isinstance(found, Inquiry)
    assert found.params.pairs == () or found.params.pairs[0][0].encode() in line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"VRFY", "501 5.5.4", marks=rule("S-CMD-VRFY-01")),
        pytest.param(b"VRFY ", "501 5.5.4", marks=rule("S-CMD-VRFY-01")),
        pytest.param(b"EXPN", "501 5.5.4", marks=rule("S-CMD-VRFY-01")),
        pytest.param(b'VRFY "joe', "501 5.5.4", marks=rule("B-GRAM-17")),
        pytest.param(b"VRFY \xc3\xa9", "501 5.5.4", marks=rule("S-GRAM-11")),
        pytest.param(b"VRFY \xff SMTPUTF8", "501 5.5.4", marks=rule("X-SMTPUTF8-12")),
        pytest.param(b"HELP \xc3\xa9 SMTPUTF8", "501 5.5.4", marks=rule("S-GRAM-11")),
        pytest.param("VRFY joe \u017fmtputf8".encode(), "501 5.5.4", marks=rule("B-GRAM-04")),
        pytest.param(b"VRFY a\x00b", "501 5.5.4", marks=rule("S-GRAM-12")),
        pytest.param(b"VRFY a\tb", "501 5.5.4", marks=rule("S-GRAM-12")),
    ],
)
def test_no_inquiries(line: bytes, expected: str) -> None:
    assert code(line) == expected


@rule("B-GRAM-09")
def test_one_space_by_the_letter() -> None:
    assert code(b"VRFY  u", FULL_STRICT) == code(b"MAIL  FROM:<>", FULL_STRICT) == "501 5.5.4"
    assert code(b"MAIL FROM:<> SIZE=1  RET=FULL", FULL_STRICT) == "501 5.5.4"
    assert code(b"MAIL FROM: <>", FULL_STRICT) == "501 5.5.4"


@rule("S-CMD-NOOP-01", "LEN-40")
@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"NOOP", ""),
        (b"NOOP  ", ""),
        (b'NOOP foo bar "x', 'foo bar "x'),
        (b"NOOP   a  b", "a  b"),
        (b"NOOP \xc3\xa9", "\xe9"),
    ],
)
def test_noop_takes_any_text(line: bytes, text: str) -> None:
    assert parse(line, FULL_STRICT) == Noop(text)


@rule("S-GRAM-12", "LEN-51")
@pytest.mark.parametrize(
    ("line", "position"), [(b"NOOP \x00", 5), (b"NOOP a\xc2\x85", 6), (b"NOOP \xc3\xa9\x7f", 7), (b"NOOP ab\xff", 7)]
)
def test_noop_takes_no_control_characters(line: bytes, position: int) -> None:
    problem = refusal(line)
    assert (problem.reply, problem.position) == (replies.BAD_ARGUMENT, position)


def test_free_text_for_verbs_of_others() -> None:
    assert free_text(b"XTEST  a b", 5) == "a b"
    assert free_text(b"XTEST", 5) == ""
    with pytest.raises(CommandError):
        free_text(b"XTEST\ta", 5)


# --- verbs of extensions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "command"),
    [
        pytest.param(b"BDAT 5", Bdat(5), marks=rule("X-CHUNKING-02")),
        pytest.param(b"BDAT 5 last", Bdat(5, True), marks=rule("X-CHUNKING-02")),
        pytest.param(b"BDAT 0 LAST", Bdat(0, True), marks=rule("X-CHUNKING-08")),
        pytest.param(b"BDAT 0", Bdat(0), marks=rule("X-CHUNKING-08")),
        pytest.param(b"AUTH plain", Auth("PLAIN"), marks=rule("X-AUTH-02")),
        pytest.param(b"AUTH EXTERNAL =", Auth("EXTERNAL", b""), marks=rule("X-AUTH-13")),
        pytest.param(b"AUTH PLAIN AGEAYg==", Auth("PLAIN", b"\0a\0b"), marks=rule("X-AUTH-02")),
    ],
)
def test_verbs_of_extensions(line: bytes, command: Command) -> None:
    assert parse(line, FULL_STRICT) == command


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *(
            pytest.param(line, "501 5.5.4", marks=rule("X-CHUNKING-02"))
            for line in (
                b"BDAT", b"BDAT x", b"BDAT -1", b"BDAT +5", b"BDAT 5 FOO", b"BDAT 5 LAST X", b"BDAT 0x5", b"BDAT  5",
                b"BDAT 5  LAST", b"BDAT\t5", b"BDAT 1_0", b"BDAT \xd9\xa1", b"BDAT 5LAST", b"BDAT LAST",
            )
        ),
        pytest.param(b"AUTH", "501 5.5.4", marks=rule("X-AUTH-03")),
        pytest.param(b"AUTH PLAIN a= b=", "501 5.5.4", marks=rule("X-AUTH-03")),
        pytest.param(b"AUTH PLA!N", "501 5.5.4", marks=rule("X-AUTH-02")),
        pytest.param(b"AUTH " + b"A" * 21, "501 5.5.4", marks=rule("X-AUTH-02")),
        *(
            pytest.param(b"AUTH PLAIN " + text, "501 5.5.2", marks=rule("X-AUTH-19"))
            for text in (b"=AAA", b"AAA=BBB", b"AAAA=", b"A", b"AA", b"ab-_", b"AB==", b"AAAA!", b"AA\xc3\xa9=", b"==")
        ),
    ],
)  # fmt: skip
def test_no_verbs_of_extensions(line: bytes, expected: str) -> None:
    assert code(line) == expected


@rule("B-EXT-20", "S-CMD-X-04", "B-GRAM-21")
@pytest.mark.parametrize("verb", [b"X", b"XTEST", b"X-" + b"A" * 40, b"4ME"])
def test_a_private_verb(verb: bytes) -> None:
    def grammar(line: bytes, end: int, language: Language) -> Command:
        return Noop(free_text(line, end))

    language = Language({**CORE_VERBS, verb: grammar})
    assert parse(verb.lower() + b" a b", language) == Noop("a b")
    assert parse(verb, language) == Noop()
    assert code(verb + b" \x01", language) == "501 5.5.4"
    assert code(verb, FULL) == "500 5.5.1"
