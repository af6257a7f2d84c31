"""The message that is coming in: DATA's dotted text or BDAT's chunks, checked as it passes, judged at its end."""

from __future__ import annotations

from typing import Final

from smtpcore import replies
from smtpcore.content import PIECE, ChunkDecoder, ContentDecoder, NewlinePolicy
from smtpcore.events import Reason
from smtpcore.lines import ReceiveBuffer
from smtpcore.replies import Reply
from smtpcore.value import Value

_REJECT: Final = NewlinePolicy.REJECT


class Verdict(Value):
    """Why a message is refused by the library itself, and how it is answered."""

    reason: Reason
    reply: Reply


TOO_BIG = Verdict(Reason.TOO_BIG, replies.MESSAGE_TOO_BIG)
BARE_NEWLINE = Verdict(Reason.BARE_NEWLINE, replies.BARE_NEWLINE)
LONG_LINE = Verdict(Reason.LONG_LINE, replies.Reply(500, "Text line too long", "5.5.2"))


class Reception:
    """One message on its way in.  Whatever becomes of it, it is read to its true end (RFC 5321 4.5.3.1.9)."""

    __slots__ = ("_limit", "_newlines", "_read", "text", "verdict", "whole")

    def __init__(self, text: ContentDecoder | ChunkDecoder, limit: int | None, newlines: NewlinePolicy) -> None:
        #: What reads the octets: it has their number (`size`), and says when text or chunk are over (`finished`).
        self.text = text
        self._read = text.feed if isinstance(text, ContentDecoder) else text.take
        self._limit = limit
        self._newlines = newlines
        #: Set as soon as the message is known to be refused; nothing more of it is given out then.
        self.verdict: Verdict | None = None
        #: Whether the end of the message has come.
        self.whole = False

    @classmethod
    def dotted(cls, limit: int | None, newlines: NewlinePolicy, max_line: int | None) -> Reception:
        """The text behind 354 (RFC 5321 4.1.1.4)."""
        return cls(ContentDecoder(newlines, max_line), limit, newlines)

    @classmethod
    def chunked(
        cls, limit: int | None, newlines: NewlinePolicy, max_line: int | None = None, *, binary: bool
    ) -> Reception:
        """Chunks (RFC 3030 2); `binary` when BODY=BINARYMIME lets any octet, and lines of any length, through."""
        return cls(ChunkDecoder(binary, max_line), limit, NewlinePolicy.KEEP if binary else newlines)

    def begin_chunk(self, size: int) -> None:
        """A chunk follows.  One that is known to be too big is refused before its first octet, and still read."""
        assert isinstance(self.text, ChunkDecoder)
        self.text.begin(size)
        if self._limit is not None and self.text.size + size > self._limit:
            self.verdict = self.verdict or TOO_BIG

    def take(self, buffer: ReceiveBuffer) -> bytes:
        """Read what is there; gives the content in it, `b""` when none or when the message is refused already."""
        data, stop = self._read(buffer.data, buffer.start, PIECE)
        buffer.consume_to(stop)
        if self.verdict is not None:
            return b""
        limit = self._limit
        if limit is not None and self.text.size > limit:
            self.verdict = TOO_BIG
            return data[: limit - self.text.size]  # the same octets, whatever pieces they came in
        return data

    def end(self) -> None:
        """The message is whole: judge what was noted on the way."""
        self.whole = True
        text = self.text
        if isinstance(text, ChunkDecoder):
            text.end()
        if self.verdict is None:
            if self._newlines is _REJECT and (text.has_bare_cr or text.has_bare_lf):
                self.verdict = BARE_NEWLINE  # only now: a text is refused at its true end (S-DATA-06)
            elif text.has_long_line:
                self.verdict = LONG_LINE

    def offences(self) -> tuple[str, ...]:
        """Names of what was odd and let through."""
        text = self.text
        if not (text.has_8bit or text.has_bare_cr or text.has_bare_lf or text.has_nul):
            return ()
        found = (
            ("bare_cr", text.has_bare_cr),
            ("bare_lf", text.has_bare_lf),
            ("nul", text.has_nul),
            ("8bit", text.has_8bit),
        )
        return tuple(name for name, there in found if there)
