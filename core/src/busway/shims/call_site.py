"""The line of code that uses a shim."""

from __future__ import annotations

import sys
from types import FrameType
from typing import NamedTuple

__all__ = ["CallSite", "call_site", "modules_around"]

_OURS = ("busway.shims.", "importlib.", "_frozen_importlib")


class CallSite(NamedTuple):
    """Where it is."""

    module: str
    file: str
    line: int

    @property
    def is_old_code(self) -> bool:
        """Whether it belongs to an old module that a shim has taken the place of."""
        return is_old(self.module)


def is_old(module: str) -> bool:
    """Whether ``module`` is an old one under the name it has beside its shim."""
    return module.endswith("_legacy")


def call_site(shim: str) -> CallSite:
    """The innermost line that belongs neither to the module ``shim`` nor to what looks a name up in it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module != shim and not f"{module}.".startswith(_OURS):
            return CallSite(module, frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return CallSite("", "", 0)


def modules_around() -> list[str]:
    """The modules whose code is at work in this thread, innermost first."""
    found: dict[str, None] = {}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        found[str(frame.f_globals.get("__name__", ""))] = None
        frame = frame.f_back
    return list(found)
