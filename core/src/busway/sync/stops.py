"""Wishes to stop put together."""

from __future__ import annotations

from busway.contracts.runs import Stop

__all__ = ["EitherStop"]


class EitherStop:
    """Asked to stop as soon as one of several is, or the run is abandoned."""

    def __init__(self, *stops: Stop) -> None:
        self._stops = stops
        self._abandoned = False

    def requested(self) -> bool:
        """True once it is."""
        return self._abandoned or any(stop.requested() for stop in self._stops)

    def abandon(self) -> None:
        """Nobody waits for the run any more."""
        self._abandoned = True
