"""Assets, their types and the types' categories."""

from __future__ import annotations

from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.sandbox.formats import is_flag
from busway_safetyamp.sandbox.rejection import FieldErrors, is_blank
from busway_safetyamp.sandbox.resource import NumberedResource, Stamp
from busway_safetyamp.sandbox.sites import Sites
from busway_safetyamp.sandbox.users import Users

__all__ = ["AssetCategories", "AssetTypes", "Assets"]

_TEXTS = ("code", "name", "description", "model", "serial")
_WRITABLE = (*_TEXTS, "status", "site_id", "asset_type_id", "location_id", "current_user_id")
_REQUIRED = ("name", "site_id", "asset_type_id")


class AssetCategories(NumberedResource):
    """``/api/asset_categories``; they can be read, not written."""

    name = "asset_categories"

    def add(self, name: str, stamp: Stamp) -> int:
        """Puts a category into the account."""
        key = self.next_key()
        self.insert(key, {"id": key, "name": name, **stamp.created()})
        return key


class AssetTypes(NumberedResource):
    """``/api/asset_types``; they can be read, not written. Every type is of a category and belongs to a site."""

    name = "asset_types"

    def __init__(self, sites: Sites, categories: AssetCategories) -> None:
        super().__init__()
        self._sites = sites
        self._categories = categories

    def add(self, name: str, site_id: int, stamp: Stamp, *, category_id: int) -> int:
        """Puts a type into the account. Raises ``UnknownRecordError`` for a site or category that is not there."""
        for known, needed in ((self._sites, site_id), (self._categories, category_id)):
            known.get(needed)
        key = self.next_key()
        fields = {"id": key, "name": name, "site_id": site_id, "asset_category_id": category_id, "relationships": []}
        self.insert(key, {**fields, **stamp.created()})
        return key

    def brief(self, key: int) -> Record:
        """The short form that assets embed."""
        kind = self.get(key)
        return {**{name: kind[name] for name in ("id", "name", "site_id", "asset_category_id")}, "templates": []}


class Assets(NumberedResource):
    """``/api/assets``. ``vin`` and ``year`` are ignored like any field the account does not know."""

    name = "assets"

    def __init__(self, types: AssetTypes, sites: Sites, users: Users) -> None:
        super().__init__()
        self._types = types
        self._sites = sites
        self._users = users

    def create(self, body: Record, stamp: Stamp) -> int:
        """Adds an asset; it is at the site of its type."""
        self._check(body)
        key = self.next_key()
        blank: Record = {"id": key, **dict.fromkeys(_WRITABLE), "status": 1}
        self.insert(key, {**blank, **_written(body), **stamp.created()})
        return key

    def update(self, key: int, body: Record, stamp: Stamp) -> None:
        """Changes the fields given; name, site and type are required each time."""
        record = self.get(key)
        self._check(body)
        record.update(_written(body), **stamp.updated())
        self.touch(key)

    def render(self, key: int) -> Any:
        """The asset with its site, type and user."""
        record = self.get(key)
        user = self._users.get(record["current_user_id"]) if record["current_user_id"] else None
        brief = ("id", "first_name", "last_name", "email")
        return {
            **record,
            "site": self._sites.brief(record["site_id"]),
            "asset_type": self._types.brief(record["asset_type_id"]),
            "location": None,
            "current_user": {name: user[name] for name in brief} if user else None,
        }

    def _check(self, body: Record) -> None:
        errors = FieldErrors()
        errors.require(body, *_REQUIRED)
        for field in _TEXTS:
            if not isinstance(body.get(field), str | None):
                errors.add(field, f"The {field} must be a string.")
        if body.get("status") is not None and not is_flag(body["status"]):
            errors.add("status", "The selected status is invalid.")
        user = body.get("current_user_id")
        if user is not None and user not in self._users:
            errors.add("current_user_id", "The selected current user id is invalid.")
        self._check_place(body, errors)
        errors.raise_if_any()

    def _check_place(self, body: Record, errors: FieldErrors) -> None:
        site, kind = body.get("site_id"), body.get("asset_type_id")
        for field, value, known in (("site_id", site, self._sites), ("asset_type_id", kind, self._types)):
            if not is_blank(value) and not (isinstance(value, int) and value in known):
                errors.add(field, f"The selected {field.replace('_', ' ')} is invalid.")
                return
        if isinstance(site, int) and isinstance(kind, int) and self._types.get(kind)["site_id"] != site:
            errors.add("site_id", "The site must be the site of the asset type.")


def _written(body: Record) -> Record:
    return {name: body[name] for name in _WRITABLE if name in body}
