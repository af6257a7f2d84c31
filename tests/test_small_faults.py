"""Small faults that the other tests let pass, as mutation testing found (`docs/mutation.md`): one test for each."""

from __future__ import annotations

import re

import pytest

from smtpcore.commands import Noop, Rcpt, parse
from smtpcore.content import PIECE, ChunkDecoder, ContentDecoder, ContentEncoder, NewlinePolicy
from smtpcore.events import Step
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.lines import LineLimits, ReceiveBuffer
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection, accept_all
from tests.server_tools import HOST, Talk


@pytest.mark.parametrize("length", [62, 63, 64, 65, 300])
def test_the_lf_of_a_long_line_comes_alone(length: int) -> None:
    buffer = ReceiveBuffer()
    line = b"x" * length
    buffer.feed(line + b"\r")
    assert buffer.next_line(LineLimits(1000)) is None
    buffer.feed(b"\n")
    assert buffer.has_line()
    assert buffer.next_line(LineLimits(1000)) == line


@pytest.mark.parametrize("shift", range(-8, 9))
@pytest.mark.parametrize("middle", [b"\r\n.\r\n.\r\n.", b"\r\n.\r\r\n..", b"..\r\n.\r\n"])
def test_dots_at_the_border_of_a_piece(shift: int, middle: bytes) -> None:
    text = b"x" * (PIECE + shift) + middle + b"y\r\n"
    encoder = ContentEncoder(NewlinePolicy.KEEP, max_line=None)
    wire = encoder.encode(text) + encoder.finish()
    assert wire == text.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    decoder = ContentDecoder(NewlinePolicy.KEEP, None)
    got, stop = decoder.feed(wire, 0)
    assert (got, stop, decoder.finished) == (text, len(wire), True)


def test_before_its_first_chunk_nothing_is_owed() -> None:
    assert ChunkDecoder().remaining == 0


@pytest.mark.parametrize("text", ["XX", "X y", "x"])
def test_only_spaces_are_cut_from_an_argument(text: str) -> None:
    assert parse(b"NOOP " + text.encode(), ExtensionSet(()).language(lmtp=False)) == Noop(text)


def test_one_recipient_at_a_time_is_the_default() -> None:
    server = _opened(ServerConnection(HOST))
    server.receive_data(b"RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n")
    first = server.next_event()
    assert isinstance(first, Rcpt)
    server.defer(first)
    assert server.next_event() is None
    assert server.next_step is Step.DECIDE


def test_any_code_is_taken_from_the_application_by_default() -> None:
    server = _opened(ServerConnection(HOST))
    server.receive_data(b"RCPT TO:<a@b>\r\n")
    question = server.next_event()
    assert isinstance(question, Rcpt)
    server.reject(question, Reply(559, "My own"))
    assert server.data_to_send() == b"559 5.0.0 My own\r\n"


def _opened(server: ServerConnection) -> ServerConnection:
    for said in (b"", b"EHLO c.example\r\n", b"MAIL FROM:<a@b>\r\n"):
        if said:
            server.receive_data(said)
        for event in server.events():
            accept_all(server, event)
        server.data_to_send()
    return server


@pytest.mark.parametrize(("lmtp", "line"), [(True, "LHLO -"), (False, "EHLO -"), (False, "HELO -")])
def test_no_enhanced_code_for_a_greeting_that_cannot_be_read(lmtp: bool, line: str) -> None:
    assert re.fullmatch(r"501 (?!5\.).*", Talk(lmtp=lmtp)(line))
