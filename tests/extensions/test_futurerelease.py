"""FUTURERELEASE (RFC 4865)."""

from __future__ import annotations

import pytest

from smtpcore.commands import Mail
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.deliverby import DeliverByExtension
from smtpcore.extensions.futurerelease import HOLDFOR, HOLDUNTIL, FutureRelease
from smtpcore.extensions.known import SERVER_EXTENSIONS
from smtpcore.replies import Reply
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
OFFER = with_extensions(FutureRelease(86400, "2030-01-01T00:00:00Z"), DeliverByExtension())


@rule("X-FUTURERELEASE-01", "X-FUTURERELEASE-02", "X-MIX-16")
def test_the_offer() -> None:
    assert "FUTURERELEASE 86400 2030-01-01T00:00:00Z" in Talk(extensions=OFFER).keywords
    assert "FUTURERELEASE" not in SERVER_EXTENSIONS
    for wrong in (
        (0, "2030-01-01T00:00:00Z"),
        (10**9, "2030-01-01T00:00:00Z"),
        (1, "2030-01-01T00:00:00+01:00"),
        (1, ""),
    ):
        with pytest.raises(LocalProtocolError, match="FUTURERELEASE wants"):
            FutureRelease(*wrong)


@rule("X-FUTURERELEASE-04", "X-FUTURERELEASE-05")
def test_the_values() -> None:
    talk = Talk(extensions=OFFER).hello()
    for good in ("HOLDFOR=1", "HOLDFOR=86400", "HOLDUNTIL=2014-04-03T23:01:00Z", "HOLDUNTIL=2030-01-01T00:00:00Z"):
        assert talk.codes(f"MAIL FROM:<a@b> {good}", "RSET") == [250, 250]
    dates = [
        "2014-02-30T00:00:00Z",
        "2014-04-03T23:01:00+01:00",
        "2014-04-03T23:01:00.5Z",
        "2014-04-03",
        "2014-04-03T23:01:00z",
    ]
    for bad in [
        "HOLDFOR",
        "HOLDFOR=0",
        "HOLDFOR=007",
        "HOLDFOR=1000000000",
        "HOLDUNTIL",
        *(f"HOLDUNTIL={d}" for d in dates),
    ]:
        assert talk("MAIL FROM:<a@b> " + bad) == "501 5.5.4 Syntax error in parameter"


@rule("X-FUTURERELEASE-06", "X-FW-22")
def test_one_of_the_two() -> None:
    talk = Talk(extensions=OFFER).hello()
    for both in ("HOLDFOR=60 HOLDUNTIL=2014-04-03T23:01:00Z", "HOLDFOR=60 HOLDFOR=60"):
        assert talk.codes(f"MAIL FROM:<a@b> {both}") == [501]


@rule("X-FUTURERELEASE-07", "X-FUTURERELEASE-09")
def test_what_is_too_late() -> None:
    talk = Talk(extensions=OFFER).hello()
    for late in ("HOLDFOR=86401", "HOLDUNTIL=2030-01-01T00:00:01Z", "BY=60;R HOLDFOR=120", "HOLDFOR=120 BY=60;N"):
        assert talk.codes(f"MAIL FROM:<a@b> {late}") == [501]
    for good in ("BY=120;R HOLDFOR=120", "BY=60;R", "SIZE=5", "BY=60;R HOLDUNTIL=2014-04-03T23:01:00Z"):
        assert talk.codes(f"MAIL FROM:<a@b> {good}", "RSET") == [250, 250]


@rule("X-FUTURERELEASE-11")
def test_the_application_has_the_moment() -> None:
    quota = Reply(552, "Too much is held for you", "5.7.16")
    talk = Talk({"MAIL": [quota]}, extensions=OFFER).hello()
    assert talk("MAIL FROM:<a@b> HOLDFOR=60") == "552 5.7.16 Too much is held for you"
    talk.feed("MAIL FROM:<a@b> HOLDFOR=60")
    assert HOLDFOR.get(talk.all(Mail)[0].params) == 60
    assert HOLDUNTIL.get(talk.all(Mail)[0].params) is None


def test_what_a_client_says() -> None:
    extension, limits = FutureRelease(1, "2000-01-01T00:00:00Z"), "FUTURERELEASE 100 2030-01-01T00:00:00Z"
    hold, until = (HOLDFOR(100),), (HOLDUNTIL("2030-01-01T00:00:00Z"),)
    assert plan(extension, offered=limits, params=hold) == "MAIL FROM:<a@b> HOLDFOR=100"
    assert plan(extension, offered=limits, params=until) == "MAIL FROM:<a@b> HOLDUNTIL=2030-01-01T00:00:00Z"
    assert plan(extension, offered=limits) == plan(extension) == "MAIL FROM:<a@b>"
    unheld: list[tuple[tuple[str, str | None], ...]] = [
        (HOLDFOR(101),),
        (HOLDUNTIL("2030-01-01T00:00:01Z"),),
        (*hold, *until),
    ]
    for params in unheld:
        assert missing(extension, offered=limits, params=params) == "futurerelease-unavailable"
    assert missing(extension, offered=limits, params=hold, sender="<>") == "futurerelease-unavailable"
    for offered in ("FUTURERELEASE", "FUTURERELEASE x 2030-01-01T00:00:00Z", "FUTURERELEASE 100 never", ""):
        assert missing(extension, offered=offered, params=hold) == "futurerelease-unavailable"


def test_formatting() -> None:
    assert HOLDFOR(60) == ("HOLDFOR", "60")
    assert HOLDUNTIL("2030-01-01T00:00:00Z") == ("HOLDUNTIL", "2030-01-01T00:00:00Z")
    for wrong in (0, 10**9):
        with pytest.raises(SyntaxProblem):
            HOLDFOR(wrong)
    with pytest.raises(SyntaxProblem):
        HOLDUNTIL("tomorrow")
