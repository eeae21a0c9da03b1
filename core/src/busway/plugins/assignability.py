"""Whether a value of one annotated type may be used where another is asked for, as far as that can be told.

This is a small part of what a type checker does, on the annotations of a plugin that is at hand without its source
tree. It errs towards yes: a plugin must not be blamed for a type that this module does not understand.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Generator, Mapping
from typing import Annotated, Any, ClassVar, Final, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

__all__ = ["fits"]

_WRAPPERS = (Annotated, ClassVar, Final)
_BOTTOM = (typing.Never, typing.NoReturn)
_UNTOLD = (Any, inspect.Parameter.empty, typing.Self)
_CALLABLE: Any = Callable
_TOWER: dict[type, tuple[type, ...]] = {float: (int,), complex: (int, float)}
"""What the typing rules accept for a number without its being a subclass."""


def fits(found: Any, wanted: Any) -> bool:
    """True when `found` is equal to, a subclass of, or otherwise as good as `wanted`, and when it cannot be told."""
    found, wanted = _plain(found), _plain(wanted)
    if found == wanted or _untold(found) or _untold(wanted) or wanted is object or found in _BOTTOM:
        return True
    if _is_union(found):
        return all(fits(member, wanted) for member in get_args(found))
    if _is_union(wanted):
        return any(fits(found, member) for member in get_args(wanted))
    if get_origin(found) is Literal:
        return _literal_fits(get_args(found), wanted)
    if get_origin(wanted) is Literal:
        return False
    return _class_fits(found, wanted)


def _plain(annotation: Any) -> Any:
    """`annotation` without what says nothing about the type of a value."""
    while get_origin(annotation) in _WRAPPERS:
        annotation = get_args(annotation)[0]
    if hasattr(annotation, "__supertype__"):  # NewType
        return _plain(annotation.__supertype__)
    if type(annotation).__name__ == "TypeAliasType":  # `type X = ...` of Python 3.12
        return _plain(annotation.__value__)
    return types.NoneType if annotation is None else annotation


def _untold(annotation: Any) -> bool:
    return annotation in _UNTOLD or isinstance(annotation, str | ForwardRef | TypeVar)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _literal_fits(values: tuple[Any, ...], wanted: Any) -> bool:
    if get_origin(wanted) is Literal:
        return set(values) <= set(get_args(wanted))
    return all(fits(type(value), wanted) for value in values)


def _class_fits(found: Any, wanted: Any) -> bool:
    kept, asked = get_origin(found) or found, get_origin(wanted) or wanted
    if not inspect.isclass(kept) or not inspect.isclass(asked):
        return True
    try:
        related = issubclass(kept, (asked, *_TOWER.get(asked, ())))
    except TypeError:  # a protocol with attributes, or a class that does not want to be asked
        related = _has_methods(kept, asked)
    if not related and getattr(asked, "_is_protocol", False):
        related = _has_methods(kept, asked)
    return related and _arguments_fit(kept, get_args(found), asked, get_args(wanted))


def _has_methods(kept: type, protocol: type) -> bool:
    """Structural typing without the data members, which an object may set in its `__init__`."""
    public = (name for name in dir(protocol) if not name.startswith("_"))
    return all(hasattr(kept, name) for name in public if callable(getattr(protocol, name)))


def _arguments_fit(kept: type, found: tuple[Any, ...], asked: type, wanted: tuple[Any, ...]) -> bool:
    """The parameters of generics: pairwise, where it is known that they mean the same on both sides."""
    if not found or not wanted or asked is _CALLABLE:
        return True
    if kept is tuple:
        return _tuple_fits(found, asked, wanted)
    if kept is not asked and not (_is_collection(kept) and _is_collection(asked)):
        return True
    if len(found) != len(wanted) and not issubclass(kept, (Generator, Mapping)):
        return True
    return all(fits(one, other) for one, other in zip(found, wanted, strict=False))


def _tuple_fits(found: tuple[Any, ...], asked: type, wanted: tuple[Any, ...]) -> bool:
    if asked is not tuple or Ellipsis in wanted:
        return all(fits(one, wanted[0]) for one in found if one is not Ellipsis)
    if Ellipsis in found:
        return True
    return len(found) == len(wanted) and all(map(fits, found, wanted))


def _is_collection(kept: type) -> bool:
    return kept.__module__ in ("builtins", "collections", "collections.abc")
