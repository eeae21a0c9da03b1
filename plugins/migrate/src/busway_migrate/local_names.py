"""What a new import is called in its scope: its own name, or another where that name means something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import libcst as cst
from libcst.metadata import BaseAssignment, BuiltinScope, GlobalScope, Scope

from busway_migrate.edits import CallEdit, Door, Edit, ImportEdit, NameEdit, ObjectEdit
from busway_migrate.parsed_file import ParsedFile, dotted_name, node_of

__all__ = ["LocalNames"]


class LocalNames:
    """Chooses a name for each door of one file, and keeps to it."""

    def __init__(self, parsed: ParsedFile, edits: Sequence[Edit]) -> None:
        self._parsed = parsed
        self._edits = edits
        self._chosen: dict[Door, str] = {}
        self._freed = {edit.alias: edit.doors for edit in edits if isinstance(edit, ImportEdit)}
        self._renamed = {edit.node: edit.door for edit in edits if isinstance(edit, NameEdit)}
        # Those of the module first: what is imported in a function has to keep clear of them.
        doors = [door for doors in self._freed.values() for door in doors]
        for door in sorted(doors, key=lambda door: door.scope is not parsed.global_scope):
            self._choose(door)

    def __getitem__(self, door: Door) -> str:
        return self._chosen[door]

    def _choose(self, door: Door) -> None:
        if door not in self._chosen:
            self._chosen[door] = next(name for name in _candidates(door.name) if self._is_free(door, name))

    def _is_free(self, door: Door, name: str) -> bool:
        taken = any(not self._means(one, door, name) for one in self._assignments(name))
        return not taken and not self._is_free_variable(name) and not self._would_hide(door, name)

    def _assignments(self, name: str) -> Iterator[BaseAssignment]:
        for scope in self._parsed.scopes:
            yield from (one for one in scope.assignments if one.name.partition(".")[0] == name)

    def _means(self, assignment: BaseAssignment, door: Door, name: str) -> bool:
        """Whether ``assignment`` binds ``name`` to what the door leads to, or makes way for it."""
        node = node_of(assignment)
        if node is not None and node in self._renamed:
            return self._same(self._renamed[node], door)
        if not isinstance(node, (cst.Import, cst.ImportFrom)) or isinstance(node.names, cst.ImportStar):
            return False
        aliases = [alias for alias in node.names if _binds(alias) == name]
        freed = [self._freed[alias] for alias in aliases if alias in self._freed]
        if aliases and len(freed) == len(aliases):
            return all(self._same(one, door) for doors in freed for one in doors)
        if not isinstance(node, cst.ImportFrom) or node.relative or dotted_name(node.module) != door.module:
            return False
        return all(alias.evaluated_name == door.name for alias in aliases)

    def _same(self, one: Door, other: Door) -> bool:
        return (one.module, one.name) == (other.module, other.name)

    def _is_free_variable(self, name: str) -> bool:
        """Whether something uses the name that nothing in this file binds."""
        accesses = (access for scope in self._parsed.scopes for access in scope.accesses if not access.referents)
        return any(isinstance(access.node, cst.Name) and access.node.value == name for access in accesses)

    def _would_hide(self, door: Door, name: str) -> bool:
        """Whether the import, made in a function, would take the name from uses there that are of an outer import."""
        if door.scope is self._parsed.global_scope:
            return False
        inner = [scope for scope in self._parsed.scopes if _is_within(scope, door.scope)]
        used = (access for scope in inner for access in scope.accesses)
        if any(
            one.name == name and not _is_within(one.scope, door.scope) for access in used for one in access.referents
        ):
            return True
        return any(
            self._chosen.get(other, other.name) == name
            and other.scope is not door.scope
            and scope is not None
            and _is_within(scope, door.scope)
            for other, scope in self._uses()
        )

    def _uses(self) -> Iterator[tuple[Door, Scope | None]]:
        for edit in self._edits:
            if isinstance(edit, (ObjectEdit, CallEdit)) and edit.door is not None:
                yield edit.door, edit.use_scope


def _candidates(name: str) -> Iterator[str]:
    yield name
    yield f"busway_{name}"
    yield from (f"busway_{name}_{number}" for number in count(2))


def _binds(alias: cst.ImportAlias) -> str:
    return (alias.evaluated_alias or alias.evaluated_name).partition(".")[0]


def _is_within(scope: Scope, outer: Scope) -> bool:
    """Whether ``scope`` is ``outer`` or lies in it."""
    current = scope
    while current is not outer:
        if isinstance(current, (GlobalScope, BuiltinScope)):
            return False
        current = current.parent
    return True
