"""Rules for people: a name, and an address that can be written to."""

from __future__ import annotations

from busway import PluginContext, Record, Settings, Validation, hookimpl, setting


class RulesSettings(Settings):
    """What is allowed."""

    domain: str = setting("", env="ACME_RULES_DOMAIN", doc="Domain every address must be in; empty allows any.")


class PersonRules:
    """The rules for the entity ``person``. The record is never changed: what is returned is a copy."""

    entity = "person"

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def validate(self, record: Record) -> Validation:
        """The tidied record, and ``field: reason`` for what is wrong with it, without the value."""
        name = " ".join(str(record.get("name") or "").split())
        email = str(record.get("email") or "").strip().lower()
        errors = [] if name else ["name: is empty"]
        if "@" not in email:
            errors.append("email: is not an address")
        elif self._domain and not email.endswith(f"@{self._domain}"):
            errors.append(f"email: is not in {self._domain}")
        return Validation({**record, "name": name, "email": email}, tuple(errors))


@hookimpl
def busway_settings() -> type[RulesSettings]:
    return RulesSettings


@hookimpl
def busway_validators(context: PluginContext[RulesSettings]) -> list[PersonRules]:
    return [PersonRules(context.settings.domain)]
