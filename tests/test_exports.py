"""The public names: a new one is a promise, a lost one breaks somebody.  And what importing the package costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import smtpcore

PUBLIC = frozenset(
    """
    AddressLiteral Auth AuthDialogue AuthExtension Authenticate BareNewline Bdat BinaryMime Body BodyType
    Capabilities Chunking ClientConnection ClientEvent Closed Command Connect ConnectionLost Data DeliverBy
    DeliverByExtension Delivery Domain Dsn EightBitMime EndOfMessage EnhancedCode EnhancedStatusCodes Extension
    ExtensionSet ForwardPath FutureRelease Greeting Hello Inquiry Language Leniency Limits LimitsExtension
    LocalProtocolError Login Mail Mailbox Message MissingExtension MtPriority NewlinePolicy Noop Notify Offence
    OriginalRecipient Outcome Parameter Parameters Pipelining Postmaster Problem Query Question Quit Rcpt Reason
    Refused RemoteProtocolError Reply ReplyError Report RequireTls Reset Response Result Ret ReversePath Rrvs
    SMTPError SendBody ServerConnection ServerEvent ServerSettings ServiceClosing Session Size SmtpUtf8 StartTls
    StartTlsExtension State Step SyntaxProblem TimedOut Timeouts Transaction TransactionAborted UnsendableContent
    ValidSince Verb When AUTH_PARAMETER BODY BY CLIENT_EXTENSIONS DEFAULT ENVID HOLDFOR HOLDUNTIL LENIENT
    MT_PRIORITY NOTIFY NOT_SENT NULL_PATH ORCPT REQUIRETLS RET RRVS SERVER_EXTENSIONS SIZE SMTPUTF8 STRICT
    accept_all parse replies
    """.split()
)
#: Dear to import, or able to do what this package never does.
ABSENT = """
asyncio dataclasses datetime email hashlib hmac inspect ipaddress logging pathlib random secrets select
socket ssl subprocess threading unicodedata urllib
""".split()


def test_the_public_names_are_frozen() -> None:
    assert set(smtpcore.__all__) == PUBLIC
    assert len(smtpcore.__all__) == len(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(smtpcore, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
        assert value.__module__.startswith("smtpcore.")


def test_importing_brings_nothing_dear() -> None:
    # -S: without site, whose .pth files import things of their own.
    command = "import sys; old = set(sys.modules); import smtpcore; print(*(set(sys.modules) - old))"
    root = Path(smtpcore.__file__).parent.parent
    run = subprocess.run([sys.executable, "-Sc", command], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & set(ABSENT)
    assert not loaded & {"smtpcore.sasl", "smtpcore.cli", "smtpcore.testing"}


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        smtpcore.Nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_every_public_name_is_listed_and_found() -> None:
    assert set(dir(smtpcore)) >= PUBLIC
    for name in smtpcore.__all__:
        assert getattr(smtpcore, name) is getattr(smtpcore, name)
    assert smtpcore.replies.OK.code == 250


def test_the_module_of_replies_is_found_whoever_imported_it_first() -> None:
    assert vars(smtpcore)["__getattr__"]("replies") is smtpcore.replies
