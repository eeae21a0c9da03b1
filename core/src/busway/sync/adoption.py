"""Adoption: records that are linked by their key become managed, because somebody says they are ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.sync.mapping import safe_label

__all__ = ["Linked", "linked_records"]


@dataclass(frozen=True, slots=True)
class Linked:
    """One target record that a source record matches, and that Busway neither created nor adopted."""

    key: str
    label: str
    """No personal data."""
    target_id: str


def linked_records(job: Job, keys: Collection[str], target: Iterable[Record], managed: Collection[str]) -> list[Linked]:
    """The linked records of ``job``, by label; keys that several target records share are left out.

    :param keys: the match keys of the valid source records.
    :param managed: ids that are managed already.
    """
    found: dict[str, list[Record]] = {}
    for current in target:
        key = job.match_on.of(current)
        if key is not None and key in keys:
            found.setdefault(key, []).append(current)
    single = [(key, records[0]) for key, records in found.items() if len(records) == 1]
    rows = [(key, current, str(current.get(job.id_field, ""))) for key, current in single]
    linked = [
        Linked(key, safe_label(job, current, "(unreadable)"), target_id)
        for key, current, target_id in rows
        if target_id and target_id not in managed
    ]
    return sorted(linked, key=lambda one: one.label)
