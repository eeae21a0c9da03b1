"""Call shapes: the old parameters of a call, and the new call they are put into.

Both are Python text, so that the same rule changes calls in code and writes the methods of a shim::

    call    = "(error_type, message, entity_type=None, exception=...)"
    becomes = "log_error(kind=error_type, entity=entity_type, message=message, exc=exception)"

The new arguments stand in the order of the new function's parameters, without a gap: ``exc=...`` keeps the place of one
that is not given. A default is what is handed on when the argument was not given; ``...`` as a default means: then
nothing is handed on.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["ANY", "CallShape", "Given", "NewArgument", "Parameter", "Replacement"]

ANY = "(...)"
"""Any arguments; they stay as they are."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One old parameter."""

    name: str
    default: str = ""
    """Python text; empty = required; ``...`` = nothing is handed on when it was not given."""
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """One argument of a call in the code: its keyword, or empty for one given by position."""

    keyword: str = ""
    starred: bool = False


@dataclass(frozen=True, slots=True)
class NewArgument:
    """One argument of the new call."""

    keyword: str
    expression: str
    """Python text with at most one old parameter in it."""
    parameter: str = ""
    """The old parameter; empty for a constant."""

    @property
    def is_gap(self) -> bool:
        """``keyword=...``: a parameter that the new function has in this place and that is not given."""
        return self.expression == "..."


@dataclass(frozen=True, slots=True)
class CallShape:
    """The old parameters, in order."""

    parameters: tuple[Parameter, ...]
    is_any: bool = False

    @classmethod
    def parse(cls, text: str) -> CallShape:
        """From text such as ``(name, ttl=4)``. Raises ``ValueError`` when it is no parameter list."""
        if text.replace(" ", "") == ANY:
            return cls((), is_any=True)
        try:
            (function,) = ast.parse(f"def call{text}: ...").body
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"{text!r} is no list of parameters") from error
        if not isinstance(function, ast.FunctionDef) or function.args.vararg or function.args.kwarg:
            raise ValueError(f"{text!r} has * or ** parameters: write (...) for any call")
        return cls(tuple(_parameters(function.args)))

    def bind(self, given: Sequence[Given]) -> dict[str, int] | None:
        """Old parameter to the index of the argument that fills it; ``None`` when the call does not fit."""
        by_position = [parameter.name for parameter in self.parameters if not parameter.keyword_only]
        names = {parameter.name for parameter in self.parameters}
        bound: dict[str, int] = {}
        for index, argument in enumerate(given):
            name = argument.keyword or (by_position[index] if index < len(by_position) else "")
            if argument.starred or name not in names or name in bound:
                return None
            bound[name] = index
        missing = any(parameter.name not in bound for parameter in self.parameters if not parameter.default)
        return None if missing else bound


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    if arguments.posonlyargs:
        raise ValueError("parameters by position only cannot be told apart from others: leave the / out")
    required = len(arguments.args) - len(arguments.defaults)
    defaults = ["", *[""] * (required - 1)][:required] + [ast.unparse(default) for default in arguments.defaults]
    for argument, default in zip(arguments.args, defaults, strict=True):
        yield Parameter(argument.arg, default)
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield Parameter(argument.arg, ast.unparse(keyword_default) if keyword_default else "", keyword_only=True)


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new call."""

    name: str
    arguments: tuple[NewArgument, ...] = ()

    @classmethod
    def parse(cls, text: str, shape: CallShape) -> Replacement:
        """From text such as ``invalidate(key_or_pattern=name)``. Raises ``ValueError`` when it cannot be used so."""
        if shape.is_any:
            if "(" in text:
                raise ValueError(f"{text!r}: a call of any shape stays as it is, so this must be a name")
            return cls(text)
        try:
            call = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"{text!r} is no call") from error
        if not isinstance(call, ast.Call) or call.args or any(word.arg is None for word in call.keywords):
            raise ValueError(f"{text!r} must be a call whose arguments all have keywords")
        names = {parameter.name for parameter in shape.parameters}
        arguments = tuple(_new_argument(word, names) for word in call.keywords)
        _refuse_twice(text, arguments)
        return cls(ast.unparse(call.func), arguments)

    def parameters(self) -> set[str]:
        """The old parameters that are handed on."""
        return {argument.parameter for argument in self.arguments if argument.parameter}


def _new_argument(word: ast.keyword, parameters: set[str]) -> NewArgument:
    used = [node.id for node in ast.walk(word.value) if isinstance(node, ast.Name)]
    old = [name for name in used if name in parameters]
    strange = sorted(set(used) - parameters)
    if strange or len(old) > 1:
        told = f"{', '.join(strange)} is no old parameter" if strange else "more than one old parameter in it"
        raise ValueError(f"{word.arg}={ast.unparse(word.value)}: {told}")
    constant = word.value.value if isinstance(word.value, ast.Constant) else None
    # Double quotes, as most code has them; ast would write single ones.
    text = json.dumps(constant, ensure_ascii=False) if isinstance(constant, str) else ast.unparse(word.value)
    return NewArgument(str(word.arg), text, old[0] if old else "")


def _refuse_twice(text: str, arguments: Sequence[NewArgument]) -> None:
    used = [argument.parameter for argument in arguments if argument.parameter]
    twice = sorted({name for name in used if used.count(name) > 1})
    if twice:
        raise ValueError(f"{text!r} hands {', '.join(twice)} on twice; it would be evaluated twice")
