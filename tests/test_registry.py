"""Extensions together: what goes with what, tables, private extensions, taking any of them away (RFC 5321 2.2)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.commands import Command, CommandError, Language, Mail, Noop, Problem, parse
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.base import Extension, Finish, Say, Turn, Verb, When, staying
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.dsn import Dsn
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.known import CLIENT_EXTENSIONS, KNOWN, SERVER_EXTENSIONS
from smtpcore.extensions.pipelining import Pipelining
from smtpcore.extensions.registry import REGISTERED, ExtensionSet
from smtpcore.extensions.size import Size
from smtpcore.extensions.smtputf8 import SmtpUtf8
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.parameters import Parameter, Parameters
from smtpcore.replies import BAD_ARGUMENT, Reply
from smtpcore.server import ServerConnection, accept_all
from smtpcore.session import Note, ResetKind, Session
from smtpcore.state import State
from tests.server_tools import GONE, Talk, with_extensions

rule = pytest.mark.rule


# -- a private extension: parameter, verb, octets, dialogue ------------------------------------------------------------


def _tag(value: str | None) -> str:
    if value is None or len(value) > 4:
        raise SyntaxProblem("XTAG wants up to four characters")
    return value


class XTags(Command):
    """XTAGS: asks the application."""

    verb: ClassVar[str] = "XTAGS"


class XSum(Command):
    """XSUM: octets follow, whatever the reply is."""

    size: int
    verb: ClassVar[str] = "XSUM"


class XTalk(Command):
    """XTALK: two lines that belong together."""

    verb: ClassVar[str] = "XTALK"


class XNow(Command):
    """XNOW: answered by the extension itself."""

    verb: ClassVar[str] = "XNOW"


class Echo:
    """A dialogue of one line."""

    def begin(self, value: object = None) -> Turn:
        return Say(Reply(334, "go on"))

    def receive(self, line: bytes) -> Turn:
        return Finish(Reply(250, f"{len(line)} octets"))

    def too_long(self) -> Turn:
        return Finish(Reply(500, "too long"))

    def answer(self, positive: bool, reply: Reply | None) -> Turn:
        raise AssertionError("nothing was asked")

    def provide(self, value: object) -> Turn:
        raise AssertionError("nothing was asked")


def _alone(kind: type[Command]) -> object:
    def grammar(line: bytes, end: int, language: Language) -> Command:
        if line[end:]:
            raise CommandError(BAD_ARGUMENT, "no argument", end)
        return kind()

    return grammar


def _sum(line: bytes, end: int, language: Language) -> Command:
    if not line[end + 1 :].isdigit():
        raise CommandError(BAD_ARGUMENT, "a number", end)
    return XSum(int(line[end:]))


def _size(command: Command) -> int:
    assert isinstance(command, XSum)
    return command.size


class XTag(Extension):
    """A whole private extension."""

    limit: int = 64
    keyword: ClassVar[str] = "XTAG"
    parameters: ClassVar[tuple[Parameter[str], ...]] = (
        Parameter("XTAG", "MAIL", octets=10, parse=_tag, format=lambda value: value),
    )
    verbs: ClassVar[tuple[Verb, ...]] = (
        Verb("XTAGS", _alone(XTags), moves=staying(State.FRESH, State.READY)),  # type: ignore[arg-type]
        Verb("XSUM", _sum, moves=staying(State.READY), octets=_size, last=False),
        Verb("XTALK", _alone(XTalk), moves=staying(State.READY), dialogue=lambda *_: Echo(), line_limit=600),  # type: ignore[arg-type]
        Verb("XNOW", _alone(XNow), moves=staying(State.READY), answer=lambda *_: Reply(250, "now"), last=False),  # type: ignore[arg-type]
    )
    guards: ClassVar[Mapping[str, When]] = {"XTAGS": When.ALWAYS, "RCPT": When.PARAMETERS, "DATA": When.ALWAYS}

    def offer(self, session: Session) -> Sequence[str] | None:
        return (str(self.limit),)

    def guard(self, command: Command, session: Session) -> Reply | None:
        return GONE if session.mails > 3 else None


@rule("S-CMD-X-04", "B-EXT-20", "X-FW-12", "S-EXT-05", "X-FW-10", "S-EXT-07")
def test_a_private_extension() -> None:
    talk = Talk({"XTAGS": [Reply(250, "none", "2.0.0")]}, extensions=with_extensions(XTag()))
    assert "XTAG 64" in talk.keywords
    assert "XTAGS" in talk("HELP")
    assert talk("xtags") == "250 2.0.0 none"
    assert talk("XTAGS") == "250 2.0.0 OK"
    assert talk.all(XTags) == [XTags(), XTags()]
    assert talk.codes("XTAGS x", "MAIL FROM:<a@b> XTAG=12345", "MAIL FROM:<a@b> XTAG=1234", "XTAGS") == [
        501,
        501,
        250,
        503,
    ]
    assert talk.all(Mail)[0].params == Parameters((("XTAG", "1234"),))


@rule("X-CHUNKING-12")
def test_octets_of_a_private_verb_are_swallowed_when_it_is_refused() -> None:
    talk = Talk(extensions=with_extensions(XTag()))
    assert talk.codes(b"XSUM 6\r\nRSET\r\nNOOP\r\n") == [503, 250]


@rule("X-CHUNKING-12")
def test_octets_outside_of_a_transaction_can_only_be_refused() -> None:
    connection = ServerConnection("mx.example.org", extensions=with_extensions(XTag()))
    for said in (b"", b"EHLO client.example\r\n", b"XSUM 6\r\nRSET\r\nNOOP\r\n"):
        if said:
            connection.receive_data(said)
        while (event := connection.next_event()) is not None and not isinstance(event, XSum):
            accept_all(connection, event)
        connection.data_to_send()
    assert isinstance(event, XSum)
    with pytest.raises(LocalProtocolError, match="no transaction is open"):
        connection.accept(event)
    connection.reject(event, BAD_ARGUMENT)
    assert connection.next_event() is None
    assert connection.data_to_send().startswith(b"501 ")
    assert connection.next_event() == Noop()


def test_lines_of_a_private_dialogue() -> None:
    talk = Talk(extensions=with_extensions(XTag())).hello()
    assert talk.replies("XTALK", "QUIT", "NOOP") == ["334 go on", "250 2.0.0 4 octets", "250 2.0.0 OK"]
    assert talk.replies("XTALK", "x" * 3000, "NOOP") == ["334 go on", "500 5.0.0 too long", "250 2.0.0 OK"]


def test_an_answer_of_the_library_itself() -> None:
    talk = Talk(extensions=with_extensions(XTag())).hello()
    assert talk.replies("XNOW", "NOOP") == ["250 2.0.0 now", "250 2.0.0 OK"]
    assert XNow() in talk.events
    assert XNow() not in talk.asked


@rule("S-REP-23", "S-REP-06")
def test_a_guard_may_close() -> None:
    talk = Talk(extensions=with_extensions(XTag()))
    talk.feed(*["MAIL FROM:<a@b"] * 9, "EHLO x", "RSET")
    for _ in range(3):
        assert talk.codes("MAIL FROM:<a@b>", "RSET") == [250, 250]
    assert talk.codes("MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA") == [250, 250, 421]
    assert talk.aborted[-1] == "SHUT_DOWN"
    assert talk.error is None


class _Count(Note):
    """How often VRFY was said; RSET and the end of a message forget it."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class _Kept(_Count):
    """The same, which only TLS forgets."""

    survives: ClassVar[frozenset[ResetKind]] = frozenset((ResetKind.TRANSACTION, ResetKind.HELLO))


class XCount(Extension):
    """Counts VRFY in a note."""

    kind: type[_Count] = _Count
    keyword: ClassVar[str] = "XCOUNT"
    guards: ClassVar[Mapping[str, When]] = {"VRFY": When.ALWAYS}

    def guard(self, command: Command, session: Session) -> Reply | None:
        session.notes = session.notes or {}
        note = session.notes.setdefault(self.keyword, self.kind())
        assert isinstance(note, _Count)
        note.number += 1
        return Reply(550, str(note.number), "5.7.1")


@pytest.mark.parametrize("kind", [_Count, _Kept])
def test_what_an_extension_notes_is_forgotten_in_time(kind: type[_Count]) -> None:
    talk = Talk(extensions=with_extensions(XCount(kind), StartTlsExtension())).hello()
    expected = 0
    ends: list[list[str | bytes]] = [
        ["NOOP"],
        ["RSET"],
        ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", b"hi\r\n.\r\n"],
        ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1 LAST\r\nx"],
        ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", b"a\nb\r\n.\r\n"],
        ["EHLO x"],
    ]
    for said in ends:
        talk.feed(*said)
        expected = expected + 1 if kind is _Kept or said == ["NOOP"] else 1
        assert talk("VRFY a") == f"550 5.7.1 {expected}"
    assert talk.codes("STARTTLS") == [220]
    talk.starttls()
    assert talk.replies("EHLO x", "VRFY a")[1] == "550 5.7.1 1"


# -- what goes together ------------------------------------------------------------------------------------------------


class _Named(Extension):
    """An extension with nothing but a name."""

    keyword: ClassVar[str] = "FOO"


class _Registered(_Named):
    """One that IANA lists since."""

    registered: ClassVar[bool] = True


class _Private(_Named):
    keyword: ClassVar[str] = "xfoo"


class _Bad(_Named):
    keyword: ClassVar[str] = "X_FOO"


class _Profile(Extension):
    """A profile, which EHLO does not list."""

    guards: ClassVar[Mapping[str, When]] = {"VRFY": When.ALWAYS}

    def guard(self, command: Command, session: Session) -> Reply | None:
        return Reply(502, "Never", "5.5.1")


@rule("S-EXT-07", "X-FW-10", "B-EXT-08")
def test_keywords_are_registered_or_private() -> None:
    with pytest.raises(LocalProtocolError, match="FOO is not a registered extension: begin a private keyword with X"):
        ExtensionSet([_Named()])
    with pytest.raises(LocalProtocolError, match="letters, digits and hyphens"):
        ExtensionSet([_Bad()])
    assert "foo" in ExtensionSet([_Registered()])
    assert "XFOO" in ExtensionSet([_Private()])
    assert not any(keyword.startswith("X") for keyword in REGISTERED)
    assert {extension.keyword for extension in KNOWN} <= REGISTERED


def test_a_profile_is_not_listed() -> None:
    talk = Talk(extensions=[_Profile()])
    assert talk.keywords == ["HELP"]
    assert talk.codes("VRFY a", "NOOP") == [502, 250]


def test_what_cannot_go_together() -> None:
    class Twice(Extension):
        keyword: ClassVar[str] = "XTWICE"
        verbs: ClassVar[tuple[Verb, ...]] = XTag.verbs[:1]

    class Core(Extension):
        keyword: ClassVar[str] = "XCORE"
        verbs: ClassVar[tuple[Verb, ...]] = (Verb("NOOP", _sum, moves={}),)

    class Other(Extension):
        keyword: ClassVar[str] = "XSIZE"
        parameters: ClassVar[tuple[Parameter[str], ...]] = (
            Parameter("SIZE", "MAIL", octets=5, parse=_tag, format=lambda value: value),
        )

    for together, sentence in (
        ([Size(), Size(5)], "SIZE is given twice"),
        ([XTag(), Twice()], "XTWICE declares the verb XTAGS, which is there already"),
        ([Core()], "XCORE declares the verb NOOP"),
        ([Size(), Other()], "XSIZE declares the MAIL parameter SIZE, which is there already"),
        ([SmtpUtf8()], "SMTPUTF8 needs 8BITMIME as well"),
    ):
        with pytest.raises(LocalProtocolError, match=sentence):
            ExtensionSet(together)


class XNear(Extension):
    """A parameter of MAIL, and a look at the parameters of RCPT."""

    keyword: ClassVar[str] = "XNEAR"
    parameters: ClassVar[tuple[Parameter[str], ...]] = (Parameter("XP", "MAIL", octets=9, parse=_tag, format=str),)
    guards: ClassVar[Mapping[str, When]] = {"RCPT": When.PARAMETERS}


class XFar(Extension):
    """A parameter of RCPT with the same name."""

    keyword: ClassVar[str] = "XFAR"
    parameters: ClassVar[tuple[Parameter[str], ...]] = (Parameter("XP", "RCPT", octets=9, parse=_tag, format=str),)


def test_an_extension_looks_at_its_own_parameters_only() -> None:
    extensions = ExtensionSet([XNear(), XFar()])
    assert extensions.concern("RCPT", ("XP",), True).guards == ()
    assert len(ExtensionSet([XTag()]).concern("DATA", (), True).guards) == 1


def test_what_concerns_extensions_is_the_same_beyond_what_is_remembered() -> None:
    extensions = ExtensionSet([Size(1000)])
    for number in range(400):
        concern = extensions.concern("MAIL", ("SIZE", f"X{number}"), True)
        assert len(concern.guards) == 1


def test_lookups() -> None:
    extensions = ExtensionSet([Size(30), EightBitMime(), XTag()])
    assert [each.keyword for each in extensions] == ["SIZE", "8BITMIME", "XTAG"]
    assert "size" in extensions
    assert "DSN" not in extensions
    assert 5 not in extensions
    assert extensions.owner("XTAGS") == XTag()
    assert extensions.owners("MAIL", "size") == [Size(30)]
    assert extensions.owners("RCPT", "SIZE") == ()
    assert (extensions.message_limit, extensions.recipient_limit) == (30, None)
    assert extensions.concern("MAIL", ("SIZE",), True).in_force(Session()) is False
    assert extensions.offer(Session()) == ("SIZE 30", "8BITMIME", "XTAG 64")


def test_what_an_extension_declares_by_default_is_nothing() -> None:
    plain = Extension()
    assert plain.offer(Session()) == ()
    assert plain.message_limit is None
    assert plain.recipient_limit is None
    mail = Talk().envelope().all(Mail)[0]
    assert plain.guard(mail, Session()) is None
    assert not plain.binary(mail)
    assert not plain.utf8_replies(mail)
    assert plain.plan(None) is None  # type: ignore[arg-type, func-returns-value]


@rule("X-FW-23")
def test_only_one_of_a_group_lengthens_the_line() -> None:
    assert CLIENT_EXTENSIONS.increments("MAIL") == 26 + 16 + 10 + 9 + 107 + 500 + 11 + 17 + 15 + 34
    assert CLIENT_EXTENSIONS.increments("RCPT") == 29 + 507 + 33
    assert ExtensionSet().increments("MAIL") == 0


# -- sequences that every extension shares -----------------------------------------------------------------------------


@rule("X-MIX-04")
def test_the_order_of_parameters_is_free() -> None:
    params = ("SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=FULL")
    mails = set()
    for order in itertools.permutations(params):
        talk = Talk().hello()
        assert talk.codes("MAIL FROM:<a@b> " + " ".join(order)) == [250]
        mails.add(talk.all(Mail)[0])
    assert len(mails) == 1


@rule("X-MIX-03", "X-FW-21")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM:<a@b SIZE=x FROB=1", 501),
        ("MAIL FROM:<a@b> FROB=1 SIZE=x", 501),
        ("MAIL FROM:<a@b> SIZE=2000 FROB=1", 555),
        ("MAIL FROM:<a@b> SIZE=2000", 552),
        ("MAIL FROM:<a@b> BODY=BINARYMIME SIZE=2000", 552),
    ],
)
def test_which_fault_is_named(line: str, code: int) -> None:
    assert Talk(extensions=with_extensions(Size(1000))).hello().codes(line) == [code]


@rule("S-EXT-06", "X-FW-11", "S-EXT-04", "X-FW-12")
@pytest.mark.parametrize("tls", [False, True])
def test_no_verb_of_what_is_offered_is_unknown(tls: bool) -> None:
    for extension in (*KNOWN, XTag()):
        for verb in extension.verbs:
            talk = Talk(extensions=[*KNOWN, XTag()], tls=tls)
            offered = any(line.split()[0] == extension.keyword for line in talk.keywords)
            for said in (verb.name, f"{verb.name} x"):
                if offered and talk.step().name == "RECEIVE":
                    assert not {500, 502} & set(talk.codes(said, b"\r\n")[:1])


# -- taking any of them away -------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "EHLO x",
        "HELO x",
        "MAIL FROM:<a@b>",
        "MAIL FROM:<a@b> SIZE=5",
        "MAIL FROM:<a@b> BODY=8BITMIME",
        "MAIL FROM:<a@b> RET=FULL",
        "MAIL FROM:<\xe9@b> SMTPUTF8",
        "RCPT TO:<c@d>",
        "RCPT TO:<c@d> NOTIFY=NEVER",
        "RCPT TO:<>",
        "DATA",
        "RSET",
        "NOOP",
        "VRFY a",
        "FOO",
        b"BDAT 4\r\nNOOP",
        b"BDAT 4 LAST\r\nNO\r\n",
        b"a\r\n.\r\n",
    ]
)
REMOVABLE = ("SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "PIPELINING")
PARAMETERS = {"SIZE": "SIZE=", "8BITMIME": "BODY=", "SMTPUTF8": "SMTPUTF8", "DSN": "RET=|NOTIFY="}


def without(keywords: frozenset[str]) -> list[Extension]:
    """The default extensions less these, and less those that need them."""
    left = [each for each in SERVER_EXTENSIONS if each.keyword not in keywords]
    there = {each.keyword for each in left}
    return [each for each in left if each.requires <= there]


def uses(said: str | bytes, gone: set[str]) -> bool:
    """Whether this line is about one of these extensions."""
    if isinstance(said, bytes):
        return said.startswith(b"BDAT") and "CHUNKING" in gone
    return any(word in said for keyword in gone for word in PARAMETERS.get(keyword, "\0").split("|")) or (
        not said.isascii() and "SMTPUTF8" in gone
    )


@rule("X-MIX-18", "X-FW-01")
@given(st.lists(LINES, max_size=12), st.frozensets(st.sampled_from(REMOVABLE)))
def test_any_extension_can_be_taken_away(said: list[str | bytes], keywords: frozenset[str]) -> None:
    extensions = without(keywords)
    gone = {each.keyword for each in SERVER_EXTENSIONS} - {each.keyword for each in extensions}
    full, less = Talk(), Talk(extensions=extensions)
    for each in said:
        if uses(each, gone):
            continue
        with_all, with_less = full.replies(each), less.replies(each)
        if isinstance(each, str) and each.startswith("EHLO"):
            lost = [line[4:].split()[0] for line in with_all[0].split("\n")[1:-1]]
            kept = [line[4:].split()[0] for line in with_less[0].split("\n")[1:-1]]
            assert [keyword for keyword in lost if keyword not in gone] == kept
        else:
            assert with_all == with_less
    assert full.events[1:] == less.events[1:] or "BINARYMIME" in gone


@given(st.lists(st.sampled_from(KNOWN), unique_by=lambda each: each.keyword))
def test_any_set_is_refused_or_works(members: list[Extension]) -> None:
    there = {each.keyword for each in members}
    if not all(each.requires <= there for each in members):
        with pytest.raises(LocalProtocolError, match="as well"):
            ExtensionSet(members)
        return
    talk = Talk(extensions=members).hello()
    language = ExtensionSet(members).language()
    for member in members:
        for parameter in member.parameters:
            where = {"MAIL": "MAIL FROM:<a@b>", "RCPT": "RCPT TO:<a@b>"}.get(parameter.place, "")
            if where:
                problem = parse(f"{where} {parameter.keyword}=\x7f".encode(), language)
                assert isinstance(problem, Problem)
                assert problem.reply.code == 501
    assert talk.codes("NOOP", "QUIT") == [250, 221]


def test_the_default_sets() -> None:
    assert [each.keyword for each in SERVER_EXTENSIONS] == (
        "PIPELINING SIZE 8BITMIME SMTPUTF8 CHUNKING BINARYMIME DSN ENHANCEDSTATUSCODES".split()
    )
    assert {Pipelining(), Chunking(), Dsn()} <= set(KNOWN)
    assert len(CLIENT_EXTENSIONS.members) == len(KNOWN)
