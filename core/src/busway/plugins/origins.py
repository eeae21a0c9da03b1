"""Where an object of a plugin comes from, for errors that are met far from where it was built.

Handing a label down from the host to every place where a foreign call can fail would put it into a dozen signatures
that do nothing with it. So the application notes the origin once, and whoever has an error to tell asks for it here.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass

from busway.plugins.index import CONTRACT

__all__ = ["Origin", "note_origin", "origin_of", "package_origins"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The plugin an object was built by."""

    kind: str
    name: str
    distribution: str
    version: str
    entry_point: str = ""
    """The entry point's value: `module` or `module:attribute`."""

    @property
    def owner(self) -> str:
        """`acme-busway-pager 2.1`."""
        return f"{self.distribution} {self.version}".strip()

    @property
    def label(self) -> str:
        """`sinks.pager (acme-busway-pager 2.1)`."""
        return f"{self.kind}.{self.name} ({self.owner})"

    @property
    def where(self) -> str:
        """`acme-busway-pager 2.1, entry point busway.v1.sinks: pager = acme_pager`."""
        point = f"entry point busway.v{CONTRACT}.{self.kind}: {self.name}"
        return f"{self.owner}, {point} = {self.entry_point}" if self.entry_point else f"{self.owner}, {point}"

    @property
    def remedy(self) -> str:
        """The command that mends a plugin that is broken, and the way to do without it."""
        return f'pip install -U {self.distribution}, or take "{self.name}" out of plugins.{self.kind}'


_known: dict[int, tuple[weakref.ref[object], Origin]] = {}
"""By identity: an object of a plugin need not be hashable. An entry goes when its object does."""


def note_origin(made: object, origin: Origin) -> None:
    """Remembers that a plugin built `made`, for as long as `made` lives."""
    try:
        reference = weakref.ref(made)
    except TypeError:  # an object with slots cannot be watched, its class can
        note_origin(type(made), origin)
        return
    key = id(made)
    _known[key] = (reference, origin)
    weakref.finalize(made, _known.pop, key, None).atexit = False


def origin_of(made: object) -> Origin | None:
    """The plugin that built `made`; `None` when nobody noted it, as in tests."""
    for candidate in (made, type(made)):
        found = _known.get(id(candidate))
        if found is not None and found[0]() is candidate:
            return found[1]
    return None


def package_origins(origins: Iterable[Origin]) -> dict[str, Origin]:
    """The module of each entry point and the packages around it, as far as they belong to one distribution alone.

    A namespace package that several distributions share says nothing about whose code it is. The core is no plugin.
    """
    owners: dict[str, Origin] = {}
    shared: set[str] = set()
    for origin in origins:
        module = origin.entry_point.partition(":")[0].strip()
        while module and module.partition(".")[0] != "busway":
            other = owners.setdefault(module, origin)
            if other.distribution != origin.distribution:
                shared.add(module)
            module = module.rpartition(".")[0]
    return {module: origin for module, origin in owners.items() if module not in shared}
