"""Tables of measurements: medians, how far they spread, and ratios within one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

#: What a section found: a key of `goals` to the ratio or figure that it is about.
Facts = dict[str, float]
#: By competitor: one figure for each round.
Samples = Mapping[str, Sequence[float]]

OURS = "smtpcore"


class Table:
    """A title, a header and rows of text; `note` says what was done."""

    def __init__(self, title: str, header: Sequence[str], note: str = "") -> None:
        self.title = title
        self.note = note
        self.header = list(header)
        self.rows: list[list[str]] = []

    def add(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])

    def markdown(self, level: int = 2) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        text = [f"{'#' * level} {self.title}", ""]
        if self.note:
            text += [self.note, ""]
        for number, line in enumerate(lines):
            text.append("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
            if number == 0:
                text.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join([*text, ""])


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """How far the rounds lie apart, in percent of the median."""
    return f"{100 * (max(values) - min(values)) / median(values):.0f} %" if len(values) > 1 else "-"


def ratio(samples: Samples, name: str, reference: str) -> float | None:
    """Median of `name` by that of `reference`; `None` when one of them is missing."""
    if not samples.get(name) or not samples.get(reference):
        return None
    return median(samples[name]) / median(samples[reference])


def figure(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def compare(title: str, samples: Samples, unit: str, references: Iterable[str], note: str = "") -> Table:
    """One row for each competitor: median, spread, and how it stands to each of the references."""
    references = [name for name in references if samples.get(name)]
    table = Table(title, ["", unit, "spread", *(f"x {name}" for name in references)], note)
    for name, values in samples.items():
        if values:
            ratios = [figure(ratio(samples, name, reference)) for reference in references]
            table.add(name, f"{median(values):.4g}", spread(values), *ratios)
    return table


def cpu_seconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    gc.collect()
    begin = time.process_time()
    call()
    return time.process_time() - begin


def rounds(ways: Mapping[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """Run every way once to warm up, then all of them by turns, so that a busy moment meets all alike."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(count):
        for name, way in ways.items():
            samples[name].append(way())
    return samples


def note_ratio(facts: Facts, key: str, samples: Samples, reference: str, name: str = OURS) -> None:
    """Keep the ratio as a fact, when both were measured."""
    found = ratio(samples, name, reference)
    if found is not None:
        facts[key] = found
