"""Imports of something old: each binding with all its uses becomes edits of one group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst
from libcst.metadata import BaseAssignment, ClassScope

from busway_migrate.bindings import Binding, bindings_of
from busway_migrate.edits import Door, ImportEdit, NameEdit
from busway_migrate.file_analysis import FileAnalysis
from busway_migrate.modules import Modules
from busway_migrate.parsed_file import dotted_name, node_of, targets_of
from busway_migrate.resolver import Meaning, OldName
from busway_migrate.uses import BY_HAND, Origin, use_path

__all__ = ["analyse_imports"]


def analyse_imports(analysis: FileAnalysis, modules: Modules) -> None:
    """Finds every binding of the file, and what would become of it."""
    found = list(bindings_of(analysis.parsed, modules, analysis.resolver))
    groups: dict[tuple[object, str], int] = {}
    for binding in found:
        group = groups.setdefault((binding.scope, binding.local), _group(analysis, binding))
        _binding(analysis, binding, group, found)


def _group(analysis: FileAnalysis, binding: Binding) -> int:
    if binding.scope is analysis.parsed.global_scope and binding.local in analysis.outer_names:
        return analysis.outer_names[binding.local]
    return analysis.groups.new()


def _binding(analysis: FileAnalysis, binding: Binding, group: int, found: Iterable[Binding]) -> None:
    meaning = analysis.resolver.meaning(binding.path)
    if isinstance(meaning, OldName) and meaning.is_variable:
        _use_all(analysis, binding, group)  # the variable keeps its name, so the import of it stays
    elif meaning is Meaning.PREFIX:
        _lead_on(analysis, binding, group)
    else:
        _make_way(analysis, binding, group, found)


def _lead_on(analysis: FileAnalysis, binding: Binding, group: int) -> None:
    """An import of a package, or of a module of the tree: it stays, and new imports stand beside it."""
    doors = tuple(dict.fromkeys(_use_all(analysis, binding, group, stays=True)))
    if doors or analysis.groups.is_blocked(group):
        analysis.edits.append(ImportEdit(group, binding.statement, None, binding.alias, doors, stays=True))


def _make_way(analysis: FileAnalysis, binding: Binding, group: int, found: Iterable[Binding]) -> None:
    """An import of an old name or an old module: it goes."""
    meaning = analysis.resolver.meaning(binding.path)
    doors = dict.fromkeys(_use_all(analysis, binding, group))
    if isinstance(meaning, OldName):
        doors |= dict.fromkeys(_door(analysis, binding, meaning, group))
    elif not doors and not analysis.groups.is_blocked(group):
        _block_unused(analysis, binding, group, meaning)
    rule = meaning.rules[0] if isinstance(meaning, OldName) else None
    analysis.edits.append(ImportEdit(group, binding.statement, rule, binding.alias, tuple(doors)))
    _other_bindings(analysis, binding, group, found, tuple(doors))
    _named_in_text(analysis, binding, group)
    if isinstance(binding.scope, ClassScope):
        why = f"{binding.local} is an attribute of a class here, and who reads it is not seen"
        analysis.block(group, binding.statement, why, "import it outside of the class")


def _use_all(analysis: FileAnalysis, binding: Binding, group: int, *, stays: bool = False) -> list[Door]:
    origin = Origin(group, binding.scope, stays)
    doors: list[Door] = []
    for access in binding.references():
        node = access.node
        if not isinstance(node, (cst.Name, cst.Attribute)):
            analysis.block(group, node, "it is used in a type written as text", BY_HAND)
            continue
        doors += use_path(analysis, origin, node, _path(binding, node))
    return doors


def _path(binding: Binding, node: cst.Name | cst.Attribute) -> str:
    if not binding.is_plain:
        return binding.path
    front = binding.path.removesuffix(binding.alias.evaluated_name)
    return front + dotted_name(node)


def _door(analysis: FileAnalysis, binding: Binding, old: OldName, group: int) -> Iterator[Door]:
    """What an import of a name becomes even if nothing uses it."""
    rule = old.rules[0]
    if old.alias is not None:
        analysis.groups.join(group, old.alias.group)
    if rule.becomes:
        yield analysis.door(binding.scope, rule, old.path.rpartition(".")[2])
    else:
        analysis.block(group, binding.statement, rule.doc or "the rule leaves it to a person", BY_HAND, rule)


def _block_unused(analysis: FileAnalysis, binding: Binding, group: int, meaning: Meaning) -> None:
    """An import that nothing in the file needs may be there for what it does."""
    if meaning is Meaning.MODULE:
        why = "the module is imported, and nothing of it is used here"
        fix = "remove the import, unless what it does when imported is needed"
    else:
        why = f"no rule is about {binding.path}"
        fix = "write it anew, or add a rule: docs/migrate.md"
    analysis.block(group, binding.statement, why, fix)


def _other_bindings(
    analysis: FileAnalysis, binding: Binding, group: int, found: Iterable[Binding], doors: tuple[Door, ...]
) -> None:
    """Everything else that binds the same name: another import of the same, or ``None`` where the import fails."""
    own = {id(assignment) for other in found if other.local == binding.local for assignment in other.assignments}
    # ``import a.b`` binds ``a``, which others may well bind to the same package.
    for assignment in () if binding.is_plain else _same_name(binding):
        node = node_of(assignment)
        if id(assignment) in own or node is None:
            continue
        if doors and _is_none(analysis, node):
            analysis.edits.append(NameEdit(group, node, None, doors[0]))
        else:
            why = f"{binding.local} is bound to something else here"
            analysis.block(group, node, why, "use another name, or import it in one way only")
    for statement in analysis.parsed.scope_changes:
        if any(item.name.value == binding.local for item in statement.names):
            analysis.block(group, statement, f"{binding.local} is imported into another scope", BY_HAND)


def _same_name(binding: Binding) -> list[BaseAssignment]:
    return [one for one in binding.scope[binding.local] if one.scope is binding.scope]


def _is_none(analysis: FileAnalysis, node: cst.CSTNode) -> bool:
    """``name = None``, as it stands in an ``except ImportError``."""
    target = analysis.parsed.parent(node)
    assign = analysis.parsed.parent(target) if target is not None else None
    return isinstance(assign, cst.Assign) and len(assign.targets) == 1 and dotted_name(assign.value) == "None"


def _named_in_text(analysis: FileAnalysis, binding: Binding, group: int) -> None:
    """A name in ``__all__`` belongs to whoever imports this module, and must stay."""
    for assign in analysis.parsed.assignments:
        if any(dotted_name(target) == "__all__" for target in targets_of(assign)):
            texts = _texts(assign.value)
            if binding.local in texts and binding.scope is analysis.parsed.global_scope:
                why = f"{binding.local} is in __all__: others may import it from here"
                analysis.block(group, assign, why, f"take {binding.local} out of __all__, or keep the import")


def _texts(value: cst.BaseExpression | None) -> set[str]:
    if not isinstance(value, (cst.List, cst.Tuple, cst.Set)):
        return set()
    found = (element.value for element in value.elements)
    return {str(item.evaluated_value) for item in found if isinstance(item, cst.SimpleString)}
