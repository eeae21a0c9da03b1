"""The job: what an integration implements, once per kind of record it moves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from busway.contracts.fields import FieldRule
from busway.contracts.keys import MatchKey
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway.errors import UsageError

__all__ = ["Job"]


class Job(ABC):
    """A sync job: declarations for the engine, two reads, a mapping and the writes.

    The engine reads both sides completely or not at all, maps, validates, compares, plans, holds or applies,
    and accounts. A job only says what is specific to its records. From a write, raise ``RejectedRecordError`` when
    the target refuses that one record, and ``UnreachableError`` when it does not serve now (``ambiguous = False`` when
    the request certainly was not carried out, ``retry_after_seconds`` when it said how long): that is tried again
    within a budget. Other errors of ``busway.errors`` end the job.

    Jobs of one run that do not depend on each other may be at work at the same time, each in a thread of its own.
    """

    name: ClassVar[str]
    """Name on the command line and in configuration, such as ``employees``."""
    entity: ClassVar[str]
    """What one record is, such as ``employee``; validators and events use it."""
    depends_on: ClassVar[tuple[str, ...]] = ()
    """Jobs that must have run before, where they are part of the run."""
    match_on: ClassVar[MatchKey]
    """Applied to mapped source records and to target records."""
    adopt_on: ClassVar[tuple[MatchKey, ...]] = ()
    """Further keys, tried in order against target records that lack ``match_on``: a match adopts that record."""
    fields: ClassVar[Mapping[str, FieldRule]]
    """The managed fields; a field not named here is never written."""
    always_send: ClassVar[tuple[str, ...]] = ()
    """Fields the target demands on every update, changed or not; taken from the new record."""
    distinct: ClassVar[bool] = False
    """Many source records may map to one target record (many people share a title); else duplicates are errors."""
    id_field: ClassVar[str] = "id"
    """The field of a target record that holds its id."""
    active_field: ClassVar[str] = ""
    """The field of a target record that says whether it is active (truthy); empty = records have no lifecycle,
    nothing is ever deactivated."""
    requires_validators: ClassVar[bool] = False
    """The mapping leaves normalisation to the validators of ``entity``: a deployment that selects the job and no such
    validator is refused (BW4013), because it would write raw values."""
    account: ClassVar[str] = ""
    """Name of the account that is written to, such as ``safetyamp``: when it stops answering one of its jobs, none of
    them goes on knocking. Empty = the job's own."""
    concurrency: ClassVar[int] = 1
    """Writes that may be under way at once; more than 1 needs writes that are safe to call from several threads.
    ``[sync.<job>] concurrency`` changes it."""
    mapping_version: ClassVar[str] = "1"
    """Change it when the mapping changes, so that records in quarantine are tried again."""

    @abstractmethod
    def source(self, run: Run) -> Iterable[Record]:
        """Every record of the source, or raises: a source that ends early would read as people who left."""

    @abstractmethod
    def target(self, run: Run) -> Complete[Record]:
        """Every record of the target, or raises ``IncompleteReadError``."""

    def map(self, record: Record, run: Run) -> Record | Skip:
        """The target's shape of one source record, or why it has none. By default: as it is.

        An exception fails this record; the run goes on.
        """
        return record

    @abstractmethod
    def create(self, record: Record) -> Record:
        """Creates ``record`` and returns it as the target answered, with its id."""

    def update(self, current: Record, changes: Record) -> Record:
        """Writes ``changes`` (changed fields and ``always_send``) to ``current`` and returns the answer."""
        raise self._cannot("update")

    def deactivate(self, current: Record) -> Record:
        """Takes ``current`` out of use without deleting it, and returns the answer."""
        raise self._cannot("deactivate")

    def reactivate(self, current: Record, changes: Record) -> Record:
        """Takes ``current`` into use again, with ``changes``, and returns the answer."""
        raise self._cannot("reactivate")

    def find(self, record: Record) -> Record | None:
        """Looks for ``record`` in the target by its key, to read back a create whose answer was lost.

        The default knows no way and returns ``None``: an ambiguous create then fails that record instead of
        being repeated.
        """
        return None

    def close(self) -> None:  # noqa: B027 - most jobs have nothing to give back
        """Gives connections back; called once, when the application closes. By default nothing."""

    def label(self, record: Record) -> str:
        """How a person recognises ``record`` in a plan; by default its match key. No personal data."""
        return (self.match_on.of(record) or "(no key)").replace("\x1f", " / ")

    def _cannot(self, operation: str) -> UsageError:
        return UsageError(
            "BW4006",
            f"job {self.name} cannot {operation} records",
            where=f"{type(self).__module__}.{type(self).__qualname__}",
            why=f"the job declares fields or a lifecycle that need {operation}(), but does not implement it",
            fix=f"implement {operation}() or make the fields create_only",
        )
