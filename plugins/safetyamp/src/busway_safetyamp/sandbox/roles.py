"""Roles of users; they can be read, not written."""

from __future__ import annotations

import orjson

from busway_safetyamp.sandbox.resource import NumberedResource, Stamp

__all__ = ["Roles"]


class Roles(NumberedResource):
    """``/api/roles``."""

    name = "roles"

    def add(self, name: str, stamp: Stamp, *, account_default: int = 0) -> int:
        """Puts a role into the account; there is no call of the API for it."""
        key = self.next_key()
        at = stamp.at.replace(" ", "T") + ".000000Z"  # roles alone carry ISO 8601 times
        self.insert(
            key,
            {
                "id": key,
                "name": name,
                "account_default": account_default,
                "guard_name": "web",
                "default_role_id": None,
                "scim_external_id": None,
                "created_at": at,
                "updated_at": at,
            },
        )
        return key

    def fragment(self, key: int) -> orjson.Fragment:
        """The role as users embed it."""
        return orjson.Fragment(self.json(key))
