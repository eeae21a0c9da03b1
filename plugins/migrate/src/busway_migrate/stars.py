"""``from old_module import *``: which of the names that nothing else in the file binds come from there."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Mapping, Sequence

import libcst as cst
from libcst.metadata import Access

from busway_migrate.bindings import star_imports
from busway_migrate.edits import Door, ImportEdit
from busway_migrate.file_analysis import FileAnalysis
from busway_migrate.modules import Modules
from busway_migrate.uses import Origin, use_path

__all__ = ["analyse_stars"]

_GIVEN = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "__package__", "__spec__"}


def analyse_stars(analysis: FileAnalysis, modules: Modules, known: Mapping[str, Collection[str]], group: int) -> None:
    """What becomes of the star imports of old modules.

    :param known: the names that each old module of the tree defines.
    :param group: the group of all that the star brings into this module; other files may import it from here.
    """
    stars = list(star_imports(analysis.parsed, modules))
    old = [(statement, module) for statement, paths in stars for module in _old(analysis, paths)]
    if not old:
        return
    statement, module = old[0]
    scope = analysis.parsed.scope_of(statement)
    if len(stars) > 1:
        why = "with more than one star import, where a name is from cannot be told"
        analysis.block(group, statement, why, "import the names you need one by one")
    if scope is None:
        return
    doors: list[Door] = []
    for access in _unbound(analysis):
        doors += _use(analysis, Origin(group, scope), access, module, known.get(module))
    analysis.edits.append(ImportEdit(group, statement, None, _star(statement), tuple(dict.fromkeys(doors))))


def _old(analysis: FileAnalysis, paths: Sequence[str]) -> Iterator[str]:
    yield from [path for path in paths if path in analysis.resolver.book.modules][:1]


def _use(
    analysis: FileAnalysis, origin: Origin, access: Access, module: str, known: Collection[str] | None
) -> list[Door]:
    node = access.node
    if not isinstance(node, cst.Name):
        return []
    path = f"{module}.{node.value}"
    is_ruled = bool(analysis.resolver.book.name_rules(path))
    if known is not None and node.value not in known:
        return []  # it is not from there, so it was undefined before and still is
    if is_ruled:
        return use_path(analysis, origin, node, path)
    why = (
        f"{node.value} comes from {module} and no rule is about it" if known else f"{node.value} may come from {module}"
    )
    analysis.block(origin.group, node, why, f"import {node.value} by name, or write it anew")
    return []


def _unbound(analysis: FileAnalysis) -> Iterator[Access]:
    seen: set[int] = set()
    for scope in analysis.parsed.scopes:
        for access in scope.accesses:
            name = access.node.value if isinstance(access.node, cst.Name) else ""
            if not access.referents and name and name not in _GIVEN and id(access.node) not in seen:
                seen.add(id(access.node))
                yield access


def _star(statement: cst.ImportFrom) -> cst.ImportStar:
    return cst.ensure_type(statement.names, cst.ImportStar)
