from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from acme_busway_csv_people import People
from busway import Job
from busway.testing import JobContract

PEOPLE = "number,name,email\n1,Ada Lindqvist,ada@example.test\n2,Ben Okafor,ben@example.test\n"


class TestPeople(JobContract):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], People]:
        (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
        return lambda: People(tmp_path / "people.csv", tmp_path / "people.jsonl")

    @pytest.fixture
    def job(self, build: Callable[[], People]) -> People:
        return build()

    @pytest.fixture
    def broken_sources(self, tmp_path: Path) -> Mapping[str, Job]:
        (tmp_path / "torn.csv").write_text(PEOPLE[:-20], "utf-8")
        target = tmp_path / "people.jsonl"
        return {
            "there is no file": People(tmp_path / "gone.csv", target),
            "the last line is torn": People(tmp_path / "torn.csv", target),
        }
