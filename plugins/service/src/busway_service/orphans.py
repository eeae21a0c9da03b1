"""As process 1 of a container the service inherits every process whose parent died, and has to bury them."""

from __future__ import annotations

import os
from collections.abc import Collection

__all__ = ["bury_orphans"]


def bury_orphans(ours: Collection[int]) -> list[int]:
    """Collects children that have ended and that nobody waits for; returns their process ids.

    :param ours: children that somebody waits for: they are left to them.
    """
    buried: list[int] = []
    while True:
        try:
            # Looks first and leaves the child as it is: whoever waits for it would never hear of its end.
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return buried
        if found is None or found.si_pid in ours:
            return buried
        try:
            os.waitpid(found.si_pid, os.WNOHANG)
        except ChildProcessError:
            return buried
        buried.append(found.si_pid)
