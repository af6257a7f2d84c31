"""From the typed values of smtpcore to the plain ones of the vectors, and the extensions by their keywords."""

from __future__ import annotations

import pkgutil
from enum import Enum
from functools import cache
from importlib import import_module

import smtpcore.extensions
from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.extensions.base import Extension
from smtpcore.extensions.dsn import OriginalRecipient
from smtpcore.parameters import Parameter, Parameters


@cache
def extension_classes() -> dict[str, type[Extension]]:
    """Every extension of the package, by its EHLO keyword."""
    for module in pkgutil.iter_modules(smtpcore.extensions.__path__):
        import_module(f"{smtpcore.extensions.__name__}.{module.name}")
    found: dict[str, type[Extension]] = {}
    waiting = list(Extension.__subclasses__())
    while waiting:
        member = waiting.pop()
        waiting += member.__subclasses__()
        if member.keyword and "_fields" in vars(member):  # a public class, not the draft under it
            found[member.keyword.upper()] = member
    return found


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
