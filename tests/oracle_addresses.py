"""A second recogniser of addresses, written straight from the ABNF of RFC 5321 4.1.2, 4.1.3 and RFC 6531 3.3.

It shares no code and no idea with the library: productions are patterns over text, put together as the RFC does, and
the sizes of RFC 5321 4.5.3.1 are looked at afterwards.  Slow, and backtracking, and easy to compare with the RFC.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LetDig = "[A-Za-z0-9]"
LdhStr = f"[A-Za-z0-9-]*{LetDig}"
SubDomain = f"{LetDig}(?:{LdhStr})?"
UTF8NonAscii = "[\u0080-\ud7ff\ue000-\U0010ffff]"
ULabel = f"(?:[A-Za-z0-9-]|{UTF8NonAscii})*{UTF8NonAscii}(?:[A-Za-z0-9-]|{UTF8NonAscii})*"
Snum = "[0-9]{1,3}"
IPv4 = rf"{Snum}(?:\.{Snum}){{3}}"
Hex = "[0-9A-Fa-f]{1,4}"
IPv6Full = f"{Hex}(?::{Hex}){{7}}"
IPv6Comp = f"(?:{Hex}(?::{Hex}){{0,5}})?::(?:{Hex}(?::{Hex}){{0,5}})?"
IPv6v4Full = f"{Hex}(?::{Hex}){{5}}:{IPv4}"
IPv6v4Comp = f"(?:{Hex}(?::{Hex}){{0,3}})?::(?:{Hex}(?::{Hex}){{0,3}}:)?{IPv4}"
General = rf"({LdhStr}):[!-Z^-~]+"


def _domain(utf8: bool) -> str:
    label = f"(?:{SubDomain}|{ULabel})" if utf8 else SubDomain
    return rf"{label}(?:\.{label})*"


def _local_part(utf8: bool) -> str:
    beyond = f"|{UTF8NonAscii}" if utf8 else ""
    atom = f"(?:[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]{beyond})+"
    quoted = rf'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]{beyond}|\x5c[\x20-\x7e])*"'
    return rf"{atom}(?:\.{atom})*|{quoted}"


def is_literal(text: str) -> bool:
    """Whether the text between the brackets is one of the three forms."""
    if re.fullmatch(IPv4, text, re.ASCII):
        return all(int(number) <= 255 for number in text.split("."))
    if text[:5].lower() == "ipv6:":
        return _is_ipv6(text[5:])
    return re.fullmatch(General, text) is not None


def _is_ipv6(text: str) -> bool:
    quad = re.search(rf"(?:^|:)({IPv4})$", text)
    if quad and not all(int(number) <= 255 for number in quad[1].split(".")):
        return False
    if re.fullmatch(IPv6Full, text) or re.fullmatch(IPv6v4Full, text):
        return True
    groups = len([group for group in text.split(":") if group])
    if re.fullmatch(IPv6Comp, text):
        return groups <= 6
    return re.fullmatch(IPv6v4Comp, text) is not None and groups - 1 <= 4


#: Local-part, domain, route.
Reading = tuple[str, str, tuple[str, ...]]


def mailbox(octets: bytes, *, utf8: bool, is_u_label: Callable[[str], bool] = lambda _: True) -> Reading | None:
    """What a mailbox says; None for what is none.  `is_u_label` knows IDNA2008, which the ABNF takes for granted."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _mailbox(text, utf8, is_u_label, ()) if len(octets) <= 254 else None


def _mailbox(text: str, utf8: bool, is_u_label: Callable[[str], bool], route: tuple[str, ...]) -> Reading | None:
    match = re.fullmatch(rf"({_local_part(utf8)})@(?:({_domain(utf8)})|\[([^\[\]]*)\])", text)
    if match is None:
        return None
    local_part, domain, literal = match.groups()
    if len(local_part.encode()) > 64:
        return None
    if literal is not None and not is_literal(literal):
        return None
    if domain is not None and not _labels_fit(domain, is_u_label):
        return None
    if local_part[0] == '"':
        local_part = re.sub(r"\\(.)", r"\1", local_part[1:-1])
    return local_part, domain if domain is not None else f"[{literal}]", route


def _labels_fit(domain: str, is_u_label: Callable[[str], bool]) -> bool:
    labels = domain.split(".")
    return all(len(label) <= 63 if label.isascii() else is_u_label(label) for label in labels)


def path(octets: bytes, *, utf8: bool, is_u_label: Callable[[str], bool] = lambda _: True) -> Reading | None:
    """What `Path` says: brackets, source route and all; neither the null path nor Postmaster alone is one."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return None
    match = re.fullmatch(rf"<(?:((?:@{_domain(utf8)})(?:,@{_domain(utf8)})*):)?(.*)>", text, re.DOTALL)
    if match is None or len(octets) > 256:
        return None
    route = tuple(host[1:] for host in match[1].split(",")) if match[1] else ()
    if not all(_labels_fit(host, is_u_label) for host in route):
        return None
    return _mailbox(match[2], utf8, is_u_label, route)
