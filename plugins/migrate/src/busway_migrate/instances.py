"""Objects of the old kind in variables and attributes: all that is done with them, wherever it is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import libcst as cst
from libcst.metadata import Scope

from busway_migrate.file_analysis import FileAnalysis, Holder
from busway_migrate.holders import class_of_self
from busway_migrate.parsed_file import ParsedFile, dotted_name, node_of
from busway_migrate.uses import use_object

__all__ = ["analyse_variables", "follow_attribute", "heirs"]


def analyse_variables(analysis: FileAnalysis) -> None:
    """Follows every variable that holds an old object; new ones that turn up on the way are followed as well."""
    done: set[tuple[Scope, str]] = set()
    while waiting := [key for key in analysis.variables if key not in done]:
        for key in waiting:
            done.add(key)
            _follow(analysis, key, analysis.variables[key])
    for key, holder in analysis.variables.items():
        _check_assignments(analysis, key, holder)


def _follow(analysis: FileAnalysis, key: tuple[Scope, str], holder: Holder) -> None:
    scope, name = key
    for assignment in [one for one in scope[name] if one.scope is scope]:
        for access in assignment.references:
            if isinstance(access.node, cst.Name):
                use_object(analysis, holder.group, access.node, holder.rule)
            else:
                why = f"{name} is used in a type written as text"
                analysis.block(holder.group, access.node, why, "change it by hand", holder.rule)


def _check_assignments(analysis: FileAnalysis, key: tuple[Scope, str], holder: Holder) -> None:
    """Whatever else is assigned to the variable would meet the changed calls."""
    scope, name = key
    for assignment in [one for one in scope[name] if one.scope is scope]:
        node = node_of(assignment)
        if node is None or _is_of_the_kind(analysis.parsed, node, holder):
            continue
        why = f"{name} may hold something else here"
        analysis.block(holder.group, node, why, "use another name for it", holder.rule)


def _is_of_the_kind(parsed: ParsedFile, target: cst.CSTNode, holder: Holder) -> bool:
    value = _assigned(parsed, target)
    return value is not None and (dotted_name(value) == "None" or any(value is one for one in holder.values))


def _assigned(parsed: ParsedFile, target: cst.CSTNode) -> cst.BaseExpression | None:
    """What a plain assignment puts into ``target``."""
    parent = parsed.parent(target)
    if isinstance(parent, cst.AnnAssign) and parent.target is target:
        return parent.value
    assign = parsed.parent(parent) if isinstance(parent, cst.AssignTarget) else None
    return assign.value if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None


def follow_attribute(
    holder: Holder, attribute: str, classes: Collection[str], analyses: Iterable[FileAnalysis]
) -> None:
    """Follows an attribute that holds an old object through all files.

    :param classes: the class that sets it, and all that inherit from it.
    """
    for analysis in analyses:
        for node in analysis.parsed.attributes.get(attribute, ()):
            _attribute(analysis, holder, node, classes)


def _attribute(analysis: FileAnalysis, holder: Holder, node: cst.Attribute, classes: Collection[str]) -> None:
    parsed, base = analysis.parsed, node.value
    owner = class_of_self(parsed, base) if isinstance(base, cst.Name) else None
    if owner is not None and owner.name.value not in classes:
        return
    if owner is None and dotted_name(base).rpartition(".")[2] not in classes:
        if not _is_module(parsed, base):
            why = f"this may be the attribute {node.attr.value} of a {sorted(classes)[0]}"
            fix = "give the attribute another name if it is not, or change this place by hand"
            analysis.block(holder.group, node, why, fix, holder.rule)
        return
    if _assigned(parsed, node) is not None or isinstance(
        parsed.parent(node), (cst.AssignTarget, cst.Del, cst.AugAssign)
    ):
        if not _is_of_the_kind(parsed, node, holder):
            why = f"{node.attr.value} may hold something else here"
            analysis.block(holder.group, node, why, "use another name for it", holder.rule)
        return
    use_object(analysis, holder.group, node, holder.rule)


def _is_module(parsed: ParsedFile, base: cst.BaseExpression) -> bool:
    """Whether ``base`` is a name that ``import`` binds, so that what it has is no attribute of an object."""
    if not isinstance(base, cst.Name):
        return False
    scope = parsed.scope_of(base)
    found = scope[base.value] if scope is not None else set()
    return bool(found) and all(isinstance(node_of(one), cst.Import) for one in found)


def heirs(name: str, bases: Mapping[str, Collection[str]]) -> set[str]:
    """``name`` and every class that inherits from it, by the names that ``bases`` has for each class."""
    found = {name}
    while new := {one for one, above in bases.items() if one not in found and found.intersection(above)}:
        found |= new
    return found
