"""The values that SASL exchanges are about: who claims to be whom, with which proof.

The server's mechanisms build them and the application judges them; `ClientCredentials` is what a client logs in with.
Secrets are never shown by `repr` (X-AUTH-52).
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from smtpcore.errors import LocalProtocolError
from smtpcore.value import Value

_BINDING_TYPE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")


class Identity(Value):
    """The outcome of a successful exchange (RFC 4422 section 2).

    `authentication_id` is whose credentials were checked, `authorization_id` as whom the session acts.  They differ
    only after the application answered an `Authorization` question with yes, or for tokens and certificates.
    """

    authentication_id: str
    authorization_id: str


class PasswordCredentials(Value):
    """A user name and a password to compare (PLAIN, LOGIN), both prepared by SASLprep (RFC 4616 section 2).

    `authorization_id` is empty when the client wants to act as itself.  A yes to these credentials says nothing about
    acting for somebody else: that is asked by itself, as `Authorization`.
    """

    authentication_id: str
    authorization_id: str
    password: str
    _secret: ClassVar[tuple[str, ...]] = ("password",)


class TokenCredentials(Value):
    """A bearer token (XOAUTH2, OAUTHBEARER: RFC 7628 section 3.1).

    A yes says that the token is good *for this user*.  `authorization_id` may be empty where the server does not
    insist on a name.  `host` and `port` are what the client says it is connected to; empty and 0 when it did not say.
    """

    authorization_id: str
    token: str
    host: str = ""
    port: int = 0
    _secret: ClassVar[tuple[str, ...]] = ("token",)

    @property
    def authentication_id(self) -> str:
        """The name that the message itself gives: the same as `authorization_id`."""
        return self.authorization_id


class ExternalCredentials(Value):
    """An identity that another layer has proved, as a TLS client certificate (EXTERNAL, RFC 4422 appendix A).

    `authentication_id` comes from the transport, `authorization_id` (may be empty: derive it) from the client.  A yes
    says that the first may act as the second.
    """

    authentication_id: str
    authorization_id: str


class AnonymousCredentials(Value):
    """Nobody in particular (ANONYMOUS, RFC 4505); `trace` is unproved text for the log, at most 255 characters."""

    trace: str

    @property
    def authentication_id(self) -> str:
        """Always `anonymous`."""
        return "anonymous"

    @property
    def authorization_id(self) -> str:
        """Always empty: derive it."""
        return ""


class SecretNeeded(Value):
    """The mechanism does the comparing and asks for what is stored about a user (CRAM-MD5, SCRAM).

    Answer with `provide`: the password for CRAM-MD5, `ScramKeys` for SCRAM, None for a user that does not exist; the
    client cannot tell None from a wrong password.  `authentication_id` is prepared by SASLprep.
    """

    authentication_id: str
    authorization_id: str
    mechanism: str


class Authorization(Value):
    """Asked after the credentials were found good: may the first act as the second?  (RFC 4422 section 2.)"""

    authentication_id: str
    authorization_id: str


#: What a `Verify` carries.
Credentials: TypeAlias = (
    PasswordCredentials | TokenCredentials | ExternalCredentials | AnonymousCredentials | SecretNeeded | Authorization
)


class ChannelBinding(Value):
    """What ties an exchange to the TLS connection around it (RFC 5056); the transport supplies it.

    `type` is `tls-exporter` (RFC 9266, the one for TLS 1.3), `tls-unique` (TLS 1.2 and older) or
    `tls-server-end-point` (RFC 5929).  Raises `LocalProtocolError` for an impossible type or for no data.
    """

    type: str
    data: bytes
    _secret: ClassVar[tuple[str, ...]] = ("data",)

    def __post_init__(self) -> None:
        if not self.type or not _BINDING_TYPE.issuperset(self.type):
            raise LocalProtocolError("a channel binding type consists of letters, digits, '.' and '-'")
        if not self.data:
            raise LocalProtocolError("channel binding data is empty: the transport has none for this type")


class ClientCredentials(Value):
    """What a client can log in with.  Give what there is; `preferred` picks what can be done with it.

    `password` and `token` are None where there is none.  `host` and `port` go into OAUTHBEARER when given.
    `external` is for a client whose certificate speaks for it; `trace` (may be empty) allows ANONYMOUS.
    """

    username: str = ""
    password: str | None = None
    token: str | None = None
    authorization_id: str = ""
    host: str = ""
    port: int = 0
    external: bool = False
    trace: str | None = None
    _secret: ClassVar[tuple[str, ...]] = ("password", "token")

    def kinds(self) -> frozenset[str]:
        """The kinds of proof at hand: of `password`, `token`, `external` and `anonymous`."""
        have = {
            "password": self.password is not None,
            "token": self.token is not None,
            "external": self.external,
            "anonymous": self.trace is not None,
        }
        return frozenset(kind for kind, present in have.items() if present)
