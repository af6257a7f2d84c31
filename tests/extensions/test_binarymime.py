"""BINARYMIME (RFC 3030 3); the content itself is in test_server_chunks."""

from __future__ import annotations

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.binarymime import BinaryMime
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.registry import ExtensionSet
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk

rule = pytest.mark.rule
BOTH = (Chunking(), BinaryMime())


@rule("X-BINARYMIME-01")
def test_it_needs_chunking() -> None:
    with pytest.raises(LocalProtocolError, match="BINARYMIME needs CHUNKING as well"):
        ExtensionSet([BinaryMime(), EightBitMime()])


@rule("X-BINARYMIME-04")
@pytest.mark.parametrize("value", ["BINARYMIME", "binarymime"])
def test_any_octet_goes_with_it_and_text_without(value: str) -> None:
    for body, code in ((f" BODY={value}", 250), (" BODY=7BIT", 554), ("", 554)):
        talk = Talk(extensions=BOTH).hello()
        assert talk.codes(f"MAIL FROM:<a@b>{body}", "RCPT TO:<c@d>", b"BDAT 3 LAST\r\n\n\r\0") == [250, 250, code]


def test_what_a_client_says() -> None:
    offered = "BINARYMIME|CHUNKING"
    assert plan(*BOTH, offered=offered, binary=True) == "MAIL FROM:<a@b> BODY=BINARYMIME"
    assert plan(*BOTH, offered=offered, eight_bit=False) == "MAIL FROM:<a@b>"
    for less in ("CHUNKING", "BINARYMIME", ""):
        assert missing(*BOTH, offered=less, binary=True) == "binarymime-unavailable"
