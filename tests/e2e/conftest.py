"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment
from builders.distributions import Site
from builders.people_deployment import PeopleDeployment
from builders.running_stand_ins import running_stand_ins
from builders.service_house import ServiceHouse, service_house
from builders.told_command import Command, Told
from busway.cli.main import main
from busway.plugins.index import load_index
from busway_safetyamp.sandbox.stand_ins import StandIns


@pytest.fixture
def deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[SandboxDeployment]:
    """A small company, its sandbox and a deployment that connects them."""
    made = SandboxDeployment(tmp_path, capsys)
    yield made
    made.close()


@pytest.fixture
def people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[PeopleDeployment]:
    """A deployment of two small jobs over files."""
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    monkeypatch.setenv("BUSWAY_ACTOR", "ann")
    with Site(tmp_path / "site") as site:
        yield PeopleDeployment(tmp_path / "home", site, capsys)


@pytest.fixture
def safetyamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``busway safetyamp …`` in this process and an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Told:
        capsys.readouterr()
        code = main(["safetyamp", *arguments])
        shown = capsys.readouterr()
        return Told(code, shown.out, shown.err)

    return run


@pytest.fixture
def stand_ins(tmp_path: Path) -> Iterator[StandIns]:
    """What ``busway safetyamp sandbox --env-file .env`` runs in an empty folder, in this process."""
    with running_stand_ins(tmp_path, people=20) as running:
        yield running


@pytest.fixture
def house(people: PeopleDeployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceHouse]:
    """Services over the deployment of the two small jobs."""
    with service_house(people, monkeypatch) as made:
        yield made
