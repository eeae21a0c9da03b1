"""Closes what plugins built, so that one that fails does not keep the others open."""

from __future__ import annotations

import logging
from typing import Protocol

from busway.plugins.origins import origin_of
from busway.plugins.stack import raised_at

__all__ = ["close_object"]

_log = logging.getLogger("busway.plugins")


class _Closable(Protocol):
    def close(self) -> None: ...


def close_object(made: _Closable) -> None:
    """Closes `made`; what it raises is logged with the plugin it is from, and goes no further."""
    try:
        made.close()
    except Exception as error:
        origin = origin_of(made)
        whose = origin.label if origin else type(made).__qualname__
        _log.warning("%s did not close cleanly: %s, %s", whose, type(error).__name__, raised_at(error))
