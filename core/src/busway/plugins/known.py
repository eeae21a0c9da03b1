"""The first-party names: what to install for a plugin or command that is not there."""

from __future__ import annotations

from collections.abc import Iterable

from busway.plugins.kinds import BUILT_INS

__all__ = ["COMMANDS", "PLUGINS", "command_suggestion", "command_summary", "suggestion"]

PLUGINS: dict[tuple[str, str], str] = {
    ("secrets", "keyvault"): "busway-secrets-keyvault",
    ("caches", "redis"): "busway-cache-redis",
    ("caches", "file"): "busway-cache-file",
    ("sinks", "email"): "busway-sink-email",
    ("sinks", "webhook"): "busway-sink-webhook",
    ("sinks", "prometheus"): "busway-sink-prometheus",
    ("sinks", "otel"): "busway-sink-otel",
    ("validators", "safetyamp"): "busway-safetyamp",
    ("jobs", "safetyamp"): "busway-safetyamp",
    **{(kind, name): "busway" for kind, names in BUILT_INS.items() for name in names},
}
"""Kind and name of each plugin of this project to its distribution."""

COMMANDS = {
    "demo": "busway-safetyamp",
    "migrate": "busway-migrate",
    "safetyamp": "busway-safetyamp",
    "serve": "busway-service",
}
"""Commands that come with a plugin distribution of this project."""


_SUMMARIES = {
    "demo": "Run the real jobs on a synthetic company; needs nothing.",
    "migrate": "Move code from old imports to Busway.",
    "safetyamp": "A sandbox of SafetyAmp, and people to fill it with.",
    "serve": "Run on a schedule, with health probes and metrics.",
}


def command_summary(name: str, distribution: str) -> str:
    """The help line of a first-party command; empty for one of somebody else, whose Summary serves instead."""
    return _SUMMARIES[name] if COMMANDS.get(name) == distribution else ""


def suggestion(kind: str, name: str, installed: Iterable[str]) -> str:
    """What to do about the selected `name` of `kind` that is not among the `installed` names of that kind."""
    distribution = PLUGINS.get((kind, name))
    if distribution == "busway":
        return "pip install --force-reinstall busway"
    if distribution:
        return f"pip install {distribution}"
    elsewhere = [other for other, known in PLUGINS if known == name]
    if elsewhere:
        return f'"{name}" is one of the {elsewhere[0]}: move it from plugins.{kind} to plugins.{elsewhere[0]}'
    names = sorted(set(installed))
    near = _nearest(name, [*names, *(known for other, known in PLUGINS if other == kind)])
    if near in names or PLUGINS.get((kind, near)) == "busway":
        return f'did you mean "{near}"?'
    if near:
        return f'did you mean "{near}"? pip install {PLUGINS[kind, near]}'
    return f"installed {kind}: {', '.join(names) or 'none'}; take it out of plugins.{kind} or install what provides it"


def command_suggestion(name: str) -> str:
    """The command that installs the first-party command `name`; empty when no distribution of ours has it."""
    return f"pip install {COMMANDS[name]}" if name in COMMANDS else ""


def _nearest(name: str, candidates: list[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, candidates, 1)), "")
