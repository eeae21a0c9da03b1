"""The commands ``busway migrate`` and ``busway migrate shims``: options, exit codes, JSON, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builders.old_code import write_tree
from busway.cli.main import main
from busway_migrate.journal import Entry, journal_of

OLD = "from config import settings\nprint(settings.REDIS_HOST)\n"
NEW = "from busway import config\nprint(config.REDIS_HOST)\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working tree of git, and the working folder."""
    write_tree(tmp_path, {"job.py": OLD, ".gitignore": ".busway/\n"})
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.test"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "x")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main([*arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_dry_run_prints_a_diff_that_git_takes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "."]) == 0
    shown = capsys.readouterr().out
    assert (tree / "job.py").read_text("utf-8") == OLD
    assert "1 to change" in shown
    diff = shown.partition("\n\n")[0] + "\n"
    (tree.parent / "x.diff").write_text(diff, "utf-8")
    git(tree, "apply", str(tree.parent / "x.diff"))
    assert (tree / "job.py").read_text("utf-8") == NEW


def test_write_changes_the_files_and_the_next_run_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--write", "."]) == 0
    assert "written  job.py" in capsys.readouterr().out
    assert (tree / "job.py").read_text("utf-8") == NEW
    commit(tree)
    assert main(["migrate", "--write", "."]) == 0
    assert git(tree, "status", "--porcelain") == ""
    assert not journal_of(tree).exists()


def test_check_exits_10_until_nothing_is_left(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--check", "."]) == 10
    shown = capsys.readouterr().out
    assert "can be changed: busway migrate --write\n  job.py:1" in shown
    assert main(["migrate", "--write", "--check", "."]) == 0
    assert main(["migrate", "--check", "."]) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.sh", "python -m utils.cache_manager\n"),
        ("broken.py", "def f(:\n"),
        ("late.py", "import importlib\nimportlib.import_module('utils.cache_manager')\n"),
        ("hand.py", "from utils.error_manager import error_manager\nprint(error_manager)\n"),
    ],
)
def test_check_sees_every_class(name: str, text: str, tree: Path) -> None:
    main(["migrate", "--write", "."])
    (tree / name).write_text(text, "utf-8")
    assert main(["migrate", "--check", "."]) == 10


def test_json_has_everything(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "run.sh").write_text("cat utils/cache_manager.py\n", "utf-8")
    found = answer(capsys, "migrate", "--check", ".")
    assert (found["schema"], found["ok"]) == ("busway.migration/1", False)
    assert found["error"]["code"] == "BW7508"
    data = found["data"]
    assert data["counts"] == {"changed": 3, "done": 0, "hand": 0, "unparsable": 0, "outside": 1, "dynamic": 0}
    assert data["changes"][0]["file"] == "job.py"
    assert "+from busway import config" in data["changes"][0]["diff"]
    outside = next(row for row in data["findings"] if row["class"] == "outside")
    assert (outside["file"], outside["line"]) == ("run.sh", 1)


def test_a_dirty_tree_is_refused_unless_allowed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "new.py").write_text(OLD, "utf-8")
    assert main(["migrate", "--write", "."]) == 2
    shown = capsys.readouterr().err
    assert "error[BW7509]: the tree has changes that are not committed\n  where new.py" in shown
    assert "--allow-dirty" in shown
    assert (tree / "job.py").read_text("utf-8") == OLD
    assert main(["migrate", "--write", "--allow-dirty", "."]) == 0
    assert (tree / "new.py").read_text("utf-8") == NEW


def test_a_folder_without_git_is_walked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(tmp_path, {"job.py": OLD, ".venv/lib/x.py": OLD, ".venv/pyvenv.cfg": ""})
    assert main(["migrate", "--write", str(tmp_path)]) == 0
    assert (tmp_path / "job.py").read_text("utf-8") == NEW
    assert (tmp_path / ".venv" / "lib" / "x.py").read_text("utf-8") == OLD


def test_a_write_that_was_cut_short_is_told_and_finished(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal_of(tree).write([Entry(tree / "job.py", OLD.encode(), NEW.encode())])
    assert main(["migrate", "."]) == 7
    shown = capsys.readouterr().err
    assert "error[BW7507]: an earlier busway migrate --write was cut short" in shown
    assert "busway migrate --write PATH finishes it" in shown
    assert main(["migrate", "--write", "."]) == 0
    assert "a write that was cut short is finished: 1 files written" in capsys.readouterr().err
    assert (tree / "job.py").read_text("utf-8") == NEW


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], "BW7501", "fix   busway migrate ."),
        (["nowhere"], "BW7502", "nowhere is not there"),
        (["shims"], "BW7501", "fix   busway migrate shims ."),
        (["--emit", "black", "."], "BW1001", "'black' is not 'ruff'"),
        (["--rules", "nowhere.toml", "."], "BW7601", "the rules of nowhere.toml cannot be read"),
    ],
)
def test_a_request_that_makes_no_sense(
    arguments: list[str], code: str, text: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", *arguments]) in (2, 3)
    shown = capsys.readouterr().err
    assert f"error[{code}]" in shown
    assert text in shown


RULE = '[[rule]]\nmodule = "utils.mailer"\nname = "mailer"\n'


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("not toml", "is no TOML"),
        ("x = 1\n", "has no rules"),
        (RULE + 'becomes = "busway:config"\nkind = "x"\n', "unknown keys: kind"),
        (RULE + "becomes = 5\n", "values that are no text: becomes"),
        (RULE + 'becomes = "busway:config"\nlevel = "maybe"\n', "the level 'maybe'"),
        (RULE, "becomes is missing"),
        (RULE + 'becomes = "config"\n', "is not module:name"),
        (RULE + 'becomes = "busway:config"\nflag = "mail"\n', "flag 'mail' is none of"),
        (RULE + 'attribute = "send"\ncall = "(a, b"\nbecomes = "x(y=a)"\n', "is no list of parameters"),
        (RULE + 'attribute = "send"\ncall = "(a)"\nbecomes = "x(a)"\n', "arguments all have keywords"),
        (RULE + 'attribute = "send"\ncall = "(a)"\nbecomes = "x(y=b)"\n', "b is no old parameter"),
        (RULE + 'attribute = "send"\ncall = "(a)"\nbecomes = "x(y=a, z=a)"\n', "would be evaluated twice"),
        (RULE + 'attribute = "send"\ncall = "(*a)"\nbecomes = "x()"\n', "write (...) for any call"),
        (RULE + 'attribute = "("\nbecomes = "x"\n', "is no regular expression"),
        (RULE + 'attribute = "{WORDS}"\nbecomes = "x"\n', "words are defined"),
    ],
)
def test_a_rule_file_that_cannot_be_used(rules: str, text: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rules.toml").write_text(rules, "utf-8")
    assert main(["migrate", "--rules", "rules.toml", "."]) == 3
    shown = capsys.readouterr().err
    assert "error[BW7601]" in shown
    assert text in shown


def test_rules_that_contradict_each_other_are_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = '[[rule]]\nmodule = "utils.error_manager"\nname = "error_manager"\nbecomes = "acme:errors"\n'
    (tree / "rules.toml").write_text(other, "utf-8")
    assert main(["migrate", "--rules", "rules.toml", "."]) == 3
    shown = capsys.readouterr().err
    assert "error[BW7602]: two rules say different things about utils.error_manager.error_manager" in shown
    assert "busway-safetyamp 0.1.0 and rules.toml" in shown
    assert "busway:event_manager (safe) and acme:errors (safe)" in shown
    (tree / "rules.toml").write_text(other + "overrides = true\n", "utf-8")
    assert main(["migrate", "--rules", "rules.toml", "."]) == 0


def test_rules_of_ones_own(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = (
        '[[rule]]\nmodule = "utils.mailer"\nname = "alert"\ncall = "(text, who=None)"\n'
        "becomes = \"busway:event_manager.log_error(kind='alert', entity=who, entity_id=None, message=text)\"\n"
    )
    (tree / "rules.toml").write_text(rules, "utf-8")
    (tree / "mail.py").write_text("from utils import mailer\nmailer.alert('full', who='disk')\n", "utf-8")
    (tree / "utils" / "mailer.py").write_text("def alert(text, who=None): ...\n", "utf-8")
    assert main(["migrate", "--rules", "rules.toml", "--write", "--allow-dirty", "."]) == 0
    expected = (
        "from busway import event_manager\nevent_manager.log_error(message='full', entity='disk', kind=\"alert\", "
    )
    assert (tree / "mail.py").read_text("utf-8").startswith(expected)


def test_without_any_rules_it_says_where_they_come_from(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway_migrate.packs.entry_points", lambda group: [])
    assert main(["migrate", "."]) == 3
    assert "error[BW7603]" in (shown := capsys.readouterr().err)
    assert "pip install busway-safetyamp" in shown


def test_a_pack_that_cannot_be_imported_is_named(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib_metadata import EntryPoint

    broken = EntryPoint("acme", "acme_nowhere.migrations", "busway.v1.migrations")
    monkeypatch.setattr("busway_migrate.packs.entry_points", lambda group: [broken])
    assert main(["migrate", "."]) == 3
    shown = capsys.readouterr().err
    assert "error[BW7601]: the rules of acme cannot be read" in shown
    assert "No module named 'acme_nowhere'" in shown


def test_shims_are_listed_then_written(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "shims", "."]) == 0
    shown = capsys.readouterr().out
    assert "to write  utils/cache_manager.py  (old code: utils/cache_manager_legacy.py)" in shown
    assert "7 old modules, 7 shims to write" in shown
    assert git(tree, "status", "--porcelain") == ""
    found = answer(capsys, "migrate", "shims", "--write", ".")
    assert (found["schema"], len(found["data"]["shims"])) == ("busway.migration-shims/1", 7)
    assert found["data"]["shims"][0]["old_code"] == "config/init_legacy.py"
    assert main(["migrate", "shims", "--allow-dirty", "."]) == 0
    assert "in place  utils/cache_manager.py" in capsys.readouterr().out


def test_shims_need_a_clean_tree(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "new.py").write_text(OLD, "utf-8")
    assert main(["migrate", "shims", "--write", "."]) == 2
    assert "BW7509" in capsys.readouterr().err


def test_the_guard_passes_over_shims_and_old_code(tree: Path) -> None:
    main(["migrate", "shims", "--write", "."])
    assert main(["migrate", "--write", "--allow-dirty", "."]) == 0
    assert main(["migrate", "--check", "."]) == 0


@pytest.mark.parametrize("arguments", [["migrate", "--help"], ["migrate", "shims", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert f"Usage: busway {' '.join(arguments[:-1])} [OPTIONS] PATH..." in capsys.readouterr().out


def test_the_rules_fit_the_managers(tree: Path) -> None:
    """Every new call of the pack has the parameters of the real method, in their order; every constant is declared."""
    from inspect import signature

    from busway.data.manager import DataManager
    from busway.events.manager import EventManager
    from busway_migrate.packs import load_rules
    from busway_migrate.rules import RuleKind

    managers = {"data_manager": DataManager, "event_manager": EventManager}
    book = load_rules()
    checked = 0
    for rule in book.rules:
        if rule.kind is RuleKind.METHOD and rule.becomes and not rule.shape.is_any:
            owner = next(one for one in book.names_of(rule.module) if one.name == rule.name)
            method = getattr(managers[owner.target("").name], rule.new_attribute(rule.attribute.partition("|")[0]))
            known = list(signature(method).parameters)[1:]
            used = [argument.keyword for argument in rule.replacement.arguments]
            assert known[: len(used)] == used, f"{rule}: or an argument by position would land in another's place"
            checked += 1
    assert checked > 12


def test_the_settings_of_the_rules_are_those_that_are_declared() -> None:
    from builders.old_code import pack
    from builders.settings_of_ours import declared_names

    rule = next(rule for rule in pack().rules if rule.module == "config" and not rule.attribute)
    known = set(rule.name.removeprefix("(?:").removesuffix(")").split("|"))
    assert known == declared_names(), "the word SETTING in busway_safetyamp/migrations/rules.toml has them"


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    """``import busway`` and ``busway --help`` cost the same whether it is installed or not."""
    code = "import sys, busway; from busway.cli.main import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    help_text, _, modules = done.stdout.rstrip().rpartition("\n")
    assert "Move code from old imports to Busway." in help_text
    found = {name.partition(".")[0] for name in modules.split()}
    assert found.isdisjoint({"busway_migrate", "libcst", "pyflakes"})
