"""What the right answer is, in a few lines each that share nothing with the library."""

from __future__ import annotations


def ended_text(wire: bytes) -> tuple[bytes | None, bytes]:
    """The text behind 354 with its stuffed dots off, and what follows its end; `None` when the end has not come.

    RFC 5321 4.1.1.4, 4.5.2: the text ends at CRLF.CRLF, the first CRLF being that of the DATA line; nothing else ends.
    """
    marked = b"\r\n" + wire
    end = marked.find(b"\r\n.\r\n")
    if end < 0:
        return None, b""
    lines = marked[: end + 2].split(b"\r\n")[1:]
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines), marked[end + 5 :]


def check_position(position: int, octets: bytes) -> None:
    """The position that an error names is one of the input, or its end."""
    assert 0 <= position <= len(octets), position


def plain_text(text: bytes) -> bytes:
    """The text with every CR, LF and CRLF made CRLF."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
