"""Settings as attributes of a configuration manager."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar, cast, overload
from weakref import WeakSet

from busway.configuration.declarations import Declaration

__all__ = ["SettingAttribute", "SettingAttributes", "forget_attribute"]

T = TypeVar("T")


class _Reads(Protocol):
    def _read_setting(self, declaration: Declaration) -> Any: ...


class SettingAttribute:
    """One setting as an attribute: read through the manager each time it comes here."""

    __slots__ = ("_declaration",)

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration

    @overload
    def __get__(self, manager: None, owner: type) -> SettingAttribute: ...

    @overload
    def __get__(self, manager: _Reads, owner: type) -> Any: ...

    def __get__(self, manager: _Reads | None, owner: type) -> Any:
        return self if manager is None else manager._read_setting(self._declaration)


class SettingAttributes:
    """Makes classes that have the settings of one configuration as attributes.

    A class with ``__getattr__`` would do the same in a line, but the interpreter takes no short way to any attribute
    or method of such a class: every value would cost three times as much to read. Each manager gets a class of its
    own, because the attribute of a value that is kept in the instance is removed from the class.
    """

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        self._attributes: dict[str, SettingAttribute] = {}
        self._classes: WeakSet[type] = WeakSet()
        self.add(declarations)

    def add(self, declarations: Iterable[Declaration]) -> None:
        """Adds the settings that are new, to the classes made before as well."""
        known = self._attributes
        new = {one.name: SettingAttribute(one) for one in declarations if one.name not in known}
        known.update(new)
        for made in tuple(self._classes):
            for name, attribute in new.items():
                setattr(made, name, attribute)

    def class_of(self, base: type[T]) -> type[T]:
        """A new subclass of ``base``, under its name."""
        names = {"__module__": base.__module__, "__doc__": base.__doc__, "__qualname__": base.__qualname__}
        made = cast("type[T]", type(base.__name__, (base,), {**names, **self._attributes}))
        self._classes.add(made)
        return made


def forget_attribute(made: type, name: str) -> None:
    """Removes an attribute whose value is kept in the instance: only then is reading it a mere look-up there."""
    if name in vars(made):
        try:
            delattr(made, name)
        except AttributeError:
            # Another thread was quicker.
            return
