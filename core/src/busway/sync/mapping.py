"""Source records brought to the target's shape: mapped, validated, and each key once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from busway.contracts.jobs import Job
from busway.contracts.records import Record, Skip
from busway.contracts.runs import Run
from busway.contracts.validators import Validation, Validator
from busway.errors import BuswayError, RejectedRecordError
from busway.plugins.origins import origin_of
from busway.plugins.watchdog import ticker
from busway.sync.keys import key_reader
from busway.sync.plan import Unplanned
from busway.sync.presence import SEPARATOR, Presence

__all__ = ["Mapped", "Settles", "map_records", "safe_label"]

Settles = Callable[[str, Record], bool]
"""``settles(key, record)``: nothing is to be done about ``record``, so it need not be kept."""


@dataclass(slots=True)
class Mapped:
    """What became of the source records."""

    presence: Presence
    records: dict[str, Record] = field(default_factory=dict)
    """Valid records by match key, in the order of the source; without those that are settled."""
    settled: dict[str, str] = field(default_factory=dict)
    """Labels of settled records by match key, in the order of the source."""
    skipped: list[Unplanned] = field(default_factory=list)
    invalid: list[Unplanned] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    """What validators remarked, by text."""
    merged: int = 0

    @property
    def keys(self) -> set[str]:
        """Every key the source is known to hold, of invalid records too."""
        return self.presence.keys

    def may_hold(self, key: str) -> bool:
        """Whether the source may hold ``key``, in a record that could not be identified."""
        return self.presence.may_hold(key)


def map_records(
    job: Job,
    source: Sequence[Record],
    run: Run,
    validators: Sequence[Validator],
    settles: Settles | None = None,
) -> Mapped:
    """Maps and validates ``source``; no record stops another.

    ``settles`` is asked once for each key, when its first valid record is there: validators make a copy of every
    record, and of a large source that has hardly changed those copies would be the largest part of all memory.

    An error of ``busway.errors`` other than ``RejectedRecordError`` passes: it is about a remote or a setting, and
    would be the same for every record.
    """
    return _Mapping(job, run, validators, settles).of(source)


def safe_label(job: Job, record: Record, otherwise: str) -> str:
    """The job's label of ``record``; ``otherwise`` where the job's own code fails on it."""
    try:
        return job.label(record)
    except Exception:  # a label is for people: a bad one must not cost the record
        return otherwise


class _Mapping:
    """One pass over the source of one job."""

    __slots__ = (
        "_first_at",
        "_job",
        "_key_is_label",
        "_key_of",
        "_map",
        "_out",
        "_presence",
        "_refused",
        "_repeated",
        "_run",
        "_settles",
        "_validators",
    )

    def __init__(self, job: Job, run: Run, validators: Sequence[Validator], settles: Settles | None) -> None:
        self._job, self._run, self._validators, self._settles = job, run, validators, settles
        self._map, self._key_of = job.map, key_reader(job.match_on)
        self._key_is_label = getattr(job.label, "__func__", None) is Job.label
        self._presence = Presence(job.match_on)
        self._out = Mapped(self._presence)
        self._first_at: dict[str, int] = {}
        self._repeated: dict[str, list[int]] = {}
        self._refused: Counter[str] = Counter()

    def of(self, source: Sequence[Record]) -> Mapped:
        tick = ticker()
        for number, raw in enumerate(source, start=1):
            tick()
            try:
                mapped = self._map(raw, self._run)
                mapped_key = None if isinstance(mapped, Skip) else self._key_of(mapped)
            except Exception as error:
                self._failed(raw, number, error)
                continue
            if isinstance(mapped, Skip):
                known, label = self._identify(raw, number)
                self._out.skipped.append(Unplanned(known, label, (mapped.reason,), "map"))
                continue
            record, key = mapped, mapped_key
            if self._validators:
                valid = self._validated(raw, number, mapped, mapped_key)
                if valid is None:
                    continue
                record, key = valid
            if key is None:
                self._keyless(raw, number)
            else:
                self._presence.arrived(raw, mapped, mapped_key, key)
                self._take(number, record, key)
        self._drop_repeated()
        self._presence.keys.update(self._first_at)
        self._presence.complete()
        return self._out

    def _take(self, number: int, record: Record, key: str) -> None:
        out = self._out
        if self._job.distinct and (key in out.records or key in out.settled):
            out.merged += 1
        elif self._first(key, number):
            self._keep(key, number, record)

    def _keep(self, key: str, number: int, record: Record) -> None:
        if self._settles is None or not self._settles(key, record):
            self._out.records[key] = record
        # The label stays: a second record of this key makes this one invalid, which is told by its label.
        elif self._key_is_label:
            self._out.settled[key] = key.replace(SEPARATOR, " / ")
        else:
            self._out.settled[key] = safe_label(self._job, record, f"record {number}")

    def _first(self, key: str, number: int) -> bool:
        """Whether a record with ``key`` may be taken; with ``distinct``, also after ones that were invalid."""
        first = self._first_at.setdefault(key, number)
        if first != number and not self._job.distinct:
            self._repeated.setdefault(key, [first]).append(number)
        return first == number or self._job.distinct

    def _validated(
        self, raw: Record, number: int, mapped: Record, mapped_key: str | None
    ) -> tuple[Record, str | None] | None:
        """The record after all validators, with its key; ``None`` once it is accounted as invalid.

        What is matched and written is what the last validator returned, so its key is the one that counts.
        """
        current = mapped
        reasons: tuple[str, ...]
        for validator in self._validators:
            try:
                verdict = _judged(validator, current)
            except Exception as error:
                if _passes(error):
                    raise
                reasons, code = (_broken(validator, error),), "BW6002"
            else:
                if verdict.warnings:
                    self._out.warnings.update(verdict.warnings)
                current, reasons, code = verdict.record, verdict.errors, "BW6001"
            if reasons:
                self._refuse(raw, number, mapped, mapped_key, current, reasons, code)
                return None
        try:
            return current, self._key_of(current)
        except Exception as error:
            broken = _signed(f"making its match key raised {type(error).__name__}", self._job)
            self._refuse(raw, number, mapped, mapped_key, current, (broken,), "BW6002")
            return None

    def _refuse(
        self,
        raw: Record,
        number: int,
        mapped: Record,
        mapped_key: str | None,
        judged: Record,
        reasons: tuple[str, ...],
        code: str,
    ) -> None:
        """Accounts a record as invalid; ``judged`` is what validators had made of ``mapped`` by then."""
        key = self._last_key(judged, mapped_key)
        if key is None:
            known, label = self._identify(raw, number)
        else:
            known, label = key, safe_label(self._job, mapped, f"record {number}")
            self._presence.refused(raw, mapped_key, key)
            self._refused[key] += 1
            self._first(key, number)
        self._out.invalid.append(Unplanned(known, label, tuple(reasons), "validate", code, raw))

    def _last_key(self, record: Record, otherwise: str | None) -> str | None:
        """The key of a record that validators have brought so far: they may have changed it before they refused it."""
        try:
            return self._key_of(record) or otherwise
        except Exception:  # of a record that is refused anyway, the key it had before will do
            return otherwise

    def _drop_repeated(self) -> None:
        """Takes out every record of a key that came more than once: which of them is right cannot be known."""
        out = self._out
        for key, numbers in self._repeated.items():
            label = self._take_out(key, f"record {numbers[0]}")
            reason = f"{len(numbers)} source records have this match key: {_listed(numbers)}"
            # Those a validator refused are accounted already.
            copies = len(numbers) - self._refused[key]
            seen = {"copies": len(numbers)}  # not where they stand: that changes with every record before them
            out.invalid.extend([Unplanned(key, label, (reason,), "match", record=seen)] * copies)

    def _take_out(self, key: str, otherwise: str) -> str:
        """Forgets the valid record of ``key``, if there is one; returns its label."""
        record = self._out.records.pop(key, None)
        if record is not None:
            return safe_label(self._job, record, otherwise)
        return self._out.settled.pop(key, otherwise)

    def _failed(self, raw: Record, number: int, error: Exception) -> None:
        if _passes(error):
            raise error
        known, label = self._identify(raw, number)
        if isinstance(error, RejectedRecordError):
            reason, code = error.problem.what, "BW6001"
        else:
            reason, code = _signed(f"mapping raised {type(error).__name__}", self._job), "BW6002"
        self._out.invalid.append(Unplanned(known, label, (reason,), "map", code, raw))

    def _keyless(self, raw: Record, number: int) -> None:
        known, label = self._identify(raw, number)
        self._out.invalid.append(Unplanned(known, label, ("no match key",), "match", record=raw))

    def _identify(self, raw: Record, number: int) -> tuple[str, str]:
        """Key and label of a record without a mapped form; the key is empty when it cannot be known."""
        key = self._presence.fell_out(raw)
        return ("", f"record {number}") if key is None else (key, safe_label(self._job, raw, f"record {number}"))


def _passes(error: Exception) -> bool:
    return isinstance(error, BuswayError) and not isinstance(error, RejectedRecordError)


class _WrongVerdictError(TypeError):
    """A validator answered with something that is no verdict; the text names types only."""


def _judged(validator: Validator, record: Record) -> Validation:
    verdict: object = validator.validate(record)
    if not isinstance(verdict, Validation):
        raise _WrongVerdictError(f"returned {type(verdict).__name__}, not Validation")
    if not isinstance(verdict.record, dict):
        raise _WrongVerdictError(f"returned a Validation whose record is of {type(verdict.record).__name__}")
    return verdict


def _broken(validator: Validator, error: Exception) -> str:
    what = str(error) if isinstance(error, _WrongVerdictError) else f"raised {type(error).__name__}"
    return _signed(f"validator {type(validator).__name__} {what}", validator)


def _signed(reason: str, made: object) -> str:
    """``reason`` with the plugin it is about, where known."""
    origin = origin_of(made)
    return f"{reason} ({origin.owner})" if origin else reason


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"records {shown}" + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
