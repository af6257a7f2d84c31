"""SMTP without I/O: both ends of the protocol of RFC 5321, every octet of it, for any transport.

`ServerConnection` and `ClientConnection` take octets and decisions, and give octets and events.  The README begins
with twelve lines of each; `docs/driver.md` tells how to drive them.
"""

from __future__ import annotations

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
from smtpcore.content import NewlinePolicy
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
from smtpcore.extensions.base import Extension, Verb
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.leniency import DEFAULT, LENIENT, STRICT, Leniency
from smtpcore.limits import Limits
from smtpcore.parameters import Parameter, Parameters
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection, accept_all
from smtpcore.session import Session
from smtpcore.settings import ServerSettings
from smtpcore.state import State
from smtpcore.timeouts import Timeouts
