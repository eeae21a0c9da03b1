"""The errors for cache levels that did not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busway.errors import UnreachableError

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["incomplete", "not_reached"]


def incomplete(app: App, consequence: str, again: str = "") -> UnreachableError | None:
    """The error for levels that did not answer; ``None`` when all did.

    :param again: the command to repeat once they do.
    """
    away = app.levels_away()
    if not away:
        return None
    who = f"cache level {next(iter(away))}" if len(away) == 1 else f"cache levels {' and '.join(away)}"
    why = "\n".join([*dict.fromkeys(away.values()), consequence])
    fix = "see what it lacks: busway plugins check --online"
    return not_reached(f"{who} did not answer", why, f"{fix}\nthen again: {again}" if again else fix)


def not_reached(what: str, why: str, fix: str) -> UnreachableError:
    """The error for something no level that outlives the command took, or had."""
    return UnreachableError("BW1014", what, where="[plugins] caches", why=why, fix=fix)
