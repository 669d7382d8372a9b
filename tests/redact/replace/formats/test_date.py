"""Dates move by whole days and keep their notation."""

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats.date import shifted, shifted_epoch

DAYS = st.integers(-365, 365)


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2024-03-01", "2024-02-29"),
        ("2024/03/01", "2024/02/29"),
        ("2024.03.01", "2024.02.29"),
        ("20240301", "20240229"),
        ("20240301T101112Z", "20240229T101112Z"),
        ("2024-03-01T10:11:12.123456789+02:00", "2024-02-29T10:11:12.123456789+02:00"),
        ("2024-03-01 10:11", "2024-02-29 10:11"),
        ("2024-03-01 10:11:12 UTC", "2024-02-29 10:11:12 UTC"),
        ("01.03.2024", "29.02.2024"),
        ("01.03.2024, 10:11", "29.02.2024, 10:11"),
        ("Fri, 01 Mar 2024 10:11:12 GMT", "Thu, 29 Feb 2024 10:11:12 GMT"),
        ("Fri, 01-Mar-2024 10:11:12 GMT", "Thu, 29-Feb-2024 10:11:12 GMT"),
        ("1 Mar 2024 10:11:12 +0200", "29 Feb 2024 10:11:12 +0200"),
    ],
)
def test_a_day_earlier(text, moved):
    assert shifted(text, -1) == moved


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), DAYS)  # noqa: DTZ001 - the zone is added below
def test_other_readers_see_the_same_move(moment, days):
    moment = moment.replace(tzinfo=UTC)
    assert datetime.fromisoformat(shifted(moment.isoformat(), days)) == moment + timedelta(days)
    mail = shifted(format_datetime(moment, usegmt=True), days)
    assert parsedate_to_datetime(mail) == moment.replace(microsecond=0) + timedelta(days)
    assert mail[:3] == (moment + timedelta(days)).strftime("%a")


@given(st.integers(200_000_000, 4_000_000_000), st.sampled_from(["", "123", "123456", "123456789"]), DAYS)
def test_seconds_and_parts_of_them(seconds, parts, days):
    made = shifted_epoch(f"{seconds}{parts}", days)
    assert made is None or int(made) - int(f"{seconds}{parts}") == days * 86400 * 10 ** len(parts)
    assert made is not None or len(str(seconds + days * 86400)) != len(str(seconds))


@pytest.mark.parametrize(
    "text", ["", "2024-02-30", "2024-03/01", "03/04/2024", "2024", "2024-3-1", "Fri", "32 Mar 2024 10:11", "1709251200"]
)
def test_what_is_none_or_could_be_two_is_not_moved(text):
    assert shifted(text, -1) is None


def test_nothing_is_moved_beyond_the_calendar():
    assert shifted(date.min.isoformat(), -1) is None
    assert shifted_epoch("12", 1) is None
