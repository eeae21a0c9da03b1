"""Processes over one server of cached data, in one test process: who is cut off, and who says what when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.contracts.clock import Clock
from busway.data.decision import NANOSECONDS, Verdict
from busway.data.entry_format import encode
from busway.data.invalidation import Invalidator
from busway.data.levels import Levels
from busway.data.memory_level import MemoryLevel
from busway.data.names import KeySchema, parse_name
from busway.data.policy import Policy
from busway.data.single_flight import SingleFlight
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway.testing.caches import FakeCache

__all__ = ["CacheProcess", "CacheServer", "SharedCache"]


class CacheServer:
    """What all clients share."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, float]] = {}
        self.stamps: dict[str, int] = {}
        self.messages: list[bytes] = []
        self.listeners: list[tuple[SharedCache, Callable[[bytes], None]]] = []

    def send(self, message: bytes) -> None:
        """To everybody who is connected."""
        self.messages.append(message)
        for client, receive in list(self.listeners):
            if not client.away:
                receive(message)


class SharedCache(FakeCache):
    """One client of the server, with generations and messages. ``fail_after`` calls it is cut off by itself."""

    def __init__(self, server: CacheServer, clock: Clock, *, stores_in_clear: bool = True) -> None:
        super().__init__(clock, stores_in_clear=stores_in_clear)
        self.server = server
        self.held = server.held
        self.busy = False
        self.fail_after: int | None = None

    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        self._called("read_generations")
        return [self.server.stamps.get(name, 0) for name in names]

    def raise_generation(self, name: str, stamp: int) -> int:
        self._called("raise_generation")
        self.server.stamps[name] = max(stamp, self.server.stamps.get(name, 0))
        return self.server.stamps[name]

    def publish(self, message: bytes) -> None:
        self._called("publish")
        self.server.send(message)

    def subscribe(self, receive: Callable[[bytes], None]) -> Callable[[], None]:
        self._called("subscribe")
        listener = (self, receive)
        self.server.listeners.append(listener)
        return lambda: self.server.listeners.remove(listener)

    def mend(self) -> None:
        """Connected again: whoever listens through this client is told that it may have missed something."""
        self.away, self.fail_after = False, None
        for client, receive in list(self.server.listeners):
            if client is self:
                receive(b"")

    def _called(self, name: str) -> None:
        if self.fail_after is not None:
            self.fail_after -= 1
            self.away = self.away or self.fail_after < 0
        super()._called(name)
        if self.busy:
            raise UnreachableError("BW2034", "all connections are in use")


class CacheProcess:
    """Levels as one process has them, with what the data manager does with them and nothing else."""

    def __init__(
        self, clock: ManualClock, *levels: tuple[str, Any], policy: Policy | None = None, **options: Any
    ) -> None:
        self.clock = clock
        self.metrics = Metrics()
        self.events: list[dict[str, Any]] = []
        self.memory = MemoryLevel(clock=clock)
        self.policy = policy or Policy()
        self.schema = KeySchema("acme")
        self.flights = SingleFlight()
        options = {"app": "acme", "background": False, **options}
        emit = lambda **event: self.events.append(event)  # noqa: E731
        self.levels = Levels([("memory", self.memory), *levels], clock, self.metrics, emit, **options)
        self.invalidator = Invalidator(self.schema, self.levels, self.levels.generations, self.flights)

    def key(self, name: str, key: str | None = None) -> str:
        return self.schema.full_key(parse_name(name), key)

    def stamp(self, name: str) -> int:
        return self.levels.generations.current(parse_name(name))

    def entry(self, name: str, value: Any, ttl: float = 3_600, stamp: int | None = None) -> Entry:
        now = self.clock.now_ns()
        fresh = now + int(ttl * NANOSECONDS)
        return Entry(value, 1, now, fresh, fresh, "test", generation=self.stamp(name) if stamp is None else stamp)

    def put(self, name: str, value: Any, key: str | None = None, ttl: float = 3_600) -> int:
        """Stores a value; the number of levels that took it."""
        entry = self.entry(name, value, ttl)
        return self.levels.write(self.key(name, key), entry, encode(entry), self.policy)

    def get(self, name: str, key: str | None = None) -> Any:
        """The fresh value, or ``None``."""
        found = self.levels.read(self.key(name, key), self.policy, self.stamp(name))
        return found.entry.value if found is not None and found.verdict is Verdict.HIT else None

    def level_of(self, name: str, key: str | None = None) -> str | None:
        found = self.levels.read(self.key(name, key), self.policy, self.stamp(name), promote=False)
        return found.level if found is not None else None

    def invalidate(self, text: str) -> int:
        return self.invalidator.invalidate(text)

    def state(self, level: str) -> dict[str, Any]:
        (found,) = [one for one in self.levels.stats() if one["level"] == level]
        return found
