"""The extensions of one connection, checked and compiled into tables: what both ends interpret."""

from __future__ import annotations

import re
from typing import Callable, Final, Iterable, Iterator, Mapping, NamedTuple, Sequence

from smtpcore.commands import CORE_VERBS, KNOWN_VERBS, LMTP_VERBS, Command, Language, Mail
from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.base import Extension, Verb, When
from smtpcore.extensions.chunking import BDAT
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.listed import ALWAYS, LISTED
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session
from smtpcore.state import TABLE, Move, State

Guard = Callable[[Command, Session], Reply | None]
_KEPT_OFFERS: Final = 64
_KEPT_CONCERNS: Final = 256
_KEYWORD: Final = re.compile("[A-Z0-9][A-Z0-9-]*")
#: SMTP service extensions in the registry of IANA; what is not among them begins with X (RFC 5321 2.2.2).
REGISTERED: Final = frozenset(
    """
    8BITMIME ATRN AUTH BINARYMIME BURL CHECKPOINT CHUNKING CONNEG CONPERM DELIVERBY DSN ENHANCEDSTATUSCODES ETRN EXPN
    FUTURERELEASE HELP LIMITS MT-PRIORITY MTRK NO-SOLICITING PIPELINING REQUIRETLS RRVS SAML SEND SIZE SMTPUTF8 SOML
    STARTTLS SUBMITTER TURN UTF8SMTP
    """.split()
)


class Concern(NamedTuple):
    """What the extensions have to do with a command."""

    #: The checks that have something to look at, in the order of the extensions.
    guards: tuple[Guard, ...]
    #: For each parameter that is not always offered: the extensions that may offer it.
    varying: tuple[Sequence[Extension], ...]

    def in_force(self, session: Session) -> bool:
        """Whether each parameter was offered in the EHLO that is in force."""
        if not session.esmtp:
            return False
        return all(any(owner.offer(session) is not None for owner in owners) for owners in self.varying)


class ExtensionSet:
    """Extensions that go together, in the order in which EHLO lists them.  Build it once, share it.

    Raises `LocalProtocolError` when one is there twice, when one that another requires is missing, or when two
    declare the same verb or parameter.
    """

    __slots__ = (
        "_concerns",
        "_offered",
        "_owners",
        "_varying",
        "answered",
        "by_keyword",
        "content_verbs",
        "enhanced_codes",
        "guarded_by_mail",
        "keywords",
        "members",
        "message_limit",
        "parameters",
        "pipelining",
        "recipient_limit",
        "rows",
        "unguarded",
        "utf8",
        "verbs",
    )

    def __init__(self, extensions: Iterable[Extension] = ()) -> None:
        self.members = tuple(extensions)
        self.by_keyword: dict[str, Extension] = {}
        self.verbs: dict[str, Verb] = {}
        self.parameters: dict[str, dict[str, Parameter[object]]] = {}
        self._owners: dict[tuple[str, str], list[Extension]] = {}  # place or "verb", name: who declares it
        for extension in self.members:
            self._add(extension)
        for extension in self.members:
            missing = extension.requires - self.by_keyword.keys()
            if missing:
                raise LocalProtocolError(f"{extension.keyword} needs {', '.join(sorted(missing))} as well")
        #: Upper-case keywords of all of them.
        self.keywords = frozenset(self.by_keyword)
        self.utf8 = any(extension.utf8 for extension in self.members)
        self.pipelining = any(extension.pipelining for extension in self.members)
        self.enhanced_codes = any(extension.enhanced_codes for extension in self.members)
        #: Largest message in octets, `None` when no extension limits it.
        self.message_limit = _least(extension.message_limit for extension in self.members)
        #: Most RCPT commands of a transaction, `None` when no extension limits them.
        self.recipient_limit = _least(extension.recipient_limit for extension in self.members)
        #: Verbs behind whose line octets follow.  BDAT is among them also where it is not offered: its octets would
        #: be taken for commands.
        self.content_verbs = {"BDAT": BDAT} | {
            name: verb for name, verb in self.verbs.items() if verb.octets is not None
        }
        self._varying = [each for each in self.members if type(each).offer is not Extension.offer]
        self._offered: dict[tuple[str, ...], tuple[str, ...]] = {}  # by the lines that vary, as few as they are
        #: Verbs that need no decision of the application.
        self.answered = frozenset(name for name, verb in self.verbs.items() if verb.answer is not None)
        self.rows = self._rows()
        self._concerns: dict[tuple[str, tuple[str, ...], bool], Concern] = {}
        #: Verbs that no extension has anything against, without parameters and in ASCII.
        self.unguarded = frozenset(
            verb
            for row in self.rows
            for verb in row
            if verb not in self.verbs and not self.concern(verb, (), True).guards
        )
        #: Verbs that they have something against only when the MAIL of the transaction has parameters.
        self.guarded_by_mail = self._guarded_by_mail()

    def _add(self, extension: Extension) -> None:
        keyword = extension.keyword.upper()
        _check_keyword(keyword, extension.registered)
        if keyword in self.by_keyword:
            raise LocalProtocolError(f"{keyword} is given twice")
        self.by_keyword[keyword] = extension
        for verb in extension.verbs:
            if verb.name in self.verbs or verb.name.encode() in CORE_VERBS:
                raise LocalProtocolError(f"{keyword} declares the verb {verb.name}, which is there already")
            self.verbs[verb.name] = verb
            self._owners["verb", verb.name] = [extension]
        for parameter in extension.parameters:
            self._owners.setdefault((parameter.place, parameter.keyword), []).append(extension)
            place = self.parameters.setdefault(parameter.place, {})
            if place.setdefault(parameter.keyword, parameter) is not parameter:
                raise LocalProtocolError(
                    f"{keyword} declares the {parameter.place} parameter {parameter.keyword}, which is there already"
                )

    def _rows(self) -> tuple[Mapping[str, Move], ...]:
        rows: list[dict[str, Move]] = [dict(TABLE[state]) for state in State]
        for verb in self.verbs.values():
            for state, move in verb.moves.items():
                rows[state][verb.name] = move
        return tuple(rows)

    def _guarded_by_mail(self) -> frozenset[str]:
        guards = [guard for extension in self.members for guard in extension.guards.items()]
        others = {verb for verb, when in guards if when is not When.MAIL_PARAMETERS}
        found = {verb for verb, when in guards if when is When.MAIL_PARAMETERS}
        return frozenset() if "*" in others else frozenset(found - others - self.verbs.keys())

    def __iter__(self) -> Iterator[Extension]:
        return iter(self.members)

    def __contains__(self, keyword: object) -> bool:
        return isinstance(keyword, str) and keyword.upper() in self.by_keyword

    def concern(self, verb: str, keywords: tuple[str, ...], ascii_only: bool) -> Concern:
        """Which extensions have something to say of a command with these parameters (keywords in upper case)."""
        found = self._concerns.get((verb, keywords, ascii_only))
        if found is None:
            found = self._find_concern(verb, keywords, ascii_only)
            if len(self._concerns) < _KEPT_CONCERNS:
                self._concerns[verb, keywords, ascii_only] = found
        return found

    def _find_concern(self, verb: str, keywords: tuple[str, ...], ascii_only: bool) -> Concern:
        guards: list[Guard] = []
        for extension in self.members:
            own = any(parameter.place == verb and parameter.keyword in keywords for parameter in extension.parameters)
            idle = {When.PARAMETERS: not own, When.NON_ASCII: ascii_only}
            guards += [
                extension.guard
                for guarded, when in extension.guards.items()
                if guarded in (verb, "*") and not idle.get(when)
            ]
        owners = [self.owners(verb, keyword) for keyword in keywords]
        varying = [each for each in owners if not any(_always(extension) for extension in each)]
        return Concern(tuple(guards), tuple(varying))

    def announces_octets(self, line: bytes) -> bool:
        """Whether octets that are no commands may follow this line, though it is not a command that can be read."""
        verb = self.content_verbs.get(line.partition(b" ")[0].upper().decode("latin-1"))
        return verb is not None and (verb.announces is None or verb.announces(line))

    def owner(self, verb: str) -> Extension:
        """The extension that declares this verb."""
        return self._owners["verb", verb][0]

    def owners(self, place: str, keyword: str) -> Sequence[Extension]:
        """The extensions that declare this parameter, none when nobody does."""
        return self._owners.get((place, keyword.upper()), ())

    def binary(self, mail: Mail) -> bool:
        """Whether this MAIL announces binary content."""
        return any(extension.binary(mail) for extension in self.members)

    def utf8_replies(self, command: Command) -> bool:
        """Whether this MAIL, VRFY or EXPN allows replies that are not ASCII."""
        return any(extension.utf8_replies(command) for extension in self.members)

    def offer(self, session: Session) -> tuple[str, ...]:
        """The EHLO lines of what is offered now, as `SIZE 1000`."""
        varying = tuple([_line(extension, session) for extension in self._varying])
        lines = self._offered.get(varying)
        if lines is None:
            lines = tuple(line for extension in self.members if (line := _line(extension, session)))
            if len(self._offered) < _KEPT_OFFERS:
                self._offered[varying] = lines
        return lines

    def language(self, *, lmtp: bool = False, leniency: Leniency = DEFAULT) -> Language:
        """The grammar of a server with these extensions."""
        verbs = dict(LMTP_VERBS if lmtp else CORE_VERBS)
        verbs.update((name.encode("ascii"), verb.grammar) for name, verb in self.verbs.items())
        return Language(
            verbs, known=KNOWN_VERBS - verbs.keys(), parameters=self.parameters, leniency=leniency, utf8=self.utf8
        )

    def listed_codes(self) -> Mapping[str, frozenset[int]]:
        """The reply codes that RFC 5321 4.3.2 and these extensions list for each command."""
        listed = {verb: set(codes) for verb, codes in LISTED.items()}
        everywhere: set[int] = set()
        for extension in self.members:
            for verb, codes in extension.codes.items():
                if verb == "*":
                    everywhere |= codes
                else:
                    listed.setdefault(verb, set(ALWAYS)).update(codes)
        return {verb: frozenset(codes | everywhere) for verb, codes in listed.items()}

    def increments(self, place: str) -> int:
        """Octets that the parameters of MAIL or RCPT add to the 512 of a command line (RFC 5321 4.5.3.1.4)."""
        groups: dict[str, int] = {}
        for parameter in self.parameters.get(place, {}).values():
            group = parameter.group or parameter.keyword
            groups[group] = max(groups.get(group, 0), parameter.octets)
        return sum(groups.values())


def _always(extension: Extension) -> bool:
    """Whether it is offered whatever the session is."""
    return type(extension).offer is Extension.offer and extension.offered is not None


def _line(extension: Extension, session: Session) -> str:
    """The EHLO line of an extension, empty when it is not offered now."""
    parameters = extension.offer(session)
    return "" if parameters is None or not extension.keyword else " ".join((extension.keyword, *parameters))


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value), default=None)


def _check_keyword(keyword: str, registered: bool) -> None:
    if not keyword:
        return  # a profile, which EHLO does not list
    if _KEYWORD.fullmatch(keyword) is None:
        raise LocalProtocolError("an EHLO keyword is letters, digits and hyphens, not a hyphen first")
    if not (keyword in REGISTERED or keyword.startswith("X") or registered):
        raise LocalProtocolError(
            f"{keyword} is not a registered extension: begin a private keyword with X, or set registered = True"
        )
