"""Ordered replies: one for each command, leaving in the order of the commands whatever the order of the answers.

RFC 2920 3.2 (1) wants the order.  A slot is opened for a command and filled later; replies behind an unfilled slot
wait.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")


class Slot(Generic[K]):
    """The place of one reply; `wire` is `None` until it is filled."""

    __slots__ = ("key", "positive", "wire")

    def __init__(self, key: K) -> None:
        self.key = key
        self.wire: bytes | None = None
        self.positive = False


class Slots(Generic[K]):
    """Slots in the order in which they were opened."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[Slot[K]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def open(self, key: K) -> None:
        """A reply will be given for `key`, behind all that were opened before."""
        self._queue.append(Slot(key))

    def find(self, key: object) -> Slot[K] | None:
        """The unfilled slot of this very key (by identity)."""
        for slot in self._queue:
            if slot.key is key and slot.wire is None:
                return slot
        return None

    def unfilled(self) -> list[K]:
        """Keys whose reply is still owed."""
        return [slot.key for slot in self._queue if slot.wire is None]

    def ready(self) -> list[Slot[K]]:
        """Take away and give the filled slots at the head."""
        taken: list[Slot[K]] = []
        while self._queue and self._queue[0].wire is not None:
            taken.append(self._queue.popleft())
        return taken

    def clear(self) -> None:
        """Forget all."""
        self._queue.clear()
