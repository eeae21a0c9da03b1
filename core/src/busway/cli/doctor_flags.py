"""The flags of a migration for ``busway doctor``: how each stands, where that is said, and when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from busway.cli.finding import Finding
from busway.configuration.flags import FLAG_NAMES, REMOVED_IN, parse_flag
from busway.configuration.near_value import near_value

if TYPE_CHECKING:
    from busway.configuration.boot import Boot

__all__ = ["flag_findings"]


def flag_findings(stage: Boot) -> Iterator[Finding]:
    """One finding for each. Asks the environment, ``.env`` and ``busway.toml``, as shims do."""
    for name in FLAG_NAMES.values():
        yield _finding(name, *(near_value(stage, name) or ("on", "default")))


def _finding(name: str, text: str, where: str) -> Finding:
    try:
        flag = parse_flag(text)
    except ValueError as error:
        return f"flag {name}", "failed", f"{name} is not a flag ({where})", str(error)
    detail = f"{flag} ({where}); gone in busway {REMOVED_IN}"
    if flag.on and all(flag.jobs.values()):
        return f"flag {name}", "ok", detail, ""
    return f"flag {name}", "warning", detail, f"old code is in use: find out why, and set {name}=on before {REMOVED_IN}"
