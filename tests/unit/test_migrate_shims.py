"""Shims: old names that lead to Busway or to the old code, as a flag says, for everybody or for one job."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from builders.imported_tree import imported_from, module
from builders.old_code import pack, write_tree
from builders.recording_managers import METHODS, Recorder, recording_busway
from busway.configuration.flags import FLAG_NAMES, REMOVED_IN, SINCE, Flag, parse_flag
from busway.errors import BuswayError, ConfigurationError, UsageError
from busway.shims import BuswayDeprecationWarning, deprecation, running_job
from busway.shims.choosing import forget_flags, read_flag
from busway_migrate.files import list_files
from busway_migrate.journal import journal_of
from busway_migrate.shims import plan_shims
from busway_migrate.writer import write_all

OLD = {
    "utils/error_manager.py": """\
        import os

        CALLS = []


        class ErrorManager:
            LIMIT = 3

            def log_error(self, error_type, message, entity_type=None, entity_id=None):
                CALLS.append(("log_error", error_type, message))
                return "old"

            def get_error_summary(self):
                return {"errors": len(CALLS)}


        error_manager = ErrorManager()
        """,
    "utils/error_notifier.py": """\
        from utils.error_manager import error_manager


        class _Notifier:
            def send_hourly_notification(self):
                return error_manager.log_error("digest", "sent")


        error_notifier = _Notifier()
        """,
    "utils/cache_manager.py": """\
        class CacheManager:
            def __init__(self):
                self.kept = {}

            def save_cache(self, cache_name, data, ttl_hours=None):
                self.kept[cache_name] = data
                return "old"

            def get_jobs(self):
                return ["old"]
        """,
    "config/settings.py": """\
        class _Settings:
            REDIS_HOST = "old host"
            CACHE_DIR = "/var/cache"


        settings = _Settings()
        REDIS_HOST = settings.REDIS_HOST
        PAGE = 25
        """,
}


@pytest.fixture(autouse=True)
def fresh_flags(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Flags are read once per process, and places warned about once."""
    for name in FLAG_NAMES.values():
        monkeypatch.setenv(name, "on")
    forget_flags()
    deprecation._told.clear()
    yield
    forget_flags()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def tree(tmp_path: Path, recorder: Recorder) -> Iterator[Path]:
    """A tree with shims in place, importable; Busway's managers are doubles."""
    put_shims(write_tree(tmp_path, OLD))
    with imported_from(tmp_path), recording_busway(recorder):
        yield tmp_path


def put_shims(folder: Path) -> None:
    plans = plan_shims(list_files([folder]), pack())
    write_all(journal_of(folder), [entry for plan in plans for entry in plan.entries()])


def run(folder: Path, text: str, name: str = "job") -> dict[str, Any]:
    """Runs a program of the tree; warnings are what they are there for, and not at issue."""
    (folder / f"{name.replace('.', '/')}.py").write_text(text, "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BuswayDeprecationWarning)
        return vars(module(name))


def test_an_old_call_reaches_busway_with_its_arguments_moved(tree: Path, recorder: Recorder) -> None:
    run(tree, "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm', entity_id='7')\n")
    expected = {"kind": "k", "entity": None, "entity_id": "7", "message": "m", "exc": None, "session_id": None}
    assert recorder.calls == [("event_manager.log_error", expected)]


def test_units_change_as_the_rule_says(tree: Path, recorder: Recorder) -> None:
    text = "from utils.cache_manager import CacheManager\nc = CacheManager()\n"
    run(tree, text + "c.save_cache('a', [1], 2)\nc.save_cache('b', 1)\n")
    assert [arguments["ttl_seconds"] for _, arguments in recorder.calls] == [7200, None]


def test_a_flag_brings_the_old_code_back(tree: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_EVENTS", "off")
    text = "from utils.error_manager import error_manager, CALLS\nanswer = error_manager.log_error('k', 'm')\n"
    ran = run(tree, text)
    assert ran["answer"] == "old"
    assert ran["CALLS"] == [("log_error", "k", "m")]
    assert recorder.calls == []


def test_each_manager_has_its_own_flag(tree: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_EVENTS", "off")
    text = (
        "from utils.error_manager import error_manager\nfrom utils.cache_manager import CacheManager\n"
        "old, new = error_manager.log_error('k', 'm'), CacheManager().get_jobs()\n"
    )
    ran = run(tree, text)
    assert (ran["old"], ran["new"]) == ("old", "data_manager.get_jobs#1")


def test_a_flag_stands_otherwise_for_one_job(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_EVENTS", "on,off@employees")
    (tree / "helper.py").write_text(
        "from utils.error_manager import error_manager\ndef work():\n    return error_manager.log_error('k', 'm')\n",
        "utf-8",
    )
    (tree / "sync").mkdir()
    (tree / "sync" / "__init__.py").write_text("", "utf-8")
    text = "import helper\ndef go():\n    return helper.work()\nanswer = go()\n"
    assert run(tree, text, "sync.sync_employees")["answer"] == "old", "through a module that jobs share"
    assert run(tree, text, "sync.sync_titles")["answer"] == "event_manager.log_error#1"
    with running_job("employees"):
        assert run(tree, text, "main")["answer"] == "old", "when the program says which job it is"


def test_old_code_talks_to_old_code(tree: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notifier of the old kind reports to an error manager of the old kind, whatever the flag of anything else."""
    monkeypatch.setenv("ENABLE_UNIFIED_EVENTS", "off")
    text = "from utils.error_notifier import error_notifier\nanswer = error_notifier.send_hourly_notification()\n"
    assert run(tree, text)["answer"] == "old"
    assert recorder.calls == []


def test_settings_come_from_busway_and_those_it_does_not_know_from_the_old_code(tree: Path) -> None:
    text = (
        "from config.settings import settings, REDIS_HOST, PAGE\n"
        "found = (settings.REDIS_HOST, REDIS_HOST, settings.CACHE_DIR, PAGE)\n"
    )
    assert run(tree, text)["found"] == ("the host", "the host", "/var/cache", 25)


def test_settings_of_the_old_code_come_back(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_CONFIG", "off")
    text = (
        "from config import settings\nfrom config.settings import *\nfound = (settings.REDIS_HOST, REDIS_HOST, PAGE)\n"
    )
    assert run(tree, text)["found"] == ("old host", "old host", 25)


def test_what_has_no_counterpart_says_what_to_do(tree: Path) -> None:
    text = "from utils.error_manager import error_manager\nerror_manager.get_error_summary()\n"
    with pytest.raises(BuswayError) as raised:
        run(tree, text)
    assert raised.value.render() == (
        "error[BW7622]: utils.error_manager.error_manager.get_error_summary has no counterpart in Busway\n"
        "  where utils.error_manager.error_manager.get_error_summary\n"
        "  why   events are kept in a ledger now: busway events errors, or event_manager.end_sync() for the counts of a"
        " session\n"
        "  fix   change the code that uses it, or set ENABLE_UNIFIED_EVENTS=off until then"
    )


@pytest.mark.parametrize("flag", ["on", "off"])
def test_a_class_can_be_inherited_from_and_asked_with_isinstance(
    tree: Path, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_DATA", flag)
    text = (
        "from utils.cache_manager import CacheManager\nclass Mine(CacheManager):\n    mine = True\n"
        "one = Mine()\nfound = (one.mine, isinstance(one, CacheManager), isinstance(CacheManager(), CacheManager),\n"
        "         isinstance(1, CacheManager), one.get_jobs())\n"
    )
    assert run(tree, text)["found"] == (True, True, True, False, "data_manager.get_jobs#1" if flag == "on" else ["old"])


def test_one_warning_for_each_place_with_all_that_is_known(tree: Path) -> None:
    text = (
        "import utils.error_manager as em\ndef f():\n    em.error_manager.log_error('k', 'm')\n"
        "for _ in range(3):\n    f()\nem.error_manager.log_error('k', 'm')\n"
    )
    (tree / "job.py").write_text(text, "utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module("job")
    found = [(Path(one.filename).name, one.lineno, one.message) for one in caught]
    assert [(name, line) for name, line, _ in found] == [("job.py", 3), ("job.py", 6)]
    told = found[0][2]
    assert isinstance(told, BuswayDeprecationWarning)
    assert (told.since, told.removed_in, told.replacement) == (SINCE, REMOVED_IN, "busway.event_manager")
    assert str(told) == (
        "utils.error_manager.error_manager is deprecated since busway 0.1 and gone in 0.2: use busway.event_manager"
    )


def test_an_import_is_a_place_of_its_own(tree: Path) -> None:
    (tree / "job.py").write_text("\nfrom utils.cache_manager import CacheManager\nCacheManager()\n", "utf-8")
    with pytest.warns(BuswayDeprecationWarning) as caught:
        module("job")
    assert [one.lineno for one in caught] == [2]


def test_old_modules_do_not_warn_about_each_other(tree: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module("utils.error_notifier_legacy")


def test_a_patch_of_the_old_name_works(tree: Path, recorder: Recorder) -> None:
    from unittest.mock import patch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BuswayDeprecationWarning)
        with patch("utils.error_manager.error_manager") as double:
            run(tree, "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm')\n")
        assert double.log_error.called
        assert recorder.calls == []
        assert "shim of utils.error_manager.error_manager" in repr(module("utils.error_manager").error_manager)


def test_shims_are_put_in_place_once(tmp_path: Path) -> None:
    put_shims(write_tree(tmp_path, OLD))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.py")}
    plans = plan_shims(list_files([tmp_path]), pack())
    assert all(plan.is_done for plan in plans)
    put_shims(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.py")} == before
    assert (tmp_path / "utils" / "cache_manager_legacy.py").is_file()


def test_a_module_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    write_tree(tmp_path, {**OLD, "utils/cache_manager_legacy.py": "mine = 1\n"})
    with pytest.raises(UsageError, match="BW7611"):
        put_shims(tmp_path)
    assert (tmp_path / "utils" / "cache_manager_legacy.py").read_text("utf-8") == "mine = 1\n"


def test_type_checkers_see_what_is_deprecated(tmp_path: Path) -> None:
    put_shims(write_tree(tmp_path, OLD))
    program = (
        "from utils.cache_manager import CacheManager\nfrom utils.error_manager import error_manager\n"
        "CacheManager().get_jobs()\nerror_manager.log_error('k', 'm')\n"
    )
    (tmp_path / "job.py").write_text(program, "utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--enable-error-code",
        "deprecated",
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    done = subprocess.run([*command, "job.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    told = done.stdout
    assert "job.py:1: error: class utils.cache_manager.CacheManager is deprecated" in told
    assert "job.py:4: error: function utils.error_manager._ErrorManagerOnBusway.log_error is deprecated" in told
    assert "use busway.event_manager.log_error" in told


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("on", Flag(True)),
        ("OFF", Flag(False)),
        ("true, off@employees", Flag(True, {"employees": False})),
        ("0,1@titles", Flag(False, {"titles": True})),
        ("off@employees", Flag(True, {"employees": False})),
    ],
)
def test_a_flag_is_read(text: str, flag: Flag) -> None:
    assert parse_flag(text) == flag


@pytest.mark.parametrize("text", ["ture", "on,", "off@", "@employees", "on;off"])
def test_a_flag_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_DATA", text)
    with pytest.raises(ConfigurationError) as raised:
        read_flag("data")
    assert raised.value.code == "BW7621"
    assert "ENABLE_UNIFIED_DATA=off for the old code" in raised.value.render()


def test_a_flag_comes_from_the_deployment_when_the_environment_has_none(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text('app = "x"\n[settings]\nENABLE_UNIFIED_DATA = "off"\n', "utf-8")
    (tmp_path / ".env").write_text("ENABLE_UNIFIED_EVENTS=on,off@titles\n", "utf-8")
    assert read_flag("data", {}, tmp_path) == Flag(False)
    assert read_flag("events", {}, tmp_path) == Flag(True, {"titles": False})
    assert read_flag("config", {}, tmp_path) == Flag(True)


def test_the_way_back_does_not_depend_on_the_deployment(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text("this is no TOML", "utf-8")
    assert read_flag("data", {"ENABLE_UNIFIED_DATA": "off"}, tmp_path) == Flag(False)


def test_the_doubles_have_the_signatures_of_the_managers() -> None:
    from busway.data.manager import DataManager
    from busway.events.manager import EventManager

    for name, real in (("data_manager", DataManager), ("event_manager", EventManager)):
        for method in METHODS[name]:
            called, _, parameters = method.partition("(")
            known = list(signature(getattr(real, called)).parameters)[1:]
            assert [part.partition("=")[0].strip() for part in parameters.rstrip(")").split(",") if part] == known
