"""The example integration and the engine, between CSV files and a real SCIM service."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from acme_busway_scim_people import busway_jobs, busway_settings
from acme_busway_scim_people.folder import PeopleFolder
from acme_busway_scim_people.people import People
from builders.scim_people import ADA, BEN, CYD, DEE, EVERYBODY, export, people_job
from builders.scim_service import TOKEN, ScimService
from builders.sync_engine import UNBRAKED, Bench
from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiter, unlimited
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway.errors import IncompleteReadError, RefusedError, UnreachableError
from busway.sync.report import JobReport, Outcome


@pytest.fixture
def service() -> Iterator[ScimService]:
    service = ScimService()
    yield service
    service.close()


class Company:
    """An export, a service, and an engine that remembers from run to run."""

    def __init__(self, folder: Path, service: ScimService) -> None:
        self.folder, self.service = folder, service
        self.job = people_job(export(folder, EVERYBODY), service.url)
        self.bench = Bench(self.job, tables={"people": UNBRAKED})

    def run(self, *regions: Sequence[str]) -> JobReport:
        if regions:
            export(self.folder, *regions)
        return self.bench.engine.run().jobs[0]

    def counts(self, *regions: Sequence[str]) -> dict[str, int]:
        """What a run did, of numbers above zero."""
        found = asdict(self.run(*regions).counts)
        return {name: number for name, number in found.items() if number}


@pytest.fixture
def company(tmp_path: Path, service: ScimService) -> Iterator[Company]:
    company = Company(tmp_path / "people", service)
    yield company
    company.job.close()


def test_a_first_run_creates_everybody_and_a_second_one_finds_nothing_to_do(company: Company) -> None:
    assert company.counts([ADA, BEN], [CYD, DEE]) == {"created": 4}
    assert company.service.users()["ada@example.test"]["name"] == {"givenName": "Ada", "familyName": "Lindqvist"}
    before = list(company.service.calls)
    assert company.counts() == {"unchanged": 4}
    assert {method for method, _, _ in company.service.calls[len(before) :]} == {"GET"}, "nothing was written"


def test_a_leaver_is_taken_out_of_use_and_comes_back_with_what_changed(company: Company) -> None:
    company.run(EVERYBODY)
    held = company.service.users()["dee@example.test"]
    assert company.counts([ADA, BEN, CYD]) == {"deactivated": 1, "unchanged": 3}
    assert company.service.users()["dee@example.test"]["active"] is False
    assert company.counts([ADA, BEN, CYD, DEE.replace("Rigger", "Foreman")]) == {"reactivated": 1, "unchanged": 3}
    back = company.service.users()["dee@example.test"]
    assert (back["id"], back["active"], back["title"]) == (held["id"], True, "Foreman")


def test_who_has_another_name_and_login_is_the_same_user(company: Company) -> None:
    company.run(EVERYBODY)
    held = company.service.users()["ben@example.test"]
    renamed = "102,ben.lindqvist@example.test,Ben,Lindqvist,Painter"
    assert company.counts([ADA, renamed, CYD, DEE]) == {"updated": 1, "unchanged": 3}
    now = company.service.users()["ben.lindqvist@example.test"]
    assert (now["id"], now["name"]["familyName"], now["externalId"]) == (held["id"], "Lindqvist", "102")


def test_a_login_that_is_taken_fails_that_person_and_no_other(company: Company) -> None:
    taken = "105,ada@example.test,Eve,Novak,Welder"
    report = company.run([taken, ADA, BEN])
    assert (report.outcome, report.counts.created, report.counts.failed) == (Outcome.DONE, 2, 1)
    (failure,) = report.failures
    assert failure.problem.code == "BW5003"
    assert failure.problem.why == "HTTP 409: userName is taken"
    assert "ada@example.test" not in str(failure), "and nobody is told whose login it is"


def test_a_user_made_by_hand_is_taken_over_by_the_login(company: Company) -> None:
    company.job.create({"userName": "ADA@example.test", "title": "Boss"})
    (made,) = company.service.users().values()
    counts = company.counts([ADA, BEN])
    assert counts == {"created": 1, "updated": 1}
    ada = company.service.users()["ada@example.test"]
    assert (ada["id"], ada["externalId"], ada["title"]) == (made["id"], "101", "Welder")
    assert company.counts([BEN]) == {"deactivated": 1, "unchanged": 1}, "and is managed from then on"


def test_a_service_that_is_away_costs_nothing(company: Company) -> None:
    company.run(EVERYBODY)
    company.service.close()
    report = company.run([ADA])
    assert (report.outcome, report.exit_code) == (Outcome.ABORTED, 5)
    assert report.problem is not None
    assert report.problem.why == "ConnectError"
    assert len(company.service.storage.resources) == 4


def test_a_list_that_shrinks_while_it_is_read_decides_nothing(company: Company) -> None:
    company.run(EVERYBODY)
    company.service.leaves_at = 3
    report = company.run([ADA, BEN])
    assert (report.outcome, report.exit_code, report.counts.deactivated) == (Outcome.ABORTED, 5, 0)
    assert report.problem is not None
    assert (report.problem.code, report.problem.why) == ("ACME14", "page 2 does not go on where page 1 ended")


def test_a_page_that_comes_short_is_no_list(company: Company) -> None:
    company.run(EVERYBODY)
    company.service.forgets = 3
    with pytest.raises(IncompleteReadError, match="ACME14"):
        company.bench.engine.plan("people")


def test_a_create_whose_answer_is_lost_is_found_and_not_repeated(company: Company) -> None:
    company.service.loses_answers = True
    report = company.run([ADA, BEN])
    assert (report.counts.created, report.counts.failed) == (2, 0)
    assert len([call for call in company.service.calls if call[0] == "POST"]) == 2
    assert len(company.service.users()) == 2


def test_somebody_else_with_the_login_is_not_who_was_to_be_created(company: Company) -> None:
    """Taken for the one whose answer was lost, it would be managed as that person from then on."""
    company.job.create({"userName": "ada@example.test", "externalId": "900"})
    ada = {"userName": "ada@example.test", "externalId": "101"}
    assert company.job.find(ada) is None
    found = company.job.find({**ada, "externalId": " 900 "})
    assert found is not None
    assert found["externalId"] == "900"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("401 Unauthorized", RefusedError, "ACME13"),
        ("503 Service Unavailable", UnreachableError, "ACME12"),
        ("200 OK", RefusedError, "ACME15"),
    ],
)
def test_an_answer_that_is_no_list_ends_the_read(
    company: Company, answer: str, kind: type[Exception], code: str
) -> None:
    company.service.answers("GET", answer, "<html>Please sign in.</html>")
    with pytest.raises(kind, match=code):
        company.bench.engine.plan("people")


def test_a_wrong_token_is_told_without_the_token(company: Company) -> None:
    job = people_job(export(company.folder, [ADA]), company.service.url, token="another-token")
    with pytest.raises(RefusedError, match="ACME13") as caught:
        Bench(job).engine.plan("people")
    job.close()
    assert "HTTP 401" in caught.value.render()
    assert "another-token" not in caught.value.render()
    assert TOKEN not in caught.value.render()


def test_a_token_with_a_line_break_is_not_told(company: Company) -> None:
    job = people_job(export(company.folder, [ADA]), company.service.url, token="two\nlines")
    with pytest.raises(UnreachableError) as caught:
        Bench(job).engine.plan("people")
    job.close()
    assert "two" not in caught.value.render() + repr(caught.value.__context__)


def test_the_limiter_is_asked_before_each_call_and_told_of_a_429(tmp_path: Path, service: ScimService) -> None:
    asked: list[str] = []
    held: list[float] = []

    class Noting:
        def wait(self, share: str = "", count: int = 1) -> float:
            asked.append(share)
            return 0.0

        def back_off(self, seconds: float) -> None:
            held.append(seconds)

    job = people_job(export(tmp_path / "people", [ADA]), service.url, limiter=Noting())
    service.answers("POST", "429 Too Many Requests", Retry_After="2.5")
    with pytest.raises(UnreachableError):
        job.create({"userName": "ada@example.test"})
    service.instead.clear()
    user = job.create({"userName": "ada@example.test"})
    job.deactivate(user)
    job.close()
    assert (asked, held) == (["writes", "writes", "writes", "reads"], [2.5])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("region1.csv", b"number,login\n1,a\n", "it is not the file that SHA256SUMS was made for"),
        ("region9.csv", b"", "listed or there, but not both: region9.csv"),
        ("SHA256SUMS", b"", "it is not a list of files with their sums"),
        ("SHA256SUMS", b"nonsense\n", "it is not a list of files with their sums"),
    ],
)
def test_an_export_that_is_not_whole_is_not_read(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    folder = export(tmp_path / "people", EVERYBODY)
    (tmp_path / "people" / name).write_bytes(content)
    with pytest.raises(IncompleteReadError) as caught:
        folder.people()
    assert (caught.value.code, caught.value.problem.why) == ("ACME11", why)
    assert caught.value.problem.where == str(tmp_path / "people" / ("SHA256SUMS" if "listed" in why else name))


@pytest.mark.parametrize("row", ["101,ada", "101,ada,A,L,W,more", '101,"ada', "\xff"])
def test_a_row_that_is_not_like_the_others_is_not_read(tmp_path: Path, row: str) -> None:
    export(tmp_path / "people", EVERYBODY)
    content = f"number,login,first_name,last_name,title\n{row}\n".encode("latin-1")
    (tmp_path / "people" / "region1.csv").write_bytes(content)
    (tmp_path / "people" / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  region1.csv\n", "utf-8")
    with pytest.raises(IncompleteReadError) as caught:
        PeopleFolder(tmp_path / "people").people()
    assert "ada" not in caught.value.render()


def test_nobody_without_a_login_is_sent_and_nobody_is_lost_for_it(company: Company) -> None:
    company.run(EVERYBODY)
    report = company.run([ADA, BEN, CYD, "104,,Dee,Tanaka,Rigger"])
    assert (report.counts.skipped, report.counts.deactivated) == (1, 0), "her number is known, so she has not left"


def test_the_hooks_are_there_without_the_library(tmp_path: Path) -> None:
    code = "import sys, acme_busway_scim_people; print('httpx' in sys.modules)"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=paths)
    assert found.stdout == "False\n"


def test_the_hooks_build_the_job_of_the_settings(tmp_path: Path) -> None:
    settings = busway_settings()(folder="people", url="http://127.0.0.1:9/v2/", token=Secret(TOKEN))
    quotas: list[Quota] = []

    def limiter(quota: Quota) -> Limiter:
        quotas.append(quota)
        return unlimited(quota)

    (job,) = busway_jobs(PluginContext("scim-people", settings, root=tmp_path, limiter=limiter))
    job.close()
    assert isinstance(job, People)
    assert [(quota.name, quota.calls, quota.period_seconds) for quota in quotas] == [("acme-scim", 600, 60.0)]
