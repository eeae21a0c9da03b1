"""Durations as people write them: ``30m``, ``1h``, ``90s``, or a number of seconds."""

from __future__ import annotations

import math
import re

__all__ = ["LONGEST_SECONDS", "parse_duration"]

LONGEST_SECONDS = 10 * 365 * 86_400.0
"""Ten years: longer is a slip of the pen, and would not fit into the nanoseconds of an entry's header."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)\s*(ms|[smhd])\s*)+\Z")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhd])")


def parse_duration(value: object) -> float:
    """Seconds of ``value``. Raises ``ValueError`` with a sentence for people when it is no duration."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a duration is a number of seconds or text such as 30m, not {type(value).__name__}")
    seconds = _from_text(value) if isinstance(value, str) else float(value)
    if not math.isfinite(seconds) or not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError("a duration lies between 0 and ten years")
    return seconds


def _from_text(text: str) -> float:
    text = text.strip().lower()
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    if not _DURATION.match(text):
        raise ValueError("a duration is written 90s, 30m, 1h, 2d or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
