"""DELIVERBY (RFC 2852)."""

from __future__ import annotations

import pytest

from smtpcore.commands import Mail
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.deliverby import BY, DeliverBy, DeliverByExtension
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule


def offering(minimum: int | None = None) -> Talk:
    return Talk(extensions=with_extensions(DeliverByExtension(minimum))).hello()


def test_the_offer() -> None:
    assert "DELIVERBY" in offering().keywords
    assert "DELIVERBY 240" in offering(240).keywords


@rule("X-DELIVERBY-02", "X-DELIVERBY-03", "X-DELIVERBY-04", "X-DELIVERBY-13")
def test_the_value() -> None:
    talk = offering()
    for good in ("BY=120;R", "BY=-5;N", "BY=+60;NT", "by=0;n", "BY=999999999;rt"):
        assert talk.codes(f"MAIL FROM:<a@b> {good}", "RSET") == [250, 250]
    for bad in (
        "BY",
        "BY=120",
        "BY=;R",
        "BY=120;X",
        "BY=1234567890;N",
        "BY=0;R",
        "BY=-1;R",
        "BY=1;RTT",
        "BY=1;R BY=1;R",
    ):
        assert talk.codes(f"MAIL FROM:<a@b> {bad}") == [501]
    assert talk("MAIL FROM:<a@b> BY=0;R") == "501 5.5.4 Syntax error in parameter"


@rule("X-DELIVERBY-05", "X-FW-21")
def test_less_than_the_minimum_is_refused_in_mode_r() -> None:
    talk = offering(240)
    assert talk("MAIL FROM:<a@b> BY=239;R").startswith("555 5.5.4 ")
    for good in ("BY=240;R", "BY=5;N", "SIZE=1", ""):
        assert talk.codes(f"MAIL FROM:<a@b> {good}", "RSET") == [250, 250]


def test_the_application_has_the_seconds() -> None:
    talk = offering()
    talk.feed("MAIL FROM:<a@b> BY=+60;nT")
    assert BY.get(talk.all(Mail)[0].params) == DeliverBy(60, "N", True)


def test_what_a_client_says() -> None:
    def wants(by: DeliverBy) -> tuple[tuple[str, str | None], ...]:
        return (BY(by),)

    extension = DeliverByExtension()
    soon, note = DeliverBy(100), DeliverBy(100, "N")
    for offered in ("DELIVERBY", "DELIVERBY 100", "DELIVERBY what"):
        assert plan(extension, offered=offered, params=wants(soon)) == "MAIL FROM:<a@b> BY=100;R"
    assert plan(extension, offered="DELIVERBY 200", params=wants(note)) == "MAIL FROM:<a@b> BY=100;N"
    assert plan(extension, offered="DELIVERBY 200") == "MAIL FROM:<a@b>"
    for offered in ("DELIVERBY 200", ""):
        assert missing(extension, offered=offered, params=wants(soon)) == "deliverby-unavailable"


def test_formatting() -> None:
    assert BY(DeliverBy(60)) == ("BY", "60;R")
    assert BY(DeliverBy(-60, "N", True)) == ("BY", "-60;NT")
    for wrong in ((0, "R"), (10**9, "N"), (-(10**9), "N"), (1, "X")):
        with pytest.raises(SyntaxProblem):
            DeliverBy(*wrong)
