"""8BITMIME (RFC 6152)."""

from __future__ import annotations

import pytest

from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.eightbitmime import BODY, BodyType, EightBitMime
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk

rule = pytest.mark.rule


@rule("X-8BITMIME-01")
def test_the_keyword_stands_alone() -> None:
    assert "8BITMIME" in Talk().keywords


@rule("X-8BITMIME-02", "LEN-36")
def test_the_value() -> None:
    for value in ("8bitmime", "8BITMIME", "8BitMime"):
        assert BODY.parse(value) is BodyType.EIGHT_BIT_MIME
    assert BODY.parse("7bit") is BodyType.SEVEN_BIT
    assert BODY(BodyType.BINARY_MIME) == ("BODY", "BINARYMIME")
    for wrong in (None, "", "9BIT", "8BITM\u0131ME", "BINARY"):
        with pytest.raises(SyntaxProblem, match="BODY wants"):
            BODY.parse(wrong)
    assert Talk().hello().codes("MAIL FROM:<a@b> BODY=9BIT", "MAIL FROM:<a@b> body=8bitmime") == [501, 250]


@rule("X-8BITMIME-03")
def test_one_body_at_most() -> None:
    assert Talk().hello().codes("MAIL FROM:<a@b> BODY=7BIT BODY=8BITMIME") == [501]


@rule("X-BINARYMIME-02")
def test_binary_content_that_was_not_offered() -> None:
    talk = Talk(extensions=[EightBitMime()]).hello()
    assert talk("MAIL FROM:<a@b> BODY=BINARYMIME").startswith("555 ")
    assert talk.codes("MAIL FROM:<a@b> BODY=7BIT") == [250]
    assert Talk(extensions=[]).hello().codes("MAIL FROM:<a@b> BODY=7BIT") == [555]


def test_what_a_client_says() -> None:
    assert plan(EightBitMime(), offered="8BITMIME", eight_bit=True) == "MAIL FROM:<a@b> BODY=8BITMIME"
    assert plan(EightBitMime(), offered="8BITMIME", eight_bit=False) == "MAIL FROM:<a@b>"
    assert plan(EightBitMime(), offered="8BITMIME", binary=True) == "MAIL FROM:<a@b>"
    assert missing(EightBitMime(), eight_bit=True) == "8bitmime-unavailable"
