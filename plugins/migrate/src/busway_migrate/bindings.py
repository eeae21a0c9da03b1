"""Bindings: which local names stand for something old because an import statement says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import Access, BaseAssignment, Scope

from busway_migrate.modules import Modules
from busway_migrate.parsed_file import ParsedFile, dotted_name, node_of
from busway_migrate.resolver import Meaning, OldName, Resolver

__all__ = ["Binding", "bindings_of", "import_paths", "star_imports"]


@dataclass(frozen=True, eq=False)
class Binding:
    """One name of one import statement through which something old can be reached."""

    statement: cst.Import | cst.ImportFrom
    alias: cst.ImportAlias
    local: str
    """The name it is bound to."""
    path: str
    """What that name stands for, as a dotted path."""
    is_plain: bool
    """``import a.b``: it binds ``a``, and ``a.b`` is written wherever it is used."""
    scope: Scope
    assignments: tuple[BaseAssignment, ...]

    def references(self) -> list[Access]:
        """Every use of it, in a stable order."""
        found = {id(access): access for assignment in self.assignments for access in assignment.references}
        return list(found.values())


def bindings_of(parsed: ParsedFile, modules: Modules, resolver: Resolver) -> Iterator[Binding]:
    """Every binding of the file, in the order of its text."""
    by_statement: dict[cst.CSTNode, list[BaseAssignment]] = {}
    for scope in parsed.scopes:
        for assignment in scope.assignments:
            node = node_of(assignment)
            if isinstance(node, (cst.Import, cst.ImportFrom)):
                by_statement.setdefault(node, []).append(assignment)
    for statement in parsed.imports:
        made = by_statement.get(statement, [])
        if made and not isinstance(statement.names, cst.ImportStar):
            for alias in statement.names:
                binding = _binding(parsed, modules, resolver, statement, alias, made)
                if binding is not None:
                    yield binding


def _binding(
    parsed: ParsedFile,
    modules: Modules,
    resolver: Resolver,
    statement: cst.Import | cst.ImportFrom,
    alias: cst.ImportAlias,
    made: Sequence[BaseAssignment],
) -> Binding | None:
    local = alias.evaluated_alias or alias.evaluated_name
    is_plain = isinstance(statement, cst.Import) and alias.evaluated_alias is None
    paths = [path for path in import_paths(parsed, modules, statement, alias) if resolver.concerns(path)]
    names = {".".join(local.split(".")[:end]) for end in range(1, local.count(".") + 2)} if is_plain else {local}
    own = tuple(assignment for assignment in made if assignment.name in names)
    if not paths or not own:
        return None
    best = min(paths, key=lambda path: _rank(resolver, path))
    return Binding(statement, alias, local, best, is_plain, own[0].scope, own)


def _rank(resolver: Resolver, path: str) -> int:
    """Old names before modules, and those before packages that merely hold some."""
    meaning = resolver.meaning(path)
    order = (Meaning.MODULE, Meaning.UNRULED, Meaning.PREFIX, Meaning.FOREIGN)
    return 0 if isinstance(meaning, OldName) else 1 + order.index(meaning)


def import_paths(
    parsed: ParsedFile, modules: Modules, statement: cst.Import | cst.ImportFrom, alias: cst.ImportAlias
) -> Sequence[str]:
    """What the alias may stand for, as dotted paths."""
    if isinstance(statement, cst.Import):
        return modules.absolute(parsed.path, 0, alias.evaluated_name)
    origins = modules.absolute(parsed.path, len(statement.relative), dotted_name(statement.module))
    return [f"{origin}.{alias.evaluated_name}" for origin in origins]


def star_imports(parsed: ParsedFile, modules: Modules) -> Iterator[tuple[cst.ImportFrom, Sequence[str]]]:
    """Every ``from module import *``, with what the module may be."""
    for statement in parsed.imports:
        if isinstance(statement, cst.ImportFrom) and isinstance(statement.names, cst.ImportStar):
            yield statement, modules.absolute(parsed.path, len(statement.relative), dotted_name(statement.module))
