"""Uses of something old: each can be changed by a rule, or keeps its group as it is, with a reason for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Scope

from busway_migrate.call_shape import Given
from busway_migrate.edits import AttributeEdit, CallEdit, Door, ObjectEdit
from busway_migrate.file_analysis import FileAnalysis
from busway_migrate.holders import hold
from busway_migrate.parsed_file import dotted_name
from busway_migrate.resolver import Meaning, OldName
from busway_migrate.rules import Level, Rule, RuleKind

__all__ = ["Origin", "given_of", "use_object", "use_path"]

BY_HAND = "change this place by hand, then run busway migrate again"
_SIMPLE = (cst.Name, cst.SimpleString, cst.Integer, cst.Float)


class Origin(NamedTuple):
    """Where a use has its name from."""

    group: int
    scope: Scope
    """The scope of the import."""
    stays: bool = False
    """The import stays as it is, so that what else is reached through it does not matter."""


def use_path(analysis: FileAnalysis, origin: Origin, node: cst.BaseExpression, path: str) -> list[Door]:
    """The use ``node`` of something that ``path`` stands for; returns what has to be imported in its place."""
    parsed, resolver = analysis.parsed, analysis.resolver
    while True:
        meaning = resolver.meaning(path)
        if isinstance(meaning, OldName):
            return _use_name(analysis, origin, node, meaning)
        parent = parsed.parent(node)
        if meaning is Meaning.UNRULED:
            unruled = f"no rule is about {path}"
            analysis.block(origin.group, node, unruled, "write it anew, or add a rule: docs/migrate.md")
            return []
        if meaning is Meaning.FOREIGN:
            if origin.stays:
                return []
            why = f"{path.partition('.')[0]} is needed here for something else, and only this import binds it"
            analysis.block(origin.group, node, why, f"import {path.rpartition('.')[0] or path} on its own")
            return []
        if not (isinstance(parent, cst.Attribute) and parent.value is node):
            if origin.stays:
                return []
            analysis.block(origin.group, node, f"the module {path} is handed on as a whole", BY_HAND)
            return []
        node, path = parent, f"{path}.{parent.attr.value}"


def _use_name(analysis: FileAnalysis, origin: Origin, node: cst.BaseExpression, old: OldName) -> list[Door]:
    if old.alias is not None:
        analysis.groups.join(origin.group, old.alias.group)
    rule, name = old.rules[0], old.path.rpartition(".")[2]
    if old.is_variable:
        use_object(analysis, origin.group, node, rule)
        return []
    if rule.kind in (RuleKind.CLASS, RuleKind.FUNCTION):
        return _use_called(analysis, origin, node, old.rules, name)
    if not _may(analysis, origin.group, node, rule):
        return []
    door = analysis.door(origin.scope, rule, name)
    edit = ObjectEdit(origin.group, node, rule, door, rule.target(name).attribute, analysis.parsed.scope_of(node))
    if rule.kind is RuleKind.VALUE:
        if _is_stored(analysis, node):
            analysis.block(origin.group, node, "the new configuration is read-only", BY_HAND, rule)
            return []
        analysis.edits.append(edit)
        return [door]
    analysis.edits.append(edit)
    use_object(analysis, origin.group, node, rule)
    return [door]


def _use_called(
    analysis: FileAnalysis, origin: Origin, node: cst.BaseExpression, rules: Sequence[Rule], name: str
) -> list[Door]:
    """A class or function: what matters is how it is called."""
    call = analysis.parsed.parent(node)
    if not (isinstance(call, cst.Call) and call.func is node):
        return _use_uncalled(analysis, origin, node, rules[0], name)
    found = _fitting(analysis, origin.group, call, rules)
    if found is None:
        return []
    rule, bound = found
    door, scope = analysis.door(origin.scope, rule, name), analysis.parsed.scope_of(node)
    if rule.kind is RuleKind.FUNCTION:
        analysis.edits.append(CallEdit(origin.group, call, rule, bound, door, scope))
        return [door]
    analysis.edits.append(ObjectEdit(origin.group, call, rule, door, use_scope=scope))
    use_object(analysis, origin.group, call, rule)
    return [door]


def _use_uncalled(
    analysis: FileAnalysis, origin: Origin, node: cst.BaseExpression, rule: Rule, name: str
) -> list[Door]:
    if _is_presence(analysis, node) and _may(analysis, origin.group, node, rule):
        door = analysis.door(origin.scope, rule, name)
        analysis.edits.append(ObjectEdit(origin.group, node, rule, door, use_scope=analysis.parsed.scope_of(node)))
        return [door]
    analysis.block(origin.group, node, _situation(analysis, node), BY_HAND, rule)
    return []


def use_object(analysis: FileAnalysis, group: int, node: cst.BaseExpression, rule: Rule) -> None:
    """``node`` is an object that ``rule`` is about: what happens to it next?"""
    if node in analysis.seen:
        return
    analysis.seen.add(node)
    parent = analysis.parsed.parent(node)
    if isinstance(parent, cst.Attribute) and parent.value is node:
        _use_attribute(analysis, group, parent, rule)
    elif isinstance(parent, cst.Expr) or _is_presence(analysis, node):
        return
    elif not hold(analysis, group, node, rule):
        analysis.block(group, node, _situation(analysis, node), BY_HAND, rule)


def _use_attribute(analysis: FileAnalysis, group: int, node: cst.Attribute, owner: Rule) -> None:
    rules = analysis.resolver.book.attribute_rules(owner, node.attr.value)
    call = analysis.parsed.parent(node)
    if not rules:
        why = f"no rule is about {owner.module}.{owner.name}.{node.attr.value}"
        analysis.block(group, node, why, "write it anew, or add a rule: docs/migrate.md", owner)
    elif _is_stored(analysis, node):
        analysis.block(group, node, "it is written to", BY_HAND, rules[0])
    elif isinstance(call, cst.Call) and call.func is node:
        found = _fitting(analysis, group, call, rules)
        if found is not None:
            analysis.edits.append(CallEdit(group, call, *found))
    else:
        _read_attribute(analysis, group, node, rules)


def _read_attribute(analysis: FileAnalysis, group: int, node: cst.Attribute, rules: Sequence[Rule]) -> None:
    """An attribute that is not called at once: a value, or a method that is handed on and keeps its arguments."""
    plain = [rule for rule in rules if rule.kind is RuleKind.ATTRIBUTE or rule.shape.is_any]
    if not plain:
        why = "the method is handed on, and its arguments have moved"
        analysis.block(group, node, why, "hand on a lambda that makes the new call", rules[0])
    elif _may(analysis, group, node, plain[0]):
        analysis.edits.append(AttributeEdit(group, node, plain[0], plain[0].new_attribute(node.attr.value)))


def _fitting(
    analysis: FileAnalysis, group: int, call: cst.Call, rules: Sequence[Rule]
) -> tuple[Rule, dict[str, int]] | None:
    """The rule whose shape the call has, and the argument of each old parameter; blocks when there is none."""
    given = given_of(call)
    for rule in rules:
        if not rule.call or rule.shape.is_any:
            return (rule, {}) if _may(analysis, group, call, rule) else None
        bound = rule.shape.bind(given)
        if bound is not None:
            return (
                (rule, bound)
                if _may(analysis, group, call, rule) and _drops(analysis, group, call, rule, bound)
                else None
            )
    shapes = " or ".join(f"{rule.name if not rule.attribute else rule.attribute}{rule.call}" for rule in rules)
    analysis.block(group, call, f"it is called in a way that no rule covers; covered: {shapes}", BY_HAND, rules[0])
    return None


def _drops(analysis: FileAnalysis, group: int, call: cst.Call, rule: Rule, bound: dict[str, int]) -> bool:
    """Whether arguments that the new call has no place for can go without a trace."""
    if rule.kind is RuleKind.CLASS:
        kept: set[str] = set()
    else:
        kept = rule.replacement.parameters()
    for name, index in bound.items():
        if name not in kept and not isinstance(call.args[index].value, _SIMPLE):
            why = f"the new call has no place for {name}, and what is given for it may do something"
            analysis.block(group, call, why, BY_HAND, rule)
            return False
    return True


def _may(analysis: FileAnalysis, group: int, node: cst.CSTNode, rule: Rule) -> bool:
    """Whether the level of the rule allows to change ``node``; blocks the group when it does not."""
    if rule.level is Level.SAFE or (rule.level is Level.UNSAFE and analysis.allow_unsafe):
        return True
    why = rule.doc or "the rule leaves it to a person"
    fix = BY_HAND if rule.level is Level.REPORT else "look at it, then allow it with --unsafe, or change it by hand"
    analysis.block(group, node, why, fix, rule)
    return False


def given_of(call: cst.Call) -> list[Given]:
    """The arguments of a call, as a shape is bound to them."""
    return [Given(arg.keyword.value if arg.keyword else "", bool(arg.star)) for arg in call.args]


def _is_stored(analysis: FileAnalysis, node: cst.CSTNode) -> bool:
    parent = analysis.parsed.parent(node)
    if isinstance(parent, (cst.AnnAssign, cst.AugAssign)):
        return parent.target is node
    return isinstance(parent, (cst.AssignTarget, cst.Del, cst.NamedExpr)) and getattr(parent, "value", None) is not node


def _is_presence(analysis: FileAnalysis, node: cst.CSTNode) -> bool:
    """``x is None``, ``if x``, ``not x``: asks whether there is one, and the new object answers as the old one did."""
    parent = analysis.parsed.parent(node)
    if isinstance(parent, cst.Comparison):
        compared = parent.comparisons
        is_none = len(compared) == 1 and isinstance(compared[0].operator, (cst.Is, cst.IsNot))
        return is_none and parent.left is node and dotted_name(compared[0].comparator) == "None"
    if isinstance(parent, (cst.If, cst.While, cst.IfExp)):
        return parent.test is node
    return isinstance(parent, cst.UnaryOperation) and isinstance(parent.operator, cst.Not)


def _situation(analysis: FileAnalysis, node: cst.CSTNode) -> str:
    """What happens to ``node``, in words."""
    parent = analysis.parsed.parent(node)
    if isinstance(parent, cst.Annotation):
        return "it is used as a type"
    if isinstance(parent, cst.Arg):
        around = analysis.parsed.parent(parent)
        if isinstance(around, cst.ClassDef):
            return "a class inherits from it"
        return f"it is handed to {analysis.parsed.code(around.func) if isinstance(around, cst.Call) else 'a call'}"
    if isinstance(parent, cst.Return):
        return "it is returned, and who receives it is not seen"
    if isinstance(parent, (cst.AssignTarget, cst.Assign, cst.AnnAssign, cst.NamedExpr)):
        return "it is bound to something that cannot be followed"
    return "it is used in a way that cannot be followed"
