"""Where a vehicle stands in SafetyAmp: at a site that has an asset type for vehicles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from busway.contracts.records import Record
from busway.errors import ConfigurationError
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["VehiclePlaces"]

Place = tuple[Any, Any]
"""Site id and asset type id."""


class VehiclePlaces:
    """The asset types for vehicles, by site. Raises ``ConfigurationError`` BW5016 for a pair the account does not have.

    :param types: every asset type of the account; an asset is at the site of its type.
    :param pairs: site id and asset type id, as the deployment has them; the first is for vehicles without a home.
    :param word: what the name of a type for vehicles holds, whatever its case.
    """

    def __init__(self, types: Iterable[Record], pairs: Sequence[tuple[int, int]], word: str) -> None:
        known = sorted(types, key=lambda one: int(one["id"]))
        self._by_site: dict[Any, Any] = {}
        for site, kind in pairs:
            _expect(site, kind, known)
            self._by_site.setdefault(site, kind)
        for one in known:
            if word.casefold() in collapse_blanks(one.get("name")).casefold():
                self._by_site.setdefault(one.get("site_id"), one["id"])
        self._homeless = pairs[0] if pairs else None

    def of(self, home: Any | None) -> Place | None:
        """Where the vehicle of somebody with this home site stands; ``None`` where nothing says so."""
        kind = self._by_site.get(home) if home is not None else None
        return self._homeless if kind is None else (home, kind)


def _expect(site: int, kind: int, known: Sequence[Record]) -> None:
    at = next((one.get("site_id") for one in known if one["id"] == kind), None)
    if at == site:
        return
    why = "there is no such asset type" if at is None else f"asset type {kind} is at site {at}"
    raise ConfigurationError(
        "BW5016",
        f"vehicles cannot be put at site {site} with asset type {kind}",
        where="SAFETYAMP_VEHICLE_SITE_TYPES",
        why=f"{why}; an asset must be at the site of its type",
        fix="correct the pair: `busway config explain SAFETYAMP_VEHICLE_SITE_TYPES`",
    )
