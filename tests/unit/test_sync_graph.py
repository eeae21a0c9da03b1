"""The order of jobs."""

from __future__ import annotations

import itertools

import pytest

from builders.recording_target import PeopleJob
from busway.errors import ConfigurationError, UsageError
from busway.sync.graph import order, select


def job(name: str, *depends_on: str) -> PeopleJob:
    return PeopleJob(name=name, depends_on=depends_on)


def names(jobs: object) -> list[str]:
    return [one.name for one in jobs]  # type: ignore[attr-defined]


def test_dependencies_come_first_and_ties_keep_their_order() -> None:
    jobs = [job("vehicles", "employees"), job("employees", "titles", "sites"), job("titles"), job("sites")]
    assert names(order(jobs)) == ["titles", "sites", "employees", "vehicles"]


def test_select_takes_exactly_the_named_jobs() -> None:
    jobs = [job("employees", "titles"), job("titles"), job("sites")]
    assert names(select(jobs, ["employees"])) == ["employees"]
    assert names(select(jobs, ["employees", "titles"])) == ["titles", "employees"]
    assert names(select(jobs, [])) == ["titles", "sites", "employees"]


def test_a_cycle_names_its_chain() -> None:
    with pytest.raises(ConfigurationError) as caught:
        order([job("a", "b"), job("b", "c"), job("c", "a")])
    assert caught.value.code == "BW4002"
    chain = caught.value.problem.what.split(": ")[1].split(" -> ")
    assert chain[0] == chain[-1]
    assert all(f"{one}{other}" in "abca" for one, other in itertools.pairwise(chain))


def test_an_unknown_dependency_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        order([job("employees", "titels")])
    assert caught.value.code == "BW4001"
    assert "titels" in caught.value.problem.what


def test_two_jobs_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        order([job("employees"), job("employees")])
    assert caught.value.code == "BW4012"


def test_a_mistyped_job_gets_a_suggestion_and_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        select([job("employees"), job("titles")], ["employes"])
    assert caught.value.code == "BW4003"
    assert "did you mean employees?" in caught.value.problem.fix
    assert "employees, titles" in caught.value.problem.why
