"""Import statements after the change: what stays of each, and which new ones stand in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from busway_migrate.edits import ImportEdit
from busway_migrate.local_names import LocalNames
from busway_migrate.parsed_file import ParsedFile, dotted_name

__all__ = ["ImportPlan", "plan_imports"]

Imported = tuple[str, str, str]
"""Module, name, and what it is called here."""


@dataclass(eq=False)
class ImportPlan:
    """What becomes of one statement."""

    statement: cst.Import | cst.ImportFrom
    kept: tuple[cst.ImportAlias, ...]
    new: list[Imported] = field(default_factory=list)
    merged: ImportPlan | None = None
    """The plan of a line above that what is new here has gone to."""

    def statements(self) -> list[cst.BaseSmallStatement]:
        """What stands in its place, in order; empty when it goes."""
        found: list[cst.BaseSmallStatement] = [_with_names(self.statement, self.kept)] if self.kept else []
        modules = dict.fromkeys(module for module, _, _ in self.new)
        return [*found, *(_import([one for one in self.new if one[0] == module]) for module in modules)]


def plan_imports(
    parsed: ParsedFile, edits: Sequence[ImportEdit], names: LocalNames
) -> Mapping[cst.CSTNode, ImportPlan]:
    """A plan for every statement that changes. What the block has already is not repeated; neighbours become one."""
    by_statement: dict[cst.CSTNode, list[ImportEdit]] = {}
    for edit in edits:
        by_statement.setdefault(edit.node, []).append(edit)
    plans: dict[cst.CSTNode, ImportPlan] = {}
    have: dict[cst.CSTNode | None, set[Imported]] = {}
    for statement in parsed.imports:
        line = parsed.parent(statement)
        there = have.setdefault(parsed.parent(line) if line is not None else None, set())
        if statement in by_statement:
            plan = _plan(statement, by_statement[statement], names)
            if _may_go(line):
                plan.new = [one for one in plan.new if one not in there]
                _merge(parsed, plan, plans)
            plans[statement] = plan
            there.update(plan.new)
        else:
            there.update(_imported(statement))
    return plans


def _merge(parsed: ParsedFile, plan: ImportPlan, plans: Mapping[cst.CSTNode, ImportPlan]) -> None:
    """Moves what is new to the line above, where that is new as well."""
    above = _plan_above(parsed, plan, plans)
    if above is None or plan.kept or not (above.new or above.merged):
        return
    plan.merged = above.merged or above
    plan.merged.new += plan.new
    plan.new = []


def _plan_above(parsed: ParsedFile, plan: ImportPlan, plans: Mapping[cst.CSTNode, ImportPlan]) -> ImportPlan | None:
    above = _above(parsed, plan.statement)
    return plans.get(above) if above is not None else None


def _above(parsed: ParsedFile, statement: cst.CSTNode) -> cst.CSTNode | None:
    """The only statement of the line above in the same block."""
    line = parsed.parent(statement)
    block = parsed.parent(line) if line is not None else None
    body = list(getattr(block, "body", ()))
    at = next((number for number, one in enumerate(body) if one is line), 0)
    above = body[at - 1] if at else None
    return above.body[0] if isinstance(above, cst.SimpleStatementLine) and len(above.body) == 1 else None


def _plan(statement: cst.Import | cst.ImportFrom, edits: Sequence[ImportEdit], names: LocalNames) -> ImportPlan:
    gone = {edit.alias for edit in edits if not edit.stays}
    aliases = () if isinstance(statement.names, cst.ImportStar) else tuple(statement.names)
    kept = tuple(alias for alias in aliases if alias not in gone)
    doors = dict.fromkeys(door for edit in edits for door in edit.doors)
    new = dict.fromkeys((door.module, door.name, names[door]) for door in doors)
    return ImportPlan(statement, kept, list(new))


def _may_go(line: cst.CSTNode | None) -> bool:
    """Whether nothing is lost when the line goes: no comment stands on it or above it."""
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return False
    return line.trailing_whitespace.comment is None and not any(above.comment for above in line.leading_lines)


def _imported(statement: cst.Import | cst.ImportFrom) -> set[Imported]:
    if isinstance(statement, cst.Import) or isinstance(statement.names, cst.ImportStar) or statement.relative:
        return set()
    module = dotted_name(statement.module)
    return {(module, one.evaluated_name, one.evaluated_alias or one.evaluated_name) for one in statement.names}


def _with_names(
    statement: cst.Import | cst.ImportFrom, kept: tuple[cst.ImportAlias, ...]
) -> cst.Import | cst.ImportFrom:
    if isinstance(statement.names, cst.ImportStar) or len(kept) == len(statement.names):
        return statement
    old_last = statement.names[-1].comma
    in_parentheses = isinstance(statement, cst.ImportFrom) and statement.lpar is not None
    comma = old_last if in_parentheses else cst.MaybeSentinel.DEFAULT
    return statement.with_changes(names=[*kept[:-1], kept[-1].with_changes(comma=comma)])


def _import(imported: Sequence[Imported]) -> cst.ImportFrom:
    shown = [name if name == local else f"{name} as {local}" for _, name, local in sorted(imported)]
    made = cst.parse_statement(f"from {imported[0][0]} import {', '.join(shown)}")
    line = cst.ensure_type(made, cst.SimpleStatementLine)
    return cst.ensure_type(line.body[0], cst.ImportFrom)
