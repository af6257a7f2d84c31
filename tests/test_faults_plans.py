"""Small faults of plans and of sets of extensions, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.commands import Mail, Rcpt
from smtpcore.extensions.base import Extension, Verb
from smtpcore.extensions.binarymime import BinaryMime
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.deliverby import DeliverByExtension
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.extensions.planning import MailPlan, MissingExtension, announces_eight_bit, header_needs_utf8, planners
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.smtputf8 import SmtpUtf8
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.mailboxes import Unqualified
from smtpcore.parameters import Parameter, Parameters, bare, no_value
from tests.extensions.plans import missing, plan
from tests.server_tools import Talk

rule = pytest.mark.rule
FROM, TO = ReversePath.of("<a@b>"), ForwardPath.of("<c@d>")


# -- what a message needs ---------------------------------------------------------------------------------------------

KINDS = (EightBitMime(), SmtpUtf8(), Chunking(), BinaryMime())
ALL = "8BITMIME|SMTPUTF8|CHUNKING|BINARYMIME"


def test_a_header_in_utf8_beside_parameters() -> None:
    said = plan(*KINDS, offered=ALL, utf8=True, eight_bit=False, params=(("BODY", "7BIT"),))
    assert said == "MAIL FROM:<a@b> BODY=7BIT SMTPUTF8"
    assert missing(*KINDS, utf8=True, eight_bit=False, params=(("BODY", "7BIT"),)) == "smtputf8-unavailable"


def test_smtputf8_that_the_caller_asks_for() -> None:
    assert missing(*KINDS, offered="SMTPUTF8", params=(("SMTPUTF8", None),)) == "smtputf8-unavailable"
    for known in (KINDS, KINDS[:1]):
        assert missing(*known, offered="8BITMIME", params=(("SMTPUTF8", None),)) == "smtputf8-unavailable"


def test_binary_content_with_another_body() -> None:
    for body in ("7BIT", "8BITMIME", "BINARYMIME"):
        said = plan(*KINDS, offered=ALL, binary=True, params=(("BODY", body),))
        assert said == "MAIL FROM:<a@b> BODY=BINARYMIME"


def test_a_body_that_nobody_looked_at() -> None:
    assert missing(*KINDS, params=(("BODY", "8BITMIME"),)) == "8bitmime-unavailable"
    assert plan(*KINDS, params=(("BODY", "7BIT"),)) == "MAIL FROM:<a@b>"
    assert plan(*KINDS, params=(("BODY", "8BITMIME"),), eight_bit=False) == "MAIL FROM:<a@b>"


@rule("X-SMTPUTF8-07")
def test_domains_in_ascii_for_a_server_without_smtputf8() -> None:
    mail, rcpts = Mail(ReversePath.of("<a@b\xfccher.example>")), [Rcpt(ForwardPath.of("<c@b\xfccher.example>"))]
    planned = MailPlan({}, mail, rcpts)
    assert planned.utf8 is False
    assert str(planned.path) == str(planned.rcpts[0].path).replace("c@", "a@") == "<a@xn--bcher-kva.example>"
    planned = MailPlan({"SMTPUTF8": ()}, mail, rcpts)
    assert planned.utf8 is True
    assert planned.path == mail.path


@pytest.mark.parametrize("keyword", ["RET", "ENVID", "AUTH", "SIZE", "NOTIFY", "ORCPT"])
def test_what_is_left_out_where_it_is_not_offered(keyword: str) -> None:
    values = {"RET": "HDRS", "AUTH": "<>", "SIZE": "5", "NOTIFY": "NEVER", "ORCPT": "rfc822;c@d"}
    params = Parameters(((keyword, values.get(keyword, "x")),))
    mail, rcpt = (Mail(FROM), Rcpt(TO, params)) if keyword in ("NOTIFY", "ORCPT") else (Mail(FROM, params), Rcpt(TO))
    planned = MailPlan({}, mail, [rcpt])
    planned.finish(CLIENT_EXTENSIONS)
    assert planned.dropped == (keyword,)
    assert (planned.mail, planned.rcpts) == (Mail(FROM), [Rcpt(TO)])


def test_what_a_plan_knows_when_it_is_told_nothing() -> None:
    planned = MailPlan({}, Mail(FROM), [Rcpt(TO)])
    assert (planned.size, planned.eight_bit, planned.binary, planned.utf8) == (None, False, False, False)
    assert planned.tls_verified is False
    assert missing(params=(("XFOO", None),)) == "xfoo-unavailable"
    planned = MailPlan({}, Mail(FROM, Parameters((("XFOO", None),))), [Rcpt(TO)])
    assert planned.utf8 is False
    planned.finish(CLIENT_EXTENSIONS, extra=True)
    assert str(planned.mail_params) == " XFOO"


def test_every_parameter_is_looked_at() -> None:
    for params in ((("BODY", "7BIT"), ("BY", "5;R")), (("SMTPUTF8", None), ("BY", "5;R"))):
        assert missing(*KINDS, DeliverByExtension(), offered=ALL, params=params) == "deliverby-unavailable"


class _Mine(EightBitMime):
    """Looks at every message, since that is what a `plan` does that says nothing else."""

    def plan(self, plan: MailPlan) -> None:
        plan.add(("XMINE", None))


class _Same(EightBitMime):
    """Looks at those that the other looks at."""


def test_which_messages_a_derived_extension_looks_at() -> None:
    mine, same = _Mine(), _Same()
    for given in (False, True):
        assert planners([mine])[given, True] == planners([mine])[given, False] == (mine,)
        assert planners([same])[given, True] == ()
        assert planners([same])[given, False] == (same,)


def test_what_announces_octets_above_127() -> None:
    announced = {
        body: announces_eight_bit(Mail(FROM, Parameters((("BODY", body),))))
        for body in ("7BIT", "8BITMIME", "BINARYMIME", "9BIT")
    }
    assert announced == {"7BIT": False, "8BITMIME": True, "BINARYMIME": True, "9BIT": False}
    assert announces_eight_bit(Mail(FROM)) is False


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        (b"Dear all: caf\xc3\xa9", False),
        (b"text\r\nSubject: caf\xc3\xa9", False),
        (b"n" * 1200 + b"\xc3\xa9: x", False),
        (b"n" * 999 + b": \xc3\xa9", True),
        (b"n" * 1000 + b": \xc3\xa9", False),
        (b"\r\n\r\nSubject: caf\xc3\xa9", False),
    ],
)
def test_what_begins_with_a_header(text: bytes, needed: bool) -> None:
    assert header_needs_utf8(text) is needed


# -- sets of extensions -----------------------------------------------------------------------------------------------


class _Quiet(Extension):
    """A parameter that is understood and never offered."""

    keyword: ClassVar[str] = "XQUIET"
    parameters: ClassVar[tuple[Parameter[bool], ...]] = (
        Parameter("XQUIET", "MAIL", octets=7, parse=no_value, format=bare),
    )

    @property
    def offered(self) -> Sequence[str] | None:
        return None


class _Profile(Extension):
    """No keyword, so that nothing is listed."""

    @property
    def offered(self) -> Sequence[str]:
        return ("XPROFILE",)


@rule("X-FW-20")
def test_what_is_not_offered_is_not_taken() -> None:
    talk = Talk(extensions=[_Quiet()])
    assert talk.keywords == ["HELP"]
    assert talk.codes("MAIL FROM:<a@b> XQUIET", "MAIL FROM:<a@b>") == [555, 250]


def test_a_profile_is_not_listed() -> None:
    assert Talk(extensions=[_Profile()]).keywords == ["HELP"]


def test_what_an_extension_says_of_itself_by_default() -> None:
    assert Extension().binary(Mail(FROM)) is False
    assert Extension().utf8_replies(Mail(FROM)) is False


def test_why_a_message_cannot_be_sent() -> None:
    error = MissingExtension("x-unavailable", "the server has no X")
    assert (error.kind, str(error)) == ("x-unavailable", "the server has no X")
    assert MailPlan({}, Mail(FROM), [Rcpt(ForwardPath(Unqualified("\xe9")))]).utf8 is True


@rule("X-PIPELINING-02")
def test_verbs_end_a_group_unless_they_say_otherwise() -> None:
    grammar = Chunking.verbs[0].grammar
    assert Verb("XONE", grammar, moves={}).last is True
    assert Verb("XTWO", grammar, moves={}, last=False).last is False


def test_which_verbs_are_not_looked_at() -> None:
    extensions = ExtensionSet([EightBitMime(), SmtpUtf8(), Chunking(), BinaryMime()])
    assert extensions.guarded_by_mail == {"DATA"}
    assert extensions.unguarded >= {"MAIL", "RCPT", "NOOP", "QUIT"}
    assert not extensions.unguarded & {"DATA", "BDAT"}
    extensions = ExtensionSet([*extensions, StartTlsExtension(required=True)])
    assert extensions.guarded_by_mail == extensions.unguarded == frozenset()
