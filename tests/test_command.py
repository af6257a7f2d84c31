"""Commands as values: what can be built, and the one line that each becomes."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import ClassVar

import pytest
from hypothesis import given

from smtpcore.addresses import NULL_PATH, AddressLiteral, Domain, ForwardPath, Mailbox, Postmaster, ReversePath
from smtpcore.commands import (
    Command,
    Data,
    EndOfMessage,
    Hello,
    Inquiry,
    Mail,
    Noop,
    Problem,
    Quit,
    Rcpt,
    Reset,
)
from smtpcore.errors import LocalProtocolError, SMTPError, SyntaxProblem
from smtpcore.extensions.auth import AUTH_PARAMETER, Auth
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.dsn import ENVID, ORCPT, OriginalRecipient
from smtpcore.extensions.smtputf8 import SMTPUTF8
from smtpcore.extensions.starttls import StartTls
from smtpcore.parameters import Parameters
from smtpcore.testing import strategies as make

HOST = Domain("client.example")
JOE = Mailbox("Joe", Domain("Example.ORG"))
UTF8 = Parameters((SMTPUTF8(True),))


@pytest.mark.rule("C-GRAM-07", "B-GRAM-10", "B-GRAM-05", "C-CMD-MAIL-17", "X-AUTH-12")
@pytest.mark.parametrize(
    ("command", "line"),
    [
        (Hello(HOST), b"EHLO client.example"),
        (Hello(HOST, "HELO"), b"HELO client.example"),
        (Hello(HOST, "LHLO"), b"LHLO client.example"),
        (Hello(AddressLiteral("[192.0.2.1]")), b"EHLO [192.0.2.1]"),
        (Hello(HOST, trailing="more"), b"EHLO client.example"),
        (Mail(NULL_PATH), b"MAIL FROM:<>"),
        (Mail(ReversePath(JOE)), b"MAIL FROM:<Joe@Example.ORG>"),
        (Mail(NULL_PATH, Parameters((("SIZE", "5"), ("SMTPUTF8", None)))), b"MAIL FROM:<> SIZE=5 SMTPUTF8"),
        (Rcpt(ForwardPath(JOE)), b"RCPT TO:<Joe@Example.ORG>"),
        (Rcpt(ForwardPath(Postmaster())), b"RCPT TO:<Postmaster>"),
        (Rcpt(ForwardPath(JOE), Parameters((("NOTIFY", "NEVER"),))), b"RCPT TO:<Joe@Example.ORG> NOTIFY=NEVER"),
        (Rcpt(ForwardPath(Mailbox("\xe9", HOST))), b"RCPT TO:<\xc3\xa9@client.example>"),
        (Data(), b"DATA"),
        (EndOfMessage(10), b"."),
        (Reset(), b"RSET"),
        (Quit(), b"QUIT"),
        (Noop(), b"NOOP"),
        (Noop("any thing"), b"NOOP any thing"),
        (Inquiry("Joe"), b"VRFY Joe"),
        (Inquiry("list", "EXPN"), b"EXPN list"),
        (Inquiry("", "HELP"), b"HELP"),
        (Inquiry("MAIL", "HELP"), b"HELP MAIL"),
        (Inquiry("\xe9@b.example", params=UTF8), b"VRFY \xc3\xa9@b.example SMTPUTF8"),
        (StartTls(), b"STARTTLS"),
        (Bdat(0), b"BDAT 0"),
        (Bdat(1000, True), b"BDAT 1000 LAST"),
        (Auth("PLAIN"), b"AUTH PLAIN"),
        (Auth("EXTERNAL", b""), b"AUTH EXTERNAL ="),
        (Auth("PLAIN", b"\0a\0b"), b"AUTH PLAIN AGEAYg=="),
    ],
    ids=repr,
)
def test_the_line(command: Command, line: bytes) -> None:
    assert command.to_bytes() == line + b"\r\n"
    assert command.to_bytes().startswith(command.verb.encode("ascii"))


@given(make.commands())
def test_commands_are_values(command: Command) -> None:
    again = pickle.loads(pickle.dumps(command))
    assert again == command
    assert hash(again) == hash(command)
    assert type(again) is type(command)
    assert copy.deepcopy(command) is command
    assert command.__replace__() == command
    with pytest.raises(AttributeError, match="is immutable"):
        setattr(command, "verb", "QUIT")  # noqa: B010 - the type checkers know it too


@pytest.mark.rule("B-GRAM-06")
def test_how_a_command_was_written_does_not_count() -> None:
    assert Hello(HOST, "EHLO", "text", ("extra_spaces",)) == Hello(Domain("CLIENT.example"))
    assert Hello(HOST) != Hello(HOST, "HELO")
    assert Mail(NULL_PATH, deviations=("extra_spaces",)) == Mail(NULL_PATH)
    assert Mail(NULL_PATH) != Mail(ReversePath(JOE))
    assert Rcpt(ForwardPath(JOE), deviations=("x",)) == Rcpt(ForwardPath(Mailbox("Joe", Domain("example.org"))))
    assert EndOfMessage(5, ("8bit",)) == EndOfMessage()
    assert Data() != Reset()


@pytest.mark.rule("X-SMTPUTF8-14", "C-CMD-EHLO-10", "C-CMD-EHLO-09", "X-FW-29")
@pytest.mark.parametrize("name", ["b\xfccher.example", "", "a b", "[1.2.3.4] foo", "a_b", "-a", "client.example "])
def test_a_client_has_a_name_of_ascii_labels(name: str) -> None:
    with pytest.raises(SyntaxProblem):
        Hello(AddressLiteral(name) if name[:1] == "[" else Domain(name))


@pytest.mark.parametrize("verb", ["ehlo", "NOOP", "", "EHLO x\r\nRSET"])
def test_other_verbs_are_no_greeting(verb: str) -> None:
    with pytest.raises(SyntaxProblem, match="EHLO, HELO or LHLO"):
        Hello(HOST, verb)


@pytest.mark.rule("C-CMD-MAIL-08", "C-CMD-RCPT-18", "C-CMD-MAIL-17")
def test_routes_and_the_empty_sender_are_not_written_by_mistake() -> None:
    with pytest.raises(SyntaxProblem):
        ReversePath.of("<@a.example:u@d.example>")
    with pytest.raises(SyntaxProblem):
        ForwardPath.of("<@a.example:u@d.example>")
    routed = ForwardPath.parse("<@a.example:u@d.example>")
    assert Rcpt(routed).to_bytes() == b"RCPT TO:<u@d.example>\r\n"


# --- inquiries ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("B-GRAM-17")
@pytest.mark.parametrize(
    ("text", "string"),
    [
        ("Joe", "Joe"),
        ('"Joe Q. Public"', "Joe Q. Public"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('""', ""),
        ('"a"b', '"a"b'),
        ('"a"b"', '"a"b"'),
        ("joe@example.org", "joe@example.org"),
    ],
)
def test_the_string_of_an_inquiry(text: str, string: str) -> None:
    assert Inquiry(text).string == string


@pytest.mark.rule("B-GRAM-17")
def test_the_mailbox_of_an_inquiry() -> None:
    assert Inquiry("joe.smith@ex.org").as_mailbox() == Mailbox("joe.smith", Domain("ex.org"))
    assert Inquiry("\xe9@ex.org", "EXPN", UTF8).as_mailbox() == Mailbox("\xe9", Domain("ex.org"))
    assert Inquiry("joe").as_mailbox() is None
    assert Inquiry("", "HELP").as_mailbox() is None


@pytest.mark.parametrize(
    ("text", "about", "params"),
    [
        ("", "VRFY", Parameters()),
        ("", "EXPN", Parameters()),
        ("", "HELP", UTF8),
        ("joe", "MAIL", Parameters()),
        ("joe", "vrfy", Parameters()),
        ("joe", "", Parameters()),
        (" joe", "VRFY", Parameters()),
        ("joe ", "VRFY", Parameters()),
        ('"joe', "VRFY", Parameters()),
        ('"joe\\', "HELP", Parameters()),
        ('"joe\\"', "EXPN", Parameters()),
        ('"', "VRFY", Parameters()),
        ("\xe9", "VRFY", Parameters()),
        ("a\tb", "VRFY", Parameters()),
        ("a\r\nRSET", "VRFY", Parameters()),
    ],
)
def test_what_nobody_could_answer_is_not_asked(text: str, about: str, params: Parameters) -> None:
    with pytest.raises(SyntaxProblem):
        Inquiry(text, about, params)


@pytest.mark.parametrize("text", [" ", " a", "a ", "a\tb", "a\nb", "\x7f", "\x85", "\udc80"])
def test_text_that_would_not_come_back(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        Noop(text)


def test_problems_are_values() -> None:
    from smtpcore import replies

    one = Problem("MAIL", replies.BAD_SENDER, "text", 5)
    assert one == Problem("MAIL", replies.BAD_SENDER, "text", 5) != Problem("MAIL", replies.BAD_SENDER, "text")
    assert Problem("", replies.SYNTAX_ERROR, "text").position == 0


# --- injection ------------------------------------------------------------------------------------------------------

#: Each place of a command that takes a text, by its name.
PLACES: dict[str, Callable[[str], Command]] = {
    "name": lambda text: Hello(Domain(text)),
    "literal": lambda text: Hello(AddressLiteral(f"[x:{text}]")),
    "greeting verb": lambda text: Hello(HOST, f"EHLO{text}"),
    "sender": lambda text: Mail(ReversePath(Mailbox(text, HOST))),
    "domain": lambda text: Mail(ReversePath(Mailbox("a", Domain(text)))),
    "sender text": lambda text: Mail(ReversePath.of(f"{text}@b.example")),
    "recipient": lambda text: Rcpt(ForwardPath(Mailbox(text, HOST))),
    "recipient text": lambda text: Rcpt(ForwardPath.of(f"<{text}@b.example>")),
    "keyword": lambda text: Mail(NULL_PATH, Parameters(((text, "1"),))),
    "value": lambda text: Rcpt(ForwardPath(JOE), Parameters((("X", text),))),
    "ENVID": lambda text: Mail(NULL_PATH, Parameters((ENVID(text),))),
    "AUTH": lambda text: Mail(NULL_PATH, Parameters((AUTH_PARAMETER(ReversePath(Mailbox(text, HOST))),))),
    "ORCPT": lambda text: Rcpt(ForwardPath(JOE), Parameters((ORCPT(OriginalRecipient(text)),))),
    "ORCPT utf-8": lambda text: Rcpt(ForwardPath(JOE), Parameters((ORCPT(OriginalRecipient(text, "utf-8")),))),
    "ORCPT type": lambda text: Rcpt(ForwardPath(JOE), Parameters((ORCPT(OriginalRecipient("a", text)),))),
    "inquiry": Inquiry,
    "inquiry verb": lambda text: Inquiry("joe", f"VRFY{text}"),
    "inquiry utf-8": lambda text: Inquiry(text, "EXPN", UTF8),
    "noop": Noop,
    "mechanism": Auth,
}
#: The same texts in commands that were built without any check.
UNCHECKED: dict[str, Callable[[str], Command]] = {
    "noop": Noop._make,
    "greeting verb": lambda text: Hello._make(HOST, text),
    "sender": lambda text: Mail._make(ReversePath._make(Mailbox._make(text, HOST))),
    "value": lambda text: Rcpt._make(ForwardPath(JOE), Parameters._make((("X", text),))),
}


def one_line_or_refused(build: Callable[[str], Command], code: int) -> bool:
    """Whether a text with this character became a line; it is one line with one meaning then."""
    try:
        line = build(f"a{chr(code)}b").to_bytes()
    except SMTPError:
        return False
    assert line.find(b"\r") == line.find(b"\n") - 1 == len(line) - 2, hex(code)
    assert b"\0" not in line, hex(code)
    return True


#: All of the first blocks, and of the large ones enough; the last gate below takes every one of them.
CODES = (*range(0x3100), *range(0x3100, 0x10000, 13))


@pytest.mark.rule("C-GRAM-02", "B-GRAM-13", "C-SEC-08", "C-CMD-EHLO-10")
@pytest.mark.parametrize(
    "codes", [CODES, pytest.param(range(0x10000), marks=pytest.mark.campaign)], ids=("some", "all")
)
@pytest.mark.parametrize("place", PLACES)
def test_no_character_breaks_out_of_its_place(place: str, codes: Iterable[int]) -> None:
    build = PLACES[place]
    taken = [code for code in codes if one_line_or_refused(build, code)]
    assert not [code for code in taken if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000]
    assert ord("c") in taken or "verb" in place or place == "mechanism"


@pytest.mark.rule("C-GRAM-02", "B-GRAM-13", "C-SEC-08")
@pytest.mark.parametrize("place", UNCHECKED)
def test_the_last_gate_holds_alone(place: str) -> None:
    build = UNCHECKED[place]
    taken = [code for code in range(0x10000) if one_line_or_refused(build, code)]
    refused = {*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)}
    assert set(taken) == set(range(0x10000)) - refused


class Private(Command):
    """A verb of somebody else."""

    text: str
    verb: ClassVar[str] = "XTEST"

    def argument(self) -> str:
        return f" {self.text}"


@pytest.mark.rule("C-GRAM-02", "C-SEC-08")
def test_private_verbs_pass_the_same_gate() -> None:
    assert Private("a b").to_bytes() == b"XTEST a b\r\n"
    with pytest.raises(LocalProtocolError, match="Private holds a control character"):
        Private("a\r\nRSET").to_bytes()


def test_beyond_the_basic_plane() -> None:
    assert Noop("\U0001f4e7").to_bytes() == b"NOOP \xf0\x9f\x93\xa7\r\n"
    assert Noop(chr(sys.maxunicode)).to_bytes() == b"NOOP \xf4\x8f\xbf\xbf\r\n"
