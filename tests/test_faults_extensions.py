"""Small faults of extensions, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import base64

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Mail, Noop, Problem, Rcpt, parse
from smtpcore.delivery import Delivery, Message
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.auth import AUTH_PARAMETER, Auth, AuthDialogue, AuthExchange, AuthExtension, encode
from smtpcore.extensions.base import Extension, Finish
from smtpcore.extensions.chunking import BDAT, Chunking
from smtpcore.extensions.deliverby import BY, DeliverBy, DeliverByExtension
from smtpcore.extensions.dsn import ENVID, NOTIFY, ORCPT, RET, Dsn, OriginalRecipient
from smtpcore.extensions.eightbitmime import BODY, EightBitMime
from smtpcore.extensions.futurerelease import HOLDFOR, HOLDUNTIL, FutureRelease
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.extensions.mtpriority import MT_PRIORITY, MtPriority
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.requiretls import REQUIRETLS
from smtpcore.extensions.rrvs import RRVS
from smtpcore.extensions.size import SIZE, Size
from smtpcore.extensions.smtputf8 import SMTPUTF8, SmtpUtf8
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.parameters import Parameter, Parameters
from smtpcore.replies import Reply
from smtpcore.sasl.cram_md5 import CramMd5Client
from smtpcore.sasl.plain import PlainClient, PlainServer
from smtpcore.session import Session
from tests.extensions.plans import missing
from tests.scripted import ScriptedServer, converse
from tests.server_tools import Talk, with_extensions

rule = pytest.mark.rule
FROM, TO = ReversePath.of("<a@b>"), ForwardPath.of("<c@d>")

# -- all of them ------------------------------------------------------------------------------------------------------


@rule("X-FW-23", "X-BINARYMIME-10")
@pytest.mark.parametrize(
    ("parameter", "octets", "repeats"),
    [
        (SIZE, 26, False),  # RFC 1870 3 (6)
        (BODY, 16, True),  # RFC 3030 3 (8), RFC 6152 2 (8) has 9
        (SMTPUTF8, 10, True),  # RFC 6531 3.1 (6)
        (RET, 9, True),  # RFC 3461 5.4 for these four
        (ENVID, 107, False),
        (NOTIFY, 29, True),
        (ORCPT, 507, False),
        (AUTH_PARAMETER, 500, False),  # RFC 4954 3 (6)
        (BY, 17, False),  # RFC 2852 2 (6)
        (HOLDFOR, 34, False),  # RFC 4865 3 (5)
        (HOLDUNTIL, 34, False),
        (MT_PRIORITY, 15, True),  # RFC 6710 3 (6)
        (REQUIRETLS, 11, True),  # space and keyword
        (RRVS, 33, False),  # RFC 7293 3 (6)
    ],
    ids=lambda value: value.keyword if isinstance(value, Parameter) else str(value),
)
def test_how_far_parameters_lengthen_the_line(parameter: Parameter[object], octets: int, repeats: bool) -> None:
    assert (parameter.octets, parameter.repeats) == (octets, repeats)


@rule("X-FW-23")
@pytest.mark.parametrize("verb", ["VRFY", "EXPN"])
def test_smtputf8_of_inquiries(verb: str) -> None:
    (parameter,) = (each for each in SmtpUtf8.parameters if each.place == verb)
    assert (parameter.keyword, parameter.octets, parameter.repeats) == ("SMTPUTF8", 10, True)


@pytest.mark.parametrize(
    ("extension", "verb", "codes"),
    [
        (Chunking(), "BDAT", {250, 450, 451, 452, 503, 550, 552, 554}),
        (StartTlsExtension(), "STARTTLS", {220, 454, 503, 530, 554}),
        (StartTlsExtension(), "HELP", {211, 214, 502, 504, 530, 554}),
        (AuthExtension(), "AUTH", {432, 454, 503, 504, 530, 534, 535, 538}),
        (AuthExtension(), "DATA", {354, 450, 451, 503, 530, 550, 554}),
        (MtPriority(), "MAIL", {250, 450, 451, 452, 455, 503, 550, 552, 553, 555}),
    ],
)
def test_codes_that_an_application_may_say(extension: Extension, verb: str, codes: set[int]) -> None:
    assert ExtensionSet([extension]).listed_codes()[verb] == codes | {421, 500, 501}


# -- SIZE -------------------------------------------------------------------------------------------------------------


def test_what_size_is() -> None:
    assert SIZE.octets == 26  # RFC 1870 3 (6)
    assert [Size(maximum).message_limit for maximum in (None, 0, 1, 5)] == [None, None, 1, 5]


@pytest.mark.parametrize(("words", "code"), [("", 250), (" BODY=8BITMIME", 250), (" SIZE=5", 250), (" SIZE=6", 552)])
def test_a_message_that_does_not_say_its_size(words: str, code: int) -> None:
    talk = Talk(extensions=[Size(5), EightBitMime()]).hello()
    assert talk.codes(f"MAIL FROM:<a@b>{words}") == [code]


def test_a_guard_without_a_size() -> None:
    assert Size(5).guard(Mail(FROM, Parameters((("BODY", "7BIT"),))), Session()) is None


# -- DSN --------------------------------------------------------------------------------------------------------------


def test_the_longest_envid() -> None:
    assert ENVID("e" * 100) == ("ENVID", "e" * 100)
    for text in ("e" * 101, "+" * 34, ""):
        with pytest.raises(SyntaxProblem):
            ENVID(text)


def test_the_longest_orcpt() -> None:
    room = 500 - len("rfc822;")
    assert ORCPT(OriginalRecipient("r" * room)) == ("ORCPT", "rfc822;" + "r" * room)
    with pytest.raises(SyntaxProblem):
        ORCPT(OriginalRecipient("r" * (room + 1)))


def test_what_is_no_orcpt() -> None:
    for value in ("rfc822;\ud800", "utf-8;\ud800", "rfc822", ";a"):
        with pytest.raises(SyntaxProblem):
            ORCPT.parse(value)


@pytest.mark.parametrize(
    ("value", "deviations"), [("a+2B", ()), ("a+2b", ("xtext_lower_case",)), ("a+C3+BC", ("xtext_utf8",))]
)
def test_how_an_envid_is_odd(value: str, deviations: tuple[str, ...]) -> None:
    language = ExtensionSet([Dsn()]).language(lmtp=False)
    command = parse(f"MAIL FROM:<a@b> ENVID={value}".encode(), language)
    assert isinstance(command, Mail | Problem)
    if isinstance(command, Mail):
        assert command.deviations == deviations
    assert isinstance(parse(b"MAIL FROM:<a@b> ENVID", language), Problem)


@pytest.mark.parametrize(
    ("value", "deviations"),
    [
        ("rfc822;a+2Bb@c", ()),
        ("rfc822;a+2bb@c", ("xtext_lower_case",)),
        ("rfc822;+C3+A9@c", ("xtext_utf8",)),
        ("a+2b;a@c", ()),
        ("utf-8;a\\x{2B}b@c", ()),
        ("UTF-8;\\x{E9}@c", ()),
    ],
)
def test_how_an_orcpt_is_odd(value: str, deviations: tuple[str, ...]) -> None:
    language = ExtensionSet([Dsn()]).language()
    command = parse(f"RCPT TO:<a@b> ORCPT={value}".encode(), language)
    assert isinstance(command, Rcpt)
    assert command.deviations == deviations
    assert isinstance(parse(b"RCPT TO:<a@b> ORCPT", language), Problem)


# -- DELIVERBY --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "mode"), [(999_999_999, "R"), (999_999_999, "N"), (-999_999_999, "N"), (1, "R")])
def test_the_longest_times(seconds: int, mode: str) -> None:
    by = DeliverBy(seconds, mode)
    assert (by.seconds, by.mode, by.trace) == (seconds, mode, False)
    for more in (seconds + 1, seconds - 1):
        if abs(more) > 999_999_999 or (mode == "R" and more < 1):
            with pytest.raises(SyntaxProblem):
                DeliverBy(more, mode)


def test_other_parameters_say_nothing_of_a_time() -> None:
    message = Message("a@client.example", ("b@mx.example",), b"x\r\n", params=Parameters((("ENVID", "x"),)))
    conn = ClientConnection("client.example")
    delivery = Delivery(conn, [message])
    converse(conn, ScriptedServer(offers="DELIVERBY 5,DSN"), delivery.handle)
    assert delivery.reports[0].complete


def test_a_guard_without_a_time() -> None:
    assert DeliverByExtension(5).guard(Mail(FROM, Parameters((("SIZE", "1"),))), Session()) is None


# -- FUTURERELEASE, MT-PRIORITY, RRVS ---------------------------------------------------------------------------------


@rule("X-FUTURERELEASE-04")
def test_the_longest_hold() -> None:
    assert HOLDFOR(999_999_999) == ("HOLDFOR", "999999999")
    assert HOLDFOR(1) == ("HOLDFOR", "1")
    assert FutureRelease(1, "2030-01-01T00:00:00Z").offered == ("1", "2030-01-01T00:00:00Z")
    assert FutureRelease(999_999_999, "2030-01-01T00:00:00Z").offered[0] == "999999999"


def test_an_offer_that_is_not_in_utc() -> None:
    offered = "FUTURERELEASE 100 2030-01-01T00:00:00+01:00"
    extension = FutureRelease(1, "2000-01-01T00:00:00Z")
    assert missing(extension, offered=offered, params=(HOLDFOR(1),)) == "futurerelease-unavailable"


@rule("X-MTPRIORITY-02")
def test_the_first_and_the_last_priority() -> None:
    assert [MT_PRIORITY(number)[1] for number in (-9, 0, 9)] == ["-9", "0", "9"]
    assert MtPriority("P" * 20).offered == ("P" * 20,)
    with pytest.raises(SyntaxProblem):
        MtPriority("P" * 21)


@pytest.mark.parametrize("action", ["C", "R", "c", "r"])
def test_what_a_server_does_without_rrvs(action: str) -> None:
    assert RRVS.parse(f"2014-04-03T23:01:00Z;{action}").no_support == action.upper()


# -- LIMITS -----------------------------------------------------------------------------------------------------------


@rule("X-LIMITS-06")
def test_the_smallest_limit() -> None:
    assert LimitsExtension(1, 1, 1).offered == ["MAILMAX=1", "RCPTMAX=1", "RCPTDOMAINMAX=1"]
    for limits in ((None, 0, None), (None, None, 0), (None, 1_000_000, None), (None, None, 1_000_000)):
        with pytest.raises(LocalProtocolError):
            LimitsExtension(*limits)


# -- CHUNKING, BINARYMIME ---------------------------------------------------------------------------------------------


@rule("X-CHUNKING-03")
@pytest.mark.parametrize(
    ("line", "announces"),
    [(b"BDAT 1", True), (b"BDAT 0 \t", False), (b"BDAT 0\t ", False), (b"BDAT 0 LAST ", False), (b"BDAT 0X", True)],
)
def test_lines_behind_which_octets_may_follow(line: bytes, announces: bool) -> None:
    assert BDAT.announces is not None
    assert BDAT.announces(line) is announces


@rule("X-PIPELINING-02")
def test_a_chunk_need_not_end_a_group() -> None:
    conn, server = ClientConnection("client.example"), ScriptedServer(offers="PIPELINING,CHUNKING")
    delivery = Delivery(conn, [Message("a@b.example", ("b@mx.example",), b"123456789\r\n")], chunk_size=3)
    converse(conn, server, delivery.handle)
    assert [line for line in server.lines if line.startswith("BDAT")] == [*["BDAT 3"] * 3, "BDAT 2 LAST"]
    assert server.turns == 4  # EHLO; MAIL and RCPT; the chunks; QUIT


# -- SMTPUTF8 ---------------------------------------------------------------------------------------------------------


@rule("X-SMTPUTF8-16")
def test_which_commands_open_replies() -> None:
    parameters = Parameters((("SMTPUTF8", None),))
    assert SmtpUtf8().utf8_replies(Mail(FROM, parameters))
    assert not SmtpUtf8().utf8_replies(Mail(FROM))
    assert not SmtpUtf8().utf8_replies(Rcpt(TO, parameters))
    assert not SmtpUtf8().utf8_replies(Noop())


# -- STARTTLS ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lmtp", [False, True])
def test_what_is_taken_before_tls_that_is_required(lmtp: bool) -> None:
    hello = "LHLO x" if lmtp else "EHLO x"
    talk = Talk(extensions=with_extensions(StartTlsExtension(required=True)), lmtp=lmtp)
    assert talk.codes("NOOP", hello, "NOOP", "RSET", "MAIL FROM:<a@b>", "VRFY a") == [250, 250, 250, 530, 530, 530]
    assert talk.codes("STARTTLS") == [220]
    talk.starttls()
    assert talk.codes(hello, "MAIL FROM:<a@b>") == [250, 250]
    talk = Talk(extensions=with_extensions(StartTlsExtension(required=True)), lmtp=lmtp)
    assert talk.codes("QUIT") == [221]


# -- AUTH -------------------------------------------------------------------------------------------------------------


@rule("X-AUTH-51")
@pytest.mark.parametrize("response", ["no base64", "A" * 20000, base64.b64encode(b"no fields").decode()])
def test_what_counts_as_a_failed_attempt(response: str) -> None:
    talk = Talk(extensions=with_extensions(AuthExtension()), tls=True, limits=Limits(auth_failures=1)).hello()
    codes = talk.codes("AUTH PLAIN", response, "NOOP")
    assert codes[0] == 334
    assert codes[-1] == 421
    assert talk.error == "RemoteProtocolError: too many failed authentications"


@rule("X-AUTH-17")
def test_what_was_cancelled_is_no_failed_attempt() -> None:
    talk = Talk(extensions=with_extensions(AuthExtension()), tls=True, limits=Limits(auth_failures=1)).hello()
    assert talk.codes("AUTH PLAIN", "*", "NOOP") == [334, 501, 250]


def test_a_no_without_a_reply() -> None:
    exchange = AuthExchange(Auth("PLAIN", b"\0tim\0pencil"), lambda name: PlainServer())
    exchange.begin()
    turn = exchange.answer(False, None)
    assert isinstance(turn, Finish)
    assert (turn.reply.code, turn.failed_authentication) == (535, True)


@rule("X-AUTH-20")
@pytest.mark.parametrize(
    "reply", [Reply(354, encode(b"<1@mx>")), Reply(334, (encode(b"<1@mx>"), encode(b"<2@mx>"))), Reply(334, "!")]
)
def test_what_is_no_challenge(reply: Reply) -> None:
    assert AuthDialogue(CramMd5Client("tim", "pencil")).receive(reply) == b"*"


@rule("X-AUTH-18", "X-AUTH-27")
@pytest.mark.parametrize("reply", [Reply(354, ""), Reply(334, ("", "")), Reply(334, "!")])
def test_what_was_cancelled_does_not_succeed(reply: Reply) -> None:
    plain = AuthDialogue(PlainClient("tim", "pencil"))
    assert plain.receive(reply) == b"*"
    assert plain.finish(Reply(235, "OK")) != ""


def test_a_challenge_with_spaces_around_it() -> None:
    challenge = encode(b"_<1@mx>")
    assert challenge.startswith("X")
    right = AuthDialogue(CramMd5Client("tim", "pencil")).receive(Reply(334, challenge))
    assert right != b"*"
    assert AuthDialogue(CramMd5Client("tim", "pencil")).receive(Reply(334, f" {challenge}  ")) == right


@pytest.mark.parametrize("channel_binding", [False, True])
@pytest.mark.parametrize("tls", [False, True])
def test_plus_is_offered_where_the_channel_can_be_bound(tls: bool, channel_binding: bool) -> None:
    extension = AuthExtension(("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EXTERNAL"), channel_binding=channel_binding)
    offered = extension.offer(Session(tls=tls)) or ()
    assert ("SCRAM-SHA-256-PLUS" in offered) is (tls and channel_binding)
    assert ("EXTERNAL" in offered) is tls
    assert "SCRAM-SHA-256" in offered


@rule("X-AUTH-04")
def test_a_mechanism_that_tls_does_not_bring() -> None:
    extension = AuthExtension(("SCRAM-SHA-256-PLUS", "PLAIN"))
    assert Talk(extensions=with_extensions(extension), tls=True).hello().codes("AUTH SCRAM-SHA-256-PLUS") == [504]
    assert Talk(extensions=with_extensions(extension)).hello().codes("AUTH PLAIN") == [538]


@rule("X-AUTH-21", "X-AUTH-22")
@pytest.mark.parametrize(("octets", "code"), [(12288, 501), (12289, 500)])
def test_the_longest_line_of_an_exchange(octets: int, code: int) -> None:
    talk = Talk(extensions=with_extensions(AuthExtension()), tls=True).hello()
    assert talk.codes("AUTH PLAIN", "!" * octets) == [334, code]


@rule("X-AUTH-30")
def test_what_is_taken_before_an_authentication_that_is_required() -> None:
    for lmtp, hello in ((True, "LHLO x"), (False, "EHLO x"), (False, "HELO x")):
        talk = Talk(extensions=with_extensions(AuthExtension(required=True)), tls=True, lmtp=lmtp)
        assert talk.codes("NOOP", hello, "RSET", "VRFY a", "QUIT") == [250, 250, 250, 530, 221]
