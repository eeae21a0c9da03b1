"""The flags of a migration for ``busway doctor``: how each stands, where that is said, and when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from busway.cli.finding import Finding
from busway.configuration.flags import DEFAULT, FLAG_NAMES, REMOVED_IN, parse_flag
from busway.configuration.near_value import near_value
from busway.errors import ConfigurationError

if TYPE_CHECKING:
    from busway.configuration.boot import Boot

__all__ = ["flag_findings"]


def flag_findings(stage: Boot) -> Iterator[Finding]:
    """One finding for each."""
    for name in FLAG_NAMES.values():
        yield _finding(stage, name)


def _finding(stage: Boot, name: str) -> Finding:
    check = f"flag {name}"
    try:
        text, place = near_value(stage, name, DEFAULT)
    except ConfigurationError as error:  # a .env that cannot be read
        return check, "failed", f"{error.problem.what} ({error.problem.where})", error.problem.fix
    try:
        flag = parse_flag(text)
    except ValueError as error:
        return check, "failed", f"{text!r} ({place}) is no flag: {error}", f"set {name}=on, or off for the old code"
    detail = f"{flag} ({place}); gone in busway {REMOVED_IN}"
    if flag.on and all(flag.jobs.values()):
        return check, "ok", detail, ""
    return check, "warning", detail, f"old code is in use: find out why, and set {name}=on before {REMOVED_IN}"
