"""What is known of one file so far: its edits, and what keeps its groups from being changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst
from libcst.metadata import Scope

from busway_migrate.edits import Door, Edit
from busway_migrate.findings import Finding, FindingKind
from busway_migrate.groups import Groups
from busway_migrate.parsed_file import ParsedFile
from busway_migrate.resolver import Resolver
from busway_migrate.rules import Rule

__all__ = ["FileAnalysis", "Holder"]


@dataclass(eq=False)
class Holder:
    """A variable or attribute that holds an object of the old kind."""

    rule: Rule
    group: int
    values: list[cst.CSTNode] = field(default_factory=list)
    """The expressions it is set to that are such objects."""


@dataclass(eq=False)
class FileAnalysis:
    """The state of the analysis of one file."""

    parsed: ParsedFile
    resolver: Resolver
    groups: Groups
    allow_unsafe: bool = False
    edits: list[Edit] = field(default_factory=list)
    variables: dict[tuple[Scope, str], Holder] = field(default_factory=dict)
    attributes: dict[tuple[str, str], Holder] = field(default_factory=dict)
    """By class and attribute."""
    outer_names: dict[str, int] = field(default_factory=dict)
    """Groups of names of the module that other files know it by."""
    seen: set[cst.CSTNode] = field(default_factory=set)

    @property
    def path(self) -> Path:
        """The file."""
        return self.parsed.path

    def block(self, group: int, node: cst.CSTNode, why: str, fix: str, rule: Rule | None = None) -> None:
        """Keeps the group of ``node`` as it is, for the reason ``why``."""
        what = self.parsed.code(node)
        old = rule.old if rule is not None else ""
        self.groups.block(group, Finding(self.path, self.parsed.line(node), FindingKind.HAND, what, why, fix, old))

    def door(self, scope: Scope, rule: Rule, name: str) -> Door:
        """What ``rule`` puts in the place of ``name``, imported in ``scope``."""
        target = rule.target(name)
        return Door(scope, target.module, target.name)
