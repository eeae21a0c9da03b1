"""The coordinator of a deployment of many hosts: leases and quotas on the Redis they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from busway.contracts.coordination import Lease, Quota, QuotaUse
from busway.errors import UnreachableError
from busway_cache_redis.client import Client
from busway_cache_redis.leases import Leases
from busway_cache_redis.names import Names
from busway_cache_redis.quotas import Quotas

__all__ = ["RedisCoordinator"]


class RedisCoordinator:
    """A :class:`busway.contracts.coordination.Coordinator` over the server of the cache level.

    Every method raises ``UnreachableError`` BW2029 when the server cannot be asked, or refuses: nothing is granted.

    :param now_us: tells the time in microseconds since the epoch in place of the server's clock; for tests.
    """

    def __init__(self, client: Client, names: Names, now_us: Callable[[], int] | None = None) -> None:
        self._client = client
        self._leases = Leases(client, names, now_us)
        self._quotas = Quotas(client, names, now_us)

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Takes the lease; ``None`` when somebody else has it."""
        with _failing_closed():
            return self._leases.acquire(name, holder, seconds)

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extends it; ``None`` when it is no longer ours."""
        with _failing_closed():
            return self._leases.renew(lease, seconds)

    def release(self, lease: Lease) -> bool:
        """Gives it back; False when it was no longer ours."""
        with _failing_closed():
            return self._leases.release(lease)

    def current(self, name: str) -> Lease | None:
        """Who holds it now."""
        with _failing_closed():
            return self._leases.current(name)

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        """Draws calls and returns 0.0, or the seconds after which to ask again. Raises ``UsageError`` BW3110."""
        with _failing_closed():
            return self._quotas.take(quota, count, share)

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw from ``quota`` for ``seconds``."""
        with _failing_closed():
            self._quotas.hold(quota, seconds)

    def quota_use(self) -> list[QuotaUse]:
        """How far the quotas are drawn from that anybody uses now."""
        with _failing_closed():
            return self._quotas.in_use()

    def close(self) -> None:
        """Nothing of its own is open: the connections are the cache level's, which closes them."""


@contextmanager
def _failing_closed() -> Iterator[None]:
    try:
        yield
    except UnreachableError as error:
        problem = error.problem
        closed = UnreachableError(
            "BW2029",
            "leases and quotas cannot be had: Redis, which keeps them, does not serve",
            where=problem.where,
            why=f"{problem.what}: {problem.why}",
            fix=problem.fix,
        )
        closed.ambiguous = error.ambiguous
        raise closed from error
