"""Receive buffer: lines in linear time, octet limits that no segmentation can move.

Only CR LF ends a line (RFC 5321 2.3.8).  A search resumes where the last one stopped and the buffer is consumed by
offset; octets that cannot be read yet are gathered without touching what is there.  A line past its limit is swallowed
in constant memory and reported once, when its end has come.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Mapping

from smtpcore.errors import LocalProtocolError

#: Octets kept of a line that is too long, for the log.
KEPT: Final = 64


class LineFault(Enum):
    """What can be wrong with a line as such."""

    #: Longer than its limit; its CRLF has come, the next line is in step.
    TOO_LONG = "too long"
    #: So long without CRLF that the peer does not speak lines at all; nothing after it is in step.
    ENDLESS = "endless"


class LineLimits:
    """Largest line taken, in octets with its CRLF: `base`, and a larger one for the verbs in `verbs` (upper case).

    Raises `LocalProtocolError` for a `base` under 66: the first 64 octets of a line must tell which limit is its.
    """

    __slots__ = ("base", "endless", "verbs")

    def __init__(self, base: int, verbs: Mapping[bytes, int] | None = None, *, endless: int = 65536) -> None:
        if base < KEPT + 2:
            raise LocalProtocolError(f"a limit of lines is {KEPT + 2} octets or more")
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

    __slots__ = ("_data", "_ends", "_more", "_scanned", "_skipped", "kept", "start")

    def __init__(self) -> None:
        #: The unread octets from `start` on: the first 64 of all at least, the rest is in `_more`.
        self._data: bytes = b""
        #: Offset in `_data` of the first octet that is unread; at its end there is none.
        self.start = 0
        #: First octets of the line reported last as too long.
        self.kept: bytes = b""
        self._more: bytearray | None = None  # copied to `_data` once, when it is needed
        self._ends = False  # whether `_more` holds the end of a line
        self._scanned = 0  # no CRLF begins before this offset of `_data`
        self._skipped = 0  # octets of an over-long line that were thrown away already

    def __len__(self) -> int:
        """Unread octets held."""
        held = len(self._data) - self.start
        return held + len(self._more) if self._more else held

    @property
    def data(self) -> bytes:
        """What holds the unread octets; only those from `start` on are unread."""
        if self._more:
            self._refill()
        return self._data

    def feed(self, data: bytes) -> None:
        """Add what came from the peer."""
        start = self.start
        held = len(self._data) - start
        if not held:
            self._data = data
            self.start = self._scanned = 0
        elif held < KEPT:
            self._data = self._data[start:] + data
            self._scanned -= start
            self.start = 0
        else:
            # Many small pieces, as a slow peer sends them or while an answer is owed: no copy of what is held.
            more = self._more
            if more is None:
                more = self._more = bytearray()
            before = more[-1:] or self._data[-1:]
            self._ends = self._ends or (before == b"\r" and data[:1] == b"\n") or b"\r\n" in data
            more += data

    def next_line(self, limits: LineLimits) -> bytes | LineFault | None:
        """The next line without its CRLF; `None` when it is not whole yet."""
        end = self._data.find(b"\r\n", self._scanned)
        if end < 0:
            if not self._ends:
                return self._unfinished(limits)
            self._refill()
            end = self._data.find(b"\r\n", self._scanned)
        data, start = self._data, self.start
        if self._more:
            self.consume_to(end + 2)
        elif end + 2 == len(data):
            self._data = b""
            self.start = self._scanned = 0
        else:
            self.start = self._scanned = end + 2
        size = end - start + 2 + self._skipped
        if size <= limits.base:
            return data[start:end]
        if not self._skipped:
            head = data[start : start + KEPT]
            if size <= limits.of(head):
                return data[start:end]
            self.kept = head
        self._skipped = 0
        return LineFault.TOO_LONG if size <= limits.endless else LineFault.ENDLESS

    def _unfinished(self, limits: LineLimits) -> LineFault | None:
        """No CRLF in sight: remember how far was searched, and let go of what is too long already."""
        size = len(self._data) - self.start
        if self.start:  # what was read is let go: an idle connection keeps nothing of it
            self._data = self._data[self.start :]
            self.start = self._scanned = 0
        if not size:
            return None
        self._scanned = size - self._data.endswith(b"\r")
        # A last CR may be half of the CRLF that makes the line just fit.
        cr = (self._more or self._data).endswith(b"\r")
        held = len(self) - cr
        if not self._skipped:
            if held + 2 <= limits.base:
                return None
            head = self._data[self.start : self.start + KEPT]
            if held + 2 <= limits.of(head):
                return None
            self.kept = head
        self._skipped += held
        self._data = b"\r" if cr else b""
        self._more = None
        self.start = self._scanned = 0
        if self._skipped + 2 > limits.endless:
            self._skipped = 0
            return LineFault.ENDLESS
        return None

    def _refill(self) -> None:
        """Put all that is unread into one piece."""
        self._data = self._data[self.start :] + (self._more or b"")
        self._scanned -= self.start
        self.start = 0
        self._more = None
        self._ends = False

    def peek(self, size: int) -> bytes:
        """The next `size` octets, at most 64 (fewer when fewer came), left in place."""
        return self._data[self.start : self.start + size]

    def has_line(self) -> bool:
        """Whether a whole line is held."""
        return self._ends or self._data.find(b"\r\n", self._scanned) >= 0

    def consume_to(self, offset: int) -> None:
        """Mark everything before `offset` of `data` as read; `data` and `start` may be others afterwards."""
        over = offset - len(self._data)
        self.start = self._scanned = offset
        if self._more and over > -KEPT:
            self._refill()
            self.start = self._scanned = max(over, 0)
        elif not over:
            self._data = b""
            self.start = self._scanned = 0

    def clear(self) -> None:
        """Forget everything held."""
        self._data = b""
        self._more = None
        self._ends = False
        self.start = self._scanned = self._skipped = 0
