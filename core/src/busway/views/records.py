"""Records in quarantine (``busway.records/1``, ``busway.record/1``, ``busway.records-decided/1``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busway.stores.quarantine import QuarantinedRecord
from busway.views.record_filter import RecordFilter

if TYPE_CHECKING:
    from busway.stores.state import StateStore

__all__ = ["ChosenRecords", "choose_records", "decided_data"]


@dataclass(frozen=True, slots=True)
class ChosenRecords:
    """The records in quarantine that fit, and what is known besides."""

    known: Sequence[QuarantinedRecord]
    """All that there are."""
    found: Sequence[QuarantinedRecord]
    dismissed: int
    """Those that would fit and were dismissed; they are found only when asked for."""

    def as_dict(self, limit: int) -> dict[str, Any]:
        """For ``--json``: at most ``limit`` of them, the latest first."""
        rows = [one.as_dict() for one in self.found[:limit]]
        return {"total": len(self.found), "dismissed": self.dismissed, "records": rows}


def choose_records(store: StateStore, filters: RecordFilter, now_ns: int) -> ChosenRecords:
    """What is in quarantine; what was dismissed only when the filters ask for it."""
    known = store.quarantine.of()
    found = filters.pick(known, now_ns, ("waiting", "released"))
    dismissed = 0 if filters.state else len(filters.pick(known, now_ns, ("dismissed",)))
    return ChosenRecords(known, found, dismissed)


def decided_data(chosen: Sequence[QuarantinedRecord], state: str) -> dict[str, Any]:
    """What became of records that somebody released or dismissed."""
    rows = [{"id": one.record_id, "job": one.job, "label": one.label} for one in chosen]
    return {"state": state, "count": len(chosen), "records": rows}
