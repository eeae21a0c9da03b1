"""Names of cached data as people write them: which are known, and which was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from busway.configuration.nearest import nearest
from busway.contracts.caches import SupportsGenerations
from busway.data.invalidation import parse_target
from busway.data.names import KeySchema, Name, parse_name
from busway.data.policy import Policies, Policy
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.app import App

__all__ = [
    "SOURCE",
    "check_known",
    "name_of_row",
    "name_of_target",
    "nearest_name",
    "policies_of",
    "policy_of",
    "unknown_name",
]

SOURCE = "source"
"""Domain of the source records of jobs."""
_LITERAL = re.compile(r"([A-Za-z0-9_-]+):(?:([A-Za-z0-9_-]+):)?")


def policies_of(app: App) -> Policies:
    """The policies of the deployment. Raises ``ConfigurationError`` BW2002."""
    deployment = app.boot.deployment
    return Policies(deployment.table("data"), partial(deployment.where, "data"))


def policy_of(app: App, name: str) -> Policy:
    """The policy of ``domain.entity``. Raises ``UsageError`` BW2001."""
    return policies_of(app).of(parse_name(name))


def name_of_row(row: Mapping[str, Any]) -> Name:
    """Domain and entity of a row of ``DataManager.keys()``."""
    domain, entity, _ = row["key"].split(":", 2)
    return Name(domain, entity)


def name_of_target(text: str) -> Name | None:
    """The domain, or the domain and entity, that a target or pattern spells out; ``None`` when it is open.

    Raises ``UsageError`` BW2001.
    """
    target = parse_target(text)
    if target.name is not None:
        return target.name
    literal = _LITERAL.match(target.pattern)
    return Name(literal[1], literal[2] or "_") if literal else None


def check_known(app: App, text: str, command: str) -> None:
    """Raises ``UsageError`` BW1013 when nothing is known of the name in ``text``, a target or pattern."""
    problem = unknown_name(app, text, command)
    if problem is not None:
        raise problem


def unknown_name(app: App, text: str, command: str) -> UsageError | None:
    """The error for a name that no table, no job and no entry has, and that was never invalidated."""
    name = name_of_target(text)
    if name is None:
        return None
    known = _known_names(app)
    if str(name) in known or _was_invalidated(app, name) or (name.domain == SOURCE and _lacks_jobs(app)):
        return None
    near = nearest_name(name, known)
    fix = f"did you mean {near}? busway cache {command} {near}" if near else "see what there is: busway cache stats"
    return UsageError(
        "BW1013",
        f"nothing is known of cached data named {name}",
        where=f"busway cache {command}",
        why="no [data] table, no selected job and no entry has this name",
        fix=fix,
    )


def nearest_name(name: Name, known: Iterable[str]) -> str:
    """The known name that was probably meant; empty when none is near.

    Within a known domain only its entities are compared: what they share would make any two of them look alike.
    """
    known = set(known)
    entities = {text.partition(".")[2] for text in known if text.startswith(f"{name.domain}.")}
    if not entities:
        return nearest(str(name), known)
    near = nearest(name.entity, entities)
    return f"{name.domain}.{near}" if near else ""


def _lacks_jobs(app: App) -> bool:
    """A plugin of jobs cannot be used, so their sources are not known."""
    return any(status.kind == "jobs" and status.failed for status in app.plugins.statuses())


def _known_names(app: App) -> set[str]:
    tables = map(str, app.boot.deployment.table("data"))
    sources = (f"{SOURCE}.{entity}" for entity in app.loaders)
    entries = (str(name_of_row(row)) for row in app.data.keys("*"))
    return set(_with_domains([*tables, *sources, *entries]))


def _with_domains(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        yield name
        yield name.partition(".")[0]


def _was_invalidated(app: App, name: Name) -> bool:
    """A level keeps a stamp for it: what was invalidated once is known, though nothing is left of it."""
    schema = KeySchema(app.boot.deployment.app)
    for level in app.objects("caches"):
        if isinstance(level.object, SupportsGenerations):
            try:
                stamps = list(level.object.read_generations([f"{schema.prefix}{name}"]))
            except Exception:  # noqa: S112 - it is away or broken, which the command tells by itself
                continue
            if any(stamps):
                return True
    return False
