"""Flags that choose between an old manager and the unified one while a code base moves to Busway.

They are read by the shims that ``busway migrate shims`` writes, and shown by ``busway doctor``: without pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DEFAULT", "FLAG_NAMES", "REMOVED_IN", "SINCE", "Flag", "parse_flag"]

DEFAULT = "on"
SINCE = "0.1"
REMOVED_IN = "0.2"
"""The version without flags and shims: one release after that of the migration."""
FLAG_NAMES = {
    "config": "ENABLE_UNIFIED_CONFIG",
    "data": "ENABLE_UNIFIED_DATA",
    "events": "ENABLE_UNIFIED_EVENTS",
}
"""Manager to the environment name of its flag."""
_WORDS = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: how it stands, and the jobs for which it stands otherwise."""

    on: bool = True
    jobs: Mapping[str, bool] = field(default_factory=dict)

    def on_for(self, job: str) -> bool:
        """How it stands for ``job``; the empty name is that of code that belongs to no job."""
        return self.jobs.get(job, self.on)

    def __str__(self) -> str:
        told = [_word(self.on), *(f"{_word(on)}@{job}" for job, on in self.jobs.items())]
        return ",".join(told)


def parse_flag(text: str) -> Flag:
    """From text such as ``on``, or ``on,off@employees``. Raises ``ValueError`` for anything else."""
    on, jobs = True, {}
    for part in text.split(","):
        word, at, job = part.strip().partition("@")
        value = _WORDS.get(word.strip().lower())
        if value is None or (at and not job.strip()):
            raise ValueError("write on or off, and off@JOB for one job: on,off@employees")
        if at:
            jobs[job.strip()] = value
        else:
            on = value
    return Flag(on, jobs)


def _word(on: bool) -> str:
    return "on" if on else "off"
