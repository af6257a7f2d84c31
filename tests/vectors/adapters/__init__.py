"""One module per kind of vectors.  Each drives this library and is the only code here that knows its names."""

from __future__ import annotations

from importlib import import_module

from tests.vectors.cases import Adapter, UnknownFormat

#: The kind (or the format, for the hostile files) a file names itself by, and the module that runs it.
KINDS = {
    "addresses": "addresses",
    "commands": "commands",
    "replies": "replies",
    "server_sessions": "server_sessions",
    "client_sessions": "client_sessions",
    "smtp-hostile-server/1": "hostile_server",
    "smtp-hostile-client/1": "hostile_client",
}


def adapter_for(kind: str) -> Adapter:
    """Raises `UnknownFormat` for a kind that has no module."""
    if kind not in KINDS:
        raise UnknownFormat(f"unknown kind or format {kind!r}; known: {', '.join(KINDS)}")
    adapter: Adapter = import_module(f"{__name__}.{KINDS[kind]}").ADAPTER
    return adapter
