"""One registered secret in 38 hostile places, and texts made to take long.

The places and the ways in which a leak is told are those with which other scrubbers were measured: of 38 they let
through between 20 and 34. One is a declared limit here: a value split over two fields is two other values.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from typing import Literal

import pytest

from builders.redaction_places import DECLARED, HOSTILE, PEM, PLACES, S, leaks
from busway.events.journal_line import encode_line
from busway.redaction.redactor import Redactor
from busway.redaction.text_rules import MAX_TEXT


@pytest.mark.parametrize("engine", ["re", "re2"])
def test_at_most_one_of_38_places_leaks_and_it_is_declared(engine: Literal["re", "re2"]) -> None:
    assert len(PLACES) == 38
    assert all(leaks(value) for value in PLACES.values())
    redactor = Redactor([S, PEM], engine=engine)
    leaking = {name for name, value in PLACES.items() if leaks(redactor.redact(copy.deepcopy(value)))}
    assert leaking <= DECLARED
    assert redactor.failures == 0


@pytest.mark.parametrize("engine", ["re", "re2"])
def test_the_same_places_written_to_the_journal_do_not_leak(engine: Literal["re", "re2"]) -> None:
    redactor = Redactor([S, PEM], engine=engine)
    for name, value in PLACES.items():
        if name not in DECLARED:
            line = encode_line({"attributes": redactor.redact(copy.deepcopy(value))})
            assert not leaks(line.decode()), name


def test_keys_and_shapes_alone_guard_what_nobody_registered() -> None:
    unknown = {"secret is the dict key", "benign key, inside text"}
    redactor = Redactor()
    guarded = {name for name, value in PLACES.items() if not leaks(redactor.redact(copy.deepcopy(value)))}
    assert guarded >= {name for name in PLACES if " key" in name or "dict" in name} - unknown
    assert guarded >= {"ODBC connection string", "dataclass repr", "60 levels deep", "newline-escaped PEM"}


def test_what_a_child_process_says() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; print({S!r}); sys.exit('failed with ' + {S!r})"],
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "utf-8"},
    )
    shown = Redactor([S]).redact({"out": done.stdout, "err": done.stderr})
    assert leaks({"out": done.stdout.decode()})
    assert not leaks(shown)


@pytest.mark.parametrize("engine", ["re", "re2"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_field_of_a_megabyte_takes_no_time(name: str, engine: Literal["re", "re2"]) -> None:
    redactor = Redactor([S, PEM], engine=engine)
    redactor.redact({"field": f"warm {S}"})
    value = {"field": (HOSTILE[name] * (1_000_000 // len(HOSTILE[name]) + 1))[:1_000_000]}
    seconds = []
    for _ in range(3):
        started = time.thread_time()
        shown = redactor.redact(value)["field"]
        seconds.append(time.thread_time() - started)
    # The goal is 50 ms, which the benchmark measures; a machine that is busy with other things gets more.
    assert min(seconds) < 0.15
    assert shown.endswith("[redacted:too-long]")
    assert len(shown) <= 3 * MAX_TEXT
    assert redactor.failures == 0
