"""Client sessions: `smtpcore.delivery` on `smtpcore.client`, with orders that say what the case wants."""

from __future__ import annotations

from tests.vectors.adapters.client_engine import Sender
from tests.vectors.cases import Adapter
from tests.vectors.judges import client_dialog

ADAPTER = Adapter(
    kind="client_sessions",
    judge=lambda case, cut: client_dialog.judge(case, cut, Sender),
    keys=frozenset("id title category intent dialog result contentious note source".split()),
)
