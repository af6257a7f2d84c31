"""RFC 3339 date-times as ESMTP parameters carry them, checked but kept as text (no clock, no time zone data)."""

from __future__ import annotations

import re
from typing import Final

_DATE_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(Z|[+-]([0-9]{2}):([0-9]{2}))"
)
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_date_time(text: str, *, utc: bool = False) -> bool:
    """Whether this is a date-time without fraction (RFC 3339 5.6) that exists in the calendar; `utc`: ending in Z."""
    found = _DATE_TIME.fullmatch(text)
    if found is None or (utc and found[7] != "Z"):
        return False
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month == 2 and day == 29 and not leap:
        return False
    if found[8] is not None and (int(found[8]) > 23 or int(found[9]) > 59):
        return False
    return hour <= 23 and minute <= 59 and second <= 60
