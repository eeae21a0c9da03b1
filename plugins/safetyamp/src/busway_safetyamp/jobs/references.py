"""What an employee refers to: titles, sites and the role in SafetyAmp, addresses in the directory. Once per run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.keys import casefolded
from busway.contracts.records import Record
from busway.contracts.runs import Run
from busway.errors import ConfigurationError
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs.contacts import Contacts
from busway_safetyamp.jobs.homes import HomeSites
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["References"]

_BY_NAME = casefolded("name")


@dataclass(slots=True)
class References:
    """Turns a title, a job or department code and a role's name into ids."""

    run: Run
    homes: HomeSites
    contacts: Contacts
    role_id: Any
    _titles: Mapping[str, Any]
    _jobs: Mapping[tuple[Any, Any], str]
    _unknown_titles: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, run: Run, connections: Connections) -> References:
        """Reads all of it. Raises what the client and the source raise, and ``ConfigurationError`` (BW5008)."""
        settings, data = connections.settings, run.data
        jobs = data.get_or_populate("vista.recent_jobs", loader=connections.vista.recent_jobs)
        roles = data.get_or_populate("safetyamp.roles", loader=lambda: list(connections.safetyamp.roles()))
        return cls(
            run=run,
            homes=HomeSites(
                run.target_of("jobs"),
                run.target_of("departments"),
                office_suffix=settings.office_suffix,
                code_field=settings.site_code_field,
                warn=run.note,
            ),
            contacts=_contacts(run, connections),
            role_id=_role_id(roles, settings.role),
            _titles=_ids_by_name(run.target_of("titles")),
            _jobs={(row["PRCo"], row["Employee"]): row["Job"] for row in jobs},
        )

    def title_id(self, title: Any) -> Any | None:
        """The id of a title, possibly pending; ``None`` for none, and for one that SafetyAmp does not have."""
        name = collapse_blanks(title)
        found = self._titles.get(name.casefold()) if name else None
        if name and found is None and name not in self._unknown_titles:
            self._unknown_titles.add(name)
            self.run.note(f"title {name} is not in SafetyAmp; the people who have it keep the title they have there")
        return found

    def job_of(self, row: Record) -> str | None:
        """The code of the job this person last worked on. By company and number: numbers repeat across companies."""
        return self._jobs.get((row["PRCo"], row["Employee"]))


def _contacts(run: Run, connections: Connections) -> Contacts:
    contacts = Contacts(connections.enrichment(run.note), lambda: run.target_of("employees"))
    people = run.data.get_or_populate("vista.employees", loader=connections.vista.employees)
    for remark in contacts.remarks(people):
        run.note(remark)
    return contacts


def _ids_by_name(records: Iterable[Record]) -> dict[str, Any]:
    ids: dict[str, Any] = {}
    for record in records:
        key = _BY_NAME.of(record)
        if key is not None:
            ids.setdefault(key, record["id"])
    return ids


def _role_id(roles: Sequence[Record], wanted: str) -> Any:
    ids = _ids_by_name(roles)
    found = ids.get(collapse_blanks(wanted).casefold())
    if found is None:
        names = ", ".join(sorted(collapse_blanks(role.get("name")) for role in roles)) or "none at all"
        raise ConfigurationError(
            "BW5008",
            f"SafetyAmp has no role {wanted}",
            where="SAFETYAMP_ROLE",
            why=f"the account's roles are: {names}",
            fix="set SAFETYAMP_ROLE to one of them: `busway config explain SAFETYAMP_ROLE`",
        )
    return found
