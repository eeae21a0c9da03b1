"""The job: the people of the CSV files are users of the SCIM service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from acme_busway_scim_people.folder import PeopleFolder
from acme_busway_scim_people.scim import ScimUsers
from busway import Complete, FieldRule, Job, Record, Run, Skip, always, casefolded, create_only, exact


class People(Job):
    """Creates users, keeps their names and titles, and takes them out of use when they leave."""

    name = "people"
    entity = "person"
    account = "scim"
    match_on = exact("externalId")
    adopt_on = (casefolded("userName"),)
    active_field = "active"
    concurrency = 4
    fields: ClassVar[Mapping[str, FieldRule]] = {
        "externalId": create_only,
        "userName": always.personal(),
        "name.givenName": always.personal(),
        "name.familyName": always.personal(),
        "title": always.optional(),
        "active": create_only,
    }

    def __init__(self, folder: PeopleFolder, users: ScimUsers) -> None:
        self._folder = folder
        self._users = users

    def source(self, run: Run) -> Iterable[Record]:
        return self._folder.people()

    def target(self, run: Run) -> Complete[Record]:
        return self._users.all()

    def map(self, record: Record, run: Run) -> Record | Skip:
        if not record["login"]:
            return Skip("has no login yet")
        return {
            "externalId": record["number"],
            "userName": record["login"],
            "name.givenName": record["first_name"],
            "name.familyName": record["last_name"],
            "title": record["title"],
            "active": True,
        }

    def create(self, record: Record) -> Record:
        return self._users.create(record)

    def update(self, current: Record, changes: Record) -> Record:
        return self._users.change(current["id"], changes)

    def deactivate(self, current: Record) -> Record:
        return self._users.change(current["id"], {"active": False})

    def reactivate(self, current: Record, changes: Record) -> Record:
        return self._users.change(current["id"], {**changes, "active": True})

    def find(self, record: Record) -> Record | None:
        user = self._users.named(record["userName"])
        return user if user and self.match_on.of(user) == self.match_on.of(record) else None

    def label(self, record: Record) -> str:
        return f"person {record.get('externalId') or record.get('number') or '(no number)'}"

    def close(self) -> None:
        self._users.close()
