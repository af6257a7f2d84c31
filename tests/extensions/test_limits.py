"""LIMITS (RFC 9422)."""

from __future__ import annotations

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.limits import LimitsExtension, read_limits
from tests.server_tools import NO, Talk, with_extensions

rule = pytest.mark.rule


def limited(answers: dict[str, object] | None = None, **limits: int) -> Talk:
    return Talk(answers, extensions=with_extensions(LimitsExtension(**limits))).hello()  # type: ignore[arg-type]


@rule("X-LIMITS-06")
def test_what_is_announced() -> None:
    assert "LIMITS MAILMAX=2 RCPTMAX=3 RCPTDOMAINMAX=4" in limited(mailmax=2, rcptmax=3, rcptdomainmax=4).keywords
    assert "LIMITS RCPTMAX=999999" in limited(rcptmax=999_999).keywords
    assert not any(line.startswith("LIMITS") for line in limited().keywords)
    for wrong in (0, -1, 1_000_000):
        with pytest.raises(LocalProtocolError, match="1 to 999999"):
            LimitsExtension(wrong)


@rule("X-LIMITS-06", "X-LIMITS-09")
def test_mailmax_closes() -> None:
    talk = limited({"MAIL": NO}, mailmax=2)
    assert talk.codes("MAIL FROM:<a@b>", "MAIL FROM:<a@b>") == [550, 550]
    assert talk("MAIL FROM:<a@b>", "NOOP") == "421 4.7.0 mx.example.org Too many messages in this session"
    assert talk.error is None
    assert talk.refused == [421]
    talk = limited(mailmax=2)
    for _ in range(2):
        assert talk.data().codes(b".\r\n") == [250]
    assert talk.codes("EHLO x", "MAIL FROM:<a@b>") == [250, 421]


@rule("X-LIMITS-06", "X-LIMITS-09")
def test_rcptmax_is_of_a_transaction() -> None:
    talk = limited({"RCPT": [None, NO, None]}, rcptmax=3)
    for _ in range(2):
        said = ["MAIL FROM:<a@b>", *["RCPT TO:<c@d>"] * 4, "RSET"]
        codes = talk.codes(*said)
        assert codes[:1] + codes[4:] == [250, 452, 250]
    assert b"452 4.5.3 Too many recipients\r\n" in talk.output
    talk = limited(rcptmax=2)
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<>", "RCPT TO:<a@b>", "RCPT TO:<a@b>") == [250, 501, 250, 452]


@rule("X-LIMITS-06")
def test_rcptdomainmax_is_of_a_session() -> None:
    talk = limited(rcptdomainmax=2).envelope("a@One", "b@two", "c@oNE")
    assert talk.codes("RCPT TO:<d@three>", "RCPT TO:<e@one>") == [452, 250]
    assert talk.codes("RSET", "EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<d@three>") == [250, 250, 250, 452]
    assert talk.codes("RCPT TO:<x@TWO>") == [250]


@rule("X-LIMITS-06")
def test_without_limits_all_is_taken() -> None:
    assert limited().codes("MAIL FROM:<a@b>", *[f"RCPT TO:<a@d{n}>" for n in range(50)]) == [250] * 51


def test_what_a_client_reads() -> None:
    assert read_limits(["mailmax=2", "RCPTMAX=30", "XOTHER=7"]) == {"MAILMAX": 2, "RCPTMAX": 30, "XOTHER": 7}
    assert read_limits(["MAILMAX=0", "RCPTMAX=03", "X=1000000", "RCPTDOMAINMAX=5"]) == {"RCPTDOMAINMAX": 5}
    assert read_limits(["MAILMAX=2", "what"]) == {}
    assert read_limits([]) == {}
