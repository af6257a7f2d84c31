"""The small pieces: a line to its event, a chunk of content, a value, the import."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from smtpcore import ServerConnection
from smtpcore.commands import Mail, parse
from smtpcore.content import ContentDecoder, ContentEncoder
from smtpcore.parameters import NO_PARAMETERS
from smtpcore.value import Value
from tests.benchmarks import adapters, home
from tests.benchmarks.content_speed import pieces_of, seconds, stuffed, text_of
from tests.benchmarks.tables import Facts, Table, compare, cpu_seconds, figure, median, rounds, spread

MAIL = b"MAIL FROM:<sender@example.org>"
RCPT = b"RCPT TO:<recipient@example.net>"
PARAMETERS = b" SIZE=1000 BODY=8BITMIME RET=HDRS"
#: What the lines are compared with: four octets looked up, and one expression for all that the verb takes.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
_PATH = rf"<(?:@{_HOST}(?:,@{_HOST})*:)?(?:({_ATOM}(?:\.{_ATOM})*|{_QUOTED})@({_HOST}|\[[!-Z^-~]+\]))?>"
_TAIL = r"((?: [A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~]+)?)*)\Z"
_EXPRESSIONS = {
    b"MAIL": re.compile(rf"(?i:MAIL FROM):{_PATH}{_TAIL}".encode()),
    b"RCPT": re.compile(rf"(?i:RCPT TO):{_PATH}{_TAIL}".encode()),
}
#: What that takes for a line where the goals were set, in microseconds; and plain copying, in GB/s.
YARDSTICK_US, COPY_GBS = 0.9, 7.0


def one_expression(line: bytes) -> tuple[bytes, bytes, dict[str, str]] | None:
    """The yardstick."""
    found = _EXPRESSIONS[line[:4].upper()].match(line)
    if found is None:
        return None
    local_part, domain, tail = found.groups()
    if not tail:
        return local_part, domain, {}
    params: dict[str, str] = {}
    for word in tail.decode().split():
        keyword, _, value = word.partition("=")
        params[keyword.upper()] = value
    return local_part, domain, params


class Sample(Value):
    """Three fields, as an event has them."""

    first: int
    second: str
    third: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frozen:
    first: int
    second: str
    third: tuple[str, ...]


@dataclass(slots=True)
class Open:
    first: int
    second: str
    third: tuple[str, ...]


class Named(NamedTuple):
    first: int
    second: str
    third: tuple[str, ...]


def per_call(call: Callable[[], object], count: int, factor: float = 1.0) -> float:
    """Microseconds for a call, without the loop; times `factor`."""

    def loop() -> None:
        for _ in range(count):
            call()

    def empty() -> None:
        for _ in range(count):
            pass

    return (cpu_seconds(loop) - cpu_seconds(empty)) / count * 1e6 * factor


def event_of(line: bytes) -> Callable[[int], float]:
    """Microseconds from a line to its event through a whole connection, the answer not counted.

    The line is one of many that came in one read; every question is answered before the next pull.
    """
    settings = adapters.settings()
    before = [b"EHLO c.example.org\r\n"] if line.startswith(b"MAIL") else [b"EHLO c.example.org\r\n", MAIL + b"\r\n"]

    def once(count: int) -> float:
        conn = ServerConnection(settings=settings)
        for data in (b"", *before):
            conn.receive_data(data) if data else None
            for event in conn.events():
                conn.accept(event)  # type: ignore[arg-type]  # all of these are questions
            conn.data_to_send()
        again = line.startswith(b"MAIL")
        conn.receive_data((line + b"\r\n" + (b"RSET\r\n" if again else b"")) * count)

        def pull() -> None:
            for _ in range(count):
                event = conn.next_event()
                assert event is not None
                conn.accept(event)  # type: ignore[arg-type]
                if again:
                    conn.next_event()
                    conn.next_event()

        return cpu_seconds(pull) / count * 1e6

    return once


def lines(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    count = int(20000 * options.scale)
    cases = {"MAIL": MAIL, "RCPT": RCPT, "MAIL, three parameters": MAIL + PARAMETERS}
    language = adapters.settings().language
    ways: dict[str, Callable[[], float]] = {}
    for name, line in cases.items():
        ways[f"{name}: one expression"] = partial(per_call, partial(one_expression, line), count)
        ways[f"{name}: parse"] = partial(per_call, partial(parse, line, language), count)
    through = {"RCPT": event_of(RCPT)}
    for name, event in through.items():
        # Up to the limit of recipients, again and again.
        ways[f"{name}: question and answer"] = partial(event, 900)
    samples = rounds(ways, options.runs)
    made = Table("A line to its event", ["", "us", "spread", "x one expression"])
    for name, values in samples.items():
        base = median(samples[f"{name.partition(':')[0]}: one expression"])
        made.add(name, f"{median(values):.2f}", spread(values), figure(median(values) / base))
    facts: Facts = {}
    unit = median(samples["MAIL: one expression"]) / YARDSTICK_US
    for key, name in (("mail", "MAIL"), ("rcpt", "RCPT"), ("params", "MAIL, three parameters")):
        facts[f"line.{key}"] = median(samples[f"{name}: parse"]) / unit
    return [made], facts


def values(options: argparse.Namespace) -> Table:
    count = int(100000 * options.scale)
    third = ("x",)
    makers: dict[str, Callable[[], object]] = {
        "tuple": lambda: (1, "a", third),
        "slotted dataclass, not frozen": lambda: Open(1, "a", third),
        "named tuple": lambda: Named(1, "a", third),
        "frozen slotted dataclass": lambda: Frozen(1, "a", third),
        "Value, by users": lambda: Sample(1, "a", third),
        "Value, by the parser": lambda: Sample._make(1, "a", third),
        "a Mail, by the parser": lambda: Mail._make(None, NO_PARAMETERS, ()),
    }
    ways = {name: partial(per_call, make, count, 1e3) for name, make in makers.items()}
    references = ["slotted dataclass, not frozen", "frozen slotted dataclass"]
    return compare("A value of three fields", rounds(ways, options.runs), "ns", references)


#: What the encoder would be without its checks: one expression that begins with a literal.
_DOT_LINE = re.compile(rb"\r\n\.")
_TEXTS = {"none": "no dots at all (base64)", "tenth": "a tenth dot lines", "all": "all dot lines"}


def content(options: argparse.Namespace) -> tuple[Table, Facts]:
    header = ["", "GB/s", f"where copying makes {COPY_GBS:g}"]
    note = "What only doubles dots shows what the encoder's checks of line ends cost."
    made = Table("Content in memory, pieces of 64 KiB", header, note)
    facts: Facts = {}
    for way, wire, make in (
        ("decode", True, lambda: ContentDecoder().feed),
        ("encode", False, lambda: ContentEncoder(max_line=None).encode),
        ("double dots, nothing checked", False, lambda: partial(_DOT_LINE.sub, rb"\r\n..")),
    ):
        for key, kind in _TEXTS.items():
            text = text_of(kind, int(8e6 * options.scale))
            pieces = pieces_of(stuffed(text) if wire else text, 65536)
            octets = sum(map(len, pieces))
            copy = octets / seconds(lambda: lambda piece: bytes(bytearray(piece)), pieces, options.runs) / 1e9
            speed = octets / seconds(make, pieces, options.runs) / 1e9
            if way in ("decode", "encode"):
                facts[f"content.{way}.{key}"] = speed / copy * COPY_GBS
            made.add(f"{way}, {kind}", figure(speed), figure(speed / copy * COPY_GBS))
    return made, facts


def imports(options: argparse.Namespace) -> tuple[Table, Facts]:
    """CPU milliseconds of a Python that imports us, less that of a Python that does nothing."""
    import resource

    def used(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], cwd=home.ROOT, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3

    codes = {"bare Python": "pass", "import smtpcore": "import smtpcore", "import smtplib": "import smtplib"}
    samples = rounds({name: partial(used, code) for name, code in codes.items()}, max(options.runs, 5))
    made = Table("Import", ["", "CPU ms", "over bare Python"])
    bare = min(samples["bare Python"])
    for name, found in samples.items():
        made.add(name, f"{min(found):.1f}", f"{min(found) - bare:.1f}")
    return made, {"import": min(samples["import smtpcore"]) - bare}


def run(options: argparse.Namespace) -> tuple[list[Table], Facts]:
    tables, facts = lines(options)
    tables.append(values(options))
    for part in (content, imports):
        made, found = part(options)
        tables.append(made)
        facts |= found
    return tables, facts
