"""Signatures with their annotations evaluated, including names that a module imports for type checkers only."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

__all__ = ["place_of", "signature_of"]

EMPTY = inspect.Parameter.empty


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature of `function`; what of its annotations cannot be evaluated counts as not annotated.

    None when the function has no signature that Python knows, as some written in C.
    """
    try:
        return inspect.signature(function, eval_str=True)
    except (ValueError, TypeError):
        return _unannotated(function)
    except Exception:  # evaluating runs code of the plugin: a NameError is only the most common
        return _evaluated(function)


def place_of(function: Callable[..., Any]) -> str:
    """File and line of `function`; empty when it has none."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""


def _unannotated(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        found = inspect.signature(function)
    except (ValueError, TypeError):
        return None
    return _mapped(found, lambda _: EMPTY)


def _evaluated(function: Callable[..., Any]) -> inspect.Signature:
    inner = inspect.unwrap(function)
    namespace = getattr(inner, "__globals__", {})
    names = _TypingNames(getattr(inner, "__module__", ""), {each.__name__: each for each in _type_parameters(inner)})

    def evaluated(annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, dict(namespace), names)  # noqa: S307 - as inspect does; the module was imported
        except Exception:
            return EMPTY

    return _mapped(inspect.signature(function), evaluated)


def _mapped(found: inspect.Signature, change: Callable[[Any], Any]) -> inspect.Signature:
    parameters = [each.replace(annotation=change(each.annotation)) for each in found.parameters.values()]
    return found.replace(parameters=parameters, return_annotation=change(found.return_annotation))


def _type_parameters(function: Any) -> tuple[Any, ...]:
    return getattr(function, "__type_params__", ())


class _TypingNames(dict[str, Any]):
    """Names of a module that exist under `if TYPE_CHECKING:` only, imported when they are asked for."""

    def __init__(self, module: str, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self._module = module

    def __missing__(self, name: str) -> Any:
        module, attribute = _typing_imports(self._module)[name]
        loaded = importlib.import_module(module)
        return getattr(loaded, attribute) if attribute else loaded


@lru_cache(maxsize=64)
def _typing_imports(name: str) -> dict[str, tuple[str, str]]:
    """Local name to module and attribute, for every import under `if TYPE_CHECKING:` of the module `name`."""
    module = sys.modules[name]
    tree = ast.parse(inspect.getsource(module))
    guarded = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    return dict(pair for block in guarded for node in ast.walk(block) for pair in _imported(node, module))


def _imported(node: ast.AST, module: ModuleType) -> Iterator[tuple[str, tuple[str, str]]]:
    if isinstance(node, ast.ImportFrom):
        source = "." * node.level + (node.module or "")
        home = importlib.util.resolve_name(source, module.__package__ or "")
        for alias in node.names:
            yield alias.asname or alias.name, (home, alias.name)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            yield (alias.asname, (alias.name, "")) if alias.asname else (_top(alias.name), (_top(alias.name), ""))


def _top(module: str) -> str:
    return module.partition(".")[0]
