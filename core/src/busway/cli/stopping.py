"""SIGINT and SIGTERM as a wish to stop: the first is kind, the second is not."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import click

__all__ = ["SignalStop"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalStop:
    """Turns the first signal into ``requested()``; the second raises ``KeyboardInterrupt`` where the program stands."""

    def __init__(self) -> None:
        self.signal = 0
        """Number of the signal that came; 0 = none."""
        self._before: dict[int, Any] = {}

    def requested(self) -> bool:
        """True after the first signal."""
        return self.signal != 0

    def __enter__(self) -> SignalStop:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        click.echo("stopping after the record in hand; once more to stop at once", err=True)
