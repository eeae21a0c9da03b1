"""The coordinator of one host: leases and quotas in a small database of the state folder."""

from __future__ import annotations

from pathlib import Path

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.coordination import Lease, Quota, QuotaUse
from busway.stores.coordination_schema import COORDINATION_DB, COORDINATION_MIGRATIONS
from busway.stores.local_leases import LocalLeases
from busway.stores.local_quotas import LocalQuotas
from busway.stores.presence import Presence
from busway.stores.process_database import ProcessDatabase
from busway.stores.state_dir import LOCKS, prepare_state_dir

__all__ = ["LocalCoordinator"]


class LocalCoordinator:
    """A :class:`busway.contracts.coordination.Coordinator` for all processes that share one state folder.

    It knows nothing of other hosts: where several run the same deployment, a cache backend with coordination takes
    its place. Nothing is opened before the first use. Every method raises what
    :func:`busway.stores.database.open_database` raises (BW3101 to BW3104): without the database nothing is granted.

    :param state_dir: the state folder.
    :param clock: wall clock of leases and windows.
    """

    def __init__(self, state_dir: Path, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        folder = prepare_state_dir(state_dir)
        self._database = ProcessDatabase(folder / COORDINATION_DB, COORDINATION_MIGRATIONS)
        self._presence = Presence(folder / LOCKS)
        self._leases = LocalLeases(self._database, self._presence, clock)
        self._quotas = LocalQuotas(self._database, clock)

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Takes the lease; ``None`` when somebody else has it."""
        return self._leases.acquire(name, holder, seconds)

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extends it; ``None`` when it is no longer ours."""
        return self._leases.renew(lease, seconds)

    def release(self, lease: Lease) -> bool:
        """Gives it back; False when it was no longer ours."""
        return self._leases.release(lease)

    def current(self, name: str) -> Lease | None:
        """Who holds it now."""
        return self._leases.current(name)

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        """Draws calls and returns 0.0, or the seconds after which to ask again. Raises ``UsageError`` BW3110."""
        return self._quotas.take(quota, count, share)

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw from ``quota`` for ``seconds``."""
        self._quotas.hold(quota, seconds)

    def quota_use(self) -> list[QuotaUse]:
        """How far the quotas are drawn from that anybody uses now."""
        return self._quotas.in_use()

    def close(self) -> None:
        """Closes the database and ends our presence: leases we did not release are free from then on."""
        self._presence.close()
        self._database.close()
