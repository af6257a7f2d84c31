"""PLAIN (RFC 4616): user name and password in one message, for use under TLS."""

from __future__ import annotations

from smtpcore.sasl.base import (
    ClientMechanism,
    Failure,
    FailureReason,
    Mechanism,
    Outcome,
    ServerMechanism,
    Verify,
    prepared,
    sendable,
    text_of,
    unexpected_challenge,
)
from smtpcore.sasl.credentials import PasswordCredentials

PLAIN = Mechanism("PLAIN", plaintext=True, one_round_trip=True)


class PlainClient(ClientMechanism):
    """Sends `authorization_id NUL username NUL password`.

    `authorization_id` stays empty unless the session shall act for another user (X-PLAIN-08).  Raises
    `LocalProtocolError` for an empty user name or password and for NUL in any of the three.
    """

    __slots__ = ("_message",)
    mechanism = PLAIN

    def __init__(self, username: str, password: str, *, authorization_id: str = "") -> None:
        super().__init__()
        acting = sendable(authorization_id, "authorization identity") if authorization_id else b""
        self._message = b"\0".join((acting, sendable(username, "user name"), sendable(password, "password")))

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn:
            raise unexpected_challenge()
        self._complete = True
        return self._message


class PlainServer(ServerMechanism):
    """Asks the application to verify `PasswordCredentials`."""

    __slots__ = ()
    mechanism = PLAIN

    def _respond(self, turn: int, response: bytes) -> Outcome:
        if response.count(b"\0") != 2:  # X-PLAIN-02
            return Failure(FailureReason.MALFORMED)
        acting, username, password = text_of(response).split("\0")
        return check_password(username, password, acting)


def check_password(username: str, password: str, authorization_id: str = "") -> Outcome:
    """The question about a user name and password, or the failure when one of them cannot be prepared."""
    name, secret = prepared(username), prepared(password)
    acting = prepared(authorization_id) if authorization_id else ""
    if name is None or secret is None or acting is None:  # X-AUTH-40, X-PLAIN-05
        return Failure(FailureReason.CREDENTIALS)
    return Verify(PasswordCredentials(name, acting, secret))
