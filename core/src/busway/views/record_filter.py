"""Which quarantined records are meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from busway.stores.quarantine import QuarantinedRecord

__all__ = ["ALL_STATES", "RecordFilter"]

ALL_STATES = ("waiting", "released", "dismissed")


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are meant; what is not given does not narrow."""

    job: str | None = None
    classes: Sequence[str] = ()
    code: str | None = None
    field: str | None = None
    state: str | None = None
    older_than: float | None = None
    """Seconds since the record failed first."""
    hours: float | None = None
    """Hours since it failed last."""

    def pick(
        self, records: Sequence[QuarantinedRecord], now_ns: int, states: Collection[str] = ALL_STATES
    ) -> list[QuarantinedRecord]:
        """Those of ``records`` that fit; in one of ``states`` unless a state is asked for."""
        wanted = ALL_STATES if self.state == "all" else (self.state,) if self.state else states
        return [one for one in records if one.state in wanted and self._fits(one, now_ns)]

    @property
    def narrows(self) -> bool:
        """Whether anything but the job is asked for."""
        return bool(self.classes or self.code or self.field or self.state or self.older_than or self.hours)

    def _fits(self, one: QuarantinedRecord, now_ns: int) -> bool:
        return (
            self.job in (None, one.job)
            and (not self.classes or one.reason in self.classes)
            and (self.code is None or one.code == self.code.upper())
            and (self.field is None or self.field in one.fields)
            and (self.older_than is None or now_ns - one.first_ns >= self.older_than * 1e9)
            and (self.hours is None or now_ns - one.last_ns <= self.hours * 3.6e12)
        )
