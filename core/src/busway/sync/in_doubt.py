"""Writes that a killed run had in hand: compared with the target as it is, once that has been read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.stores.writes_in_hand import WriteInHand
from busway.sync.digests import RecordDigests
from busway.sync.ports import SyncState

__all__ = ["ADOPT", "InDoubt", "is_inactive", "remember", "resolve"]

ADOPT = "adopt"
"""The action of an update that also makes its record ours."""
MAKES_OURS = frozenset({"create", ADOPT})


@dataclass(slots=True)
class InDoubt:
    """What became of them."""

    carried_out: list[tuple[WriteInHand, str]] = field(default_factory=list)
    """With the id of the target record."""
    not_seen: list[WriteInHand] = field(default_factory=list)
    """They are planned again, and creates looked up before they are sent."""

    def made_ours(self) -> frozenset[str]:
        """Ids of records that Busway created or adopted without having noted it."""
        return frozenset(known for row, known in self.carried_out if row.action in MAKES_OURS)

    def doubtful(self) -> frozenset[str]:
        """Key digests of creates that the target does not show."""
        return frozenset(row.key_digest for row in self.not_seen if row.action == "create")

    def told(self) -> str:
        """For the report; empty when there was nothing in doubt."""
        rows = [row for row, _ in self.carried_out] + self.not_seen
        if not rows:
            return ""
        writes = "1 write" if len(rows) == 1 else f"{len(rows):,} writes"
        return (
            f"run {rows[0].run_id[:11]} ended in the middle of {writes}; "
            f"read back: {len(self.carried_out):,} had been carried out"
        )


def resolve(job: Job, rows: Sequence[WriteInHand], target: Iterable[Record], digests: RecordDigests) -> InDoubt:
    """Compares ``rows`` with ``target``; changes nothing. A mere update is for the plan to compare."""
    found = InDoubt()
    rows = [row for row in rows if row.action != "update"]
    if not rows:
        return found
    by_key: dict[str, Record] = {}
    by_id: dict[str, Record] = {}
    for one in target:
        by_id[str(one.get(job.id_field, ""))] = one
        if (key := job.match_on.of(one)) is not None:
            by_key[digests.key(key)] = one
    for row in rows:
        keyed = by_key.get(row.key_digest)
        current = by_id.get(row.target_id) if row.target_id else keyed
        if current is not None and _shows(job, row, current, keyed):
            found.carried_out.append((row, str(current.get(job.id_field, ""))))
        else:
            found.not_seen.append(row)
    return found


def remember(job: Job, found: InDoubt, state: SyncState, kept: frozenset[str]) -> None:
    """Makes what was created ours, and forgets what did not happen, together.

    :param kept: key digests of creates that will be tried again: their notes stay until then.
    """
    with state.transaction():
        state.add_managed(job.name, found.made_ours())
        for row, known in found.carried_out:
            if row.action == "reactivate":
                state.mark_deactivated(job.name, known, deactivated=False)
        for row in found.not_seen:
            if row.action == "deactivate":
                state.mark_deactivated(job.name, row.target_id, deactivated=False)
        over = [row.key_digest for row in state.writes_in_hand.of(job.name) if row.key_digest not in kept]
        state.writes_in_hand.end(job.name, over)


def is_inactive(job: Job, record: Record) -> bool:
    """Whether a target record is out of use; never where records of ``job`` have no lifecycle."""
    if not job.active_field:
        return False
    value = record.get(job.active_field)
    return not value or value == "0"  # some targets answer flags as text


def _shows(job: Job, row: WriteInHand, current: Record, keyed: Record | None) -> bool:
    """Whether the target shows that ``row`` was carried out."""
    if row.action == "create":
        return True
    if row.action == ADOPT:
        return keyed is current  # an adoption gives the record our key
    return is_inactive(job, current) == (row.action == "deactivate")
