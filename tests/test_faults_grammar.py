"""Small faults of paths, commands and parameters, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

from unittest import mock

import pytest

from smtpcore import replies
from smtpcore.addresses import Domain, ForwardPath, ReversePath
from smtpcore.commands import (
    CORE_VERBS,
    KNOWN_VERBS,
    Command,
    CommandError,
    EndOfMessage,
    Inquiry,
    Language,
    Mail,
    Noop,
    Problem,
    Rcpt,
    parse,
)
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, STRICT, Leniency
from smtpcore.mailboxes import Mailbox
from smtpcore.parameters import Parameter, Parameters


def language(leniency: Leniency) -> Language:
    return Language(CORE_VERBS, known=KNOWN_VERBS, leniency=leniency)


# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a" * 129 + "@b.example", "a" * 200 + "@b.example", "a@" + "b" * 64, "a@" + "b" * 63 + "c.d"]
)
def test_what_is_too_long_is_no_path_to_send_to(text: str) -> None:
    for made in (text, f"<{text}>"):
        with pytest.raises(SyntaxProblem):
            ForwardPath.of(made)
        with pytest.raises(SyntaxProblem):
            ReversePath.of(made)


@pytest.mark.parametrize("local_part", ['"a b"', '"' + "a b" * 16 + '"', '"' + "a" * 62 + '"'])
def test_a_local_part_of_up_to_64_octets_needs_no_leniency(local_part: str) -> None:
    line = f"RCPT TO:<{local_part}@b.example>".encode()
    read = parse(line)
    assert isinstance(read, Rcpt)
    assert read.deviations == ()
    assert parse(line, language(STRICT)) == read


def test_a_local_part_of_65_octets_is_told() -> None:
    read = parse(b'RCPT TO:<"' + b"a" * 63 + b'"@b.example>')
    assert isinstance(read, Rcpt)
    assert read.deviations == ("local_part",)


@pytest.mark.rule("B-ADDR-04")
@pytest.mark.parametrize("leniency", [DEFAULT, STRICT, Leniency(local_part=100)])
def test_a_dot_in_the_wrong_place_at_the_limit_of_a_local_part(leniency: Leniency) -> None:
    for size in range(leniency.local_part - 3, leniency.local_part + 4):
        for local_part in ("a" * (size - 1) + ".", "a" * (size - 2) + "..", "a" * (size - 3) + "..a"):
            with pytest.raises(SyntaxProblem):
                Mailbox.parse(f"{local_part}@b.example", leniency=leniency)


@pytest.mark.parametrize("end", [b">", b"<", b",", b":"])
def test_a_path_without_brackets_ends_at_a_space(end: bytes) -> None:
    lenient = language(Leniency(missing_brackets=True))
    read = parse(b"RCPT TO:a@b.example", lenient)
    assert isinstance(read, Rcpt)
    for more in (b"", b" SIZE=1", b"x"):
        problem = parse(b"RCPT TO:a@b.example" + end + more, lenient)
        assert isinstance(problem, Problem)
        assert (problem.reply, problem.position) == (replies.BAD_RECIPIENT, 19)


@pytest.mark.parametrize(
    "line",
    [b"RCPT TO:<@c.example.,@d.example.:a@b.example>", b"RCPT TO:<a@b.example.>", b"RCPT TO:a@b.example. SIZE=1"],
)
def test_a_dot_behind_a_domain_wherever_one_stands(line: bytes) -> None:
    parameter: Parameter[object] = Parameter("SIZE", "RCPT", octets=10, parse=str, format=repr)
    lenient = Leniency(missing_brackets=True, trailing_dot=True)
    read = parse(line, Language(CORE_VERBS, leniency=lenient, parameters={"RCPT": {"SIZE": parameter}}))
    assert isinstance(read, Rcpt)
    assert str(read.path) == "<a@b.example>"
    assert [str(host) for host in read.path.route] == ["c.example", "d.example"][: 2 * line.count(b",")]
    assert "trailing_dot" in read.deviations


def test_ascii_letters_are_the_same_in_any_case_beside_others_too() -> None:
    one, other = Domain("AMZ.b\u00fc"), Domain("amz.b\u00fc")
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("path", [ReversePath, ForwardPath])
def test_what_came_with_a_path_does_not_show_when_it_does_not_count(path: type[ReversePath | ForwardPath]) -> None:
    lenient = Leniency(missing_brackets=True)
    one, other = path.parse("<a@b.example>"), path.parse("a@b.example", leniency=lenient)
    routed = path.parse("<@c.example:a@b.example>")
    assert (other.deviations, len(routed.route)) == (("missing_brackets",), 1)
    assert one == other == routed
    assert repr(one) == repr(other) == repr(routed)


@pytest.mark.parametrize("text", ["<\u00fc@b.example>", "<a@b\u00fc.example>"])
def test_paths_and_domains_beyond_ascii_are_taken_only_when_asked_for(text: str) -> None:
    for path in (ReversePath, ForwardPath):
        with pytest.raises(SyntaxProblem) as told:
            path.parse(text)
        assert told.value.reason == "utf8-not-enabled"
        assert path.parse(text, utf8=True).needs_utf8
    with pytest.raises(SyntaxProblem):
        Domain.parse("b\u00fc.example")


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"MAIL FROM:<a@b.example>", b"RCPT TO:<a@b.example>", b"NOOP", b"EHLO c.example"])
def test_whoever_brings_a_grammar_for_a_verb_reads_its_lines(line: bytes) -> None:
    seen: list[tuple[bytes, int]] = []

    def grammar(line: bytes, end: int, language: Language) -> Command:
        seen.append((line, end))
        return Noop()

    assert parse(line, Language({**CORE_VERBS, line[:4]: grammar})) == Noop()
    assert seen == [(line, 4)]


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t "])
@pytest.mark.parametrize("text", ["MAX", "x\\", "t"])
def test_space_at_the_end_takes_no_letter_with_it(text: str, space: bytes) -> None:
    assert parse(b"VRFY " + text.encode() + space) == Inquiry(text, "VRFY")


@pytest.mark.parametrize("verb", [b"EHLO", b"HELO"])
def test_the_octet_that_no_name_of_a_client_holds_is_told(verb: bytes) -> None:
    problem = parse(verb + b" b\xc3\xbc.example")
    assert isinstance(problem, Problem)
    assert (problem.reply, problem.position) == (replies.BAD_HELLO, 6)


@pytest.mark.parametrize("keyword", [b"SIZEX", b"SIZEXX", b"XSIZE", b"SIZ", b"SIZE-"])
def test_a_keyword_that_begins_as_a_known_one_is_another(keyword: bytes) -> None:
    parameter: Parameter[object] = Parameter("SIZE", "MAIL", octets=10, parse=str, format=repr)
    known = Language(CORE_VERBS, parameters={"MAIL": {"SIZE": parameter}})
    assert isinstance(parse(b"MAIL FROM:<a@b.example> SIZE=1", known), Mail)
    problem = parse(b"MAIL FROM:<a@b.example> " + keyword + b"=1", known)
    assert isinstance(problem, Problem)
    assert problem.reply == replies.UNKNOWN_PARAMETER


@pytest.mark.parametrize("value", [b"1=2", b"=", b"1\x7f", b"\x01", b""])
def test_no_declaration_is_asked_about_what_is_no_value(value: bytes) -> None:
    asked: list[str | None] = []
    parameter: Parameter[object] = Parameter("X", "MAIL", octets=10, parse=asked.append, format=repr)
    problem = parse(b"MAIL FROM:<a@b.example> X=" + value, Language(CORE_VERBS, parameters={"MAIL": {"X": parameter}}))
    assert isinstance(problem, Problem)
    assert problem.reply == replies.BAD_PARAMETER
    assert asked == []


@pytest.mark.parametrize("repeats", [True, False])
def test_only_values_that_repeat_are_remembered_and_not_too_many(repeats: bool) -> None:
    asked: list[str | None] = []
    parameter: Parameter[object] = Parameter("X", "MAIL", octets=10, parse=asked.append, format=repr, repeats=repeats)
    assert Parameter("X", "MAIL", octets=10, parse=str, format=str).repeats is False
    known = Language(CORE_VERBS, parameters={"MAIL": {"X": parameter}})
    for number in [*range(300), 0, 299]:
        assert isinstance(parse(b"MAIL FROM:<a@b.example> X=%d" % number, known), Mail)
    assert len(known.read["MAIL"]) == (256 if repeats else 0)
    assert len(asked) == (301 if repeats else 302)


@pytest.mark.parametrize("about", ["VRFY", "EXPN", "HELP"])
def test_parameters_stand_behind_an_argument(about: str) -> None:
    with pytest.raises(SyntaxProblem):
        Inquiry("", about, Parameters((("SMTPUTF8", None),)))
    assert Inquiry("x", about, Parameters((("SMTPUTF8", None),))).argument() == " x SMTPUTF8"


def test_parameters_leave_comparison_with_others_to_the_others() -> None:
    assert (Parameters() == object()) is False
    assert (Parameters() == mock.ANY) is True


def test_a_grammar_says_what_is_wrong_and_perhaps_where() -> None:
    for position in (0, 3):

        def grammar(line: bytes, end: int, language: Language, at: int = position) -> Command:
            raise CommandError(replies.BAD_SEQUENCE, "not now", at) if at else CommandError(replies.SYNTAX_ERROR, "no")

        problem = parse(b"NOOP", Language({b"NOOP": grammar}))
        assert isinstance(problem, Problem)
        assert problem.position == position
        assert problem.reply == (replies.BAD_SEQUENCE if position else replies.SYNTAX_ERROR)


@pytest.mark.parametrize("lines", [(b"MAIL FROM:<a@b.example>", b"MAIL FROM: <a@b.example>"),
                                   (b"RCPT TO:<a@b.example>", b"RCPT TO: <a@b.example>"),
                                   (b"EHLO c.example", b"EHLO  c.example"),
                                   (b"EHLO [192.0.2.1]", b"EHLO [192.0.2.1] text")])  # fmt: skip
def test_what_was_tolerated_does_not_show_since_it_does_not_count(lines: tuple[bytes, bytes]) -> None:
    one, other = map(parse, lines)
    assert one == other
    assert repr(one) == repr(other)
    assert hash(one) == hash(other)


def test_what_a_message_held_does_not_count_in_comparison() -> None:
    one, other = EndOfMessage(), EndOfMessage(5, ("nul",))
    assert (one.size, one.offences) == (0, ())
    assert one == other
    assert repr(one) == repr(other) == "EndOfMessage()"
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("text", [" x", "x ", " ", "  x", "x  "])
def test_a_text_has_no_space_around_it(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        Noop(text)
    with pytest.raises(SyntaxProblem):
        Inquiry(text, "VRFY")
    assert Noop(text.strip()).argument().strip(" ") == text.strip(" ")


@pytest.mark.parametrize("line", [b"", b"\xff", b"XYZZY", b"STARTTLS", b" NOOP"])
def test_where_the_verb_is_wrong_the_mistake_is_at_the_start(line: bytes) -> None:
    problem = parse(line)
    assert isinstance(problem, Problem)
    assert problem.position == 0
