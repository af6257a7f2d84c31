"""From the typed values of smtpcore to the plain ones of the vectors, and the extensions by their keywords."""

from __future__ import annotations

from enum import Enum
from functools import cache

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.extensions.base import Extension
from smtpcore.extensions.deliverby import DeliverBy
from smtpcore.extensions.dsn import OriginalRecipient
from smtpcore.extensions.known import KNOWN
from smtpcore.extensions.rrvs import ValidSince
from smtpcore.parameters import Parameter, Parameters


@cache
def known_extensions() -> dict[str, Extension]:
    """Every extension of the package, by its EHLO keyword."""
    return {extension.keyword.upper(): extension for extension in KNOWN}


def address_text(path: ReversePath | ForwardPath) -> str:
    """An address as the vectors write decoded ones: no quotes, no brackets, no route; empty for the null path."""
    if path.local_part is None:
        return ""
    return path.local_part if path.domain is None else f"{path.local_part}@{path.domain}"


def plain(value: object) -> object:
    """A typed parameter value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, OriginalRecipient):
        return {"type": value.address_type.lower(), "address": value.address}
    if isinstance(value, DeliverBy):
        return {"seconds": value.seconds, "mode": value.mode, "trace": value.trace}
    if isinstance(value, ValidSince):
        return {"since": value.since, "no_support": value.no_support or None}
    if isinstance(value, ReversePath):
        return address_text(value) or None
    if isinstance(value, (tuple, list)):
        return [plain(member) for member in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(plain(member)) for member in value)
    return value


def decoded(parameters: Parameters, declared: dict[str, Parameter[object]]) -> dict[str, object]:
    """Typed values by upper-case keyword; what is not declared stays as it was written."""
    table: dict[str, object] = {}
    for keyword, value in parameters:
        parameter = declared.get(keyword.upper())
        table[keyword.upper()] = value if parameter is None else plain(parameter.parse(value))
    return table
