"""BDAT: counted octets, taken in whatever the reply is (RFC 3030)."""

from __future__ import annotations

import pytest

from smtpcore.commands import EndOfMessage
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Body, Refused, Step
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.pipelining import Pipelining
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.state import State
from tests.server_tools import GONE, LATER, NO, Talk, defer

rule = pytest.mark.rule


def binary(talk: Talk) -> Talk:
    talk.hello()
    assert talk.codes("MAIL FROM:<a@b> BODY=BINARYMIME", "RCPT TO:<c@d>") == [250, 250]
    return talk


@rule("X-CHUNKING-05", "X-CHUNKING-06", "X-CHUNKING-29", "X-MIX-02", "X-CHUNKING-27")
def test_a_message_in_chunks() -> None:
    talk = Talk().envelope()
    assert talk.feed(b"BDAT 3\r\nab") == b""
    assert talk(b"c") == "250 2.0.0 Chunk received"
    assert talk(b"BDAT 5 LAST\r\n\r\n.\r\n") == "250 2.6.0 Message accepted"
    assert talk.text == b"abc\r\n.\r\n"
    assert talk.all(EndOfMessage)[0].size == 8
    assert talk.state() is State.READY


@rule("X-CHUNKING-02", "X-CHUNKING-08")
def test_empty_chunks_and_spellings_of_last() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"bdat 0\r\nBDAT 3\r\nabcBDAT 0 lAsT\r\n") == [250, 250, 250]
    assert talk.text == b"abc"
    assert talk.envelope().codes("BDAT 0 LAST", "NOOP") == [250, 250]
    assert [event.size for event in talk.all(EndOfMessage)] == [3, 0]


@rule("X-CHUNKING-07", "X-CHUNKING-28", "X-BINARYMIME-04")
def test_any_octets_of_binary_content() -> None:
    content = bytes(range(256)) * 2 + b"\r\n.\r\n" + b"x" * 5000 + b"\r"
    talk = binary(Talk(limits=Limits(text_line=1000)))
    assert talk.codes(b"BDAT %d\r\n%b" % (len(content), content), b"BDAT 1 LAST\r\n\n") == [250, 250]
    assert talk.text == content + b"\n"
    assert talk.all(EndOfMessage)[0].offences == ()


@rule("X-CHUNKING-07")
def test_a_crlf_may_be_cut_by_a_chunk() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"BDAT 2\r\na\rBDAT 3 LAST\r\n\nb\r", b"NOOP\r\n") == [250, 554, 250]
    talk.envelope()
    assert talk.codes(b"BDAT 2\r\na\rBDAT 4 LAST\r\n\nb\r\n", b"NOOP\r\n") == [250, 250, 250]


@rule("LEN-09", "X-CHUNKING-28")
def test_text_in_chunks_is_held_to_the_same_rules() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"BDAT 4 LAST\r\na\nb\n", "NOOP") == [554, 250]
    assert talk.aborted == ["BARE_NEWLINE"]
    kept = Talk(newlines=NewlinePolicy.KEEP).envelope()
    assert kept.codes(b"BDAT 4 LAST\r\na\nb\n") == [250]
    assert kept.all(EndOfMessage)[0].offences == ("bare_lf",)
    assert Talk().envelope().codes(b"BDAT 5002 LAST\r\n" + b"x" * 5000 + b"\r\n") == [250]


@rule("X-CHUNKING-02", "X-CHUNKING-03", "X-CHUNKING-04")
@pytest.mark.parametrize("argument", ["x9", "-1", "+5", "5 FOO", "5 LAST X", "0x5", "9" * 21, "5  LAST", " 5"])
def test_a_size_that_cannot_be_read_closes(argument: str) -> None:
    talk = Talk().envelope()
    assert talk.codes(f"BDAT {argument}", "MAIL FROM:<evil@x>") == [501]
    assert talk.error == "RemoteProtocolError: BDAT wants a number of octets, and LAST or nothing"
    assert talk.aborted == ["SHUT_DOWN"]


@rule("X-CHUNKING-02")
@pytest.mark.parametrize("line", ["BDAT", "BDAT x", "BDAT LAST"])
def test_without_any_number_no_octets_follow(line: str) -> None:
    assert Talk().envelope().codes(line, "NOOP") == [501, 250]


@rule("X-CHUNKING-04", "X-SIZE-16")
def test_an_enormous_chunk() -> None:
    talk = Talk(limits=Limits(message=100)).envelope()
    assert talk("BDAT 99999999999999999999 LAST") == "552 5.3.4 Message size exceeds the fixed maximum"
    assert talk.error == "RemoteProtocolError: the chunk is too large"
    talk = Talk().hello()
    assert talk("BDAT 99999999999999999999 LAST") == "503 5.5.1 Bad sequence of commands"
    assert talk.error == "RemoteProtocolError: the chunk is too large to be swallowed"


@rule("X-SIZE-16", "X-CHUNKING-12")
def test_a_chunk_too_big_is_read_and_refused() -> None:
    talk = Talk(limits=Limits(message=10)).envelope()
    assert talk.feed(b"BDAT 11 LAST\r\n0123456789") == b""
    assert talk.codes(b"x", "NOOP") == [552, 250]
    assert talk.text == b""
    assert talk.state() is State.READY
    talk.envelope()
    assert talk.codes(b"BDAT 6\r\n012345BDAT 5\r\n01234", "NOOP") == [250, 552, 250]
    assert talk.aborted == ["TOO_BIG", "TOO_BIG"]
    assert talk.state() is State.POISONED


@rule("X-CHUNKING-09", "X-CHUNKING-12")
def test_a_chunk_after_the_last_is_swallowed() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"BDAT 1 LAST\r\naBDAT 2\r\nbcNOOP\r\n") == [250, 503, 250]
    assert talk.text == b"a"


@rule("X-CHUNKING-12", "X-CHUNKING-13")
@pytest.mark.parametrize("said", [[], ["HELO x"], ["EHLO x"], ["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"]])
def test_a_chunk_out_of_sequence_is_swallowed(said: list[str]) -> None:
    talk = Talk({"RCPT": NO})
    talk.feed(*said)
    assert talk.feed(b"BDAT 6 LAST\r\nRS") == b""
    assert talk.codes(b"ET\r\n", "NOOP") == [503, 250]
    assert "RSET" not in [getattr(event, "verb", "") for event in talk.events]


@rule("X-CHUNKING-10", "X-CHUNKING-11", "X-CHUNKING-01", "X-MIX-01")
def test_data_and_bdat_do_not_mix_in_a_transaction() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"BDAT 1\r\na", "DATA", b"BDAT 1 LAST\r\na", "NOOP") == [250, 503, 503, 250]
    assert talk.codes("RSET") == [250]
    assert talk.data().codes(b"x\r\n.\r\n") == [250]
    assert talk.envelope().codes(b"BDAT 1 LAST\r\na") == [250]
    assert len(talk.all(EndOfMessage)) == 2


@rule("X-CHUNKING-14", "X-CHUNKING-15", "X-MIX-10")
def test_a_failed_chunk_spoils_the_transaction() -> None:
    talk = Talk({"BDAT": [Reply(451, "Disk full", "4.3.1")]}).envelope()
    said: list[str | bytes] = [
        b"BDAT 2\r\nab",
        b"BDAT 2\r\ncd",
        b"BDAT 2 LAST\r\nef",
        "DATA",
        "MAIL FROM:<a@b>",
        "RCPT TO:<c@d>",
    ]
    assert talk.codes(*said) == [451, 503, 503, 503, 503, 503]
    assert talk.aborted == ["CHUNK"]
    assert not talk.all(EndOfMessage)
    assert not talk.all(Body)
    assert talk.codes("RSET", "MAIL FROM:<a@b>") == [250, 250]
    assert talk.aborted == ["CHUNK"]


@rule("X-CHUNKING-17", "X-CHUNKING-15")
def test_rset_between_chunks() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"BDAT 3\r\nabc", "RSET") == [250, 250]
    assert talk.aborted == ["RESET"]
    assert talk.envelope().codes(b"BDAT 1 LAST\r\nz") == [250]
    assert talk.text == b"abcz"
    assert talk.all(EndOfMessage)[0].size == 1


@rule("X-CHUNKING-19")
@pytest.mark.parametrize("size", ["9", "9 LAST", "x1"])
def test_a_chunk_where_it_was_not_offered_closes(size: str) -> None:
    talk = Talk(extensions=[Pipelining()]).envelope()
    assert talk.codes(f"BDAT {size}", "RSET") == [502]
    assert talk.error == "RemoteProtocolError: the verb is known but not offered"
    assert Talk(extensions=[Pipelining()]).envelope().codes("BDAT 0", "NOOP") == [502, 250]


@rule("X-CHUNKING-19", "LEN-47")
def test_a_chunk_line_too_long_closes() -> None:
    talk = Talk().envelope()
    assert talk.codes("BDAT 4" + " " * 3000 + "LAST", "RSET") == [500]
    assert talk.error == "RemoteProtocolError: line too long, and octets follow it"


@rule("X-CHUNKING-21")
def test_lines_of_arbitrary_octets() -> None:
    noise = bytes((number * 7919) % 251 for number in range(65536))
    talk = Talk().envelope()
    talk.feed(b"BDAT 1\r\n" + noise + b"\r\n")
    assert talk.step() in (Step.RECEIVE, Step.CLOSE)
    assert all(line[:1] in b"245" for line in talk.output.split(b"\r\n"))


@rule("X-CHUNKING-25")
def test_chunks_are_given_out_as_they_come() -> None:
    talk = Talk().envelope()
    assert talk.feed(b"BDAT 100000000 LAST\r\n") == b""
    for _ in range(20):
        assert talk.feed(b"\r\n" * 32768) == b""
        assert talk.connection.held == 0
    assert talk.eof() == b""
    assert talk.aborted == ["CLOSED"]
    assert len(talk.text) == 20 * 65536
    assert not talk.all(EndOfMessage)


@rule("X-CHUNKING-26")
def test_a_refused_message_is_answered_behind_the_chunk() -> None:
    talk = Talk().envelope()
    talk.feed(b"BDAT 10\r\n01234")
    talk.connection.refuse_message(LATER)
    assert talk.pump() == b""
    assert talk.codes(b"56789", b"BDAT 1\r\nx") == [450, 503]
    assert talk.text == b"01234"
    assert talk.aborted == ["REFUSED"]


def test_a_message_refused_between_two_chunks() -> None:
    talk = Talk().envelope()
    assert talk.codes(b"BDAT 1\r\nx") == [250]
    talk.connection.refuse_message(NO)
    assert talk.codes(b"BDAT 1\r\nyBDAT 1 LAST\r\nz") == [550, 503]
    assert talk.text == b"x"


def test_a_chunk_refused_with_421_waits_for_nothing() -> None:
    talk = Talk({"BDAT": GONE}).envelope()
    assert talk.codes("BDAT 1000000") == [421]
    assert talk.error is None
    assert talk.aborted == ["SHUT_DOWN"]


def test_a_chunk_deferred() -> None:
    talk = Talk({"BDAT": defer}).envelope()
    assert talk.feed(b"BDAT 3 LAST\r\nabc") == b""
    assert talk.step() is Step.DECIDE
    assert talk.text == b""
    talk.connection.accept(talk.all(Bdat)[0])
    assert talk.pump() == b"250 2.6.0 Message accepted\r\n"


def test_a_refused_chunk_too_large_to_swallow_closes() -> None:
    talk = Talk({"BDAT": NO}, limits=Limits(swallow=10)).envelope()
    assert talk.codes("BDAT 11") == [550]
    assert talk.error == "RemoteProtocolError: the chunk is too large to be swallowed"
    talk = Talk({"BDAT": NO}, limits=Limits(swallow=10)).envelope()
    assert talk.codes(b"BDAT 10\r\n0123456789", "NOOP") == [550, 250]


def test_chunks_without_end() -> None:
    talk = Talk(limits=Limits(chunks=3)).envelope()
    assert talk.codes(*["BDAT 0"] * 5) == [250, 250, 250, 421]
    assert talk.error == "RemoteProtocolError: too many chunks"
    assert Talk(limits=Limits(chunks=None)).envelope().codes(*["BDAT 0"] * 5) == [250] * 5


def test_refused_chunks_count_as_errors() -> None:
    talk = Talk(limits=Limits(errors=1))
    assert talk.codes(b"BDAT 1\r\nxBDAT 1\r\nx") == [503, 421]
    assert [event.line for event in talk.all(Refused)] == [b"BDAT 1", b"BDAT 1"]
    assert talk.error == "RemoteProtocolError: too many errors"


def test_chunks_are_accepted_without_a_reply() -> None:
    def answer(connection: object, question: Bdat) -> None:
        with pytest.raises(LocalProtocolError, match="its reply comes behind them"):
            talk.connection.accept(question, Reply(250, "fine"))
        talk.connection.accept(question)

    talk = Talk({"BDAT": answer}).envelope()
    assert talk.codes(b"BDAT 1 LAST\r\nx") == [250]


@rule("X-BINARYMIME-03")
def test_no_data_for_binary_content() -> None:
    talk = binary(Talk())
    assert talk("DATA") == "503 5.5.1 Bad sequence of commands"
    assert talk.codes(b"BDAT 1 LAST\r\nx", "RCPT TO:<c@d>") == [503, 503]
    assert talk.aborted == ["CHUNK"]
    assert talk.codes("NOOP", "RSET", "MAIL FROM:<a@b> BODY=8BITMIME", "RCPT TO:<c@d>", "DATA") == [250] * 4 + [354]


@rule("B-LIM-06")
@pytest.mark.parametrize(("size", "code"), [(998, 250), (999, 500)])
def test_a_line_of_a_chunk_may_be_as_long_as_one_of_a_text(size: int, code: int) -> None:
    talk = Talk(limits=Limits(text_line=1000)).envelope()
    assert talk.codes(b"BDAT %d LAST\r\n" % (size + 2) + b"x" * size + b"\r\n") == [code]
