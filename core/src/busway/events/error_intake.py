"""Reads journals for the digest: errors by group, and digests that are there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.events.fingerprint import code_in, fingerprint
from busway.events.journal_line import decode_line
from busway.events.journal_reader import JournalFolder
from busway.stores.error_groups import ErrorGroup

__all__ = ["Intake", "grouped", "read_intake"]

MAX_LINES = 20_000
"""Lines of one go, so that the transaction that counts them stays short."""
MAX_GROUPS = 1_000
"""Groups kept until the next digest. An error whose wording is new beyond that is counted with all such."""
MAX_MESSAGE = 400
"""Characters of a message that are kept."""
OTHER = "other wordings"

_ERROR, _DIGEST = b'"category":"error"', b'"category":"digest"'


@dataclass(slots=True)
class Intake:
    """What one stretch of the journals holds for the digest."""

    moved: dict[str, int] = field(default_factory=dict)
    """File to the offset read to."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    """Records."""
    digests: list[str] = field(default_factory=list)
    """Ids of digests."""
    lines: int = 0

    @property
    def whole(self) -> bool:
        """Nothing was left for another go."""
        return self.lines < MAX_LINES


def read_intake(folder: JournalFolder, offsets: Mapping[str, int]) -> Intake:
    """What was journalled behind ``offsets``, up to :data:`MAX_LINES` lines."""
    intake = Intake()
    for file in folder.files():
        start = offsets.get(file, 0)
        if folder.size(file) <= start:
            continue
        for end, raw in folder.raw_lines(file, start):
            intake.moved[file] = end
            intake.lines += 1
            if _ERROR in raw or _DIGEST in raw:
                _sort(intake, decode_line(raw))
            if not intake.whole:
                return intake
    return intake


def grouped(errors: Iterable[Mapping[str, Any]], jobs: Mapping[str, str | None], known: set[str]) -> list[ErrorGroup]:
    """Error records by fingerprint.

    :param jobs: session id to job, of the sessions of these errors.
    :param known: fingerprints counted before; grows.
    """
    groups: dict[str, ErrorGroup] = {}
    for record in errors:
        one = _group(record, jobs.get(str(record.get("session_id"))))
        if one.fingerprint not in known and len(known) >= MAX_GROUPS:
            one = _uncommon(one)
        known.add(one.fingerprint)
        earlier = groups.get(one.fingerprint)
        groups[one.fingerprint] = earlier.joined(one) if earlier else one
    return list(groups.values())


def _sort(intake: Intake, record: dict[str, Any] | None) -> None:
    category = None if record is None else record.get("category")
    if record is None or not isinstance(record.get("timestamp"), int):
        return  # a damaged line is counted where it is delivered
    if category == "error":
        intake.errors.append(record)
    elif category == "digest":
        intake.digests.append(str(record.get("event_id")))


def _group(record: Mapping[str, Any], job: str | None) -> ErrorGroup:
    given = record.get("error")
    error: Mapping[str, Any] = given if isinstance(given, dict) else {}
    kind = str(error.get("kind") or "error")
    message = str(error.get("message") or "")[:MAX_MESSAGE]
    code = str(error.get("code") or "") or code_in(message)
    entity = record.get("entity_type")
    entity_type = None if entity is None else str(entity)
    key, at = fingerprint(kind, entity_type, job, code, message), int(record["timestamp"])
    return ErrorGroup(key, kind, message, entity_type, 1, at, at, job, code, (message,) if message else ())


def _uncommon(group: ErrorGroup) -> ErrorGroup:
    message = f"wordings beyond the first {MAX_GROUPS:,}"
    key = fingerprint(OTHER, None, group.job, "", message)
    return ErrorGroup(key, OTHER, message, None, 1, group.first_ns, group.last_ns, group.job)
