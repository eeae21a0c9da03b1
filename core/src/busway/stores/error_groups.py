"""Errors since the last digest, counted by what they have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import orjson

from busway.stores.process_database import ProcessDatabase

__all__ = ["MAX_EXAMPLES", "ErrorGroup", "ErrorGroups"]

MAX_EXAMPLES = 3
"""Wordings kept of one group."""
_COLUMNS = "fingerprint, kind, message, entity_type, job, code, count, first_ns, last_ns, examples"


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors that read the same once their variable parts are taken out."""

    fingerprint: str
    kind: str
    message: str
    """The first one's wording, redacted."""
    entity_type: str | None
    count: int
    first_ns: int
    last_ns: int
    job: str | None = None
    """Name of the session they belong to."""
    code: str = ""
    """``BW`` code, where they carry one."""
    examples: tuple[str, ...] = ()
    """Up to :data:`MAX_EXAMPLES` wordings, each another one."""

    def joined(self, later: ErrorGroup) -> ErrorGroup:
        """This group with the errors of ``later`` added."""
        return replace(
            self,
            count=self.count + later.count,
            first_ns=min(self.first_ns, later.first_ns),
            last_ns=max(self.last_ns, later.last_ns),
            examples=tuple(dict.fromkeys((*self.examples, *later.examples)))[:MAX_EXAMPLES],
        )


class ErrorGroups:
    """The groups a digest is made of."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, groups: Iterable[ErrorGroup]) -> None:
        """Merges ``groups`` into those counted so far."""
        with self._database.transaction() as connection:
            for group in groups:
                known = self._one(group.fingerprint)
                values = _row(known.joined(group) if known else group)
                connection.execute(f"INSERT OR REPLACE INTO error_groups ({_COLUMNS}) VALUES ({_MARKS})", values)  # noqa: S608

    def all(self) -> list[ErrorGroup]:
        """Every group since the last digest, most frequent first."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM error_groups ORDER BY count DESC, first_ns, fingerprint")  # noqa: S608
        return [_group(row) for row in rows]

    def fingerprints(self) -> set[str]:
        """Those of all groups."""
        return {row[0] for row in self._database.rows("SELECT fingerprint FROM error_groups")}

    def take(self) -> list[ErrorGroup]:
        """All groups, as :meth:`all` orders them; afterwards there are none."""
        with self._database.transaction() as connection:
            groups = self.all()
            connection.execute("DELETE FROM error_groups")
        return groups

    def _one(self, fingerprint: str) -> ErrorGroup | None:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM error_groups WHERE fingerprint = ?", (fingerprint,))  # noqa: S608
        return _group(rows[0]) if rows else None


_MARKS = ", ".join("?" * len(_COLUMNS.split(", ")))


def _row(group: ErrorGroup) -> tuple[object, ...]:
    examples = orjson.dumps(group.examples).decode()
    named = (group.fingerprint, group.kind, group.message, group.entity_type, group.job, group.code)
    return (*named, group.count, group.first_ns, group.last_ns, examples)


def _group(row: tuple[object, ...]) -> ErrorGroup:
    names = _COLUMNS.split(", ")
    fields: dict[str, object] = dict(zip(names, row, strict=True))
    fields["examples"] = tuple(orjson.loads(str(fields["examples"])))
    return ErrorGroup(**fields)  # type: ignore[arg-type]
