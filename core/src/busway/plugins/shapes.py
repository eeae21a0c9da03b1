"""Checks what hooks returned: a settings model that can be used, an object that its kind can use."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings, env_name

if TYPE_CHECKING:
    from busway.contracts.jobs import Job

__all__ = ["ShapeError", "fitted", "usable_model"]

SETTING_NAME = re.compile(r"(?!BUSWAY_)[A-Z][A-Z0-9_]*")
"""What a plugin may call a setting; names that start with `BUSWAY_` belong to the core."""

JOB_DECLARATIONS = ("name", "entity", "match_on", "fields")
"""Class attributes of a job that have no default."""


class ShapeError(TypeError):
    """What was built is not what the kind needs; the text says what is missing."""


def fitted(kind: str, made: object) -> object:
    """Return `made` when its kind can use it; a sequence (validators, jobs) becomes a tuple. Raises `ShapeError`."""
    # Each kind's shape is imported when a plugin of the kind is built: a configuration alone needs one of them.
    if kind == "validators":
        from busway.contracts.validators import Validator

        return tuple(_conforming(each, Validator) for each in _sequence(made))
    if kind == "jobs":
        return tuple(_job(each) for each in _sequence(made))
    if kind == "caches":
        from busway.contracts.caches import CacheBackend, InProcessCache

        return _conforming(made, InProcessCache if hasattr(made, "holds_entries") else CacheBackend)
    if kind == "secrets":
        return _conforming(made, SecretSource)
    from busway.contracts.sinks import EventSink

    return _conforming(made, EventSink)


def usable_model(answer: object) -> type[Settings]:
    """Return the settings model `answer` when settings can be made from it. Raises `ShapeError`.

    A default factory is called once: later it would break the configuration of everybody instead of its plugin.
    """
    if not (isinstance(answer, type) and issubclass(answer, Settings)):
        shown = answer.__qualname__ if isinstance(answer, type) else f"an object of {type(answer).__qualname__}"
        raise ShapeError(f"returned {shown}, which is not a subclass of busway.Settings")
    for field, info in answer.model_fields.items():
        name = env_name(info)
        if not SETTING_NAME.fullmatch(name):
            raise ShapeError(f'returned {answer.__qualname__}, whose {field} is declared with env="{name}"')
        try:
            info.get_default(call_default_factory=True, validated_data={})
        except Exception as error:
            what = f"returned {answer.__qualname__}, whose default of {field} raised {type(error).__name__}"
            raise ShapeError(what) from error
    return answer


def _sequence(made: object) -> Sequence[object]:
    if isinstance(made, Sequence) and not isinstance(made, str | bytes):
        return made
    raise ShapeError(f"it returned {_called(made)}, not a list or tuple")


def _conforming(made: object, protocol: type) -> object:
    if made is None or inspect.isclass(made):
        raise ShapeError(f"it returned {_called(made)}, not an object that is a {protocol.__name__}")
    missing = _missing_members(made, protocol)
    if missing:
        raise ShapeError(f"it returned {_called(made)}, which lacks {', '.join(missing)} of {protocol.__name__}")
    return made


def _missing_members(made: object, protocol: type) -> list[str]:
    """Members of `protocol` that `made` lacks; a method that cannot be called counts as missing."""
    members = dict.fromkeys([*vars(protocol).get("__annotations__", {}), *vars(protocol)])
    public = [name for name in members if not name.startswith("_")]
    methods = {name for name in public if callable(getattr(protocol, name, None))}
    return [
        f"{name}()" if name in methods else name
        for name in public
        if not hasattr(made, name) or (name in methods and not callable(getattr(made, name)))
    ]


def _job(made: object) -> Job:
    from busway.contracts.jobs import Job

    if not isinstance(made, Job):
        raise ShapeError(f"it returned {_called(made)} among its jobs, which is not an object of a subclass of Job")
    missing = [name for name in JOB_DECLARATIONS if not hasattr(made, name)]
    if missing:
        raise ShapeError(f"it returned {_called(made)}, which does not declare {', '.join(missing)}")
    return made


def _called(made: object) -> str:
    """What `made` is, without its repr: that may hold settings."""
    if made is None:
        return "None"
    if inspect.isclass(made):
        return f"the class {made.__qualname__}"
    return f"an object of {type(made).__qualname__}"
