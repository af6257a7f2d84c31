"""`smtpcore.client` before hostile servers, and with arguments that must not reach the wire."""

from __future__ import annotations

from tests.vectors.adapters.client_engine import Sender
from tests.vectors.cases import Adapter
from tests.vectors.judges import hostile_client

ADAPTER = Adapter(
    kind="smtp-hostile-client/1",
    judge=lambda case, cut: hostile_client.judge(case, cut, Sender),
    keys=frozenset("id class why source client_intent server_says must contentious note".split()),
)
