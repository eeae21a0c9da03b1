"""Times on the command line: spans, dates, and what is neither."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import click
import pytest

from busway.cli.times import span_seconds, until_ns
from busway.errors import UsageError

NOW = int(datetime(2026, 11, 1, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
HOUR = 3_600_000_000_000


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which clocks are set back an hour on 2026-11-01, and stand five behind UTC after that."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2h", 2),
        ("30m", 0.5),
        ("1h30m", 1.5),
        (" 7d ", 168),
        ("2026-11-02T06:00Z", 18),
        ("2026-11-02T06:00+01:00", 17),
        ("2026-11-02", 17),
        ("2026-11-02 06:00", 23),
        ("20261102T060000", 23),
    ],
)
def test_a_pause_ends_when_people_say(new_york: None, text: str, hours: float) -> None:
    assert until_ns(text, NOW) - NOW == hours * HOUR


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2020-01-01", "that is over"),
        ("2026-11-01T07:00", "that is over"),
        ("0s", "that is over"),
        ("2036-12-01", "more than ten years away"),
        ("11y", "it is none of"),
        ("tomorrow", "it is none of"),
        ("2026", "it is none of"),
        ("90", "it is none of"),
        ("", "it is none of"),
        ("2026-13-01", "it is none of"),
        ("9999-12-31T23:59:59-23:59", "it is none of"),
    ],
)
def test_what_is_no_end_of_a_pause_is_refused_with_the_reason(new_york: None, text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        until_ns(text, NOW)
    problem = caught.value.problem
    assert (problem.code, problem.where) == ("BW7014", "--until")
    assert why in problem.why
    assert "2026-12-01T06:00" in problem.fix


OPTION = click.Option(["--older-than"])
CONTEXT = click.Context(click.Command("list"))


def test_spans_have_a_unit() -> None:
    assert span_seconds(CONTEXT, OPTION, None) is None
    assert span_seconds(CONTEXT, OPTION, "7d") == 604_800
    for wrong in ("7", "a week", "-1h"):
        with pytest.raises(click.BadParameter):
            span_seconds(CONTEXT, OPTION, wrong)
