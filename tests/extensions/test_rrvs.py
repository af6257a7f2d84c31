"""RRVS (RFC 7293)."""

from __future__ import annotations

import pytest

from smtpcore.commands import Rcpt
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.rrvs import RRVS, Rrvs, ValidSince
from smtpcore.replies import Reply
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
OFFER = with_extensions(Rrvs())
DATE = "2014-04-03T23:01:00Z"


@rule("X-RRVS-01", "X-RRVS-02")
def test_the_value() -> None:
    assert RRVS.parse(DATE) == ValidSince(DATE)
    assert RRVS.parse(f"{DATE};r") == ValidSince(DATE, "R") != ValidSince(DATE)
    assert RRVS.parse("2014-04-03T23:01:00+00:00;C") == ValidSince("2014-04-03T23:01:00+00:00", "C")
    for wrong in (None, "", "2014-04-03", "2014-04-03T23:01:00.5Z", f"{DATE};X", f"{DATE};", f"{DATE};CC"):
        with pytest.raises(SyntaxProblem):
            RRVS.parse(wrong)
    assert RRVS(ValidSince(DATE)) == ("RRVS", DATE)
    assert RRVS(ValidSince(DATE, "C")) == ("RRVS", f"{DATE};C")
    with pytest.raises(SyntaxProblem):
        ValidSince(DATE, "X")


@rule("X-RRVS-01", "X-RRVS-03", "X-RRVS-04")
def test_it_belongs_to_rcpt_and_the_application_judges() -> None:
    talk = Talk({"RCPT": [Reply(550, "Mailbox changed hands", "5.7.17")]}, extensions=OFFER).hello()
    assert "RRVS" in talk.keywords
    assert talk.codes(f"MAIL FROM:<a@b> RRVS={DATE}", "MAIL FROM:<a@b>") == [555, 250]
    assert talk.codes("RCPT TO:<a@b> RRVS=yesterday") == [501]
    assert talk(f"RCPT TO:<a@b> RRVS={DATE}") == "550 5.7.17 Mailbox changed hands"
    assert talk.codes(f"RCPT TO:<postmaster> RRVS={DATE};R") == [250]
    assert RRVS.get(talk.all(Rcpt)[1].params) == ValidSince(DATE, "R")
