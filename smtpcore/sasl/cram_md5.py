"""CRAM-MD5 (RFC 2195): the password is not sent, but the server must store it; nothing proves the server."""

from __future__ import annotations

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl.base import (
    ClientMechanism,
    Failure,
    FailureReason,
    Mechanism,
    Outcome,
    SaslError,
    ServerMechanism,
    StoredSecret,
    Verify,
    prepared,
    sendable,
    text_of,
    unexpected_challenge,
)
from smtpcore.sasl.credentials import SecretNeeded

CRAM_MD5 = Mechanism("CRAM-MD5", client_first=False, hash="md5")

_PRINTABLE = frozenset(range(0x21, 0x7F))


def _digest(password: bytes, challenge: bytes) -> bytes:
    """Lower-case hexadecimal HMAC-MD5 (RFC 2195 section 2)."""
    import hmac

    return hmac.digest(password, challenge, "md5").hex().encode("ascii")


class CramMd5Client(ClientMechanism):
    """Answers the challenge with the user name and a digest.

    Raises `LocalProtocolError` for an empty user name or password and for NUL in them.
    """

    __slots__ = ("_password", "_username")
    mechanism = CRAM_MD5

    def __init__(self, username: str, password: str) -> None:
        super().__init__()
        self._username = sendable(username, "user name")
        self._password = sendable(password, "password")

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn:
            raise unexpected_challenge()
        if not challenge:  # the digest of nothing would serve for ever
            raise SaslError("the server's challenge is empty", reason="malformed-challenge")
        self._complete = True
        return self._username + b" " + _digest(self._password, challenge)


class CramMd5Server(ServerMechanism):
    """Asks the application for the password of a user and compares the digest itself.

    `challenge` is a message identifier, `<random.timestamp@host>`, never used before (RFC 2195 section 2); the caller
    makes it, as `f"<{secrets.token_hex(16)}.{int(time.time())}@{host}>".encode()`.  Raises `LocalProtocolError` when
    it has not that shape.
    """

    __slots__ = ("_challenge", "_received", "_username")
    mechanism = CRAM_MD5
    accepts_initial_response = False

    def __init__(self, challenge: bytes) -> None:
        super().__init__()
        left, _, right = challenge.partition(b"@")
        shaped = left[:1] == b"<" and left[1:] and right[-1:] == b">" and right[:-1]
        if not shaped or not _PRINTABLE.issuperset(challenge):
            raise LocalProtocolError("the challenge of CRAM-MD5 is a message identifier: <random.timestamp@host>")
        self._challenge = challenge

    def _prompt(self) -> bytes:
        return self._challenge

    def _respond(self, turn: int, response: bytes) -> Outcome:
        username, space, self._received = response.rpartition(b" ")  # X-CRAM-03: names may have spaces
        if not space:
            return Failure(FailureReason.MALFORMED)
        name = prepared(text_of(username))
        if name is None:
            return Failure(FailureReason.CREDENTIALS)
        self._username = name
        return Verify(SecretNeeded(name, "", self.name))

    def _provided(self, stored: StoredSecret | None) -> Outcome:
        import hmac

        if isinstance(stored, str):
            stored = stored.encode("utf-8")
        elif not (stored is None or isinstance(stored, bytes)):
            raise LocalProtocolError("CRAM-MD5 needs the password itself, as str or as UTF-8 octets")
        # The unknown user costs the same time and fails in the same way (X-AUTH-25).
        expected = _digest(stored or b"", self._challenge)
        if hmac.compare_digest(expected, self._received) and stored:
            return self._identified(self._username, "")
        return self._refused()
