"""The extensions of this package: one line each.  A new file of this folder is added here and nowhere else."""

from __future__ import annotations

from typing import Final

from smtpcore.extensions.auth import AuthExtension
from smtpcore.extensions.base import Extension
from smtpcore.extensions.binarymime import BinaryMime
from smtpcore.extensions.chunking import Chunking
from smtpcore.extensions.deliverby import DeliverByExtension
from smtpcore.extensions.dsn import Dsn
from smtpcore.extensions.eightbitmime import EightBitMime
from smtpcore.extensions.enhancedstatuscodes import EnhancedStatusCodes
from smtpcore.extensions.futurerelease import FutureRelease
from smtpcore.extensions.limits import LimitsExtension
from smtpcore.extensions.mtpriority import MtPriority
from smtpcore.extensions.pipelining import Pipelining
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.extensions.requiretls import RequireTls
from smtpcore.extensions.rrvs import Rrvs
from smtpcore.extensions.size import Size
from smtpcore.extensions.smtputf8 import SmtpUtf8
from smtpcore.extensions.starttls import StartTlsExtension

#: Every extension, as a client knows them: what a server offers of these can be used.
KNOWN: Final[tuple[Extension, ...]] = (
    Pipelining(),
    Size(),
    EightBitMime(),
    SmtpUtf8(),
    Chunking(),
    BinaryMime(),
    Dsn(),
    EnhancedStatusCodes(),
    StartTlsExtension(),
    AuthExtension(),
    RequireTls(),
    LimitsExtension(),
    DeliverByExtension(),
    MtPriority(),
    FutureRelease(999_999_999, "9999-12-31T23:59:59Z"),
    Rrvs(),
)
#: What every client can use.
CLIENT_EXTENSIONS: Final = ExtensionSet(KNOWN)
#: What a server offers unless told otherwise: everything that needs neither certificates nor accounts.
SERVER_EXTENSIONS: Final = ExtensionSet(
    (Pipelining(), Size(0), EightBitMime(), SmtpUtf8(), Chunking(), BinaryMime(), Dsn(), EnhancedStatusCodes())
)
