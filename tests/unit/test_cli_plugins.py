"""``busway plugins``, ``busway doctor`` and the commands of plugins: what an operator sees and what is imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from builders.checked_distributions import HEALTHY, MODEL, Answer, CheckedDeployment
from builders.distributions import SINK, VALIDATORS, Installed, Site
from busway.cli import plugin_command
from busway.cli.plugin_view import age_text, load_text, print_noted_table
from busway.plugins import known
from busway.plugins.recorded import FILE_NAME, record_load, recorded_load
from busway.plugins.report import PluginSetting, PluginStatus

DEADLY = "import os\nos._exit(3)"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[CheckedDeployment]:
    with Site(tmp_path / "site") as site:
        yield CheckedDeployment(tmp_path / "deployment", site)


def imported(acme: CheckedDeployment, installed: Installed) -> bool:
    return (acme.site.folder / f"{installed.module}.imported").exists()


# -- commands that repair must survive what they repair


def test_commands_that_look_survive_a_plugin_that_ends_the_process(acme: CheckedDeployment) -> None:
    commands = "[busway.v1.commands]\nacme-deadly = {module}:cli\n"
    deadly = acme.site.install("deadly", DEADLY, also=commands)
    acme.select(sinks=["log", "deadly"], more='[plugins.policy]\n"sinks.deadly" = "required"')
    for arguments in (["--help"], ["plugins", "list"], ["doctor"], ["--safe", "plugins", "list"], ["--safe", "doctor"]):
        answer = acme.run_apart(*arguments)
        assert answer.code == 0, (arguments, answer.err)
        assert "deadly" in answer.out or "--safe" in arguments
    shown = acme.run_apart("--safe", "plugins", "show", "deadly")
    assert "unavailable: --safe imports nothing of a third party" in shown.out
    assert not imported(acme, deadly)
    shown = acme.run_apart("plugins", "show", "sinks.deadly")
    assert shown.code == 0
    assert f"unavailable: the process ended with exit code 3 while {deadly.module} was imported" in shown.out
    assert imported(acme, deadly), "in the child"
    assert acme.run_apart("acme-deadly").code == 3, "a command that is invoked runs here: nothing can survive that"


def test_listing_imports_neither_plugins_nor_what_they_need(acme: CheckedDeployment) -> None:
    acme.site.install("pager")
    acme.select(sinks=["pager"])
    code = (
        "import sys\nfrom busway.cli.main import main\nmain(sys.argv[1:])\n"
        "print('MODULES', ' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    for command in (["plugins", "list"], ["doctor"]):
        command = [sys.executable, "-c", code, "-C", str(acme.folder), *command]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        modules = set(found.partition("MODULES ")[2].split())
        assert modules.isdisjoint({"pydantic", "pluggy", "stevedore", "httpx", "sqlite3"})


# -- list


def test_the_list_has_every_plugin_and_command_with_its_last_load(acme: CheckedDeployment) -> None:
    acme.site.install("pager", SINK, also="[busway.v1.commands]\nacme-page = {module}:cli\n")
    acme.select(sinks=["log", "pager"])
    answer = acme.run("plugins", "list")
    lines = answer.out.splitlines()
    assert lines[0].split() == ["KIND", "ORDER", "NAME", "STATE", "LOADED", "DISTRIBUTION", "NOTE"]
    assert next(line for line in lines if " pager " in line).split() == [
        *("sinks", "2", "pager", "selected", "-", "acme-busway-pager", "1.2")
    ]
    assert next(line for line in lines if " acme-page " in line).split()[:4] == [
        "commands",
        "-",
        "acme-page",
        "installed",
    ]


def test_a_command_with_the_name_of_a_built_in_is_shadowed_and_said_so(acme: CheckedDeployment) -> None:
    acme.site.install("pager", SINK, also="[busway.v1.commands]\nrun = {module}:cli\n")
    acme.select()
    row = acme.run("plugins", "list", "--json").row("commands.run")
    assert (row["state"], row["code"], row["distribution"]) == ("shadowed", "BW1313", "acme-busway-pager")
    assert "a command of busway itself" in row["cause"]
    (finding,) = [one for one in acme.run("doctor", "--json").envelope["data"] if one["check"] == "commands.run"]
    assert finding["status"] == "warning"
    assert "acme-busway-pager 1.2" in finding["detail"]
    assert "pip uninstall acme-busway-pager" in finding["fix"]


def test_a_command_that_two_distributions_offer_runs_for_neither(acme: CheckedDeployment) -> None:
    one = acme.site.install("one", SINK, also="[busway.v1.commands]\npage = {module}:cli\n")
    two = acme.site.install("two", SINK, also="[busway.v1.commands]\npage = {module}:cli\n")
    acme.select()
    answer = acme.run("page", "--json")
    assert answer.code == 3
    error = answer.envelope["error"]
    assert error["code"] == "BW1012"
    assert error["why"].startswith("acme-busway-one 1.2 and acme-busway-two 1.2 both offer it")
    assert "pip uninstall acme-busway-one" in error["fix"]
    assert not imported(acme, one)
    assert not imported(acme, two)
    rows = [row for row in acme.run("plugins", "list", "--json").envelope["data"] if row["name"] == "page"]
    assert [(row["state"], row["code"]) for row in rows] == [("ambiguous", "BW1012")] * 2


def test_what_cannot_be_read_is_a_note(acme: CheckedDeployment) -> None:
    acme.select()
    info = acme.site.metadata("acme-broken", "1", "[busway.v1.sinks]\nbroken = x\n")
    (info / "METADATA").unlink()
    assert str(info) in acme.run("plugins", "list").err
    (warning,) = acme.run("plugins", "list", "--refresh", "--json").envelope["warnings"]
    assert str(info) in warning
    findings = acme.run("doctor", "--json").envelope["data"]
    assert [one["status"] for one in findings if str(info) in one["detail"]] == ["warning"]


# -- show


def test_everything_is_shown_with_the_settings_as_the_plugin_declares_them(acme: CheckedDeployment) -> None:
    installed = acme.site.install("pager", SINK + MODEL)
    acme.select(sinks=["log", "pager"])
    answer = acme.run("plugins", "show", "pager")
    assert answer.code == 0
    for line in (
        "sinks.pager   selected",
        "  distribution  acme-busway-pager 1.2",
        f"  entry point   busway.v1.sinks: pager = {installed.module}",
        "  contract      v1",
        "  selected      busway.toml:5, place 2 of sinks, optional",
        "  last load     none recorded of this version",
        "SETTING     TYPE    DEFAULT     CLASS   WHAT IT IS",
        "ACME_SIZE   int     7           plain   How many.",
        "ACME_TOKEN  Secret  (required)  secret  The token.",
    ):
        assert line in answer.out.splitlines(), answer.out
    row = acme.run("plugins", "show", "pager", "--json").row("pager")
    assert row["settings_from"] == "plugin"
    assert [(one["name"], one["required"], one["setting_class"]) for one in row["settings"]] == [
        ("ACME_SIZE", False, "plain"),
        ("ACME_TOKEN", True, "secret"),
    ]
    assert installed.module not in sys.modules


def test_what_is_not_selected_is_shown_too_and_what_has_no_settings_says_so(acme: CheckedDeployment) -> None:
    acme.site.install("pager")
    acme.select()
    shown = acme.run("plugins", "show", "acme-busway-pager").out
    assert "  selected      no\n" in shown
    assert "  settings      none of its own\n" in shown


def test_settings_of_a_plugin_that_broke_are_those_of_the_record(acme: CheckedDeployment) -> None:
    installed = acme.site.install("pager", SINK + MODEL)
    acme.select(sinks=["pager"])
    acme.check("pager")
    (acme.site.folder / f"{installed.module}.py").write_text("raise ValueError('moved')", "utf-8")
    shown = acme.run("plugins", "show", "pager").out
    assert "settings      as recorded " in shown
    assert "ValueError: moved" in shown
    assert "ACME_SIZE   int" in shown
    row = acme.run("plugins", "show", "pager", "--json").row("pager")
    assert (row["settings_from"], row["settings"][0]["name"]) == ("record", "ACME_SIZE")
    assert "ValueError: moved" in row["settings_problem"]


@pytest.fixture
def pigeon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink and a command of this project that are not installed here, whatever is."""
    monkeypatch.setitem(known.PLUGINS, ("sinks", "pigeon"), "busway-sink-pigeon")
    monkeypatch.setitem(known.COMMANDS, "fly", "busway-flight")


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        ("pigeon", "the plugin 'pigeon' is not installed", "pip install busway-sink-pigeon"),
        ("sinks.pigeon", "the plugin 'sinks.pigeon' is not installed", "pip install busway-sink-pigeon"),
        ("busway-sink-pigeon", "is not installed", "pip install busway-sink-pigeon"),
        ("fly", "is not installed", "pip install busway-flight"),
        ("pagr", "there is no plugin 'pagr'", "did you mean pager? busway plugins show pager"),
        ("sinks.pagr", "there is no plugin", "did you mean sinks.pager? busway plugins show sinks.pager"),
        ("pigeonn", "there is no plugin", "did you mean pigeon? pip install busway-sink-pigeon"),
        ("zzzzzz", "there is no plugin", "busway plugins list"),
    ],
)
@pytest.mark.usefixtures("pigeon")
def test_a_name_nobody_has_gets_what_to_install_or_the_nearest(
    acme: CheckedDeployment, name: str, what: str, fix: str
) -> None:
    acme.site.install("pager")
    acme.select()
    answer = acme.run("plugins", "show", name, "--json")
    assert answer.code == 2
    error = answer.envelope["error"]
    assert error["code"] == "BW1006"
    assert what in error["what"]
    assert error["fix"] == fix


@pytest.mark.usefixtures("pigeon")
def test_a_selected_plugin_that_is_missing_is_shown_with_its_remedy(acme: CheckedDeployment) -> None:
    acme.select(sinks=["pigeon"])
    shown = acme.run("plugins", "show", "pigeon").out
    assert "sinks.pigeon   missing" in shown
    assert "fix: pip install busway-sink-pigeon" in shown


# -- doctor


def test_doctor_shows_the_last_load_and_loads_when_asked(acme: CheckedDeployment) -> None:
    installed = acme.site.install("pager", SINK + HEALTHY)
    acme.site.install("broken", "import pagerapi")
    acme.select(sinks=["pager", "broken"])

    def findings(*arguments: str) -> dict[str, dict[str, str]]:
        return {one["check"]: one for one in acme.run("doctor", *arguments, "--json").envelope["data"]}

    assert findings()["sinks.broken"]["status"] == "ok", "nothing is known yet"
    assert not imported(acme, installed)
    found = findings("--plugins")
    assert (found["sinks.pager"]["status"], found["secrets.env"]["status"]) == ("ok", "ok")
    assert found["sinks.broken"]["status"] == "warning", "it is optional"
    assert "pagerapi" in found["sinks.broken"]["detail"]
    assert found["sinks.broken"]["fix"].startswith("pip install pagerapi")
    assert "failed" in findings()["sinks.broken"]["detail"], "and it is remembered"
    found = findings("--online")
    assert found["sinks.pager"]["status"] == "warning"
    assert "degraded" in found["sinks.pager"]["detail"]
    assert "nobody answers at acme.test" in found["sinks.pager"]["detail"]
    assert found["sinks.pager"]["fix"] == "call acme"
    assert (found["acme.folder"]["status"], found["acme.folder"]["detail"]) == ("ok", "there is room")
    assert (found["acme.ping"]["status"], found["acme.ping"]["fix"]) == ("warning", "call acme")
    assert acme.run("doctor", "--online").out.count("call acme") == 1


@pytest.mark.parametrize(("kind", "code"), [("validators", 3), ("sinks", 0)])
def test_doctor_fails_when_a_remote_does_not_answer_that_is_needed(
    acme: CheckedDeployment, kind: str, code: int
) -> None:
    source = {"validators": VALIDATORS, "sinks": SINK}[kind] + HEALTHY.replace("degraded", "failed")
    acme.site.install("pager", source, kind=kind)
    acme.select(**{kind: ["pager"]})
    assert acme.run("doctor", "--plugins").code == 0
    answer = acme.run("doctor", "--online")
    assert answer.code == code
    assert re.search(rf"acme.ping +{'failed' if code else 'warning'} +nobody answers at acme.test", answer.out)


def test_a_module_that_serves_two_kinds_is_asked_for_its_health_once(acme: CheckedDeployment) -> None:
    acme.site.install("both", SINK + VALIDATORS + HEALTHY, also="[busway.v1.validators]\nboth = {module}\n")
    acme.select(sinks=["both"], validators=["both"])
    found = [one["check"] for one in acme.run("doctor", "--online", "--json").envelope["data"]]
    assert found.count("acme.ping") == 1
    assert {"sinks.both", "validators.both"} <= set(found)


def test_doctor_fails_for_a_required_plugin_and_shows_one_fix_for_each_setting(acme: CheckedDeployment) -> None:
    acme.site.install("rules", VALIDATORS + MODEL.replace("(7, ", "("), kind="validators")
    acme.select(validators=["rules"])
    answer = acme.run("doctor", "--plugins")
    assert answer.code == 3
    assert "  failed  validators.rules: export ACME_SIZE=...\n" in answer.out
    assert f"{'':<28}export ACME_TOKEN=...\n" in answer.out


# -- the commands of plugins

CLICK = "import sys\nimport click\nfrom busway.errors import HeldError\n"
RUNNING = """
@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.argument("how")
@click.pass_context
def cli(ctx, how, as_json):
    "A command of acme."
    if how == "bug": {}["person@example.test"]
    if how == "held": raise HeldError("BW7001", "held by acme")
    if how == "usage": raise click.UsageError("say how")
    if how == "abort": raise click.Abort
    if how == "exit": sys.exit(5)
    if how == "exit-text": sys.exit("no more paper")
    if how == "exit-well": sys.exit()
    if how == "click-exit": ctx.exit(6)
    if how == "code": return 7
    click.echo("ran")
"""


def invoke(acme: CheckedDeployment, source: str, *arguments: str, value: str = "{module}:cli") -> Answer:
    acme.site.install("tool", CLICK + source, also=f"[busway.v1.commands]\ntool = {value}\n")
    acme.select()
    return acme.run("tool", *arguments)


@pytest.mark.parametrize(
    ("source", "why", "fix"),
    [
        ("sys.exit(4)", "SystemExit: 4", "pip install --force-reinstall acme-busway-tool"),
        ("raise ValueError('why')", "ValueError: why", "pip install --force-reinstall acme-busway-tool"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "pip install --force-reinstall acme-busway-tool"),
        ("assert 1 == 2, 'never'", "AssertionError: never", "pip install --force-reinstall"),
        ("import acme_missing_thing", "No module named 'acme_missing_thing'", "pip install acme_missing_thing"),
        ("def = 3", "SyntaxError", "pip install --force-reinstall"),
        ("", "has no attribute 'cli'", "pip install --force-reinstall"),
        ("cli = 3", "is an object of int, not a Click command", "pip install --force-reinstall"),
        ("class cli: pass", "is the class cli, not a Click command", "pip install --force-reinstall"),
    ],
)
def test_a_command_that_cannot_be_loaded_is_named(acme: CheckedDeployment, source: str, why: str, fix: str) -> None:
    answer = invoke(acme, source, "--json")
    assert answer.code == 3
    error = answer.envelope["error"]
    assert (error["code"], answer.err) == ("BW1010", "")
    assert error["where"].startswith("acme-busway-tool 1.2, entry point busway.v1.commands: tool = acme_plugin_")
    assert why in error["why"]
    assert error["fix"].startswith(fix)


def test_a_command_whose_entry_point_names_no_attribute_is_named(acme: CheckedDeployment) -> None:
    answer = invoke(acme, "", value="{module}")
    assert answer.code == 3
    assert "is not of the form module:command" in answer.err


def test_a_command_whose_import_hangs_is_given_up(acme: CheckedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_command, "IMPORT_SECONDS", 0.2)
    answer = invoke(acme, "import threading\nthreading.Event().wait()")
    assert answer.code == 3
    assert "gave no answer within 0.2 s; its thread was abandoned" in answer.err


@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("well", 0, "ran"),
        ("exit", 5, ""),
        ("exit-text", 1, "no more paper"),
        ("exit-well", 0, ""),
        ("click-exit", 6, ""),
        ("code", 7, ""),
        ("abort", 130, ""),
        ("held", 7, "error[BW7001]: held by acme"),
        ("usage", 2, "error[BW1001]"),
        ("--no-such", 2, "error[BW1001]: No such option"),
    ],
)
def test_what_a_command_means_is_passed_on(acme: CheckedDeployment, how: str, code: int, told: str) -> None:
    answer = invoke(acme, RUNNING, how)
    assert answer.code == code
    assert told in answer.out + answer.err
    assert "BW1011" not in answer.err


def test_an_error_nobody_meant_is_told_as_the_commands_own_and_without_its_text(acme: CheckedDeployment) -> None:
    answer = invoke(acme, RUNNING, "bug", "--json")
    assert answer.code == 1
    error = answer.envelope["error"]
    assert error["code"] == "BW1011"
    assert error["what"] == "the command 'tool' of acme-busway-tool failed"
    assert error["where"].startswith("acme-busway-tool 1.2, entry point busway.v1.commands: tool = ")
    assert error["why"].startswith("KeyError at ")
    assert error["why"].endswith(".py:13 in cli()")
    assert "pip install -U acme-busway-tool" in error["fix"]
    assert "person@example.test" not in answer.out


def test_debug_shows_the_traceback_of_the_plugin(acme: CheckedDeployment) -> None:
    acme.site.install("tool", CLICK + RUNNING, also="[busway.v1.commands]\ntool = {module}:cli\n")
    acme.select()
    answer = acme.run_apart("--debug", "tool", "bug")
    assert answer.code == 1
    assert "KeyError: 'person@example.test'" in answer.err
    assert "BW1011" in answer.err


GROUP = """
@click.group()
def cli(): pass
@cli.command()
@click.option("--odd", callback=lambda ctx, option, value: 1 / 0 if value else value)
def inner(odd): raise OSError("text")
"""


@pytest.mark.parametrize(("arguments", "why"), [((), "OSError"), (("--odd", "1"), "ZeroDivisionError")])
def test_commands_inside_a_command_are_told_as_its_own_too(
    acme: CheckedDeployment, arguments: tuple[str, ...], why: str
) -> None:
    answer = invoke(acme, GROUP, "inner", *arguments)
    assert answer.code == 1
    assert "error[BW1011]" in answer.err
    assert f"{why} at " in answer.err


def test_an_error_while_its_arguments_are_read_is_told_as_its_own_too(acme: CheckedDeployment) -> None:
    odd = "@click.command()\n@click.option('--odd', callback=lambda ctx, option, value: 1 / 0)\ndef cli(odd): pass\n"
    answer = invoke(acme, odd)
    assert answer.code == 1
    assert "error[BW1011]" in answer.err
    assert "ZeroDivisionError at " in answer.err


def test_the_command_of_the_plugin_itself_is_not_changed(acme: CheckedDeployment) -> None:
    assert invoke(acme, RUNNING, "well").code == 0
    (module,) = [module for name, module in sys.modules.items() if name.startswith("acme_plugin_")]
    command = module.cli
    assert isinstance(command, click.Command)
    assert "invoke" not in vars(command)


# -- pieces

SETTING = PluginSetting("ACME_SIZE", "int", "7", "How many.", "plain", False)
READY = PluginStatus("sinks", "pager", "ready", 1, "acme-busway-pager", "1.2", notes=("a note",))


def test_settings_are_recorded_and_kept_while_the_version_is_the_same(tmp_path: Path) -> None:
    record_load(tmp_path, [READY], 1, settings={("sinks", "pager"): [SETTING]})
    record_load(tmp_path, [READY], 2)
    row = recorded_load(tmp_path)["sinks", "pager"]
    assert (row.settings, row.notes, row.time_ns) == ((SETTING,), ("a note",), 2)
    record_load(tmp_path, [PluginStatus("sinks", "pager", "ready", 1, "acme-busway-pager", "1.3")], 3)
    assert recorded_load(tmp_path)["sinks", "pager"].settings is None


@pytest.mark.parametrize(
    ("field", "value", "left"),
    [("settings", 3, True), ("settings", [{"name": 3}], True), ("notes", [3], False), ("notes", "x", False)],
)
def test_damaged_parts_of_a_record_are_left_out(tmp_path: Path, field: str, value: object, left: bool) -> None:
    record_load(tmp_path, [READY], 1, settings={("sinks", "pager"): [SETTING]})
    document = json.loads((tmp_path / FILE_NAME).read_text("utf-8"))
    document["plugins"][0][field] = value
    (tmp_path / FILE_NAME).write_text(json.dumps(document), "utf-8")
    rows = recorded_load(tmp_path)
    assert bool(rows) is left
    assert not left or rows["sinks", "pager"].settings is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.4, "just now"), (42, "42 s ago"), (240, "4 min ago"), (7200, "2 h ago"), (900_000, "10 days ago")],
)
def test_ages(seconds: float | None, shown: str) -> None:
    assert age_text(seconds) == shown


def test_load_times() -> None:
    assert [load_text(seconds) for seconds in (0.0, 0.0426, 2.34)] == ["-", "43 ms", "2.3 s"]


def test_notes_are_broken_to_the_width_of_a_terminal_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "fix: " + "word " * 30
    print_noted_table(("NAME", "NOTE"), [(("pager",), (note, "second"))])
    assert capsys.readouterr().out.splitlines() == ["NAME   NOTE", f"pager  {note}".rstrip(), "       second"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    print_noted_table(("NAME", "NOTE"), [(("pager",), (note,))])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[2].startswith(" " * 12 + "word")


def test_a_table_without_rows_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_noted_table(("NAME", "NOTE"), [])
    assert capsys.readouterr().out == "NAME  NOTE\n"
