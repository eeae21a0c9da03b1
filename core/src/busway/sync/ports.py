"""What the engine is handed: the parts of the managers and stores that it uses, and no more.

Protocols rather than imports, so that the engine is tested with small doubles and the managers may change inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from busway.contracts.events import Severity
from busway.contracts.runs import RunData
from busway.contracts.validators import Validator
from busway.stores.fences import Fences
from busway.stores.held_plans import HeldPlans
from busway.stores.job_progress import JobProgressStore
from busway.stores.pauses import Pauses
from busway.stores.quarantine import Quarantine
from busway.stores.writes_in_hand import WritesInHand

__all__ = ["Digest", "EventLog", "SettingsFor", "SourceData", "SyncState", "Validators", "Where"]

Digest = Callable[..., str]
"""``digest(*parts)``: a keyed digest of texts, the same for the same texts within one installation."""

SettingsFor = Callable[[str], Mapping[str, Any]]
"""The table ``[sync.<job>]``; empty when there is none."""

Where = Callable[[str, str], str]
"""``where(job, key)``: file and line of a key of that table, such as ``busway.toml:31``; empty when it is not set."""

Validators = Mapping[str, Sequence[Validator]]
"""The validators of each entity, in configured order."""


class EventLog(Protocol):
    """Where sessions, changes and failures are told."""

    def start_sync(self, name: str, correlation_id: str | None = None) -> str:
        """Opens a session and returns its id."""
        ...

    def log_creation(
        self, entity: str, entity_id: str, details: dict[str, Any] | None = None, session_id: str | None = None
    ) -> Any:
        """Tells of a record that was created."""
        ...

    def log_update(
        self, entity: str, entity_id: str, changes: dict[str, Any] | None = None, session_id: str | None = None
    ) -> Any:
        """Tells of a record that was updated or reactivated."""
        ...

    def log_deletion(
        self, entity: str, entity_id: str, reason: str | None = None, session_id: str | None = None
    ) -> Any:
        """Tells of a record that was taken out of use."""
        ...

    def log_skip(self, entity: str, entity_id: str, reason: str, session_id: str | None = None) -> Any:
        """Tells of a record that was left out."""
        ...

    def log_error(
        self,
        kind: str,
        entity: str | None,
        entity_id: str | None,
        message: str,
        exc: BaseException | None = None,
        session_id: str | None = None,
    ) -> Any:
        """Tells of a failure; ``kind`` is one of few words."""
        ...

    def emit(
        self,
        category: str,
        *,
        severity: Severity = ...,
        entity_type: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Any:
        """Tells of anything else; used for warnings."""
        ...

    def end_sync(self, session_id: str | None = None) -> dict[str, Any]:
        """Closes the session and returns its summary."""
        ...


class SourceData(Protocol):
    """The data manager, as far as runs use it."""

    def begin_run(self) -> AbstractContextManager[RunData]:
        """Source snapshots of one run, released at the end of the ``with``."""
        ...


class SyncState(Protocol):
    """What the engine remembers between runs; durable."""

    quarantine: Quarantine
    held_plans: HeldPlans
    pauses: Pauses
    writes_in_hand: WritesInHand
    job_progress: JobProgressStore
    fences: Fences

    def transaction(self) -> AbstractContextManager[Any]:
        """All that the block notes together, or none of it. No call to a remote belongs in it."""
        ...

    def managed_ids(self, job: str) -> frozenset[str]:
        """Ids of the target records that Busway created or adopted."""
        ...

    def add_managed(self, job: str, target_ids: Iterable[str]) -> None:
        """Remembers more of them; known ones are no error."""
        ...

    def forget_managed(self, job: str, target_ids: Iterable[str]) -> None:
        """Forgets those that are not in the target any more."""
        ...

    def deactivated_ids(self, job: str) -> frozenset[str]:
        """Ids of the target records that Busway deactivated and has not reactivated."""
        ...

    def mark_deactivated(self, job: str, target_id: str, *, deactivated: bool) -> None:
        """Remembers that Busway deactivated a record, or that this no longer holds."""
        ...

    def last_good_run(self, job: str) -> Mapping[str, Any] | None:
        """``source_count``, ``session_id`` and ``at_ns`` of the last run that finished."""
        ...

    def record_good_run(self, job: str, source_count: int, session_id: str, at_ns: int) -> None:
        """Remembers this run as the last good one."""
        ...

    def plan_used_at(self, plan_id: str) -> int:
        """When a saved plan was used, nanoseconds since the epoch; 0 = not used."""
        ...

    def mark_plan_used(self, plan_id: str, at_ns: int) -> bool:
        """Uses up a saved plan; True for the first caller alone."""
        ...
