"""SIZE (RFC 1870)."""

from __future__ import annotations

import pytest

from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.size import SIZE, Size
from smtpcore.limits import Limits
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
BIG = "552 5.3.4 Message size exceeds the fixed maximum"


@rule("X-SIZE-01")
def test_three_things_can_be_said_of_a_limit() -> None:
    assert "SIZE" in Talk(extensions=[Size()]).keywords
    assert "SIZE 0" in Talk(extensions=[Size(0)]).keywords
    assert "SIZE 1000" in Talk(extensions=[Size(1000)]).keywords


@rule("X-SIZE-02")
def test_the_value() -> None:
    assert SIZE.parse("00000000000000000001") == 1
    assert SIZE(10**20 - 1) == ("SIZE", "9" * 20)
    for value in (None, "", "1" * 21, "+1", "-1", "1k", "0x10", "\u0661", "1 "):
        with pytest.raises(SyntaxProblem, match="1 to 20 digits"):
            SIZE.parse(value)
    for size in (-1, 10**20):
        with pytest.raises(SyntaxProblem, match="20 digits at most"):
            SIZE(size)
        with pytest.raises(LocalProtocolError, match="20 digits at most"):
            Size(size)
    assert Talk().hello().codes("MAIL FROM:<a@b> SIZE=1k", "MAIL FROM:<a@b> SIZE") == [501, 501]


@rule("X-SIZE-05", "X-SIZE-03", "X-FW-21")
def test_a_declared_size_above_the_maximum() -> None:
    talk = Talk(extensions=with_extensions(Size(1000))).hello()
    assert talk("MAIL FROM:<a@b> SIZE=1001") == BIG
    assert talk("MAIL FROM:<a@b> SIZE=99999999999999999999") == BIG
    assert talk.codes("RCPT TO:<c@d>", "MAIL FROM:<a@b> SIZE=x", "MAIL FROM:<a@b> FROB=1") == [503, 501, 555]
    assert talk.codes("MAIL FROM:<a@b> SIZE=1000", "RCPT TO:<c@d>") == [250, 250]


@rule("X-SIZE-07", "X-SIZE-08")
@pytest.mark.parametrize("maximum", [None, 0])
def test_without_a_maximum_any_size_is_asked_of_the_application(maximum: int | None) -> None:
    talk = Talk(extensions=[Size(maximum)]).hello()
    assert talk.codes("MAIL FROM:<a@b> SIZE=99999999999999999999") == [250]
    envelope = talk.connection.session.envelope
    assert envelope is not None
    assert SIZE.get(envelope.mail.params) == 10**20 - 1


@rule("X-SIZE-13", "X-SIZE-12", "X-SIZE-15")
def test_the_maximum_is_of_what_comes() -> None:
    talk = Talk(extensions=[Size(30)]).hello()
    assert talk.codes("MAIL FROM:<a@b> SIZE=10", "RCPT TO:<c@d>", "DATA", b"x" * 20 + b"\r\n.\r\n") == [
        250,
        250,
        354,
        250,
    ]
    assert talk.data().codes(b"x" * 30 + b"\r\n.\r\n", "NOOP") == [552, 250]


@rule("S-LIM-09", "S-CMD-MAIL-15")
def test_the_smaller_limit_is_announced_and_holds() -> None:
    assert Size(10).fitted(Limits(message=20)) == Size(10)
    assert Size(30).fitted(Limits(message=20)) == Size(20)
    for open_end in (Size(), Size(0)):
        assert open_end.fitted(Limits(message=20)) == Size(20)
        assert open_end.fitted(Limits()) == open_end


@rule("X-SIZE-21")
def test_what_a_client_says() -> None:
    assert plan(Size(), offered="SIZE 1000", size=1000) == "MAIL FROM:<a@b> SIZE=1000"
    for offered in ("SIZE", "SIZE 0", "SIZE abc"):
        assert plan(Size(), offered=offered, size=10**9) == f"MAIL FROM:<a@b> SIZE={10**9}"
    assert plan(Size(), offered="", size=5) == "MAIL FROM:<a@b>"
    assert plan(Size(), offered="SIZE 1000") == "MAIL FROM:<a@b>"
    assert missing(Size(), offered="SIZE 1000 extra", size=1001) == "size-exceeded"
