"""A Python file as a syntax tree that keeps everything, with its scopes, parents and positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import libcst as cst
from libcst.metadata import (
    Assignment,
    BaseAssignment,
    CodeRange,
    MetadataWrapper,
    PositionProvider,
    Scope,
    ScopeProvider,
)

from busway_migrate.source_file import SourceFile
from busway_migrate.syntax import parents_of

__all__ = ["ParsedFile", "TopStatement", "UnparsableError", "dotted_name", "node_of", "targets_of"]


TopStatement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_LINE_END = re.compile(r"\r\n|\r|\n")


class UnparsableError(Exception):
    """It is no Python that can be read and written back byte for byte."""


class ParsedFile:
    """The tree of one file; metadata is worked out when it is asked for first."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        try:
            module = cst.parse_module(source.text)
        except (cst.ParserSyntaxError, RecursionError, ValueError) as error:
            raise UnparsableError(str(error).partition("\n")[0]) from error
        header = module.with_changes(body=[], footer=[], has_trailing_newline=True).code if module.header else ""
        pieces = [header, *map(module.code_for_node, module.body)]
        if not _is_whole(pieces, module, source.text):
            raise UnparsableError("writing it back unchanged would not give the same bytes")
        self._before = _lines_before(pieces)
        self._numbers = {statement: number for number, statement in enumerate(module.body)}
        self._ranges: dict[cst.CSTNode, dict[cst.CSTNode, CodeRange]] = {}
        self.module = module
        self._pieces = pieces[1:]
        self._kept: Sequence[cst.BaseStatement] = module.body

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def pieces(self) -> Iterator[tuple[TopStatement, str]]:
        """The statements of the module with their text."""
        return zip(self.module.body, self._pieces, strict=True)

    def keep(self, statements: Sequence[cst.BaseStatement]) -> None:
        """From now on scopes are about these statements of the module alone."""
        if list(statements) != list(self._kept):
            self._kept = statements
            for name in ("scopes", "global_scope", "_scope_of"):
                vars(self).pop(name, None)

    @cached_property
    def scopes(self) -> Sequence[Scope]:
        """Every scope of what is kept, in a stable order."""
        found = dict.fromkeys(scope for scope in self._scope_of.values() if scope is not None)
        return list(found)

    @cached_property
    def global_scope(self) -> Scope | None:
        """The scope of the module; ``None`` for a file without names."""
        return self.scopes[0].globals if self.scopes else None

    def scope_of(self, node: cst.CSTNode) -> Scope | None:
        """The scope ``node`` lies in."""
        return self._scope_of.get(node)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node around ``node``; ``None`` for the module."""
        return self._parents.get(node)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around ``node``, innermost first."""
        current = self.parent(node)
        while current is not None:
            yield current
            current = self.parent(current)

    def line(self, node: cst.CSTNode) -> int:
        """Its first line, from 1."""
        statement = self.statement(node)
        if statement not in self._ranges:
            alone = MetadataWrapper(cst.Module([statement]), unsafe_skip_copy=True)
            self._ranges[statement] = dict(alone.resolve(PositionProvider))
        before = self._before[self._numbers[statement]]
        return before + int(self._ranges[statement][node].start.line)

    def statement(self, node: cst.CSTNode) -> TopStatement:
        """The statement of the module that ``node`` is or lies in."""
        outermost = [node, *self.ancestors(node)][-2]
        return cast(TopStatement, outermost)

    def code(self, node: cst.CSTNode, limit: int = 60) -> str:
        """Its text on one line, cut to ``limit`` characters."""
        text = " ".join(self.module.code_for_node(node).split())
        return text if len(text) <= limit else f"{text[: limit - 1]}…"

    @cached_property
    def attributes(self) -> dict[str, list[cst.Attribute]]:
        """Every attribute access by the name of the attribute."""
        found: dict[str, list[cst.Attribute]] = {}
        for node in self._parents:
            if isinstance(node, cst.Attribute):
                found.setdefault(node.attr.value, []).append(node)
        return found

    @cached_property
    def imports(self) -> list[cst.Import | cst.ImportFrom]:
        """Every import statement, in the order of the text."""
        return [node for node in self._parents if isinstance(node, (cst.Import, cst.ImportFrom))]

    @cached_property
    def assignments(self) -> list[cst.Assign | cst.AnnAssign | cst.AugAssign]:
        """Every assignment."""
        return [node for node in self._parents if isinstance(node, (cst.Assign, cst.AnnAssign, cst.AugAssign))]

    @cached_property
    def scope_changes(self) -> list[cst.Global | cst.Nonlocal]:
        """Every ``global`` and ``nonlocal`` statement."""
        return [node for node in self._parents if isinstance(node, (cst.Global, cst.Nonlocal))]

    @cached_property
    def _scope_of(self) -> dict[cst.CSTNode, Scope | None]:
        # The parser makes every node anew, so the copy that guards against nodes used twice is not needed.
        kept = MetadataWrapper(self.module.with_changes(body=self._kept), unsafe_skip_copy=True)
        return dict(kept.resolve(ScopeProvider))

    @cached_property
    def _parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        return parents_of(self.module)


def _is_whole(pieces: Sequence[str], module: cst.Module, text: str) -> bool:
    """Whether writing the module back gives ``text``; the pieces lack what comes after the last statement."""
    return "".join(pieces) == text or module.code == text


def _lines_before(pieces: Sequence[str]) -> list[int]:
    """How many lines stand before each piece but the first."""
    found, lines = [], 0
    for piece in pieces[:-1]:
        lines += len(_LINE_END.findall(piece))
        found.append(lines)
    return found


def node_of(assignment: BaseAssignment) -> cst.CSTNode | None:
    """What makes the assignment; ``None`` for a name that Python itself brings."""
    return assignment.node if isinstance(assignment, Assignment) else None


def targets_of(assign: cst.Assign | cst.AnnAssign | cst.AugAssign) -> list[cst.BaseExpression]:
    """What is assigned to."""
    return [item.target for item in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]


def dotted_name(node: cst.CSTNode | None) -> str:
    """``a.b.c`` of a chain of names; empty for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        front = dotted_name(node.value)
        return f"{front}.{node.attr.value}" if front else ""
    return ""
