"""Who reads a secret."""

from __future__ import annotations

import sys

__all__ = ["calling_module"]

_OWN = __name__.rpartition(".")[0]


def calling_module() -> str:
    """Name of the module that called into the configuration, for the audit.

    It walks the stack: to be called only where a source is asked anyway.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "unknown"))


def _is_own(module: str) -> bool:
    return module == _OWN or module.startswith(f"{_OWN}.")
