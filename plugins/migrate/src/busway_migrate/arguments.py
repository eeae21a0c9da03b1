"""The arguments of a changed call: moved, renamed, reckoned anew, and still evaluated in the order they were."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

import libcst as cst

from busway_migrate.call_shape import CallShape, NewArgument, Replacement

__all__ = ["new_arguments"]

_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float, cst.SimpleString)


def new_arguments(
    arguments: Sequence[cst.Arg], shape: CallShape, replacement: Replacement, bound: Mapping[str, int]
) -> Sequence[cst.Arg]:
    """What stands in the parentheses of the new call."""
    if shape.is_any:
        return arguments
    done: set[str] = set()
    kept = list(_moved(arguments, replacement, bound, done))
    return _separated([*kept, *_added(shape, replacement, done)], arguments)


def _moved(
    arguments: Sequence[cst.Arg], replacement: Replacement, bound: Mapping[str, int], done: set[str]
) -> Iterator[cst.Arg]:
    """The arguments that were given, in their order: by position as long as that is where the new call has them.

    Adds the new keywords that are seen to to ``done``.
    """
    names = {index: name for name, index in bound.items()}
    places = {new.parameter: (place, new) for place, new in enumerate(replacement.arguments) if new.parameter}
    by_position = 0
    for index, argument in enumerate(arguments):
        if names[index] not in places:
            by_position = -1
            continue
        place, new = places[names[index]]
        before = replacement.arguments[by_position:place] if by_position >= 0 else ()
        done.add(new.keyword)
        if argument.keyword is None and 0 <= by_position <= place and all(map(_is_plain_constant, before)):
            done.update(one.keyword for one in before)
            yield from (cst.Arg(cst.parse_expression(one.expression)) for one in before)
            by_position = place + 1
            yield argument.with_changes(value=_put(new, argument.value))
        else:
            by_position = -1
            yield _worded(argument, new.keyword, _put(new, argument.value))


def _is_plain_constant(new: NewArgument) -> bool:
    """A constant that says by itself what it is; None does not, and is better read with its keyword."""
    return not new.parameter and new.expression != "None" and not new.is_gap


def _added(shape: CallShape, replacement: Replacement, done: Collection[str]) -> Iterator[cst.Arg]:
    """Constants, and the old defaults that the new call does not share."""
    defaults = {parameter.name: parameter.default for parameter in shape.parameters}
    for new in replacement.arguments:
        default = defaults.get(new.parameter, "")
        if new.keyword in done or new.is_gap:
            continue
        if not new.parameter:
            yield _worded(cst.Arg(cst.Name("_")), new.keyword, cst.parse_expression(new.expression))
        elif default not in ("", "..."):
            yield _worded(cst.Arg(cst.Name("_")), new.keyword, _put(new, cst.parse_expression(default)))


def _worded(argument: cst.Arg, keyword: str, value: cst.BaseExpression) -> cst.Arg:
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    equal = argument.equal if isinstance(argument.equal, cst.AssignEqual) else tight
    return argument.with_changes(keyword=cst.Name(keyword), equal=equal, value=value)


def _put(new: NewArgument, value: cst.BaseExpression) -> cst.BaseExpression:
    """``value`` in its place in the new expression, in parentheses where they are needed."""
    if new.expression == new.parameter:
        return value
    inner = value
    if not isinstance(value, _ATOMS) and not value.lpar:
        inner = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    filled = cst.parse_expression(new.expression).visit(_Filler(new.parameter, inner))
    return cast(cst.BaseExpression, filled)


class _Filler(cst.CSTTransformer):
    """Puts an expression in the place of a name."""

    def __init__(self, name: str, value: cst.BaseExpression) -> None:
        super().__init__()
        self._name = name
        self._value = value

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        return self._value if original_node.value == self._name else updated_node


def _separated(arguments: Sequence[cst.Arg], before: Sequence[cst.Arg]) -> Sequence[cst.Arg]:
    """With a comma between each two as the old call had it, and at the end when it had one there."""
    first = before[0].comma if len(before) > 1 else None
    between = _bare(first) if isinstance(first, cst.Comma) else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    last = before[-1].comma if before else cst.MaybeSentinel.DEFAULT
    found = []
    for number, argument in enumerate(arguments, 1):
        own = argument.comma if isinstance(argument.comma, cst.Comma) and argument.comma is not last else between
        found.append(argument.with_changes(comma=last if number == len(arguments) else own))
    return found


def _bare(comma: cst.Comma) -> cst.Comma:
    """A comma with the line break of ``comma`` and without its comment, which belongs to one argument alone."""
    after = comma.whitespace_after
    if not isinstance(after, cst.ParenthesizedWhitespace):
        return comma
    first_line = after.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
    return comma.with_changes(whitespace_after=after.with_changes(first_line=first_line, empty_lines=[]))
