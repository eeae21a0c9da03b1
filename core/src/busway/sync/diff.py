"""Comparison of one mapped record with one target record, field by field, on normalised values.

Nothing and blank text are the same; text is compared without blanks at its ends; a number equals its text; true and
false equal 1 and 0; lists and tables are compared by what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.records import Pending, Record
from busway.sync.plan import FieldChange

__all__ = ["Comparison", "holds_pending", "is_empty", "same"]

SCALARS = frozenset({str, int, bool, float, type(None)})
# Python's own parsers also take "1_000", "nan" and digits of other scripts, which no remote means as a number.
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def is_empty(value: Any) -> bool:
    """Nothing is there: ``None``, blank text, an empty list or table. Zero and false are values."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, (list, tuple, dict)) and not value


def same(left: Any, right: Any) -> bool:
    """Whether two values mean the same to people; see the module. A pending value is the same as nothing else."""
    if isinstance(left, Pending) or isinstance(right, Pending):
        return False
    if isinstance(left, str) and isinstance(right, str):
        return left.strip() == right.strip()
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(left, str):
        return _is_number(right, left) or (is_empty(left) and is_empty(right))
    if isinstance(right, str):
        return _is_number(left, right) or (is_empty(left) and is_empty(right))
    return bool(left == right) or (is_empty(left) and is_empty(right))


def _is_number(number: Any, text: str) -> bool:
    text = text.strip()
    if not isinstance(number, (int, float, Decimal)) or not NUMBER.fullmatch(text):
        return False
    return float(text) == number if isinstance(number, float) else Decimal(text) == number


def holds_pending(value: Any) -> bool:
    """Whether ``value`` is, or contains, something that another job has still to create."""
    if isinstance(value, dict):
        return any(map(holds_pending, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds_pending, value))
    return isinstance(value, Pending)


Compare = Callable[[Record, Record], FieldChange | None]


class Comparison:
    """The rules of one job made ready to compare many records.

    Most records have not changed, so that case is decided for all plain fields by one comparison of tuples; only
    where it fails are fields looked at one by one.
    """

    __slots__ = ("_all", "_plain", "_special", "kept")

    def __init__(self, rules: Mapping[str, FieldRule]) -> None:
        self.kept: list[str] = []
        """Fields of the last comparison that the source has nothing for, and that stay as they are in the target."""
        compared = {n: r for n, r in rules.items() if r.policy in (FieldPolicy.ALWAYS, FieldPolicy.IF_EMPTY)}
        plain = [name for name, rule in compared.items() if rule.normaliser is None and rule.reader is None]
        self._plain = itemgetter(*plain) if plain else None
        self._all = tuple(_compiled(name, rule, self.kept) for name, rule in compared.items())
        self._special = tuple(_compiled(name, rule, self.kept) for name, rule in compared.items() if name not in plain)

    def changes(self, record: Record, current: Record) -> tuple[FieldChange, ...]:
        """The fields of ``current`` that ``record`` changes, in declared order.

        An exception is one of a normaliser or reader of the job.
        """
        self.kept.clear()
        compares = self._special if self._plain_equal(record, current) else self._all
        if not compares:
            return ()
        return tuple([change for compare in compares if (change := compare(record, current)) is not None])

    def _plain_equal(self, record: Record, current: Record) -> bool:
        if self._plain is None:
            return True
        try:
            return bool(self._plain(record) == self._plain(current))
        except KeyError:  # a field is missing on one side, which only the rule of that field can judge
            return False


def _compiled(name: str, rule: FieldRule, kept: list[str]) -> Compare:
    read = rule.reader or _value_of(name)
    normalise = rule.normaliser
    only_if_empty = rule.policy is FieldPolicy.IF_EMPTY
    clears, personal = rule.clear_when_empty, rule.is_personal

    def normal(value: Any) -> Any:
        if normalise is None or is_empty(value) or isinstance(value, Pending):
            return value
        return normalise(value)

    def compare(record: Record, current: Record) -> FieldChange | None:
        # A field the mapping left out says nothing; only one that is there and empty can ask for clearing.
        if name not in record:
            return None
        new, old = record[name], read(current)
        # Most values are equal as they stand; bringing them to one form costs more than all the rest of a comparison.
        if new == old and type(new) is type(old) and type(new) in SCALARS:
            return None
        new_normal, old_normal = normal(new), normal(old)
        if is_empty(new_normal) and not clears:
            if not only_if_empty and not is_empty(old_normal):
                kept.append(name)
            return None
        if only_if_empty and not is_empty(old_normal):
            return None
        if same(new_normal, old_normal):
            return None
        return FieldChange(name, old, new, personal)

    return compare


def _value_of(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(record: Mapping[str, Any]) -> Any:
        return record.get(name)

    return read
