"""SASL mechanisms for both ends of an AUTH exchange, without I/O (RFC 4422; RFC 4954).

`smtpcore.sasl.base` tells how a mechanism object is driven, and how to write one.  The mechanisms are loaded when they
are first named: who never authenticates does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smtpcore.sasl.anonymous import ANONYMOUS, AnonymousClient, AnonymousServer
    from smtpcore.sasl.base import (
        Challenge,
        ClientMechanism,
        Failure,
        FailureReason,
        Mechanism,
        Outcome,
        SaslError,
        ServerMechanism,
        StoredSecret,
        Success,
        Verify,
    )
    from smtpcore.sasl.choice import (
        DEFAULT_MECHANISMS,
        MECHANISMS,
        PREFERENCE,
        advertised,
        canonical_name,
        preferred,
        removed,
        usable,
    )
    from smtpcore.sasl.cram_md5 import CRAM_MD5, CramMd5Client, CramMd5Server
    from smtpcore.sasl.credentials import (
        AnonymousCredentials,
        Authorization,
        ChannelBinding,
        ClientCredentials,
        Credentials,
        ExternalCredentials,
        Identity,
        PasswordCredentials,
        SecretNeeded,
        TokenCredentials,
    )
    from smtpcore.sasl.external import EXTERNAL, ExternalClient, ExternalServer
    from smtpcore.sasl.factory import ServerSettings, client_mechanism, server_mechanism
    from smtpcore.sasl.login import LOGIN, LoginClient, LoginServer
    from smtpcore.sasl.oauth import (
        OAUTHBEARER,
        XOAUTH2,
        OAuthBearerClient,
        OAuthBearerServer,
        OAuthError,
        XOAuth2Client,
        XOAuth2Server,
    )
    from smtpcore.sasl.plain import PLAIN, PlainClient, PlainServer
    from smtpcore.sasl.prep import saslprep, trace_prep
    from smtpcore.sasl.scram import SCRAM, ScramClient, ScramServer
    from smtpcore.sasl.scram_keys import ScramKeys
else:

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


__all__ = [
    "ANONYMOUS",
    "CRAM_MD5",
    "DEFAULT_MECHANISMS",
    "EXTERNAL",
    "LOGIN",
    "MECHANISMS",
    "OAUTHBEARER",
    "PLAIN",
    "PREFERENCE",
    "SCRAM",
    "XOAUTH2",
    "AnonymousClient",
    "AnonymousCredentials",
    "AnonymousServer",
    "Authorization",
    "Challenge",
    "ChannelBinding",
    "ClientCredentials",
    "ClientMechanism",
    "CramMd5Client",
    "CramMd5Server",
    "Credentials",
    "ExternalClient",
    "ExternalCredentials",
    "ExternalServer",
    "Failure",
    "FailureReason",
    "Identity",
    "LoginClient",
    "LoginServer",
    "Mechanism",
    "OAuthBearerClient",
    "OAuthBearerServer",
    "OAuthError",
    "Outcome",
    "PasswordCredentials",
    "PlainClient",
    "PlainServer",
    "SaslError",
    "ScramClient",
    "ScramKeys",
    "ScramServer",
    "SecretNeeded",
    "ServerMechanism",
    "ServerSettings",
    "StoredSecret",
    "Success",
    "TokenCredentials",
    "Verify",
    "XOAuth2Client",
    "XOAuth2Server",
    "advertised",
    "canonical_name",
    "client_mechanism",
    "preferred",
    "removed",
    "saslprep",
    "server_mechanism",
    "trace_prep",
    "usable",
]

#: Where each name lives.
_HOMES: Final = {
    "anonymous": "ANONYMOUS AnonymousClient AnonymousServer",
    "base": (
        "Challenge ClientMechanism Failure FailureReason Mechanism Outcome SaslError ServerMechanism StoredSecret "
        "Success Verify"
    ),
    "choice": "DEFAULT_MECHANISMS MECHANISMS PREFERENCE advertised canonical_name preferred removed usable",
    "cram_md5": "CRAM_MD5 CramMd5Client CramMd5Server",
    "credentials": (
        "AnonymousCredentials Authorization ChannelBinding ClientCredentials Credentials ExternalCredentials "
        "Identity PasswordCredentials SecretNeeded TokenCredentials"
    ),
    "external": "EXTERNAL ExternalClient ExternalServer",
    "factory": "ServerSettings client_mechanism server_mechanism",
    "login": "LOGIN LoginClient LoginServer",
    "oauth": "OAUTHBEARER XOAUTH2 OAuthBearerClient OAuthBearerServer OAuthError XOAuth2Client XOAuth2Server",
    "plain": "PLAIN PlainClient PlainServer",
    "prep": "saslprep trace_prep",
    "scram": "SCRAM ScramClient ScramServer",
    "scram_keys": "ScramKeys",
}
_HOME: Final = {name: module for module, names in _HOMES.items() for name in names.split()}
