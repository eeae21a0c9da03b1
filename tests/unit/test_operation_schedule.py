"""The ``[schedule]`` table, and the moments it means."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from busway.errors import ConfigurationError
from busway.operation.calendar import SECOND, latest_slot, next_slot
from busway.operation.schedule_policy import JobSchedule, SchedulePolicy

JOBS = ("departments", "employees")
DENVER = ZoneInfo("America/Denver")


def where(*path: str) -> str:
    return f"busway.toml:{'.'.join(path)}"


def read(**table: Any) -> SchedulePolicy:
    return SchedulePolicy.from_table(table, JOBS, where, 0)


def problems(**table: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        read(**table)
    return [(one.code, one.what, one.where) for one in caught.value.problems]


def at(text: str, fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=DENVER, fold=fold).timestamp()) * SECOND


def test_what_is_said_of_all_jobs_holds_for_each_and_a_job_has_the_last_word() -> None:
    policy = read(interval="15m", jitter="30s", employees={"cron": "0 6 * * *", "timezone": "America/Denver"})
    assert policy.of("departments") == JobSchedule(interval_seconds=900, jitter_seconds=30)
    assert policy.of("employees") == JobSchedule(cron="0 6 * * *", timezone="America/Denver", jitter_seconds=30)
    assert policy.of("departments").as_text() == "every 15m"
    assert policy.of("employees").as_text() == "cron 0 6 * * * (America/Denver)"


def test_a_job_may_be_left_to_people() -> None:
    policy = read(interval="1h", employees={"manual": True})
    assert policy.of("employees").as_text() == "by hand"
    assert not policy.of("employees").fires
    assert next_slot(JobSchedule(), 0) is None
    assert not read().of("departments").fires


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems(
        intervall="15m",
        jitter=True,
        employees={"cron": "0 0 30 2 *"},
        departments={"cron": "61 * * * *", "timezone": "Mars/Olympus", "late_after": "0s"},
        employes={"interval": "5m"},
    )
    assert found == [
        ("BW8101", "[schedule] intervall is not known", "busway.toml:intervall"),
        ("BW8101", "[schedule] jitter: a duration is a number of seconds or text such as 30m, not bool",
         "busway.toml:jitter"),
        ("BW8103", "[schedule.employees] never fires", "busway.toml:employees.cron"),
        ("BW8101", "[schedule.departments] timezone: 'Mars/Olympus' is no time zone of this machine; write one such as "
         "America/Denver", "busway.toml:departments.timezone"),
        ("BW8101", "[schedule.departments] late_after: at least one second", "busway.toml:departments.late_after"),
        ("BW8101", "[schedule.departments] cron: unusable minute", "busway.toml:departments.cron"),
        ("BW8102", "[schedule.employes] is of no selected job", "busway.toml:employes"),
    ]  # fmt: skip


def test_an_unknown_job_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(employes={"interval": "5m"})
    assert caught.value.problem.fix == "did you mean employees?"


@pytest.mark.parametrize("cron", ["0 0 31 4 *", "0 0 30 2 *", "0 0 31 2,4,6 *"])
def test_a_day_that_never_comes_is_told_as_such(cron: str) -> None:
    assert [code for code, _, _ in problems(employees={"cron": cron})] == ["BW8103"]


@pytest.mark.parametrize("cron", ["", "* * * *", "0 0 32 * *", "0 25 * * *", "a b c d e", 5])
def test_a_line_that_cannot_be_read_is_told_as_such(cron: object) -> None:
    assert [code for code, _, _ in problems(employees={"cron": cron})] == ["BW8101"]


def test_interval_and_cron_exclude_each_other_in_one_table() -> None:
    found = problems(employees={"cron": "0 6 * * *", "interval": "5m"})
    assert found == [
        ("BW8101", "[schedule.employees] interval and cron exclude each other", "busway.toml:employees.cron")
    ]


def daily(cron: str) -> JobSchedule:
    return JobSchedule(cron=cron, timezone="America/Denver")


def test_a_time_that_daylight_saving_skips_comes_right_after_the_gap() -> None:
    slot = next_slot(daily("30 2 * * *"), at("2026-03-07T12:00"))
    assert slot == at("2026-03-08T03:00")
    assert next_slot(daily("30 2 * * *"), slot) == at("2026-03-09T02:30")


def test_a_time_that_daylight_saving_repeats_comes_once() -> None:
    slot = next_slot(daily("30 1 * * *"), at("2026-10-31T12:00"))
    assert slot == at("2026-11-01T01:30", fold=0)
    assert next_slot(daily("30 1 * * *"), slot) == at("2026-11-02T01:30")


def test_a_line_by_the_hour_goes_on_by_the_hour_when_the_clock_is_set_back() -> None:
    slots, moment = [], at("2026-11-01T00:30")
    for _ in range(3):
        moment = next_slot(daily("0 * * * *"), moment) or 0
        slots.append(moment)
    assert slots == [at("2026-11-01T01:00", 0), at("2026-11-01T01:00", 1), at("2026-11-01T02:00")]
    assert slots[1] - slots[0] == slots[2] - slots[1] == 3_600 * SECOND


def test_of_the_moments_that_were_missed_the_last_counts_with_their_number() -> None:
    start = at("2026-01-01T00:00")
    assert latest_slot(daily("0 6 * * *"), start, at("2026-01-04T07:00")) == (at("2026-01-04T06:00"), 4)
    assert latest_slot(daily("0 6 * * *"), start, at("2026-01-01T05:59")) == (start, 0)
    assert latest_slot(JobSchedule(interval_seconds=600), 0, 3_599 * SECOND) == (3_000 * SECOND, 5)
    assert latest_slot(JobSchedule(interval_seconds=600), 1_000 * SECOND, 0) == (1_000 * SECOND, 0)


def test_years_of_missed_minutes_are_not_walked_through_one_by_one() -> None:
    slot, missed = latest_slot(daily("* * * * *"), at("2000-01-01T00:00"), at("2026-01-01T00:00") + 30 * SECOND)
    assert (slot, missed) == (at("2026-01-01T00:00"), 10_000)
