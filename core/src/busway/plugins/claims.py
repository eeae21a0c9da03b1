"""Whose setting a name is: a name means one thing, whatever plugins are selected together."""

from __future__ import annotations

from busway.contracts.settings import Settings, env_name
from busway.plugins.index import IndexEntry
from busway.plugins.shapes import ShapeError

__all__ = ["Claims"]


class Claims:
    """The settings that the plugins of one host declare; who comes first in the configured order has the name."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[type[Settings], str]] = {}

    def add(self, model: type[Settings], entry: IndexEntry) -> None:
        """Claim every name of `model` for `entry`; a model that serves several plugins claims its names once.

        Raises `ShapeError`, and claims nothing, when a name belongs to another model.
        """
        names = [env_name(info) for info in model.model_fields.values()]
        for name in names:
            other, owner = self._owners.get(name, (model, ""))
            if other is not model:
                raise ShapeError(f"returned {model.__qualname__}, which declares {name}; {owner} declares it already")
        owner = f"{entry.distribution} {entry.version} ({entry.kind}.{entry.name})"
        for name in names:
            self._owners.setdefault(name, (model, owner))
