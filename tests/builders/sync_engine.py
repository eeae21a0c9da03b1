"""A sync engine with doubles for everything around it."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from busway.contracts.coordination import Lease, Quota
from busway.contracts.jobs import Job
from busway.contracts.runs import RunData
from busway.contracts.validators import Validator
from busway.stores.state import StateStore
from busway.sync.context import NEVER, RunContext
from busway.sync.engine_settings import EngineSettings
from busway.sync.lease import RunLease
from busway.sync.runner import SyncEngine

T = TypeVar("T")
NOON = 1_767_268_800_000_000_000
"""2026-01-01 12:00 UTC."""


class StandingClock:
    """A clock that moves only when told."""

    def __init__(self, now_ns: int = NOON) -> None:
        self.ns = now_ns
        self.slept = 0.0

    def now_ns(self) -> int:
        return self.ns

    def monotonic(self) -> float:
        return self.ns / 1e9

    def sleep(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)
        self.slept += seconds


class RunMemory:
    """Snapshots of one run."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def get_or_populate(self, name: str, *, loader: Callable[[], T], key: str = "_") -> T:
        if (name, key) not in self.kept:
            self.kept[name, key] = loader()
        value: T = self.kept[name, key]
        return value


class MemoryData:
    """Begins runs and counts how many were ended."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    @contextmanager
    def begin_run(self) -> Iterator[RunData]:
        self.begun += 1
        try:
            yield RunMemory()
        finally:
            self.ended += 1


@dataclass
class MemoryEvents:
    """Every call as (method, arguments)."""

    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    started: int = 0

    def start_sync(self, name: str, correlation_id: str | None = None) -> str:
        self.started += 1
        session = f"session-{self.started}"
        self.open.add(session)
        self.calls.append(("start_sync", (name, correlation_id)))
        return session

    def log_creation(self, *told: Any) -> None:
        self._log("log_creation", told)

    def log_update(self, *told: Any) -> None:
        self._log("log_update", told)

    def log_deletion(self, *told: Any) -> None:
        self._log("log_deletion", told)

    def log_skip(self, *told: Any) -> None:
        self._log("log_skip", told)

    def log_error(self, *told: Any) -> None:
        self._log("log_error", told)

    def emit(self, category: str, *, session_id: str | None = None, **told: Any) -> None:
        self._log("emit", (category, told["severity"], told["attributes"], session_id))

    def end_sync(self, session_id: str | None = None) -> dict[str, Any]:
        self.open.remove(session_id or "")
        return {}

    def of(self, method: str) -> list[tuple[Any, ...]]:
        return [told for name, told in self.calls if name == method]

    def _log(self, method: str, told: tuple[Any, ...]) -> None:
        assert told[-1] in self.open or told[0] == "audit", "told outside of its session"
        self.calls.append((method, told))


@dataclass
class MemoryState:
    """What the engine remembers of records, in memory; the rest is in a real store, made when it is asked for."""

    managed: dict[str, set[str]] = field(default_factory=dict)
    deactivated: dict[str, set[str]] = field(default_factory=dict)
    good: dict[str, dict[str, Any]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="busway-state-")
        shutil.copy(_empty_store() / "state.db", folder.name)
        self.store = StateStore(Path(folder.name))
        self.quarantine, self.held_plans = self.store.quarantine, self.store.held_plans
        self.pauses, self.fences = self.store.pauses, self.store.fences
        self.writes_in_hand, self.job_progress = self.store.writes_in_hand, self.store.job_progress
        weakref.finalize(self, _clean_up, self.store, folder)

    def transaction(self) -> AbstractContextManager[Any]:
        return self.store.transaction()

    def managed_ids(self, job: str) -> frozenset[str]:
        return frozenset(self.managed.get(job, ()))

    def add_managed(self, job: str, target_ids: Iterable[str]) -> None:
        self.managed.setdefault(job, set()).update(target_ids)

    def forget_managed(self, job: str, target_ids: Iterable[str]) -> None:
        self.managed.setdefault(job, set()).difference_update(target_ids)

    def deactivated_ids(self, job: str) -> frozenset[str]:
        return frozenset(self.deactivated.get(job, ()))

    def mark_deactivated(self, job: str, target_id: str, *, deactivated: bool) -> None:
        ids = self.deactivated.setdefault(job, set())
        (ids.add if deactivated else ids.discard)(target_id)

    def last_good_run(self, job: str) -> Mapping[str, Any] | None:
        return self.good.get(job)

    def record_good_run(self, job: str, source_count: int, session_id: str, at_ns: int) -> None:
        self.good[job] = {"source_count": source_count, "session_id": session_id, "at_ns": at_ns}

    def plan_used_at(self, plan_id: str) -> int:
        return self.used.get(plan_id, 0)

    def mark_plan_used(self, plan_id: str, at_ns: int) -> bool:
        return self.used.setdefault(plan_id, at_ns) == at_ns


@cache
def _empty_store() -> Path:
    """A state folder that is set up: hypothesis makes hundreds, and the schema is written with many syncs."""
    folder = Path(tempfile.mkdtemp(prefix="busway-state-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = StateStore(folder)
    store.managed.ids("nobody")
    store.close()
    return folder


def _clean_up(store: StateStore, folder: tempfile.TemporaryDirectory[str]) -> None:
    store.close()
    folder.cleanup()


class OneHolder:
    """A coordinator in memory, for one process; ``taken_by`` is somebody else who has every lease."""

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock
        self._tokens: dict[str, int] = {}
        self.leases: dict[str, Lease] = {}
        self.taken_by = ""

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        if self.taken_by or name in self.leases:
            return None
        self._tokens[name] = self._tokens.get(name, 0) + 1
        return self._grant(Lease(name, self._tokens[name], holder, self._clock.ns, 0), seconds)

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        held = self.leases.get(lease.name)
        return self._grant(lease, seconds) if held is not None and held.token == lease.token else None

    def release(self, lease: Lease) -> bool:
        return self.leases.pop(lease.name, None) is not None

    def current(self, name: str) -> Lease | None:
        if self.taken_by:
            return Lease(name, 99, self.taken_by, self._clock.ns, self._clock.ns)
        return self.leases.get(name)

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        return 0.0

    def hold(self, quota: Quota, seconds: float) -> None:
        """Nothing is drawn from quotas here."""

    def close(self) -> None:
        """Nothing is open."""

    def _grant(self, lease: Lease, seconds: float) -> Lease:
        expires = self._clock.ns + round(seconds * 1e9)
        self.leases[lease.name] = Lease(lease.name, lease.token, lease.holder, lease.since_ns, expires)
        return self.leases[lease.name]


class Bench:
    """An engine and its doubles; ``tables`` are the ``[sync.<job>]`` tables."""

    def __init__(
        self,
        *jobs: Job,
        validators: Mapping[str, Sequence[Validator]] | None = None,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
        state: MemoryState | None = None,
        parallel: int = 1,
    ) -> None:
        self.events, self.state, self.data = MemoryEvents(), state or MemoryState(), MemoryData()
        self.clock = StandingClock()
        self.lease_clock = StandingClock()
        """Apart, because a lease is renewed in real time, however the run's clock jumps."""
        self.coordinator = OneHolder(self.lease_clock)
        self.tables = dict(tables or {})
        self.engine = SyncEngine(
            jobs,
            validators=validators or {},
            events=self.events,
            data=self.data,
            state=self.state,
            settings_for=lambda job: self.tables.get(job, {}),
            where=self.where,
            digest=keyed_digest,
            clock=self.clock,
            lease=RunLease(lambda: self.coordinator, "bench", self.lease_clock, self.state),
            engine_settings=EngineSettings(parallel_jobs=parallel),
        )

    def where(self, job: str, key: str) -> str:
        return "busway.toml:31" if key in self.tables.get(job, {}) else ""


UNBRAKED: dict[str, Any] = {
    "allow_empty_source": True,
    "max_source_drop_pct": 100,
    "max_deactivations_pct": 100,
    "max_updates_pct": 100,
    "max_target_drop_pct": 100,
    "max_consecutive_errors": 10_000,
    "max_error_pct": 100,
}
"""For tests of anything but the brakes."""


def keyed_digest(*parts: str) -> str:
    """A digest with a key that is not one."""
    return hashlib.blake2b("\x00".join(parts).encode(), key=b"test", digest_size=16).hexdigest()


def run_of(*jobs: Job, preview: bool = True) -> RunContext:
    """A run for parts that need one."""
    return RunContext("run-1", {job.name: job for job in jobs}, RunMemory(), StandingClock(), NEVER, preview=preview)
