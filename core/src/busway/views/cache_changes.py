"""What the commands about cached data change: entries that become invalid, and records that are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from busway.contracts.caches import SupportsGenerations
from busway.data.invalidation import parse_target
from busway.data.names import Name, parse_name
from busway.errors import BuswayError, ConfigurationError, UsageError
from busway.views.cache_answers import incomplete, not_reached
from busway.views.cache_names import SOURCE, nearest_name, policy_of, unknown_name
from busway.views.cache_rows import in_process

if TYPE_CHECKING:
    from busway.app import App
    from busway.contracts.records import Record

__all__ = ["chosen_names", "invalidate_target", "warm_one"]

ONLY_HERE = "no selected cache level outlives a process: each keeps what is in its memory until it is fresh no longer"


def invalidate_target(app: App, text: str) -> tuple[dict[str, Any], list[str]]:
    """Invalidates, and tells how many entries there were, with what a person should be warned of.

    Raises ``UsageError`` BW2001, and BW1013 for a domain or entity nothing is known of. A key or a pattern may well
    find nothing, so there an unknown name is a warning.
    """
    target = parse_target(text)
    whole = target.name is not None and target.key is None
    there = len({row["key"] for row in app.data.keys(text)})
    unknown = unknown_name(app, text, "invalidate") if not there else None
    if unknown is not None and whole and not app.levels_away():
        raise unknown
    removed = app.data.invalidate(text)
    if whole:
        _remove_one_by_one(app, target.name)
    warnings = [f"{unknown.problem.what}; {unknown.problem.fix}"] if unknown is not None else []
    if all(in_process(app).values()):
        warnings.append(ONLY_HERE)
    return {"target": text, "removed": there if whole else removed}, warnings


def _remove_one_by_one(app: App, name: Name | None) -> None:
    """A generation is known to others only through a level that keeps it; without one, each entry has to go."""
    keeps = any(isinstance(level.object, SupportsGenerations) for level in app.objects("caches"))
    if name is not None and not keeps:
        app.data.invalidate(f"{name.domain}:*" if str(name) == name.domain else f"{name.domain}:{name.entity}:*")


def chosen_names(app: App, names: Sequence[str]) -> list[str]:
    """What to load: ``names``, or without any the sources of all selected jobs.

    Raises ``UsageError`` BW2001 or BW1013, and ``ConfigurationError`` BW1014 when nothing would stay.
    """
    known = [f"{SOURCE}.{entity}" for entity in app.loaders]
    for name in names:
        if name not in known:
            raise _nobody_loads(name, known)
    if all(in_process(app).values()):
        raise ConfigurationError(
            "BW1014",
            "what is loaded would be gone when this command ends",
            where="[plugins] caches",
            why=ONLY_HERE,
            fix='select one that stays: [plugins] caches = ["memory", "file"]',
        )
    return list(dict.fromkeys(names)) or known


def _nobody_loads(name: str, known: Sequence[str]) -> UsageError:
    written = parse_name(name)
    near = nearest_name(written, known) or nearest_name(Name(SOURCE, written.domain), known)
    fix = f"did you mean {near}? busway cache warm {near}" if near else f"it can load {', '.join(known) or 'nothing'}"
    return UsageError(
        "BW1013",
        f"no selected job loads {name}",
        where="busway cache warm",
        why="a command can load what selected jobs read; other data is loaded by the programs that use it",
        fix=fix,
    )


class _Counted:
    """A loader that remembers how many records it brought."""

    def __init__(self, loader: Callable[[], list[Record]]) -> None:
        self._loader = loader
        self.__qualname__ = str(getattr(loader, "__qualname__", ""))
        self.records: int | None = None

    def __call__(self) -> list[Record]:
        found = self._loader()
        self.records = len(found)
        return found


def warm_one(app: App, name: str) -> tuple[dict[str, Any], BuswayError | None]:
    """Loads ``name``; its row, and the error when it was not loaded or no level that stays took it."""
    loader = _Counted(app.loaders[name.removeprefix(f"{SOURCE}.")])
    began = app.clock.monotonic()
    error: BuswayError | None = None
    try:
        _refuse_homeless(app, name)
        app.data.warm(name, loader)
    except BuswayError as raised:
        error = raised
    inside = in_process(app)
    fresh = [row for row in app.data.keys(f"{name}/_") if row["fresh_for_seconds"] > 0] if error is None else []
    levels = [row["level"] for row in fresh if not inside[row["level"]]]
    if error is None and not levels:
        error = incomplete(app, f"{name} was loaded, and nobody kept it", f"busway cache warm {name}") or not_reached(
            f"no cache level took {name}", "it was loaded, and nobody kept it", "busway cache stats"
        )
    return {
        "name": name,
        "ok": error is None,
        "records": loader.records,
        "seconds": round(app.clock.monotonic() - began, 3),
        "levels": levels,
        "error": error.problem.as_dict() if error is not None else None,
    }, error


def _refuse_homeless(app: App, name: str) -> None:
    """Before the load, which may take long and would be for nothing."""
    inside = in_process(app)
    stay = [row for row in app.data.stats()["levels"] if not inside[row["level"]]]
    if policy_of(app, name).sensitive and not any(row["takes_sensitive"] for row in stay):
        levels = " and ".join(row["level"] for row in stay)
        raise ConfigurationError(
            "BW1014",
            f"no cache level that stays may have {name}",
            where="[plugins] caches",
            why=f"its domain is sensitive, and {levels} would store it in clear",
            fix='add the sealed files: [plugins] caches = ["memory", "redis", "file"]; or reach Redis over TLS',
        )
