"""What the documents of the SafetyAmp plugin say is what its code knows."""

from __future__ import annotations

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import click
import pytest

from builders.markdown import ROOT
from busway.configuration.declarations import declarations_of
from busway_safetyamp.commands import safetyamp
from busway_safetyamp.commands.running_sandbox import STAND_INS
from busway_safetyamp.jobs.catalogue import KINDS
from busway_safetyamp.sandbox.fault import MEANINGS, OPTIONS, FaultKind
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.load_vista import COLUMNS
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.world import World
from busway_safetyamp.settings import SafetyAmpSettings
from busway_safetyamp.vista.source import EMPLOYEE_COLUMNS

SANDBOX = ROOT / "docs" / "sandbox.md"
REFERENCE = ROOT / "docs" / "safetyamp-reference.md"
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


# -- the reference, made from the code


@cache
def tool() -> ModuleType:
    spec = spec_from_file_location("safetyamp_reference", ROOT / "tools" / "safetyamp_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool().main(["--check"]) == 0, capsys.readouterr().err


def test_the_reference_has_every_setting_and_every_managed_field() -> None:
    text = REFERENCE.read_text("utf-8")
    settings = {one.name for one in declarations_of(SafetyAmpSettings, "busway-safetyamp")}
    assert [name for name in sorted(settings) if text.count(f"\n| `{name}` |") != 1] == []
    for kind in KINDS:
        told = text.partition(f"### `{kind.name}`\n")[2].partition("\n#")[0]
        assert [field for field in kind.fields if f"\n| `{field}` |" not in told] == []


def test_what_the_reference_says_of_all_fields_holds_for_each() -> None:
    rules = [rule for kind in KINDS for rule in kind.fields.values()]
    assert not any(rule.clear_when_empty for rule in rules), "an empty value never clears"
    named = {name for kind in KINDS for one in kind.mapping for name in one.settings}
    assert named <= {one.name for one in declarations_of(SafetyAmpSettings, "busway-safetyamp")}


def test_the_columns_told_are_those_that_are_asked_for() -> None:
    needed, optional = tool().columns_read()["PREH"]
    assert {*EMPLOYEE_COLUMNS, "CellPhone"} == set(needed)
    assert "ActiveYN" in optional
    assert set(tool().columns_read()) == {"PREH", "PRDP", "PRJC", "JCJM", "JCCM"}
