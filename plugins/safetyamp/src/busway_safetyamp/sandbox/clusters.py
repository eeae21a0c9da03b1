"""The tree of site clusters: a root, regions below it, departments below them."""

from __future__ import annotations

import orjson

from busway.contracts.records import Record
from busway_safetyamp.sandbox.formats import is_flag
from busway_safetyamp.sandbox.rejection import FieldErrors, RejectionError
from busway_safetyamp.sandbox.resource import NumberedResource, Stamp

__all__ = ["Clusters"]


class Clusters(NumberedResource):
    """``/api/site_clusters``. A root cannot be made through the API; :meth:`add_root` puts it there."""

    name = "site_clusters"

    def __init__(self) -> None:
        super().__init__()
        self._codes: dict[str, int] = {}
        self._tree: list[bytes] | None = None

    def add_root(self, name: str, stamp: Stamp) -> int:
        """A cluster without a parent."""
        return self._store({"name": name, "external_code": None}, None, stamp)

    def listed(self, first: int, limit: int) -> list[bytes]:
        """The whole tree, whatever is asked for: the JSON of each root, with its ``children`` in it."""
        if self._tree is None:
            nodes = {key: {**self.get(key), "children": []} for key in self}
            for node in nodes.values():
                if node["parent_cluster_id"] is not None:
                    nodes[node["parent_cluster_id"]]["children"].append(node)
            self._tree = [orjson.dumps(node) for node in nodes.values() if node["parent_cluster_id"] is None]
        return self._tree

    def create(self, body: Record, stamp: Stamp) -> int:
        """Adds a cluster below an existing one."""
        self._check(body, ("name", "parent_cluster_id"), None)
        return self._store(body, body["parent_cluster_id"], stamp)

    def update(self, key: int, body: Record, stamp: Stamp) -> None:
        """Renames, recodes or moves a cluster; the remote wants all three required fields each time."""
        record = self.get(key)
        self._check(body, ("name", "parent_cluster_id", "osha_establishment"), key)
        self._codes.pop(_folded(record["external_code"]), None)
        record.update({name: body[name] for name in ("name", "external_code") if name in body}, **stamp.updated())
        record["osha_establishment"] = int(body["osha_establishment"])
        record["parent_cluster_id"] = body["parent_cluster_id"]
        self._index(key, record)
        self._place_all()

    def delete(self, key: int, stamp: Stamp) -> None:
        """Marks a cluster as deleted."""
        super().delete(key, stamp)
        self._tree = None

    def _check(self, body: Record, required: tuple[str, ...], key: int | None) -> None:
        errors = FieldErrors()
        errors.require(body, *required)
        parent = body.get("parent_cluster_id")
        if parent is not None and (not isinstance(parent, int) or parent not in self or self._below(parent, key)):
            errors.add("parent_cluster_id", "The selected parent cluster id is invalid.")
        if self._codes.get(_folded(body.get("external_code")), key) != key:
            errors.add("external_code", "The cluster code is already in use.")
        if body.get("osha_establishment") is not None and not is_flag(body["osha_establishment"]):
            errors.add("osha_establishment", "The osha establishment field must be true or false.")
        errors.raise_if_any()

    def _below(self, candidate: int, key: int | None) -> bool:
        """Whether ``candidate`` is ``key`` or lies below it, where ``key`` cannot be moved to."""
        at: int | None = candidate
        while at is not None and key is not None:
            if at == key:
                return True
            at = self.get(at)["parent_cluster_id"]
        return False

    def _store(self, body: Record, parent: int | None, stamp: Stamp) -> int:
        key = self.next_key()
        record = {
            "id": key,
            "name": body["name"],
            "external_code": body.get("external_code"),
            "parent_cluster_id": parent,
            "osha_establishment": int(body.get("osha_establishment") or 0),
            **stamp.created(),
        }
        self.insert(key, record)
        self._index(key, record)
        self._place(record)
        return key

    def _index(self, key: int, record: Record) -> None:
        self._tree = None
        self.touch(key)
        if record["external_code"]:
            self._codes[_folded(record["external_code"])] = key

    def _place_all(self) -> None:
        waiting = [key for key in self if self.get(key)["parent_cluster_id"] is None]
        while waiting:
            parent = waiting.pop()
            self._place(self.get(parent))
            waiting.extend(key for key in self if self.get(key)["parent_cluster_id"] == parent)

    def _place(self, record: Record) -> None:
        """Sets depth and path from the parent, which must have been placed before."""
        self.touch(record["id"])
        if record["parent_cluster_id"] is None:
            record.update(depth=0, path="/")
            return
        parent = self.get(record["parent_cluster_id"])
        record.update(depth=parent["depth"] + 1, path=f"{parent['path']}{parent['id']}/")


def _folded(code: str | None) -> str:
    if code is not None and not isinstance(code, str):
        raise RejectionError({"external_code": ["The external code must be a string."]})
    return (code or "").strip().casefold()
