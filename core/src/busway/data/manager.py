"""The data manager: cached data and the helpers around it, behind one object."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast

from busway.contracts.caches import CacheBackend, Entry, InProcessCache
from busway.contracts.clock import Clock
from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.data.decision import Verdict
from busway.data.generations import Generations
from busway.data.guard import Address, Guard, Order
from busway.data.invalidation import Invalidator
from busway.data.json_value import copy_json
from busway.data.levels import Levels
from busway.data.names import KeySchema, parse_name
from busway.data.policy import Policies
from busway.data.provenance import Provenance
from busway.data.runs import RunSnapshots
from busway.data.validation import run_chain
from busway.errors import ConfigurationError, UsageError
from busway.metrics.registry import Metrics

__all__ = ["DataManager"]

T = TypeVar("T")

KEPT_ADDRESSES = 8_192

logger = logging.getLogger("busway.data")


@dataclass(frozen=True, slots=True)
class _State:
    """What an open manager consists of; every manager that was bound to it shares it."""

    levels: Levels
    guard: Guard
    invalidator: Invalidator
    clock: Clock
    validators: Mapping[str, Sequence[Validator]]
    loaders: Mapping[str, Callable[[], list[Record]]]
    locate: Callable[[str, str | None], Address]


class DataManager:
    """Cached data over ordered levels, the records of the selected integrations, and their validation.

    ``name`` is ``domain.entity`` (``vista.employees``) or a plain domain; without ``key`` it has one value. The
    methods hand out copies unless the policy of the domain says ``share``; :meth:`get_or_populate` always shares.
    No level that is away, and nothing it holds, makes a method raise.

    Raises everywhere: ``UsageError`` BW2001 for a name or key that is none, BW2009 when no app is open.
    """

    def __init__(self, binder: Callable[[], DataManager] | None = None) -> None:
        """``binder`` gives the manager whose state this one adopts at its first use."""
        self._binder = binder

    def __getattr__(self, name: str) -> Any:
        # Reached only while ``_state`` is missing: a bound manager pays nothing for having been unbound.
        if name != "_state":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if self._binder is None:
            raise UsageError(
                "BW2009",
                "the data manager belongs to no open app",
                fix="use it within App.from_config(), or import data_manager from busway",
            )
        self.adopt(self._binder())
        return self.__dict__["_state"]

    @classmethod
    def open(
        cls,
        levels: Sequence[tuple[str, CacheBackend | InProcessCache]],
        *,
        app: str,
        tables: Mapping[str, Mapping[str, Any]],
        where: Callable[[str], str],
        clock: Clock,
        metrics: Metrics,
        validators: Mapping[str, Sequence[Validator]],
        loaders: Mapping[str, Callable[[], list[Record]]],
        emit: Callable[..., Any] | None = None,
        randomness: Callable[[], float] = random.random,
    ) -> DataManager:
        """A manager over ``levels`` (name and backend, in order). Connects to nothing.

        :param app: first part of every key.
        :param tables: the ``[data.*]`` tables: domain or ``domain.entity`` to policy.
        :param where: from the title of one of ``tables`` (``vista.employees``) to file and line.
        :param validators: entity to its validators, in order.
        :param loaders: entity to the function that reads its source records.
        :param emit: called with ``category``, ``severity`` and ``attributes`` when a level goes away or comes back.
        :param randomness: numbers from 0 to below 1, for the jitter.

        Raises ``ConfigurationError`` BW2002 with every problem of ``tables``.
        """
        policies = Policies(tables, where)
        schema = KeySchema(app)
        ordered = Levels(levels, clock, metrics, emit)
        generations = Generations(clock)
        guard = Guard(ordered, generations, clock, metrics, randomness)

        def locate(name: str, key: str | None) -> Address:
            parsed = parse_name(name)
            return Address(parsed, schema.full_key(parsed, key), policies.of(parsed))

        manager = cls()
        manager._state = _State(
            levels=ordered,
            guard=guard,
            invalidator=Invalidator(schema, ordered, generations, guard.flights),
            clock=clock,
            validators=validators,
            loaders=loaders,
            locate=lru_cache(maxsize=KEPT_ADDRESSES, typed=True)(locate),
        )
        return manager

    def adopt(self, other: DataManager) -> None:
        """Becomes another door to what ``other`` holds."""
        self._state: _State = other._state

    def release(self) -> None:
        """Becomes unbound again: the next use calls the binder."""
        self.__dict__.pop("_state", None)

    def get_cached_data(self, name: str, key: str | None = None) -> Any:
        """The fresh value, or ``None``."""
        address = self._state.locate(name, key)
        found = self._state.guard.find(address)
        return _handed_out(found.entry, address) if found is not None and found.verdict is Verdict.HIT else None

    def save_cache(
        self,
        name: str,
        data: Any,
        ttl_seconds: float | None = None,
        key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """Stores ``data`` for ``ttl_seconds``, or as long as the policy says; True when a level took it.

        ``metadata`` is the caller's own and comes back with :meth:`provenance`; its ``source`` says where the data
        is from. Raises ``UsageError`` BW2003 when something is not JSON, BW2008 for a ttl that is none.
        """
        state = self._state
        order = Order(lambda: data, ttl_seconds, metadata)
        return state.guard.store(state.locate(name, key), data, "save_cache", order)

    def invalidate(self, key_or_pattern: str) -> int:
        """Removes what a domain, ``domain.entity``, ``domain.entity/key`` or a pattern stands for.

        A pattern has an unescaped ``*``, ``?`` or ``[`` and is matched with ``domain:entity:key``. Returns the number
        of entries removed from the levels that answer.
        """
        return self._state.invalidator.invalidate(key_or_pattern)

    def get_cached_data_with_fallback(
        self,
        name: str,
        key: str | None,
        loader: Callable[[], Any],
        ttl_seconds: float | None = None,
        lock: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """The fresh value, or what ``loader`` returns, stored for ``ttl_seconds``.

        With ``lock``, callers who miss at the same time share one load and its outcome. A load that fails is answered
        with the stale value where the policy allows it; otherwise its exception is raised. Raises ``UsageError``
        BW2003 when the result is not JSON, BW2008 for a ttl that is none.
        """
        address = self._state.locate(name, key)
        entry = self._state.guard.get_or_load(address, Order(loader, ttl_seconds, metadata), alone=lock)
        return _handed_out(entry, address)

    def get_or_populate(
        self, name: str, *, loader: Callable[[], T], key: str | None = None, ttl_seconds: float | None = None
    ) -> T:
        """Like :meth:`get_cached_data_with_fallback`, with the shared value: read it, never change it."""
        state = self._state
        return cast(T, state.guard.get_or_load(state.locate(name, key), Order(loader, ttl_seconds)).value)

    def warm(self, name: str, loader: Callable[[], Any], key: str | None = None) -> bool:
        """Loads and stores, also when a fresh value is there, so that nobody has to wait for it later."""
        return self._state.guard.load(self._state.locate(name, key), Order(loader))

    def provenance(self, name: str, key: str | None = None) -> Provenance | None:
        """Where the value that would be served comes from, or ``None`` when there is none; changes nothing."""
        state = self._state
        found = state.guard.find(state.locate(name, key), promote=False)
        return None if found is None else Provenance.of(found, state.clock.now_ns(), state.levels.degraded)

    def begin_run(self) -> RunSnapshots:
        """The snapshots of a new run, to be used in a ``with`` block."""
        return RunSnapshots()

    def stats(self) -> dict[str, Any]:
        """Counts since the start: ``levels`` (state and counts, in order), ``degraded``, loads and stale answers."""
        state = self._state
        return {"degraded": state.levels.degraded, "levels": state.levels.stats(), **state.guard.stats()}

    def get_employees(self) -> list[Record]:
        """The source records of the entity ``employee``, cached as ``source.employee``.

        Raises ``ConfigurationError`` BW2004 when no selected plugin reads them, like the four methods below.
        """
        return self._records("employee")

    def get_jobs(self) -> list[Record]:
        """The source records of the entity ``site``, or ``job``: the places people work at."""
        return self._records("site", "job")

    def get_titles(self) -> list[Record]:
        """The source records of the entity ``title``."""
        return self._records("title")

    def get_departments(self) -> list[Record]:
        """The source records of the entity ``department``."""
        return self._records("department")

    def get_vehicles(self) -> list[Record]:
        """The source records of the entity ``vehicle``."""
        return self._records("vehicle")

    def validate_employee_data(
        self, payload: Record, employee_id: str, display_name: str
    ) -> tuple[bool, list[str], Record]:
        """Whether ``payload`` is valid, its errors (``field: reason``), and the normalised record.

        ``payload`` is not changed. Warnings are logged under ``employee_id``; ``display_name`` is personal and is
        used nowhere. Raises ``ConfigurationError`` BW2004 when no plugin that validates employees is selected.
        """
        chain = self._state.validators.get("employee")
        if not chain:
            raise _nobody_has("validators", "employee")
        verdict = run_chain(chain, copy.deepcopy(payload))
        for warning in verdict.warnings:
            logger.warning("employee %s: %s", employee_id, warning)
        return verdict.valid, list(verdict.errors), verdict.record

    def close(self) -> None:
        """Closes every level, in order. Afterwards nothing is found and nothing is stored; loaders still run."""
        state = self.__dict__.get("_state")
        if state is not None:
            state.levels.close()

    def _records(self, *entities: str) -> list[Record]:
        entity = next((one for one in entities if one in self._state.loaders), None)
        if entity is None:
            raise _nobody_has("jobs", entities[0])
        loader = self._state.loaders[entity]
        return cast(list[Record], self.get_cached_data_with_fallback(f"source.{entity}", None, loader))


def _handed_out(entry: Entry, address: Address) -> Any:
    return entry.value if address.policy.isolation == "share" else copy_json(entry.value)


def _nobody_has(kind: str, entity: str) -> ConfigurationError:
    return ConfigurationError(
        "BW2004",
        f"no selected plugin has {kind} for the entity {entity}",
        where=f"[plugins] {kind}",
        why="the helpers of the data manager are answered by the integration that is selected",
        fix=f'select one in busway.toml: [plugins] {kind} = ["safetyamp"]; busway plugins list shows those installed',
    )
