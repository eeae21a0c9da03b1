"""What a job maps: each managed field of SafetyAmp, where its value comes from, when it is written, and who decides.

The jobs take their rules from it, and the documentation its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.contracts.fields import FieldRule

__all__ = ["Managed", "rules_of"]


@dataclass(frozen=True, slots=True)
class Managed:
    """One managed field of a job."""

    field: str
    """Name in SafetyAmp."""
    source: str
    """Where its value comes from: ``PREH.Sex``, ``SAFETYAMP_COUNTRY``, what it is worked out from."""
    rule: FieldRule
    """Its policy, and how it is compared; the policy may be changed under ``[sync.JOB.fields]``."""
    settings: tuple[str, ...] = ()
    """Environment names of the settings that have a say in it."""
    note: str = ""
    """What else a person should know, in one sentence."""
    is_sent: bool = True
    """False for a field that is compared and shown, and becomes another one, or none, in what is sent."""


def rules_of(mapping: tuple[Managed, ...]) -> Mapping[str, FieldRule]:
    """``Job.fields`` of a mapping."""
    return {one.field: one.rule for one in mapping}
