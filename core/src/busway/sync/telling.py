"""What a run tells of records, as events of its session and as lines of its report. Names of fields, never values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from busway.contracts.events import Severity
from busway.contracts.jobs import Job
from busway.errors import Problem
from busway.sync.in_doubt import InDoubt
from busway.sync.plan import Action, Change, Unplanned
from busway.sync.ports import EventLog
from busway.sync.report import JobReport
from busway.sync.writes import Written

__all__ = ["ABSENT", "Telling"]

ABSENT = "absent from the source"
SINGLY = 3
"""Remarks that are alike are told record by record up to so many."""


@dataclass(frozen=True, slots=True)
class Telling:
    """The voice of one job in one run."""

    job: Job
    events: EventLog
    report: JobReport
    _alike: dict[str, list[str]] = field(default_factory=dict)
    """Remarks about single records, by text."""

    def change(self, change: Change, target_id: str, written: Written) -> None:
        """A record was written."""
        details: dict[str, Any] = {"label": change.label, "fields": sorted(written.payload)}
        if written.dropped:
            details["refused"] = list(written.dropped)
        if written.ignored:
            details["ignored"] = list(written.ignored)
        if change.adopts:
            details["adopted"] = True
        if written.read_back:
            details["read_back"] = True
        self._operation(change.action, target_id, details)
        self._warn(change, written)

    def in_doubt(self, found: InDoubt) -> None:
        """Writes of a killed run that the target shows: they were never told."""
        for row, target_id in found.carried_out:
            details = {"label": row.label, "fields": list(row.fields), "read_back": True, "run": row.run_id}
            action = Action.UPDATE if row.action == "adopt" else Action(row.action)
            self._operation(action, target_id, details)
        if told := found.told():
            self.report.warnings.append(told)

    def skip(self, one: Unplanned) -> None:
        """A record was left out."""
        self.events.log_skip(self.job.entity, one.label, "; ".join(one.reasons), self.report.session_id)

    def failure(self, kind: str, label: str, problem: Problem) -> None:
        """A record failed."""
        message = f"{problem.code}: {problem.what}" + (f" ({problem.why})" if problem.why else "")
        self.events.log_error(kind, self.job.entity, label, message, None, self.report.session_id)

    def ending(self, kind: str, problem: Problem) -> None:
        """The job was held, or ended early."""
        message = f"{problem.code}: {problem.what}"
        self.events.log_error(kind, self.job.entity, None, message, None, self.report.session_id)

    def warnings(self) -> None:
        """The lines of the report, as events; those that are alike for many records become one."""
        for text, labels in self._alike.items():
            self.report.warnings += (
                [f"{label}: {text}" for label in labels] if len(labels) <= SINGLY else _one(text, labels)
            )
        self._alike.clear()
        for message in self.report.warnings:
            self.events.emit(
                "system",
                severity=Severity.WARNING,
                entity_type=self.job.entity,
                attributes={"job": self.job.name, "message": message},
                session_id=self.report.session_id,
            )

    def _operation(self, action: Action, target_id: str, details: dict[str, Any]) -> None:
        entity, session = self.job.entity, self.report.session_id
        if action is Action.CREATE:
            self.events.log_creation(entity, target_id, details, session)
        elif action is Action.DEACTIVATE:
            self.events.log_deletion(entity, target_id, ABSENT, session)
        else:
            if action is Action.REACTIVATE:
                details["reactivated"] = True
            self.events.log_update(entity, target_id, details, session)

    def _warn(self, change: Change, written: Written) -> None:
        for name in written.dropped:
            self._note(f"{change.action}d without {name}, which the target refused", change.label)
        for name in written.ignored:
            self._note(f"the target accepted {name} and answered with another value", change.label)
        if written.read_back:
            self._note("the answer to its create was lost; it was read back", change.label)

    def _note(self, text: str, label: str) -> None:
        self._alike.setdefault(text, []).append(label)


def _one(text: str, labels: list[str]) -> list[str]:
    shown = ", ".join(labels[:SINGLY])
    return [f"{text} ({len(labels):,} records: {shown} and {len(labels) - SINGLY:,} more)"]
