"""The shape of a SASL mechanism, both roles, without I/O, clock or randomness (RFC 4422).

A mechanism object serves one exchange and is then thrown away.  It deals in octets: base64, `=` and `*` belong to the
AUTH command (RFC 4954 section 4), not to the mechanism.

A client asks `step(None)` for an initial response, then `step(challenge)` for each challenge, and believes a 235 only
when `complete` is true.

A server calls `step(response)`, with None when the client sent no initial response, and gets one of four outcomes:
`Challenge` (send it), `Verify` (the application decides; then `verified` or `provide` gives the next outcome),
`Success` or `Failure`.  Verification is apart from commitment: nothing has happened until the caller acts on `Success`.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from smtpcore.errors import LocalProtocolError, RemoteProtocolError, SyntaxProblem
from smtpcore.sasl.credentials import (
    AnonymousCredentials,
    Authorization,
    Credentials,
    ExternalCredentials,
    Identity,
    SecretNeeded,
    TokenCredentials,
)
from smtpcore.sasl.prep import saslprep
from smtpcore.value import Value

if TYPE_CHECKING:
    from smtpcore.sasl.scram_keys import ScramKeys

#: What `ServerMechanism.provide` takes: a password (CRAM-MD5) or keys (SCRAM).
StoredSecret: TypeAlias = "str | bytes | ScramKeys"

_PROVEN = (TokenCredentials, ExternalCredentials, AnonymousCredentials, Authorization)


class SaslError(RemoteProtocolError):
    """The server broke the mechanism, or did not prove itself: cancel with `*` (RFC 4954 section 4).

    `reason` is one word for programs: `unexpected-challenge`, `malformed-challenge`, `nonce`, `iterations`,
    `server-error` or `server-signature`.  The text never quotes the peer.
    """

    def __init__(self, text: str, *, reason: str) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return _sasl_error, (self.text, self.reason)


def _sasl_error(text: str, reason: str) -> SaslError:
    return SaslError(text, reason=reason)


class Mechanism(Value):
    """The facts about a mechanism that others must know; the same value describes both roles.

    `client_first`: the client speaks first, so an initial response is possible (RFC 4422 section 5).
    `plaintext`: whoever reads the wire can log in with what it reads, so only under TLS (RFC 4954 section 4).
    `one_round_trip`: the client speaks once, so commands may follow in the same group (RFC 4954 section 4).
    `needs`: `password`, `token`, `external` or `anonymous`.  `hash`: the hash function in hashlib's spelling.
    """

    name: str
    needs: str = "password"
    client_first: bool = True
    plaintext: bool = False
    one_round_trip: bool = False
    channel_binding: bool = False
    hash: str = ""


class FailureReason(enum.Enum):
    """Why an exchange failed; the value is the word, the comment the reply of RFC 4954 sections 4 and 6."""

    #: The message is not in the mechanism's grammar: 501 5.5.2 (535 5.7.8 is as good).
    MALFORMED = "malformed"
    #: An initial response for a mechanism in which the server speaks first: 501 5.7.0.
    INITIAL_RESPONSE = "initial-response"
    #: Unknown user, wrong password, not authorized, not usable: 535 5.7.8, always with the same text.
    CREDENTIALS = "credentials"
    #: The channel binding does not fit, so somebody may sit in between: 535 5.7.8.
    CHANNEL_BINDING = "channel-binding"


class Challenge(Value):
    """Send these octets to the client (334); `repr` hides them (X-AUTH-52)."""

    data: bytes
    _secret: ClassVar[tuple[str, ...]] = ("data",)


class Verify(Value):
    """The application decides: `provide` for `SecretNeeded`, `verified` for everything else."""

    credentials: Credentials


class Success(Value):
    """The client is who it says: 235."""

    identity: Identity


class Failure(Value):
    """The exchange is over without success."""

    reason: FailureReason


#: What a server's mechanism says after each step.
Outcome: TypeAlias = Challenge | Verify | Success | Failure


class ClientMechanism(ABC):
    """One exchange seen from the client.

    A mechanism of your own sets `mechanism`, implements `_respond(turn, challenge)` and sets `_complete` as soon as
    a 235 may count.  `turn` counts from 0; in a client-first mechanism turn 0 has the empty challenge.
    """

    __slots__ = ("_complete", "_failed", "_turn")
    mechanism: Mechanism

    def __init__(self) -> None:
        self._complete = False
        self._failed = False
        self._turn = 0

    @property
    def name(self) -> str:
        """The name that goes into the AUTH command."""
        return self.mechanism.name

    @property
    def complete(self) -> bool:
        """Whether a 235 now means success: everything was said, and the server proved what it has to prove."""
        return self._complete

    def step(self, challenge: bytes | None) -> bytes:
        """The answer to a challenge, in octets; None asks for the initial response of a client-first mechanism.

        Raises `SaslError` when the server breaks the mechanism: a 235 no longer counts, the exchange must be
        cancelled.  Raises `LocalProtocolError` when the call makes no sense (no initial response exists, or the
        exchange has failed already).
        """
        turn = self._turn
        if self._failed:
            raise LocalProtocolError("this exchange has failed: cancel it, and take a new object to try again")
        if challenge is None and (turn or not self.mechanism.client_first):
            raise LocalProtocolError(f"{self.name} has no initial response to give now")
        self._turn = turn + 1
        try:
            # RFC 4422 section 5: to a client-first mechanism the server's first challenge is empty.
            if challenge and not turn and self.mechanism.client_first:
                raise unexpected_challenge()
            return self._respond(turn, challenge or b"")
        except SaslError:
            self._complete = False
            self._failed = True
            raise

    @abstractmethod
    def _respond(self, turn: int, challenge: bytes) -> bytes: ...

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} complete={self.complete}>"


def unexpected_challenge() -> SaslError:
    """The error for a challenge where the mechanism has none (never answer it: it may fish for the password)."""
    return SaslError("the server sent a challenge that the mechanism does not have here", reason="unexpected-challenge")


class ServerMechanism(ABC):
    """One exchange seen from the server.

    A mechanism of your own sets `mechanism` and implements `_respond(turn, response)`; `turn` counts the client's
    responses from 0.  `_prompt` is the first challenge; `_provided` serves mechanisms that ask for a `SecretNeeded`.
    """

    __slots__ = ("_asked", "_over", "_turn")
    mechanism: Mechanism
    #: Whether an initial response is taken.  RFC 4954 section 4 says no where the server speaks first.
    accepts_initial_response: ClassVar[bool] = True

    def __init__(self) -> None:
        self._asked: Credentials | None = None
        self._over = False
        self._turn = -1

    @property
    def name(self) -> str:
        """The name of the AUTH command."""
        return self.mechanism.name

    def step(self, response: bytes | None) -> Outcome:
        """Takes the client's next response (None: the AUTH command had none) and says what follows.

        Never raises on the client's octets.  Raises `LocalProtocolError` while a `Verify` is unanswered, after the
        end, and for None anywhere but at the start.
        """
        if self._over or self._asked is not None:
            raise LocalProtocolError("this exchange does not wait for the client now")
        if response is None:
            if self._turn >= 0:
                raise LocalProtocolError("None stands for the missing initial response, at the start only")
            self._turn = 0
            return Challenge(self._prompt())
        if self._turn < 0:
            if not self.accepts_initial_response:  # X-AUTH-16
                return self._settle(Failure(FailureReason.INITIAL_RESPONSE))
            self._turn = 0
        turn = self._turn
        self._turn = turn + 1
        try:
            return self._settle(self._respond(turn, response))
        except SyntaxProblem:
            return self._settle(Failure(FailureReason.MALFORMED))

    def verified(self, ok: bool, *, identity: str = "") -> Outcome:
        """The application's answer to a `Verify`, except for `SecretNeeded`.

        `identity` says whose the credentials are where the application knows better than the message: the subject of
        a token, the user of a certificate, the canonical form of a name.  Raises `LocalProtocolError` when nothing
        was asked, or when neither the message nor `identity` names anybody.
        """
        asked = self._asked
        if asked is None or isinstance(asked, SecretNeeded):
            raise LocalProtocolError("no credentials wait for verified(); SecretNeeded is answered by provide()")
        if not ok:
            outcome = self._refused()
        else:
            name = identity or asked.authentication_id
            if not name:
                raise LocalProtocolError("the credentials name nobody: say verified(True, identity=...)")
            if isinstance(asked, _PROVEN):
                outcome = self._finish(Identity(name, asked.authorization_id or name))
            else:
                outcome = self._identified(name, asked.authorization_id)
        self._asked = None
        return self._settle(outcome)

    def provide(self, stored: StoredSecret | None) -> Outcome:
        """What is stored about the user of `SecretNeeded`; None when there is no such user (or it may not log in).

        Raises `LocalProtocolError` when nothing was asked, or when the secret is not of the mechanism's kind.
        """
        if not isinstance(self._asked, SecretNeeded):
            raise LocalProtocolError("no secret was asked for: other credentials are answered by verified()")
        outcome = self._provided(stored)
        self._asked = None
        return self._settle(outcome)

    def _settle(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Verify):
            self._asked = outcome.credentials
        elif not isinstance(outcome, Challenge):
            self._over = True
        return outcome

    def _identified(self, name: str, authorization_id: str) -> Outcome:
        """The credentials of `name` are good; acting for somebody else is another question (X-PLAIN-06)."""
        if authorization_id and authorization_id != name:
            return Verify(Authorization(name, authorization_id))
        return self._finish(Identity(name, name))

    def _finish(self, identity: Identity) -> Outcome:
        return Success(identity)

    def _refused(self) -> Outcome:
        return Failure(FailureReason.CREDENTIALS)

    def _prompt(self) -> bytes:
        return b""

    @abstractmethod
    def _respond(self, turn: int, response: bytes) -> Outcome: ...

    def _provided(self, stored: StoredSecret | None) -> Outcome:
        raise LocalProtocolError(f"{self.name} takes no stored secret")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def text_of(octets: bytes) -> str:
    """Strict UTF-8 (RFC 3629).  Raises `SyntaxProblem`."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SyntaxProblem("not UTF-8", reason="utf-8", position=error.start) from None


def prepared(text: str) -> str | None:
    """A name or password as SASLprep has it, or None when it is empty or cannot be prepared (X-AUTH-40)."""
    try:
        return saslprep(text) or None
    except SyntaxProblem:
        return None


def sendable(text: str, what: str) -> bytes:
    """UTF-8 octets of a name or secret that a client wants to send.

    Raises `LocalProtocolError` for the empty text, for NUL (it would shift the fields, RFC 4616 section 2) and for
    lone surrogates.
    """
    if not text or "\0" in text:
        raise LocalProtocolError(f"the {what} is empty or has a NUL in it")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"the {what} cannot be written as UTF-8") from None
