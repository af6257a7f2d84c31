"""Replies: the same in any pieces, within the limits; and what is written is one reply, whatever was put in."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore.errors import SyntaxProblem
from smtpcore.lines import LineFault, LineLimits, ReceiveBuffer
from smtpcore.replies import Reply, ReplyReader
from smtpcore.reply_reader import mailbox_of_reply, parse_reply
from tests.fuzz import corpus
from tests.fuzz.choices import joined, split
from tests.fuzz.oracles import check_position


def seeds() -> Iterable[bytes]:
    return [joined(octets) for octets in corpus.replies()] + [joined(octets) for octets in corpus.server_wires()]


def run(data: bytes) -> None:
    wire, choices = split(data)
    found = _read([wire] if wire else [])
    assert found == _read(choices.pieces(wire)), "the cut decides"
    assert found == _read(wire[at : at + 1] for at in range(len(wire))), "the cut decides"
    for reply in found:
        if isinstance(reply, Reply):
            _check(reply)
    try:
        alone = parse_reply(wire)
    except SyntaxProblem as problem:
        check_position(problem.position, wire)
    else:
        # With the larger limits of `parse_reply` more is a reply.
        assert found == [alone] or found[0] in ("limit-line", *(fault.value for fault in LineFault)), found


def _read(pieces: Iterable[bytes]) -> list[Reply | str]:
    """Replies, up to the first fault."""
    buffer, reader, limits = ReceiveBuffer(), ReplyReader(max_lines=8, max_octets=4000, max_line=600), LineLimits(600)
    found: list[Reply | str] = []
    for piece in pieces:
        buffer.feed(piece)
        while (line := buffer.next_line(limits)) is not None:
            if isinstance(line, LineFault):
                return [*found, line.value]
            try:
                reply = reader.push(line)
            except SyntaxProblem as problem:
                return [*found, problem.reason]
            if reply is not None:
                found.append(reply)
        assert len(buffer) <= 600
    return found


def _check(reply: Reply) -> None:
    assert 200 <= reply.code <= 599
    mailbox_of_reply(reply)
    assert reply.meaning
    _ = reply.advice, reply.masked(), str(reply), repr(reply)
    for utf8 in (False, True):
        wire = reply.to_bytes(utf8=utf8)
        lines = wire.split(b"\r\n")
        assert lines.pop() == b""
        # A 251 or 551 whose path would not be ASCII leaves as 250 or 550 (X-SMTPUTF8-17).
        code = int(lines[0][:3])
        assert code == reply.code or (not utf8 and code + 1 == reply.code in (251, 551))
        assert all(line[:3] == lines[0][:3] for line in lines)
        assert {line[3:4] for line in lines[:-1]} <= {b"-"}
        assert lines[-1][3:4] == b" "
        assert b"\r" not in b"".join(lines)
        assert b"\n" not in b"".join(lines)
        assert utf8 or wire.isascii()
        assert parse_reply(wire).code == code
