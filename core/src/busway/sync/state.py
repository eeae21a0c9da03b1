"""What the engine remembers, kept in ``state.db``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from busway.stores.state import StateStore

__all__ = ["StoredSyncState"]

USED = "used-plans"


class StoredSyncState:
    """:class:`busway.sync.ports.SyncState` over the state store. Raises what the store raises."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self.quarantine = store.quarantine
        self.held_plans = store.held_plans
        self.pauses = store.pauses
        self.writes_in_hand = store.writes_in_hand
        self.job_progress = store.job_progress
        self.fences = store.fences

    def transaction(self) -> AbstractContextManager[Any]:
        """See the protocol."""
        return self._store.transaction()

    def managed_ids(self, job: str) -> frozenset[str]:
        """See the protocol."""
        return self._store.managed.ids(job)

    def add_managed(self, job: str, target_ids: Iterable[str]) -> None:
        """See the protocol; all ids in one transaction."""
        self._store.managed.add_many(job, target_ids)

    def forget_managed(self, job: str, target_ids: Iterable[str]) -> None:
        """See the protocol."""
        self._store.managed.remove_many(job, target_ids)

    def deactivated_ids(self, job: str) -> frozenset[str]:
        """See the protocol."""
        return self._store.deactivated.ids(job)

    def mark_deactivated(self, job: str, target_id: str, *, deactivated: bool) -> None:
        """See the protocol."""
        if deactivated:
            self._store.deactivated.add(job, target_id)
        else:
            self._store.deactivated.remove(job, target_id)

    def last_good_run(self, job: str) -> Mapping[str, Any] | None:
        """See the protocol."""
        return self._store.last_good_run(job)

    def record_good_run(self, job: str, source_count: int, session_id: str, at_ns: int) -> None:
        """See the protocol."""
        self._store.record_good_run(job, source_count=source_count, session_id=session_id, at_ns=at_ns)

    def plan_used_at(self, plan_id: str) -> int:
        """See the protocol."""
        return int(self._store.get(USED, plan_id, 0))

    def mark_plan_used(self, plan_id: str, at_ns: int) -> bool:
        """See the protocol; of two processes, one is the first."""
        with self._store.transaction():
            if not self._store.mark_plan_used(plan_id):
                return False
            self._store.put(USED, plan_id, at_ns)
            return True
