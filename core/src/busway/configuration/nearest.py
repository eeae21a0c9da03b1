"""The name somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name most like ``name``, ignoring case; empty when none is at least ``likeness`` (0 to 1) alike."""
    # Imported late: names are mistyped rarely, and every start would pay for it.
    from difflib import get_close_matches

    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else ""


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A fix for an unknown name: the nearest known one, else ``otherwise``."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else otherwise
