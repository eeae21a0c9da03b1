"""Records that no validator may be surprised by."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from busway.contracts.records import Record
from busway.contracts.validators import Validation, Validator

__all__ = ["CANARIES", "CANARY_WORDS", "ODD_VALUES", "fields_of", "judgements", "odd_records"]

ODD_VALUES: tuple[Any, ...] = (
    None,
    "",
    " \t\n",
    "0",
    "None",
    "-",
    "@",
    "Zoë Łukasz 李雷 👩‍🔧",
    "right-to-left: שלום",
    "nul\x00bell\x07escape\x1b[31m",
    "line\u2028separator, next\x85line\r\n",
    "zero\u200bwidth \ufeff",
    "=1+1",
    "'; DROP TABLE people; --",
    "a" * 5_000 + "!",
    "a b " * 2_000,
    True,
    False,
    0,
    -1,
    10**30,
    1.5,
    float("inf"),
    float("nan"),
    [],
    [None, "a", 1],
    {},
    {"id": None},
    {"nested": [{"deep": "value"}]},
)
"""Whatever a mapping may hand over by mistake: nothing, blanks, control characters, other types, huge values."""

CANARY_WORDS = ("kanarienvogel", "77317731", "7731-7731", "1987-07-31")
CANARIES: tuple[Any, ...] = (
    "kanarienvogel",
    "Kanarienvogel Kanarienvogel",
    "kanarienvogel@kanarienvogel.invalid",
    "77317731",
    77317731,
    "+49 7731-7731",
    "1987-07-31",
    ["kanarienvogel"],
    {"kanarienvogel": "kanarienvogel"},
)
"""Values that no text of a validator may repeat; one of :data:`CANARY_WORDS` is in each."""


def fields_of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all fields in ``records``, each once."""
    return list(dict.fromkeys(name for record in records for name in record))


def odd_records(valid: Record, fields: Iterable[str], values: Iterable[Any] = ODD_VALUES) -> Iterator[Record]:
    """``valid`` with one field after the other set to each of ``values``, and with all of them set to it."""
    names = list(fields)
    for value in values:
        for name in names:
            yield {**copy.deepcopy(valid), name: copy.deepcopy(value)}
        yield {name: copy.deepcopy(value) for name in names}


def judgements(validator: Validator, records: Iterable[Record]) -> Iterator[tuple[Record, Validation]]:
    """``records`` with their verdicts; that some make it raise is for the check of that alone."""
    for record in records:
        handed = copy.deepcopy(record)
        try:
            verdict = validator.validate(handed)
        except Exception:  # noqa: S112 - see above
            continue
        yield handed, verdict
