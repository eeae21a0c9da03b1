"""Source records brought to the target's shape: mapped, validated, and each key once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.jobs import Job
from busway.contracts.records import Record, Skip
from busway.contracts.runs import Run
from busway.contracts.validators import Validation, Validator
from busway.errors import BuswayError, RejectedRecordError
from busway.plugins.origins import origin_of
from busway.plugins.watchdog import ticker
from busway.sync.plan import Unplanned

__all__ = ["Mapped", "map_records", "safe_label"]

SAMPLE = 20
"""Records looked at to learn whether a match key is taken over from the source as it is."""

SEPARATOR = "\x1f"
"""What :class:`busway.contracts.keys.MatchKey` joins the parts of a key with."""


@dataclass(slots=True)
class Mapped:
    """What became of the source records."""

    records: dict[str, Record] = field(default_factory=dict)
    """Valid records by match key, in the order of the source."""
    keys: set[str] = field(default_factory=set)
    """Every key the source is known to hold, of invalid records too."""
    skipped: list[Unplanned] = field(default_factory=list)
    invalid: list[Unplanned] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    """What validators remarked, by text."""
    merged: int = 0
    unidentified: int = 0
    """Records that fell out before their key was known."""
    values: set[str] = field(default_factory=set)
    """Every value in an unidentified record, in the form of a key part."""
    sampled: int = 0
    key_shows: bool = True
    """In all sampled records, the parts of the match key are among the values of the source record."""

    def may_hold(self, key: str) -> bool:
        """Whether the source may hold ``key``, in a record that could not be identified.

        Somebody whose record did not map has not left. Where keys are taken from the source as they are, the record
        must show the key among its values; where the mapping makes them up, any unidentified record may be anybody's.
        """
        if not self.unidentified:
            return False
        if not (self.sampled and self.key_shows):
            return True
        return all(part in self.values for part in key.split(SEPARATOR))


def map_records(job: Job, source: Sequence[Record], run: Run, validators: Sequence[Validator]) -> Mapped:
    """Maps and validates ``source``; no record stops another.

    An error of ``busway.errors`` other than ``RejectedRecordError`` passes: it is about a remote or a setting, and
    would be the same for every record.
    """
    return _Mapping(job, run, validators).of(source)


def safe_label(job: Job, record: Record, otherwise: str) -> str:
    """The job's label of ``record``; ``otherwise`` where the job's own code fails on it."""
    try:
        return job.label(record)
    except Exception:  # a label is for people: a bad one must not cost the record
        return otherwise


class _Mapping:
    """One pass over the source of one job."""

    __slots__ = ("_first_at", "_job", "_key_of", "_map", "_out", "_refused", "_repeated", "_run", "_validators")

    def __init__(self, job: Job, run: Run, validators: Sequence[Validator]) -> None:
        self._job, self._run, self._validators = job, run, validators
        self._map, self._key_of = job.map, job.match_on.of
        self._out = Mapped()
        self._first_at: dict[str, int] = {}
        self._repeated: dict[str, list[int]] = {}
        self._refused: Counter[str] = Counter()

    def of(self, source: Sequence[Record]) -> Mapped:
        tick = ticker()
        for number, raw in enumerate(source, start=1):
            tick()
            try:
                record = self._map(raw, self._run)
                key = None if isinstance(record, Skip) else self._key_of(record)
            except Exception as error:
                self._failed(raw, number, error)
                continue
            if isinstance(record, Skip):
                known, label = self._identify(raw, number)
                self._out.skipped.append(Unplanned(known, label, (record.reason,), "map"))
                continue
            if self._validators:
                valid = self._validated(raw, number, record, key)
                if valid is None:
                    continue
                # What is matched and written is the record after the last validator, so its key is the one that counts.
                record, key = valid, self._key_of(valid)
            self._take(raw, number, record, key)
        self._drop_repeated()
        self._out.keys.update(self._first_at)
        return self._out

    def _take(self, raw: Record, number: int, record: Record, key: str | None) -> None:
        out = self._out
        if key is None:
            known, label = self._identify(raw, number)
            out.invalid.append(Unplanned(known, label, ("no match key",), "match", record=raw))
            return
        if out.sampled < SAMPLE:
            out.sampled += 1
            out.key_shows = out.key_shows and set(key.split(SEPARATOR)) <= self._parts(raw)
        if self._job.distinct and key in out.records:
            out.merged += 1
        elif self._first(key, number):
            out.records[key] = record

    def _first(self, key: str, number: int) -> bool:
        """Whether a record with ``key`` may be taken; with ``distinct``, also after ones that were invalid."""
        first = self._first_at.setdefault(key, number)
        if first != number and not self._job.distinct:
            self._repeated.setdefault(key, [first]).append(number)
        return first == number or self._job.distinct

    def _validated(self, raw: Record, number: int, record: Record, key: str | None) -> Record | None:
        """``record`` after all validators, or ``None`` once it is accounted as invalid."""
        current = record
        for validator in self._validators:
            try:
                verdict = _judged(validator, current)
            except Exception as error:
                if _passes(error):
                    raise
                self._refuse(raw, number, record, key, (_broken(validator, error),), "BW6002")
                return None
            if verdict.warnings:
                self._out.warnings.update(verdict.warnings)
            if verdict.errors:
                self._refuse(raw, number, record, key, tuple(verdict.errors), "BW6001")
                return None
            current = verdict.record
        return current

    def _refuse(
        self, raw: Record, number: int, record: Record, key: str | None, reasons: tuple[str, ...], code: str
    ) -> None:
        if key is None:
            known, label = self._identify(raw, number)
        else:
            known, label = key, safe_label(self._job, record, f"record {number}")
            self._refused[key] += 1
            self._first(key, number)
        self._out.invalid.append(Unplanned(known, label, reasons, "validate", code, raw))

    def _drop_repeated(self) -> None:
        """Takes out every record of a key that came more than once: which of them is right cannot be known."""
        out = self._out
        for key, numbers in self._repeated.items():
            record = out.records.pop(key, None)
            label = safe_label(self._job, record, f"record {numbers[0]}") if record else f"record {numbers[0]}"
            reason = f"{len(numbers)} source records have this match key: {_listed(numbers)}"
            # Those a validator refused are accounted already.
            copies = len(numbers) - self._refused[key]
            seen = {"copies": len(numbers)}  # not where they stand: that changes with every record before them
            out.invalid.extend([Unplanned(key, label, (reason,), "match", record=seen)] * copies)

    def _failed(self, raw: Record, number: int, error: Exception) -> None:
        if _passes(error):
            raise error
        known, label = self._identify(raw, number)
        if isinstance(error, RejectedRecordError):
            reason, code = error.problem.what, "BW6001"
        else:
            reason, code = _signed(f"mapping raised {type(error).__name__}", self._job), "BW6002"
        self._out.invalid.append(Unplanned(known, label, (reason,), "map", code, raw))

    def _identify(self, raw: Record, number: int) -> tuple[str, str]:
        """Key and label of a record without a mapped form; the key is empty when it cannot be known."""
        try:
            key = self._key_of(raw)
        except Exception:  # the key is made for mapped records; a raw one may not suit it
            key = None
        if key is None:
            self._out.unidentified += 1
            self._out.values.update(self._parts(raw))
            return "", f"record {number}"
        self._out.keys.add(key)
        return key, safe_label(self._job, raw, f"record {number}")

    def _parts(self, raw: Any) -> set[str]:
        normalise = self._job.match_on.normalise
        return {normalise(str(value)) for value in _scalars(raw)}


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


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _scalars(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _scalars(inner)
    elif value is not None:
        yield value


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"records {shown}" + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
