"""AUTH=, and the client's half of the exchange (RFC 4954); the server's is in test_server_auth."""

from __future__ import annotations

import pytest

from smtpcore.addresses import NULL_PATH, ReversePath
from smtpcore.commands import Mail
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.auth import AUTH_PARAMETER, AuthDialogue, AuthExtension, encode
from smtpcore.replies import Reply
from smtpcore.sasl.cram_md5 import CramMd5Client
from smtpcore.sasl.plain import PlainClient
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
OFFER = with_extensions(AuthExtension(clear_text=True))


@rule("X-AUTH-44", "X-AUTH-45", "B-CMD-MAIL-13")
def test_the_submitter() -> None:
    talk = Talk(extensions=OFFER).hello()
    for good in ("<>", "e+3Dmc2@example.com", "a@b", "e+3dmc2@example.com"):
        assert talk.codes(f"MAIL FROM:<a@b> AUTH={good}", "RSET") == [250, 250]
    for bad in ("", "=", "=foo", "=<a@b>", "=a+2@b", "=+3Ca@b+3E"):
        assert talk.codes(f"MAIL FROM:<a@b> AUTH{bad}") == [501]
    null, submitter, *_ = (AUTH_PARAMETER.get(mail.params) for mail in talk.all(Mail))
    assert null == NULL_PATH
    assert submitter is not None
    assert str(submitter) == "<e=mc2@example.com>"
    assert talk.connection.session.identity is None


@rule("X-AUTH-45", "B-CMD-MAIL-13")
def test_the_submitter_on_the_wire() -> None:
    assert AUTH_PARAMETER(NULL_PATH) == ("AUTH", "<>")
    assert AUTH_PARAMETER(ReversePath.of("<e=mc2@example.com>")) == ("AUTH", "e+3Dmc2@example.com")
    with pytest.raises(SyntaxProblem):
        AUTH_PARAMETER.parse(None)


@rule("X-AUTH-44")
def test_where_auth_is_not_offered_the_parameter_is_unknown() -> None:
    assert Talk(extensions=with_extensions(AuthExtension())).hello().codes("MAIL FROM:<a@b> AUTH=<>") == [555]


@rule("X-AUTH-20")
def test_the_client_cancels_what_makes_no_sense() -> None:
    dialogue = AuthDialogue(CramMd5Client("tim", "pencil"))
    assert dialogue.command.initial is None
    assert dialogue.receive(Reply(334, "AAA=BBB")) == b"*"
    assert dialogue.finish(Reply(235, "OK")) == "the server says 235 but has not proved itself"
    assert AuthDialogue(CramMd5Client("tim", "pencil")).receive(Reply(334, ("a", "b"))) == b"*"
    assert AuthDialogue(CramMd5Client("tim", "pencil")).receive(Reply(354, "Go")) == b"*"
    plain = AuthDialogue(PlainClient("tim", "pencil"))
    assert plain.receive(Reply(334, encode(b"more?"))) == b"*"


def test_the_client_believes_235_only() -> None:
    plain = AuthDialogue(PlainClient("tim", "pencil"))
    assert plain.command.initial == b"\0tim\0pencil"
    assert plain.finish(Reply(235, "OK")) == ""
    assert plain.finish(Reply(535, "No")) == ""
    assert plain.finish(Reply(250, "OK")) == "250 does not end an authentication exchange; 235 does"
    later = AuthDialogue(PlainClient("tim", "pencil"), initial_response=False)
    assert later.command.initial is None
    assert later.finish(Reply(235, "OK")) == "the server says 235 but has not proved itself"
    assert later.receive(Reply(334, "")) == encode(b"\0tim\0pencil").encode()
    assert later.finish(Reply(235, "OK")) == ""
