"""An old name as an object: whoever uses it gets the new thing or the old one, as the flag says at that moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Door"]


class Door:
    """Stands for an object or a class.

    Each use looks at the flag, so that a job that a flag excludes meets the old code through modules it shares with
    others. A class can be called, inherited from and asked with ``isinstance``.
    """

    __slots__ = ("__weakref__", "_name", "_pick")

    def __init__(self, name: str, pick: Callable[[], Any]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_pick", pick)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pick(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._pick(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._pick(), name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Calls the class, or the object, that is picked."""
        return self._pick()(*args, **options)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """What a class inherits from that names a shim as its base (PEP 560)."""
        return (self._pick(),)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._pick())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._pick())

    def __bool__(self) -> bool:
        return bool(self._pick())

    def __dir__(self) -> list[str]:
        return dir(self._pick())

    def __repr__(self) -> str:
        return f"<shim of {self._name}: {self._pick()!r}>"
