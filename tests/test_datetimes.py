"""Date-times of RFC 3339 5.6, as ESMTP parameters carry them."""

from __future__ import annotations

import calendar
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.datetimes import is_date_time
from smtpcore.testing import strategies as make


@pytest.mark.rule("X-RRVS-01", "X-FUTURERELEASE-05")
@given(make.date_times())
def test_what_exists_is_taken(text: str) -> None:
    assert is_date_time(text)
    assert is_date_time(text, utc=True) is text.endswith("Z")


@pytest.mark.rule("X-RRVS-01", "X-FUTURERELEASE-05")
@pytest.mark.parametrize(
    "text",
    [
        "2014-04-03T23:01:00Z",
        "2014-04-03T23:01:00+00:00",
        "2003-07-01T10:52:37-23:59",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1990-12-31T23:59:60Z",  # a leap second
        "2000-02-29T00:00:00Z",
    ],
)
def test_examples(text: str) -> None:
    assert is_date_time(text)


@pytest.mark.rule("X-RRVS-01", "X-FUTURERELEASE-05")
@pytest.mark.parametrize(
    "text",
    [
        "", "2014-04-03", "2014-04-03T23:01:00", "2014-04-03T23:01:00.5Z", "2014-04-03t23:01:00Z",
        "2014-04-03T23:01:00z", "2014-04-03 23:01:00Z", "2014-4-3T23:01:00Z", "14-04-03T23:01:00Z",
        "2014-04-03T23:01Z", "2014-04-03T24:00:00Z", "2014-04-03T23:60:00Z", "2014-04-03T23:01:61Z",
        "2014-00-03T23:01:00Z", "2014-13-03T23:01:00Z", "2014-04-00T23:01:00Z", "2014-04-31T23:01:00Z",
        "2014-02-30T00:00:00Z", "2014-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2014-04-03T23:01:00+24:00",
        "2014-04-03T23:01:00+00:60", "2014-04-03T23:01:00+0000", "2014-04-03T23:01:00+00", "2014-04-03T23:01:00Z\n",
        " 2014-04-03T23:01:00Z", "\u0662014-04-03T23:01:00Z", "2014-04-03T23:01:0\u0660Z", "+014-04-03T23:01:00Z",
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(text: str) -> None:
    assert not is_date_time(text)


@pytest.mark.rule("X-FUTURERELEASE-05")
def test_utc_alone() -> None:
    assert is_date_time("2014-04-03T23:01:00Z", utc=True)
    assert not is_date_time("2014-04-03T23:01:00+00:00", utc=True)


def test_the_calendar() -> None:
    for year, month in itertools.product((1900, 1996, 2000, 2014, 2100, 2400), range(1, 13)):
        last = calendar.monthrange(year, month)[1]
        for day in range(1, 33):
            assert is_date_time(f"{year}-{month:02}-{day:02}T00:00:00Z") is (day <= last)


@given(st.text(st.sampled_from("0123456789-:TZ+.\u0660"), min_size=18, max_size=26))
def test_nothing_raises(text: str) -> None:
    assert is_date_time(text) in (True, False)
