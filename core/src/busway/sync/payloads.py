"""What is sent for a change: only fields the job manages, and never a value that does not exist yet."""

from __future__ import annotations

from collections.abc import Mapping

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.errors import UsageError
from busway.sync.diff import holds_pending, is_empty
from busway.sync.plan import Action, Change, FieldChange

__all__ = ["create_fields", "payload_of", "refuse_pending", "update_payload"]

Rules = Mapping[str, FieldRule]


def payload_of(job: Job, rules: Rules, change: Change) -> Record:
    """What ``change`` sends; empty for a deactivation."""
    if change.action is Action.CREATE:
        return {one.name: one.new for one in change.fields}
    if change.action is Action.DEACTIVATE:
        return {}
    return update_payload(job, rules, change)


def create_fields(rules: Rules, record: Record) -> tuple[FieldChange, ...]:
    """The declared fields of ``record`` that hold something; empty ones only where the rule lets them clear."""
    return tuple(
        [
            FieldChange(name, None, record[name], rule.is_personal)
            for name, rule in rules.items()
            if rule.policy is not FieldPolicy.NEVER
            and name in record
            and (rule.clear_when_empty or not is_empty(record[name]))
        ]
    )


def update_payload(job: Job, rules: Rules, change: Change) -> Record:
    """The changed fields and what the target demands with every update, from the new record.

    Where the new record has nothing for a demanded field, the target keeps what it has: it is sent back its own value.
    """
    payload = {one.name: one.new for one in change.fields}
    current = change.current or {}
    for name in job.always_send:
        rule = rules.get(name)
        if name in payload or (rule is not None and rule.policy is FieldPolicy.NEVER):
            continue
        value = change.record.get(name)
        if is_empty(value):
            value = rule.reader(current) if rule is not None and rule.reader else current.get(name)
        if not is_empty(value):
            payload[name] = value
    return payload


def refuse_pending(payload: Record, where: str) -> None:
    """Raises ``UsageError`` BW4008 where ``payload`` holds a value that another job has still to create."""
    names = [name for name, value in payload.items() if holds_pending(value)]
    if names:
        raise UsageError(
            "BW4008",
            f"the plan waits for records that another job has still to create: {', '.join(names)}",
            where=where,
            why="it is a preview of several jobs; the ids are known only once the earlier job has run",
            fix="run the jobs together: busway run",
        )
