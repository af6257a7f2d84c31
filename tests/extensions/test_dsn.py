"""DSN (RFC 3461, RFC 6533)."""

from __future__ import annotations

import pytest

from smtpcore.commands import Mail, Problem, Rcpt, parse
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.dsn import ENVID, NOTIFY, ORCPT, RET, Dsn, Notify, OriginalRecipient, Ret
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.leniency import STRICT
from tests.extensions.plans import plan
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
SUCCESS, FAILURE, DELAY, NEVER = Notify.SUCCESS, Notify.FAILURE, Notify.DELAY, Notify.NEVER


@rule("X-DSN-05", "X-DSN-06", "X-DSN-07", "X-DSN-08")
def test_notify() -> None:
    assert NOTIFY.parse("SUCCESS,FAILURE,DELAY") == {SUCCESS, FAILURE, DELAY}
    assert NOTIFY.parse("Success,deLay") == {SUCCESS, DELAY}
    assert NOTIFY.parse("DELAY,DELAY") == {DELAY}
    assert NOTIFY.parse("never") == {NEVER}
    for wrong in (None, "", "NEVER,SUCCESS", "SUCCESS,,DELAY", "SUCCESS,", "SOON", "succe\u017f\u017f"):
        with pytest.raises(SyntaxProblem):
            NOTIFY.parse(wrong)
    assert NOTIFY(frozenset((DELAY, SUCCESS))) == ("NOTIFY", "SUCCESS,DELAY")
    assert NOTIFY(frozenset((NEVER,))) == ("NOTIFY", "NEVER")
    for unsayable in (frozenset[Notify](), frozenset((NEVER, FAILURE))):
        with pytest.raises(SyntaxProblem, match="NEVER alone"):
            NOTIFY(unsayable)


@rule("X-DSN-14", "X-DSN-07")
def test_ret() -> None:
    assert (RET.parse("hdrs"), RET.parse("FULL")) == (Ret.HDRS, Ret.FULL)
    assert RET(Ret.FULL) == ("RET", "FULL")
    for wrong in (None, "", "BODY", "FULL,HDRS"):
        with pytest.raises(SyntaxProblem):
            RET.parse(wrong)


@rule("X-DSN-15", "X-DSN-11", "X-DSN-01", "X-DSN-03")
def test_envid() -> None:
    assert ENVID.parse("a+2Bb") == "a+b"
    assert ENVID.parse("(x)") == "(x)"
    assert ENVID.parse("x" * 100) == "x" * 100
    for wrong in (None, "x" * 101, "a+2", "a+", "a+ZZ", "a+0D+0AX", "+00"):
        with pytest.raises(SyntaxProblem):
            ENVID.parse(wrong)
    assert ENVID("a=b c+d") == ("ENVID", "a+3Db+20c+2Bd")
    for unsayable in ("", "+" * 34, "\r\n", "\xe9"):
        with pytest.raises(SyntaxProblem):
            ENVID(unsayable)


@rule("X-DSN-10", "X-DSN-11", "X-DSN-12")
def test_orcpt() -> None:
    assert ORCPT.parse("rfc822;Bob@Example.COM") == OriginalRecipient("Bob@Example.COM")
    assert ORCPT.parse("x400;not+20an+3Daddress") == OriginalRecipient("not an=address", "x400")
    assert ORCPT.parse("rfc822;") == OriginalRecipient("")
    assert ORCPT.parse("rfc822;" + "o" * 500).address == "o" * 500
    for wrong in (None, "", "Bob@x", ";x", "a b;x", "rfc822;" + "o" * 501, "rfc822;+00", "rfc822;+0D+0A"):
        with pytest.raises(SyntaxProblem):
            ORCPT.parse(wrong)
    assert ORCPT(OriginalRecipient("a=b@c")) == ("ORCPT", "rfc822;a+3Db@c")
    with pytest.raises(SyntaxProblem, match="address type"):
        OriginalRecipient("a@b", "a;b")
    with pytest.raises(SyntaxProblem, match="500 octets"):
        OriginalRecipient("o" * 500)


@rule("X-DSN-37", "X-DSN-38", "X-DSN-40")
def test_orcpt_of_internationalised_addresses() -> None:
    assert ORCPT.parse("utf-8;\\x{E9}@x") == ORCPT.parse("UTF-8;\xe9@x").__replace__(address_type="utf-8")
    assert ORCPT(OriginalRecipient("a=b\xe9@x", "utf-8")) == ("ORCPT", "utf-8;a\\x{3D}b\\x{E9}@x")
    for wrong in ("utf-8;\\x{41}", "utf-8;\\x{D800}", "utf-8;\\x{110000}", "utf-8;\\x{0A}", "utf-8;a+b"):
        with pytest.raises(SyntaxProblem):
            ORCPT.parse(wrong)


@rule("X-DSN-16", "X-DSN-17", "X-DSN-20", "X-DSN-21")
def test_refusals() -> None:
    talk = Talk().hello()
    for bad in ("RET=FULL RET=FULL", "ENVID=a envid=a", "RET=BODY", "ENVID=a+2", "RET", "ENVID="):
        assert talk.codes(f"MAIL FROM:<a@b> {bad}") == [501]
    assert talk.codes("MAIL FROM:<a@b> NOTIFY=NEVER", "MAIL FROM:<a@b> ORCPT=rfc822;a@b") == [555, 555]
    assert talk.codes("MAIL FROM:<a@b>") == [250]
    for bad in ("ORCPT=rfc822;a ORCPT=rfc822;a", "NOTIFY=DELAY NOTIFY=DELAY", "NOTIFY=NEVER,DELAY", "ORCPT=x"):
        assert talk.codes(f"RCPT TO:<a@b> {bad}") == [501]
    assert talk.codes("RCPT TO:<a@b> RET=FULL", "RCPT TO:<a@b> ENVID=a") == [555, 555]


@rule("X-DSN-18", "X-DSN-19", "X-DSN-09")
def test_valid_parameters_change_no_reply() -> None:
    replies = set()
    for mail in ("", " RET=HDRS ENVID=QQ314159", " RET=FULL"):
        for rcpt in ("", " NOTIFY=NEVER", " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@Example.COM"):
            talk = Talk().hello()
            replies.add(tuple(talk.replies(f"MAIL FROM:<a@b>{mail}", f"RCPT TO:<c@d>{rcpt}")))
            found = NOTIFY.get(talk.all(Rcpt)[0].params)
            assert found == {"": None, " NOTIFY=NEVER": {NEVER}}.get(rcpt, {SUCCESS, DELAY})
    assert len(replies) == 1


@rule("X-DSN-04", "X-FW-30")
def test_the_raw_values_are_kept_for_relays() -> None:
    talk = Talk().hello()
    assert talk.codes("MAIL FROM:<a@b> ENVID=+41 RET=hdrs", "RCPT TO:<c@d> ORCPT=RFC822;Bob") == [250, 250]
    assert talk.all(Mail)[0].to_bytes() == b"MAIL FROM:<a@b> ENVID=+41 RET=hdrs\r\n"
    assert talk.all(Rcpt)[0].to_bytes() == b"RCPT TO:<c@d> ORCPT=RFC822;Bob\r\n"
    assert ENVID.get(talk.all(Mail)[0].params) == "A"


def test_where_it_is_not_offered() -> None:
    others = [each for each in with_extensions() if each.keyword != "DSN"]
    assert Talk(extensions=others).hello().codes("MAIL FROM:<a@b> RET=FULL") == [555]
    assert plan(Dsn(), offered="", params=(("RET", "FULL"),)) == "MAIL FROM:<a@b>"
    assert plan(Dsn(), offered="DSN", params=(("RET", "FULL"),)) == "MAIL FROM:<a@b> RET=FULL"


def test_utf8_in_an_original_recipient_is_tolerated_and_reported() -> None:
    line = b"RCPT TO:<a@b.example> ORCPT=rfc822;+CE+B4@c.example"
    taken = parse(line, ExtensionSet([Dsn()]).language())
    assert isinstance(taken, Rcpt)
    assert taken.deviations == ("xtext_utf8",)
    assert ORCPT.get(taken.params) == OriginalRecipient._make("\u03b4@c.example", "rfc822")
    assert str(taken.params) == " ORCPT=rfc822;+CE+B4@c.example"
    assert isinstance(parse(line, ExtensionSet([Dsn()]).language(leniency=STRICT)), Problem)
