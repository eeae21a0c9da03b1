"""The status of a configuration: everything about it that may be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from busway.configuration.declarations import Declaration
from busway.configuration.layers import DEFAULT, TOML, Found
from busway.configuration.sections import Verdict
from busway.configuration.state import ConfigState
from busway.configuration.values import shown
from busway.contracts.settings import Settings
from busway.errors import BuswayError, Problem

__all__ = ["configuration_status"]


def configuration_status(state: ConfigState) -> dict[str, Any]:
    """What ``busway config status`` shows, ready for JSON. Secrets are set or unset, never more."""
    verdicts = state.sections.verdicts()
    problems = state.problems(verdicts)
    deployment = state.boot.deployment
    faulty = frozenset(name for verdict in verdicts.values() for name in verdict.faulty)
    return {
        "app": deployment.app,
        "root": str(deployment.root),
        "file": str(deployment.file) if deployment.file is not None else None,
        "state_dir": str(state.boot.state_dir),
        "safe": state.boot.safe,
        "validation": {"is_valid": not problems, "problems": [problem.as_dict() for problem in problems]},
        "warnings": [problem.as_dict() for problem in warnings(state)],
        "notices": list(state.boot.notices),
        "sources": _sources(state),
        "settings": [_setting(state, declaration, verdicts, faulty) for declaration in state.catalog],
    }


def warnings(state: ConfigState) -> Iterator[Problem]:
    """What works and should not stay: ``.env`` in production (BW1107), secrets in the file (BW1203)."""
    yield from _dotenv_in_production(state)
    settings = state.boot.deployment.table("settings")
    for declaration in state.catalog:
        if declaration.is_secret and settings.get(declaration.name):
            yield Problem(
                "BW1203",
                f"secret {declaration.name} is written in {state.boot.deployment.where('settings').partition(':')[0]}",
                state.boot.deployment.where("settings", declaration.name),
                "files of a deployment are usually kept in version control",
                f"export {declaration.name}=... or store it in a vault, and replace it: it may be known already",
            )


def _dotenv_in_production(state: ConfigState) -> Iterator[Problem]:
    core = state.catalog.find("ENV")
    try:
        in_use = sorted(name for layer, source in state.layers.sources if layer == "dotenv" for name in source.names())
        environment = state.sections.value(core) if core is not None else ""
    except BuswayError:
        # It is among the problems already.
        return
    if in_use and environment == "production":
        yield Problem(
            "BW1107",
            ".env is in use in production",
            str(state.boot.deployment.root / ".env"),
            f"ENV is production, and .env sets {len(in_use)} names",
            "move them to the environment or a vault, or export ENV=dev",
        )


def _sources(state: ConfigState) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"name": name, "order": order, "serves_settings": source.serves_settings}
        for order, (name, source) in enumerate(state.layers.sources, 1)
    ]
    file_order = len(rows) + 1
    rows.append({"name": TOML, "order": file_order, "serves_settings": True})
    rows.append({"name": DEFAULT, "order": file_order + 1, "serves_settings": True})
    return rows


def _setting(
    state: ConfigState,
    declaration: Declaration,
    verdicts: Mapping[type[Settings], Verdict],
    faulty: frozenset[str],
) -> dict[str, Any]:
    found = _found(state, declaration)
    has_default = not declaration.required and declaration.default is not None
    row: dict[str, Any] = {
        "name": declaration.name,
        "set": found is not None,
        "source": found.layer if found is not None else DEFAULT if has_default else None,
        "place": found.place if found is not None else "",
        "class": declaration.setting_class.value,
        "owner": declaration.owner,
        "required": declaration.required,
        "valid": declaration.name not in faulty,
    }
    if not declaration.is_secret:
        row["value"] = _value(state, declaration, verdicts) if declaration.name not in faulty else None
    return row


def _found(state: ConfigState, declaration: Declaration) -> Found | None:
    """What the verdicts have just resolved; names without a value are not remembered."""
    remembered = state.resolver.remembered(declaration.name)
    return remembered.found if remembered is not None else None


def _value(state: ConfigState, declaration: Declaration, verdicts: Mapping[type[Settings], Verdict]) -> Any:
    section = verdicts[declaration.model].section
    value = getattr(section, declaration.field) if section is not None else state.sections.value(declaration)
    return shown(value)
