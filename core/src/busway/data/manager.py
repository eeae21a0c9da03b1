"""The data manager: cached data and the helpers around it, behind one object."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from busway.contracts.caches import CacheBackend, Entry, InProcessCache
from busway.contracts.clock import Clock
from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.data.breaker import RETRY_SECONDS
from busway.data.domain_stats import domain_stats
from busway.data.generations import Generations
from busway.data.guard import Guard
from busway.data.invalidation import Invalidator
from busway.data.json_value import copy_json
from busway.data.levels import Levels
from busway.data.listing import list_entries
from busway.data.load_counts import LoadCounts
from busway.data.load_lock import LoadLock
from busway.data.memory_level import MemoryLevel
from busway.data.names import KeySchema, parse_name
from busway.data.nearby import Nearby, Note
from busway.data.order import Address, Order, check_ttl
from busway.data.policy import Policies
from busway.data.provenance import Provenance
from busway.data.runs import RunSnapshots
from busway.data.sharing import SharedLevels
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
    schema: KeySchema
    locate: Callable[[str, str | None], Address]
    generations: Generations
    near: Nearby
    note_of: Callable[[tuple[str, str | None]], Note | None]
    """``near.notes.get``, without the way there."""
    monotonic: Callable[[], float]
    counts: LoadCounts
    metrics: Metrics


class _Unbound:
    """Stands in for the state of a manager that has none yet, and gets it one when something is asked of it."""

    def __init__(self, bind: Callable[[], _State]) -> None:
        self._bind = bind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bind(), name)


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
        self._state: _State
        self.release()

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
        lock_dir: Path | None = None,
        retry_seconds: float = RETRY_SECONDS,
    ) -> DataManager:
        """A manager over ``levels`` (name and backend, in order). Connects to nothing.

        :param app: first part of every key.
        :param tables: the ``[data.*]`` tables: domain or ``domain.entity`` to policy.
        :param where: from the title of one of ``tables`` (``vista.employees``) to file and line.
        :param validators: entity to its validators, in order.
        :param loaders: entity to the function that reads its source records.
        :param emit: called with ``category``, ``severity`` and ``attributes`` when a level goes away or comes back.
        :param randomness: numbers from 0 to below 1, for the jitter.
        :param lock_dir: folder for the locks of loads between the processes of this host, where no level has locks;
            made when it is first needed.
        :param retry_seconds: how long a level that failed is left alone.

        Raises ``ConfigurationError`` BW2002 with every problem of ``tables``.
        """
        policies = Policies(tables, where)
        schema = KeySchema(app)
        ordered = Levels(levels, clock, metrics, emit, app=app, retry_seconds=retry_seconds)
        generations = ordered.generations
        counts = LoadCounts(metrics)
        lock = LoadLock(ordered.lock_level, lock_dir, clock, metrics)
        shared = SharedLevels(levels, ordered).up_for
        guard = Guard(ordered, generations, clock, counts, randomness, lock, shared)
        near = _nearby(levels, clock, metrics)
        manager = cls()
        manager._state = _State(
            levels=ordered,
            guard=guard,
            invalidator=Invalidator(schema, ordered, generations, guard.flights),
            clock=clock,
            validators=validators,
            loaders=loaders,
            schema=schema,
            locate=_locator(schema, policies),
            generations=generations,
            near=near,
            note_of=near.notes.get,
            monotonic=clock.monotonic,
            counts=counts,
            metrics=metrics,
        )
        return manager

    def adopt(self, other: DataManager) -> None:
        """Becomes another door to what ``other`` holds."""
        self._state = other._bound()

    def release(self) -> None:
        """Becomes unbound again: the next use calls the binder."""
        # A stand-in rather than ``__getattr__`` here, which would slow down every read of every attribute.
        self._state = cast(_State, _Unbound(self._bind))

    def _bound(self) -> _State:
        return self._bind() if isinstance(self._state, _Unbound) else self._state

    def _bind(self) -> _State:
        if self._binder is None:
            raise UsageError(
                "BW2009",
                "the data manager belongs to no open app",
                fix="use it within App.from_config(), or import data_manager from busway",
            )
        self.adopt(self._binder())
        return self._state

    def get_cached_data(self, name: str, key: str | None = None) -> Any:
        """The fresh value, or ``None``.

        ``None`` may also be the value, of a loader that found nothing: then :meth:`provenance` has something to tell.
        """
        address = self._state.locate(name, key)
        entry = self._state.guard.fresh(address)
        return None if entry is None else _handed_out(entry, address)

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
        # The path of every hit: no call that can be spared. Whatever is not plainly a hit goes the ordinary way.
        state = self._state
        try:
            note = state.note_of((name, key))
        except TypeError:  # not hashable, so no text either; the ordinary way says so
            note = None
        if note is not None:
            slot, fresh_until, epoch, count = note
            entry = slot.entry
            if entry is not None and state.monotonic() < fresh_until and epoch == state.generations.epoch:
                if ttl_seconds is not None:
                    check_ttl(ttl_seconds)
                slot.used = True
                count()
                value: T = entry.value
                return value
        return cast(T, self._populated(name, key, Order(loader, ttl_seconds)).value)

    def warm(self, name: str, loader: Callable[[], Any], key: str | None = None) -> bool:
        """Loads and stores, also when a fresh value is there, so that nobody has to wait for it later."""
        return self._state.guard.load(self._state.locate(name, key), Order(loader))

    def provenance(self, name: str, key: str | None = None) -> Provenance | None:
        """Where the value that would be served comes from, or ``None`` when there is none; changes nothing."""
        state = self._state
        found = state.guard.find(state.locate(name, key), promote=False)
        if found is None:
            return None
        return Provenance.of(found, state.clock.now_ns(), state.levels.degraded, state.levels.states())

    def keys(self, pattern: str = "*") -> list[dict[str, Any]]:
        """The entries on every level that :meth:`invalidate` would take ``pattern`` for; reads all of them.

        Each has ``key`` (``domain:entity:key``), ``level``, ``age_seconds``, ``fresh_for_seconds`` (below 0 when it is
        stale) and ``size`` (bytes as stored, ``None`` in memory).
        """
        state = self._state
        return list(list_entries(state.levels, state.schema, pattern, state.clock.now_ns()))

    def begin_run(self) -> RunSnapshots:
        """The snapshots of a new run, to be used in a ``with`` block."""
        return RunSnapshots()

    def stats(self) -> dict[str, Any]:
        """Counts since the start: ``levels`` (state and counts, in order), ``degraded``, loads and stale answers.

        ``domains`` has the same by domain, over all levels, with the seconds its loads took together.
        """
        state = self._state
        state.near.settle()
        return {
            "degraded": state.levels.degraded,
            "levels": state.levels.stats(),
            **state.counts.totals(),
            "domains": domain_stats(state.metrics.snapshot(), state.counts.by_domain()),
        }

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
        """Closes every level, in order. Afterwards nothing is found and nothing is stored; loaders still run.

        A load in the background is not waited for, and what it brings is not stored.
        """
        state = self._state
        if not isinstance(state, _Unbound):
            state.guard.close()
            state.near.close()
            state.levels.close()

    def _populated(self, name: str, key: str | None, order: Order) -> Entry:
        state = self._state
        epoch = state.generations.epoch
        address = state.locate(name, key)
        entry = state.guard.get_or_load(address, order)
        state.near.note((name, key), address.name.domain, address.key, entry, epoch)
        return entry

    def _records(self, *entities: str) -> list[Record]:
        entity = next((one for one in entities if one in self._state.loaders), None)
        if entity is None:
            raise _nobody_has("jobs", entities[0])
        loader = self._state.loaders[entity]
        return cast(list[Record], self.get_cached_data_with_fallback(f"source.{entity}", None, loader))


def _handed_out(entry: Entry, address: Address) -> Any:
    return entry.value if address.policy.isolation == "share" else copy_json(entry.value)


def _locator(schema: KeySchema, policies: Policies) -> Callable[[str, str | None], Address]:
    @lru_cache(maxsize=KEPT_ADDRESSES, typed=True)
    def known(name: str, key: str | None) -> Address:
        parsed = parse_name(name)
        return Address(parsed, schema.full_key(parsed, key), policies.of(parsed))

    def locate(name: str, key: str | None) -> Address:
        try:
            return known(name, key)
        except TypeError:  # not hashable, so no text either: it is refused by name
            return known.__wrapped__(name, key)

    return locate


def _nearby(levels: Sequence[tuple[str, CacheBackend | InProcessCache]], clock: Clock, metrics: Metrics) -> Nearby:
    """Notes only of our own memory level, first in order: a subclass or another plugin's may see to each read."""
    name, first = levels[0] if levels else ("", None)
    return Nearby(name, first if type(first) is MemoryLevel else None, clock, metrics)


def _nobody_has(kind: str, entity: str) -> ConfigurationError:
    return ConfigurationError(
        "BW2004",
        f"no selected plugin has {kind} for the entity {entity}",
        where=f"[plugins] {kind}",
        why="the helpers of the data manager are answered by the integration that is selected",
        fix=f'select one in busway.toml: [plugins] {kind} = ["safetyamp"]; busway plugins list shows those installed',
    )
