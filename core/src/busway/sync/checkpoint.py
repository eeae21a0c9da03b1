"""The checkpoint of a job: what is noted before a write is sent, and after it is known what became of it.

A process may be killed between the two. What it noted before then tells the next run which writes may have been
carried out, so that nothing is created twice and nothing that was created is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from busway.contracts.clock import Clock
from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.stores.quarantine import QuarantinedRecord
from busway.stores.writes_in_hand import WriteInHand
from busway.sync.digests import RecordDigests
from busway.sync.in_doubt import ADOPT
from busway.sync.plan import Action, Change
from busway.sync.ports import SyncState

__all__ = ["Checkpoint", "target_id"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Notes of one job in one run. Each step is one transaction; used by one thread at a time.

    :param fence: raises ``HeldError`` BW7003 when another run has taken over.
    """

    job: Job
    run_id: str
    state: SyncState
    digests: RecordDigests
    clock: Clock
    fence: Callable[[], None]

    def start(self, session_id: str, planned: int) -> None:
        """The job begins to write."""
        with self.state.transaction():
            self.fence()
            self.state.job_progress.begin(self.job.name, self.run_id, session_id, planned, self.clock.now_ns())

    def begin(self, change: Change, payload: Record) -> None:
        """Before a write is sent.

        A deactivation is remembered now: a kill right after it must not make ours look like a person's, which nothing
        would ever undo.
        """
        known = target_id(self.job, change, {})
        row = WriteInHand(
            self.job.name,
            self.digests.key(change.key),
            change.label,
            ADOPT if change.adopts and change.action is Action.UPDATE else change.action.value,
            known,
            sorted(payload),
            self.run_id,
            self.clock.now_ns(),
        )
        with self.state.transaction():
            self.fence()
            self.state.writes_in_hand.begin(row)
            if change.action is Action.DEACTIVATE:
                self.state.mark_deactivated(self.job.name, known, deactivated=True)

    def wrote(self, change: Change, written_id: str, entry: QuarantinedRecord | None = None) -> None:
        """A write is verified; ``entry`` is what of the record waits in quarantine, if any."""
        key, job = self.digests.key(change.key), self.job.name
        with self.state.transaction():
            if change.action is Action.CREATE or change.adopts:
                self.state.add_managed(job, (written_id,))
            if change.action is Action.REACTIVATE:
                self.state.mark_deactivated(job, written_id, deactivated=False)
            self.state.writes_in_hand.end(job, (key,))
            self.state.job_progress.advance(job, 1, self.clock.now_ns())
            self._quarantine(key, entry)

    def failed(self, change: Change, entry: QuarantinedRecord, *, in_doubt: bool) -> None:
        """A write failed; with ``in_doubt`` it may have been carried out all the same, and its note stays."""
        key, job = entry.key_digest, self.job.name
        with self.state.transaction():
            if not in_doubt:
                self.state.writes_in_hand.end(job, (key,))
                if change.action is Action.DEACTIVATE:
                    self.state.mark_deactivated(job, target_id(self.job, change, {}), deactivated=False)
            self.state.job_progress.advance(job, 1, 0)
            self._quarantine(key, entry)

    def withdrawn(self, change: Change) -> None:
        """A write that was about to be sent was not."""
        with self.state.transaction():
            self.state.writes_in_hand.end(self.job.name, (self.digests.key(change.key),))
            if change.action is Action.DEACTIVATE:
                self.state.mark_deactivated(self.job.name, target_id(self.job, change, {}), deactivated=False)

    def pardoned(self, changes: Iterable[Change]) -> None:
        """These failed for a reason that was not theirs: the next run tries them."""
        self.state.quarantine.remove(self.job.name, [self.digests.key(change.key) for change in changes])

    def adopted(self, ids: Iterable[str]) -> None:
        """Records that become managed without a write."""
        with self.state.transaction():
            self.fence()
            self.state.add_managed(self.job.name, ids)

    def quarantined(self, entries: Iterable[QuarantinedRecord], recovered: Iterable[str]) -> None:
        """What the plan found out about records that get no write."""
        with self.state.transaction():
            self.state.quarantine.put_many(entries)
            self.state.quarantine.remove(self.job.name, recovered)

    def finish(self) -> None:
        """The job ends by itself."""
        self.state.job_progress.end(self.job.name, self.clock.now_ns())

    def _quarantine(self, key: str, entry: QuarantinedRecord | None) -> None:
        if entry is None:
            self.state.quarantine.remove(self.job.name, (key,))
        else:
            self.state.quarantine.put(entry)


def target_id(job: Job, change: Change, answer: Record) -> str:
    """The id of the record that ``change`` is about; the one we know wins, since an answer need not repeat it."""
    known = (change.current or {}).get(job.id_field)
    return str(answer.get(job.id_field, "") if known is None else known)
