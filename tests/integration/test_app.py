"""The composition root: what is built, what is refused before any work, what is closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import busway
from busway import App, config, data_manager, event_manager
from busway.errors import ConfigurationError, PluginError
from busway.testing import use_app

TOML = """\
app = "test"
[settings]
LOG_LEVEL = "WARNING"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "busway.toml").write_text(TOML, "utf-8")
    return tmp_path


def test_a_deployment_without_plugins_is_complete(folder: Path) -> None:
    with App.from_config(folder, {}) as app:
        assert app.config.LOG_LEVEL == "WARNING"
        assert [plugin.name for plugin in app.objects("sinks")] == ["log", "ledger"]
        assert app.sync.jobs() == []
        session = app.events.start_sync("try")
        app.events.log_creation("employee", "1", {"department": "70"}, session)
        assert app.events.end_sync(session)["created"] == 1
        assert app.data.save_cache("vista.employees", [1, 2])
        assert app.data.get_cached_data("vista.employees") == [1, 2]
    assert (folder / ".busway" / "ledger.db").exists()


def test_the_environment_handed_in_is_the_only_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    with App.from_config(folder, {"LOG_LEVEL": "DEBUG"}) as app:
        assert app.config.LOG_LEVEL == "DEBUG"


def test_required_plugins_fail_before_any_work_all_in_one_report(folder: Path) -> None:
    (folder / "busway.toml").write_text(
        TOML + '[plugins]\ncaches = ["memory", "memcached"]\njobs = ["payroll"]\n', "utf-8"
    )
    with pytest.raises(PluginError) as caught:
        App.from_config(folder, {})
    assert {problem.what for problem in caught.value.problems} == {
        "plugin caches.memcached is selected but not installed",
        "plugin jobs.payroll is selected but not installed",
    }
    assert caught.value.exit_code == 3
    assert not (folder / ".busway" / "journal").exists() or not list((folder / ".busway" / "journal").iterdir())


def test_missing_settings_and_missing_plugins_are_told_together(folder: Path) -> None:
    (folder / "busway.toml").write_text(
        TOML + '[plugins]\ncaches = ["memcached"]\njobs = ["safetyamp"]\nvalidators = ["safetyamp"]\n', "utf-8"
    )
    with pytest.raises(ConfigurationError) as caught:
        App.from_config(folder, {})
    whats = " ".join(problem.what for problem in caught.value.problems)
    assert "caches.memcached" in whats
    assert "SAFETYAMP_TOKEN" in whats


def test_a_setting_that_two_plugins_need_is_told_once(folder: Path) -> None:
    (folder / "busway.toml").write_text(TOML + '[plugins]\njobs = ["safetyamp"]\nvalidators = ["safetyamp"]\n', "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        App.from_config(folder, {})
    whats = [problem.what for problem in caught.value.problems]
    assert len(whats) == len(set(whats))
    assert "setting SAFETYAMP_ROLE is not set" in whats
    assert "secret SAFETYAMP_TOKEN is not set" in whats
    assert not [what for what in whats if what.startswith("plugin ")]


def test_an_optional_plugin_may_lack_its_settings(folder: Path) -> None:
    (folder / "busway.toml").write_text(TOML + '[plugins]\nsinks = ["log", "ledger", "webhook"]\n', "utf-8")
    with App.from_config(folder, {}) as app:
        assert app.config.validate_required_secrets()
        assert app.config.get_configuration_status()["validation"]["is_valid"]
        assert [plugin.name for plugin in app.objects("sinks")] == ["log", "ledger"]
        (warning,) = app.warnings()
        assert "sinks.webhook (busway-sink-webhook 0.1.0)" in warning
        assert "WEBHOOK_URL" in warning


def test_the_policy_can_make_a_sink_required(folder: Path) -> None:
    policy = '[plugins]\nsinks = ["log", "webhook"]\n[plugins.policy]\n"sinks.webhook" = "required"\n'
    (folder / "busway.toml").write_text(TOML + policy, "utf-8")
    with pytest.raises(ConfigurationError, match="WEBHOOK_URL"):
        App.from_config(folder, {})


def test_safe_mode_selects_built_ins_only(folder: Path) -> None:
    (folder / "busway.toml").write_text(TOML + '[plugins]\njobs = ["payroll"]\nsinks = ["ledger", "pager"]\n', "utf-8")
    with App.from_config(folder, {}, safe=True) as app:
        assert [plugin.name for plugin in app.objects("sinks")] == ["ledger"]
        assert app.jobs == []


def test_the_singletons_are_doors_to_the_app_in_use(folder: Path) -> None:
    with App.from_config(folder, {}) as app, use_app(app):
        assert config is busway.settings
        assert config.LOG_LEVEL == "WARNING"
        assert "LOG_LEVEL" in vars(config), "the second read is a plain attribute"
        assert data_manager.save_cache("a.b", {"x": 1})
        assert app.data.get_cached_data("a.b") == {"x": 1}
        session = event_manager.start_sync("sync_employees")
        event_manager.log_creation("employee", "123", {"name": "Jane"}, session)
        assert app.events.end_sync(session)["created"] == 1
    assert "LOG_LEVEL" not in vars(config)


def test_the_singletons_find_the_deployment_of_the_working_folder(folder: Path) -> None:
    code = "from busway import config; print(config.LOG_LEVEL, config.validate_required_secrets())"
    found = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["WARNING", "True"]


def test_a_secret_read_during_a_run_never_reaches_the_journal(folder: Path) -> None:
    secret = "correct-horse-battery-staple"
    with App.from_config(folder, {"VISTA_SQL_PASSWORD": secret}) as app:
        session = app.events.start_sync("try")
        app.events.log_error("sync_failure", "employee", "1", f"login failed with {app.config.VISTA_SQL_PASSWORD}")
        app.events.end_sync(session)
    for path in (folder / ".busway").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_the_last_load_is_recorded_for_listings(folder: Path) -> None:
    from busway.plugins.recorded import recorded_load

    with App.from_config(folder, {}):
        pass
    recorded = recorded_load(folder / ".busway")
    assert recorded["sinks", "ledger"].state == "ready"


def test_two_apps_in_one_process_do_not_mix(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "busway.toml").write_text(f'app = "{name}"\n', "utf-8")
    with App.from_config(tmp_path / "one", {}) as one, App.from_config(tmp_path / "two", {}) as two:
        one.data.save_cache("a.b", 1)
        two.data.save_cache("a.b", 2)
        assert (one.data.get_cached_data("a.b"), two.data.get_cached_data("a.b")) == (1, 2)
        session = one.events.start_sync("only in one")
        one.events.end_sync(session)
    assert not list((tmp_path / "two" / ".busway" / "journal").glob("*"))
