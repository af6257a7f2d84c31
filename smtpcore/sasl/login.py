"""LOGIN: two prompts, two answers; never standardised, still spoken by old clients, for use under TLS."""

from __future__ import annotations

from smtpcore.sasl.base import (
    Challenge,
    ClientMechanism,
    Mechanism,
    Outcome,
    ServerMechanism,
    sendable,
    text_of,
    unexpected_challenge,
)
from smtpcore.sasl.plain import check_password

LOGIN = Mechanism("LOGIN", client_first=False, plaintext=True)


class LoginClient(ClientMechanism):
    """Answers the first prompt with the user name and the second with the password, whatever they say (X-LOGIN-02).

    A third prompt is a `SaslError`: the password is sent once.  Raises `LocalProtocolError` for empty fields and NUL.
    """

    __slots__ = ("_answers",)
    mechanism = LOGIN

    def __init__(self, username: str, password: str) -> None:
        super().__init__()
        self._answers = (sendable(username, "user name"), sendable(password, "password"))

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn > 1:
            raise unexpected_challenge()
        self._complete = turn == 1
        return self._answers[turn]


class LoginServer(ServerMechanism):
    """Prompts for user name and password and asks the application to verify `PasswordCredentials`.

    An initial response is taken as the user name (X-LOGIN-03).
    """

    __slots__ = ("_username",)
    mechanism = LOGIN

    def _prompt(self) -> bytes:
        return b"Username:"

    def _respond(self, turn: int, response: bytes) -> Outcome:
        if turn == 0:
            self._username = text_of(response)
            return Challenge(b"Password:")
        return check_password(self._username, text_of(response))
