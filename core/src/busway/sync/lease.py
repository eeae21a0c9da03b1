"""The lease of a run: one at a time, also between hosts, and known to be lost when it is."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from busway.contracts.clock import Clock
from busway.contracts.coordination import Coordinator, Lease
from busway.errors import HeldError, Problem, UnreachableError
from busway.sync.ports import SyncState

__all__ = ["HeldLease", "RunLease"]

SECONDS = 30.0
"""How long the right lasts without being renewed; a host that vanished keeps others waiting no longer."""
RENEWED_EVERY = SECONDS / 3


class HeldLease:
    """A lease that is ours, as long as it can be renewed. Also a wish to stop, once it is lost."""

    def __init__(self, coordinator: Coordinator, lease: Lease, clock: Clock) -> None:
        self._coordinator = coordinator
        self._lease = lease
        self._clock = clock
        self._renewed_at = clock.monotonic()
        self.lost: Problem | None = None
        """Why it is ours no more."""

    @property
    def name(self) -> str:
        """What it is for."""
        return self._lease.name

    @property
    def token(self) -> int:
        """The number that our stores know the holder by."""
        return self._lease.token

    def requested(self) -> bool:
        """True once it is lost: whoever has it now may be writing.

        A process that stood still for longer than its right lasted knows by its own clock, before it is told.
        """
        if self.lost is None and self._clock.monotonic() - self._renewed_at >= SECONDS:
            self.lost = _lost(self._lease, f"it was not renewed for {SECONDS:.0f} s")
        return self.lost is not None

    def renew(self) -> None:
        """Extends it. A coordinator that is away is asked again until our time is over."""
        if self.requested():
            return
        asked_at = self._clock.monotonic()
        try:
            lease = self._coordinator.renew(self._lease, SECONDS)
        except UnreachableError:
            return  # `requested` notices when that lasts too long
        if lease is None:
            self.lost = _lost(self._lease, "somebody else has taken it")
            return
        self._lease, self._renewed_at = lease, asked_at

    def release(self) -> None:
        """Gives it back. A coordinator that is away lets it run out by itself."""
        with suppress(UnreachableError):
            self._coordinator.release(self._lease)


class RunLease:
    """The right to run of one deployment.

    :param coordinator: connected to when a run begins, and not before.
    :param app: name of the deployment.
    """

    def __init__(self, coordinator: Callable[[], Coordinator], app: str, clock: Clock, state: SyncState) -> None:
        self._coordinator = coordinator
        self._name = f"run:{app}"
        self._clock = clock
        self._state = state

    @contextmanager
    def held(self) -> Iterator[HeldLease]:
        """The lease, for the block, renewed by a thread.

        :raises HeldError: BW7002 while another run is going on.
        :raises UnreachableError: the coordinator is away: nobody knows who else runs.
        """
        coordinator = self._coordinator()
        lease = coordinator.acquire(self._name, holder(), SECONDS)
        if lease is None:
            raise self._taken(coordinator.current(self._name))
        held = HeldLease(coordinator, lease, self._clock)
        self._state.fences.raise_to(held.name, held.token)
        over = threading.Event()
        keeper = threading.Thread(target=_keep, args=(held, over), name="busway-run-lease", daemon=True)
        keeper.start()
        try:
            yield held
        finally:
            over.set()
            keeper.join()
            held.release()

    def current(self) -> Lease | None:
        """Who runs now. Raises ``UnreachableError`` when the coordinator is away."""
        return self._coordinator().current(self._name)

    def _taken(self, other: Lease | None) -> HeldError:
        who = f"{other.holder} since {_time(other.since_ns)}" if other else "another process, just now"
        return HeldError(
            "BW7002",
            "another run is going on",
            where=f"lease {self._name}",
            why=f"{who}; two runs that plan from the same reads would create everything twice",
            fix="wait until it ends: busway sessions list",
        )


def holder() -> str:
    """How this process is told of: ``process 4711 on app-1``."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def _keep(held: HeldLease, over: threading.Event) -> None:
    while not over.wait(RENEWED_EVERY):
        held.renew()


def _lost(lease: Lease, why: str) -> Problem:
    return Problem(
        "BW7003",
        "the right to run was lost",
        f"lease {lease.name}, number {lease.token}",
        f"{why}; the record in hand was finished, and nothing after it was begun",
        "see who runs now: busway sessions list",
    )


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
