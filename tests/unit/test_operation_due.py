"""What is due, next and late: pure functions, with a clock that jumps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from busway.operation.calendar import SECOND
from busway.operation.due import Firing, due_jobs, late_since_ns, moved_back, next_run_ns, settled_slots
from busway.operation.schedule_policy import JobSchedule
from busway.stores.schedule_slots import JobSlot

MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
START = 20_000 * DAY
QUARTERLY = JobSchedule(interval_seconds=900)
AT_SIX = JobSchedule(cron="0 6 * * *")


def due(
    schedules: Mapping[str, JobSchedule],
    slots: Mapping[str, JobSlot],
    now_ns: int,
    depends_on: Mapping[str, Sequence[str]] | None = None,
) -> list[Firing]:
    return due_jobs(schedules, depends_on or {}, slots, now_ns)


def slot(job: str, slot_ns: int) -> JobSlot:
    return JobSlot(job, START, slot_ns)


def test_a_new_job_with_an_interval_runs_at_once_and_one_with_a_cron_line_at_its_next_time() -> None:
    schedules = {"people": QUARTERLY, "teams": AT_SIX, "sites": JobSchedule()}
    slots = settled_slots(schedules, {}, START)
    assert due(schedules, slots, START) == [Firing("people", START)]
    assert due({"teams": AT_SIX}, {"teams": slots["teams"]}, START + 6 * HOUR) == [Firing("teams", START + 6 * HOUR)]
    assert "sites" not in slots


def test_missed_runs_are_one_run_that_says_how_many() -> None:
    known = {"people": slot("people", START)}
    assert due({"people": QUARTERLY}, known, START + 2 * HOUR) == [Firing("people", START + 2 * HOUR, 7)]
    assert due({"people": QUARTERLY}, known, START + 14 * MINUTE) == []


def test_jitter_is_that_of_the_moment_so_that_jobs_of_one_moment_stay_together() -> None:
    jittery = JobSchedule(interval_seconds=900, jitter_seconds=300)
    schedules = {"people": jittery, "teams": jittery}
    known = {name: slot(name, START) for name in schedules}
    seen = [len(due(schedules, known, START + 15 * MINUTE + second * SECOND)) for second in range(300)]
    assert set(seen) == {0, 2}
    assert seen == sorted(seen)


def test_a_job_waits_for_the_jitter_of_those_it_depends_on() -> None:
    schedules = {"teams": JobSchedule(interval_seconds=900, jitter_seconds=300), "people": QUARTERLY}
    known = {name: slot(name, START) for name in schedules}
    depends_on = {"people": ["teams"]}
    steps = [
        [one.job for one in due(schedules, known, START + 15 * MINUTE + s * SECOND, depends_on)] for s in range(300)
    ]
    assert [step for at, step in enumerate(steps) if at == 0 or step != steps[at - 1]] == [[], ["teams", "people"]]
    apart = {**known, "teams": slot("teams", START + 15 * MINUTE)}
    assert [one.job for one in due(schedules, apart, START + 15 * MINUTE, depends_on)] == ["people"]


def test_after_the_clock_was_set_back_an_interval_goes_by_the_time_that_has_passed() -> None:
    schedules = {"people": QUARTERLY, "teams": AT_SIX}
    known = [slot("people", START + HOUR), slot("teams", START + HOUR)]
    moved = {one.job: one for one in moved_back(schedules, known, HOUR)}
    assert due(schedules, moved, START + 14 * MINUTE) == []
    assert due(schedules, moved, START + 15 * MINUTE) == [Firing("people", START + 15 * MINUTE)]
    assert moved["teams"].slot_ns == START + HOUR, "what ran at its time does not run again"


def test_a_slot_ahead_is_of_a_clock_that_was_wrong() -> None:
    schedules = {"people": QUARTERLY, "teams": AT_SIX}
    known = {"people": slot("people", START + DAY), "teams": slot("teams", START + DAY)}
    settled = settled_slots(schedules, known, START)
    assert {one.slot_ns for one in settled.values()} == {START}
    near = settled_slots(schedules, {"teams": slot("teams", START + 2 * HOUR)}, START)
    assert near["teams"].slot_ns == START + 2 * HOUR


def test_next_is_now_for_what_was_missed_and_nothing_for_what_people_start() -> None:
    assert next_run_ns(QUARTERLY, slot("people", START), START + 5 * MINUTE) == START + 15 * MINUTE
    assert next_run_ns(QUARTERLY, slot("people", START), START + DAY) == START + DAY
    assert next_run_ns(JobSchedule(), None, START) is None


def test_a_job_is_late_when_it_has_not_ended_well_so_long_after_its_time() -> None:
    schedule, watched = JobSchedule(cron="0 6 * * *", late_seconds=3_600), JobSlot("people", START, START)
    late = START + 7 * HOUR
    assert late_since_ns(schedule, watched, 0, late - 1) is None
    assert late_since_ns(schedule, watched, 0, late) == late
    assert late_since_ns(schedule, watched, START + 6 * HOUR + MINUTE, late) is None
    assert late_since_ns(schedule, watched, START + 6 * HOUR + MINUTE, late + DAY) == late + DAY
    assert late_since_ns(schedule, None, 0, late) is None, "nobody watches it"


def test_a_new_interval_job_that_never_ends_well_is_late_after_its_first_moment() -> None:
    schedule = JobSchedule(interval_seconds=900, late_seconds=600)
    watched = JobSlot("people", START, START)
    assert late_since_ns(schedule, watched, 0, START + 599 * SECOND) is None
    assert late_since_ns(schedule, watched, 0, START + 600 * SECOND) == START + 600 * SECOND


@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=60), st.integers(1, 1_800), st.integers(0, 600))
def test_however_seldom_one_looks_each_moment_is_run_once_or_made_up_for(
    steps: list[int], interval: int, jitter: int
) -> None:
    schedule = JobSchedule(interval_seconds=interval, jitter_seconds=jitter)
    known, now, fired, missed = slot("people", START), START, 0, 0
    for step in steps:
        now += step * SECOND
        for one in due({"people": schedule}, {"people": known}, now):
            assert known.slot_ns < one.slot_ns <= now
            known, fired, missed = slot("people", one.slot_ns), fired + 1, missed + one.missed
    assert (known.slot_ns - START) // (interval * SECOND) == fired + missed
