"""How fast message octets pass: `python -m tests.benchmarks.content_speed --help`.

Each case is a text cut into pieces; a row gives GB/s (10^9 octets a second), and the part of the speed of a plain copy
(`bytes(bytearray(piece))`) in the same run.  Absolute figures say something about the machine, ratios about the code.
The last table doubles hostile inputs: a time that more than doubles is not linear.
"""

from __future__ import annotations

import argparse
import gc
import smtplib
import time
from collections.abc import Callable, Sequence

from smtpcore.content import ChunkDecoder, ContentDecoder, ContentEncoder, NewlinePolicy

Feed = Callable[[bytes], object]


def text_of(kind: str, size: int) -> bytes:
    """About `size` octets of one kind of text, in lines of 76 octets where there are lines."""
    alphabet = b"abcdefghijklmnopqrstuvwxyz" * 2
    units = {
        "no dots at all (base64)": alphabet + b"0123456789+/0123456789\r\n",
        "dots inside the lines": alphabet[:40] + b". " + alphabet[:32] + b"\r\n",
        "a tenth dot lines": b"." + b"x" * 73 + b"\r\n" + (b"x" * 74 + b"\r\n") * 9,
        "all dot lines": b"." + b"x" * 73 + b"\r\n",
        "lines of one octet": b"x\r\n",
    }
    return (units[kind] * (size // len(units[kind]) + 1))[:size]


TEXTS = (
    "no dots at all (base64)",
    "dots inside the lines",
    "a tenth dot lines",
    "all dot lines",
    "lines of one octet",
)
HOSTILE = {
    "CR only": b"\r",
    "LF only": b"\n",
    "CRLF only": b"\r\n",
    "dots only": b".",
    "stuffed dots only": b"..\r\n",
    "CRLF dot CR": b"\r\n.\r",
    "NUL only": b"\0",
    "one endless line": b"x",
}


def pieces_of(text: bytes, width: int) -> list[bytes]:
    return [text[i : i + width] for i in range(0, len(text), width)]


def seconds(make: Callable[[], Feed], pieces: Sequence[bytes], repeat: int) -> float:
    """Best processor time of some runs; what comes out is dropped at once."""
    best = float("inf")
    for _ in range(repeat):
        feed = make()
        gc.collect()
        begin = time.process_time()
        for piece in pieces:
            feed(piece)
        best = min(best, time.process_time() - begin)
    return best


def stuffed(text: bytes) -> bytes:
    encoder = ContentEncoder(NewlinePolicy.KEEP, max_line=None)
    return encoder.encode(text)


def one_line_at_a_time() -> Feed:
    """A receiver as it is usually written: no check of newlines, pieces end with a line."""

    def feed(piece: bytes) -> bytes:
        return b"".join([line[1:] if line.startswith(b".") else line for line in piece.splitlines(keepends=True)])

    return feed


def chunk_feed(binary: bool) -> Feed:
    decoder = ChunkDecoder(binary)
    decoder.begin(1 << 62)
    return decoder.take


RECEIVERS: dict[str, Callable[[], Feed]] = {
    "decoder": lambda: ContentDecoder().feed,
    "decoder, repair": lambda: ContentDecoder(NewlinePolicy.REPAIR).feed,
    "decoder, max_line=1000": lambda: ContentDecoder(max_line=1000).feed,
    "peer: a loop over lines": one_line_at_a_time,
    "BDAT": lambda: chunk_feed(False),
    "BDAT, binary": lambda: chunk_feed(True),
}
SENDERS: dict[str, Callable[[], Feed]] = {
    "encoder": lambda: ContentEncoder().encode,
    "encoder, max_line=None": lambda: ContentEncoder(max_line=None).encode,
    "encoder, keep, max_line=None": lambda: ContentEncoder(NewlinePolicy.KEEP, max_line=None).encode,
    "peer: smtplib.quotedata": lambda: lambda piece: smtplib.quotedata(piece.decode("latin-1")).encode("latin-1"),
}


def throughput(title: str, ways: dict[str, Callable[[], Feed]], wire: bool, options: argparse.Namespace) -> None:
    print(f"\n{title}, pieces of {options.piece} octets: GB/s (part of a plain copy)")
    for kind in TEXTS:
        text = text_of(kind, options.size)
        pieces = pieces_of(stuffed(text) if wire else text, options.piece)
        octets = sum(map(len, pieces))
        copy = seconds(lambda: lambda piece: bytes(bytearray(piece)), pieces, options.repeat)
        print(f"  {kind}: copy {octets / copy / 1e9:.1f}")
        for name, make in ways.items():
            taken = seconds(make, pieces, options.repeat)
            print(f"    {name:<30} {octets / taken / 1e9:6.2f}  ({copy / taken:.3f})")


def single_octets(options: argparse.Namespace) -> None:
    pieces = pieces_of(text_of("a tenth dot lines", 100_000), 1)
    print("\nOne octet at a time: microseconds for each")
    for name, make in (*RECEIVERS.items(), *SENDERS.items()):
        print(f"  {name:<32} {seconds(make, pieces, options.repeat) / len(pieces) * 1e6:6.2f}")


def growth(options: argparse.Namespace) -> None:
    print("\nHostile input, decoder under REPAIR with max_line: GB/s, and the time of twice as much (2 is linear)")
    for name, unit in HOSTILE.items():
        for width in (options.piece, options.size * 2):
            times = []
            for size in (options.size // 2, options.size):
                pieces = pieces_of(unit * (size // len(unit)), width)
                decoder = lambda: ContentDecoder(NewlinePolicy.REPAIR, max_line=1000).feed  # noqa: E731
                times.append(seconds(decoder, pieces, options.repeat))
            label = f"{name}, {'one piece' if width > options.size else 'pieces'}"
            print(f"  {label:<32} {options.size / times[1] / 1e9:6.2f}  x {times[1] / times[0]:.2f}")


SECTIONS = ("receive", "send", "octets", "growth")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.content_speed", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--size", type=int, default=8_000_000, help="octets of each text (default: %(default)s)")
    parser.add_argument("--piece", type=int, default=65_536, help="octets of each piece (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=5, help="runs, of which the best counts (default: %(default)s)")
    options = parser.parse_args(arguments)
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    wanted = options.sections or SECTIONS
    if "receive" in wanted:
        throughput("Receiving", RECEIVERS, True, options)
    if "send" in wanted:
        throughput("Sending", SENDERS, False, options)
    if "octets" in wanted:
        single_octets(options)
    if "growth" in wanted:
        growth(options)


if __name__ == "__main__":
    main()
