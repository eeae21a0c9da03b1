"""A shim: the module that has an old module's place, and what looking a name up in it gives."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from busway.errors import BuswayError
from busway.shims.call_site import call_site
from busway.shims.choosing import is_unified
from busway.shims.deprecation import BuswayDeprecationWarning, warn_once
from busway.shims.door import Door

__all__ = ["Shim", "no_counterpart"]


class Shim:
    """What a generated module looks its names up in.

    :param module: the old module, whose place the shim has.
    :param legacy: where the old code is now.
    :param flag: the manager whose flag chooses: config, data or events.
    """

    def __init__(self, module: str, legacy: str, *, flag: str, since: str, removed_in: str) -> None:
        self._module = module
        self._legacy = legacy
        self._flag = flag
        self._since = since
        self._removed_in = removed_in
        self._doors: dict[str, tuple[Callable[[], Any], str]] = {}
        self._values: dict[str, tuple[Callable[[], Any], str]] = {}

    def door(self, name: str, new: Callable[[], Any], replacement: str) -> None:
        """``name`` is an object or a class; ``new`` gives the one that works with Busway."""
        self._doors[name] = (new, replacement)

    def value(self, name: str, new: Callable[[], Any], replacement: str) -> None:
        """``name`` is a constant; ``new`` reads it."""
        self._values[name] = (new, replacement)

    def get(self, name: str) -> Any:
        """The module's ``__getattr__``. What no rule is about comes from the old code, whatever the flag says."""
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module {self._module!r} has no attribute {name!r}")
        site = call_site(self._module)
        if site.is_old_code:
            return self.old(name)
        found = self._doors.get(name) or self._values.get(name)
        if found is None:
            return self.old(name)
        new, replacement = found
        old_name = f"{self._module}.{name}"
        warn_once(BuswayDeprecationWarning(old_name, replacement, self._since, self._removed_in), site)
        if name in self._values:
            return self._pick(name, new)
        return Door(old_name, lambda: self._pick(name, new))

    def old(self, name: str) -> Any:
        """``name`` of the old code. Raises ``AttributeError`` when that has none of the name."""
        try:
            return getattr(import_module(self._legacy), name)
        except AttributeError as error:
            raise AttributeError(f"module {self._module!r} has no attribute {name!r}") from error

    def _pick(self, name: str, new: Callable[[], Any]) -> Any:
        return new() if is_unified(self._flag) else self.old(name)


def no_counterpart(old: str, what_to_do: str, flag: str) -> BuswayError:
    """The error for an old name that nothing in Busway takes the place of (BW7622)."""
    from busway.configuration.flags import FLAG_NAMES

    return BuswayError(
        "BW7622",
        f"{old} has no counterpart in Busway",
        where=old,
        why=what_to_do,
        fix=f"change the code that uses it, or set {FLAG_NAMES[flag]}=off until then",
    )
