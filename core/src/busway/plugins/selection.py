"""Which plugins the user asked for: the names of each kind in their configured order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pick:
    """One plugin name the user selected.

    `distribution` is set when the user wrote `name@distribution`; `required` is false when a failure of the plugin
    must not stop the run; `origin` says where the choice was made, e.g. `busway.toml:3`, `BUSWAY_SINKS`, `default`.
    """

    name: str
    distribution: str = ""
    required: bool = True
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected plugins of every kind; the order within a kind is the order in which they are called."""

    secrets: tuple[Pick, ...] = ()
    caches: tuple[Pick, ...] = ()
    sinks: tuple[Pick, ...] = ()
    validators: tuple[Pick, ...] = ()
    jobs: tuple[Pick, ...] = ()

    def of(self, kind: str) -> tuple[Pick, ...]:
        """Return the picks of `kind`, which is one of `KINDS`."""
        by_kind = {
            "secrets": self.secrets,
            "caches": self.caches,
            "sinks": self.sinks,
            "validators": self.validators,
            "jobs": self.jobs,
        }
        return by_kind[kind]
