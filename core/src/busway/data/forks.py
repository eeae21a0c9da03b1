"""What a forked child has to make anew: locks, and work whose threads have stayed behind in the parent."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any, cast

__all__ = ["after_fork"]

_Reset = tuple[weakref.ref[object], Callable[[Any], None]]
_resets: list[_Reset] = []


def after_fork(reset: Callable[[], None]) -> None:
    """Calls the bound method ``reset`` in every child forked from now on, as long as its object lives."""
    # WeakMethod with a callback would be the alternative; at the end of the interpreter it prints what it cannot do.
    _resets[:] = [one for one in _resets if one[0]() is not None]
    method = cast(MethodType, reset)
    _resets.append((weakref.ref(method.__self__), method.__func__))


def _in_child() -> None:
    for reference, reset in [*_resets]:
        owner = reference()
        if owner is not None:
            reset(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
