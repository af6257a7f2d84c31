"""Small faults of extensions, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import pytest

from smtpcore.client import ClientConnection
from smtpcore.commands import Mail, Problem, parse
from smtpcore.delivery import Delivery, Message
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.deliverby import DeliverBy
from smtpcore.extensions.dsn import ENVID, ORCPT, Dsn, OriginalRecipient
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.size import SIZE, Size
from smtpcore.parameters import Parameters
from tests.scripted import ScriptedServer, converse
from tests.server_tools import Talk

# -- SIZE -------------------------------------------------------------------------------------------------------------


def test_what_size_is() -> None:
    assert SIZE.octets == 26  # RFC 1870 3 (6)
    assert [Size(maximum).message_limit for maximum in (None, 0, 1, 5)] == [None, None, 1, 5]


@pytest.mark.parametrize(("words", "code"), [("", 250), (" BODY=8BITMIME", 250), (" SIZE=5", 250), (" SIZE=6", 552)])
def test_a_message_that_does_not_say_its_size(words: str, code: int) -> None:
    talk = Talk(extensions=[Size(5), EightBitMime()]).hello()
    assert talk.codes(f"MAIL FROM:<a@b>{words}") == [code]


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
