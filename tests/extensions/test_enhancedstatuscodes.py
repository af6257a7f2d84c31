"""ENHANCEDSTATUSCODES (RFC 2034)."""

from __future__ import annotations

import re

import pytest

from smtpcore.extensions.auth import AuthExtension
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
SESSION: list[str | bytes] = [
    "FOO",
    "EHLO",
    "EHLO x",
    "HELO x",
    "RCPT TO:<a@b>",
    "MAIL FROM:<",
    "NOOP",
    "HELP",
    "VRFY a",
    "EXPN a",
    "TURN",
    "EHLO x",
    "AUTH PLAIN",
    "*",
    "AUTH PLAIN AHRpbQBwZW5jaWw=",
    "AUTH PLAIN",
    "MAIL FROM:<a@b> SIZE=1",
    "MAIL FROM:<a@b> FROB",
    "RCPT TO:<a@b>",
    "DATA",
    b"hi\r\n.\r\n",
    b"BDAT 1 LAST\r\nx",
    "N" * 3000,
    "RSET",
    "QUIT",
]


@rule("X-ENHANCED-01", "X-ENHANCED-02", "X-ENHANCED-03", "S-ENH-02", "S-ENH-03", "X-MIX-11")
@pytest.mark.parametrize("offered", [True, False])
def test_which_replies_have_a_code(offered: bool) -> None:
    extensions = [each for each in with_extensions() if offered or each.keyword != "ENHANCEDSTATUSCODES"]
    talk = Talk(extensions=[*extensions, AuthExtension(clear_text=True)])
    plain = re.compile(r"[2-5][0-5][0-9][ -](?![245]\.\d)")
    coded = re.compile(r"([245])[0-5][0-9][ -]\1\.\d{1,3}\.\d{1,3} ")
    assert plain.match(talk.greeting.decode())
    for said in SESSION:
        for reply in talk.replies(said):
            hello = isinstance(said, str) and said[:4] in ("EHLO", "HELO")
            pattern = coded if offered and not hello and reply[0] != "3" else plain
            assert all(pattern.match(line) for line in reply.split("\n")), reply


@rule("X-ENHANCED-12", "S-ENH-11")
def test_the_codes() -> None:
    talk = Talk(extensions=with_extensions(AuthExtension(clear_text=True)))
    found = [reply[:9].replace("-", " ") for said in SESSION for reply in talk.replies(said)]
    for wanted in "500 5.5.1|503 5.5.1|501 5.1.7|250 2.0.0|214 2.0.0|252 2.5.0|502 5.5.1|501 5.7.0|235 2.7.0".split(
        "|"
    ):
        assert wanted in found
    for wanted in "250 2.1.0|555 5.5.4|250 2.1.5|250 2.6.0|500 5.5.2|221 2.0.0".split("|"):
        assert wanted in found
