"""What a forked child has to make anew: locks, and work whose threads have stayed behind in the parent."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

__all__ = ["after_fork"]

_resets: list[weakref.WeakMethod[Callable[[], None]]] = []


def after_fork(reset: Callable[[], None]) -> None:
    """Calls the bound method ``reset`` in every child forked from now on, as long as its object lives."""
    _resets.append(weakref.WeakMethod(reset, _resets.remove))


def _in_child() -> None:
    for reference in [*_resets]:
        reset = reference()
        if reset is not None:
            reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
