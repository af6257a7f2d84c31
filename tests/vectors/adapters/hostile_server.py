"""Hostile input to `smtpcore.server`, at its defaults."""

from __future__ import annotations

from tests.vectors.adapters.server_engine import Host
from tests.vectors.cases import Adapter
from tests.vectors.judges import hostile_server

ADAPTER = Adapter(
    kind="smtp-hostile-server/1",
    judge=lambda case, cut: hostile_server.judge(case, cut, Host),
    keys=frozenset(
        "id class why source config steps must default_messages strict_closed stream contentious note".split()
    ),
)
