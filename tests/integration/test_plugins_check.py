"""``busway plugins check``: plugins that do anything to their process, met in real child processes.

Most specimens are selected together and checked by one command, as an operator would: each must be told as what it
is, whatever the others do.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builders.checked_distributions import HEALTHY, MODEL, Answer, CheckedDeployment, install_specimen
from builders.distributions import CACHE, GOOD, JOBS, SECRET_SOURCE, SINK, VALIDATORS, Installed, Site
from busway.contracts.health import HealthCheck, HealthResult
from busway.plugins.child import ChildRun, run_child
from busway.plugins.health import run_check
from busway.plugins.kinds import KINDS
from busway.plugins.recorded import recorded_load

ENDINGS = {
    "exits-at-import": ("import os\nos._exit(3)", "ended with exit code 3 while {module} was imported"),
    "crashes-at-import": (
        "import ctypes\nctypes.string_at(0)",
        "was killed by SIGSEGV while {module} was imported ({file}:4 in <module>)",
    ),
    "aborts-at-import": ("import os\nos.abort()", "was killed by SIGABRT while {module} was imported ({file}:4"),
    "exits-when-asked": (
        SINK + "\n@hookimpl\ndef busway_settings():\n    import os; os._exit(4)",
        "ended with exit code 4 while busway_settings() was called",
    ),
    "exits-when-built": (
        "import os\n@hookimpl\ndef busway_event_sink(context): os._exit(5)",
        "ended with exit code 5 while busway_event_sink() was called",
    ),
    "exits-when-closed": (
        SINK.replace("def close(self): pass", "def close(self): import os; os._exit(6)"),
        "ended with exit code 6 while close() was called",
    ),
    "exits-in-health": (
        SINK + HEALTHY.replace('HealthResult("ok", "there is room")', "__import__('os')._exit(8)"),
        "ended with exit code 8 while the health check acme.folder ran",
    ),
    "closes-all-files": ("import os\nos.closerange(3, 256)\nos._exit(7)", "ended with exit code 7"),
}
FAULTS = {
    "lacks-a-module": ("import acme_missing_thing", "BW1304", "No module named", "pip install acme_missing_thing"),
    "calls-sys-exit": ("import sys; sys.exit(2)", "BW1304", "SystemExit", "pip install -U"),
    "lacks-its-hook": ("", "BW1308", "has no hook busway_event_sink()", "write @hookimpl"),
    "builds-a-number": ("@hookimpl\ndef busway_event_sink(context): return 3", "BW1312", "lacks deliver()", "mend"),
    "raises-when-built": (
        "@hookimpl\ndef busway_event_sink(context): 1 / 0",
        "BW1311",
        "ZeroDivisionError",
        "pip install -U",
    ),
    "async-hook": ("@hookimpl\nasync def busway_event_sink(context): ...", "BW1315", "is async", "mend"),
    "async-method": (SINK.replace("def deliver", "async def deliver"), "BW1315", "Made.deliver() is async", "mend"),
    "settings-no-model": (
        SINK + "@hookimpl\ndef busway_settings(): return 3",
        "BW1309",
        "not a subclass",
        "pip install",
    ),
    "setting-misnamed": (SINK + MODEL.replace("ACME_SIZE", "acme size"), "BW1309", "acme size", "pip install"),
    "setting-of-the-core": (SINK + MODEL.replace("ACME_SIZE", "LOG_LEVEL"), "BW1309", "declared twice", "deselect one"),
}
HEALTH = {
    "health-raises": ("HealthCheck('acme.folder', lambda: 1 / 0)", "acme.folder raised ZeroDivisionError"),
    "health-no-detail": ("HealthCheck('acme.folder', lambda: HealthResult('failed'))", "acme.folder answered failed"),
    "health-no-checks": ("3", "busway_health_checks() returned list, not a list of HealthCheck"),
}
LOUD = "import os, sys\nprint('{\"done\": 1}')\nos.write(2, b'noise')\nsys.stdout.close()\n"
FLOOD = "import sys\nsys.stdout.write('x' * 1_000_000)\nassert sys.stdin.read() == ''\n"
LEAKY = "@hookimpl\ndef busway_event_sink(context):\n    raise ValueError(context.settings.token.get_secret_value())"
ODD = """
class Bad:
    def __call__(self, *args): pass
    @property
    def __signature__(self): raise RuntimeError("never look at me")
class Odd:
    deliver = close = Bad()
@hookimpl
def busway_event_sink(context): return Odd()
"""
SECRET = "correct-horse-battery"


@dataclass(frozen=True)
class Gallery:
    """One check of all specimens."""

    answer: Answer
    installed: dict[str, Installed]
    deployment: CheckedDeployment

    def row(self, name: str) -> dict[str, Any]:
        """What was said of the specimen `name`."""
        return self.answer.row(name)

    def file(self, name: str) -> Path:
        """The module of the specimen."""
        return self.deployment.site.folder / f"{self.installed[name].module}.py"


def specimens() -> dict[str, str]:
    """Name to source, of the sinks of the gallery."""
    checks = (
        "from busway.contracts.health import HealthCheck, HealthResult\n@hookimpl\ndef busway_health_checks(context):"
    )
    return {
        **{name: source for name, (source, _) in ENDINGS.items()},
        **{name: source for name, (source, *_) in FAULTS.items()},
        **{name: f"{SINK}\n{checks} return [{check}]" for name, (check, _) in HEALTH.items()},
        "healthy": SINK + HEALTHY,
        "loud": LOUD + SINK,
        "flood": FLOOD + SINK,
        "forks": "import os\nos.fork()\n" + SINK,
        "odd": ODD,
        "closes-badly": SINK.replace("def close(self): pass", "def close(self): 1 / 0"),
        "unset": SINK + MODEL,
        "leaky": MODEL + LEAKY,
        "unselected-exits": "import os; os._exit(3)",
    }


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("gallery")
    with Site(folder / "site") as site, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNSET_SIZE", "many")
        patch.setenv("LEAKY_TOKEN", SECRET)
        acme = CheckedDeployment(folder / "deployment", site)
        sinks = specimens()
        installed = {name: install_specimen(site, name, source) for name, source in sinks.items()}
        installed |= {f"good-{kind}": site.install(f"good-{kind}", GOOD[kind], kind=kind) for kind in KINDS}
        typed = CACHE.replace("def delete(self, key)", "def delete(self, key: bytes)")
        installed["typed"] = site.install("typed", typed, kind="caches")
        demands = JOBS.replace("def create(self, record)", "def create(self, record, run)")
        installed["demands"] = site.install("demands", demands, kind="jobs")
        acme.select(
            secrets=["env", "good-secrets"],
            caches=["good-caches", "typed"],
            sinks=["log", *(name for name in sinks if not name.startswith("unselected")), "good-sinks"],
            validators=["good-validators"],
            jobs=["good-jobs", "demands", "nowhere"],
        )
        yield Gallery(acme.check("--timeout", "60"), installed, acme)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[CheckedDeployment]:
    with Site(tmp_path / "site") as site:
        yield CheckedDeployment(tmp_path / "deployment", site)


# -- plugins that work


def test_rows_stand_in_the_configured_order(gallery: Gallery) -> None:
    rows = gallery.answer.envelope["data"]
    assert [(row["kind"], row["name"]) for row in rows[:5]] == [
        ("secrets", "env"),
        ("secrets", "good-secrets"),
        ("caches", "good-caches"),
        ("caches", "typed"),
        ("sinks", "log"),
    ]
    assert [row["order"] for row in rows if row["kind"] == "jobs"] == [1, 2, 3]


def test_a_row_tells_all_that_is_known(gallery: Gallery) -> None:
    row = gallery.row("healthy")
    assert (row["state"], row["cause"], row["remedy"], row["notes"]) == ("ready", "", "", [])
    assert (row["distribution"], row["version"], row["contract"]) == ("acme-busway-healthy", "1.2", 1)
    assert (row["entry_point"], row["required"]) == (gallery.installed["healthy"].module, False)
    assert row["origin"].startswith("busway.toml:")
    assert row["load_seconds"] > 0
    assert [check["name"] for check in row["health"]] == ["acme.folder"], "the other talks to a remote"


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_of_each_kind_is_built_in_its_process_and_nowhere_else(gallery: Gallery, kind: str) -> None:
    row = gallery.row(f"good-{kind}")
    assert (row["state"], row["notes"]) == ("ready", [])
    assert gallery.file(f"good-{kind}").with_suffix(".imported").exists()
    assert gallery.installed[f"good-{kind}"].module not in sys.modules


def test_nothing_that_is_not_selected_is_imported(gallery: Gallery) -> None:
    assert not gallery.file("unselected-exits").with_suffix(".imported").exists()


# -- plugins that end their process, fail, or are degraded


@pytest.mark.parametrize("name", ENDINGS)
def test_a_plugin_that_ends_its_process_is_named_with_the_step_it_took(gallery: Gallery, name: str) -> None:
    row = gallery.row(name)
    assert (row["state"], row["code"]) == ("failed", "BW1316")
    told = ENDINGS[name][1].format(module=gallery.installed[name].module, file=gallery.file(name))
    assert f"the process {told}" in row["cause"]
    assert f'pip install -U acme-busway-{name}, or take "{name}" out of plugins.sinks' in row["remedy"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_its_remedy(gallery: Gallery, name: str) -> None:
    _, code, cause, remedy = FAULTS[name]
    row = gallery.row(name)
    assert (row["state"], row["code"]) == ("failed", code), row
    assert cause in row["cause"]
    assert remedy in row["remedy"]


@pytest.mark.parametrize("name", HEALTH)
def test_a_health_check_that_does_not_pass_makes_the_plugin_degraded(gallery: Gallery, name: str) -> None:
    row = gallery.row(name)
    assert (row["state"], row["code"]) == ("degraded", "BW1318")
    assert HEALTH[name][1] in row["cause"]


def test_what_cannot_work_fails_and_what_only_disagrees_is_noted(gallery: Gallery) -> None:
    assert gallery.row("demands")["code"] == "BW1315"
    assert "People.create() demands run" in gallery.row("demands")["cause"]
    assert f"mend {gallery.file('demands')}:" in gallery.row("demands")["remedy"]
    assert gallery.row("typed")["state"] == "ready"
    assert "Made.delete() takes key: bytes, and is passed str" in gallery.row("typed")["notes"][0]


def test_an_object_that_cannot_be_looked_at_is_checked_as_far_as_it_goes(gallery: Gallery) -> None:
    row = gallery.row("odd")
    assert row["state"] == "ready"
    assert "could not be compared with the contract: RuntimeError: never look at me" in row["notes"][0]


def test_a_close_that_raises_is_noted(gallery: Gallery) -> None:
    assert gallery.row("closes-badly")["state"] == "ready"
    assert "close() raised ZeroDivisionError" in gallery.row("closes-badly")["notes"][0]


def test_what_is_not_installed_is_told_too(gallery: Gallery) -> None:
    assert (gallery.row("nowhere")["state"], gallery.row("nowhere")["code"]) == ("missing", "BW1301")


# -- plugins that are heard too much


def test_output_of_a_plugin_does_not_reach_the_result_and_is_told(gallery: Gallery) -> None:
    assert gallery.row("loud")["state"] == "ready"
    assert gallery.row("loud")["notes"] == [
        "it wrote 12 bytes to standard output, which belongs to the results of commands (--json)"
    ]
    assert "noise" not in gallery.answer.err


def test_a_flood_of_output_and_a_wait_for_input_stop_nothing(gallery: Gallery) -> None:
    assert gallery.row("flood")["state"] == "ready", gallery.row("flood")["cause"]
    assert "1,000,000 bytes" in gallery.row("flood")["notes"][0]


def test_two_processes_of_one_plugin_give_one_answer(gallery: Gallery) -> None:
    assert gallery.row("forks")["state"] == "ready"


# -- settings and secrets


def test_each_missing_or_wrong_setting_is_a_problem_of_its_own(gallery: Gallery) -> None:
    row = gallery.row("unset")
    assert (row["state"], row["code"]) == ("failed", "BW1310")
    assert {problem["code"] for problem in row["details"]} == {"BW1201", "BW1108"}
    assert "export UNSET_TOKEN=..." in str(row["details"]), "the way to set a secret is not taken for one"
    assert [setting["name"] for setting in row["settings"]] == ["UNSET_SIZE", "UNSET_TOKEN"]


def test_no_secret_is_told_or_recorded(gallery: Gallery) -> None:
    assert "ValueError: [redacted" in gallery.row("leaky")["cause"]
    record = (gallery.deployment.state_dir / "plugins.json").read_text("utf-8")
    assert "ValueError: [redacted" in record
    assert SECRET not in gallery.answer.out + gallery.answer.err + record


VAULT = """
from busway.contracts.secrets import SecretValue
class Made:
    serves_settings = False
    def fetch(self, name): return SecretValue("from-the-vault-1234") if name == "ACME_TOKEN" else None
    def fetch_many(self, names): return {name: found for name in names if (found := self.fetch(name))}
    def names(self): return ()
    def locate(self, name): return "the vault"
    def close(self): pass
@hookimpl
def busway_secret_source(context): return Made()
"""


def test_secrets_are_asked_of_the_sources_of_plugins_even_when_only_others_are_named(acme: CheckedDeployment) -> None:
    acme.site.install("vault", VAULT, kind="secrets")
    acme.site.install("pager", SINK + MODEL)
    acme.select(secrets=["env", "vault"], sinks=["pager"])
    (row,) = acme.check("pager").envelope["data"]
    assert (row["name"], row["state"]) == ("pager", "ready")


def test_a_source_that_breaks_is_not_taken_for_the_fault_of_others(acme: CheckedDeployment) -> None:
    acme.site.install("vault", "import os; os._exit(3)", kind="secrets")
    acme.site.install("pager", SINK + MODEL)
    acme.site.install("plain")
    acme.select(secrets=["env", "vault"], sinks=["pager", "plain"])
    answer = acme.check("vault", "pager", "plain")
    assert answer.code == 3, "a secret source is required"
    assert answer.row("vault")["code"] == "BW1316"
    assert answer.row("plain")["state"] == "ready"
    assert answer.row("pager")["code"] == "BW1310"
    assert answer.row("pager")["notes"] == ["secrets.vault cannot be used, and may be where these settings are"]


def test_a_secret_source_without_its_own_secret_is_found(acme: CheckedDeployment) -> None:
    acme.site.install("vault", SECRET_SOURCE + MODEL, kind="secrets")
    acme.select(secrets=["env", "vault"])
    row = acme.check("vault").row("vault")
    assert (row["code"], row["details"][0]["code"]) == ("BW1310", "BW1201")


def test_a_name_that_two_plugins_declare_is_found_though_each_is_alone(
    acme: CheckedDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    twin = SINK + VALIDATORS + MODEL
    acme.site.install("one", twin, also="[busway.v1.validators]\none = {module}\n")
    acme.site.install("two", SINK + MODEL)
    acme.select(sinks=["one", "two"], validators=["one"])
    answer = acme.check("one", "two")
    assert answer.row("sinks.one")["state"] == answer.row("validators.one")["state"] == "ready"
    assert answer.row("two")["code"] == "BW1309"
    assert "ACME_SIZE, which sinks.one declares too" in answer.row("two")["cause"]


# -- policy


def test_the_exit_code_follows_the_required_plugins(gallery: Gallery, acme: CheckedDeployment) -> None:
    assert gallery.answer.code == 3, "a job is required, and one is missing"
    assert gallery.answer.envelope["ok"] is False
    assert gallery.answer.envelope["error"]["code"] == "BW1315"
    assert "acme-busway-demands 1.2" in gallery.answer.envelope["error"]["where"]
    acme.select(sinks=["nowhere"])
    answer = acme.check()
    assert (answer.code, answer.envelope["ok"]) == (0, True)
    assert "sinks.nowhere is optional" in answer.envelope["warnings"][0]
    assert acme.check("--strict", "nowhere").code == 3
    acme.select('[plugins.policy]\n"sinks.nowhere" = "required"', sinks=["nowhere"])
    assert acme.check("nowhere").code == 3


def test_what_is_named_is_checked_though_it_is_not_selected(acme: CheckedDeployment) -> None:
    acme.site.install("good")
    acme.site.install("bad", "import os; os._exit(3)")
    acme.select()
    answer = acme.check("sinks.good", "bad")
    assert [(row["name"], row["order"], row["state"]) for row in answer.envelope["data"]] == [
        ("bad", 0, "failed"),
        ("good", 0, "ready"),
    ]
    assert answer.code == 0, "nothing that is required failed"
    assert recorded_load(acme.state_dir) == {}


def test_a_deployment_that_is_wrong_is_told_instead(acme: CheckedDeployment) -> None:
    (acme.folder / "busway.toml").write_text("[plugins]\nsinks = 3\n", "utf-8")
    answer = acme.check()
    assert answer.code == 3
    assert answer.envelope["error"]["code"] == "BW1102"


def test_checks_that_talk_to_a_remote_run_when_asked_for(acme: CheckedDeployment) -> None:
    acme.site.install("pager", SINK + HEALTHY)
    acme.select(sinks=["pager"])
    answer = acme.check("pager", "--online")
    row = answer.row("pager")
    assert (row["state"], row["code"], answer.code) == ("degraded", "BW1318", 0)
    assert (row["cause"], row["remedy"]) == ("nobody answers at acme.test", "call acme")
    assert {check["name"]: check["status"] for check in row["health"]} == {"acme.folder": "ok", "acme.ping": "degraded"}


def test_commands_of_plugins_can_be_checked_by_name(acme: CheckedDeployment) -> None:
    good, bad = SINK + "import click\ncli = click.Command('x')", SINK + "import os\nos._exit(9)"
    acme.site.install("good", good, also="[busway.v1.commands]\nacme-good = {module}:cli\n")
    acme.site.install("bad", bad, also="[busway.v1.commands]\nacme-bad = {module}:cli\n")
    acme.select()
    answer = acme.check("acme-good", "commands.acme-bad")
    assert answer.row("acme-good")["state"] == "ready"
    assert answer.row("acme-bad")["code"] == "BW1316"
    assert "exit code 9" in answer.row("acme-bad")["cause"]


# -- plugins that hang

HANGS = {
    "at-import": ("import threading\nthreading.Event().wait()", "while {module} was imported ({file}:4 in <module>)"),
    "when-built": (
        "import threading\n@hookimpl\ndef busway_event_sink(context):\n    threading.Event().wait()",
        "while busway_event_sink() was called ({file}:6 in busway_event_sink)",
    ),
    "with-the-interpreter": (
        "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
        "while {module} was imported ({file}:4 in <module>)",
    ),
}


def test_plugins_that_hang_are_stopped_in_their_time_and_where_they_hang_is_told(acme: CheckedDeployment) -> None:
    installed = {name: acme.site.install(name, source) for name, (source, _) in HANGS.items()}
    acme.select(sinks=list(HANGS))
    answer = acme.check(*HANGS, "--timeout", "3")
    for name, (_, told) in HANGS.items():
        row, module = answer.row(name), installed[name].module
        assert (row["state"], row["code"]) == ("failed", "BW1305")
        assert "no answer within 3 s" in row["cause"]
        assert told.format(module=module, file=acme.site.folder / f"{module}.py") in row["cause"]
        assert f"pip install -U acme-busway-{name}" in row["remedy"]


PARENT = """
import fcntl, os, signal
lock = os.open({lock!r}, os.O_RDWR)
if os.fork() == 0:
    signal.alarm(60)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, b"held")
    while True: signal.pause()
os.close(lock)
while not os.path.getsize({lock!r}): pass
"""


def test_what_a_plugin_starts_does_not_outlive_its_check(acme: CheckedDeployment, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    acme.site.install("parent", PARENT.format(lock=str(lock)) + SINK)
    acme.select(sinks=["parent"])
    started = time.monotonic()
    assert acme.check("parent").row("parent")["state"] == "ready"
    with lock.open("r+") as held:
        assert held.read() == "held"
        fcntl.flock(held, fcntl.LOCK_EX)  # waits for the grandchild, which would keep it for a minute
    assert time.monotonic() - started < 30


# -- the command line


def test_the_table_names_cause_remedy_and_entry_point_below_each_other(acme: CheckedDeployment) -> None:
    installed = acme.site.install("pager", "import pagerapi")
    acme.select(sinks=["nowhere", "pager"])
    answer = acme.run("plugins", "check", "nowhere", "pager")
    lines = answer.out.splitlines()
    assert lines[0].split() == ["KIND", "ORDER", "NAME", "STATE", "LOAD", "DISTRIBUTION", "NOTE"]
    at = next(number for number, line in enumerate(lines) if " pager " in line)
    note = lines[0].index("NOTE")
    assert lines[at].split()[:4] == ["sinks", "2", "pager", "failed"]
    assert "acme-busway-pager 1.2" in lines[at]
    assert lines[at][note:].startswith("ModuleNotFoundError: No module named 'pagerapi'")
    assert lines[at + 1][:note].strip() == ""
    assert lines[at + 1][note:].startswith("fix: pip install pagerapi")
    assert lines[at + 1].endswith(f"(entry point busway.v1.sinks: pager = {installed.module}, busway.toml:5)")
    assert lines[-1].startswith("2 plugins checked in ")
    assert lines[-1].endswith(": 1 missing, 1 failed")
    assert "sinks.pager is optional" in answer.err


def test_the_outcome_is_listed_with_its_age_until_another_version_is_installed(acme: CheckedDeployment) -> None:
    installed = acme.site.install("pager", "import pagerapi")
    acme.select(sinks=["pager"])
    assert acme.run("plugins", "list", "--json").row("sinks.pager")["loaded_at"] is None
    acme.check("pager")
    row = acme.run("plugins", "list", "--json").row("sinks.pager")
    assert (row["state"], row["code"]) == ("failed", "BW1304")
    assert row["age_seconds"] < 60
    assert "pip install pagerapi" in acme.run("plugins", "list").out
    acme.site.uninstall(installed)
    acme.site.install("pager", SINK, version="1.3")
    row = acme.run("plugins", "list", "--json").row("sinks.pager")
    assert (row["state"], row["loaded_at"], row["version"]) == ("selected", None, "1.3")


@pytest.mark.parametrize("arguments", [("--timeout", "0"), ("--timeout", "soon"), ("no-such-plugin",)])
def test_what_cannot_be_meant_is_a_usage_error(acme: CheckedDeployment, arguments: tuple[str, ...]) -> None:
    acme.select()
    assert acme.check(*arguments).code == 2


# -- the child process itself


def test_a_child_that_is_stopped_from_outside_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "waits_for_ever.py").write_text(
        "import os, signal\ndef main(request):\n"
        "    os.write(request['fd'], b'{\"pid\": %d}\\n' % os.getpid())\n"
        "    open(request['note'], 'w').close()\n"
        "    while True: signal.pause()\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    os.mkfifo(tmp_path / "note")
    stop = threading.Event()

    def stop_when_it_runs() -> None:
        (tmp_path / "note").open().close()
        stop.set()

    helper = threading.Thread(target=stop_when_it_runs)
    helper.start()
    run = run_child("waits_for_ever", {"note": str(tmp_path / "note")}, seconds=60, stop=stop)
    helper.join()
    assert (run.exit_code, run.overdue) == (None, False)
    with pytest.raises(ProcessLookupError):
        os.kill(run.said("pid"), 0)


def test_a_program_that_is_not_there_ends_with_an_error() -> None:
    run = run_child("busway.no_such_program", {}, seconds=30)
    assert (run.exit_code, run.said("done"), run.ending) == (1, None, "ended with exit code 1")


def test_a_check_that_answers_nonsense_has_failed_and_no_secret_of_its_answer_is_told() -> None:
    odd = HealthCheck("acme.folder", lambda: HealthResult("fine"))  # type: ignore[arg-type]
    assert "not one of ok, degraded, failed" in run_check(odd).detail
    assert run_check(HealthCheck("acme.folder", lambda: 3)).detail == "acme.folder returned int, not a HealthResult"  # type: ignore[arg-type, return-value]
    leaky = HealthCheck("acme.folder", lambda: HealthResult("degraded", f"sent {SECRET}", f"do not send {SECRET}"))
    told = run_check(leaky, redact=lambda text: text.replace(SECRET, "***"))
    assert told == HealthResult("degraded", "sent ***", "do not send ***")


def test_signals_are_named() -> None:
    assert ChildRun(exit_code=-signal.SIGSEGV).ending == "was killed by SIGSEGV"
    assert ChildRun(exit_code=-250).ending == "was killed by signal 250"
