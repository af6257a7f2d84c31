"""AUTH: who the client is, by a SASL mechanism (RFC 4954).

The framing is here, once for all mechanisms: base64, the empty response `=`, the cancelling `*`, the replies.  What a
mechanism says is in `smtpcore.sasl`; whether it is true is asked of the application; and nothing changes before 235.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Callable, ClassVar, Final, Mapping, Sequence

from smtpcore import replies, xtext
from smtpcore.addresses import ReversePath
from smtpcore.commands import Command, CommandError, Language
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.events import Query
from smtpcore.extensions.base import Ask, Dialogue, Extension, Finish, Say, Turn, Verb, When, staying
from smtpcore.parameters import Parameter
from smtpcore.replies import Reply
from smtpcore.session import Session
from smtpcore.state import State

if TYPE_CHECKING:
    from smtpcore.sasl.base import ClientMechanism, Outcome, ServerMechanism
    from smtpcore.sasl.credentials import Credentials

#: RFC 4954 4: lines of an exchange may have this many octets; the CRLF is counted on top, since the text does not say.
LINE_LIMIT: Final = 12288 + 2
_ARGUMENT: Final = re.compile(rb" ([A-Za-z0-9_-]{1,20})(?: ([^ ]+))?")


class Auth(Command):
    """AUTH: begin an exchange.  `initial` is the decoded initial response, `None` when there is none."""

    mechanism: str
    initial: bytes | None = None
    _secret: ClassVar[tuple[str, ...]] = ("initial",)
    verb: ClassVar[str] = "AUTH"

    def __post_init__(self) -> None:
        if re.fullmatch("[A-Z0-9_-]{1,20}", self.mechanism) is None:
            raise SyntaxProblem("a SASL mechanism is named by 1 to 20 of A-Z, 0-9, '-' and '_'")

    def argument(self) -> str:
        if self.initial is None:
            return f" {self.mechanism}"
        return f" {self.mechanism} {encode(self.initial) or '='}"


class Authenticate(Query):
    """Server, question: are these credentials good?

    `accept` says yes, `reject` no.  `provide(question, value)` gives what is asked for instead: the stored secret of
    a `SecretNeeded` (`None`: no such user), or the name under which a yes is to be known.
    """

    credentials: Credentials
    mechanism: str


def encode(data: bytes) -> str:
    """Base64 of RFC 4648 4, in one line."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode(text: bytes) -> bytes:
    """Strict base64: the alphabet, padding at the end, no stray bits.  Raises `SyntaxProblem`."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error:
        raise SyntaxProblem("not base64") from None
    if binascii.b2a_base64(data, newline=False) != text:
        raise SyntaxProblem("base64 with stray bits")
    return data


def _grammar(line: bytes, end: int, language: Language) -> Command:
    found = _ARGUMENT.fullmatch(line, end)
    if found is None:
        raise CommandError(replies.BAD_ARGUMENT, "AUTH wants a mechanism, and base64 or nothing", end)
    response = found[2]
    try:
        initial = None if response is None else b"" if response == b"=" else decode(response)
    except SyntaxProblem as problem:
        raise CommandError(replies.AUTH_BAD_BASE64, problem.text, found.start(2)) from None
    auth: Auth = Auth._make(found[1].decode("ascii").upper(), initial)
    return auth


def _parse_submitter(value: str | None) -> ReversePath:
    text = xtext.decode(value or "")
    if text != "<>" and (not text or text.startswith("<")):
        raise SyntaxProblem("AUTH= wants a mailbox in xtext, or <>")
    return ReversePath.of(text)


def _format_submitter(path: ReversePath) -> str:
    return "<>" if path.is_null else xtext.encode(str(path)[1:-1])


#: Who submitted the message, as a trusted client says; the null path for nobody (RFC 4954 5).
AUTH_PARAMETER: Final = Parameter("AUTH", "MAIL", octets=500, parse=_parse_submitter, format=_format_submitter)


class AuthExchange:
    """The server's half of an exchange: lines in, turns out."""

    __slots__ = ("_command", "_make", "_mechanism", "_refusal", "_secret_asked", "_welcome")

    def __init__(self, command: Auth, make: Callable[[str], ServerMechanism]) -> None:
        self._command = command
        self._make = make
        self._mechanism: ServerMechanism | None = None
        self._refusal: Reply | None = None
        self._welcome = replies.AUTHENTICATED
        self._secret_asked = False

    def begin(self, value: object = None) -> Turn:
        """Start with the mechanism object that the application provides, or the built-in one."""
        self._mechanism = self._make(self._command.mechanism) if value is None else _server_mechanism(value)
        return self._next(self._mechanism.step(self._command.initial))

    def receive(self, line: bytes) -> Turn:
        """A response of the client (RFC 4954 4)."""
        assert self._mechanism is not None
        if line == b"*":
            return Finish(replies.AUTH_CANCELLED)
        try:
            response = decode(line)
        except SyntaxProblem:
            return Finish(replies.AUTH_BAD_BASE64, None, True)
        return self._next(self._mechanism.step(response))

    def too_long(self) -> Turn:
        """A response past the limit: the exchange has failed (RFC 4954 4)."""
        return Finish(replies.AUTH_LINE_TOO_LONG, None, True)

    def answer(self, positive: bool, reply: Reply | None) -> Turn:
        """The application has judged."""
        assert self._mechanism is not None
        if not positive:
            self._refusal = reply
            if self._refusal is not None and self._refusal.is_transient:
                return Finish(self._refusal)  # RFC 4954 6: a failure of ours is not a failed attempt
            # Where a secret was asked for, no means that there is no such user.
            return self._next(self._mechanism.provide(None) if self._secret_asked else self._mechanism.verified(False))
        if reply is not None and reply.code != 235:
            raise LocalProtocolError(f"credentials are accepted with 235 and nothing else, not {reply.code}")
        outcome = self._mechanism.verified(True)
        self._welcome = reply or self._welcome
        return self._next(outcome)

    def provide(self, value: object) -> Turn:
        """The application gives the stored secret that was asked for, or the name under which its yes is known."""
        assert self._mechanism is not None
        if self._secret_asked:
            return self._next(self._mechanism.provide(value))  # type: ignore[arg-type]
        if not isinstance(value, str):
            raise LocalProtocolError("provide() for these credentials wants the name that they are good for")
        return self._next(self._mechanism.verified(True, identity=value))

    def _next(self, outcome: Outcome) -> Turn:
        from smtpcore.sasl.base import Challenge, Success, Verify
        from smtpcore.sasl.credentials import SecretNeeded

        if isinstance(outcome, Challenge):
            return Say(Reply(334, encode(outcome.data)))
        if isinstance(outcome, Verify):
            self._secret_asked = isinstance(outcome.credentials, SecretNeeded)
            return Ask(Authenticate(outcome.credentials, self._command.mechanism))
        if isinstance(outcome, Success):
            identity = outcome.identity.authorization_id

            def commit(session: Session) -> None:
                session.identity = identity

            return Finish(self._welcome, commit)
        if self._refusal is not None:
            return Finish(self._refusal, None, True)
        return Finish(_FAILURES.get(outcome.reason.value, replies.AUTH_FAILED), None, True)


_FAILURES: Final = {"malformed": replies.AUTH_BAD_BASE64, "initial-response": replies.NO_INITIAL_RESPONSE}


def _server_mechanism(value: object) -> ServerMechanism:
    from smtpcore.sasl.base import ServerMechanism

    if not isinstance(value, ServerMechanism):
        raise LocalProtocolError("an Auth question is provided with a ServerMechanism")
    return value


class AuthDialogue:
    """The client's half: drives a mechanism object through the replies to AUTH."""

    __slots__ = ("_cancelled", "_mechanism", "command")

    def __init__(self, mechanism: ClientMechanism, *, initial_response: bool = True) -> None:
        self._mechanism = mechanism
        self._cancelled = ""
        initial = None
        if initial_response and mechanism.mechanism.client_first:
            initial = mechanism.step(None)
        #: The command that begins the exchange.
        self.command = Auth(mechanism.name, initial)

    def receive(self, reply: Reply) -> bytes:
        """The response to a 334, or `*` when the challenge makes no sense (RFC 4954 4)."""
        from smtpcore.sasl.base import SaslError

        if reply.code != 334 or len(reply.lines) != 1:
            self._cancelled = "a reply other than 334 inside an authentication exchange"
            return b"*"
        try:
            challenge = decode(reply.lines[0].strip(" ").encode("utf-8"))
            return encode(self._mechanism.step(challenge)).encode("ascii")
        except (SyntaxProblem, SaslError) as error:
            self._cancelled = str(error)
            return b"*"

    def finish(self, reply: Reply) -> str:
        """What the last reply means: only 235, after the mechanism is complete, is success."""
        if not reply.is_positive:
            return ""
        if reply.code != 235:
            return f"{reply.code} does not end an authentication exchange; 235 does"
        if self._cancelled or not self._mechanism.complete:
            return "the server says 235 but has not proved itself"
        return ""


#: What a client may say before AUTH, where that is required (RFC 4954 6; STARTTLS by RFC 3207 4).
_BEFORE_AUTH: Final = frozenset(("EHLO", "HELO", "LHLO", "NOOP", "RSET", "QUIT", "STARTTLS"))


def _exchange(command: Command, session: Session, extension: Extension) -> Dialogue:
    assert isinstance(command, Auth)
    assert isinstance(extension, AuthExtension)
    return AuthExchange(command, extension.mechanism)


AUTH: Final = Verb("AUTH", _grammar, moves=staying(State.READY), line_limit=LINE_LIMIT, dialogue=_exchange)


class AuthExtension(Extension):
    """The AUTH extension.

    `mechanisms` are offered in this order, as far as the connection allows; `required`: mail waits for 235;
    `clear_text`: offer what can be read on the wire without TLS as well; `make` builds the mechanism object for a
    name, where the application does not give one with `provide` (SCRAM and CRAM-MD5 need fresh random octets).
    """

    mechanisms: tuple[str, ...] = ("PLAIN",)
    required: bool = False
    clear_text: bool = False
    channel_binding: bool = False
    make: Callable[[str], ServerMechanism] | None = None
    keyword: ClassVar[str] = "AUTH"
    parameters: ClassVar[tuple[Parameter[ReversePath], ...]] = (AUTH_PARAMETER,)
    verbs: ClassVar[tuple[Verb, ...]] = (AUTH,)
    guards: ClassVar[Mapping[str, When]] = {"*": When.ALWAYS}
    codes: ClassVar[Mapping[str, frozenset[int]]] = {
        "*": frozenset((530,)),
        "AUTH": frozenset((432, 454, 503, 504, 534, 535, 538)),  # RFC 4954 6
    }

    def offer(self, session: Session) -> Sequence[str] | None:
        return self._allowed(session) or None

    def _allowed(self, session: Session) -> tuple[str, ...]:
        from smtpcore.sasl.choice import advertised

        return advertised(
            self.mechanisms,
            tls=session.tls,
            channel_binding=self.channel_binding and session.tls,
            peer_identity=session.tls,
            clear_text=self.clear_text,
        )

    def guard(self, command: Command, session: Session) -> Reply | None:
        if isinstance(command, Auth):
            if session.identity is not None:
                return replies.ALREADY_AUTHENTICATED  # once in a session (RFC 4954 4)
            if command.mechanism in self._allowed(session):
                return None
            known = command.mechanism in self.mechanisms and not session.tls
            return replies.ENCRYPTION_REQUIRED if known else replies.BAD_MECHANISM
        if self.required and session.identity is None and command.verb not in _BEFORE_AUTH:
            return replies.AUTH_REQUIRED
        return None

    def mechanism(self, name: str) -> ServerMechanism:
        """A new mechanism object for one exchange."""
        if self.make is not None:
            return self.make(name)
        from smtpcore.sasl.factory import ServerSettings, server_mechanism

        return server_mechanism(name, ServerSettings())
