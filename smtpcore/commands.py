"""Command grammar: each command a value, `parse` from a line, `to_bytes` to a line (RFC 5321 4.1).

The server hands out the very values that the client sends.  A verb's grammar is a function from a line to its value;
`Language` holds the verbs and parameters that are understood, so that an extension adds to a dictionary and nothing
here changes.  What is wrong with a line comes back as a `Problem` with the reply that it deserves.
"""

from __future__ import annotations

import re
from typing import Callable, ClassVar, Final, Mapping

from smtpcore import replies
from smtpcore.addresses import (
    AddressLiteral,
    Domain,
    ForwardPath,
    Mailbox,
    Postmaster,
    ReversePath,
    read_domain_or_literal,
    read_forward_path,
    read_reverse_path,
)
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.parameters import NO_PARAMETERS, Parameter, Parameters, read_parameters
from smtpcore.replies import Reply
from smtpcore.value import Value

_VERB: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]{0,31}")
#: The argument of EHLO as it nearly always is; everything else is read by `addresses`, to the same value.
_COMMON_NAME: Final = re.compile(rb" ((?:[A-Za-z0-9]+[.-])*[A-Za-z0-9]+)")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_PAIR: Final = re.compile(r"\\(.)")
_OPEN_QUOTE: Final = re.compile(r'"(?:[^"\\]|\\.)*\\?')
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Command(Value):
    """Base of every command.  `verb` is upper case."""

    verb: ClassVar[str] = ""

    def argument(self) -> str:
        """What follows the verb, its leading space included; empty for a verb that stands alone."""
        return ""

    def to_bytes(self) -> bytes:
        """The canonical line with its CRLF, as UTF-8.

        Raises `LocalProtocolError` rather than let a control character reach the wire: the one place through which
        every command of the client goes.
        """
        line = self.verb + self.argument()
        if not line.isascii() or not line.isprintable():
            fault = _UNPRINTABLE.search(line)
            if fault is not None:
                raise LocalProtocolError(f"{type(self).__name__} holds a control character and is not sent")
        return line.encode("utf-8") + b"\r\n"


class Hello(Command):
    """EHLO, HELO or LHLO with the name of the client (RFC 5321 4.1.1.1, RFC 2033 4.1)."""

    name: Domain | AddressLiteral
    hello: str = "EHLO"
    #: Text behind the name, which the grammar does not have (RFC 5321 4.1.1.1 says to be prepared).
    trailing: str = ""
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("trailing", "deviations")

    def __post_init__(self) -> None:
        if self.hello not in ("EHLO", "HELO", "LHLO"):
            raise SyntaxProblem("the greeting verb is EHLO, HELO or LHLO")

    @property
    def verb(self) -> str:  # type: ignore[override]
        return self.hello

    def argument(self) -> str:
        return f" {self.name}"


class Mail(Command):
    """MAIL FROM: who gets notifications of failure, and the parameters of the message (RFC 5321 4.1.1.2)."""

    path: ReversePath
    params: Parameters = NO_PARAMETERS
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("deviations",)
    verb: ClassVar[str] = "MAIL"

    def argument(self) -> str:
        return f" FROM:{self.path}{self.params}"


class Rcpt(Command):
    """RCPT TO: one recipient, and its parameters (RFC 5321 4.1.1.3)."""

    path: ForwardPath
    params: Parameters = NO_PARAMETERS
    deviations: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("deviations",)
    verb: ClassVar[str] = "RCPT"

    def argument(self) -> str:
        return f" TO:{self.path}{self.params}"


class Data(Command):
    """DATA: the message follows when the answer is 354 (RFC 5321 4.1.1.4)."""

    verb: ClassVar[str] = "DATA"


class EndOfMessage(Command):
    """The final dot, or the last chunk: not a line of its own, but it gets a reply like a command.

    `size` is the content in octets, dots unstuffed; `offences` the names of what was odd in it and tolerated.
    """

    size: int = 0
    offences: tuple[str, ...] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ("size", "offences")
    verb: ClassVar[str] = "."


class Reset(Command):
    """RSET: drop the transaction (RFC 5321 4.1.1.5)."""

    verb: ClassVar[str] = "RSET"


class Quit(Command):
    """QUIT (RFC 5321 4.1.1.10)."""

    verb: ClassVar[str] = "QUIT"


class _Text(Command):
    """A verb with free text."""

    text: str = ""

    def __post_init__(self) -> None:
        if _UNPRINTABLE.search(self.text) is not None:
            raise SyntaxProblem("control characters have no place in a command")

    def argument(self) -> str:
        return f" {self.text}" if self.text else ""


class Noop(_Text):
    """NOOP; whatever stands behind it is ignored (RFC 5321 4.1.1.9)."""

    verb: ClassVar[str] = "NOOP"


class Inquiry(_Text):
    """VRFY, EXPN or HELP (RFC 5321 4.1.1.6-8): the argument as free text (RFC 5321 3.5.1 against its ABNF)."""

    about: str = "VRFY"
    params: Parameters = NO_PARAMETERS

    @property
    def verb(self) -> str:  # type: ignore[override]
        return self.about

    def argument(self) -> str:
        return f" {self.text}{self.params}" if self.text else str(self.params)

    @property
    def string(self) -> str:
        """The argument with the quotes and backslashes of a Quoted-string taken off (RFC 5321 4.1.2, String)."""
        text = self.text
        if len(text) > 1 and text.startswith('"') and _QUOTED.fullmatch(text) is not None:
            return _PAIR.sub(r"\1", text[1:-1])
        return text

    def as_mailbox(self) -> Mailbox | None:
        """The argument read as a mailbox, when it is one."""
        try:
            return Mailbox.parse(self.text, utf8=True)
        except SyntaxProblem:
            return None


class Problem(Value):
    """Why a line is not a command, and the reply that it deserves.  `verb` is upper case, empty when unreadable."""

    verb: str
    reply: Reply
    text: str
    position: int = 0


class CommandError(Exception):
    """Raised by the grammar of a verb; `parse` turns it into a `Problem`."""

    def __init__(self, reply: Reply, text: str, position: int = 0) -> None:
        super().__init__(text)
        self.reply = reply
        self.text = text
        self.position = position


#: From a whole line and the offset just behind the verb to the command; raises `CommandError` or `SyntaxProblem`.
Grammar = Callable[[bytes, int, "Language"], Command]


class Language:
    """What a server understands: verbs, parameters, leniency.  Built once, shared by connections, never changed."""

    __slots__ = ("known", "leniency", "parameters", "utf8", "verbs")

    def __init__(
        self,
        verbs: Mapping[bytes, Grammar],
        *,
        known: frozenset[bytes] = frozenset(),
        parameters: Mapping[str, Mapping[str, Parameter[object]]] | None = None,
        leniency: Leniency = DEFAULT,
        utf8: bool = False,
    ) -> None:
        #: Verbs understood, upper case.
        self.verbs = verbs
        #: Verbs known to exist and answered 502 (RFC 5321 4.2.4).
        self.known = known
        #: Place (`"MAIL"`, ...) to keyword to declaration.
        self.parameters = parameters or {}
        self.leniency = leniency
        #: Mailboxes and values may be internationalised (RFC 6531 3.3).
        self.utf8 = utf8


def parse(line: bytes, language: Language | None = None) -> Command | Problem:
    """The command in a line without its CRLF, or what is wrong with it.  Never raises for any octets."""
    language = language or CORE
    verb = line[:4].upper()
    grammar = language.verbs.get(verb)
    end = 4
    if grammar is None or line[4:5] not in _AFTER_VERB:
        found = _VERB.match(line)
        if found is None or line[found.end() : found.end() + 1] not in _AFTER_VERB:
            name = "" if found is None else found.group().upper().decode("ascii")
            return Problem(name, replies.SYNTAX_ERROR, "no verb at the start of the line")
        verb, end = found.group().upper(), found.end()
        grammar = language.verbs.get(verb)
        if grammar is None:
            name = verb.decode("ascii")
            if verb in language.known:
                return Problem(name, replies.NOT_IMPLEMENTED, "the verb is known but not offered")
            return Problem(name, replies.COMMAND_UNRECOGNIZED, "the verb is not known")
    if line.endswith((b" ", b"\t")):
        line = line.rstrip(b" \t")
    try:
        return grammar(line, end, language)
    except CommandError as error:
        return Problem(verb.decode("ascii"), error.reply, error.text, error.position)
    except SyntaxProblem as problem:
        reply = replies.BAD_HELLO if verb in _HELLOS else replies.BAD_ARGUMENT
        return Problem(verb.decode("ascii"), reply, problem.text, problem.position)


_AFTER_VERB: Final = (b" ", b"", b"\t")
_HELLOS: Final = frozenset((b"EHLO", b"HELO", b"LHLO"))


# --- the grammar of each verb of RFC 5321 4.1.1 ----------------------------------------------------------------------


def no_argument(command: type[Command]) -> Grammar:
    """The grammar of a verb that stands alone; anything behind it is 501 (RFC 5321 4.1.1)."""

    def grammar(line: bytes, end: int, language: Language) -> Command:
        if len(line) > end:
            raise CommandError(replies.NO_ARGUMENT_ALLOWED, "the verb takes no argument", end)
        return command()

    return grammar


def free_text(line: bytes, end: int) -> str:
    """The rest of a line as text; raises `CommandError` for control octets and what is not UTF-8."""
    fault = _CONTROL.search(line, end)
    if fault is not None:
        raise CommandError(replies.BAD_ARGUMENT, "control octet in the argument", fault.start())
    if line[end : end + 1] == b"\t":
        raise CommandError(replies.SYNTAX_ERROR, "one space parts verb and argument", end)
    try:
        text = line[end + 1 :].decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(replies.BAD_ARGUMENT, "the argument is not UTF-8", end + 1 + error.start) from None
    if _UNPRINTABLE.search(text) is not None:
        raise CommandError(replies.BAD_ARGUMENT, "control character in the argument", end + 1)
    return text


def _argument_start(line: bytes, end: int, language: Language) -> int:
    """Offset of the argument: behind exactly one space, or more where that is tolerated."""
    start = end
    while line[start : start + 1] == b" ":
        start += 1
    if start > end + 1 and not language.leniency.extra_spaces:
        raise CommandError(replies.BAD_ARGUMENT, "one space parts verb and argument", end + 1)
    return start


def _hello(name: str) -> Grammar:
    def grammar(line: bytes, end: int, language: Language) -> Command:
        found = _COMMON_NAME.fullmatch(line, end)
        if found is not None and len(line) <= end + 64:  # no label can be too long
            command: Command = Hello._make(Domain._make(found[1].decode("ascii")), name, "", ())
            return command
        lenient = language.leniency
        start = _argument_start(line, end, language)
        deviations: list[str] = []
        who, stop = read_domain_or_literal(
            line, start, utf8=False, leniency=lenient, hello=True, deviations=deviations
        )
        if isinstance(who, AddressLiteral):
            if name == "HELO":
                if not lenient.hello_literal:
                    raise CommandError(replies.BAD_HELLO, "HELO takes a domain, not an address literal", start)
                deviations.append("hello_literal")
        if start > end + 1:
            deviations.append("extra_spaces")
        if stop == len(line):
            return Hello(who, name, "", tuple(deviations))
        # RFC 5321 4.1.1.1: text behind a literal was once encouraged; behind a domain it never was.
        if line[stop : stop + 1] != b" " or not lenient.hello_trailing_text or isinstance(who, Domain):
            raise CommandError(replies.BAD_HELLO, "text behind the name", stop)
        trailing = free_text(line, stop)
        return Hello(who, name, trailing, (*deviations, "hello_trailing_text"))

    return grammar


def _path_start(line: bytes, end: int, keyword: bytes, language: Language, deviations: list[str]) -> int:
    """Offset of the path behind `FROM:` or `TO:`."""
    start = _argument_start(line, end, language)
    if start > end + 1:
        deviations.append("extra_spaces")
    size = len(keyword)
    if line[start : start + size].upper() != keyword:
        raise CommandError(replies.BAD_ARGUMENT, f"{keyword.decode()} must follow the verb", start)
    start += size
    if line[start : start + 1] == b" ":
        if not language.leniency.space_after_colon:
            raise CommandError(replies.BAD_ARGUMENT, "no space after the colon", start)
        deviations.append("space_after_colon")
        while line[start : start + 1] == b" ":
            start += 1
    return start


def _parameters(line: bytes, stop: int, place: str, language: Language, deviations: list[str]) -> Parameters:
    """The parameters behind a path, all of them read before any is judged (X-MIX-03)."""
    if line[stop : stop + 1] != b" ":
        raise CommandError(replies.BAD_ARGUMENT, "a space must part path and parameters", stop)
    start = stop + 1
    while line[start : start + 1] == b" ":
        start += 1
    try:
        params, spaced = read_parameters(line, start)
    except SyntaxProblem as problem:
        reply = replies.DUPLICATE_PARAMETER if problem.reason == "duplicate" else replies.BAD_PARAMETER
        raise CommandError(reply, problem.text, problem.position) from None
    if spaced or start > stop + 1:
        if not language.leniency.extra_spaces:
            raise CommandError(replies.BAD_PARAMETER, "one space parts two parameters", stop)
        deviations.append("extra_spaces")
    check_parameters(params, language.parameters.get(place, {}), language, stop)
    return params


def check_parameters(
    params: Parameters, declared: Mapping[str, Parameter[object]], language: Language, position: int = 0
) -> None:
    """Each parameter against its declaration: 501 for a bad value, 555 for an unknown one (RFC 5321 4.1.1.11)."""
    unknown = False
    groups: set[str] = set()
    for keyword, value in params.pairs:
        parameter = declared.get(keyword.upper())
        if parameter is None:
            unknown = True
            continue
        if value is not None and not language.utf8 and not value.isascii():
            raise CommandError(replies.BAD_PARAMETER, f"the value of {parameter.keyword} is not ASCII", position)
        try:
            parameter.parse(value)
        except SyntaxProblem as problem:
            raise CommandError(replies.BAD_PARAMETER, f"{parameter.keyword}: {problem.text}", position) from None
        if parameter.group and parameter.group in groups:
            raise CommandError(replies.BAD_PARAMETER, f"{parameter.keyword} contradicts another parameter", position)
        groups.add(parameter.group)
    if unknown:
        raise CommandError(replies.UNKNOWN_PARAMETER, "a parameter is not known here", position)


def _mail(line: bytes, end: int, language: Language) -> Command:
    deviations: list[str] = []
    if line[end : end + 7].upper() == b" FROM:<":
        start = end + 6
    else:
        start = _path_start(line, end, b"FROM:", language, deviations)
    try:
        path, stop = read_reverse_path(line, start, utf8=language.utf8, leniency=language.leniency)
    except SyntaxProblem as problem:
        raise CommandError(replies.BAD_SENDER, problem.text, problem.position) from None
    params = NO_PARAMETERS
    if stop != len(line):
        params = _parameters(line, stop, "MAIL", language, deviations)
    if deviations or path.deviations:
        return Mail(path, params, (*deviations, *path.deviations))
    command: Command = Mail._make(path, params, ())
    return command


def _rcpt(line: bytes, end: int, language: Language) -> Command:
    deviations: list[str] = []
    if line[end : end + 5].upper() == b" TO:<":
        start = end + 4
    else:
        start = _path_start(line, end, b"TO:", language, deviations)
    try:
        path, stop = read_forward_path(line, start, utf8=language.utf8, leniency=language.leniency)
    except SyntaxProblem as problem:
        raise CommandError(replies.BAD_RECIPIENT, problem.text, problem.position) from None
    params = NO_PARAMETERS
    if stop != len(line):
        params = _parameters(line, stop, "RCPT", language, deviations)
    if deviations or path.deviations:
        return Rcpt(path, params, (*deviations, *path.deviations))
    command: Command = Rcpt._make(path, params, ())
    return command


def _noop(line: bytes, end: int, language: Language) -> Command:
    # RFC 5321 4.1.1.9: whatever the argument is, it is ignored; octets that no command may hold are still refused.
    command: Command = Noop._make(free_text(line, end))
    return command


def _inquiry(name: str, *, required: bool) -> Grammar:
    def grammar(line: bytes, end: int, language: Language) -> Command:
        text = free_text(line, end)
        if required and not text:
            raise CommandError(replies.BAD_ARGUMENT, f"{name} needs an argument", end)
        params = NO_PARAMETERS
        declared = language.parameters.get(name, {})
        head, space, last = text.rpartition(" ")
        if space and last.upper() in declared:  # RFC 6531 3.7.4.2: VRFY joe SMTPUTF8
            text, params = head, Parameters(((last, None),))
        if _OPEN_QUOTE.fullmatch(text) is not None:
            raise CommandError(replies.BAD_ARGUMENT, "the quoted string is not closed", end + 1)
        if not text.isascii() and not params:
            raise CommandError(replies.BAD_ARGUMENT, "the argument is not ASCII", end + 1)
        command: Command = Inquiry._make(text, name, params)
        return command

    return grammar


#: Verbs of RFC 5321 that every SMTP server understands, with their grammar.
CORE_VERBS: Final[Mapping[bytes, Grammar]] = {
    b"EHLO": _hello("EHLO"),
    b"HELO": _hello("HELO"),
    b"MAIL": _mail,
    b"RCPT": _rcpt,
    b"DATA": no_argument(Data),
    b"RSET": no_argument(Reset),
    b"VRFY": _inquiry("VRFY", required=True),
    b"EXPN": _inquiry("EXPN", required=True),
    b"HELP": _inquiry("HELP", required=False),
    b"NOOP": _noop,
    b"QUIT": no_argument(Quit),
}
#: The same for LMTP: LHLO stands where EHLO and HELO stood (RFC 2033 4.1).
LMTP_VERBS: Final[Mapping[bytes, Grammar]] = {
    b"LHLO": _hello("LHLO"),
    **{verb: grammar for verb, grammar in CORE_VERBS.items() if verb not in _HELLOS},
}
#: Verbs that exist, or existed, and are answered 502 while nobody offers them (RFC 5321 4.2.4, appendix F).
KNOWN_VERBS: Final = frozenset(
    (
        b"SEND",
        b"SOML",
        b"SAML",
        b"TURN",
        b"STARTTLS",
        b"AUTH",
        b"BDAT",
        b"BURL",
        b"ETRN",
        b"ATRN",
        b"XCLIENT",
        b"XFORWARD",
    )
)
CORE: Final = Language(CORE_VERBS, known=KNOWN_VERBS)

__all__ = [
    "CORE",
    "CORE_VERBS",
    "KNOWN_VERBS",
    "LMTP_VERBS",
    "Command",
    "CommandError",
    "Data",
    "EndOfMessage",
    "Grammar",
    "Hello",
    "Inquiry",
    "Language",
    "Mail",
    "Noop",
    "Postmaster",
    "Problem",
    "Quit",
    "Rcpt",
    "Reset",
    "check_parameters",
    "free_text",
    "no_argument",
    "parse",
]
