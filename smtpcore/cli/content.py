"""The message that `send` sends: read once to learn what MAIL must announce, then as often as it is sent."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from typing import IO, Final, Iterator

from smtpcore.cli import Trouble
from smtpcore.content import ChunkEncoder, NewlinePolicy, UnsendableContent
from smtpcore.extensions.planning import header_needs_utf8

#: Octets of standard input that are kept in memory; what is larger goes to a temporary file.
SPOOL: Final = 1 << 20
#: Octets read at a time.
PIECE: Final = 1 << 16


class Content:
    """A message in a file or on standard input (`-`), never as a whole in memory.  Use it in a `with`.

    `size` counts octets after the repair of line ends; `eight_bit` and `utf8` (header fields) say what it needs of
    the server.  Raises `Trouble` for what cannot be read or must not be sent.
    """

    def __init__(self, name: str, newlines: NewlinePolicy, *, binary: bool) -> None:
        self._stack = ExitStack()
        try:
            self._file = self._open(name)
            self._measure(newlines, binary=binary)
        except (OSError, UnsendableContent) as error:
            self._stack.close()
            reason = error.strerror if isinstance(error, OSError) else error
            raise Trouble(f"{'standard input' if name == '-' else name}: {reason}") from None

    def _open(self, name: str) -> IO[bytes]:
        if name != "-":
            file: IO[bytes] = self._stack.enter_context(open(name, "rb"))  # noqa: SIM115 - the stack closes it
            if file.seekable():
                return file
        else:
            file = sys.stdin.buffer
        spool = self._stack.enter_context(tempfile.SpooledTemporaryFile(max_size=SPOOL))  # noqa: SIM115
        while piece := file.read(PIECE):
            spool.write(piece)
        return spool

    def _measure(self, newlines: NewlinePolicy, *, binary: bool) -> None:
        keep = newlines is NewlinePolicy.KEEP or binary
        encoder = ChunkEncoder(NewlinePolicy.KEEP if binary else newlines, allow_nul=keep)
        self.eight_bit = False
        start = bytearray()
        for piece in self.pieces():
            text = encoder.encode(piece)
            self.eight_bit = self.eight_bit or not text.isascii()
            if len(start) < PIECE:
                start += text
        encoder.finish()
        self.size = encoder.size
        self.utf8 = header_needs_utf8(bytes(start))

    def __enter__(self) -> Content:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def pieces(self) -> Iterator[bytes]:
        """Its octets from the start."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece
