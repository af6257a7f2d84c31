"""SMTP without I/O: both ends of the protocol of RFC 5321, every octet of it, for any transport.

`ServerConnection` and `ClientConnection` take octets and decisions, and give octets and events.  The README begins with
twelve lines of each; `docs/driver.md` tells how to drive them.  A module is loaded when a name of it is first used: a
sender does not pay for the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smtpcore import replies
    from smtpcore.addresses import (
        NULL_PATH,
        AddressLiteral,
        Domain,
        ForwardPath,
        Mailbox,
        Postmaster,
        ReversePath,
    )
    from smtpcore.capabilities import Capabilities
    from smtpcore.client import NOT_SENT, ClientConnection, ServiceClosing
    from smtpcore.commands import (
        Command,
        Data,
        EndOfMessage,
        Hello,
        Inquiry,
        Language,
        Mail,
        Noop,
        Problem,
        Quit,
        Rcpt,
        Reset,
        parse,
    )
    from smtpcore.content import BareNewline, NewlinePolicy, Offence, UnsendableContent
    from smtpcore.delivery import Delivery, Login, Message
    from smtpcore.enhanced import EnhancedCode
    from smtpcore.errors import (
        ConnectionLost,
        LocalProtocolError,
        RemoteProtocolError,
        SMTPError,
        SyntaxProblem,
        TimedOut,
    )
    from smtpcore.events import (
        Body,
        ClientEvent,
        Closed,
        Connect,
        Greeting,
        Query,
        Question,
        Reason,
        Refused,
        Response,
        SendBody,
        ServerEvent,
        Step,
        TransactionAborted,
    )
    from smtpcore.extensions.auth import AUTH_PARAMETER, Auth, AuthDialogue, Authenticate, AuthExtension
    from smtpcore.extensions.base import Extension, Verb, When
    from smtpcore.extensions.binarymime import BinaryMime
    from smtpcore.extensions.chunking import Bdat, Chunking
    from smtpcore.extensions.deliverby import BY, DeliverBy, DeliverByExtension
    from smtpcore.extensions.dsn import ENVID, NOTIFY, ORCPT, RET, Dsn, Notify, OriginalRecipient, Ret
    from smtpcore.extensions.eightbitmime import BODY, BodyType, EightBitMime
    from smtpcore.extensions.enhancedstatuscodes import EnhancedStatusCodes
    from smtpcore.extensions.futurerelease import HOLDFOR, HOLDUNTIL, FutureRelease
    from smtpcore.extensions.known import CLIENT_EXTENSIONS, SERVER_EXTENSIONS
    from smtpcore.extensions.limits import LimitsExtension
    from smtpcore.extensions.mtpriority import MT_PRIORITY, MtPriority
    from smtpcore.extensions.pipelining import Pipelining
    from smtpcore.extensions.planning import MissingExtension
    from smtpcore.extensions.registry import ExtensionSet
    from smtpcore.extensions.requiretls import REQUIRETLS, RequireTls
    from smtpcore.extensions.rrvs import RRVS, Rrvs, ValidSince
    from smtpcore.extensions.size import SIZE, Size
    from smtpcore.extensions.smtputf8 import SMTPUTF8, SmtpUtf8
    from smtpcore.extensions.starttls import StartTls, StartTlsExtension
    from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
    from smtpcore.limits import Limits
    from smtpcore.parameters import Parameter, Parameters
    from smtpcore.replies import Reply, ReplyError
    from smtpcore.report import Outcome, Report, Result
    from smtpcore.server import ServerConnection, accept_all
    from smtpcore.session import Session
    from smtpcore.settings import ServerSettings
    from smtpcore.state import State
    from smtpcore.timeouts import Timeouts
    from smtpcore.transaction import Transaction
else:  # a checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "replies":
            return import_module("smtpcore.replies")
        for module, names in _HOMES.items():
            if name in names.split():
                value: object = getattr(import_module(f"smtpcore.{module}"), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module 'smtpcore' has no attribute {name!r}")


__all__ = [
    "AUTH_PARAMETER",
    "BODY",
    "BY",
    "CLIENT_EXTENSIONS",
    "DEFAULT",
    "ENVID",
    "HOLDFOR",
    "HOLDUNTIL",
    "LENIENT",
    "MT_PRIORITY",
    "NOTIFY",
    "NOT_SENT",
    "NULL_PATH",
    "ORCPT",
    "REQUIRETLS",
    "RET",
    "RRVS",
    "SERVER_EXTENSIONS",
    "SIZE",
    "SMTPUTF8",
    "STRICT",
    "AddressLiteral",
    "Auth",
    "AuthDialogue",
    "AuthExtension",
    "Authenticate",
    "BareNewline",
    "Bdat",
    "BinaryMime",
    "Body",
    "BodyType",
    "Capabilities",
    "Chunking",
    "ClientConnection",
    "ClientEvent",
    "Closed",
    "Command",
    "Connect",
    "ConnectionLost",
    "Data",
    "DeliverBy",
    "DeliverByExtension",
    "Delivery",
    "Domain",
    "Dsn",
    "EightBitMime",
    "EndOfMessage",
    "EnhancedCode",
    "EnhancedStatusCodes",
    "Extension",
    "ExtensionSet",
    "ForwardPath",
    "FutureRelease",
    "Greeting",
    "Hello",
    "Inquiry",
    "Language",
    "Leniency",
    "Limits",
    "LimitsExtension",
    "LocalProtocolError",
    "Login",
    "Mail",
    "Mailbox",
    "Message",
    "MissingExtension",
    "MtPriority",
    "NewlinePolicy",
    "Noop",
    "Notify",
    "Offence",
    "OriginalRecipient",
    "Outcome",
    "Parameter",
    "Parameters",
    "Pipelining",
    "Postmaster",
    "Problem",
    "Query",
    "Question",
    "Quit",
    "Rcpt",
    "Reason",
    "Refused",
    "RemoteProtocolError",
    "Reply",
    "ReplyError",
    "Report",
    "RequireTls",
    "Reset",
    "Response",
    "Result",
    "Ret",
    "ReversePath",
    "Rrvs",
    "SMTPError",
    "SendBody",
    "ServerConnection",
    "ServerEvent",
    "ServerSettings",
    "ServiceClosing",
    "Session",
    "Size",
    "SmtpUtf8",
    "StartTls",
    "StartTlsExtension",
    "State",
    "Step",
    "SyntaxProblem",
    "TimedOut",
    "Timeouts",
    "Transaction",
    "TransactionAborted",
    "UnsendableContent",
    "ValidSince",
    "Verb",
    "When",
    "accept_all",
    "parse",
    "replies",
]

#: Where each name lives.
_HOMES: Final = {
    "addresses": "NULL_PATH AddressLiteral Domain ForwardPath Mailbox Postmaster ReversePath",
    "capabilities": "Capabilities",
    "client": "NOT_SENT ClientConnection ServiceClosing",
    "commands": "Command Data EndOfMessage Hello Inquiry Language Mail Noop Problem Quit Rcpt Reset parse",
    "content": "BareNewline NewlinePolicy Offence UnsendableContent",
    "delivery": "Delivery Login Message",
    "enhanced": "EnhancedCode",
    "errors": "ConnectionLost LocalProtocolError RemoteProtocolError SMTPError SyntaxProblem TimedOut",
    "events": (
        "Body ClientEvent Closed Connect Greeting Query Question "
        "Reason Refused Response SendBody ServerEvent Step TransactionAborted"
    ),
    "extensions.auth": "AUTH_PARAMETER Auth AuthDialogue Authenticate AuthExtension",
    "extensions.base": "Extension Verb When",
    "extensions.binarymime": "BinaryMime",
    "extensions.chunking": "Bdat Chunking",
    "extensions.deliverby": "BY DeliverBy DeliverByExtension",
    "extensions.dsn": "ENVID NOTIFY ORCPT RET Dsn Notify OriginalRecipient Ret",
    "extensions.eightbitmime": "BODY BodyType EightBitMime",
    "extensions.enhancedstatuscodes": "EnhancedStatusCodes",
    "extensions.futurerelease": "HOLDFOR HOLDUNTIL FutureRelease",
    "extensions.known": "CLIENT_EXTENSIONS SERVER_EXTENSIONS",
    "extensions.limits": "LimitsExtension",
    "extensions.mtpriority": "MT_PRIORITY MtPriority",
    "extensions.pipelining": "Pipelining",
    "extensions.planning": "MissingExtension",
    "extensions.registry": "ExtensionSet",
    "extensions.requiretls": "REQUIRETLS RequireTls",
    "extensions.rrvs": "RRVS Rrvs ValidSince",
    "extensions.size": "SIZE Size",
    "extensions.smtputf8": "SMTPUTF8 SmtpUtf8",
    "extensions.starttls": "StartTls StartTlsExtension",
    "leniency": "DEFAULT LENIENT STRICT Leniency",
    "limits": "Limits",
    "parameters": "Parameter Parameters",
    "replies": "Reply ReplyError",
    "report": "Outcome Report Result",
    "server": "ServerConnection accept_all",
    "session": "Session",
    "settings": "ServerSettings",
    "state": "State",
    "timeouts": "Timeouts",
    "transaction": "Transaction",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
