"""Hypothesis strategies for addresses: every value they make can be sent, and is read back as an equal value."""

from __future__ import annotations

from hypothesis import strategies as st

from smtpcore.addresses import (
    MAX_LOCAL_PART,
    NULL_PATH,
    AddressLiteral,
    Domain,
    ForwardPath,
    Mailbox,
    Postmaster,
    ReversePath,
)

_LET_DIG = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ATEXT = _LET_DIG + "!#$%&'*+-/=?^_`{|}~"
_U_LABELS = (
    "b\u00fccher",
    "\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae",
    "\u4f8b\u5b50",
    "\u05d0\u05d1",
    "stra\u00dfe",
    "\u0928\u092e",
)
_BEYOND_ASCII = "\u00e9\u00fc\u0391\u4f8b\uff20\u3002\u2028\u0301\U0001f4e7"
#: Octets at which parsers of addresses go wrong.
_TRAPS = b'@."\\<>,:;()[] \t\r\n\0-_%!#=+aA0\x7f\x80\xc3\xa9\xff'


def _joined(*parts: str) -> str:
    return "".join(parts)


def _labels() -> st.SearchStrategy[str]:
    ends, middle = st.sampled_from(_LET_DIG), st.text(_LET_DIG + "-", max_size=12)
    return ends | st.builds(_joined, ends, middle, ends)


def domains(*, utf8: bool = False) -> st.SearchStrategy[Domain]:
    """Domains of one to four labels (RFC 5321 4.1.2); with `utf8` some labels are U-labels (RFC 6531 3.3)."""
    labels = _labels() | st.sampled_from(_U_LABELS) if utf8 else _labels()
    return st.lists(labels, min_size=1, max_size=4).map(lambda parts: Domain(".".join(parts)))


def address_literals() -> st.SearchStrategy[AddressLiteral]:
    """IPv4 and IPv6 address literals in any spelling of RFC 5321 4.1.3 that the default leniency takes."""
    snum = st.integers(0, 255).flatmap(lambda number: st.sampled_from((f"{number}", f"{number:03}")))
    ipv4 = st.lists(snum, min_size=4, max_size=4).map(".".join)
    group = st.integers(0, 0xFFFF).flatmap(lambda number: st.sampled_from((f"{number:x}", f"{number:04X}")))
    full = st.lists(group, min_size=8, max_size=8).map(":".join)
    compressed = st.builds(_compressed, st.lists(group, max_size=6), st.integers(0, 6))
    mixed = st.builds(_mixed, st.lists(group, min_size=6, max_size=6), ipv4)
    compressed_mixed = st.builds(_mixed, st.lists(group, max_size=4).map(lambda groups: ["", "", *groups]), ipv4)
    tag = st.sampled_from(("IPv6:", "ipv6:", "IPV6:"))
    ipv6 = st.builds(_joined, tag, full | compressed | mixed | compressed_mixed)
    return (ipv4 | ipv6).map(lambda text: AddressLiteral(f"[{text}]"))


def _compressed(groups: list[str], at: int) -> str:
    return f"{':'.join(groups[:at])}::{':'.join(groups[at:])}"


def _mixed(groups: list[str], ipv4: str) -> str:
    return ":".join((*groups, ipv4))


def _sendable(mailbox: Mailbox) -> bool:
    return len(mailbox.to_bytes()) - len(str(mailbox.domain).encode()) - 1 <= MAX_LOCAL_PART


def mailboxes(*, utf8: bool = False) -> st.SearchStrategy[Mailbox]:
    """Mailboxes with plain and quoted local-parts, names and literals; beyond ASCII only with `utf8`."""
    beyond = _BEYOND_ASCII if utf8 else ""
    atoms = st.lists(st.text(_ATEXT + beyond, min_size=1, max_size=9), min_size=1, max_size=4).map(".".join)
    printable = "".join(map(chr, range(32, 127)))
    anything = st.text(printable + beyond, max_size=30)
    local_parts = atoms | anything | st.sampled_from(("postmaster", "POSTMASTER", "", ".", "a..b", "@", '"', "\\"))
    return st.builds(Mailbox, local_parts, domains(utf8=utf8) | address_literals()).filter(_sendable)


def reverse_paths(*, utf8: bool = False) -> st.SearchStrategy[ReversePath]:
    """Reverse-paths, the null one among them."""
    return st.just(NULL_PATH) | mailboxes(utf8=utf8).map(ReversePath)


def forward_paths(*, utf8: bool = False) -> st.SearchStrategy[ForwardPath]:
    """Forward-paths, the bare Postmaster among them."""
    bare = st.sampled_from(("Postmaster", "postmaster", "POSTMASTER")).map(lambda name: ForwardPath(Postmaster(name)))
    return bare | mailboxes(utf8=utf8).map(ForwardPath)


def _mutated(octets: bytes, edits: list[tuple[int, int, int]]) -> bytes:
    text = bytearray(octets)
    for kind, at, octet in edits:
        place = at % (len(text) + 1)
        text[place : place + (kind > 0)] = b"" if kind > 1 else bytes((octet,))
    return bytes(text)


def almost_valid_mailboxes(*, utf8: bool = False) -> st.SearchStrategy[bytes]:
    """Octets of a mailbox with up to three octets put in, replaced or taken out: some still are one."""
    edit = st.tuples(st.integers(0, 2), st.integers(0, 99), st.sampled_from(_TRAPS))
    spelled = mailboxes(utf8=utf8).map(Mailbox.to_bytes)
    return st.builds(_mutated, spelled, st.lists(edit, min_size=1, max_size=3))
