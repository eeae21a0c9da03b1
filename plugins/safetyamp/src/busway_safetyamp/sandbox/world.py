"""The state of one SafetyAmp account, in memory."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import orjson

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.records import Record
from busway_safetyamp.sandbox.assets import AssetCategories, Assets, AssetTypes
from busway_safetyamp.sandbox.clusters import Clusters
from busway_safetyamp.sandbox.identifiers import user_id
from busway_safetyamp.sandbox.ledger import WriteLedger
from busway_safetyamp.sandbox.resource import Resource, Stamp
from busway_safetyamp.sandbox.roles import Roles
from busway_safetyamp.sandbox.sites import Sites
from busway_safetyamp.sandbox.titles import Titles
from busway_safetyamp.sandbox.users import Users

__all__ = ["Rows", "World"]

_KEY_OWNER = user_id(0)
"""The key belongs to the account's first user, who is named in the audit fields of what it writes."""


class Rows:
    """What a resource lists, as JSON ready to send."""

    def __init__(self, resource: Resource[Any], lock: threading.RLock) -> None:
        self._resource = resource
        self._lock = lock

    def __len__(self) -> int:
        return len(self._resource)

    def read(self, first: int, limit: int) -> list[bytes]:
        """Up to ``limit`` rows from position ``first`` on."""
        with self._lock:
            return self._resource.listed(first, limit)


class World:
    """Users, titles, roles, sites, clusters, assets, and the ledger of what was written to them; thread-safe.

    :meth:`create` and :meth:`update` are what the API calls and are written down in the ledger;
    :meth:`add`, :meth:`edit` and :meth:`delete` obey the same rules and leave no trace, for seeding and for changes
    that somebody else makes in the account.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._stamp = (0, Stamp("", _KEY_OWNER))
        self.ledger = WriteLedger(self._clock)
        self.clusters = Clusters()
        self.sites = Sites(self.clusters)
        self.titles = Titles()
        self.roles = Roles()
        self.users = Users(self.titles, self.roles, self.sites)
        self.asset_categories = AssetCategories()
        self.asset_types = AssetTypes(self.sites, self.asset_categories)
        self.assets = Assets(self.asset_types, self.sites, self.users)
        self.sites.on_change = self.users.site_changed
        everything: tuple[Resource[Any], ...] = (
            self.users,
            self.titles,
            self.roles,
            self.sites,
            self.clusters,
            self.assets,
            self.asset_types,
            self.asset_categories,
        )
        self._resources: dict[str, Resource[Any]] = {resource.name: resource for resource in everything}

    def __contains__(self, name: object) -> bool:
        return name in self._resources

    @property
    def resources(self) -> tuple[str, ...]:
        """Their names, as they are in paths."""
        return tuple(self._resources)

    def rows(self, name: str) -> Rows:
        """The rows of a resource as it lists them; clusters are one row for each tree."""
        return Rows(self._resources[name], self._lock)

    def records(self, name: str) -> list[Record]:
        """All records of a resource as a client would see them, one by one."""
        with self._lock:
            resource = self._resources[name]
            found: list[Record] = orjson.loads(b"[" + b",".join(resource.rows(0, len(resource))) + b"]")
        return found

    def create(self, name: str, body: Record, *, sent: Record | None = None) -> bytes:
        """Adds a record and answers its JSON.

        Raises ``RejectionError`` or ``NotAllowedError``; then nothing has changed.

        :param sent: what was sent, where ``body`` is only what of it was taken notice of.
        """
        with self._lock:
            resource = self._resources[name]
            key = resource.create(body, self.stamp())
            self.ledger.record("POST", f"/api/{name}", key, sent or body)
            return resource.json(key)

    def update(self, name: str, text: str, body: Record, method: str, *, sent: Record | None = None) -> bytes:
        """Changes the record whose id in the path is ``text`` and answers its JSON; ``sent`` as in :meth:`create`.

        Raises ``UnknownRecordError``, ``RejectionError`` or ``NotAllowedError``; then nothing has changed.
        """
        with self._lock:
            resource = self._resources[name]
            key = resource.key_of(text)
            resource.update(key, body, self.stamp())
            self.ledger.record(method, f"/api/{name}/{text}", key, sent or body)
            return resource.json(key)

    def add(self, name: str, body: Record) -> Any:
        """Adds a record without an entry in the ledger and returns its id."""
        with self._lock:
            return self._resources[name].create(body, self.stamp())

    def edit(self, name: str, key: str | int, body: Record) -> None:
        """Changes a record without an entry in the ledger."""
        with self._lock:
            self._resources[name].update(key, body, self.stamp())

    def delete(self, name: str, key: str | int) -> None:
        """Marks a record as deleted, without an entry in the ledger; lists go on showing it."""
        with self._lock:
            self._resources[name].delete(key, self.stamp())

    def stamp(self) -> Stamp:
        """Who writes and when; rendered once per second."""
        second = self._clock.now_ns() // 1_000_000_000
        if self._stamp[0] != second:
            at = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
            self._stamp = (second, Stamp(at, _KEY_OWNER))
        return self._stamp[1]
