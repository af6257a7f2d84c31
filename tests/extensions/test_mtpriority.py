"""MT-PRIORITY (RFC 6710)."""

from __future__ import annotations

import pytest

from smtpcore.commands import Mail
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.mtpriority import MT_PRIORITY, MtPriority
from smtpcore.replies import Reply
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
OFFER = with_extensions(MtPriority("MIXER"))


def test_the_offer() -> None:
    assert "MT-PRIORITY MIXER" in Talk(extensions=OFFER).keywords
    assert "MT-PRIORITY" in Talk(extensions=[MtPriority()]).keywords
    with pytest.raises(SyntaxProblem, match="priority profile"):
        MtPriority("two words")


@rule("X-MTPRIORITY-01", "X-MTPRIORITY-02")
def test_the_value() -> None:
    assert [MT_PRIORITY.parse(value) for value in ("-9", "-1", "0", "9")] == [-9, -1, 0, 9]
    assert MT_PRIORITY(-9) == ("MT-PRIORITY", "-9")
    for wrong in (None, "", "+3", "-0", "03", "10", "-10", "\u0661"):
        with pytest.raises(SyntaxProblem):
            MT_PRIORITY.parse(wrong)
    for number in (-10, 10):
        with pytest.raises(SyntaxProblem):
            MT_PRIORITY(number)
    talk = Talk(extensions=OFFER).hello()
    assert talk.codes("MAIL FROM:<a@b> MT-PRIORITY=10", "MAIL FROM:<a@b> MT-PRIORITY=1 MT-PRIORITY=1") == [501, 501]


@rule("X-MTPRIORITY-05", "X-MTPRIORITY-06", "X-MTPRIORITY-09")
@pytest.mark.parametrize("lmtp", [False, True])
def test_the_application_decides_about_the_priority(lmtp: bool) -> None:
    changed = Reply(250, "-2 is the new priority", "2.3.6")
    low, big = Reply(450, "Priority too low", "4.7.15"), Reply(552, "Too big for this priority", "5.7.16")
    talk = Talk({"MAIL": [low, big, changed]}, extensions=OFFER, lmtp=lmtp, strict_replies=True).hello()
    assert talk("MAIL FROM:<a@b> MT-PRIORITY=-9") == "450 4.7.15 Priority too low"
    assert talk("MAIL FROM:<a@b> MT-PRIORITY=9") == "552 5.7.16 Too big for this priority"
    assert talk("MAIL FROM:<a@b> MT-PRIORITY=-3") == "250 2.3.6 -2 is the new priority"
    assert MT_PRIORITY.get(talk.all(Mail)[-1].params) == -3
