"""Small faults of a server and its settings, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import math

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.events import Connect, Step
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.dsn import Dsn
from smtpcore.extensions.size import Size
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.server import ServerConnection, accept_all
from smtpcore.timeouts import Timeouts
from tests.server_tools import HOST, Talk, defer, replies_in, with_extensions

rule = pytest.mark.rule

# -- settings ---------------------------------------------------------------------------------------------------------


@rule("X-FW-23")
@pytest.mark.parametrize(
    ("limit", "verb", "longest"),
    [
        (None, "NOOP", 512),
        (None, "MAIL", 512 + 26 + 9 + 107),  # SIZE=, RET= and ENVID=
        (None, "RCPT", 512 + 29 + 507),  # NOTIFY= and ORCPT=
        (600, "NOOP", 600),
        (600, "MAIL", 512 + 26 + 9 + 107),
        (600, "RCPT", 512 + 29 + 507),
        (2000, "MAIL", 2000),
        (2000, "RCPT", 2000),
    ],
)
def test_the_longest_line(limit: int | None, verb: str, longest: int) -> None:
    talk = Talk(extensions=[Size(0), Dsn()], limits=Limits(command_line=limit)).hello()
    for octets, code in ((longest, 250 if verb == "NOOP" else 501), (longest + 1, 500)):
        assert talk.codes(verb + " " + "x" * (octets - len(verb) - 3)) == [code]


@rule("X-FW-03")
def test_after_helo_no_verb_of_an_extension_is_in_effect() -> None:
    talk = Talk(extensions=[Chunking()])
    assert talk.codes("HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1 LAST\r\nx") == [250, 250, 250, 503]
    assert talk.codes("EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1 LAST\r\nx") == [250] * 4


# -- what a transport sees --------------------------------------------------------------------------------------------


def test_behind_the_end_nothing_is_read() -> None:
    talk = Talk().hello()
    talk.connection.receive_data(b"NOOP\r\n")
    talk.connection.receive_eof()
    talk.connection.receive_data(b"NOOP\r\n")
    assert talk.replies() == ["250 2.0.0 OK"]
    assert talk.error == "ConnectionLost: the client closed the connection without QUIT"


@pytest.mark.parametrize("end", [b"", None])
def test_the_end_is_to_be_looked_at(end: bytes | None) -> None:
    talk = Talk().hello()
    assert talk.step() is Step.RECEIVE
    talk.connection.receive_eof() if end is None else talk.connection.receive_data(end)
    assert talk.step() is Step.CONTINUE
    assert talk.pump() == b""
    assert talk.closed


@pytest.mark.parametrize("pieces", [(b"x" * 101,), (b"x" * 100, b"x"), (b"x",) * 101])
def test_input_while_an_answer_is_owed_has_a_limit(pieces: tuple[bytes, ...]) -> None:
    talk = Talk({"MAIL": defer}, limits=Limits(held_input=100)).hello()
    talk.feed("MAIL FROM:<a@b>")
    *most, last = pieces
    for piece in most:
        talk.connection.receive_data(piece)
    with pytest.raises(LocalProtocolError):
        talk.connection.receive_data(last)
    assert talk.connection.held == len(b"".join(most))


@pytest.mark.parametrize("said", ["NOOP", "HELP", "DATA", "EHLO x", "XNOPE"])
def test_a_reply_is_the_end_of_a_pass_when_nothing_else_came(said: str) -> None:
    talk = Talk().hello()
    talk.connection.receive_data(said.encode() + b"\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert talk.connection.data_to_send() != b""
    assert talk.step() is Step.RECEIVE


def test_no_wait_before_the_greeting() -> None:
    connection = ServerConnection(HOST, timeouts=Timeouts(server_command=5))
    assert connection.tick(0) == math.inf
    question = connection.next_event()
    assert isinstance(question, Connect)
    assert connection.tick(10) == math.inf
    connection.accept(question)
    assert connection.tick(20) == 25


def test_the_end_in_front_of_a_handshake_is_found_by_the_handshake() -> None:
    talk = Talk(extensions=with_extensions(StartTlsExtension())).hello()
    assert talk.codes("STARTTLS") == [220]
    assert talk.eof() == b""
    assert talk.step() is Step.START_TLS
    talk.connection.tls_failed()
    talk.pump()
    assert talk.error == "RemoteProtocolError: the TLS handshake failed"


@rule("X-PIPELINING-13")
def test_replies_to_chunks_leave_together() -> None:
    talk = Talk().envelope()
    talk.connection.receive_data(b"BDAT 1\r\nxBDAT 1\r\nyBDAT 0 LAST\r\n")
    while (event := talk.connection.next_event()) is not None:
        accept_all(talk.connection, event)
    assert [reply[:3] for reply in replies_in(talk.connection.data_to_send())] == ["250", "250", "250"]
