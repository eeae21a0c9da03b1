"""Checks of what a job declares: names, keys, fields, traits."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

from collections.abc import Mapping

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.keys import MatchKey
from busway.testing.job_trials import Trial, implements, shown

__all__ = ["DeclarationChecks"]

ON_UPDATES = (FieldPolicy.ALWAYS, FieldPolicy.IF_EMPTY)


class DeclarationChecks:
    """What the engine is told without asking anybody."""

    def test_its_declarations_are_of_the_right_kind(self, trial: Trial) -> None:
        job = trial.job
        for trait in ("name", "entity", "id_field", "mapping_version"):
            assert _is_name(getattr(job, trait, None)), f"{trait} is a text without blanks"
        for trait in ("active_field", "account"):
            value = getattr(job, trait)
            assert value == "" or _is_name(value), f"{trait} is a text without blanks, or empty"
        for trait in ("depends_on", "always_send"):
            names = getattr(job, trait)
            assert isinstance(names, tuple) and all(map(_is_name, names)), (  # noqa: PT018 - one mistake: a bare text
                f'{trait} is a tuple of names: a single one is written ("name",), with the comma'
            )
        keys = (job.match_on, *job.adopt_on)
        assert all(isinstance(key, MatchKey) and key.fields for key in keys), (
            "match_on is made by exact() or casefolded() from one or more fields, and so is each of adopt_on"
        )
        assert isinstance(job.fields, Mapping), "fields maps names to rules"
        assert job.fields, "fields is empty: nothing would ever be written"
        wrong = [name for name, rule in job.fields.items() if not isinstance(rule, FieldRule)]
        assert not wrong, f"always, if_empty, create_only and never make rules; these are none: {shown(wrong)}"
        assert isinstance(job.distinct, bool), "distinct is True or False"
        assert isinstance(job.concurrency, int), "concurrency is a whole number"
        assert job.concurrency >= 1, f"concurrency is {job.concurrency}; 1 writes one record after another"

    def test_it_can_do_what_it_declares(self, trial: Trial) -> None:
        job = trial.job
        changing = [name for name, rule in job.fields.items() if rule.policy in ON_UPDATES]
        assert not changing or implements(job, "update"), (
            f"{shown(changing)} may change, so the job needs update(); or make them create_only"
        )
        for method in ("deactivate", "reactivate"):
            assert not job.active_field or implements(job, method), (
                f"the job has an active_field, so it needs {method}()"
            )

    def test_its_declarations_agree_with_each_other(self, trial: Trial) -> None:
        job = trial.job
        before = (job.depends_on,) if isinstance(job.depends_on, str) else job.depends_on
        assert job.name not in before, "the job depends on itself"
        strange = {rule.refers_to for rule in job.fields.values()} - {"", job.name, *before}
        assert not strange, f"fields refer to records of {shown(strange)}: name that in depends_on, too"
        needed = {*job.match_on.fields, *job.always_send} & _names(job, optional=True)
        assert not needed, f"optional, and needed all the same (match_on, always_send): {shown(needed)}"
        active = job.fields.get(job.active_field)
        assert active is None or active.policy not in ON_UPDATES, (
            f"{job.active_field} is the active_field and managed on updates, too: whoever made a record inactive would "
            "be overruled on every run; make it create_only"
        )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not any(letter.isspace() for letter in value)


def _names(job: Job, *, optional: bool) -> set[str]:
    return {name for name, rule in job.fields.items() if rule.is_optional is optional}
