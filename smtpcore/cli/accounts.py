"""Who may log in to `serve`: anybody at all, or the names and passwords of a file."""

from __future__ import annotations

import base64
import hmac
import os
from pathlib import Path
from typing import Final

from smtpcore import sasl
from smtpcore.cli import Trouble
from smtpcore.extensions.auth import Authenticate, AuthExtension
from smtpcore.replies import AUTH_FAILED
from smtpcore.server import ServerConnection

#: For a file of passwords, the best first; for anybody, what carries the credentials to us.
_PROVING: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN")
_CARRYING: Final = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")


class Accounts:
    """Answers the questions of an authentication exchange; with `passwords` None everybody is who they say."""

    def __init__(self, passwords: dict[str, str] | None) -> None:
        self._passwords = passwords
        self._keys: dict[tuple[str, str], sasl.ScramKeys] = {}
        self._decoy = os.urandom(32)

    @classmethod
    def named(cls, name: str) -> Accounts:
        """`any`, or a file with a line `name:password` for each account.  Raises `Trouble`."""
        if name == "any":
            return cls(None)
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Trouble(f"--auth {name}: {error}") from None
        passwords: dict[str, str] = {}
        for number, line in enumerate(text.split("\n"), 1):
            user, colon, password = line.rstrip("\r").partition(":")
            if line and not line.startswith("#"):
                if not (user and colon and password):
                    raise Trouble(f"--auth {name}: line {number} is not name:password")
                passwords[user] = password
        return cls(passwords)

    def extension(self, *, clear_text: bool, required: bool) -> AuthExtension:
        """The AUTH extension to offer."""
        mechanisms = _CARRYING if self._passwords is None else _PROVING
        return AuthExtension(mechanisms, required=required, clear_text=clear_text, make=self._make)

    def _make(self, name: str) -> sasl.ServerMechanism:
        """A mechanism with the chance that the library itself does not have."""
        fresh = base64.b64encode(os.urandom(18))
        settings = sasl.ServerSettings(nonce=fresh, challenge=b"<%s@localhost>" % fresh, decoy_secret=self._decoy)
        return sasl.server_mechanism(name, settings)

    def judge(self, conn: ServerConnection, question: Authenticate) -> None:
        """Say yes, no, or what is stored."""
        claimed = question.credentials
        if isinstance(claimed, sasl.SecretNeeded):
            conn.provide(question, self._stored(claimed.authentication_id, claimed.mechanism))
        elif self._good(claimed):
            conn.accept(question)
        else:
            conn.reject(question, AUTH_FAILED)

    def _good(self, claimed: sasl.Credentials) -> bool:
        if self._passwords is None:
            return bool(claimed.authentication_id)
        if not isinstance(claimed, sasl.PasswordCredentials):
            return False  # also for acting as somebody else: nobody may
        stored = self._passwords.get(claimed.authentication_id)
        return stored is not None and hmac.compare_digest(stored.encode(), claimed.password.encode())

    def _stored(self, user: str, mechanism: str) -> sasl.StoredSecret | None:
        password = (self._passwords or {}).get(user)
        if password is None or not mechanism.startswith("SCRAM-"):
            return password
        kind = mechanism.removeprefix("SCRAM-").removesuffix("-PLUS")
        if (user, kind) not in self._keys:
            self._keys[user, kind] = sasl.ScramKeys.derive(kind, password, os.urandom(16))
        return self._keys[user, kind]
