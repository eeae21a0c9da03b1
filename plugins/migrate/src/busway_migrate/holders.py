"""Holders: variables and attributes that hold an old object, found where it is assigned."""

from __future__ import annotations

import libcst as cst
from libcst.metadata import Scope

from busway_migrate.file_analysis import FileAnalysis, Holder
from busway_migrate.parsed_file import ParsedFile, node_of
from busway_migrate.rules import Rule

__all__ = ["class_around", "hold", "home_scope"]


def hold(analysis: FileAnalysis, group: int, node: cst.CSTNode, rule: Rule) -> bool:
    """Notes the variable or attribute that ``node`` is assigned to; False when it is assigned to neither."""
    target = _target(analysis.parsed, node)
    if isinstance(target, cst.Name):
        scope = home_scope(analysis.parsed, target)
        if scope is None:
            return False
        place = analysis.parsed.scope_of(target)
        owner = class_around(analysis.parsed, target)
        if owner is not None and place is scope and _is_class_body(analysis.parsed, target):
            _note_attribute(analysis, group, node, rule, (owner.name.value, target.value))
        return _note_variable(analysis, group, node, rule, (scope, target.value))
    if isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name):
        owner = class_of_self(analysis.parsed, target.value)
        if owner is not None:
            _note_attribute(analysis, group, node, rule, (owner.name.value, target.attr.value))
            return True
    return False


def _target(parsed: ParsedFile, node: cst.CSTNode) -> cst.CSTNode | None:
    """What ``node`` is assigned to, when it is the value of a plain assignment to one target."""
    parent = parsed.parent(node)
    if isinstance(parent, cst.Assign) and parent.value is node and len(parent.targets) == 1:
        return parent.targets[0].target
    if isinstance(parent, cst.AnnAssign) and parent.value is node:
        return parent.target
    return None


def _note_variable(analysis: FileAnalysis, group: int, node: cst.CSTNode, rule: Rule, key: tuple[Scope, str]) -> bool:
    scope, name = key
    if scope is analysis.parsed.global_scope and name in analysis.outer_names:
        analysis.groups.join(group, analysis.outer_names[name])
    _note(analysis, group, node, rule, analysis.variables.setdefault(key, Holder(rule, group)))
    return True


def _note_attribute(analysis: FileAnalysis, group: int, node: cst.CSTNode, rule: Rule, key: tuple[str, str]) -> None:
    _note(analysis, group, node, rule, analysis.attributes.setdefault(key, Holder(rule, group)))


def _note(analysis: FileAnalysis, group: int, node: cst.CSTNode, rule: Rule, holder: Holder) -> None:
    analysis.groups.join(group, holder.group)
    holder.values.append(node)
    if (holder.rule.module, holder.rule.name) != (rule.module, rule.name):
        why = f"the same name holds {holder.rule.name} and {rule.name}"
        analysis.block(group, node, why, "use one name for each", rule)


def home_scope(parsed: ParsedFile, name: cst.Name) -> Scope | None:
    """The scope that the assignment to ``name`` binds it in: another than it stands in after ``global``."""
    scope = parsed.scope_of(name)
    if scope is None:
        return None
    found = [one for one in scope[name.value] if node_of(one) is name]
    return found[0].scope if found else None


def _is_class_body(parsed: ParsedFile, node: cst.CSTNode) -> bool:
    for around in parsed.ancestors(node):
        if isinstance(around, (cst.FunctionDef, cst.Lambda)):
            return False
        if isinstance(around, cst.ClassDef):
            return True
    return False


def class_around(parsed: ParsedFile, node: cst.CSTNode) -> cst.ClassDef | None:
    """The innermost class that ``node`` lies in."""
    return next((around for around in parsed.ancestors(node) if isinstance(around, cst.ClassDef)), None)


def class_of_self(parsed: ParsedFile, name: cst.Name) -> cst.ClassDef | None:
    """The class whose instance ``name`` is: the first parameter of the method around it."""
    around: cst.CSTNode | None = name
    for parent in parsed.ancestors(name):
        if isinstance(parent, cst.FunctionDef) and around is not None:
            owner = _owner(parsed, parent)
            if _first_parameter(parent) == name.value and not _is_static(parent):
                return owner
            if any(parameter.name.value == name.value for parameter in parent.params.params):
                return None
    return None


def _owner(parsed: ParsedFile, function: cst.FunctionDef) -> cst.ClassDef | None:
    """The class that ``function`` is a method of."""
    for parent in parsed.ancestors(function):
        if isinstance(parent, cst.ClassDef):
            return parent
        if isinstance(parent, (cst.FunctionDef, cst.Lambda)):
            return None
    return None


def _first_parameter(function: cst.FunctionDef) -> str:
    parameters = [*function.params.posonly_params, *function.params.params]
    return parameters[0].name.value if parameters else ""


def _is_static(function: cst.FunctionDef) -> bool:
    named = (decorator.decorator for decorator in function.decorators)
    return any(isinstance(one, cst.Name) and one.value == "staticmethod" for one in named)
