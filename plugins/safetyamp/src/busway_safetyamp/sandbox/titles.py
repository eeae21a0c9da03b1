"""Titles of users."""

from __future__ import annotations

import orjson

from busway.contracts.records import Record
from busway_safetyamp.sandbox.rejection import FieldErrors
from busway_safetyamp.sandbox.resource import NumberedResource, Stamp

__all__ = ["Titles"]


class Titles(NumberedResource):
    """``/api/user_titles``. The account does not keep names unique: two creates make two titles."""

    name = "user_titles"

    def __init__(self) -> None:
        super().__init__()
        self._briefs: dict[int, orjson.Fragment] = {}

    def create(self, body: Record, stamp: Stamp) -> int:
        """Adds a title; ``name`` is required."""
        errors = FieldErrors()
        errors.require(body, "name")
        if not isinstance(body.get("name", ""), str | None):
            errors.add("name", "The name must be a string.")
        errors.raise_if_any()
        key = self.next_key()
        self.insert(key, {"id": key, "name": body["name"].strip(), **stamp.created()})
        return key

    def brief(self, key: int | None) -> orjson.Fragment | None:
        """``{id, name}`` as users embed it."""
        if key is None:
            return None
        if key not in self._briefs:
            self._briefs[key] = orjson.Fragment(orjson.dumps({"id": key, "name": self.get(key)["name"]}))
        return self._briefs[key]
