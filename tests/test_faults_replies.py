"""Small faults of replies, capabilities and reports, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from smtpcore.capabilities import Capabilities
from smtpcore.content import NewlinePolicy
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.events import Reason
from smtpcore.lines import ReceiveBuffer
from smtpcore.reception import Reception, Verdict
from smtpcore.replies import Reply
from smtpcore.reply import CODES
from smtpcore.reply_reader import ReplyReader, mailbox_of_reply, parse_reply
from smtpcore.report import Report
from smtpcore.session import Session

BORDERS = (200, 201, 299, 300, 301, 399, 400, 401, 499, 500, 501, 599)


@pytest.mark.parametrize("code", BORDERS)
def test_the_first_digit_decides_what_a_reply_is(code: int) -> None:
    reply, digit = Reply.received(code, [b"x"]), code // 100
    assert reply.is_success is (digit == 2)
    assert reply.is_intermediate is (digit == 3)
    assert reply.is_transient is (digit == 4)
    assert reply.is_permanent is (digit == 5)
    assert reply.is_positive is (digit < 4)
    assert reply.is_negative is (digit > 3)


def test_an_unknown_code_is_told_by_its_first_digit() -> None:
    """C-REP-11."""
    meanings = {
        digit: {Reply.received(code, [b"x"]).meaning for code in range(100 * digit, 100 * digit + 100)}
        - {*CODES.values()}
        for digit in (2, 3, 4, 5)
    }
    assert all(len(found) == 1 for found in meanings.values())
    assert len(set.union(*meanings.values())) == 4


def test_the_listed_codes() -> None:
    """RFC 5321 4.2.3, RFC 4954 6, RFC 5248 2.4, RFC 2645 (ODMR), RFC 1985 (ETRN), RFC 7504."""
    basic = {211, 214, 220, 221, 250, 251, 252, 354, 421, 450, 451, 452, 455, *range(500, 505), *range(550, 556)}
    authentication = {235, 334, 422, 430, 432, 454, 523, 524, 525, 530, 533, 534, 535, 538}
    queues = {253, 453, 458, 459}
    assert set(CODES) == basic | authentication | queues | {521, 556}


@pytest.mark.parametrize("code", [200, 259, 400, 459, 500, 559])
def test_an_enhanced_code_of_the_class_of_the_reply_is_taken(code: int) -> None:
    text = f"{code // 100}.1.1 fine"
    assert str(Reply(code, text).enhanced) == text[:5]
    assert not any("another class" in each for each in Reply.received(code, [text.encode()], enhanced=False).advice)


@pytest.mark.parametrize("code", [200, 599])
def test_what_is_received_may_have_any_code(code: int) -> None:
    assert Reply.received(code, [b"x"]).code == code
    if code == 200:
        assert Reply(code, "x").code == code


def test_the_highest_code_to_be_sent() -> None:
    assert Reply(559, "x").code == 559


def test_octets_that_are_no_text_do_not_count_in_comparison() -> None:
    one, two = Reply.received(250, [b"\xe9"]), Reply.received(250, [b"\\xe9"])
    assert one.raw != two.raw
    assert one == two
    assert repr(one) == repr(two)


def test_a_reply_as_text_and_unfolded_is_not_cut() -> None:
    words = "word " * 200 + "end"
    reply = Reply(250, words)
    assert str(reply) == f"250 {words}"
    assert reply.to_bytes().count(b"\r\n") > 1
    for utf8 in (False, True):
        assert reply.to_bytes(fold=False, utf8=utf8) == f"250 {words}\r\n".encode()


@pytest.mark.parametrize("place", [1, 2, 506, 507, 508])
def test_a_long_line_is_cut_at_its_space(place: int) -> None:
    text = "x" * place + " " + "y" * (600 - place)
    lines = Reply(250, text).to_bytes().split(b"\r\n")[:-1]
    assert all(len(line) + 2 <= 512 for line in lines)
    assert b"".join(line[4:] for line in lines) == text.replace(" ", "" if place < 507 else " ").encode()
    if place < 507:
        assert lines[0] == b"250-" + b"x" * place


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_reply_is_read_with_its_enhanced_code_unless_told_otherwise() -> None:
    assert ReplyReader().push(b"250 2.1.5 fine") == Reply(250, "fine", "2.1.5")
    assert parse_reply(b"250 2.1.5 fine\r\n") == Reply(250, "fine", "2.1.5")
    read = ReplyReader().push(b"250 2.1.5 fine", enhanced=False)
    assert read is not None
    assert read.enhanced is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("try <a@b.example>", "a@b.example"),
        ("<a@b.example>", "a@b.example"),
        ('try <"a\\">"@b.example>', '"a\\">"@b.example'),
        ("try \\<a@b.example>", "a@b.example"),
        ("a@b.example> or <c>", None),
        ("@>", None),
    ],
)
def test_the_path_in_a_reply(text: str, path: str | None) -> None:
    assert mailbox_of_reply(Reply(551, text)) == path


# -- capabilities -----------------------------------------------------------------------------------------------------


def test_capabilities_are_read_as_they_come() -> None:
    found = Capabilities(["\tmx.example at your service", "AUTH=LOGIN PLAIN", "SIZE 5"])
    assert found.domain == "mx.example"
    assert "AUTH" in found
    assert "AUTH" not in Capabilities(["mx", "AUTH=LOGIN"], old_auth=False)
    other: Any = mock.ANY
    assert (found == other) is True
    assert (found == object()) is False


@pytest.mark.parametrize("count", [255, 256, 257, 300])
def test_so_many_keywords_are_read(count: int) -> None:
    found = Capabilities(["mx.example", *(f"X{number}" for number in range(count))])
    assert len(found.unparsed) == max(count - 256, 0)


def test_the_name_of_a_server_keeps_its_letters() -> None:
    assert Capabilities(["XX.example hello"]).domain == "XX.example"


# -- sessions, messages, reports --------------------------------------------------------------------------------------


def test_a_new_session_knows_nothing() -> None:
    session = Session()
    assert (session.lmtp, session.tls, session.hello) == (False, False, None)


@pytest.mark.parametrize(
    ("octets", "names"),
    [
        (b"\xe9\r\n", ("8bit",)),
        (b"\0\r\n", ("nul",)),
        (b"a\rb\r\n", ("bare_cr",)),
        (b"a\nb\r\n", ("bare_lf",)),
        (b"a\r\n", ()),
    ],
)
def test_each_oddity_of_a_message_is_named_alone(octets: bytes, names: tuple[str, ...]) -> None:
    reception = Reception.chunked(None, NewlinePolicy.KEEP, binary=False)
    reception.begin_chunk(len(octets))
    buffer = ReceiveBuffer()
    buffer.feed(octets)
    assert reception.take(buffer) == octets
    reception.end()
    assert reception.offences() == names


def test_a_message_that_the_application_refused_is_not_too_big_afterwards() -> None:
    reception = Reception.chunked(4, NewlinePolicy.REJECT, binary=False)
    reception.verdict = refused = Verdict(Reason.REFUSED, Reply(554, "no"))
    reception.begin_chunk(5)
    assert reception.verdict is refused


def test_the_error_behind_a_report_does_not_count_in_comparison() -> None:
    assert Report((), "aborted", exception=SMTPError("one")) == Report((), "aborted", exception=SMTPError("two"))


def test_an_enhanced_code_is_taken_off_unless_told_otherwise() -> None:
    assert Reply.received(250, [b"2.1.5 fine"]) == Reply(250, "fine", "2.1.5")
    assert Reply.received(250, [b"2.1.5 fine"], enhanced=False).enhanced is None


@pytest.mark.parametrize("more", [0, 1])
def test_the_largest_reply(more: int) -> None:
    reader = ReplyReader()
    for _ in range(31):
        assert reader.push(b"250-" + b"a" * 2042) is None
    assert reader.push(b"250-" + b"a" * 2030) is None
    last = b"250 " + b"a" * (65536 - 31 * 2048 - 2036 - 6 + more)
    if more:
        with pytest.raises(SyntaxProblem):
            reader.push(last)
    else:
        assert reader.push(last) is not None


def test_the_old_form_of_auth_is_read_in_replies_unless_told_otherwise() -> None:
    reply = Reply(250, ["mx.example", "AUTH=LOGIN PLAIN"])
    assert "AUTH" in Capabilities.parse(reply)
    assert "AUTH" not in Capabilities.parse(reply, old_auth=False)
