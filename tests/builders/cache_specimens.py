"""What the specimens of broken cache backends are made from, and the list they are noted in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from busway.testing.fake_caches import FakeSharedCache

__all__ = ["HANGING", "PAUSE", "SPECIMENS", "Specimen", "breaks"]

HANGING = threading.Event()
"""Set by the test that is through with calls that hang."""
PAUSE = 0.001
"""Seconds another thread gets to come between."""


class Specimen(FakeSharedCache):
    """Keeps every promise."""


SPECIMENS: list[tuple[type[Specimen], str]] = []
"""A backend that breaks one promise, and the check that is to find it out."""
S = TypeVar("S", bound=type[Specimen])


def breaks(check: str) -> Callable[[S], S]:
    """Notes the check that is to fail."""

    def note(specimen: S) -> S:
        SPECIMENS.append((specimen, check))
        return specimen

    return note
