"""Not driven yet."""

from __future__ import annotations

from tests.vectors.cases import Adapter

ADAPTER = Adapter(
    kind="smtp-hostile-client/1", judge=lambda case, cut: [], missing="the connections are not written yet"
)
