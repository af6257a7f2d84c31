"""Which mechanisms: what a server may offer now, in which order a client tries them, what was filtered out."""

from __future__ import annotations

from typing import Final, Iterable, Sequence

from smtpcore.errors import LocalProtocolError
from smtpcore.sasl.anonymous import ANONYMOUS
from smtpcore.sasl.base import Mechanism
from smtpcore.sasl.cram_md5 import CRAM_MD5
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.sasl.external import EXTERNAL
from smtpcore.sasl.login import LOGIN
from smtpcore.sasl.oauth import OAUTHBEARER, XOAUTH2
from smtpcore.sasl.plain import PLAIN
from smtpcore.sasl.scram import SCRAM

#: The built-in mechanisms by name.
MECHANISMS: Final = {
    mechanism.name: mechanism
    for mechanism in (*SCRAM.values(), PLAIN, LOGIN, CRAM_MD5, OAUTHBEARER, XOAUTH2, EXTERNAL, ANONYMOUS)
}

#: What a server offers unless told otherwise: no LOGIN, no tokens, nobody anonymous (X-LOGIN-06, X-ANONYMOUS-03).
DEFAULT_MECHANISMS: Final = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN")

#: The order in which a client tries them (X-AUTH-54); what proves the server, and hides the password, comes first.
PREFERENCE: Final = (
    "EXTERNAL",
    "OAUTHBEARER",
    "XOAUTH2",
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "ANONYMOUS",
)

_NAME: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def canonical_name(name: str) -> str:
    """A mechanism's name in upper case, empty when it is none: 1 to 20 of `A-Z 0-9 - _` (RFC 4422 section 3.1)."""
    return name.upper() if len(name) <= 20 and _NAME.issuperset(name) else ""


def usable(mechanism: Mechanism) -> bool:
    """Whether this Python has the hash function; builds in FIPS mode have no MD5 (X-CRAM-07)."""
    if not mechanism.hash:
        return True
    import hashlib

    try:
        hashlib.new(mechanism.hash)
    except ValueError:
        return False
    return True


def advertised(
    mechanisms: Iterable[str | Mechanism] = DEFAULT_MECHANISMS,
    *,
    tls: bool,
    channel_binding: bool = False,
    peer_identity: bool = False,
    clear_text: bool = False,
) -> tuple[str, ...]:
    """Of the mechanisms a server is set up for, those to list in EHLO now; the others are refused with 504.

    Left out are: what can be read on the wire, unless under TLS or `clear_text` (RFC 4954 section 4); -PLUS unless the
    connection can be bound (RFC 5802 section 6); EXTERNAL unless the peer has proved an identity; and what this
    Python lacks the hash for.  Raises `LocalProtocolError` for a name that is not built in: give its `Mechanism`.
    """
    chosen: list[str] = []
    for item in mechanisms:
        facts = item if isinstance(item, Mechanism) else MECHANISMS.get(canonical_name(item))
        if facts is None:
            raise LocalProtocolError("not a built-in mechanism: give its Mechanism instead of its name")
        readable = facts.plaintext and not (tls or clear_text)
        unbound = facts.channel_binding and not channel_binding
        unproven = facts.needs == "external" and not peer_identity
        if not (readable or unbound or unproven) and usable(facts):
            chosen.append(facts.name)
    return tuple(chosen)


def preferred(
    offered: Iterable[str],
    credentials: ClientCredentials,
    *,
    tls: bool,
    channel_binding: bool = False,
    clear_text: bool = False,
    order: Sequence[str] = PREFERENCE,
) -> list[str]:
    """Of the mechanisms a server offers, those a client with these credentials may try, the best first.

    `tls` must only be true when the server's certificate was verified (RFC 4954 section 14).  Without it, whatever
    can be read on the wire is left out, and CRAM-MD5 too, since it proves no server (X-CRAM-06); `clear_text` allows
    them.  With `channel_binding` the plain form of a SCRAM whose -PLUS is offered is left out.  `order` may be
    shorter or other than the default; names that it lacks are not tried.
    """
    there = {canonical_name(name) for name in offered}
    kinds = credentials.kinds()
    result: list[str] = []
    for name in order:
        facts = MECHANISMS.get(name)
        if facts is None or name not in there or facts.needs not in kinds or not usable(facts):
            continue
        exposed = facts.plaintext or facts is CRAM_MD5
        unbound = facts.channel_binding and not channel_binding
        weaker = channel_binding and name + "-PLUS" in there
        if not ((exposed and not (tls or clear_text)) or unbound or weaker):
            result.append(name)
    return result


def removed(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Mechanisms that were offered and are no longer, in upper case.

    After TLS or authentication a list that lacks something strong may have been cut by somebody in between
    (RFC 4422 section 3.2; X-AUTH-53).
    """
    still = {canonical_name(name) for name in after}
    names = dict.fromkeys(canonical_name(name) for name in before)
    return [name for name in names if name and name not in still]
