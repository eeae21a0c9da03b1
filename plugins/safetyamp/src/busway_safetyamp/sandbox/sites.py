"""Sites: offices and job sites."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from busway.contracts.records import Record
from busway_safetyamp.sandbox.clusters import Clusters
from busway_safetyamp.sandbox.rejection import FieldErrors
from busway_safetyamp.sandbox.resource import NumberedResource, Stamp

__all__ = ["Sites"]

_ADDRESS = ("street", "street2", "city", "state", "zip_code", "country")
_WRITABLE = ("name", "ext_id", "cluster_id", *_ADDRESS, "timezone", "latitude", "longitude", "naics_code")


class Sites(NumberedResource):
    """``/api/sites``. The code is ``ext_id``; ``external_code`` is ignored like any unknown field."""

    name = "sites"

    def __init__(self, clusters: Clusters) -> None:
        super().__init__()
        self._clusters = clusters
        self._codes: dict[str, int] = {}
        self._briefs: dict[int, orjson.Fragment] = {}
        self.on_change: Callable[[int], None] = _nobody
        """Called with the id of a site that users may embed."""

    def create(self, body: Record, stamp: Stamp) -> int:
        """Adds a site; ``name`` and ``cluster_id`` are required."""
        self._check(body, ("name", "cluster_id"), None)
        key = self.next_key()
        blank: Record = {"id": key, **dict.fromkeys(_WRITABLE)}
        extras = {"industry_description": None, "em_enabled": False, "em_weather_override": None}
        self.insert(key, {**blank, **_written(body), **extras, **stamp.created()})
        self._index(key)
        return key

    def update(self, key: int, body: Record, stamp: Stamp) -> None:
        """Changes the fields given; ``name`` is required each time."""
        record = self.get(key)
        self._check(body, ("name",), key)
        self._codes.pop(_folded(record["ext_id"]), None)
        record.update(_written(body), **stamp.updated())
        self._index(key)
        self._briefs.pop(key, None)
        self.touch(key)
        self.on_change(key)

    def brief(self, key: int | None) -> orjson.Fragment | None:
        """The short form users embed as ``home_site``."""
        if key is None:
            return None
        if key not in self._briefs:
            site = self.get(key)
            short = {"id": key, "name": site["name"], **{name: site[name] for name in _ADDRESS}}
            self._briefs[key] = orjson.Fragment(orjson.dumps(short))
        return self._briefs[key]

    def fragment(self, key: int) -> orjson.Fragment:
        """The full form users embed in ``sites``."""
        return orjson.Fragment(self.json(key))

    def _check(self, body: Record, required: tuple[str, ...], key: int | None) -> None:
        errors = FieldErrors()
        errors.require(body, *required)
        cluster = body.get("cluster_id")
        if cluster is not None and (not isinstance(cluster, int) or cluster not in self._clusters):
            errors.add("cluster_id", "The selected cluster id is invalid.")
        if self._codes.get(_folded(body.get("ext_id")), key) != key:
            errors.add("ext_id", "The site code is already in use.")
        errors.raise_if_any()

    def _index(self, key: int) -> None:
        code = self.get(key)["ext_id"]
        if code:
            self._codes[_folded(code)] = key


def _written(body: Record) -> Record:
    return {name: body[name] for name in _WRITABLE if name in body}


def _folded(code: object) -> str:
    return "" if code is None else str(code).strip().casefold()


def _nobody(site: int) -> None:
    """Nobody embeds sites yet."""
