"""What is wrong in the file of a deployment: unknown names, wrong types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from busway.configuration.deployment import Deployment
from busway.configuration.nearest import did_you_mean
from busway.errors import Problem
from busway.plugins.kinds import KINDS

__all__ = ["POLICIES", "file_problems", "policy_entries"]

TABLES = ("plugins", "settings", "data", "sync", "events", "redaction", "schedule", "service")
POLICIES = ("required", "optional")
_APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def file_problems(deployment: Deployment) -> list[Problem]:
    """Everything wrong in the file, as far as the core knows its words (BW1102, and BW1120, BW1121 for redaction);
    names under ``[settings]`` and in the tables of other parts are checked by their owners."""
    return [
        *_top_level(deployment),
        *_plugins(deployment),
        *_settings(deployment),
        *_redaction(deployment),
    ]


def policy_entries(deployment: Deployment) -> Iterator[tuple[str, str, Any, str]]:
    """``(kind, name, policy, where)`` of ``[plugins.policy]``, written as ``"sinks.email"`` or ``sinks.email``."""
    for key, value in deployment.table("plugins", "policy").items():
        if isinstance(value, Mapping):
            for name, policy in value.items():
                yield key, name, policy, deployment.where("plugins", "policy", key, name)
        else:
            kind, _, name = key.partition(".")
            yield kind, name, value, deployment.where("plugins", "policy", key)


def _top_level(deployment: Deployment) -> Iterator[Problem]:
    known = ("app", *TABLES)
    for key, value in deployment.tables.items():
        place = deployment.where(key)
        if key not in known:
            yield unknown(f"unknown key {key!r} at the top of the file", place, key, known)
        elif key in TABLES and not isinstance(value, Mapping):
            yield wrong(f"[{key}] must be a table, not {_type_name(value)}", place, f"write it as [{key}]")
    app = deployment.tables.get("app", "busway")
    if not (isinstance(app, str) and _APP_NAME.fullmatch(app)):
        rule = "up to 64 letters, digits, '-', '_' and '.', starting with a letter or digit"
        yield wrong("app is not a usable name", deployment.where("app"), f"use {rule}")


def _plugins(deployment: Deployment) -> Iterator[Problem]:
    known = (*KINDS, "policy")
    for key, value in deployment.table("plugins").items():
        place = deployment.where("plugins", key)
        if key not in known:
            yield unknown(f"unknown key {key!r} under [plugins]", place, key, known)
        elif key == "policy":
            if not isinstance(value, Mapping):
                yield wrong("[plugins.policy] must be a table", place, '[plugins.policy]\n"sinks.email" = "optional"')
        elif not (isinstance(value, list) and all(isinstance(name, str) for name in value)):
            yield wrong(
                f"{key} under [plugins] must be a list of names", place, f'write it as {key} = ["name", "name"]'
            )
    yield from _policies(deployment)


def _policies(deployment: Deployment) -> Iterator[Problem]:
    for kind, name, policy, place in policy_entries(deployment):
        if kind not in KINDS or not name:
            what = f"unknown plugin {f'{kind}.{name}'.rstrip('.')!r} under [plugins.policy]"
            yield unknown(what, place, kind, KINDS, 'name it by kind and plugin, such as "sinks.email"')
        if policy not in POLICIES:
            shown = repr(policy) if isinstance(policy, str) else _type_name(policy)
            yield unknown(f"unknown policy {shown} of {kind}.{name}", place, str(policy), POLICIES)


def _settings(deployment: Deployment) -> Iterator[Problem]:
    for key, value in deployment.table("settings").items():
        nested = isinstance(value, Mapping) or (
            isinstance(value, list) and any(isinstance(element, Mapping | list) for element in value)
        )
        if nested:
            place = deployment.where("settings", key)
            yield wrong(
                f"{key} under [settings] must be one value or a list of values", place, f'write {key} = "value"'
            )


def _redaction(deployment: Deployment) -> Iterator[Problem]:
    table = deployment.table("redaction")
    if table:
        # Imported late: most deployments leave redaction as it is, and every start would pay for its patterns.
        from busway.redaction.policy import table_problems

        yield from table_problems(table, partial(deployment.where, "redaction"))


def unknown(what: str, where: str, name: str, known: Iterable[str], otherwise: str = "") -> Problem:
    """A BW1102 for a name that is none of ``known``."""
    names = tuple(known)
    fix = did_you_mean(name, names, otherwise or "remove it")
    return Problem("BW1102", what, where, f"known here: {', '.join(names)}", fix)


def wrong(what: str, where: str, fix: str) -> Problem:
    """A BW1102 for a value of the wrong type or shape. ``what`` must not show the value."""
    return Problem("BW1102", what, where, "", fix)


def _type_name(value: object) -> str:
    words: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return "a table" if isinstance(value, Mapping) else words.get(type(value), type(value).__name__)
