"""The status of a configuration: everything about it that may be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from busway.configuration.declarations import Declaration
from busway.configuration.dotenv_source import DotenvSource
from busway.configuration.layers import DEFAULT, TOML, Found, Outcome
from busway.configuration.reader import calling_module
from busway.configuration.resolver import Resolver
from busway.configuration.secret_dates import secret_date_warnings
from busway.configuration.secret_rows import secret_rows
from busway.configuration.secret_warnings import secret_warnings
from busway.configuration.sections import Sections, Verdict
from busway.configuration.state import ConfigState
from busway.configuration.values import length_class, shown
from busway.contracts.settings import Settings
from busway.errors import BuswayError, ConfigurationError, Problem

__all__ = ["configuration_status", "warnings"]


def configuration_status(state: ConfigState) -> dict[str, Any]:
    """What ``busway config status`` and ``config check`` show, ready for JSON. Secrets are set or unset, never more.

    Each source is asked once, for everything together.
    """
    outcomes = state.resolver.resolve_each(state.catalog, reader=calling_module)
    sections = Sections(state.catalog, cast(Resolver, _Answered(state.resolver, outcomes)), state.sections.complaints)
    verdicts = sections.verdicts()
    problems = state.problems(verdicts)
    deployment = state.boot.deployment
    faulty = frozenset(name for verdict in verdicts.values() for name in verdict.faulty)
    told = [*_lacking_optionally(state, verdicts, problems), *warnings(state, faulty)]
    return {
        "app": deployment.app,
        "root": str(deployment.root),
        "file": str(deployment.file) if deployment.file is not None else None,
        "state_dir": str(state.boot.state_dir),
        "safe": state.boot.safe,
        "validation": {
            "is_valid": not problems,
            "exit_code": _exit_code(problems, outcomes),
            "problems": [problem.as_dict() for problem in problems],
        },
        "warnings": [problem.as_dict() for problem in told],
        "not_known": sorted(name for name, outcome in outcomes.items() if isinstance(outcome, BuswayError)),
        "notices": list(state.boot.notices),
        "sources": _sources(state),
        "secrets": secret_rows(state, outcomes),
        "settings": [_setting(outcomes, sections, declaration, verdicts, faulty) for declaration in state.catalog],
    }


def warnings(state: ConfigState, told: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """What works and should not stay: ``.env`` in production (BW1107) or with a name twice (BW1112), names nobody
    reads (BW1111), secrets in the file (BW1203), and what is odd about secrets read so far: too short to be masked
    (BW1215), expired or nearly so (BW1216), blanks around them (BW1217).

    :param told: names of settings that have a problem of their own.
    """
    yield from _dotenv_in_production(state)
    yield from _twice_in_dotenv(state)
    yield from state.sections.complaints.misspelt(told)
    yield from _secrets_in_file(state)
    yield from secret_warnings(state)
    yield from secret_date_warnings(state)


class _Answered:
    """A resolver whose answers are there already: what judges them must not ask a vault a second time."""

    def __init__(self, resolver: Resolver, outcomes: Mapping[str, Outcome]) -> None:
        self._outcomes = outcomes
        self.secret_values = resolver.secret_values

    def resolve(self, declaration: Declaration) -> Found | None:
        outcome = self._outcomes.get(declaration.name)
        if isinstance(outcome, BuswayError):
            raise outcome
        return outcome

    def resolve_each(
        self, declarations: Iterable[Declaration], *, reader: Callable[[], str] | None = None
    ) -> dict[str, Outcome]:
        return {one.name: self._outcomes.get(one.name) for one in declarations}


def _exit_code(problems: Iterable[Problem], outcomes: Mapping[str, Outcome]) -> int:
    """The highest exit code of the problems: 3 for what the configuration says, 4 and 5 for what a source answered."""
    codes = {
        problem: max(ConfigurationError.exit_code, outcome.exit_code)
        for outcome in outcomes.values()
        if isinstance(outcome, BuswayError)
        for problem in outcome.problems
    }
    return max((codes.get(problem, ConfigurationError.exit_code) for problem in problems), default=0)


def _lacking_optionally(
    state: ConfigState, verdicts: Mapping[type[Settings], Verdict], problems: Iterable[Problem]
) -> Iterator[Problem]:
    """What is wrong with settings of plugins the deployment can do without."""
    known = frozenset(problems)
    for model in state.catalog.models:
        declared = state.catalog.of_model(model) or ()
        for problem in verdicts[model].problems if model in state.optional else ():
            if problem not in known:
                owner = declared[0].owner if declared else model.__qualname__
                note = f"{owner} is optional here, and is not used while this is so"
                yield replace(problem, why="\n".join(part for part in (problem.why, note) if part))


def _secrets_in_file(state: ConfigState) -> Iterator[Problem]:
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


def _twice_in_dotenv(state: ConfigState) -> Iterator[Problem]:
    for _, source in state.layers.sources:
        try:
            twice = source.duplicates if isinstance(source, DotenvSource) else ()
        except BuswayError:
            # It is among the problems already.
            continue
        for one in twice:
            lines = f"{'line' if len(one.shadowed) == 1 else 'lines'} {', '.join(map(str, one.shadowed))}"
            yield Problem(
                "BW1112",
                f".env sets {one.name} more than once",
                f".env:{one.line}",
                f"the last line counts; the value of {lines} has no effect",
                f"remove {lines}",
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
    outcomes: Mapping[str, Outcome],
    sections: Sections,
    declaration: Declaration,
    verdicts: Mapping[type[Settings], Verdict],
    faulty: frozenset[str],
) -> dict[str, Any]:
    outcome = outcomes.get(declaration.name)
    found = outcome if isinstance(outcome, Found) else None
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
    if declaration.is_secret:
        row["length"] = length_class(str(found.value)) if found is not None else ""
    else:
        row["value"] = _value(sections, declaration, verdicts) if declaration.name not in faulty else None
    return row


def _value(sections: Sections, declaration: Declaration, verdicts: Mapping[type[Settings], Verdict]) -> Any:
    section = verdicts[declaration.model].section
    return shown(getattr(section, declaration.field) if section is not None else sections.value(declaration))
