"""Server sessions: `smtpcore.server` with a host that answers as the case says."""

from __future__ import annotations

from tests.vectors.adapters.server_engine import Host
from tests.vectors.cases import Adapter
from tests.vectors.judges import server

ADAPTER = Adapter(
    kind="server_sessions",
    judge=lambda case, cut: server.judge(case, cut, Host),
    keys=frozenset("id title category config steps delivered contentious note source".split()),
)
