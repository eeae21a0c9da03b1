"""Sections: the settings of one model, resolved and validated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError, create_model
from pydantic_core import ErrorDetails

from busway.configuration.complaints import Complaints
from busway.configuration.declarations import CORE, Catalog, Declaration
from busway.configuration.layers import Found, Outcome
from busway.configuration.refusals import reason_of
from busway.configuration.resolver import Resolver
from busway.configuration.values import prepared
from busway.contracts.settings import Secret, Settings
from busway.errors import BuswayError, ConfigurationError, Problem

__all__ = ["Sections", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one model."""

    section: Settings | None
    """``None`` when there are problems."""
    problems: tuple[Problem, ...] = ()
    faulty: frozenset[str] = frozenset()
    """Names of the settings the problems are about."""


class Sections:
    """Builds models from resolved values, and says everything that is wrong with them in one pass."""

    def __init__(self, catalog: Catalog, resolver: Resolver, complaints: Complaints) -> None:
        self._catalog = catalog
        self._resolver = resolver
        self.complaints = complaints
        self._built: dict[type[Settings], Settings] = {}

    def get(self, model: type[Settings]) -> Settings:
        """The section, built at first and kept.

        Required secrets become handles that resolve when read; whether one is there is not asked here. An optional
        secret is asked for, because only then is it known whether the field is a handle or its default.

        Raises ``ConfigurationError`` with all problems of the model, or what a source that could not answer raised.
        """
        built = self._built.get(model)
        if built is None:
            declarations = self._declarations(model)
            eager = [one for one in declarations if not (one.is_secret and one.required)]
            outcomes = self._resolver.resolve_each(eager)
            _raise_failures(outcomes)
            verdict = self._verdict(model, outcomes, probe_all=False)
            if verdict.section is None:
                raise ConfigurationError.of(verdict.problems)
            built = self._built.setdefault(model, verdict.section)
        return built

    def value(self, declaration: Declaration) -> Any:
        """The value of one setting that is no secret.

        It is the one of its section. When something else is wrong there, the setting is judged by its type alone, so
        that it can be read all the same. Raises ``ConfigurationError`` when it is missing or invalid itself.
        """
        built = self._built.get(declaration.model)
        if built is not None:
            return getattr(built, declaration.field)
        try:
            return getattr(self.get(declaration.model), declaration.field)
        except BuswayError:
            return self._value_alone(declaration)

    def verdicts(self) -> dict[type[Settings], Verdict]:
        """A verdict on every model, with every secret asked for: one question to each source."""
        outcomes = self._resolver.resolve_each(self._catalog, reader=lambda: CORE)
        return {model: self._verdict(model, outcomes) for model in self._catalog.models}

    def verdict(self, model: type[Settings]) -> Verdict:
        """The verdict on one model, with every secret of it asked for."""
        return self._verdict(model, self._resolver.resolve_each(self._declarations(model)))

    def _verdict(self, model: type[Settings], outcomes: Mapping[str, Outcome], *, probe_all: bool = True) -> Verdict:
        """The verdict, whatever the model's own code does: it is somebody else's and may raise anything."""
        try:
            return self._judge(model, outcomes, probe_all=probe_all)
        except (Exception, SystemExit) as error:
            return Verdict(None, (self.complaints.broken(model, error),))

    def _declarations(self, model: type[Settings]) -> tuple[Declaration, ...]:
        declarations = self._catalog.of_model(model)
        if declarations is None:
            raise ConfigurationError(
                "BW1106",
                f"{model.__qualname__} is not a section of this configuration",
                where=f"{model.__module__}.{model.__qualname__}",
                why="no selected plugin declares it in its busway_settings hook",
                fix="select the plugin it belongs to under [plugins] in busway.toml",
            )
        return declarations

    def _judge(self, model: type[Settings], outcomes: Mapping[str, Outcome], *, probe_all: bool = False) -> Verdict:
        problems: dict[str, tuple[Problem, ...]] = {}
        inputs: dict[str, Any] = {}
        for declaration in self._declarations(model):
            outcome = outcomes.get(declaration.name)
            if isinstance(outcome, BuswayError):
                problems[declaration.name] = outcome.problems
            elif isinstance(outcome, Found):
                inputs[declaration.field] = self._input(declaration, outcome)
            elif declaration.required and (probe_all or not declaration.is_secret):
                problems[declaration.name] = (self.complaints.missing(declaration),)
            elif declaration.required:
                inputs[declaration.field] = self.handle(declaration)
        section, errors = _validated(model, inputs)
        if not problems and not errors:
            return Verdict(section)
        found = [problem for each in problems.values() for problem in each]
        found += self._refused(model, inputs, outcomes, errors, frozenset(problems))
        faulty = frozenset(problems) | _names(self._declarations(model), errors)
        return Verdict(None if found else section, tuple(dict.fromkeys(found)), faulty)

    def handle(self, declaration: Declaration) -> Secret:
        """A handle to a secret: asks the resolver each time it is read."""

        def resolve() -> str:
            found = self._resolver.resolve(declaration)
            if found is None or not isinstance(found.value, str):
                raise ConfigurationError.of([self.complaints.missing(declaration)])
            return found.value

        return Secret(resolve)

    def _input(self, declaration: Declaration, found: Found) -> Any:
        if declaration.is_secret and isinstance(found.value, str):
            return self.handle(declaration)
        return prepared(found.value, declaration.text_form)

    def _refused(
        self,
        model: type[Settings],
        inputs: Mapping[str, Any],
        outcomes: Mapping[str, Outcome],
        errors: Iterable[ErrorDetails],
        known: frozenset[str],
    ) -> Iterable[Problem]:
        """The complaints of the model. Those about fields that could not be resolved are told already."""
        declarations = {one.field: one for one in self._declarations(model)}
        values = [*inputs.values(), *self._resolver.secret_values()]
        for error in errors:
            declaration = declarations.get(str(error["loc"][0])) if error["loc"] else None
            if declaration is None and not known:
                yield self.complaints.inconsistent(declarations.values(), reason_of(error, values))
            elif declaration is not None and declaration.name not in known:
                outcome = outcomes.get(declaration.name)
                origin = (outcome.layer, outcome.place) if isinstance(outcome, Found) else ("default", "its default")
                yield self.complaints.invalid(declaration, *origin, reason_of(error, values))

    def _value_alone(self, declaration: Declaration) -> Any:
        found = self._resolver.resolve(declaration)
        if found is None:
            if declaration.required:
                raise ConfigurationError.of([self.complaints.missing(declaration)])
            return declaration.default
        info = declaration.info
        value = prepared(found.value, declaration.text_form)
        # Made anew each time: only broken configurations come here, and a model is costly to keep.
        definition: Any = (info.annotation, info)
        alone = create_model("Alone", __base__=Settings, value=definition)
        try:
            return getattr(alone.model_validate({"value": value}), "value")  # noqa: B009 - a made model has no types
        except ValidationError as error:
            reason = reason_of(_details(error)[0], [value])
            problem = self.complaints.invalid(declaration, found.layer, found.place, reason)
        except (Exception, SystemExit) as error:
            problem = self.complaints.broken(declaration.model, error)
        # Raised out here, without the original: its text may hold the value.
        raise ConfigurationError.of([problem])


def _validated(model: type[Settings], inputs: Mapping[str, Any]) -> tuple[Settings | None, list[ErrorDetails]]:
    """The model, or what pydantic says. Its exception ends here: it holds the inputs."""
    try:
        return model.model_validate(inputs), []
    except ValidationError as error:
        return None, _details(error)


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _names(declarations: Iterable[Declaration], errors: Iterable[ErrorDetails]) -> frozenset[str]:
    fields = {str(error["loc"][0]) for error in errors if error["loc"]}
    return frozenset(one.name for one in declarations if one.field in fields)


def _raise_failures(outcomes: Mapping[str, Outcome]) -> None:
    for outcome in outcomes.values():
        if isinstance(outcome, BuswayError):
            raise outcome
