"""EXTERNAL (RFC 4422 appendix A): another layer, as TLS with a client certificate, has done the proof."""

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
from smtpcore.sasl.credentials import ExternalCredentials

EXTERNAL = Mechanism("EXTERNAL", "external", one_round_trip=True)


class ExternalClient(ClientMechanism):
    """Sends the identity to act as; empty lets the server derive it.  Raises `LocalProtocolError` for NUL in it."""

    __slots__ = ("_message",)
    mechanism = EXTERNAL

    def __init__(self, authorization_id: str = "") -> None:
        super().__init__()
        self._message = sendable(authorization_id, "authorization identity") if authorization_id else b""

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn:
            raise unexpected_challenge()
        self._complete = True
        return self._message


class ExternalServer(ServerMechanism):
    """Asks the application whether `peer_identity` may log in, and as whom (`ExternalCredentials`).

    `peer_identity` is what the transport proved, in the application's words; empty when it proved nothing, and then
    the exchange fails (X-EXTERNAL-02).
    """

    __slots__ = ("_peer",)
    mechanism = EXTERNAL

    def __init__(self, peer_identity: str) -> None:
        super().__init__()
        self._peer = peer_identity

    def _respond(self, turn: int, response: bytes) -> Outcome:
        text = text_of(response)
        acting = prepared(text) if text else ""  # NUL is among what preparation refuses
        if acting is None or not self._peer:
            return Failure(FailureReason.CREDENTIALS)
        return Verify(ExternalCredentials(self._peer, acting))
