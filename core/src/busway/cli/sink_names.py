"""Names of sinks, as people type them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from busway.errors import UsageError

__all__ = ["unknown_sink"]


def unknown_sink(sink: str, in_use: Sequence[str]) -> UsageError:
    """BW1017, with the nearest name."""
    near = difflib.get_close_matches(sink, in_use, n=1)
    return UsageError(
        "BW1017",
        f"no sink {sink!r} is in use",
        where="[plugins] sinks",
        why=f"in use: {', '.join(in_use) or 'none'}",
        fix=f"did you mean {near[0]}?" if near else "add it to sinks under [plugins] in busway.toml",
    )
