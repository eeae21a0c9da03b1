"""Names of settings as people write them on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.errors import BuswayError, Problem, UsageError

if TYPE_CHECKING:
    from busway.configuration.manager import ConfigManager

__all__ = ["as_setting_name", "known_names"]


def as_setting_name(written: str) -> str:
    """The environment name of what may be written as in a vault (``smtp-password``)."""
    return written.upper().replace("-", "_")


def known_names(manager: ConfigManager, written: Sequence[str]) -> list[str]:
    """The settings that are meant, each once. Raises ``UsageError`` BW1106 with every name that means none."""
    declared = frozenset(manager.names())
    names = [name if name in declared else as_setting_name(name) for name in written]
    strange = [text for name, text in zip(names, written, strict=True) if name not in declared]
    unknown = [problem for text in strange for problem in _why(manager, text)]
    if unknown:
        raise UsageError.of(unknown)
    return list(dict.fromkeys(names))


def _why(manager: ConfigManager, name: str) -> Sequence[Problem]:
    try:
        manager.explain(name)
    except BuswayError as error:
        return error.problems
    return ()
