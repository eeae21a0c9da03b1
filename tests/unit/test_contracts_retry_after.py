"""The ``Retry-After`` header."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.retry_after import retry_after_seconds

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        (" 7 ", 7.0),
        ("0.25", 0.25),
        ("1.", 1.0),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90.0),
        ("Thu, 01 Jan 2026 12:01:30 -0000", 90.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
    ],
)
def test_numbers_fractions_and_dates(header: str, seconds: float) -> None:
    assert retry_after_seconds(header, NOW_NS) == seconds


@pytest.mark.parametrize(
    "header", [None, "", "-5", "soon", "nan", "inf", "1e9", "1_000", "٣", "12345678901", "Thu, 01"]
)
def test_what_makes_no_sense_is_none(header: str | None) -> None:
    assert retry_after_seconds(header, NOW_NS) is None


@given(st.text())
def test_no_text_is_an_error(header: str) -> None:
    seconds = retry_after_seconds(header, NOW_NS)
    assert seconds is None or seconds >= 0


@given(st.integers(946_684_800, 4_102_444_800).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_every_date_is_understood(moment: datetime) -> None:
    seconds = retry_after_seconds(format_datetime(moment, usegmt=True), NOW_NS)
    assert seconds == max(0.0, (moment - NOW).total_seconds())
