"""Reading ``Retry-After``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway_safetyamp.remote.retry_after import retry_after_seconds

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0.40235 ", 0.40235),
        ("2.", 2.0),
        ("0", 0.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),
        (None, None),
        ("", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("soon", None),
        ("Tue, 99 Nov 2023 22:00:00 GMT", None),
    ],
)
def test_whole_and_fractional_seconds_and_dates_are_understood(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text(max_size=60))
def test_any_text_gives_a_wait_or_nothing(text: str) -> None:
    wait = retry_after_seconds(text, NOW)
    assert wait is None or wait >= 0
