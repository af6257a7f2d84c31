"""PIPELINING: what is sent ahead has the same outcome as what is sent in turn (RFC 2920)."""

from __future__ import annotations

import pytest

from smtpcore.extensions.pipelining import Pipelining
from tests.server_tools import NO, Talk

rule = pytest.mark.rule


def test_the_offer() -> None:
    assert "PIPELINING" in Talk(extensions=[Pipelining()]).keywords
    assert "PIPELINING" not in Talk(extensions=[]).keywords


@rule("X-PIPELINING-18", "X-PIPELINING-24", "X-PIPELINING-12")
def test_ahead_or_in_turn() -> None:
    said: list[str | bytes] = [
        "EHLO x",
        "MAIL FROM:<a@b>",
        "RCPT TO:<c@d>",
        "RCPT TO:<e@f>",
        "DATA",
        b"x\r\n.\r\n",
        "RSET",
        "QUIT",
    ]
    for answers in ([None, NO], [NO, None], [NO, NO]):
        together, in_turn = Talk({"RCPT": list(answers)}), Talk({"RCPT": list(answers)})
        together.feed(*said)
        for each in said:
            in_turn.feed(each)
        assert together.output == in_turn.output
        assert together.events == in_turn.events
