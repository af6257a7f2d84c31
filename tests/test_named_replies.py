"""The named replies, and those that are built for one server (RFC 5321 4.2.3)."""

from __future__ import annotations

import re

import pytest

from smtpcore import replies
from smtpcore.errors import SyntaxProblem
from smtpcore.replies import Reply, parse_reply

NAMED = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}


def wire_lines(octets: bytes) -> list[bytes]:
    """The lines of a reply; fails when they are not framed as RFC 5321 4.2.1 says."""
    assert octets.endswith(b"\r\n")
    lines = octets[:-2].split(b"\r\n")
    for number, line in enumerate(lines):
        assert re.fullmatch(rb"[2-5][0-9][0-9][- ][^\r\n]*", line)
        assert line[:3] == lines[0][:3]
        assert (line[3:4] == b" ") == (number == len(lines) - 1)
    return lines


# -- the named replies ------------------------------------------------------------------------------------------------

CATALOGUE = {
    "OK": "250 2.0.0", "SENDER_OK": "250 2.1.0", "RECIPIENT_OK": "250 2.1.5", "MESSAGE_ACCEPTED": "250 2.6.0",
    "CHUNK_OK": "250 2.0.0", "CANNOT_VERIFY": "252 2.5.0", "START_MAIL_INPUT": "354", "AUTHENTICATED": "235 2.7.0",
    "READY_FOR_TLS": "220 2.0.0", "MAILBOX_BUSY": "450 4.2.0", "LOCAL_ERROR": "451 4.3.0",
    "INSUFFICIENT_STORAGE": "452 4.3.1", "TOO_MANY_RECIPIENTS": "452 4.5.3", "AUTH_TEMPORARY": "454 4.7.0",
    "TLS_UNAVAILABLE": "454 4.7.0", "PARAMETER_TEMPORARY": "455 4.5.4", "COMMAND_UNRECOGNIZED": "500 5.5.1",
    "SYNTAX_ERROR": "500 5.5.2", "LINE_TOO_LONG": "500 5.5.2", "AUTH_LINE_TOO_LONG": "500 5.5.6", "BAD_HELLO": "501",
    "BAD_ARGUMENT": "501 5.5.4", "BAD_SENDER": "501 5.1.7", "BAD_RECIPIENT": "501 5.1.3", "BAD_PARAMETER": "501 5.5.4",
    "NO_ARGUMENT_ALLOWED": "501 5.5.4", "DUPLICATE_PARAMETER": "501 5.5.4", "AUTH_CANCELLED": "501 5.7.0",
    "AUTH_BAD_BASE64": "501 5.5.2", "NO_INITIAL_RESPONSE": "501 5.7.0", "NOT_IMPLEMENTED": "502 5.5.1",
    "BAD_SEQUENCE": "503 5.5.1", "NEED_HELLO": "503 5.5.1", "NEED_MAIL": "503 5.5.1", "NEED_RCPT": "503 5.5.1",
    "NESTED_MAIL": "503 5.5.1", "ALREADY_AUTHENTICATED": "503 5.5.1", "BAD_MECHANISM": "504 5.5.4",
    "DOES_NOT_ACCEPT_MAIL": "521 5.3.2", "AUTH_REQUIRED": "530 5.7.0", "TLS_REQUIRED": "530 5.7.0",
    "AUTH_TOO_WEAK": "534 5.7.9", "AUTH_FAILED": "535 5.7.8", "ENCRYPTION_REQUIRED": "538 5.7.11",
    "MAILBOX_UNAVAILABLE": "550 5.1.1", "POLICY": "550 5.7.1", "SENDER_NULL_MX": "550 5.7.27",
    "NON_ASCII_SENDER": "550 5.6.7", "UTF8_REPLY_REQUIRED": "550 5.6.8", "MESSAGE_TOO_BIG": "552 5.3.4",
    "NON_ASCII_RECIPIENT": "553 5.6.7", "NO_VALID_RECIPIENTS": "554 5.5.1", "BARE_NEWLINE": "554 5.6.0",
    "NO_SERVICE": "554", "SYNC_ERROR": "554 5.5.0", "UNKNOWN_PARAMETER": "555 5.5.4", "NULL_MX": "556 5.1.10",
}  # fmt: skip


@pytest.mark.rule("S-ENH-11", "X-ENHANCED-12")
def test_the_named_replies_have_the_codes_of_their_documents() -> None:
    found = {name: f"{reply.code} {reply.enhanced or ''}".strip() for name, reply in NAMED.items()}
    assert found == CATALOGUE


@pytest.mark.rule("S-REP-21", "S-ENH-08", "S-ENH-14", "X-ENHANCED-10")
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_named_replies_are_fit_to_be_sent(name: str) -> None:
    reply = NAMED[name]
    # RFC 3463 3.6 calls X.5.4 of use in permanent failures only; 455 is the transient twin of 555.
    assert reply.advice == (() if name != "PARAMETER_TEMPORARY" else ("4.5.4 is of no use in class 4",))
    assert len(wire_lines(reply.to_bytes())) == 1
    assert parse_reply(reply.to_bytes()) == reply


@pytest.mark.rule("S-REP-06", "S-REP-07", "S-REP-08", "S-REP-09")
def test_the_greeting() -> None:
    assert replies.greeting("mx.example.org").to_bytes() == b"220 mx.example.org ESMTP ready\r\n"
    assert replies.greeting("[192.0.2.1]", "").to_bytes() == b"220 [192.0.2.1]\r\n"
    assert replies.greeting("h", ["a", "x"]).to_bytes() == b"220-h a\r\n220 x\r\n"
    assert replies.greeting("h", []).to_bytes() == b"220 h\r\n"


@pytest.mark.rule("S-REP-06")
def test_replies_with_the_name_of_the_server_begin_with_it() -> None:
    name = "mx.example.org"
    built = {
        "221 2.0.0": replies.closing(name),
        "421 4.3.2": replies.unavailable(name),
        "421 4.4.2": replies.timeout(name),
        "421 4.7.0": replies.too_many_errors(name),
    }
    for codes, reply in built.items():
        assert f"{reply.code} {reply.enhanced}" == codes
        assert reply.lines[0].startswith(f"{name} ")
        assert reply.advice == ()
    assert replies.unavailable(name, "Going down", None).to_bytes() == b"421 mx.example.org Going down\r\n"


@pytest.mark.rule("S-REP-06")
@pytest.mark.parametrize("name", ["", "a b", "caf\u00e9.example", "a\r\n", "a\tb"])
def test_the_name_of_the_server_is_one_word(name: str) -> None:
    for build in (replies.greeting, replies.hello_ok, replies.closing, replies.unavailable):
        with pytest.raises(SyntaxProblem):
            build(name)


@pytest.mark.rule("S-CMD-EHLO-05", "X-FW-07")
def test_the_reply_to_ehlo() -> None:
    assert replies.hello_ok("h").to_bytes() == b"250 h\r\n"
    reply = replies.hello_ok("s.example", "hello", ["A", "B 1 2", "C"])
    assert reply.to_bytes() == b"250-s.example hello\r\n250-A\r\n250-B 1 2\r\n250 C\r\n"
    assert replies.hello_ok("h", keywords=["X " + "y" * 504]).to_bytes().endswith(b" " + b"y" * 504 + b"\r\n")


@pytest.mark.rule("S-CMD-EHLO-05")
@pytest.mark.parametrize(
    "line", ["", " A", "-A", "A ", "A  1", "A=1", "A_B", "A 1\t2", "A \u00e9", "A\r\n250 B", "2.0.0 A"]
)
def test_lines_of_the_reply_to_ehlo_keep_to_the_grammar(line: str) -> None:
    with pytest.raises(SyntaxProblem):
        replies.hello_ok("h", keywords=[line])


@pytest.mark.rule("S-CMD-EHLO-05", "B-LIM-05")
@pytest.mark.parametrize(("text", "keyword"), [("", "X " + "y" * 505), ("z" * 505, "X")])
def test_lines_of_the_reply_to_ehlo_are_never_folded(text: str, keyword: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        replies.hello_ok("h", text, [keyword])
    assert caught.value.reason == "limit-line"


def test_help() -> None:
    assert replies.help_text(["one", "two"]).to_bytes() == b"214-2.0.0 one\r\n214 2.0.0 two\r\n"
