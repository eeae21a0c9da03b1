"""What the documents of the SafetyAmp plugin say is what its code knows."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import date
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import click
import pytest

from builders.markdown import ROOT
from builders.safetyamp_parts import safetyamp_settings
from busway.cli.explain import page_of, pages
from busway.configuration.core_settings import SqlSettings
from busway.configuration.declarations import declarations_of
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Record
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway_safetyamp import busway_health_checks
from busway_safetyamp.commands import safetyamp
from busway_safetyamp.commands.running_sandbox import STAND_INS
from busway_safetyamp.jobs.catalogue import KINDS
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.fault import MEANINGS, OPTIONS, FaultKind
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.load_vista import COLUMNS
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.sandbox.world import World
from busway_safetyamp.settings import SafetyAmpSettings
from busway_safetyamp.vista.database import VistaDatabase
from busway_safetyamp.vista.source import EMPLOYEE_COLUMNS, VistaSource

SANDBOX = ROOT / "docs" / "sandbox.md"
REFERENCE = ROOT / "docs" / "safetyamp-reference.md"
GUIDE = ROOT / "docs" / "safetyamp.md"
RUNBOOK = ROOT / "docs" / "safetyamp-runbook.md"
GRAPH = {"graph_tenant_id": "tenant", "graph_client_id": "app", "graph_client_secret": "canary"}
CORE_OF = {
    "NotServedError": "UnreachableError",
    "IncompleteReadError": "UnreachableError",
    "RemoteRefusedError": "RefusedError",
}
NOT_TOLD = {"--json", "--graph", "--no-cut-pages"}
"""Of every command; the opposite of one that is told."""


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


def test_the_views_of_the_reference_are_all_that_is_needed(tmp_path: Path) -> None:
    company = Company(1, 20)
    vista = VistaFile(tmp_path / "vista.db")
    vista.write(company.rows)
    statements = re.findall(r"^(CREATE VIEW .+;)$", REFERENCE.read_text("utf-8"), re.MULTILINE)
    with closing(sqlite3.connect(vista.path)) as database:
        for statement in statements:
            database.execute(statement.replace("dbo.", ""))
        database.commit()
    tables, views = (reads(vista, prefix) for prefix in ("b", "bw_"))
    assert len(statements) == 5
    assert views == tables
    assert all(views)


def reads(vista: VistaFile, prefix: str) -> list[list[Record]]:
    """Everything that is read, from tables or views whose names begin with ``prefix``."""
    settings = safetyamp_settings(vista_url=vista.url, vista_table_prefix=prefix)
    database = VistaDatabase(settings.vista_url, vista.path.parent, str)
    with closing(VistaSource(database, settings, date.today)) as source:
        return [source.employees(), source.recent_jobs(), source.departments(), source.jobs()]


# -- the guide and the runbook


def codes_raised() -> list[str]:
    """The codes in the sources of the plugin."""
    sources = (ROOT / "plugins" / "safetyamp" / "src").rglob("*.py")
    return sorted({code for path in sources for code in re.findall(r'"(BW\d{4})"', path.read_text("utf-8"))})


def rows_of_the_runbook() -> dict[str, list[list[str]]]:
    """The rows about codes, under the heading they are below."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in RUNBOOK.read_text("utf-8").splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        if line.startswith("| BW"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("| ").split(" | ")])
    return found


@pytest.mark.parametrize("code", codes_raised())
def test_the_runbook_has_every_code_of_the_plugin_once(code: str) -> None:
    rows = [row for rows in rows_of_the_runbook().values() for row in rows if row[0] == code]
    assert len(rows) == 1
    (row,) = rows
    assert len(row) == 4
    assert all(row)
    assert row[1] == page_of(code).partition("\n")[0].removeprefix(f"# {code}: "), "as busway explain titles it"


def test_the_runbook_has_no_code_that_there_is_not() -> None:
    told = {row[0] for rows in rows_of_the_runbook().values() for row in rows}
    assert told <= set(pages())
    engine = {"BW4014", "BW4016", "BW6001", "BW6003", "BW6004", "BW7001", "BW7002", "BW7004"}
    assert told - set(codes_raised()) == engine, "those that come up most"


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("A remote refused us: exit code 4", RefusedError),
        ("A remote was not there: exit code 5", UnreachableError),
        ("Configuration: exit code 3", ConfigurationError),
    ],
)
def test_a_code_of_the_runbook_ends_with_the_exit_code_of_its_heading(heading: str, kind: type[BuswayError]) -> None:
    assert heading.endswith(f"exit code {kind.exit_code}")
    found = {row[0]: kinds_of(row[0]) for row in rows_of_the_runbook()[heading]}
    assert {code: kinds for code, kinds in found.items() if kinds - {kind.__name__}} == {}
    assert any(found.values())


def kinds_of(code: str) -> set[str]:
    """The classes of the core that the sources raise ``code`` as, where it stands behind the name of one."""
    found: set[str] = set()
    for path in (ROOT / "plugins" / "safetyamp" / "src").rglob("*.py"):
        found |= set(re.findall(rf'(\w+Error)\(\s*"{code}"', path.read_text("utf-8")))
    return {CORE_OF.get(name, name) for name in found}


def test_the_guide_names_every_health_check_and_every_setting_that_must_be_set() -> None:
    text = GUIDE.read_text("utf-8")
    settings = safetyamp_settings(samsara_key="canary", enrichment="required", **GRAPH)
    names = [check.name for check in busway_health_checks(PluginContext("safetyamp", settings))]
    assert [name for name in names if f"| `{name}` |" not in text] == []
    declared = declarations_of(SafetyAmpSettings, "busway-safetyamp")
    assert [one.name for one in declared if one.required and one.name not in text] == []
    named = set(re.findall(r"\b(?:SAFETYAMP|VISTA|SQL|MS_GRAPH|SAMSARA)_[A-Z_]*[A-Z]\b", text))
    assert named - {one.name for one in (*declared, *declarations_of(SqlSettings, "busway"))} == set()
    vaulted = re.findall(r"`([A-Z]+(?:-[A-Z]+)+)`", text)
    assert [name for name in vaulted if f"\n| `{name}` |" not in REFERENCE.read_text("utf-8")] == []
    assert "SAFETYAMP-TOKEN" in vaulted


@pytest.mark.parametrize("path", [GUIDE, RUNBOOK, REFERENCE, SANDBOX], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for target, anchor in re.findall(r"\]\(([\w./-]+\.md)?(#[\w-]+)?\)", text):
        other = path.parent / target if target else path
        assert other.exists(), target
        headings = re.findall(r"^#+ (.+)$", other.read_text("utf-8"), re.MULTILINE)
        assert not anchor or anchor in {anchor_of(heading) for heading in headings}, anchor


def anchor_of(heading: str) -> str:
    """The anchor that a heading has on the web."""
    return "#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
