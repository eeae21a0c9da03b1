"""Which plugins this deployment selects: ``[plugins]``, the environment, or the defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from busway.configuration.deployment import Deployment
from busway.configuration.dotenv_file import dotenv_mentions
from busway.configuration.file_check import policy_entries, wrong
from busway.errors import Problem
from busway.plugins.kinds import BUILT_INS, KINDS
from busway.plugins.selection import Pick, Selection

__all__ = ["select"]

_VAULT_NAMES = ("AZURE_KEY_VAULT_NAME", "AZURE_KEY_VAULT_URL")
_Entry = tuple[str, str]
"""A plugin as it was written (``name`` or ``name@distribution``), and where."""


def select(
    deployment: Deployment, environ: Mapping[str, str], *, safe: bool = False
) -> tuple[Selection, list[Problem]]:
    """The picks of every kind in their order, and what is wrong with them (BW1102).

    ``BUSWAY_SINKS=log,email`` wins over ``sinks`` of ``[plugins]``, which wins over the default; the same for each
    kind. An empty variable counts as not set; to select nothing, write ``sinks = []``.
    """
    policies = {(kind, name): policy for kind, name, policy, _ in policy_entries(deployment)}
    picks: dict[str, tuple[Pick, ...]] = {}
    problems: list[Problem] = []
    for kind in KINDS:
        entries = _entries(kind, deployment, environ)
        problems += _entry_problems(kind, entries)
        picks[kind] = tuple(_pick(kind, entry, policies.get) for entry in entries)
    if safe:
        picks = {kind: _built_ins(kind, chosen) for kind, chosen in picks.items()}
    return Selection(**picks), problems


def _entries(kind: str, deployment: Deployment, environ: Mapping[str, str]) -> list[_Entry]:
    variable = f"BUSWAY_{kind.upper()}"
    named = [name.strip() for name in environ.get(variable, "").split(",")]
    if any(named):
        return [(name, variable) for name in named if name]
    listed = deployment.table("plugins").get(kind)
    if isinstance(listed, list):
        return [(str(name).strip(), deployment.where("plugins", kind, str(at))) for at, name in enumerate(listed)]
    return [(name, "default") for name in _defaults(kind, deployment, environ)]


def _defaults(kind: str, deployment: Deployment, environ: Mapping[str, str]) -> tuple[str, ...]:
    if kind == "secrets" and _names_a_vault(deployment, environ):
        return ("env", "keyvault", "dotenv")
    return BUILT_INS[kind]


def _names_a_vault(deployment: Deployment, environ: Mapping[str, str]) -> bool:
    settings = deployment.table("settings")
    if any(environ.get(name) or settings.get(name) for name in _VAULT_NAMES):
        return True
    return dotenv_mentions(deployment.root / ".env", _VAULT_NAMES)


def _pick(kind: str, entry: _Entry, policy_of: Callable[[tuple[str, str]], object]) -> Pick:
    written, origin = entry
    name, _, distribution = written.partition("@")
    policy = policy_of((kind, name)) or ("optional" if kind == "sinks" else "required")
    return Pick(name, distribution, policy == "required", origin)


def _entry_problems(kind: str, entries: list[_Entry]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for written, origin in entries:
        name, at, distribution = written.partition("@")
        if not name or (at and not distribution):
            fix = "write name or name@distribution, or remove the entry"
            yield wrong(f"an entry of {kind} names no plugin", origin, fix)
        elif name in seen:
            places = f"{seen[name]} and {origin}" if seen[name] != origin else origin
            yield wrong(f"{name} is listed twice under {kind}", places, "keep one; the order of the list matters")
        seen.setdefault(name, origin)


def _built_ins(kind: str, picks: tuple[Pick, ...]) -> tuple[Pick, ...]:
    chosen = tuple(pick for pick in picks if pick.name in BUILT_INS[kind] and pick.distribution in ("", "busway"))
    # A deployment that lists only plugins would otherwise have no cache level at all in safe mode.
    return chosen or tuple(Pick(name, required=kind != "sinks", origin="safe mode") for name in BUILT_INS[kind])
