"""Makes the new text of a file from its edits. Whatever no edit is about stays as it is, to the byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import libcst as cst

from busway_migrate.arguments import new_arguments
from busway_migrate.edits import AttributeEdit, CallEdit, Edit, ImportEdit, NameEdit, ObjectEdit
from busway_migrate.import_lines import ImportPlan, plan_imports
from busway_migrate.local_names import LocalNames
from busway_migrate.parsed_file import ParsedFile, TopStatement

__all__ = ["rewritten"]


def rewritten(parsed: ParsedFile, edits: Sequence[Edit]) -> str:
    """The text of the file with ``edits`` made."""
    names = LocalNames(parsed, edits)
    imports = plan_imports(parsed, [edit for edit in edits if isinstance(edit, ImportEdit)], names)
    others = {edit.node: edit for edit in edits if not isinstance(edit, ImportEdit)}
    rewriter = _Rewriter(others, imports, names)
    # A visit makes every node anew, so only the statements of the module that have an edit in them are visited.
    touched = {parsed.statement(edit.node) for edit in edits}
    body: list[TopStatement] = []
    for statement in parsed.module.body:
        body += _visited(statement, rewriter) if statement in touched else [statement]
    return parsed.module.with_changes(body=body).code


def _visited(statement: TopStatement, rewriter: cst.CSTTransformer) -> Sequence[TopStatement]:
    made = statement.visit(rewriter)
    if isinstance(made, cst.RemovalSentinel):
        return ()
    return cast(Sequence[TopStatement], list(made) if isinstance(made, cst.FlattenSentinel) else [made])


class _Rewriter(cst.CSTTransformer):
    """Exchanges nodes on the way out, so that an edit within another one is made first."""

    def __init__(
        self, edits: Mapping[cst.CSTNode, Edit], imports: Mapping[cst.CSTNode, ImportPlan], names: LocalNames
    ) -> None:
        super().__init__()
        self._edits = edits
        self._imports = imports
        self._names = names

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> object:  # type: ignore[override]
        """Each node once, innermost first."""
        if isinstance(original_node, cst.SimpleStatementLine):
            return self._line(original_node, cst.ensure_type(updated_node, cst.SimpleStatementLine))
        if original_node in self._imports:
            return self._small(self._imports[original_node], updated_node)
        edit = self._edits.get(original_node)
        return updated_node if edit is None else self._made(edit, updated_node)

    def _line(self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine) -> object:
        plan = self._imports.get(original.body[0]) if len(original.body) == 1 else None
        if plan is None:
            return updated
        made = plan.statements()
        if not made:
            return cst.RemoveFromParent()
        lines = [cst.SimpleStatementLine([statement]) for statement in made]
        lines[0] = lines[0].with_changes(leading_lines=updated.leading_lines)
        lines[-1] = lines[-1].with_changes(trailing_whitespace=updated.trailing_whitespace)
        return cst.FlattenSentinel(lines)

    def _small(self, plan: ImportPlan, updated: cst.CSTNode) -> object:
        """A statement that shares its line with others. Where it has a line of its own, the line is made anew."""
        made = plan.statements() or [cst.Pass()]
        made[-1] = made[-1].with_changes(semicolon=getattr(updated, "semicolon", cst.MaybeSentinel.DEFAULT))
        return cst.FlattenSentinel(made) if len(made) > 1 else made[0]

    def _made(self, edit: Edit, updated: cst.CSTNode) -> cst.CSTNode:
        match edit:
            case ObjectEdit():
                return self._object(edit, updated)
            case CallEdit():
                return self._call(edit, cst.ensure_type(updated, cst.Call))
            case AttributeEdit():
                return updated.with_changes(attr=cst.Name(edit.new))
            case NameEdit():
                return updated.with_changes(value=self._names[edit.door])
        return updated

    def _object(self, edit: ObjectEdit, updated: cst.CSTNode) -> cst.CSTNode:
        made: cst.BaseExpression = cst.Name(self._names[edit.door])
        for part in filter(None, edit.attribute.split(".")):
            made = cst.Attribute(made, cst.Name(part))
        around = cast(cst.BaseExpression, updated)
        return made.with_changes(lpar=around.lpar, rpar=around.rpar)

    def _call(self, edit: CallEdit, updated: cst.Call) -> cst.CSTNode:
        rule = edit.rule
        arguments = new_arguments(updated.args, rule.shape, rule.replacement, edit.bound)
        if edit.door is not None:
            function: cst.BaseExpression = cst.Name(self._names[edit.door])
            names = rule.replacement.name.split(".")
        else:
            attribute = cst.ensure_type(updated.func, cst.Attribute)
            name = attribute.attr.value
            first, *names = rule.replacement.name.replace("{name}", name).split(".")
            function = attribute.with_changes(attr=cst.Name(first)) if first != name else attribute
        for part in names:
            function = cst.Attribute(function, cst.Name(part))
        return updated.with_changes(func=function, args=arguments)
