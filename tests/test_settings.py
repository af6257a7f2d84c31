"""What a server is set up with."""

from __future__ import annotations

import pytest

from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.known import SERVER_EXTENSIONS
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.size import Size
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection
from smtpcore.session import Session
from smtpcore.settings import ServerSettings
from tests.server_tools import HOST, Talk

rule = pytest.mark.rule


def test_settings_are_shared_by_connections() -> None:
    settings = ServerSettings(HOST, greeting="ESMTP hello")
    for _ in range(2):
        talk = Talk(settings=settings)
        assert talk.greeting == b"220 mx.example.org ESMTP hello\r\n"
        assert talk.codes("EHLO x", "QUIT") == [250, 221]
    assert settings.extensions is SERVER_EXTENSIONS
    prepared = ExtensionSet([Size(5)])
    assert ServerSettings(HOST, extensions=prepared).extensions is prepared


def test_a_connection_makes_its_own_settings() -> None:
    connection = ServerConnection()
    event = connection.next_event()
    assert event is connection.question
    assert connection.question is not None
    connection.accept(connection.question)
    assert connection.data_to_send() == b"220 localhost ESMTP ready\r\n"


def test_what_cannot_be_asked() -> None:
    with pytest.raises(LocalProtocolError, match="ask names VRFY, EXPN or HELP"):
        ServerSettings(HOST, ask=["NOOP"])


@rule("S-LIM-09")
def test_limits_are_the_smaller_ones() -> None:
    extensions = [Size(50), LimitsExtension(rcptmax=3)]
    settings = ServerSettings(HOST, extensions=extensions, limits=Limits(message=40, recipients=5))
    assert (settings.message_limit, settings.recipient_limit) == (40, 3)
    settings = ServerSettings(HOST, extensions=[Size()], limits=Limits(recipients=None))
    assert (settings.message_limit, settings.recipient_limit) == (None, None)
    assert ServerSettings(HOST, extensions=[], limits=Limits(message=40)).message_limit == 40


def test_replies_to_ehlo_are_made_once() -> None:
    settings = ServerSettings(HOST)
    session = Session()
    assert settings.hello_reply("EHLO", session) is settings.hello_reply("EHLO", session)
    assert settings.hello_reply("HELO", session) is settings.hello_reply("HELO", session)


def test_replies_to_ehlo_that_always_differ_are_not_kept_for_ever() -> None:
    class Counting(Size):
        def offer(self, session: Session) -> tuple[str, ...]:
            return (str(session.mails),)

    settings = ServerSettings(HOST, extensions=[Counting()])
    session = Session()
    for number in range(200):
        session.mails = number
        assert settings.hello_reply("EHLO", session).lines[1] == f"SIZE {number}"


@rule("S-REP-06")
def test_the_name_is_put_in_front() -> None:
    settings = ServerSettings(HOST)
    assert settings.named(Reply(421, ("Gone", "for good"), "4.3.2")) == Reply(
        421, ("mx.example.org Gone", "for good"), "4.3.2"
    )
    for same in (Reply(421, "mx.example.org Gone"), Reply(250, "OK")):
        assert settings.named(same) is same
