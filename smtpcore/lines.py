"""Receive buffer: lines in linear time, octet limits that no segmentation can move.

Only CR LF ends a line (RFC 5321 2.3.8).  A search resumes where the last one stopped and the buffer is consumed by
offset.  A line past its limit is swallowed in constant memory and reported once, when its end has come.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Mapping

#: Octets kept of a line that is too long, for the log.
KEPT: Final = 64


class LineFault(Enum):
    """What can be wrong with a line as such."""

    #: Longer than its limit; its CRLF has come, the next line is in step.
    TOO_LONG = "too long"
    #: So long without CRLF that the peer does not speak lines at all.
    ENDLESS = "endless"


class LineLimits:
    """Largest line taken, in octets with its CRLF: `base`, and another for the verbs in `verbs` (upper case)."""

    __slots__ = ("base", "endless", "verbs")

    def __init__(self, base: int, verbs: Mapping[bytes, int] | None = None, *, endless: int = 65536) -> None:
        self.base = base
        self.verbs = dict(verbs or {})
        self.endless = max(endless, base, *self.verbs.values())

    def of(self, start: bytes) -> int:
        """The limit of the line that begins with these octets."""
        for verb, limit in self.verbs.items():
            size = len(verb)
            if start[:size].upper() == verb and start[size : size + 1] in b" ":
                return limit
        return self.base


class ReceiveBuffer:
    """Octets that came and were not consumed yet."""

    __slots__ = ("_scanned", "_skipped", "data", "kept", "start")

    def __init__(self) -> None:
        #: What holds the unread octets; only those from `start` on are unread.
        self.data: bytes = b""
        self.start = 0
        #: First octets of the line reported last as too long.
        self.kept: bytes = b""
        self._scanned = 0
        self._skipped = 0  # octets of an over-long line that were thrown away already

    def __len__(self) -> int:
        """Unread octets held."""
        return len(self.data) - self.start

    def feed(self, data: bytes) -> None:
        """Add what came from the peer."""
        start = self.start
        if start >= len(self.data):
            self.data = data
            self._scanned = 0
        else:
            self.data = self.data[start:] + data
            self._scanned -= start
        self.start = 0

    def next_line(self, limits: LineLimits) -> bytes | LineFault | None:
        """The next line without its CRLF; `None` when it is not whole yet."""
        start = self.start
        end = self.data.find(b"\r\n", self._scanned if self._scanned > start else start)
        if end < 0:
            return self._unfinished(limits)
        size = end - start + 2 + self._skipped
        self.start = self._scanned = end + 2
        if size <= limits.base or (not self._skipped and size <= limits.of(self.data[start : start + KEPT])):
            return self.data[start:end]
        if not self._skipped:
            self.kept = self.data[start : start + KEPT]
            if size <= limits.endless:
                return LineFault.TOO_LONG
            return LineFault.ENDLESS
        self._skipped = 0
        return LineFault.TOO_LONG if size <= limits.endless else LineFault.ENDLESS

    def _unfinished(self, limits: LineLimits) -> LineFault | None:
        """No CRLF in sight: remember how far was searched, and let go of what is too long already."""
        held = len(self.data) - self.start
        # A last CR may be half of the CRLF that makes the line just fit.
        cr = self.data.endswith(b"\r") and held > 0
        self._scanned = len(self.data) - cr
        if not self._skipped:
            if held - cr + 2 <= limits.base:
                return None
            if held - cr + 2 <= limits.of(self.data[self.start : self.start + KEPT]):
                return None
            self.kept = self.data[self.start : self.start + KEPT]
        self._skipped += held - cr
        self.data = b"\r" if cr else b""
        self.start = self._scanned = 0
        if self._skipped + 2 > limits.endless:
            self._skipped = 0
            return LineFault.ENDLESS
        return None

    def peek(self, size: int) -> bytes:
        """The next `size` octets (fewer when fewer came), left in place."""
        return self.data[self.start : self.start + size]

    def has_line(self) -> bool:
        """Whether a whole line is held."""
        return self.data.find(b"\r\n", self._scanned if self._scanned > self.start else self.start) >= 0

    def consume_to(self, offset: int) -> None:
        """Mark everything before `offset` of `data` as read."""
        self.start = self._scanned = offset

    def clear(self) -> None:
        """Forget everything held."""
        self.data = b""
        self.start = self._scanned = self._skipped = 0
