"""Hypothesis strategies for replies, enhanced status codes and EHLO responses."""

from __future__ import annotations

from hypothesis import strategies as st

from smtpcore.capabilities import Capabilities
from smtpcore.enhanced import EnhancedCode
from smtpcore.replies import Reply

#: What RFC 5321 4.2 calls textstring: HT and printable ASCII.
TEXT_ALPHABET = "\t" + "".join(map(chr, range(0x20, 0x7F)))
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def enhanced_codes(class_: int | None = None) -> st.SearchStrategy[EnhancedCode]:
    """Enhanced status codes, half of them registered; of one class if wanted."""
    classes = st.sampled_from((2, 4, 5)) if class_ is None else st.just(class_)
    number = st.integers(0, 999)
    details = st.sampled_from(sorted(EnhancedCode.registry)) | st.tuples(number, number)

    def build(first: int, rest: tuple[int, int]) -> EnhancedCode:
        return EnhancedCode(first, *rest)

    return st.builds(build, classes, details)


def reply_codes(classes: str = "2345") -> st.SearchStrategy[int]:
    """Codes that a server may send, with these first digits."""
    digits = st.tuples(st.sampled_from(classes), st.sampled_from("012345"), st.sampled_from("0123456789"))
    return digits.map(lambda three: int("".join(three)))


def reply_texts(*, utf8: bool = False, max_size: int = 60) -> st.SearchStrategy[str]:
    """Text of one line, of at most `max_size` characters; also texts that look like codes."""
    everything = st.characters(min_codepoint=0xA0, exclude_categories=("Cs", "Cc"))
    alphabet = st.sampled_from(TEXT_ALPHABET) | everything if utf8 else st.sampled_from(TEXT_ALPHABET)
    lookalike = st.sampled_from(("2.0.0", "5.1.1 no", "4.7.12 later", "250-a", "250 a", "-", "5.1.1  two", "6.0.0 x"))
    return st.text(alphabet, max_size=max_size) | lookalike


def replies(
    *, classes: str = "2345", utf8: bool = False, max_lines: int = 4, max_size: int = 60
) -> st.SearchStrategy[Reply]:
    """Replies that a server may send, with and without enhanced code."""

    def build(code: int, lines: list[str], enhanced: EnhancedCode | None) -> Reply:
        if enhanced is None or code // 100 == 3:
            return Reply(code, lines)
        return Reply(code, lines, EnhancedCode(code // 100, enhanced.subject, enhanced.detail))

    texts = reply_texts(utf8=utf8, max_size=max_size)
    lines = st.lists(texts, min_size=1, max_size=max_lines)
    return st.builds(build, reply_codes(classes), lines, st.none() | enhanced_codes())


def reply_octets() -> st.SearchStrategy[bytes]:
    """Octets that are nearly replies, for parsers that must never fail in an unforeseen way."""
    code = st.sampled_from(
        (b"250", b"251", b"334", b"354", b"421", b"550", b"199", b"600", b"25", b"2500", b"\xb2\xb5\xb0")
    )
    mark = st.sampled_from((b" ", b"-", b"", b"\t"))
    text = st.binary(max_size=12) | st.sampled_from((b"OK", b"5.1.1 no", b"2.0.0", b"2.1.5 a <b@c>"))
    end = st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""))
    line = st.builds(lambda *parts: b"".join(parts), code, mark, text, end)
    return st.lists(line, max_size=4).map(b"".join)


def ehlo_keywords() -> st.SearchStrategy[str]:
    """Keywords of the grammar, known and unknown, in any case (RFC 5321 4.1.1.1)."""
    known = st.sampled_from(("SIZE", "AUTH", "PIPELINING", "8BITMIME", "StartTLS", "dsn", "LIMITS"))
    any_ = st.text(st.sampled_from(_ALPHANUMERIC + "-"), min_size=1, max_size=10)
    return known | any_.map(lambda text: "X" + text)


def capabilities() -> st.SearchStrategy[Capabilities]:
    """What a server may offer, as the reader of its reply sees it."""
    parameters = st.lists(st.text(st.sampled_from(_PRINTABLE), min_size=1, max_size=8), max_size=3)
    greets = st.text(st.sampled_from(TEXT_ALPHABET), max_size=10).map(lambda text: text.strip(" \t"))
    return st.builds(
        Capabilities.of,
        st.sampled_from(("mx.example.org", "localhost", "[192.0.2.1]", "SIZE")),
        st.dictionaries(ehlo_keywords(), parameters, max_size=6),
        greets,
    )
