"""STARTTLS at the server: the boundary, what is forgotten, what is required before (RFC 3207)."""

from __future__ import annotations

import pytest

from smtpcore import replies
from smtpcore.errors import LocalProtocolError
from smtpcore.events import Closed, Step
from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.extensions.requiretls import RequireTls
from smtpcore.extensions.starttls import StartTls, StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.state import State
from smtpcore.timeouts import Timeouts
from tests.server_tools import GONE, NO, Talk, defer, with_extensions

rule = pytest.mark.rule
OFFER = with_extensions(StartTlsExtension())
REQUIRED = with_extensions(StartTlsExtension(required=True), AuthExtension(required=True))


@rule("X-STARTTLS-02", "X-MIX-11", "X-STARTTLS-22")
def test_220_begins_tls() -> None:
    talk = Talk(extensions=OFFER).hello()
    assert talk("STARTTLS") == "220 2.0.0 Ready to start TLS"
    assert talk.step() is Step.START_TLS
    assert talk.events[-1] == StartTls()
    assert talk.state() is State.TLS


@rule("X-STARTTLS-09", "S-SES-16", "X-STARTTLS-12")
def test_after_the_handshake_everything_is_forgotten() -> None:
    talk = Talk(extensions=with_extensions(StartTlsExtension(), AuthExtension(), RequireTls())).hello()
    before = talk.keywords
    assert talk.codes("STARTTLS") == [220]
    talk.starttls()
    assert talk.connection.session.tls
    assert talk.connection.session.hello is None
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<a@b>", "AUTH PLAIN", "NOOP") == [503, 503, 503, 250]
    after = talk.keywords
    assert sorted(set(before) ^ set(after)) == ["AUTH PLAIN", "REQUIRETLS", "STARTTLS"]
    assert talk.envelope().connection.session.protocol() == "ESMTPS"


@rule("X-STARTTLS-03")
@pytest.mark.parametrize("injected", [b"MAIL FROM:<evil@x>\r\n", b"\x16\x03\x01", b"E"])
def test_plaintext_behind_starttls_closes(injected: bytes) -> None:
    talk = Talk(extensions=OFFER).hello()
    assert talk.replies(b"STARTTLS\r\n" + injected) == ["421 4.3.2 mx.example.org Plaintext after STARTTLS"]
    assert talk.error == "RemoteProtocolError: plaintext between STARTTLS and the TLS handshake"
    talk = Talk(extensions=OFFER).hello()
    assert talk.codes("STARTTLS") == [220]
    assert talk.feed(injected) == b""
    assert talk.error == "RemoteProtocolError: plaintext between STARTTLS and the TLS handshake"


@rule("X-STARTTLS-03")
def test_220_is_taken_back_when_plaintext_comes_before_it_left() -> None:
    talk = Talk({"STARTTLS": defer}, extensions=OFFER).hello()
    connection = talk.connection
    connection.receive_data(b"STARTTLS\r\n")
    talk.pump()
    connection.accept(talk.asked[-1])
    connection.receive_data(b"x")
    assert talk.pump() == b""
    assert talk.closed


@rule("X-STARTTLS-02")
def test_454_leaves_the_session_in_clear() -> None:
    talk = Talk({"STARTTLS": [replies.TLS_UNAVAILABLE]}, extensions=OFFER).envelope()
    assert talk.codes("RSET") == [250]
    assert talk.replies("STARTTLS", "NOOP") == ["454 4.7.0 TLS not available now", "250 2.0.0 OK"]
    assert talk.codes("STARTTLS") == [220]


@rule("X-STARTTLS-01", "S-GRAM-08")
def test_starttls_takes_no_argument() -> None:
    talk = Talk(extensions=OFFER).hello()
    assert talk.replies("STARTTLS now", "NOOP") == ["501 5.5.4 This command takes no argument", "250 2.0.0 OK"]
    assert talk.codes("STARTTLS ") == [220]


@rule("X-STARTTLS-23", "X-STARTTLS-24")
def test_starttls_out_of_sequence() -> None:
    assert Talk(extensions=OFFER).codes("STARTTLS") == [503]
    assert Talk(extensions=OFFER).codes("HELO x", "STARTTLS") == [250, 503]
    talk = Talk(extensions=OFFER).envelope()
    assert talk.codes("STARTTLS", "RSET") == [503, 250]
    assert talk.codes("STARTTLS") == [220]


@rule("X-STARTTLS-13")
def test_no_tls_inside_tls() -> None:
    talk = Talk(extensions=OFFER, tls=True).hello()
    assert "STARTTLS" not in talk.keywords
    assert talk.codes("STARTTLS", "NOOP") == [503, 250]


@rule("X-STARTTLS-08")
def test_a_failed_handshake_ends_the_connection() -> None:
    talk = Talk(extensions=OFFER).hello()
    talk.feed("STARTTLS")
    talk.connection.tls_failed()
    assert talk.pump() == b""
    assert talk.error == "RemoteProtocolError: the TLS handshake failed"
    assert talk.feed("NOOP") == b""


def test_the_handshake_has_a_deadline() -> None:
    talk = Talk(extensions=OFFER, timeouts=Timeouts(tls=60.0)).hello()
    talk.feed("STARTTLS")
    assert talk.connection.tick(0.0) == 60.0
    talk.connection.tick(60.0)
    assert talk.pump() == b""
    assert talk.error == "TimedOut: timed out while waiting for the client"


def test_shut_down_during_the_handshake_says_nothing() -> None:
    talk = Talk(extensions=OFFER).hello()
    talk.feed("STARTTLS")
    talk.connection.shut_down()
    assert talk.pump() == b""
    assert talk.events[-1] == Closed()


def test_a_client_that_left_during_the_handshake() -> None:
    talk = Talk(extensions=OFFER).hello()
    talk.feed("STARTTLS")
    assert talk.eof() == b""
    assert talk.step() is Step.START_TLS  # the handshake will tell
    talk.connection.tls_failed()
    talk.pump()
    assert talk.closed


def test_tls_is_begun_and_ended_in_its_step_only() -> None:
    talk = Talk(extensions=OFFER)
    for call in (talk.connection.tls_started, talk.connection.tls_failed):
        with pytest.raises(LocalProtocolError, match="is for the step START_TLS"):
            call()


def test_only_220_accepts_starttls() -> None:
    talk = Talk({"STARTTLS": defer}, extensions=OFFER).hello()
    talk.feed("STARTTLS")
    question = talk.asked[-1]
    with pytest.raises(LocalProtocolError, match="accepted with 220 and nothing else"):
        talk.connection.accept(question, Reply(250, "fine"))
    talk.connection.accept(question, Reply(220, ("Go", "ahead"), "2.0.0"))
    assert talk.pump() == b"220-2.0.0 Go\r\n220 2.0.0 ahead\r\n"


def test_starttls_refused_with_421() -> None:
    talk = Talk({"STARTTLS": GONE}, extensions=OFFER).hello()
    assert talk.codes("STARTTLS") == [421]
    assert talk.error is None


# -- required ----------------------------------------------------------------------------------------------------------


@rule("X-STARTTLS-16", "X-MIX-05", "S-CMD-EHLO-14")
def test_what_may_be_said_before_tls() -> None:
    talk = Talk(extensions=REQUIRED)
    assert talk.codes("EHLO x", "NOOP") == [250, 250]
    for line in ("MAIL FROM:<a@b>", "RSET", "VRFY a", "HELP", "AUTH PLAIN"):
        assert talk(line) == "530 5.7.0 Must issue a STARTTLS command first"
    assert talk("HELO x") == "530 Must issue a STARTTLS command first"
    assert talk.codes("STARTTLS") == [220]
    talk.starttls()
    assert talk.codes("EHLO x", "NOOP", "RSET") == [250, 250, 250]
    assert talk("MAIL FROM:<a@b>") == "530 5.7.0 Authentication required"
    assert talk.codes("QUIT") == [221]
    assert Talk(extensions=REQUIRED).codes("QUIT") == [221]


@rule("X-STARTTLS-15", "X-STARTTLS-19")
def test_tls_is_not_required_unless_asked_for() -> None:
    assert Talk(extensions=OFFER).hello().codes("MAIL FROM:<a@b>") == [250]


@rule("X-STARTTLS-17")
def test_an_application_may_find_tls_too_weak() -> None:
    weak = Reply(554, "TLS is too weak", "5.7.0")
    talk = Talk({"EHLO": [None, weak], "MAIL": weak, "VRFY": weak}, extensions=OFFER, ask=["VRFY"], strict_replies=True)
    assert talk.codes("EHLO x", "STARTTLS") == [250, 220]
    talk.starttls()
    assert talk.replies("EHLO x", "VRFY a", "QUIT")[:2] == ["554 TLS is too weak", "554 5.7.0 TLS is too weak"]
    assert talk.closed


@rule("X-STARTTLS-11")
def test_what_did_not_come_from_the_client_survives_tls() -> None:
    limits = Limits(message=70000, errors=2)
    talk = Talk(extensions=OFFER, limits=limits, rcpt_window=3).hello()
    assert talk.codes("FOO", "STARTTLS") == [500, 220]
    talk.starttls()
    assert "SIZE 70000" in talk.keywords
    assert talk.codes("FOO", "FOO") == [500, 500, 421]  # patience is not won back


@rule("X-LIMITS-07", "X-STARTTLS-12")
def test_counts_begin_again_after_tls() -> None:
    talk = Talk({"MAIL": NO}, extensions=[StartTlsExtension(), LimitsExtension(mailmax=2)]).hello()
    assert talk.codes("MAIL FROM:<a@b>", "MAIL FROM:<a@b>", "STARTTLS") == [550, 550, 220]
    talk.starttls()
    assert talk.keywords == ["LIMITS MAILMAX=2", "HELP"]
    assert talk.codes("MAIL FROM:<a@b>", "MAIL FROM:<a@b>", "MAIL FROM:<a@b>") == [550, 550, 421]
