"""Bearer tokens: OAUTHBEARER (RFC 7628) and its de-facto forerunner XOAUTH2, for use under TLS.

Both fail in two steps: the server tells why in JSON, the client sends a filler, then comes the 535.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Sequence, cast

from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.sasl import gs2
from smtpcore.sasl.base import (
    Challenge,
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
from smtpcore.sasl.credentials import TokenCredentials
from smtpcore.value import Value

OAUTHBEARER = Mechanism("OAUTHBEARER", "token", plaintext=True)
XOAUTH2 = Mechanism("XOAUTH2", "token", plaintext=True)

#: `auth` of a bearer token; the scheme's case does not matter (RFC 7628 section 4).
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] ([\x21-\x7e]+)")
#: `key "=" value` of RFC 7628 section 3.1, without the closing separator.
_PAIR = re.compile(rb"([A-Za-z]+)=([\t\n\r\x20-\x7e]*)")
_PORT = re.compile(rb"[1-9][0-9]{0,4}")


class OAuthError(Value):
    """Why a token was not taken (RFC 7628 section 3.2.2): what the server tells, what the client was told.

    `status` is a word of the OAuth registry, as `invalid_token` or `insufficient_scope` (XOAUTH2 servers send a
    number); the other fields are empty when they are not given.  A client must not trust any of it.
    """

    status: str = "invalid_token"
    scope: str = ""
    openid_configuration: str = ""
    schemes: str = ""

    def to_bytes(self) -> bytes:
        """The JSON object that goes to the client."""
        import json

        named = {
            "status": self.status,
            "scope": self.scope,
            "openid-configuration": self.openid_configuration,
            "schemes": self.schemes,
        }
        fields = {key: value for key, value in named.items() if value}
        return json.dumps(fields, separators=(",", ":")).encode("ascii")

    @staticmethod
    def parse(data: bytes) -> OAuthError:
        """What can be read of a server's error: never raises, all fields are empty when nothing can."""
        import json

        try:
            decoded: object = json.loads(data)
        except (ValueError, RecursionError):
            decoded = None
        fields = cast("dict[str, object]", decoded) if isinstance(decoded, dict) else {}
        keys = ("status", "scope", "openid-configuration", "schemes")
        values = (fields.get(key) for key in keys)
        return OAuthError(*(value if isinstance(value, str) else "" for value in values))


class _TokenClient(ClientMechanism):
    """One message with the token; after the server's error one filler, and nothing more (X-XOAUTH2-04)."""

    __slots__ = ("_message", "error")
    _filler = b""

    def __init__(self, message: bytes) -> None:
        super().__init__()
        self._message = message
        #: What the server said about a refused token; None until it does.
        self.error: OAuthError | None = None

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn == 0:
            self._complete = True
            return self._message
        if turn > 1:
            raise unexpected_challenge()
        self._complete = False  # the server has refused: a 235 after this is not to be believed
        self.error = OAuthError.parse(challenge)
        return self._filler


def _bearer(token: str) -> bytes:
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise LocalProtocolError("a bearer token consists of visible ASCII characters")
    return b"auth=Bearer " + token.encode("ascii")


class XOAuth2Client(_TokenClient):
    """Sends user name and token; answers the server's error with an empty line.

    Raises `LocalProtocolError` for control characters in the user name and for a token that is not visible ASCII.
    """

    __slots__ = ()
    mechanism = XOAUTH2

    def __init__(self, username: str, token: str) -> None:
        user = sendable(username, "user name")
        if not username.isprintable():
            raise LocalProtocolError("the user name has control characters in it")
        super().__init__(b"user=" + user + b"\x01" + _bearer(token) + b"\x01\x01")


class OAuthBearerClient(_TokenClient):
    """Sends the token with the user name (may be empty), and host and port of the server when given.

    Answers the server's error with the %x01 of RFC 7628 section 3.2.3.  Raises `LocalProtocolError` for control
    characters, for a token that is not visible ASCII and for a port that is none.
    """

    __slots__ = ()
    mechanism = OAUTHBEARER
    _filler = b"\x01"

    def __init__(self, username: str, token: str, *, host: str = "", port: int = 0) -> None:
        if not username.isprintable() or not (host.isascii() and host.isprintable()):
            raise LocalProtocolError("user name and host must be printable")
        if not 0 <= port <= 65535:
            raise LocalProtocolError("a port is a number from 1 to 65535; 0 leaves it out")
        parts = [gs2.format_header("n", "", username)]
        if host:
            parts.append(b"host=" + host.encode("ascii"))
        if port:
            parts.append(b"port=%d" % port)
        super().__init__(b"\x01".join((*parts, _bearer(token), b"", b"")))


class _TokenServer(ServerMechanism):
    __slots__ = ("_error",)

    def __init__(self, error: OAuthError | None) -> None:
        super().__init__()
        self._error = error or OAuthError()

    def _respond(self, turn: int, response: bytes) -> Outcome:
        if turn:  # whatever the client sends after the error, it only closes the exchange
            return Failure(FailureReason.CREDENTIALS)
        return self._judge(response)

    @abstractmethod
    def _judge(self, response: bytes) -> Outcome: ...

    def _refused(self) -> Outcome:
        return Challenge(self._error.to_bytes())


class XOAuth2Server(_TokenServer):
    """Asks the application about `TokenCredentials`.  A refusal is sent as `error`, then the exchange fails."""

    __slots__ = ()
    mechanism = XOAUTH2

    def __init__(self, *, error: OAuthError | None = None) -> None:
        super().__init__(error)

    def _judge(self, response: bytes) -> Outcome:
        user, *rest = response.split(b"\x01")
        if user[:5] != b"user=" or len(rest) != 3 or rest[0][:5] != b"auth=" or rest[1] or rest[2]:
            return Failure(FailureReason.MALFORMED)
        bearer = _BEARER.fullmatch(rest[0], 5)
        if bearer is None:
            return self._refused()
        name = prepared(text_of(user[5:]))
        if name is None:
            return Failure(FailureReason.CREDENTIALS)
        return Verify(TokenCredentials(name, bearer[1].decode("ascii")))


class OAuthBearerServer(_TokenServer):
    """Asks the application about `TokenCredentials`.  A refusal is sent as `error`, then the exchange fails.

    `hosts` and `ports` are what this server is known as; a client that names another host or port is refused without
    a question (RFC 7628 section 3.2); empty accepts any.  With `require_user` false a client may leave its name out,
    and the application must say whose the token is: `verified(True, identity=...)`.
    """

    __slots__ = ("_hosts", "_ports", "_require_user")
    mechanism = OAUTHBEARER

    def __init__(
        self,
        *,
        hosts: Sequence[str] = (),
        ports: Sequence[int] = (),
        require_user: bool = True,
        error: OAuthError | None = None,
    ) -> None:
        super().__init__(error)
        self._hosts = frozenset(host.encode("utf-8").lower() for host in hosts)
        self._ports = frozenset(ports)
        self._require_user = require_user

    def _judge(self, response: bytes) -> Outcome:
        if response in (b"", b"\x01"):  # RFC 7628 section 3.1: the filler as first message
            return Failure(FailureReason.CREDENTIALS)
        header, rest = gs2.parse_header(response)
        if header.flag == "p":  # RFC 7628 defines no channel binding
            return Failure(FailureReason.CHANNEL_BINDING)
        name = prepared(header.authorization_id) if header.authorization_id else ""
        if name is None:
            return Failure(FailureReason.CREDENTIALS)
        pairs = _pairs(rest)
        bearer = _BEARER.fullmatch(pairs.get(b"auth", b""))
        host, port = pairs.get(b"host", b""), pairs.get(b"port", b"")
        number = int(port) if _PORT.fullmatch(port) else 0
        if port and not 0 < number <= 65535:
            return Failure(FailureReason.MALFORMED)
        foreign = (self._hosts and host and host.lower() not in self._hosts) or (
            self._ports and number and number not in self._ports
        )
        # An empty `auth` asks what kind of token is wanted (RFC 7628 section 4.3): the error tells.
        if bearer is None or foreign or (self._require_user and not name):
            return self._refused()
        return Verify(TokenCredentials(name, bearer[1].decode("ascii"), host.decode("ascii"), number))


def _pairs(rest: bytes) -> dict[bytes, bytes]:
    """The pairs after the GS2 header; of unknown keys nothing is wanted.  Raises `SyntaxProblem`."""
    start, *items = rest.split(b"\x01")
    if start or len(items) < 2 or items[-1] or items[-2]:
        raise SyntaxProblem("the message does not consist of closed pairs")
    pairs: dict[bytes, bytes] = {}
    for item in items[:-2]:
        pair = _PAIR.fullmatch(item)
        if pair is None or pair[1] in pairs:
            raise SyntaxProblem("not a pair, or a key given twice")
        pairs[pair[1]] = pair[2]
    return pairs
