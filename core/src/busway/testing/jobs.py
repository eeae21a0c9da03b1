"""The proof that a job keeps the contract: subclass it, hand in your job, run pytest.

    from busway.testing import JobContract

    class TestPeople(JobContract):
        @pytest.fixture
        def job(self, tmp_path, scim_server):
            (tmp_path / "people.csv").write_text(TWO_PEOPLE)
            return People(tmp_path, scim_server.url)

``job`` is enough to start: a job with at least two source records that map, and a target that the checks may write to,
that nobody else uses and that has none of these records yet. Every other fixture unlocks checks that are skipped
without it and say so:

``build``
    A function that makes one more job for the two sides of ``job`` and does nothing else: building must not connect.
``validators``
    The validators that a deployment of the job selects.
``other_targets``
    The target records of the jobs named in ``depends_on``, by job: what ``run.target_of`` gives.
``changes``
    Fields and values of the target's shape that an update of the first record may write; without it the checks take a
    value of the second one.
``adoptable``
    A function that puts the (mapped) record it is handed into the target without its match key, as somebody would who
    makes it by hand.
``broken_sources``, ``broken_targets``
    Your job with a source, or a target, that cannot be read whole; by what is wrong: a page fails, a page comes short.
``refused``, ``refused_fields``
    A (mapped) record that the target of ``job`` does not take, and the fields that the error must name.
``failing_job``
    Your job with a target that answers writes with a server error (500).
``unreachable_job``
    Your job with a target where nobody listens.
``waiting_job``
    Your job with a target that asks to wait and says how long (429 and ``Retry-After``).
``lost_job``
    Your job with a target that carries out the next create and whose answer is lost.
``secrets``
    Secrets in the settings of the jobs, as plain text: none may be in an error.
``personal``
    Texts in the source that are personal data besides the values of ``personal()`` fields.

What the checks guard: both sides are read whole or not at all; records keep their keys; a run leaves nothing to do;
writes do what they say and nothing else; nothing is cleared, lost, doubled or told that must not be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.testing.job_declarations import DeclarationChecks
from busway.testing.job_life import LifeChecks
from busway.testing.job_lifecycles import LifecycleChecks
from busway.testing.job_mappings import MappingChecks
from busway.testing.job_privacy import PrivacyChecks
from busway.testing.job_reads import KeyChecks, ReadChecks
from busway.testing.job_refusals import OutageChecks, RefusalChecks
from busway.testing.job_trials import Trial
from busway.testing.job_writes import CreateChecks, RunChecks, UpdateChecks

__all__ = ["JobContract"]


class JobContract(
    DeclarationChecks,
    ReadChecks,
    KeyChecks,
    MappingChecks,
    CreateChecks,
    RunChecks,
    UpdateChecks,
    LifecycleChecks,
    RefusalChecks,
    OutageChecks,
    PrivacyChecks,
    LifeChecks,
):
    """Checks for one job. Subclass it under a name that pytest collects, and define the fixture ``job``."""

    @pytest.fixture
    def job(self) -> Job:
        """Your job: two source records or more, and a target of its own that may be written to."""
        raise NotImplementedError("define a fixture named 'job' that returns your job")

    @pytest.fixture
    def trial(self, job: Job, other_targets: Mapping[str, Sequence[Record]], validators: Sequence[Validator]) -> Trial:
        """Not yours to define: ``job`` as the checks handle it."""
        return Trial(job, other_targets, validators)

    @pytest.fixture
    def build(self) -> Callable[[], Job] | None:
        """Optional: makes one more job for the two sides of ``job`` and does nothing else."""
        return None

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        """Optional: the validators that a deployment of the job selects."""
        return ()

    @pytest.fixture
    def other_targets(self) -> Mapping[str, Sequence[Record]]:
        """Optional: the target records of the jobs in ``depends_on``."""
        return {}

    @pytest.fixture
    def changes(self) -> Record | None:
        """Optional: fields and values that an update of the first record may write."""
        return None

    @pytest.fixture
    def adoptable(self) -> Callable[[Record], object] | None:
        """Optional: puts a record into the target without its match key."""
        return None

    @pytest.fixture
    def broken_sources(self) -> Mapping[str, Job]:
        """Optional: your job with sources that cannot be read whole, by what is wrong."""
        return {}

    @pytest.fixture
    def broken_targets(self) -> Mapping[str, Job]:
        """Optional: your job with targets that cannot be read whole, by what is wrong."""
        return {}

    @pytest.fixture
    def refused(self) -> Record | None:
        """Optional: a mapped record that the target of ``job`` does not take."""
        return None

    @pytest.fixture
    def refused_fields(self) -> Iterable[str]:
        """Optional: the fields that the refusal must name."""
        return ()

    @pytest.fixture
    def failing_job(self) -> Job | None:
        """Optional: your job with a target that answers writes with a server error."""
        return None

    @pytest.fixture
    def unreachable_job(self) -> Job | None:
        """Optional: your job with a target where nobody listens."""
        return None

    @pytest.fixture
    def waiting_job(self) -> Job | None:
        """Optional: your job with a target that asks to wait and says how long."""
        return None

    @pytest.fixture
    def lost_job(self) -> Job | None:
        """Optional: your job with a target that carries out the next create and whose answer is lost."""
        return None

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        """Optional: secrets in the settings of the jobs, as plain text."""
        return ()

    @pytest.fixture
    def personal(self) -> Iterable[str]:
        """Optional: personal data of the source besides the values of ``personal()`` fields."""
        return ()
