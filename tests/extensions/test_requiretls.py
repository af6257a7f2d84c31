"""REQUIRETLS (RFC 8689)."""

from __future__ import annotations

import pytest

from smtpcore.commands import Mail
from smtpcore.extensions.requiretls import REQUIRETLS, RequireTls
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
OFFER = with_extensions(RequireTls())


@rule("X-REQUIRETLS-02", "X-REQUIRETLS-03")
def test_it_is_offered_under_tls_only() -> None:
    assert "REQUIRETLS" in Talk(extensions=OFFER, tls=True).keywords
    talk = Talk(extensions=OFFER)
    assert "REQUIRETLS" not in talk.keywords
    assert talk("MAIL FROM:<a@b> REQUIRETLS").startswith("555 5.5.4 ")


@rule("X-REQUIRETLS-01", "X-REQUIRETLS-06")
def test_the_parameter() -> None:
    talk = Talk(extensions=OFFER, tls=True).hello()
    assert talk.codes("MAIL FROM:<a@b> REQUIRETLS=1", "MAIL FROM:<a@b> requiretls") == [501, 250]
    assert talk.codes("RCPT TO:<a@b> REQUIRETLS") == [555]
    assert REQUIRETLS.get(talk.all(Mail)[0].params) is True


def test_what_a_client_says() -> None:
    wanted = (("REQUIRETLS", None),)
    assert plan(RequireTls(), offered="REQUIRETLS", params=wanted, tls_verified=True) == "MAIL FROM:<a@b> REQUIRETLS"
    assert plan(RequireTls(), offered="") == "MAIL FROM:<a@b>"
    assert plan(RequireTls(), params=wanted, sender="<>") == "MAIL FROM:<>"
    assert missing(RequireTls(), offered="REQUIRETLS", params=wanted) == "requiretls-unavailable"
    assert missing(RequireTls(), offered="", params=wanted, tls_verified=True) == "requiretls-unavailable"
