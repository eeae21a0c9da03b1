"""What the documents of the SafetyAmp plugin say is what its code knows."""

from __future__ import annotations

from functools import cache

import click
import pytest

from builders.markdown import ROOT
from busway_safetyamp.commands import safetyamp
from busway_safetyamp.commands.running_sandbox import STAND_INS
from busway_safetyamp.sandbox.fault import MEANINGS, OPTIONS, FaultKind
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.load_vista import COLUMNS
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.world import World

SANDBOX = ROOT / "docs" / "sandbox.md"
NOT_TOLD = {"--json", "--graph", "--no-cut-pages"}
"""Of every command; the opposite of one that is told."""


@cache
def page() -> str:
    return SANDBOX.read_text("utf-8")


def plain(text: str) -> str:
    return text.replace("`", "")


def row_of(name: str) -> str:
    """The second cell of the row that begins with ``name``."""
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith(f"| `{name}` | ")]
    assert len(rows) == 1, f"docs/sandbox.md has {len(rows)} rows for {name}"
    return plain(rows[0][1].removesuffix(" |"))


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_is_told_as_the_command_tells_it(kind: FaultKind) -> None:
    assert row_of(kind) == MEANINGS[kind]


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_a_fault_is_told_as_the_command_tells_it(option: str) -> None:
    told = OPTIONS[option].partition(":")[0]
    assert row_of(option).startswith(told)


def test_no_fault_and_no_option_is_told_that_there_is_not() -> None:
    rows = [line.split("`")[1] for line in page().splitlines() if line.startswith("| `")]
    known = {*FaultKind, *OPTIONS, *RetryAfter, *STAND_INS}
    assert [name for name in rows if name not in known and not name.startswith("--")] == []
    assert set(MEANINGS) == set(FaultKind)


def test_every_resource_is_told_with_its_stand_in() -> None:
    stand_ins = StandIns(World(), [], seed=1, options=StandInOptions())
    for name, faults in stand_ins.faults.items():
        assert row_of(name) == ", ".join(faults.resources)
    assert set(stand_ins.faults) == set(STAND_INS)


@pytest.mark.parametrize("mode", RetryAfter)
def test_every_form_of_retry_after_is_told(mode: RetryAfter) -> None:
    assert row_of(mode)


def commands() -> dict[str, click.Command]:
    return dict(safetyamp.commands)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_each_of_its_options_is_told(name: str) -> None:
    assert f"busway safetyamp {name}" in page()
    for parameter in commands()[name].params:
        options = [*parameter.opts, *parameter.secondary_opts] if isinstance(parameter, click.Option) else []
        for option in set(options) - NOT_TOLD:
            assert f"`{option}" in page() or f" {option} " in page() or f" {option}\n" in page(), option


def test_every_column_of_a_list_of_people_is_told() -> None:
    assert [column for column in COLUMNS if f"`{column}`" not in page()] == []
