"""What would be changed in one file. An edit belongs to a group, and is made when nothing keeps that group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Scope

from busway_migrate.rules import Rule

__all__ = ["AttributeEdit", "CallEdit", "Door", "Edit", "ImportEdit", "NameEdit", "ObjectEdit"]


class Door(NamedTuple):
    """A new name and the scope it is imported in; what it is called there is decided when all edits are known."""

    scope: Scope
    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Edit:
    """Base of all: which node, by which rule, in which group."""

    group: int
    node: cst.CSTNode
    rule: Rule | None


@dataclass(frozen=True, eq=False)
class ImportEdit(Edit):
    """One name of an import statement makes way for the imports of ``doors``."""

    alias: cst.ImportAlias | cst.ImportStar
    doors: tuple[Door, ...]
    stays: bool = False
    """It only led the way to something old; what else is reached through it is still needed."""


@dataclass(frozen=True, eq=False)
class ObjectEdit(Edit):
    """An expression makes way for the new object, or for an attribute of it."""

    door: Door
    attribute: str = ""
    use_scope: Scope | None = None


@dataclass(frozen=True, eq=False)
class CallEdit(Edit):
    """A call gets its new name and arguments; ``door`` is set where its function was no attribute of an object."""

    rule: Rule
    bound: Mapping[str, int]
    """Old parameter to the index of the argument."""
    door: Door | None = None
    use_scope: Scope | None = None


@dataclass(frozen=True, eq=False)
class AttributeEdit(Edit):
    """An attribute gets its new name."""

    new: str


@dataclass(frozen=True, eq=False)
class NameEdit(Edit):
    """A name that is bound to ``None`` where the import fails is called as the import is called now."""

    door: Door
