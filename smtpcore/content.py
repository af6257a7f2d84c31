"""Message octets: transparency (dot-stuffing) both ways, and the octets of BDAT chunks.

RFC 5321 section 4.5.2 (transparency), 4.1.1.4 (the end of the data), 2.3.8 (lines end in CRLF only), RFC 3030
section 2 (BDAT).  The data end only at CRLF "." CRLF, or at "." CRLF as the very first line; no policy and no option
of this module changes that, which is what keeps two messages from being read out of one (SMTP smuggling).

All work per octet is done by C code of the interpreter; nothing here loops over lines or octets in Python.  Between
two calls at most two octets are held back, so memory is that of the piece at hand.
"""

from __future__ import annotations

import enum
import re
from io import IncrementalNewlineDecoder

from smtpcore.errors import LocalProtocolError

#: Octets of text that are worked on at once: what fits into the caches of a processor.
PIECE = 65536
_DOT = 46
_CRLF = b"\r\n"
_END = b"\r\n.\r\n"
_UNDECIDED = b"\r\n."  # a piece that ends in one of these octets needs a closer look
# Patterns that begin with a literal octet run fastest; a class or a lookbehind in front costs a factor of ten.
_DOT_LINE = re.compile(rb"\r\n\.")
_END_OF_DATA = re.compile(rb"\r\n\.\r\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")
_CLEAN = (None, "\r\n")  # what `IncrementalNewlineDecoder.newlines` says of text without a bare CR or LF


class NewlinePolicy(enum.Enum):
    """What becomes of a CR without LF, or an LF without CR, in message text (RFC 5321 2.3.8, 4.1.1.4).

    No member lets such an octet end the data.
    """

    #: Sending: `BareNewline` is raised.  Receiving: noted, to be refused once the true end has come.
    REJECT = "reject"
    #: Left as it is; noted when receiving.  Who sends so must know that the receiver is strict.
    KEEP = "keep"
    #: Made CRLF; noted when receiving.
    REPAIR = "repair"


_REJECT, _KEEP, _REPAIR = NewlinePolicy  # looked up for each message, which costs (CPython 3.11)


class Offence(enum.Flag):
    """What message text held that plain 7-bit text may not; which of it matters depends on what BODY= declared."""

    NONE = 0
    #: A CR that no LF follows.
    BARE_CR = 1
    #: An LF that no CR precedes.
    BARE_LF = 2
    #: An octet 0.
    NUL = 4
    #: An octet above 127 (legal with BODY=8BITMIME).
    EIGHT_BIT = 8
    #: A line above the limit.
    LONG_LINE = 16


class UnsendableContent(LocalProtocolError):
    """Text handed over for sending holds what may not be sent; nothing of that piece was taken.

    `offence` is what was found; `position` its offset in octets from the start of the content (for a long line, that
    of the line).  The text never quotes the content.
    """

    def __init__(self, text: str, offence: Offence, position: int) -> None:
        super().__init__(text, offence, position)
        self.text = text
        self.offence = offence
        self.position = position

    def __str__(self) -> str:
        return f"{self.text} (octet {self.position} of the content)"


class BareNewline(UnsendableContent):
    """Text to be sent holds a CR without LF or an LF without CR, which RFC 5321 2.3.8 forbids to send."""


class _LineMeter:
    """Finds a line of more than `limit` octets, CRLF counted, in text that comes in pieces.

    No piece may end between CR and LF.  `end` octets will follow each line that is open still, at least.
    """

    __slots__ = ("end", "limit", "line")

    def __init__(self, limit: int, end: int = 0) -> None:
        if limit < 1000:  # B-LIM-06
            raise LocalProtocolError("the limit for a text line must be 1000 octets or more (RFC 5321 4.5.3.1.6)")
        self.limit, self.end = limit, end
        self.line = 0  # octets since the last CRLF

    def find(self, text: bytes) -> int | None:
        """Where in `text` the first over-long line begins (negative: in an earlier piece), or None.

        A window as long as the limit must hold a CRLF.  The search runs backwards: a step passes many short lines.
        """
        limit, size, rfind = self.limit, len(text), text.rfind
        begin, begun = 0, self.line
        while begun + size - begin > limit:
            last = rfind(_CRLF, begin, begin + limit - begun)
            if last < 0:
                return begin - begun
            begin, begun = last + 2, 0
        last = rfind(_CRLF, begin)
        if last >= 0:
            begin, begun = last + 2, 0
        line = begun + size - begin
        if line + self.end > limit:
            return begin - begun
        self.line = line
        return None


class _Inspector:
    """Notes what message text holds, whatever pieces it comes in: the common part of the two receiving ends."""

    __slots__ = ("_scanner", "has_8bit", "has_bare_cr", "has_bare_lf", "has_long_line", "has_nul", "size")

    def __init__(self) -> None:
        #: Octets of content given out so far.
        self.size: int = 0
        #: Whether a CR without LF has come.
        self.has_bare_cr = False
        #: Whether an LF without CR has come.
        self.has_bare_lf = False
        #: Whether an octet 0 has come.
        self.has_nul = False
        #: Whether an octet above 127 has come.
        self.has_8bit = False
        #: Whether a line above the limit has come.
        self.has_long_line = False
        # Not for I/O: of the C code in the standard library this tells a bare CR or LF fastest, in one pass, and it
        # keeps a CR at the end of a piece in mind until the next piece.
        self._scanner = IncrementalNewlineDecoder(None, False)

    @property
    def offences(self) -> Offence:
        """All that was noted so far, as one value."""
        cr_lf = self.has_bare_cr + 2 * self.has_bare_lf
        return Offence(cr_lf + 4 * self.has_nul + 8 * self.has_8bit + 16 * self.has_long_line)

    def _inspect(self, text: bytes, final: bool) -> bool:
        """Note what `text` holds; return whether a bare CR or LF came since the scanner was reset.

        `final`: a CR at the end of `text` is a bare one, whatever comes.
        """
        if not self.has_8bit and not text.isascii():
            self.has_8bit = True
        if not self.has_nul and b"\0" in text:
            self.has_nul = True
        self._scanner.decode(text.decode("latin-1"), final)
        found = self._scanner.newlines
        if found in _CLEAN:
            return False
        kinds = found if isinstance(found, tuple) else (found,)
        self.has_bare_cr = self.has_bare_cr or "\r" in kinds
        self.has_bare_lf = self.has_bare_lf or "\n" in kinds
        return True


class ContentDecoder(_Inspector):
    """Undoes the transparency of DATA (RFC 5321 4.5.2): octets of the wire in, content out, until the data end.

    `policy` says what is given out for a bare CR or LF.  Under REJECT, too, the text is given out as it came: the
    caller refuses the message when all of it has come, because of `has_bare_cr` or `has_bare_lf`, and so stays in
    step with the client (S-DATA-06).  `max_line` is the length in octets, CRLF counted and a stuffed dot not, above
    which a line sets `has_long_line`; None: no limit; below 1000: `LocalProtocolError`.

    `finished` is true once the data have ended; what `feed` gave out by then is the whole content.
    """

    __slots__ = ("_at_line_start", "_held", "_meter", "_repair", "finished")

    def __init__(self, policy: NewlinePolicy = NewlinePolicy.REJECT, max_line: int | None = None) -> None:
        super().__init__()
        self.finished = False
        self._repair = policy is _REPAIR
        self._meter = None if max_line is None else _LineMeter(max_line)
        self._at_line_start = True  # S-CMD-DATA-13: the CRLF of the DATA line counts
        self._held = b""  # CR, or at the start of a line "." or "." CR: the next octet decides

    def feed(
        self, buffer: bytes | bytearray | memoryview, start: int = 0, most: int | None = None
    ) -> tuple[bytes, int]:
        """Take the octets of `buffer` from offset `start` on; return content and the offset after what was taken.

        Everything is taken (`most` octets, if given), up to the end of the data; what follows that is the next
        command's (S-DATA-15).  Once `finished`, nothing is taken.
        """
        size = len(buffer)
        if self.finished or start >= size:
            return b"", start
        if most is not None and start + most < size:
            size = start + most
        held = self._held
        if not held:
            return self._decode(buffer, start, size)
        self._held = b""
        work = held + bytes(buffer[start:size])
        text, taken = self._decode(work, 0, len(work))
        return text, start + taken - len(held)

    def _decode(self, work: bytes | bytearray | memoryview, begin: int, size: int) -> tuple[bytes, int]:
        """Decode `work`, which nothing is held back in front of, from offset `begin` to `size`."""
        stop = size
        if self._at_line_start and work[begin] == _DOT:
            after = bytes(work[begin + 1 : min(begin + 3, size)])
            if after == _CRLF:
                self.finished = True
                return b"", begin + 3
            if _CRLF.startswith(after):
                self._held = b"." + after
                return b"", size
            begin += 1  # S-DATA-03: this dot goes, and only this
        if work[size - 5 : size] == _END:  # a text that is here whole, as most are: one search says so
            first = _DOT_LINE.search(work, begin, size)
            if first is not None and first.start() == size - 5:
                self.finished = True
                return self._give_out(bytes(work[begin : size - 3])), size
        if work[size - 1] in _UNDECIDED:
            stop -= self._hold(bytes(work[max(size - 4, begin) : size]))
        else:
            self._at_line_start = False
        dots = False
        # A piece of base64 has no dot at all, which one memchr tells.
        if isinstance(work, memoryview) or work.find(b".", begin, stop) >= 0:
            first = _DOT_LINE.search(work, begin, stop)
            if first is not None:
                dots = True
                end = _END_OF_DATA.search(work, first.start(), stop)
                if end is not None:
                    self.finished = True
                    dots = end.start() > first.start()
                    stop, size = end.start() + 2, end.end()
        text = bytes(work[begin:stop])
        return self._give_out(_replaced(text, _CRLF) if dots else text), size

    def _hold(self, tail: bytes) -> int:
        """Hold back what the next octet decides, given the last octets (four, if there are); return how many."""
        if tail.endswith(b"\r"):
            held = b".\r" if tail == b"\r\n.\r" else b"\r"
        else:
            held = b"." if tail.endswith(b"\r\n.") else b""
        self._held = held
        self._at_line_start = held.startswith(b".") or tail.endswith(_CRLF)
        return len(held)

    def _give_out(self, text: bytes) -> bytes:
        # Taking a stuffed dot away leaves CR and LF as they were next to each other: looking at the content is
        # looking at the wire.  A CR is held back, so one that still ends `text` has another CR behind it.
        if self._inspect(text, final=True) and self._repair:
            self._scanner.reset()  # so that it speaks of the next piece alone
            text = _repaired(text)
        if self._meter is not None and not self.has_long_line and self._meter.find(text) is not None:
            self.has_long_line = True
        self.size += len(text)
        return text


class ChunkDecoder(_Inspector):
    """Counts the octets of the BDAT chunks of one message (RFC 3030 2) and notes what they hold.

    The octets pass unchanged, whatever they are.  One object serves all chunks of a message, because CR may be the
    last octet of one chunk and LF the first of the next.  With `binary` (BODY=BINARYMIME) nothing is looked at.
    `max_line` is as for `ContentDecoder`.
    """

    __slots__ = ("_binary", "_cr", "_meter", "finished", "remaining")

    def __init__(self, binary: bool = False, max_line: int | None = None) -> None:
        super().__init__()
        self._binary = binary
        self._meter = None if max_line is None else _LineMeter(max_line)
        self._cr = b""  # the CR at the end of what was measured, which may be half of a CRLF
        #: Octets of the chunk that have not come yet.
        self.remaining = 0
        #: Whether the chunk is over.
        self.finished = True

    def begin(self, size: int) -> None:
        """A chunk of `size` octets follows."""
        self.remaining = size
        self.finished = not size

    def take(
        self, buffer: bytes | bytearray | memoryview, start: int = 0, most: int | None = None
    ) -> tuple[bytes, int]:
        """Take octets of the chunk (`most` of them, if given) from `buffer`, offset `start` on; return them and the
        offset after them."""
        size = self.remaining if most is None or most > self.remaining else most
        text = bytes(buffer[start : start + size])
        self.remaining -= len(text)
        self.finished = not self.remaining
        self.size += len(text)
        if not self._binary:
            self._inspect(text, final=False)
            if self._meter is not None:
                self._measure(self._meter, self._cr + text)
        return text, start + len(text)

    def _measure(self, meter: _LineMeter, text: bytes) -> None:
        self._cr = text[-1:] if text.endswith(b"\r") else b""
        if meter.find(text.removesuffix(b"\r")) is not None:
            self.has_long_line = True

    def end(self) -> None:
        """The last chunk is over: a CR at its very end is a bare one."""
        self._inspect(b"", final=True)
        if self._cr and self._meter is not None and self._meter.find(self._cr) is not None:
            self.has_long_line = True


class ChunkEncoder:
    """Holds text that is sent by BDAT to canonical CRLF (RFC 3030 2); nothing is stuffed and nothing marks the end.

    `policy`: what becomes of a bare CR or LF.  `seven_bit`: refuse octets above 127, as for a server without
    8BITMIME (RFC 5321 2.4).  `allow_nul`: False refuses octets 0, which neither 7BIT nor 8BITMIME text may hold (RFC
    2045 2.7, 2.8).  `max_line`: refuse longer lines, in octets with CRLF (RFC 5321 4.5.3.1.6 says 1000, and that is
    the least that can be set, or `LocalProtocolError`); None: no limit.
    """

    __slots__ = ("_allow_nul", "_held", "_meter", "_policy", "_scanner", "_seven_bit", "finished", "size")

    def __init__(
        self,
        policy: NewlinePolicy = NewlinePolicy.REJECT,
        *,
        seven_bit: bool = False,
        allow_nul: bool = True,
        max_line: int | None = None,
    ) -> None:
        #: Octets of content given out so far, stuffed dots and the end mark not counted.
        self.size = 0
        #: Whether `finish` was called.
        self.finished = False
        self._policy = policy
        self._seven_bit = seven_bit
        self._allow_nul = allow_nul
        self._meter = None if max_line is None else _LineMeter(max_line)
        self._held = b""  # a CR that the next octet decides about
        self._scanner = IncrementalNewlineDecoder(None, False)

    def encode(self, chunk: bytes) -> bytes:
        """The octets to send for the next piece of content, cut anywhere.  A CR at its end waits for the next piece.

        Raises `BareNewline` under `NewlinePolicy.REJECT`, `UnsendableContent` for what the other options forbid; then
        nothing was taken.  `LocalProtocolError` after `finish`.
        """
        self._check_open()
        text = self._held + chunk if self._held else chunk
        held = b""
        if text.endswith(b"\r"):
            text, held = text[:-1], b"\r"
        text = self._checked(text)
        self._held = held
        self.size += len(text)
        return text

    def finish(self) -> bytes:
        """The octets that complete the content; raises as `encode` does, for a CR that was the last octet."""
        self._check_open()
        text = self._checked(self._held)
        self.finished = True
        self.size += len(text)
        return text

    def _check_open(self) -> None:
        if self.finished:
            raise LocalProtocolError("the content was finished: make a new encoder for the next message")

    def _checked(self, text: bytes) -> bytes:
        """`text` as the policy has it; no state changes when this raises."""
        if self._seven_bit and not text.isascii():
            position = self.size + next(_EIGHT_BIT.finditer(text)).start()
            raise UnsendableContent("8-bit content needs 8BITMIME", Offence.EIGHT_BIT, position)
        if not self._allow_nul and b"\0" in text:
            raise UnsendableContent("an octet 0 in text", Offence.NUL, self.size + text.index(b"\0"))
        if self._policy is not _KEEP:
            scanner = self._scanner
            scanner.decode(text.decode("latin-1"), True)
            if scanner.newlines not in _CLEAN:
                scanner.reset()
                if self._policy is _REJECT:
                    raise _bare_newline(text, self.size)
                text = _repaired(text)
        if self._meter is not None:
            begin = self._meter.find(text)
            if begin is not None:
                raise UnsendableContent("a text line is too long", Offence.LONG_LINE, self.size + begin)
        return text


class ContentEncoder(ChunkEncoder):
    """Makes content transparent for DATA (RFC 5321 4.5.2): content in, octets of the wire out, with the end mark.

    A line that begins with a dot gets one more.  Under REJECT and REPAIR every receiver, also one that takes a bare
    LF for the end of a line, sees one end of the data.  Lines above 1000 octets are refused unless `max_line` says
    otherwise (C-LIM-07).
    """

    __slots__ = ("_at_line_start",)

    def __init__(
        self,
        policy: NewlinePolicy = NewlinePolicy.REJECT,
        *,
        seven_bit: bool = False,
        allow_nul: bool = True,
        max_line: int | None = 1000,
    ) -> None:
        super().__init__(policy, seven_bit=seven_bit, allow_nul=allow_nul, max_line=max_line)
        self._meter = None if max_line is None else _LineMeter(max_line, 2)  # a last line without CRLF gets one
        self._at_line_start = True

    def encode(self, chunk: bytes) -> bytes:
        """The octets to send for the next piece of content; raises as `ChunkEncoder.encode` does."""
        text = super().encode(chunk)
        return self._stuffed(text) if text else text

    def finish(self) -> bytes:
        """The end of the data, after a CRLF if the content lacks its own (C-CMD-DATA-12)."""
        text = super().finish()
        wire = self._stuffed(text) if text else text
        return wire + (b".\r\n" if self._at_line_start else b"\r\n.\r\n")

    def _stuffed(self, text: bytes) -> bytes:
        first = self._at_line_start and text.startswith(b".")
        self._at_line_start = text.endswith(_CRLF)
        if b"." in text:
            text = _replaced(text, b"\r\n..")
            if first:
                text = b"." + text
        return text


def encode_clean(content: bytes, max_line: int | None) -> bytes | None:
    """What `ContentEncoder` makes of a whole content of ASCII text with which nothing is wrong, in one step.

    `None`: something may be wrong, or has to be done, and the encoder says what.
    """
    if not content.isascii() or 0 in content:
        return None
    scanner = IncrementalNewlineDecoder(None, False)
    scanner.decode(content.decode("ascii"), True)
    if scanner.newlines not in _CLEAN:
        return None
    if max_line is not None and len(content) > max_line - 2 and _LineMeter(max_line, 2).find(content) is not None:
        return None
    ended = content.endswith(_CRLF) or not content
    if _DOT in content:
        content = (b"." if content.startswith(b".") else b"") + _replaced(content, b"\r\n..")
    return content + (b".\r\n" if ended else b"\r\n.\r\n")


def _replaced(text: bytes, new: bytes) -> bytes:
    """`text` with `new` for each CR LF dot, piece by piece."""
    size = len(text)
    if size <= PIECE:
        return _replaced_piece(text, new)
    pieces: list[bytes] = []
    begin = 0
    while begin < size:
        end = begin + PIECE
        # No piece ends within what is looked for.
        end += 2 * text.startswith(b"\r\n.", end - 1) + text.startswith(b"\r\n.", end - 2)
        pieces.append(_replaced_piece(text[begin:end], new))
        begin = end
    return b"".join(pieces)


def _replaced_piece(text: bytes, new: bytes) -> bytes:
    """The pattern is faster where such lines are rare or of common length, but it keeps a list of all that lies
    between them: with nothing but short dot lines that is forty times the text, so then `replace` does it."""
    result, count = _DOT_LINE.subn(new, text, 1000)
    return result if count < 1000 else text.replace(b"\r\n.", new)


def _repaired(text: bytes) -> bytes:
    """`text` with each bare CR and each bare LF made CRLF."""
    return text.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)


def _bare_newline(text: bytes, before: int) -> BareNewline:
    """The error for the first bare CR or LF in `text`, which has one; `before`: octets of content before it."""
    cr, lf = _BARE_CR.search(text), _BARE_LF.search(text)
    at_cr = len(text) if cr is None else cr.start()
    at_lf = len(text) if lf is None else lf.start()
    if at_cr < at_lf:
        return BareNewline("CR without LF in the content", Offence.BARE_CR, before + at_cr)
    return BareNewline("LF without CR in the content", Offence.BARE_LF, before + at_lf)
