"""The job ``titles`` on a real source and a real target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from builders.safetyamp_parts import PlainRun, StillClock, make_vista, person, safetyamp_settings
from busway.contracts.plugins import PluginContext
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs.titles import Titles


@pytest.fixture
def titles(tmp_path: Path, httpserver: HTTPServer) -> Iterator[Titles]:
    spellings = ["Welder  ", "Lead   Welder", None, " ", "WELDER", "Welder"]
    make_vista(tmp_path / "vista.db", bPREH=[person(at, udEmpTitle=title) for at, title in enumerate(spellings)])
    settings = safetyamp_settings(domain=httpserver.url_for("").rstrip("/"))
    job = Titles(Connections(PluginContext("safetyamp", settings, root=tmp_path, clock=StillClock())))
    yield job
    job.close()


def test_each_spelling_comes_once_and_people_without_title_give_none(titles: Titles) -> None:
    found = list(titles.source(PlainRun()))
    assert found == [{"name": "Welder"}, {"name": "Lead Welder"}, {"name": "WELDER"}]
    assert [titles.match_on.of(record) for record in found] == ["welder", "lead welder", "welder"]
    assert titles.distinct


def test_people_are_read_once_for_all_jobs_of_a_run(titles: Titles) -> None:
    run = PlainRun()
    run.snapshots.loaded["vista.employees"] = [person(1, udEmpTitle="Painter")]
    assert list(titles.source(run)) == [{"name": "Painter"}]


def test_target_create_and_find(titles: Titles, httpserver: HTTPServer) -> None:
    there = {"data": [{"id": 3, "name": "Lead  WELDER"}]}
    httpserver.expect_request("/api/user_titles", method="GET").respond_with_json(there)
    made = httpserver.expect_oneshot_request("/api/user_titles", method="POST", json={"name": "Painter"})
    made.respond_with_json({"data": {"id": 4, "name": "Painter"}}, 201)
    assert list(titles.target(PlainRun())) == there["data"]
    assert titles.create({"name": "Painter"}) == {"id": 4, "name": "Painter"}
    assert titles.find({"name": "lead welder"}) == there["data"][0]
    assert titles.find({"name": "Painter"}) is None
    httpserver.check_assertions()


def test_it_is_recognised_by_its_name_and_never_renamed_or_removed(titles: Titles) -> None:
    assert titles.label({"name": " Lead  Welder"}) == "title Lead Welder"
    assert titles.active_field == ""
    assert {name: rule.policy for name, rule in titles.fields.items()} == {"name": "create_only"}
