"""The digest: errors counted by group, told at once the first time and then in sums, as events for people."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from busway.contracts.clock import Clock
from busway.events.audience import audiences, is_addressed
from busway.events.digest_content import digest_summary
from busway.events.digest_period import DigestPeriod
from busway.events.digest_status import DigestStatus, digest_status
from busway.events.digest_writing import compose_first, compose_hourly
from busway.events.error_intake import Intake, grouped, read_intake
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.metrics.registry import Metrics
from busway.stores.file_lock import file_lock
from busway.stores.state import StateStore
from busway.stores.state_dir import LOCKS
from busway.stores.told_groups import ToldGroups
from busway.stores.unsent_digests import UnsentDigests

__all__ = ["READER", "Digest"]

READER = "#digest"
"""Name of its cursors; no sink can be called that."""
LOCK_SECONDS = 5.0
LOCK_POLL_SECONDS = 0.02

_log = logging.getLogger("busway.events")


class Digest:
    """Counts errors from the journals of the installation, and tells them.

    A group of errors is told at once when it first appears, and again when it goes on for longer than the repeat
    interval of a route; everything is in exactly one hourly digest. What is counted, how far the journals were read,
    who was told and what is still to be sent moves in one transaction, so a kill at any moment neither loses nor
    repeats a count; a digest that may not have reached the journal goes out under the id it was composed with.
    """

    def __init__(
        self,
        folder: JournalFolder,
        state: StateStore,
        clock: Clock,
        write: Callable[[dict[str, Any]], bool],
        policy: EventPolicy | None = None,
        receives: Mapping[str, Collection[str]] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """
        :param write: journals a finished record; False when it was dropped.
        :param receives: the sinks that are known, and what each receives.
        """
        self._folder = folder
        self._state = state
        self._clock = clock
        self._write = write
        self._policy = policy or EventPolicy()
        self._metrics = metrics or Metrics()
        self._audiences = audiences(self._policy, receives or {})
        self._period = DigestPeriod(state)
        self._told = ToldGroups(state)
        self._unsent = UnsentDigests(state)
        self._lock = state.state_dir / LOCKS / "digest.lock"
        self._looked_ns = 0
        self._seen: dict[str, int] = {}
        """Sizes of the journals when they were last read to their ends."""

    def collect(self, wait_seconds: float = LOCK_SECONDS) -> bool:
        """Counts the errors journalled since the last call, and sends nothing.

        While another process is at it, this waits for at most ``wait_seconds``; False when it still was then.
        """
        with self._turn(wait_seconds) as ours:
            if ours:
                self._count()
            return ours

    def tell(self, wait_seconds: float = LOCK_SECONDS) -> list[dict[str, Any]]:
        """Counts, and sends what is due: groups that are new at once, sums when their time has come.

        Returns the contents of what was sent. What another process is at for so long is that process's work.
        """
        with self._turn(wait_seconds) as ours:
            if not ours:
                return []
            self._count()
            with self._state.transaction():
                self._compose_due()
            return self._send_unsent()

    def send(self) -> dict[str, Any] | None:
        """Sends a digest of the errors since the last one, due or not; ``None`` when there were none.

        Returns the content for sinks without a route of their own.
        """
        with self._turn(LOCK_SECONDS) as ours:
            if not ours:
                _log.warning("no digest was sent: another process has been at it for %g s", LOCK_SECONDS)
                return None
            self._count()
            with self._state.transaction():
                self._hourly(self._clock.now_ns())
            sent = [content for content in self._send_unsent() if content["kind"] == "hourly"]
        whole = [content for content in sent if "only_for" not in content]
        return whole[-1] if whole else None

    def idle(self) -> bool:
        """Whether there is nothing to do: a cheap question, asked often.

        The state is asked only where nothing is known to wait: another process may have counted errors and deleted the
        journal they were in, so that nothing here shows that a digest has become due.
        """
        now, due = self._clock.now_ns(), self._period.due_ns or self._period.due(self._policy.digest_seconds)
        if now < self._looked_ns or (due is not None and now >= due):
            return False
        return all(self._seen.get(file) == self._folder.size(file) for file in self._folder.files())

    def status(self) -> DigestStatus:
        """What was told and what waits, as of the last count."""
        with self._state.snapshot():
            return digest_status(self._state, self._audiences, self._period, self._told, self._policy)

    def _count(self) -> None:
        while True:
            sizes = {file: self._folder.size(file) for file in self._folder.files()}
            intake = read_intake(self._folder, self._state.cursors.of(READER))
            if intake.moved:
                with self._state.transaction():
                    self._take_in(intake)
            if intake.whole:
                self._seen = sizes
                return

    def _take_in(self, intake: Intake) -> None:
        """In one transaction: counted and read are the same thing."""
        groups = self._state.error_groups
        now = self._clock.now_ns()
        sessions = {str(one["session_id"]) for one in intake.errors if one.get("session_id")}
        jobs = {session: self._state.open_sessions.name_of(session) for session in sessions}
        groups.add(grouped(intake.errors, jobs, groups.fingerprints()))
        self._unsent.remove(intake.digests)
        self._state.cursors.advance(READER, intake.moved)
        if intake.errors:
            self._period.begin(now)

    def _compose_due(self) -> None:
        now = self._looked_ns = self._clock.now_ns()
        self._period.not_after(now)
        self._told.not_after(now)
        due = self._period.due(self._policy.digest_seconds)
        if due is not None and now >= due:
            self._hourly(now)
        elif due is not None:
            for record in compose_first(
                self._state.error_groups.all(), self._audiences, self._told, self._period, now, due
            ):
                self._keep(record)

    def _hourly(self, now: int) -> None:
        groups = self._state.error_groups.take()
        for record in compose_hourly(groups, self._audiences, self._told, self._period, now) if groups else ():
            self._keep(record)
            self._count_suppressed(record["attributes"])
        if groups:
            longest = max([one.route.repeat_seconds for one in self._audiences])
            self._told.begin_period(now - int(longest * 1e9))
            self._period.end(now)

    def _count_suppressed(self, told: Mapping[str, Any]) -> None:
        name, text = "busway_notifications_suppressed_total", "Errors that no message was sent about at once."
        for audience in self._audiences:
            if is_addressed(audience.name, told):
                self._metrics.counter(name, text, sink=audience.name).add(told["suppressed"])

    def _keep(self, record: dict[str, Any]) -> None:
        self._unsent.add(record)

    def _send_unsent(self) -> list[dict[str, Any]]:
        sent = []
        for record in self._unsent.all():
            sent.append(digest_summary(record))
            if self._write(record):
                self._unsent.remove([record["event_id"]])
        return sent

    @contextmanager
    def _turn(self, wait_seconds: float) -> Iterator[bool]:
        """Not a lock to wait on without end: its holder may be a process that was stopped."""
        until = time.monotonic() + wait_seconds
        while True:
            with file_lock(self._lock, wait=False) as ours:
                if ours or time.monotonic() >= until:
                    yield ours
                    return
            time.sleep(LOCK_POLL_SECONDS)
