"""The example integration keeps the rules of outages and refusals against a real service with faults.

All checks without faults are run by its own tests, which the tutorial has its readers run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.scim_people import ADA, BEN, EVERYBODY, export, people_job
from builders.scim_service import TOKEN, ScimService
from builders.suites import Lazily, run
from busway.testing import JobContract
from busway.testing.job_trials import Trial

CHECKS = [
    "test_a_target_that_breaks_raises",
    "test_a_target_that_fails_is_an_outage",
    "test_a_target_that_is_away_is_an_outage",
    "test_a_target_that_asks_to_wait_is_waited_for",
    "test_a_lost_answer_is_ambiguous_and_its_record_is_found",
    "test_a_refused_record_is_told_with_its_fields",
    "test_a_refused_record_leaves_nothing_behind",
    "test_errors_tell_no_personal_value_and_no_secret",
    "test_errors_say_what_to_do",
]


@pytest.fixture
def services() -> Iterator[Callable[[], ScimService]]:
    made: list[ScimService] = []

    def make() -> ScimService:
        made.append(ScimService())
        return made[-1]

    yield make
    for service in made:
        service.close()


@pytest.mark.parametrize("check", CHECKS)
def test_a_service_with_faults(check: str, services: Callable[[], ScimService], tmp_path: Path) -> None:
    folder = export(tmp_path / "people", [ADA, BEN])

    def job_for(**faults: Any) -> Any:
        service = services()
        filling = people_job(export(tmp_path / "filling", EVERYBODY), service.url)
        for row in filling.source(Trial(filling).run()) if {"forgets", "leaves_at"} & faults.keys() else ():
            filling.create({"userName": row["login"], "externalId": row["number"]})
        vars(service).update(faults)
        return people_job(folder, service.url)

    def with_answers(status: str, **headers: str) -> Any:
        service = services()
        service.answers("POST", status, **headers)
        return people_job(folder, service.url)

    def refused() -> Any:
        return {"userName": "ada@example.test" * 200, "externalId": "9", "title": 7, "active": "maybe"}

    def away() -> Any:
        service = services()
        service.close()
        return people_job(folder, service.url)

    fixtures: dict[str, Callable[[], Any]] = {
        "trial": lambda: Trial(job_for()),
        "broken_sources": dict,
        "broken_targets": lambda: {
            "a page comes short": job_for(forgets=3),
            "a user goes between two pages": job_for(leaves_at=3),
        },
        "refused": refused,
        "refused_fields": tuple,
        "failing_job": lambda: with_answers("500 Internal Server Error"),
        "unreachable_job": away,
        "waiting_job": lambda: with_answers("429 Too Many Requests", Retry_After="2.5"),
        "lost_job": lambda: job_for(loses_answers=True),
        "secrets": lambda: (TOKEN,),
        "personal": tuple,
    }
    run(JobContract(), check, Lazily(fixtures))
