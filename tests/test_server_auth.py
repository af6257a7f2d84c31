"""AUTH at the server: framing, mechanisms, decisions, what changes with 235 (RFC 4954)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.events import Query, Step
from smtpcore.extensions.auth import Auth, Authenticate, AuthExtension, decode, encode
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.sasl.cram_md5 import CramMd5Client
from smtpcore.sasl.credentials import Authorization, PasswordCredentials, SecretNeeded
from smtpcore.sasl.factory import ServerSettings, server_mechanism
from smtpcore.sasl.plain import PlainServer
from smtpcore.server import ServerConnection
from tests.server_tools import GONE, Decision, Talk, defer, with_extensions

rule = pytest.mark.rule
PASSWORD = "pencil"
GOOD = base64.b64encode(b"\0tim\0pencil").decode()
WRONG = base64.b64encode(b"\0tim\0eraser").decode()
NOBODY = base64.b64encode(b"\0eve\0pencil").decode()
FAILED = "535 5.7.8 Authentication credentials invalid"


def make(name: str) -> object:
    return server_mechanism(name, ServerSettings(nonce=b"3rfcNHYJY1", challenge=b"<1.2@mx>", decoy_secret=b"x"))


def judge(connection: ServerConnection, question: Authenticate) -> None:
    """The one user is tim, who may act as ann too."""
    match question.credentials:
        case SecretNeeded(name):
            connection.provide(question, PASSWORD if name == "tim" else None)
        case PasswordCredentials(name, _, password) if (name, password) == ("tim", PASSWORD):
            connection.accept(question)
        case Authorization("tim", "ann"):
            connection.accept(question)
        case _:
            connection.reject(question, Reply(535, "Authentication credentials invalid", "5.7.8"))


def login(
    answer: Decision = judge, *, mechanisms: tuple[str, ...] = ("PLAIN",), tls: bool = True, **setup: Any
) -> Talk:
    auth = AuthExtension(mechanisms, make=make, **setup)  # type: ignore[arg-type]
    limits = Limits(auth_failures=None)
    return Talk({"Authenticate": answer}, extensions=with_extensions(auth), tls=tls, limits=limits).hello()


# -- success and failure -----------------------------------------------------------------------------------------------


@rule("X-AUTH-26", "X-AUTH-33", "X-MIX-11", "X-AUTH-42", "X-AUTH-50")
def test_plain_with_initial_response() -> None:
    talk = login()
    assert talk(f"AUTH PLAIN {GOOD}") == "235 2.7.0 Authentication succeeded"
    assert talk.connection.session.identity == "tim"
    assert talk.connection.session.protocol() == "ESMTPSA"
    assert talk.codes("MAIL FROM:<a@b>") == [250]


@rule("X-AUTH-08", "X-AUTH-09", "X-AUTH-11", "X-AUTH-02", "X-ENHANCED-02")
def test_plain_without_initial_response() -> None:
    talk = login()
    assert talk.feed("AUTH plain") == b"334 \r\n"
    assert talk(GOOD) == "235 2.7.0 Authentication succeeded"


@rule("X-AUTH-25")
def test_wrong_password_and_unknown_user_are_the_same() -> None:
    talk = login()
    assert talk.replies(f"AUTH PLAIN {WRONG}", f"AUTH PLAIN {NOBODY}", "NOOP") == [FAILED, FAILED, "250 2.0.0 OK"]
    assert talk.connection.session.identity is None


@rule("X-AUTH-08", "X-AUTH-25", "X-AUTH-16")
def test_cram_md5() -> None:
    talk = login(mechanisms=("CRAM-MD5",))
    assert talk("AUTH CRAM-MD5 dGlt") == "501 5.7.0 This mechanism takes no initial response"
    outcomes = [
        ("tim", "eraser", FAILED),
        ("eve", PASSWORD, FAILED),
        ("tim", PASSWORD, "235 2.7.0 Authentication succeeded"),
    ]
    for name, password, reply in outcomes:
        challenge = talk("AUTH CRAM-MD5").removeprefix("334 ")
        assert talk(encode(CramMd5Client(name, password).step(base64.b64decode(challenge)))) == reply


@rule("X-AUTH-40")
def test_a_name_of_nothing_but_soft_hyphens() -> None:
    talk = login()
    assert talk("AUTH PLAIN " + encode(b"\0\xc2\xad\0pencil")) == FAILED
    assert not talk.all(Authenticate)


def test_acting_for_another() -> None:
    talk = login()
    assert talk.codes("AUTH PLAIN " + encode(b"bob\0tim\0pencil")) == [535]
    assert talk.codes("AUTH PLAIN " + encode(b"ann\0tim\0pencil")) == [235]
    assert talk.connection.session.identity == "ann"
    assert len(talk.all(Authenticate)) == 4


@rule("X-AUTH-28")
def test_a_failure_of_ours_is_no_failed_attempt() -> None:
    later = Reply(454, "Directory down", "4.7.0")
    auth = AuthExtension()
    talk = Talk({"Authenticate": later}, extensions=with_extensions(auth), tls=True, limits=Limits(auth_failures=1))
    talk.hello()
    assert talk.replies(*[f"AUTH PLAIN {GOOD}"] * 3) == ["454 4.7.0 Directory down"] * 3
    assert not talk.closed


def test_replies_of_the_application() -> None:
    assert login(Reply(535, "Go away", "5.7.8"))(f"AUTH PLAIN {GOOD}") == "535 5.7.8 Go away"
    assert login(Reply(235, "Hello tim", "2.7.0"))(f"AUTH PLAIN {GOOD}") == "235 2.7.0 Hello tim"
    talk = login(GONE)
    assert talk.codes(f"AUTH PLAIN {GOOD}") == [421]
    assert talk.error is None


def test_a_token_is_refused_with_the_reply_of_the_application() -> None:
    talk = login(Reply(535, "Token expired", "5.7.8"), mechanisms=("OAUTHBEARER",))
    token = encode(b"n,a=tim,\1auth=Bearer xyz\1\1")
    assert talk(f"AUTH OAUTHBEARER {token}").startswith("334 ")
    assert talk("AQ==") == "535 5.7.8 Token expired"


def test_only_235_accepts_credentials() -> None:
    talk = login(defer)
    talk.feed(f"AUTH PLAIN {GOOD}")
    question = talk.asked[-1]
    with pytest.raises(LocalProtocolError, match="accepted with 235 and nothing else"):
        talk.connection.accept(question, Reply(250, "fine"))
    talk.connection.accept(question)
    assert talk.pump().startswith(b"235 ")


# -- framing -----------------------------------------------------------------------------------------------------------


@rule("X-AUTH-03", "X-AUTH-02")
@pytest.mark.parametrize("line", ["AUTH", "AUTH ", "AUTH PLA!N", "AUTH PLAIN a= b=", "AUTH  PLAIN", "AUTH " + "A" * 21])
def test_bad_arguments(line: str) -> None:
    assert login().replies(line, "NOOP") == ["501 5.5.4 Syntax error in argument", "250 2.0.0 OK"]


@rule("X-AUTH-19", "X-AUTH-14", "X-AUTH-37")
@pytest.mark.parametrize("response", ["=AAA", "AAA=BBB", "AAAA=", "A", "AA", "AA A=", "-_-_", "AAAA!", "AB==", "="])
def test_bad_base64(response: str) -> None:
    talk = login()
    assert talk("AUTH PLAIN") == "334 "
    assert talk.replies(response, "NOOP") == ["501 5.5.2 Not valid base64", "250 2.0.0 OK"]
    if " " not in response and response != "=":
        assert talk.replies(f"AUTH PLAIN {response}", "NOOP") == ["501 5.5.2 Not valid base64", "250 2.0.0 OK"]


@rule("X-AUTH-13", "X-AUTH-15")
def test_the_empty_response() -> None:
    talk = login(mechanisms=("ANONYMOUS",))
    talk.answers["Authenticate"] = None
    assert talk.codes("AUTH ANONYMOUS =") == [235]
    assert talk.all(Auth)[0].initial == b""
    talk = login(mechanisms=("ANONYMOUS",))
    talk.answers["Authenticate"] = None
    assert talk.codes("AUTH ANONYMOUS", b"\r\n") == [334, 235]
    assert talk.all(Auth)[0].initial is None


@rule("X-AUTH-17")
def test_a_star_cancels() -> None:
    talk = login()
    assert talk.replies("AUTH PLAIN", "*", "NOOP", f"AUTH PLAIN {GOOD}") == [
        "334 ",
        "501 5.7.0 Authentication cancelled",
        "250 2.0.0 OK",
        "235 2.7.0 Authentication succeeded",
    ]


@rule("X-AUTH-38", "X-AUTH-37")
def test_lines_of_an_exchange_are_no_commands() -> None:
    talk = login()
    assert talk.codes("AUTH PLAIN", "QUIT", "NOOP") == [334, 501, 250]
    assert talk.codes("AUTH PLAIN", "RSET", "NOOP") == [334, 501, 250]
    assert not talk.closed


@rule("X-AUTH-21", "X-AUTH-24")
def test_long_responses() -> None:
    longest = encode(b"\0tim\0" + b"p" * 9209)
    assert len(longest) == 12288
    talk = login()
    assert talk.codes("AUTH PLAIN", longest) == [334, 535]
    assert talk.codes("AUTH PLAIN " + encode(b"\0tim\0" + b"p" * 4000)) == [535]


@rule("X-AUTH-22")
def test_a_response_too_long() -> None:
    talk = login()
    assert talk("AUTH PLAIN") == "334 "
    assert talk.replies("A" * 20000, "NOOP") == [
        "500 5.5.6 Authentication exchange line too long",
        "250 2.0.0 OK",
    ]


def test_a_client_that_leaves_in_the_middle() -> None:
    talk = login()
    talk.feed("AUTH PLAIN")
    assert talk.eof() == b""
    assert talk.error == "ConnectionLost: the client closed the connection without QUIT"


# -- when it is allowed ------------------------------------------------------------------------------------------------


@rule("X-AUTH-01", "X-AUTH-31", "X-AUTH-32")
def test_plain_text_passwords_are_offered_under_tls_only() -> None:
    offer = with_extensions(StartTlsExtension(), AuthExtension(("SCRAM-SHA-256", "PLAIN", "LOGIN"), make=make))  # type: ignore[arg-type]
    talk = Talk({"Authenticate": judge}, extensions=offer)
    assert "AUTH SCRAM-SHA-256" in talk.keywords
    assert talk(f"AUTH PLAIN {GOOD}") == "538 5.7.11 Encryption required for this authentication mechanism"
    assert not talk.all(Query)
    assert talk.codes("STARTTLS") == [220]
    talk.starttls()
    assert "AUTH SCRAM-SHA-256 PLAIN LOGIN" in talk.keywords
    assert not any(line.startswith("AUTH") for line in login(tls=False).keywords)
    assert login(tls=False, clear_text=True).codes(f"AUTH PLAIN {GOOD}") == [235]


@rule("X-AUTH-04", "S-CMD-X-03")
def test_unknown_mechanisms() -> None:
    assert login()("AUTH NTLM") == "504 5.5.4 Authentication mechanism not supported"
    assert login(tls=False)("AUTH NTLM") == "504 5.5.4 Authentication mechanism not supported"


@rule("X-AUTH-05")
def test_once_in_a_session() -> None:
    talk = login()
    said = [f"AUTH PLAIN {GOOD}", "AUTH PLAIN", "RSET", "AUTH PLAIN", "EHLO x", f"AUTH PLAIN {GOOD}"]
    assert talk.codes(*said) == [235, 503, 250, 503, 250, 503]
    assert talk("AUTH PLAIN") == "503 5.5.1 Already authenticated"
    assert talk.connection.session.identity == "tim"


@rule("X-AUTH-06")
def test_not_inside_a_transaction() -> None:
    talk = login()
    assert talk.codes("MAIL FROM:<a@b>", f"AUTH PLAIN {GOOD}", "RSET", f"AUTH PLAIN {GOOD}") == [250, 503, 250, 235]
    talk = login()
    assert talk.codes("MAIL FROM:<a@b", f"AUTH PLAIN {GOOD}") == [501, 235]


@rule("X-AUTH-07")
def test_not_before_ehlo() -> None:
    auth = with_extensions(AuthExtension())
    assert Talk(extensions=auth, tls=True).codes(f"AUTH PLAIN {GOOD}") == [503]
    assert Talk(extensions=auth, tls=True).codes("HELO x", f"AUTH PLAIN {GOOD}") == [250, 503]


@rule("X-STARTTLS-25")
def test_no_tls_after_authentication() -> None:
    offer = with_extensions(StartTlsExtension(), AuthExtension(clear_text=True))
    talk = Talk({"Authenticate": judge}, extensions=offer).hello()
    assert talk.codes(f"AUTH PLAIN {GOOD}", "STARTTLS") == [235, 503]


@rule("X-AUTH-30", "S-SUB-03", "X-AUTH-37")
def test_mail_waits_where_authentication_is_required() -> None:
    talk = login(required=True)
    for line in ("MAIL FROM:<a@b>", "VRFY a", "HELP", "EXPN a"):
        assert talk(line) == "530 5.7.0 Authentication required"
    assert talk.codes("NOOP", "RSET", "EHLO x", "HELO x", "EHLO x") == [250] * 5
    assert talk.codes(f"AUTH PLAIN {WRONG}", "MAIL FROM:<a@b>") == [535, 530]
    assert talk.codes(f"AUTH PLAIN {GOOD}", "MAIL FROM:<>") == [235, 250]


@rule("X-AUTH-51")
def test_too_many_failures() -> None:
    talk = Talk({"Authenticate": judge}, extensions=with_extensions(AuthExtension()), tls=True).hello()
    assert talk.codes(*[f"AUTH PLAIN {WRONG}"] * 9) == [535, 535, 535, 421]
    assert talk.error == "RemoteProtocolError: too many failed authentications"


# -- the questions -----------------------------------------------------------------------------------------------------


@rule("X-AUTH-52")
def test_secrets_are_not_shown() -> None:
    talk = login(defer)
    talk.feed(f"AUTH PLAIN {GOOD}")
    shown = repr(talk.events) + repr(talk.asked)
    assert PASSWORD not in shown
    assert GOOD not in shown


def test_questions_of_an_exchange_can_be_deferred() -> None:
    talk = login(defer)
    talk.answers["AUTH"] = defer
    assert talk.feed(f"AUTH PLAIN {GOOD}", "NOOP") == b""
    assert talk.step() is Step.DECIDE
    talk.connection.accept(talk.asked[-1])
    assert talk.pump() == b""
    assert talk.step() is Step.DECIDE
    talk.connection.accept(talk.asked[-1])
    assert [line[:3] for line in talk.pump().split(b"\r\n")] == [b"235", b"250", b""]


def test_auth_can_be_refused_as_a_command() -> None:
    talk = login()
    talk.answers["AUTH"] = Reply(432, "Password transition needed", "4.7.12")
    assert talk.codes(f"AUTH PLAIN {GOOD}", "NOOP") == [432, 250]


def test_a_mechanism_object_of_the_application() -> None:
    def provide(connection: ServerConnection, question: Auth) -> None:
        with pytest.raises(LocalProtocolError, match="provided with a ServerMechanism"):
            connection.provide(question, 5)
        connection.provide(question, PlainServer())

    talk = login()
    talk.answers["AUTH"] = provide
    assert talk.codes(f"AUTH PLAIN {GOOD}") == [235]


def test_a_name_of_the_application() -> None:
    def provide(connection: ServerConnection, question: Authenticate) -> None:
        with pytest.raises(LocalProtocolError, match="wants the name"):
            connection.provide(question, 5)
        connection.provide(question, "Tim Canonical")

    talk = login(provide)
    assert talk.codes(f"AUTH PLAIN {GOOD}") == [235]
    assert talk.connection.session.identity == "Tim Canonical"


def test_a_secret_of_the_wrong_kind_leaves_the_question() -> None:
    def provide(connection: ServerConnection, question: Authenticate) -> None:
        with pytest.raises(LocalProtocolError):
            connection.provide(question, 5)
        with pytest.raises(LocalProtocolError):
            connection.accept(question)
        connection.reject(question, Reply(535, "No such user", "5.7.8"))

    talk = login(provide, mechanisms=("CRAM-MD5",))
    assert talk.codes("AUTH CRAM-MD5") == [334]
    assert talk(encode(b"tim 00000000000000000000000000000000")) == "535 5.7.8 No such user"


def test_a_mechanism_that_cannot_be_made_leaves_the_question() -> None:
    talk = Talk({"AUTH": defer}, extensions=with_extensions(AuthExtension(("SCRAM-SHA-256",)))).hello()
    talk.feed("AUTH SCRAM-SHA-256")
    auth = talk.asked[-1]
    with pytest.raises(LocalProtocolError):
        talk.connection.accept(auth)
    talk.connection.reject(auth, Reply(454, "Not now", "4.7.0"))
    assert talk.pump() == b"454 4.7.0 Not now\r\n"


def test_auth_is_accepted_without_a_reply() -> None:
    talk = login()
    talk.answers["AUTH"] = defer
    talk.feed(f"AUTH PLAIN {GOOD}")
    with pytest.raises(LocalProtocolError, match="its reply comes at its end"):
        talk.connection.accept(talk.asked[-1], Reply(235, "fine"))
    talk.connection.accept(talk.asked[-1])
    assert talk.pump().startswith(b"235 ")


# -- values ------------------------------------------------------------------------------------------------------------


@rule("X-AUTH-19", "X-AUTH-20")
def test_base64_is_strict() -> None:
    for data in (b"", b"a", b"ab", b"abc", bytes(range(256))):
        assert decode(encode(data).encode()) == data
        assert encode(data).encode() == binascii.b2a_base64(data, newline=False)


@rule("X-AUTH-13")
def test_the_command_on_the_wire() -> None:
    assert Auth("PLAIN").to_bytes() == b"AUTH PLAIN\r\n"
    assert Auth("PLAIN", b"").to_bytes() == b"AUTH PLAIN =\r\n"
    assert Auth("PLAIN", b"\0tim\0pencil").to_bytes() == f"AUTH PLAIN {GOOD}\r\n".encode()
    assert "pencil" not in repr(Auth("PLAIN", b"pencil"))
    for name in ("plain", "", "A" * 21, "A B"):
        with pytest.raises(ValueError, match="SASL mechanism"):
            Auth(name)


@rule("S-SEC-11")
def test_an_exchange_that_is_begun_and_cancelled_again_and_again_leads_nowhere() -> None:
    talk = Talk(extensions=with_extensions(AuthExtension(("PLAIN",))), tls=True, limits=Limits(junk=3)).hello()
    for _ in range(3):
        assert talk.codes("AUTH PLAIN", "*") == [334, 501]
    assert talk.codes("AUTH PLAIN", "*") == [334, 501, 421]
