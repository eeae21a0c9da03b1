"""Small pieces of text that several commands print the same way."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["bar", "duration", "local_time", "plural", "rate", "short_id"]


def short_id(identifier: str) -> str:
    """The first 13 characters of a UUIDv7: its milliseconds, enough to name a session or plan by hand."""
    return identifier[:13]


def duration(seconds: float) -> str:
    """``0:00:09``; below ten seconds with tenths, ``2.4 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def rate(done: int, seconds: float) -> str:
    """``210/s``, ``0.9/s``, ``3/min``, or nothing while there is nothing to divide."""
    if not done or seconds <= 0:
        return ""
    speed = done / seconds
    if speed < 0.1:
        return f"{speed * 60:.0f}/min"
    return f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s"


def bar(done: int, total: int, width: int = 28) -> str:
    """A bar of ``width`` cells; full when there is nothing to do."""
    full = width if total == 0 else width * done // total
    return "█" * full + "░" * (width - full)


def local_time(time_ns: int) -> str:
    """Wall-clock time of this machine, to the second."""
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def plural(number: int, noun: str, many: str = "") -> str:
    """``1 record``, ``2 records``."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
