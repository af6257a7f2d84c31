"""Command grammar: `parse` from a line to its value (RFC 5321 4.1).

A verb's grammar is a function from a line to its value; `Language` holds the verbs and parameters that are understood,
so that an extension adds to a dictionary and nothing here changes.  What is wrong with a line comes back as a
`Problem` with the reply that it deserves.
"""

from __future__ import annotations

import re
from typing import Callable, Final, Mapping

from smtpcore import replies
from smtpcore.addresses import (
    AddressLiteral,
    Domain,
    ForwardPath,
    Postmaster,
    ReversePath,
    read_domain_or_literal,
    read_forward_path,
    read_reverse_path,
)
from smtpcore.command import (
    UNPRINTABLE,
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
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.parameters import NO_PARAMETERS, Parameter, Parameters, read_parameters
from smtpcore.replies import Reply

#: B-GRAM-21: letters in RFC 5321 4.1.1, but extensions are not bound to them.  A word with 8-bit octets is none.
_VERB: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*(?![A-Za-z0-9\x80-\xff-])")
#: The argument of EHLO as it nearly always is; everything else is read by `addresses`, to the same value.
_COMMON_NAME: Final = re.compile(rb" ((?:[A-Za-z0-9]+[.-])*[A-Za-z0-9]+)")
_AFTER_VERB: Final = (b" ", b"", b"\t")
_HELLOS: Final = frozenset((b"EHLO", b"HELO", b"LHLO"))
_USUAL_STARTS: Final = (b"RCPT TO:<", b"MAIL FROM:<")
_KEPT_PARAMETERS: Final = 256
#: A parameter as written, and the name that no other parameter of the line may have too: its group or its keyword.
_Read = tuple[tuple[str, str | None], str]


class CommandError(Exception):
    """Raised by the grammar of a verb; `parse` turns it into a `Problem` with this reply, text and position."""

    def __init__(self, reply: Reply, text: str, position: int = 0) -> None:
        super().__init__(text)
        self.reply = reply
        self.text = text
        self.position = position


#: Grammars of verbs that stand alone, with what makes their commands.
_ALONE: Final[dict[Grammar, Callable[[], Command]]] = {}
#: From a whole line and the offset just behind the verb to the command; raises `CommandError` or `SyntaxProblem`.
Grammar = Callable[[bytes, int, "Language"], Command]


class Language:
    """What a server understands: verbs, parameters, leniency.  Built once, shared by connections, never changed."""

    __slots__ = ("alone", "known", "leniency", "parameters", "read", "utf8", "verbs")

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
        #: Whole lines of one word, to what makes their commands: the usual spelling, by the shortest way.
        self.alone = {verb: _ALONE[grammar] for verb, grammar in verbs.items() if grammar in _ALONE}
        #: Verbs known to exist and answered 502 (RFC 5321 4.2.4).
        self.known = known
        #: Place (`"MAIL"`, ...) to keyword to declaration.
        self.parameters = parameters or {}
        #: What was read of parameters that repeat, by place and octets.
        self.read: dict[str, dict[bytes, _Read]] = {place: {} for place in self.parameters}
        self.leniency = leniency
        #: Mailboxes and values may be internationalised (RFC 6531 3.3).
        self.utf8 = utf8


def parse(line: bytes, language: Language | None = None) -> Command | Problem:
    """The command in a line without its CRLF, or what is wrong with it.

    Never raises, whatever the octets.  Without a `language` it is that of RFC 5321 with no extension, `CORE`.
    """
    language = language or CORE
    if line.startswith(_USUAL_STARTS):  # most lines of a transaction, by the shortest way
        command = _direct(line, language)
        if command is not None:
            return command
    alone = language.alone.get(line)
    if alone is not None:
        return alone()
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
    try:
        if line.endswith((b" ", b"\t")):
            line = _without_trailing_space(line, language)
        return grammar(line, end, language)
    except CommandError as error:
        reply, text, position = error.reply, error.text, error.position
    except SyntaxProblem as problem:
        reply, text, position = replies.BAD_ARGUMENT, problem.text, problem.position
    if verb in _HELLOS:
        reply = replies.BAD_HELLO  # whatever it was: no enhanced code there (S-CMD-EHLO-14, RFC 2034 4)
    return Problem(verb.decode("ascii"), reply, text, position)


def _direct(line: bytes, language: Language) -> Command | None:
    """MAIL or RCPT in the usual spelling, with nothing tolerated; `None` for everything that wants a closer look."""
    command: Command
    try:
        if line.startswith(b"R"):
            path, end = read_forward_path(line, 8, utf8=language.utf8, leniency=language.leniency)
            params = NO_PARAMETERS if end == len(line) else _usual_parameters(line, end, "RCPT", language)
            if params is not None and not path.deviations and language.verbs.get(b"RCPT") is _RCPT:
                command = Rcpt._make(path, params, ())
                return command
        else:
            sender, end = read_reverse_path(line, 10, utf8=language.utf8, leniency=language.leniency)
            params = NO_PARAMETERS if end == len(line) else _usual_parameters(line, end, "MAIL", language)
            if params is not None and not sender.deviations and language.verbs.get(b"MAIL") is _MAIL:
                command = Mail._make(sender, params, ())
                return command
    except SyntaxProblem:
        pass  # the closer look finds it again, and the reply that it deserves
    return None


def _without_trailing_space(line: bytes, language: Language) -> bytes:
    """White space before CRLF is tolerated (S-GRAM-08, RFC 5321 4.1.1)."""
    stripped = line.rstrip(b" \t")
    if not language.leniency.trailing_space:
        raise CommandError(replies.BAD_ARGUMENT, "white space at the end of the line", len(stripped))
    return stripped


# --- the grammar of each verb of RFC 5321 4.1.1 ----------------------------------------------------------------------


def no_argument(command: type[Command]) -> Grammar:
    """The grammar of a verb that stands alone; anything behind it is 501 (RFC 5321 4.1.1)."""

    def grammar(line: bytes, end: int, language: Language) -> Command:
        if len(line) > end:
            raise CommandError(replies.NO_ARGUMENT_ALLOWED, "the verb takes no argument", end)
        return command()

    _ALONE[grammar] = command._make
    return grammar


def free_text(line: bytes, end: int) -> str:
    """What follows the verb that ends at `end`, as text without the spaces before it.

    Raises `CommandError` for control characters, what is not UTF-8, and a tab behind the verb.
    """
    if line[end : end + 1] == b"\t":
        raise CommandError(replies.SYNTAX_ERROR, "a space parts verb and argument, not a tab", end)
    try:
        text = line[end:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(replies.BAD_ARGUMENT, "the argument is not UTF-8", end + error.start) from None
    fault = UNPRINTABLE.search(text)
    if fault is not None:
        position = end + len(text[: fault.start()].encode("utf-8"))
        raise CommandError(replies.BAD_ARGUMENT, "control character in the argument", position)
    return text.lstrip(" ")


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
        who, stop = read_domain_or_literal(line, start, utf8=False, leniency=lenient, hello=True, deviations=deviations)
        if isinstance(who, AddressLiteral) and name == "HELO":
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
    usual = _usual_parameters(line, stop, place, language)
    if usual is not None:
        return usual
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
        _note("extra_spaces", deviations)
    check_parameters(params, language.parameters.get(place, {}), language, stop, deviations)
    return params


def _usual_parameters(line: bytes, stop: int, place: str, language: Language) -> Parameters | None:
    """The same when nothing is wrong, unknown or tolerated, as in nearly all lines; `None`: a closer look is needed."""
    known = language.read.get(place)
    if known is None or not line.startswith(b" ", stop):
        return None
    pairs: list[tuple[str, str | None]] = []
    names: set[str] = set()
    for piece in line[stop + 1 :].split(b" "):
        read = known.get(piece)
        if read is None:
            read = _read_usual(piece, language.parameters[place], known)
            if read is None:
                return None
        pairs.append(read[0])
        names.add(read[1])
    if len(names) < len(pairs):
        return None
    params: Parameters = Parameters._make(tuple(pairs))
    return params


def _read_usual(piece: bytes, declared: Mapping[str, Parameter[object]], known: dict[bytes, _Read]) -> _Read | None:
    keyword, equals, text = piece.decode("latin-1").partition("=")
    value = text if equals else None
    parameter = declared.get(keyword.upper())
    if parameter is None or not piece.isascii() or parameter.deviation(value):
        return None
    if equals and not (text and text.isprintable() and "=" not in text):
        return None
    try:
        parameter.parse(value)
    except SyntaxProblem:
        return None
    read = ((keyword, value), parameter.group or parameter.keyword)
    if parameter.repeats and len(known) < _KEPT_PARAMETERS:
        known[piece] = read
    return read


def check_parameters(
    params: Parameters,
    declared: Mapping[str, Parameter[object]],
    language: Language,
    position: int,
    deviations: list[str],
) -> None:
    """Each parameter against its declaration: 501 for a bad value, 555 for an unknown one (RFC 5321 4.1.1.11).

    Raises `CommandError` with that reply and `position`; adds the names of deviations that were taken to `deviations`.
    """
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
            _check_deviation(parameter.deviation(value), language, deviations)
        except SyntaxProblem as problem:
            raise CommandError(replies.BAD_PARAMETER, f"{parameter.keyword}: {problem.text}", position) from None
        if parameter.group:
            if parameter.group in groups:
                text = f"{parameter.keyword} contradicts another parameter"
                raise CommandError(replies.BAD_PARAMETER, text, position)
            groups.add(parameter.group)
    if unknown:
        raise CommandError(replies.UNKNOWN_PARAMETER, "a parameter is not known here", position)


def _check_deviation(name: str, language: Language, deviations: list[str]) -> None:
    if name:
        if not getattr(language.leniency, name):
            raise SyntaxProblem(f"not in the grammar: it needs the leniency {name}", reason=name)
        _note(name, deviations)


def _note(name: str, deviations: list[str]) -> None:
    if name not in deviations:
        deviations.append(name)


def _envelope(
    command: type[Mail] | type[Rcpt],
    keyword: bytes,
    read: Callable[..., tuple[ReversePath, int]] | Callable[..., tuple[ForwardPath, int]],
    bad: Reply,
) -> Grammar:
    """The grammar of MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3); `bad` answers a path that is none."""
    common = b" " + keyword + b"<"
    size, place, make = len(common), command.verb, command._make

    def grammar(line: bytes, end: int, language: Language) -> Command:
        deviations: list[str] = []
        if line[end : end + size].upper() == common:
            start = end + size - 1
        else:
            start = _path_start(line, end, keyword, language, deviations)
        try:
            path, stop = read(line, start, utf8=language.utf8, leniency=language.leniency)
        except SyntaxProblem as problem:
            raise CommandError(bad, problem.text, problem.position) from None
        params = NO_PARAMETERS if stop == len(line) else _parameters(line, stop, place, language, deviations)
        made: Command = make(path, params, (*deviations, *path.deviations))
        return made

    return grammar


def _noop(line: bytes, end: int, language: Language) -> Command:
    # RFC 5321 4.1.1.9: whatever the argument is, it is ignored; octets that no command may hold are still refused.
    return Noop(free_text(line, end))


def _inquiry(name: str) -> Grammar:
    def grammar(line: bytes, end: int, language: Language) -> Command:
        text = free_text(line, end)
        _argument_start(line, end, language)
        params = NO_PARAMETERS
        head, space, last = text.rpartition(" ")
        if space and last.upper() in language.parameters.get(name, {}):  # RFC 6531 3.7.4.2: VRFY joe SMTPUTF8
            text, params = head.rstrip(" "), Parameters(((last, None),))
        return Inquiry(text, name, params)

    return grammar


_MAIL: Final = _envelope(Mail, b"FROM:", read_reverse_path, replies.BAD_SENDER)
_RCPT: Final = _envelope(Rcpt, b"TO:", read_forward_path, replies.BAD_RECIPIENT)
#: Verbs of RFC 5321 that every SMTP server understands, with their grammar.
CORE_VERBS: Final[Mapping[bytes, Grammar]] = {
    b"EHLO": _hello("EHLO"),
    b"HELO": _hello("HELO"),
    b"MAIL": _MAIL,
    b"RCPT": _RCPT,
    b"DATA": no_argument(Data),
    b"RSET": no_argument(Reset),
    b"VRFY": _inquiry("VRFY"),
    b"EXPN": _inquiry("EXPN"),
    b"HELP": _inquiry("HELP"),
    b"NOOP": _noop,
    b"QUIT": no_argument(Quit),
}
#: The same for LMTP: LHLO stands where EHLO and HELO stood (RFC 2033 4.1).
LMTP_VERBS: Final[Mapping[bytes, Grammar]] = {
    b"LHLO": _hello("LHLO"),
    **{verb: grammar for verb, grammar in CORE_VERBS.items() if verb not in _HELLOS},
}
#: Verbs that exist, or existed, and are answered 502 while nobody offers them (RFC 5321 4.2.4, appendix F).
KNOWN_VERBS: Final = frozenset(b"SEND SOML SAML TURN STARTTLS AUTH BDAT BURL ETRN ATRN XCLIENT XFORWARD".split(b" "))
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
