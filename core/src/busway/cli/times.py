"""Times as people give them on the command line."""

from __future__ import annotations

from datetime import datetime

import click

from busway.contracts.durations import LONGEST_SECONDS, parse_duration
from busway.errors import UsageError

__all__ = ["span_seconds", "until_ns"]

FORMS = "2h, 30m, 7d, 2026-12-01 or 2026-12-01T06:00"


def span_seconds(ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """For options that take ``7d`` or ``12h``: seconds. A number alone is refused, since nobody knows of what."""
    if value is None:
        return None
    if value.strip().isdigit():
        raise click.BadParameter(f"{value} of what? Write 90s, 30m, 12h or 7d", ctx, option)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None


def until_ns(text: str, now_ns: int) -> int:
    """The moment that ``text`` means: a span from now, or a date or time on the clock of this machine.

    Raises ``UsageError`` BW7014 when it is neither, is over, or is more than ten years away.
    """
    moment = _after(text, now_ns) or _on_the_clock(text)
    if moment is None:
        raise _unusable(text, f"it is none of {FORMS}")
    if moment <= now_ns:
        raise _unusable(text, "that is over")
    if moment - now_ns > LONGEST_SECONDS * 1e9:
        raise _unusable(text, "that is more than ten years away")
    return moment


def _after(text: str, now_ns: int) -> int | None:
    if text.strip().isdigit():  # a year, or a number without a unit
        return None
    try:
        return now_ns + round(parse_duration(text) * 1e9)
    except ValueError:
        return None


def _on_the_clock(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        # A time without a zone is one of this machine.
        return round(moment.astimezone().timestamp()) * 1_000_000_000
    except (ValueError, OverflowError, OSError):
        return None


def _unusable(text: str, why: str) -> UsageError:
    return UsageError(
        "BW7014", f"a pause cannot end at {text!r}", where="--until", why=why, fix=f"say when it ends: {FORMS}"
    )
