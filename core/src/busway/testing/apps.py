"""The singletons in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from busway.app import App

__all__ = ["use_app"]


@contextmanager
def use_app(app: App) -> Iterator[App]:
    """Makes ``busway.config``, ``data_manager`` and ``event_manager`` doors to ``app`` for the length of the block.

    Afterwards they are unbound again; ``app`` stays the caller's to close.
    """
    from busway import singletons

    singletons.bind(app)
    try:
        yield app
    finally:
        singletons.unbind()
