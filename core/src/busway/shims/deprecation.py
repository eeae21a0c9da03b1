"""The warning about an old name: once for each place in the code that uses it."""

from __future__ import annotations

import warnings

from busway.shims.call_site import CallSite

__all__ = ["BuswayDeprecationWarning", "warn_once"]

_told: set[tuple[str, int, str]] = set()


class BuswayDeprecationWarning(DeprecationWarning):
    """An old name is used.

    :param old: the old name in full.
    :param replacement: what to use instead.
    :param since: the version from which that is there.
    :param removed_in: the version in which the old name is gone.
    """

    def __init__(self, old: str, replacement: str, since: str, removed_in: str) -> None:
        super().__init__(f"{old} is deprecated since busway {since} and gone in {removed_in}: use {replacement}")
        self.old = old
        self.replacement = replacement
        self.since = since
        self.removed_in = removed_in


def warn_once(warning: BuswayDeprecationWarning, site: CallSite) -> None:
    """Warns as of the line that uses the old name, whatever the filters say about repetition."""
    place = (site.file, site.line, warning.old)
    if place not in _told:
        _told.add(place)
        warnings.warn_explicit(warning, None, site.file, site.line, module=site.module)
