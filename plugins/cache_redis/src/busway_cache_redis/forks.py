"""What a forked child has to make anew: locks, connections and threads belong to the parent."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Renewable", "renew_in_children"]


class Renewable(Protocol):
    """Something with locks, connections or threads."""

    def renew(self) -> None:
        """Forgets what is the parent's; called in the child, where nothing else runs."""
        ...


# Not weak methods in a list: those complain on stderr when the interpreter ends before they do.
_living: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_in_children(one: Renewable) -> None:
    """Renews ``one`` in every child forked from now on, as long as it lives."""
    _living.add(one)


def _in_child() -> None:
    for one in [*_living]:
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
