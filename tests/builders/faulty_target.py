"""A recording target on which each write goes right or wrong as a script says, and jobs that sync to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builders.recording_target import PeopleJob, RecordingTarget
from busway.contracts.records import Record, without
from busway.errors import RefusedError, RejectedRecordError, UnreachableError

NOT_DONE = ("away", "unsure", "denied", "refused", "broken", "interrupted")
"""What goes wrong before a write is carried out."""
DONE = ("lost", "nonsense", "silent", "killed")
"""What goes wrong with the answer, once it was."""
STEPS = ("ok", *NOT_DONE, *DONE, "ignored", "stop")


@dataclass
class FaultyTarget(RecordingTarget):
    """Follows ``script``, a step for each attempt; at its end everything goes right."""

    script: list[tuple[str, str]] = field(default_factory=list)
    """What happens, and the field it is about."""
    stopping: bool = False
    unproven: set[str] = field(default_factory=set)
    """Ids of records that were written without an answer that says so."""

    def create(self, payload: Record) -> Record:
        return self._follow(payload, super().create)

    def update(self, target_id: str, payload: Record, operation: str = "update") -> Record:
        return self._follow(payload, lambda taken: super(FaultyTarget, self).update(target_id, taken, operation))

    def requested(self) -> bool:
        """Whether somebody asked the run to stop."""
        return self.stopping

    def numbers(self) -> list[str]:
        """Match keys of all records that have one."""
        return [record["number"] for record in self.records.values() if record.get("number")]

    def _follow(self, payload: Record, carry_out: Any) -> Any:
        step, name = self.script.pop(0) if self.script else ("ok", "")
        self.stopping = self.stopping or step == "stop"
        if step in NOT_DONE:
            self.attempts += 1
            raise _error(step, name)
        answer = carry_out(without(payload, name) if step == "ignored" else payload)
        if step == "silent":
            self.unproven.add(answer["id"])
            return None
        if step in DONE:
            raise _error(step, name)
        return answer


def _error(step: str, name: str) -> BaseException:
    if step in ("away", "unsure", "lost"):
        unreachable = UnreachableError("BW5102", "no answer")
        unreachable.ambiguous = step != "away"
        return unreachable
    if step == "nonsense":
        refused = RefusedError("BW5005", "the answer makes no sense", status=201)
        refused.ambiguous = True
        return refused
    if step == "denied":
        return RefusedError("BW5001", "the token is not accepted", status=401)
    if step == "refused":
        return RejectedRecordError("refused", fields={name: ["taken"]} if name else {}, status=422)
    return ValueError(name) if step == "broken" else KeyboardInterrupt()


class Blind(PeopleJob):
    """Has no way to look a record up."""

    remote: FaultyTarget

    def __init__(self, people: Iterable[Record], target: FaultyTarget, fields: Mapping[str, Any], **more: Any) -> None:
        super().__init__(people, target, fields=fields, **more)


class Finding(Blind):
    """Looks records up by their number."""

    def find(self, record: Record) -> Record | None:
        found = [one for one in self.remote.records.values() if one.get("number") == record["number"]]
        return dict(found[0]) if found else None
