"""Users: the rules of the account, and the objects it embeds in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.sandbox.formats import USER_FORMATS
from busway_safetyamp.sandbox.identifiers import user_id
from busway_safetyamp.sandbox.rejection import FieldErrors, UnknownRecordError, is_blank
from busway_safetyamp.sandbox.resource import Resource, Stamp
from busway_safetyamp.sandbox.roles import Roles
from busway_safetyamp.sandbox.sites import Sites
from busway_safetyamp.sandbox.titles import Titles

__all__ = ["Users"]

_REQUIRED = ("first_name", "last_name", "email")
"""Required on every update too; whoever changes only a city has to send all three again."""
_UNIQUE = ("email", "mobile_phone")
_FLAGS = ("system_access", "bypass_sso")
_PLAIN = (*USER_FORMATS, "home_site_id", "type")
_BLANK: Record = {
    **dict.fromkeys(_PLAIN),
    "country": "US",
    "text_opt_out": 0,
    "type": 1,
    "current_department": None,
    "activated": True,
    "owner": False,
    "avatar_location": None,
    "last_logged_in": None,
}


@dataclass(slots=True)
class _Links:
    """What a user's answer embeds whole and a body names by id."""

    title: int | None = None
    roles: tuple[int, ...] = ()
    sites: tuple[int, ...] = ()


class Users(Resource[str]):
    """``/api/users``."""

    name = "users"

    def __init__(self, titles: Titles, roles: Roles, sites: Sites) -> None:
        super().__init__()
        self._titles = titles
        self._roles = roles
        self._sites = sites
        self._links: dict[str, _Links] = {}
        self._taken: dict[str, dict[str, str]] = {field: {} for field in _UNIQUE}

    def key_of(self, text: str) -> str:
        """The id in a path."""
        if text not in self:
            raise UnknownRecordError(f"users has no {text!r}")
        return text

    def create(self, body: Record, stamp: Stamp) -> str:
        """Adds a user."""
        self._check(body, None)
        key = user_id(len(self))
        self.insert(key, {"id": key, **_BLANK, "system_access": False, "bypass_sso": False, **stamp.created()})
        self._links[key] = _Links()
        self._write(key, body)
        return key

    def update(self, key: str, body: Record, stamp: Stamp) -> None:
        """Changes the fields given."""
        record = self.get(key)
        self._check(body, key)
        record.update(stamp.updated())
        self._write(key, body)
        self.touch(key)

    def render(self, key: str) -> Any:
        """The user with home site, title, roles and sites in full."""
        record, links = self.get(key), self._links[key]
        return {
            **record,
            "home_site": self._sites.brief(record["home_site_id"]),
            "current_title": self._titles.brief(links.title),
            "roles": [self._roles.fragment(role) for role in links.roles],
            "sites": [self._sites.fragment(site) for site in links.sites],
        }

    def site_changed(self, site: int) -> None:
        """Users that embed ``site`` have to be written anew."""
        for key in self:
            if self.get(key)["home_site_id"] == site or site in self._links[key].sites:
                self.touch(key)

    def _check(self, body: Record, key: str | None) -> None:
        errors = FieldErrors()
        errors.require(body, *_REQUIRED)
        for field, (accepts, text) in USER_FORMATS.items():
            value = body.get(field)
            if not is_blank(value) and not accepts(value):
                errors.add(field, text)
        for field in _UNIQUE:
            if self._taken[field].get(_folded(body.get(field)), key) != key:
                errors.add(field, f"The {field.replace('_', ' ')} has already been taken.")
        self._check_links(body, errors)
        errors.raise_if_any()

    def _check_links(self, body: Record, errors: FieldErrors) -> None:
        for field, known in (("home_site_id", self._sites), ("current_title_id", self._titles)):
            value = body.get(field)
            if value is not None and not (isinstance(value, int) and value in known):
                errors.add(field, f"The selected {field.replace('_', ' ')} is invalid.")
        for field, many in (("roles", self._roles), ("sites", self._sites)):
            items = body.get(field) or []
            if not isinstance(items, list):
                errors.add(field, f"The {field} must be an array.")
                continue
            for at, item in enumerate(items):
                if _id_of(item) not in many:
                    errors.add(f"{field}.{at}.id", f"The selected {field}.{at}.id is invalid.")

    def _write(self, key: str, body: Record) -> None:
        record, links = self.get(key), self._links[key]
        for field in _UNIQUE:
            if field in body:
                self._taken[field].pop(_folded(record[field]), None)
        # Blank text is stored as null, as the remote's framework does with every string.
        record.update({field: None if is_blank(body[field]) else body[field] for field in _PLAIN if field in body})
        record.update({field: str(body[field]) in ("1", "True") for field in _FLAGS if body.get(field) is not None})
        for field in _UNIQUE:
            if record[field]:
                self._taken[field][_folded(record[field])] = key
        if "current_title_id" in body:
            links.title = body["current_title_id"]
        if "roles" in body:
            links.roles = tuple(_id_of(item) for item in body["roles"] or ())
        if "sites" in body:
            links.sites = tuple(_id_of(item) for item in body["sites"] or ())


def _id_of(item: Any) -> Any:
    """The id of ``{"id": 3}`` or ``3``; None, which nothing has, for what cannot be one."""
    value = item.get("id") if isinstance(item, dict) else item
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _folded(value: Any) -> str:
    """Values that differ only by case or outer blanks are the same to the remote's database."""
    return value.strip().casefold() if isinstance(value, str) else ""
