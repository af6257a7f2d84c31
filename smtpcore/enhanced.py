"""Enhanced status codes (RFC 3463, 2034) and their registry (RFC 5248) as data.

A code is three numbers, `class.subject.detail`.  The class repeats the first digit of the basic reply code; subject
and detail say what happened.  The basic code alone decides what to do next (RFC 5321 4.2.1): the enhanced code only
tells why.  A code that nobody has registered yet is a value like the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from smtpcore.errors import SyntaxProblem
from smtpcore.value import Value

# B-ENH-01, X-ENHANCED-07: no leading zeros, at most three digits, nothing around.
_GRAMMAR: Final = re.compile(rb"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")

#: What the class digit says (RFC 3463 2).
CLASSES: Final[Mapping[int, str]] = MappingProxyType(
    {2: "Success", 4: "Persistent transient failure", 5: "Permanent failure"}
)
#: What the subject number says (RFC 3463 2, S-ENH-09).
SUBJECTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "Other or undefined status",
        1: "Addressing status",
        2: "Mailbox status",
        3: "Mail system status",
        4: "Network and routing status",
        5: "Mail delivery protocol status",
        6: "Message content or media status",
        7: "Security or policy status",
    }
)


class Registered(Value):
    """One row of the registry of RFC 5248."""

    #: The sample text of the registration.
    meaning: str
    #: The document that defines the code.
    source: str
    #: Basic reply codes that the registration names; none when it names none.  The list is not exclusive.
    basic: tuple[int, ...] = ()
    #: Classes that the definition says are useful; advice (S-ENH-10).  Empty: deprecated, not to be sent.
    classes: tuple[int, ...] = (2, 4, 5)


class EnhancedCode(Value):
    """An enhanced status code (RFC 3463 2): `EnhancedCode(5, 1, 1)` is written `5.1.1`.

    Any code of the grammar can be built, registered or not; `SyntaxProblem` for the others.
    """

    #: The registry (RFC 5248 and later registrations): (subject, detail) to its row.
    registry: ClassVar[Mapping[tuple[int, int], Registered]]

    class_: int
    subject: int
    detail: int

    def __post_init__(self) -> None:
        if self.class_ not in CLASSES or not 0 <= self.subject <= 999 or not 0 <= self.detail <= 999:
            raise SyntaxProblem("An enhanced status code is 2, 4 or 5 and two numbers from 0 to 999")

    @classmethod
    def parse(cls, text: str | bytes) -> EnhancedCode:
        """Reads `5.1.1` and nothing else; raises `SyntaxProblem` (RFC 3463 2)."""
        octets = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        code = cls.read(octets)
        if code is None:
            raise SyntaxProblem("Not an enhanced status code: three numbers with dots are wanted, as in 5.1.1")
        return code

    @classmethod
    def read(cls, octets: bytes) -> EnhancedCode | None:
        """The code that `octets` are, or None: what a reply text begins with is mostly no code, so no exception."""
        code = _READ.get(octets)
        if code is None and octets[1:2] == b".":
            match = _GRAMMAR.fullmatch(octets)
            if match is not None:
                code = cls._make(int(match[1]), int(match[2]), int(match[3]))
                if code.registered is not None:  # so that a peer cannot make the table grow
                    _READ[octets] = code
        return code

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"

    @property
    def is_success(self) -> bool:
        """Class 2."""
        return self.class_ == 2

    @property
    def is_transient(self) -> bool:
        """Class 4: it may work later."""
        return self.class_ == 4

    @property
    def is_permanent(self) -> bool:
        """Class 5: it will not work without a change."""
        return self.class_ == 5

    @property
    def registered(self) -> Registered | None:
        """The row of the registry, or None."""
        return self.registry.get((self.subject, self.detail))

    @property
    def meaning(self) -> str | None:
        """The sample text of the registry, or None when the code is not registered."""
        row = self.registered
        return None if row is None else row.meaning

    def describe(self, extension: str | None = None) -> str:
        """What the code says, for people: `Permanent failure: Bad destination mailbox address`.

        An unknown detail is told by its subject, an unknown subject by its class (RFC 3463 2, C-ENH-06).
        `extension` is the keyword in whose context the code came: two codes were given out twice (X-ENHANCED-13).
        """
        meaning = _OTHER_OWNERS.get((extension, self.subject, self.detail)) or self.meaning
        meaning = meaning or SUBJECTS.get(self.subject, SUBJECTS[0])
        return f"{CLASSES[self.class_]}: {meaning}"

    def generalized(self) -> EnhancedCode:
        """The code without what it may give away: `X.7.0` for subject 7, else `X.0.0` (RFC 3463 5, S-ENH-13)."""
        return EnhancedCode(self.class_, 7 if self.subject == 7 else 0, 0)


# Codes of the registry that were read, by their octets: a server says the same few in each reply.
_READ: Final[dict[bytes, EnhancedCode]] = {}

# -- The registry -------------------------------------------------------------------------------------------------
# Rows in order of the numbers.  Basic codes: RFC 5248 table 1 and the registrations that came later (B-ENH-12).

_PERMANENT: Final = (5,)
_TRANSIENT: Final = (4,)
_FAILURE: Final = (4, 5)

_ROWS: Final[Mapping[tuple[int, int], Registered]] = {
    (0, 0): Registered("Other undefined status", "RFC 3463"),
    (1, 0): Registered("Other address status", "RFC 3463"),
    (1, 1): Registered("Bad destination mailbox address", "RFC 3463", (451, 550), _PERMANENT),
    (1, 2): Registered("Bad destination system address", "RFC 3463", (), _PERMANENT),
    (1, 3): Registered("Bad destination mailbox address syntax", "RFC 3463", (501,), _PERMANENT),
    (1, 4): Registered("Destination mailbox address ambiguous", "RFC 3463"),
    (1, 5): Registered("Destination address valid", "RFC 3463", (250,)),
    (1, 6): Registered("Destination mailbox has moved, no forwarding address", "RFC 3463", (), _PERMANENT),
    (1, 7): Registered("Bad sender's mailbox address syntax", "RFC 3463"),
    (1, 8): Registered("Bad sender's system address", "RFC 3463", (451, 501)),
    (1, 9): Registered("Message relayed to non-compliant mailer", "RFC 3886"),
    (1, 10): Registered("Recipient address has null MX", "RFC 7505", (556,)),
    (2, 0): Registered("Other or undefined mailbox status", "RFC 3463"),
    (2, 1): Registered("Mailbox disabled, not accepting messages", "RFC 3463", (), _FAILURE),
    (2, 2): Registered("Mailbox full", "RFC 3463", (552,), _FAILURE),
    (2, 3): Registered("Message length exceeds administrative limit", "RFC 3463", (552,), _PERMANENT),
    (2, 4): Registered("Mailing list expansion problem", "RFC 3463", (450, 452), _FAILURE),
    (3, 0): Registered("Other or undefined mail system status", "RFC 3463", (221, 250, 421, 451, 550, 554)),
    (3, 1): Registered("Mail system full", "RFC 3463", (452,), _TRANSIENT),
    (3, 2): Registered("System not accepting network messages", "RFC 3463", (453, 521), _FAILURE),
    (3, 3): Registered("System not capable of selected features", "RFC 3463"),
    (3, 4): Registered("Message too big for system", "RFC 3463", (552, 554), _PERMANENT),
    (3, 5): Registered("System incorrectly configured", "RFC 3463"),
    (3, 6): Registered("Requested priority was changed", "RFC 6710", (250, 251)),
    (4, 0): Registered("Other or undefined network or routing status", "RFC 3463"),
    (4, 1): Registered("No answer from host", "RFC 3463", (451,), _TRANSIENT),
    (4, 2): Registered("Bad connection", "RFC 3463", (421,), _TRANSIENT),
    (4, 3): Registered("Directory server failure", "RFC 3463", (451, 550), _TRANSIENT),
    (4, 4): Registered("Unable to route", "RFC 3463", (), _FAILURE),
    (4, 5): Registered("Mail system congestion", "RFC 3463", (451,), _TRANSIENT),
    (4, 6): Registered("Routing loop detected", "RFC 3463", (), _TRANSIENT),
    (4, 7): Registered("Delivery time expired", "RFC 3463"),
    (5, 0): Registered(
        "Other or undefined protocol status",
        "RFC 3463",
        (220, 250, 251, 252, 253, 451, 452, 454, 458, 459, 501, 502, 503, 554),
    ),
    (5, 1): Registered("Invalid command", "RFC 3463", (430, 500, 501, 503, 530, 550, 554, 555), _PERMANENT),
    (5, 2): Registered("Syntax error", "RFC 3463", (500, 501, 502, 550, 555), _PERMANENT),
    (5, 3): Registered("Too many recipients", "RFC 3463", (451,)),
    (5, 4): Registered("Invalid command arguments", "RFC 3463", (451, 501, 502, 503, 504, 550, 555), _PERMANENT),
    (5, 5): Registered("Wrong protocol version", "RFC 3463"),
    (5, 6): Registered("Authentication exchange line is too long", "RFC 4954", (500,), _FAILURE),
    (6, 0): Registered("Other or undefined media error", "RFC 3463"),
    (6, 1): Registered("Media not supported", "RFC 3463", (), _PERMANENT),
    (6, 2): Registered("Conversion required and prohibited", "RFC 3463"),
    (6, 3): Registered("Conversion required but not supported", "RFC 3463", (554,)),
    (6, 4): Registered("Conversion with loss performed", "RFC 3463", (250,)),
    (6, 5): Registered("Conversion failed", "RFC 3463", (), _FAILURE),
    (6, 6): Registered("Message content not available", "RFC 4468", (554,)),
    (6, 7): Registered("Non-ASCII addresses not permitted for that sender/recipient", "RFC 6531", (550, 553)),
    (6, 8): Registered(
        "UTF-8 string reply is required, but not permitted by the SMTP client", "RFC 6531", (252, 550, 553)
    ),
    (6, 9): Registered(
        "UTF-8 header message cannot be transferred to one or more recipients, so the message must be rejected",
        "RFC 6531",
        (550,),
    ),
    (6, 10): Registered("Deprecated duplicate of X.6.8", "RFC 6531", (), ()),  # S-ENH-14
    (7, 0): Registered(
        "Other or undefined security status",
        "RFC 3463",
        (220, 235, 450, 454, 500, 501, 503, 504, 530, 535, 550),
    ),
    (7, 1): Registered(
        "Delivery not authorized, message refused", "RFC 3463", (451, 454, 502, 503, 533, 550, 551), _PERMANENT
    ),
    (7, 2): Registered("Mailing list expansion prohibited", "RFC 3463", (550,), _PERMANENT),
    (7, 3): Registered("Security conversion required but not possible", "RFC 3463", (), _PERMANENT),
    (7, 4): Registered("Security features not supported", "RFC 3463", (504,), _PERMANENT),
    (7, 5): Registered("Cryptographic failure", "RFC 3463"),
    (7, 6): Registered("Cryptographic algorithm not supported", "RFC 3463"),
    (7, 7): Registered("Message integrity failure", "RFC 3463"),
    (7, 8): Registered("Authentication credentials invalid", "RFC 4954", (535, 554)),
    (7, 9): Registered("Authentication mechanism is too weak", "RFC 4954", (534,)),
    (7, 10): Registered("Encryption needed", "RFC 5248", (523,)),
    (7, 11): Registered("Encryption required for requested authentication mechanism", "RFC 4954", (524, 538)),
    (7, 12): Registered("A password transition is needed", "RFC 4954", (422, 432)),
    (7, 13): Registered("User account disabled", "RFC 5248", (525,)),
    (7, 14): Registered("Trust relationship required", "RFC 5248", (535, 554)),
    (7, 15): Registered("Priority level is too low", "RFC 6710", (450, 550)),
    (7, 16): Registered("Message is too big for the specified priority", "RFC 6710", (552,)),
    (7, 17): Registered("Mailbox owner has changed", "RFC 7293"),
    (7, 18): Registered("Domain owner has changed", "RFC 7293"),
    (7, 19): Registered("RRVS test cannot be completed", "RFC 7293"),
    (7, 20): Registered("No passing DKIM signature found", "RFC 7372", (550,)),
    (7, 21): Registered("No acceptable DKIM signature found", "RFC 7372", (550,)),
    (7, 22): Registered("No valid author-matched DKIM signature found", "RFC 7372", (550,)),
    (7, 23): Registered("SPF validation failed", "RFC 7372", (550,)),
    (7, 24): Registered("SPF validation error", "RFC 7372", (451, 550)),
    (7, 25): Registered("Reverse DNS validation failed", "RFC 7372", (550,)),
    (7, 26): Registered("Multiple authentication checks failed", "RFC 7372", (550,)),
    (7, 27): Registered("Sender address has null MX", "RFC 7505", (550,)),
    (7, 28): Registered("Mail flood detected", "IANA"),
    (7, 29): Registered("ARC validation failure", "RFC 8617", (550,)),
    (7, 30): Registered("REQUIRETLS support required", "RFC 8689", (550,)),
}
EnhancedCode.registry = MappingProxyType(_ROWS)

# X-ENHANCED-13: RFC 4865 6 used two numbers that RFC 6710 and RFC 7293 registered later for something else.
_OTHER_OWNERS: Final[Mapping[tuple[str | None, int, int], str]] = {
    ("FUTURERELEASE", 7, 16): "Future release per-user message quota exceeded",
    ("FUTURERELEASE", 7, 17): "Future release system message quota exceeded",
}
