"""The plain keys of ``[sync]``, and how a job writes."""

from __future__ import annotations

from typing import Any

import pytest

from builders.recording_target import PeopleJob
from busway.errors import ConfigurationError
from busway.sync.engine_settings import EngineSettings, job_tables
from busway.sync.tuning import Pace, tune

TABLE = {"parallel_jobs": 2, "personal_fields": "shown", "people": {"max_creates": 1}}


def nowhere(job: str, key: str) -> str:
    return ""


def line(job: str, key: str) -> str:
    return f"busway.toml:{len(job)}"


def test_keys_and_tables_are_told_apart() -> None:
    assert EngineSettings.from_table(TABLE, nowhere) == EngineSettings(2, "shown")
    assert EngineSettings.from_table({}, nowhere) == EngineSettings(4, "hidden")
    assert job_tables(TABLE) == ["people"]


def test_all_that_is_wrong_is_told_at_once_with_its_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        EngineSettings.from_table({"paralel_jobs": 2, "personal_fields": "some", "max_creates": 5}, line)
    first, second, third = caught.value.problems
    assert (first.code, first.where, first.fix) == ("BW4010", "busway.toml:12", "did you mean parallel_jobs?")
    assert (second.code, second.what) == ("BW4011", "personal_fields must be one of hidden, shown")
    assert third.fix == "take max_creates out of [sync]; limits of a job go to [sync.JOB]"


@pytest.mark.parametrize("value", [0, -1, True, "2", 1.5])
def test_a_wrong_number_of_jobs_is_refused(value: Any) -> None:
    (problem,) = EngineSettings.problems({"parallel_jobs": value}, nowhere)
    assert (problem.code, problem.where) == ("BW4011", "[sync]")


def test_the_pace_of_a_job() -> None:
    table = {"concurrency": 8, "max_attempts": 5, "retry_budget_seconds": 12.5, "max_unserved": 1}
    assert tune(PeopleJob([]), table, nowhere).pace == Pace(8, 5, 12.5, 1)
    assert tune(PeopleJob([]), {}, nowhere).pace == Pace()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("concurrency", 0),
        ("max_attempts", 0),
        ("max_unserved", 1.5),
        ("retry_budget_seconds", -1),
        ("concurrency", True),
    ],
)
def test_a_wrong_pace_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tune(PeopleJob([]), {key: value}, nowhere)
    assert caught.value.code == "BW4011"
