"""Limits and timeouts: sizes of lines, errors, junk, memory, deadlines (RFC 5321 4.5.3)."""

from __future__ import annotations

import math

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.events import Refused, Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.base import Extension
from smtpcore.extensions.binarymime import BinaryMime
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.deliverby import DeliverByExtension
from smtpcore.extensions.dsn import Dsn
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.mtpriority import MtPriority
from smtpcore.extensions.size import Size
from smtpcore.extensions.smtputf8 import SmtpUtf8
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.timeouts import Timeouts
from tests.server_tools import Talk, leave

rule = pytest.mark.rule
BARE = Limits(command_line=None)


def padded(line: str, size: int) -> bytes:
    """The line, made `size` octets long with its CRLF by spaces at its end."""
    return line.encode().ljust(size - 2) + b"\r\n"


# -- lines -------------------------------------------------------------------------------------------------------------


@rule("B-LIM-04", "S-REP-26", "LEN-47")
def test_a_command_line_may_have_512_octets() -> None:
    talk = Talk(limits=BARE)
    assert talk.codes(padded("NOOP", 511), padded("NOOP", 512)) == [250, 250]
    assert talk.replies(padded("NOOP", 513), "NOOP") == ["500 5.5.2 Line too long", "250 2.0.0 OK"]
    assert talk.refused == [500]


@rule("S-EXT-13", "X-FW-23", "S-LIM-15", "X-BINARYMIME-10")
@pytest.mark.parametrize(
    ("extensions", "more"),
    [
        ([], 0),
        ([Size()], 26),
        ([Size(), EightBitMime(), SmtpUtf8()], 26 + 16 + 10),
        ([Size(), EightBitMime(), SmtpUtf8(), AuthExtension(clear_text=True)], 26 + 16 + 10 + 500),
        ([EightBitMime(), Chunking(), BinaryMime()], 16),
        ([Dsn()], 9 + 107),
        ([DeliverByExtension(), MtPriority()], 17 + 15),
    ],
)
def test_parameters_lengthen_the_line_of_mail(extensions: list[Extension], more: int) -> None:
    for size, code in ((512 + more, 250), (512 + more + 1, 500)):
        talk = Talk(extensions=extensions, limits=BARE).hello()
        assert talk.codes(padded("MAIL FROM:<a@b>", size)) == [code]
        assert talk.codes(padded("NOOP", 513)) == [500]


@rule("X-DSN-22", "X-FW-23")
def test_parameters_lengthen_the_line_of_rcpt() -> None:
    talk = Talk(extensions=[Dsn()], limits=BARE).hello()
    assert talk.codes("MAIL FROM:<a@b>", padded("RCPT TO:<a@b>", 1048), padded("RCPT TO:<a@b>", 1049)) == [
        250,
        250,
        500,
    ]
    domain = ".".join(["d" * 60] * 3 + ["d" * 6])
    line = f"RCPT TO:<{'l' * 64}@{domain}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{'o' * 493}"
    assert talk.codes(line) == [250]


def test_a_set_limit_never_undercuts_what_is_offered() -> None:
    talk = Talk(extensions=[Dsn()], limits=Limits(command_line=512)).hello()
    assert talk.codes(padded("MAIL FROM:<a@b>", 628), padded("NOOP", 513)) == [250, 500]


@rule("S-LIM-14", "X-FW-24", "LEN-47", "B-SEC-10")
def test_a_line_too_long_is_swallowed_once() -> None:
    talk = Talk().hello()
    assert talk.codes(b"MAIL FROM:<" + b"a" * 5000 + b">\r\nNOOP\r\n") == [500, 250]
    for _ in range(20):
        assert talk.feed(b"x" * 3000) == b""
        assert talk.connection.held < 4096
    assert talk.codes(b"NOOP\r\nNOOP\r\n") == [500, 250]
    assert [len(event.line) for event in talk.all(Refused)] == [64, 64]


@rule("S-LIM-14", "B-SEC-10")
def test_a_line_without_end_closes() -> None:
    talk = Talk().envelope()
    output = b""
    for _ in range(100):
        output += talk.feed(b"x" * 1000)
    assert output == b"421 4.3.2 mx.example.org No end of line in sight\r\n"
    assert talk.error == "RemoteProtocolError: a line without end"
    assert talk.aborted == ["SHUT_DOWN"]


@rule("B-LIM-05", "S-REP-27", "X-FW-33")
def test_replies_are_cut_into_lines() -> None:
    talk = Talk({"MAIL": Reply(550, "word " * 400, "5.7.1")}).hello()
    output = talk.feed("MAIL FROM:<a@b>")
    assert all(len(line) <= 510 and line.startswith(b"550") for line in output.split(b"\r\n")[:-1])


# -- patience ----------------------------------------------------------------------------------------------------------


@rule("S-SEC-11", "LEN-56")
def test_too_many_errors() -> None:
    talk = Talk(limits=Limits(errors=2))
    assert talk.replies("FOO", "RCPT TO:<a@b>", "QUIT now", "NOOP")[2:] == [
        "501 5.5.4 This command takes no argument",
        "421 4.7.0 mx.example.org Too many errors, closing transmission channel",
    ]
    assert talk.error == "RemoteProtocolError: too many errors"


@rule("S-SEC-11")
@pytest.mark.parametrize("line", ["NOOP", "RSET", "VRFY a", "HELP", "EXPN a", "EHLO x"])
def test_too_much_junk(line: str) -> None:
    talk = Talk({"EXPN": Reply(250, "a@b")}, limits=Limits(junk=3), ask=["EXPN", "VRFY"] if "N" in line else []).hello()
    codes = talk.codes(*[line] * 9)
    assert codes[-1] == 421
    assert len(codes) == 5
    assert talk.error == "RemoteProtocolError: too many commands without a message"


@rule("S-SEC-11")
def test_a_message_makes_up_for_junk() -> None:
    talk = Talk(limits=Limits(junk=3))
    for _ in range(5):
        talk.data().codes(b".\r\n", "NOOP", "NOOP", "NOOP")
    assert not talk.closed
    assert Talk(limits=Limits(junk=None)).codes(*["NOOP"] * 300) == [250] * 300


@rule("B-SEC-10")
def test_input_that_nobody_can_read_yet_is_the_callers_mistake() -> None:
    talk = Talk({"MAIL": leave}, limits=Limits(held_input=100)).hello()
    talk.connection.receive_data(b"MAIL FROM:<a@b>\r\n" + b"NOOP\r\n")
    assert talk.connection.next_event() is not None
    talk.connection.receive_data(b"x" * 94)
    assert talk.step() is Step.DECIDE
    with pytest.raises(LocalProtocolError, match="stop reading while next_step is DECIDE"):
        talk.connection.receive_data(b"x")
    question = talk.connection.question
    assert question is not None
    talk.connection.accept(question)
    talk.connection.receive_data(b"x\r\n")
    assert talk.pump().count(b"\r\n") == 3


# -- size --------------------------------------------------------------------------------------------------------------


@rule("S-LIM-09")
def test_a_limit_of_the_text_is_announced() -> None:
    limits = Limits(message=70000)
    assert "SIZE 70000" in Talk(limits=limits).keywords
    assert "SIZE 70000" in Talk(limits=limits, extensions=[Size()]).keywords
    assert "SIZE 60000" in Talk(limits=limits, extensions=[Size(60000)]).keywords
    assert Talk(limits=limits).hello().codes("MAIL FROM:<a@b> SIZE=70001", "MAIL FROM:<a@b> SIZE=70000") == [552, 250]
    assert "SIZE" not in "".join(Talk(limits=limits, extensions=[]).keywords)
    talk = Talk(limits=Limits(message=10), extensions=[]).data()
    assert talk.codes(b"x" * 20 + b"\r\n.\r\n") == [552]


@rule("S-LIM-08", "S-LIM-12")
def test_without_limits_64_kib_are_taken() -> None:
    talk = Talk(limits=Limits(message=None, recipients=None, errors=None, junk=None)).data()
    assert talk.codes(b"x\r\n" * 30000 + b".\r\n") == [250]


# -- time --------------------------------------------------------------------------------------------------------------


@rule("S-TMO-08")
def test_the_wait_for_a_command_is_five_minutes() -> None:
    talk = Talk()
    assert talk.connection.tick(0.0) == 300.0
    assert talk.connection.tick(299.0) == 300.0
    talk.feed("NOOP")
    assert talk.connection.tick(299.0) == 599.0


@rule("S-TMO-13")
def test_single_octets_do_not_move_the_deadline() -> None:
    talk = Talk()
    talk.connection.tick(0.0)
    for second, octet in enumerate(b"NOOP", 1):
        talk.feed(bytes([octet]))
        assert talk.connection.tick(second * 60.0) == 300.0


@rule("S-TMO-10", "X-ENHANCED-12")
def test_at_the_deadline_the_server_says_421() -> None:
    talk = Talk().envelope()
    talk.connection.tick(0.0)
    assert talk.connection.tick(300.0) == 300.0
    assert talk.pump() == b"421 4.4.2 mx.example.org Timeout, closing transmission channel\r\n"
    assert talk.error == "TimedOut: timed out while waiting for the client"
    assert talk.aborted == ["TIMED_OUT"]
    assert talk.connection.tick(1000.0) == math.inf


@rule("S-TMO-08", "S-TMO-13")
def test_a_block_of_text_has_a_deadline_of_its_own() -> None:
    talk = Talk(timeouts=Timeouts(block=180.0)).data()
    assert talk.connection.tick(0.0) == 180.0
    talk.feed(b"x" * 4000)
    assert talk.connection.tick(100.0) == 180.0
    talk.feed(b"x" * 4000)
    assert talk.connection.tick(100.0) == 280.0
    assert talk.codes(b"\r\n.\r\n") == [250]
    assert talk.connection.tick(200.0) == 500.0


@rule("S-TMO-08")
def test_chunks_are_blocks_and_between_them_is_a_command() -> None:
    talk = Talk(timeouts=Timeouts(block=180.0)).envelope()
    talk.feed(b"BDAT 3\r\nx")
    assert talk.connection.tick(0.0) == 180.0
    assert talk.codes(b"xx") == [250]
    assert talk.connection.tick(0.0) == 300.0
    talk.feed(b"BDAT 3\r\nxxxRSET\r\nBDAT 5\r\nx")
    assert talk.connection.tick(10.0) == 190.0


def test_no_deadline_while_the_application_decides() -> None:
    talk = Talk({"MAIL": leave}).hello()
    talk.connection.receive_data(b"MAIL FROM:<a@b>\r\n")
    talk.connection.next_event()
    assert talk.connection.tick(0.0) == math.inf
    assert Talk(timeouts=Timeouts.none()).connection.tick(0.0) == math.inf
