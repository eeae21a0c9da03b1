"""The frame of the command line: fast path, errors for people, JSON envelopes, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from busway.cli import main as entry
from busway.cli.main import main
from busway.cli.root import BUILT_IN, root
from busway.errors import HeldError
from busway.plugins import known

HEAVY = {"pydantic", "pluggy", "stevedore", "importlib_metadata", "sqlalchemy", "httpx", "rich", "sqlite3", "orjson"}


def test_version_answers_without_click(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "busway 0.1.0\n"
    code = "import sys; from busway.cli.main import main; main(['--version']); print('click' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["busway", "0.1.0", "False"]


def test_help_names_every_command_and_imports_none(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom busway.cli.main import main\nmain(['--help'])\n"
        "print('MODULES', ' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    warm_and_real = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in "12"
    ]
    text, _, modules = warm_and_real[-1].stdout.partition("MODULES ")
    for name, command in BUILT_IN.items():
        assert f"  {name} " in text
        assert command.summary.split()[0] in text
    assert "demo" in text
    assert HEAVY.isdisjoint(modules.split())
    assert "busway_safetyamp" not in modules.split()


def test_every_built_in_command_can_be_imported_and_its_summary_is_a_sentence() -> None:
    context = click.Context(root)
    for name, command in BUILT_IN.items():
        found = root.get_command(context, name)
        assert found is not None, name
        assert found.name == name
        assert command.summary.endswith(".")


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugns", "list"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "error[BW1002]: there is no command 'plugns'" in shown.err
    assert "fix   did you mean: busway plugins" in shown.err
    assert "busway explain BW1002" in shown.err


def test_a_command_of_a_first_party_distribution_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(known.COMMANDS, "fly", "busway-flight")
    assert main(["fly"]) == 2
    assert "pip install busway-flight" in capsys.readouterr().err


def test_a_wrong_option_is_a_usage_error_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--jsn"]) == 2
    shown = capsys.readouterr().err
    assert "error[BW1001]: No such option" in shown
    assert "--json" in shown


def test_errors_are_json_when_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "BW0000", "--json"]) == 2
    shown = capsys.readouterr()
    envelope = json.loads(shown.out)
    assert envelope["ok"] is False
    assert envelope["error"]["code"] == "BW1003"
    assert envelope["error"]["fix"]
    assert shown.err == ""


@pytest.mark.parametrize(
    ("raised", "code", "shown"),
    [
        (HeldError("BW7001", "held", why="a brake"), 7, "error[BW7001]: held"),
        (ValueError("person@example.test"), 1, "error[BW9001]"),
        (KeyboardInterrupt(), 130, "stopped"),
        (click.Abort(), 130, ""),
    ],
)
def test_exit_codes(
    raised: BaseException, code: int, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise raised

    monkeypatch.setattr(root, "main", fail)
    assert main(["run"]) == code
    error = capsys.readouterr().err
    assert shown in error
    assert "Traceback" not in error
    assert "person@example.test" not in error, "the text of an unknown error may hold data"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ValueError("why")

    monkeypatch.setattr(root, "main", fail)
    with pytest.raises(ValueError, match="why"):
        main(["--debug", "run"])


def test_windows_is_refused_with_a_code_and_help_still_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["--help"]) == 0
    assert main(["explain", "BW1007"]) == 0
    assert main(["run"]) == 2
    assert "error[BW1007]" in capsys.readouterr().err


def test_a_reader_that_went_away_is_no_error() -> None:
    command = f"{sys.executable} -m busway.cli.main explain | head -1"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert found.stdout.startswith("CODE")
    assert found.stderr == ""


def test_the_entry_point_is_what_the_distribution_declares() -> None:
    pyproject = (Path(entry.__file__).parents[3] / "pyproject.toml").read_text("utf-8")
    assert 'busway = "busway.cli.main:main"' in pyproject
