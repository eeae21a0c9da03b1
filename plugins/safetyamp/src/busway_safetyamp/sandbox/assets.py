"""Assets and their types; in this form they can be read."""

from __future__ import annotations

from busway.contracts.records import Record
from busway_safetyamp.sandbox.resource import NumberedResource, Stamp

__all__ = ["AssetTypes", "Assets"]


class AssetTypes(NumberedResource):
    """``/api/asset_types``."""

    name = "asset_types"

    def add(self, name: str, site_id: int, stamp: Stamp, *, category_id: int = 1) -> int:
        """Puts a type into the account."""
        key = self.next_key()
        fields = {"id": key, "name": name, "site_id": site_id, "asset_category_id": category_id, "relationships": []}
        self.insert(key, {**fields, **stamp.created()})
        return key


class Assets(NumberedResource):
    """``/api/assets``."""

    name = "assets"

    def __init__(self, types: AssetTypes) -> None:
        super().__init__()
        self._types = types

    def add(self, fields: Record, stamp: Stamp) -> int:
        """Puts an asset into the account. ``asset_type_id`` must exist; the asset is at the site of its type."""
        kind = self._types.get(fields["asset_type_id"])
        key = self.next_key()
        blank = dict.fromkeys(("code", "name", "description", "model", "serial", "location_id", "current_user_id"))
        brief = {name: kind[name] for name in ("id", "name", "site_id", "asset_category_id")}
        here = {"site_id": kind["site_id"], "asset_type": {**brief, "templates": []}}
        self.insert(key, {"id": key, **blank, "status": 1, **fields, **here, **stamp.created()})
        return key
