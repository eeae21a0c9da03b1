"""One entry, for a person who asks what it is and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busway.data.names import escape_glob
from busway.errors import UsageError
from busway.views.cache_names import policy_of

if TYPE_CHECKING:
    from busway.app import App
    from busway.data.provenance import Provenance

__all__ = ["read_entry", "refuse_sensitive"]


def refuse_sensitive(app: App, name: str) -> None:
    """Raises ``UsageError`` BW1015 when values of ``name`` are never shown."""
    if policy_of(app, name).sensitive:
        raise UsageError(
            "BW1015",
            f"values of {name} are not shown",
            where=f"busway cache get {name}",
            why="its domain is sensitive: what it holds is about people, and terminals are recorded",
            fix=f"see its provenance: busway cache get {name}",
        )


def read_entry(app: App, name: str, key: str | None, *, show_value: bool) -> dict[str, Any]:
    """What is known of an entry; ``found`` is False when no level that answers has one. Loads nothing.

    Raises ``UsageError`` BW2001.
    """
    sensitive = policy_of(app, name).sensitive
    provenance = app.data.provenance(name, key)
    row: dict[str, Any] = {
        "name": name,
        "key": key,
        "found": provenance is not None,
        "sensitive": sensitive,
        "value_shown": False,
        "degraded": bool(app.levels_away()),
    }
    if provenance is None:
        return row
    row |= _told(app, provenance, sensitive=sensitive)
    row["levels"] = [
        {field: one[field] for field in ("level", "age_seconds", "fresh_for_seconds", "size")}
        for one in app.data.keys(f"{name}/{'_' if key is None else escape_glob(key)}")
    ]
    if show_value and not provenance.stale:
        # Once more, and by the ordinary way: what is stale is for loaders that fail, and nobody else gets it.
        row |= {"value_shown": True, "value": app.redactor.redact(app.data.get_cached_data(name, key))}
    return row


def _told(app: App, provenance: Provenance, *, sensitive: bool) -> dict[str, Any]:
    metadata = dict(provenance.metadata)
    return {
        "level": provenance.level,
        "state": "stale" if provenance.stale else "fresh",
        "age_seconds": provenance.age_seconds,
        "fresh_for_seconds": provenance.ttl_seconds - provenance.age_seconds,
        "ttl_seconds": provenance.ttl_seconds,
        "created_at_ns": provenance.created_at_ns,
        "source": app.redactor.redact_text(provenance.source),
        "schema_version": provenance.schema_version,
        # The caller's own: of a sensitive domain it may be about people, too.
        "metadata": sorted(metadata) if sensitive else app.redactor.redact(metadata),
    }
