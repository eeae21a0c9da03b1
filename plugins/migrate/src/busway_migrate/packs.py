"""Rule packs: those that installed distributions offer, and those given as files."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from importlib_metadata import EntryPoint, entry_points

from busway.errors import ConfigurationError, Problem
from busway_migrate.rule_book import RuleBook
from busway_migrate.rule_file import RuleFile, parse_rules

__all__ = ["GROUP", "RULES", "load_rules"]

GROUP = "busway.v1.migrations"
RULES = "rules.toml"
"""The file in the package that an entry point of :data:`GROUP` names."""


def load_rules(own: Sequence[Path] = ()) -> RuleBook:
    """The rules of every installed pack, then those of the files ``own``.

    Raises ``ConfigurationError``: BW7601 for rules that cannot be read or used, BW7602 for rules that contradict each
    other, BW7603 when there are none.
    """
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    found = [*map(_pack, points), *map(_own, own)]
    if not found:
        raise ConfigurationError(
            "BW7603",
            "there are no rules to migrate by",
            where=f"entry-point group {GROUP}",
            why="no installed distribution ships a rule pack, and no --rules FILE was given",
            fix="pip install busway-safetyamp, or write a rule file: docs/migrate.md",
        )
    return RuleBook.of(found)


def _pack(point: EntryPoint) -> RuleFile:
    owner = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.name
    try:
        importlib.import_module(point.value)
        text = files(point.value).joinpath(RULES).read_text("utf-8")
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        where = f"{owner}, entry point {GROUP}: {point.name} = {point.value}"
        fix = f"the entry point names a package that holds {RULES}; pip install --force-reinstall {owner.split()[0]}"
        raise ConfigurationError(
            "BW7601", f"the rules of {owner} cannot be read", where=where, why=why, fix=fix
        ) from error
    return parse_rules(text, owner)


def _own(path: Path) -> RuleFile:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        problem = Problem("BW7601", f"the rules of {path} cannot be read", str(path), str(error), "name a rule file")
        raise ConfigurationError.of([problem]) from error
    return parse_rules(text, str(path))
