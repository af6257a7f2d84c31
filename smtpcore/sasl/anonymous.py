"""ANONYMOUS (RFC 4505): access for anybody, with a word for the log."""

from __future__ import annotations

from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.sasl.base import (
    ClientMechanism,
    Mechanism,
    Outcome,
    ServerMechanism,
    Verify,
    text_of,
    unexpected_challenge,
)
from smtpcore.sasl.credentials import AnonymousCredentials
from smtpcore.sasl.prep import trace_prep

ANONYMOUS = Mechanism("ANONYMOUS", "anonymous", one_round_trip=True)

#: Longest trace text, in characters (RFC 4505 section 2).
MAX_TRACE = 255


def check_trace(text: str) -> str:
    """The same text when it is empty, an e-mail address or a token of 1 to 255 characters without "@".

    Raises `SyntaxProblem`.  Of an address only the halves and the length are looked at: it proves nothing anyway.
    """
    if len(text) > MAX_TRACE:
        raise SyntaxProblem("the trace is too long", reason="limit", position=MAX_TRACE)
    local, at, domain = text.rpartition("@")
    if at and not (local and domain):
        raise SyntaxProblem("a trace with @ in it must be an address", position=len(local))
    return trace_prep(text)


class AnonymousClient(ClientMechanism):
    """Sends the trace, empty by default: RFC 4505 section 5 asks not to give addresses away.

    Raises `LocalProtocolError` for a trace that the mechanism does not allow.
    """

    __slots__ = ("_message",)
    mechanism = ANONYMOUS

    def __init__(self, trace: str = "") -> None:
        super().__init__()
        try:
            self._message = check_trace(trace).encode("utf-8")
        except SyntaxProblem as error:
            raise LocalProtocolError(f"not a trace of RFC 4505: {error.text}") from None

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn:
            raise unexpected_challenge()
        self._complete = True
        return self._message


class AnonymousServer(ServerMechanism):
    """Asks the application about `AnonymousCredentials`; the identity of a success is `anonymous`."""

    __slots__ = ()
    mechanism = ANONYMOUS

    def _respond(self, turn: int, response: bytes) -> Outcome:
        return Verify(AnonymousCredentials(check_trace(text_of(response))))
