"""Every way of breaking a plugin, in every kind: it stays with that plugin, and all there is to know is told."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.broken_plugins import BY_WAY, FAULTS, IN_APP, MODEL, WRONG, Fault, after, before, cause_of
from builders.distributions import GOOD, Installed, Site
from busway import App
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Settings
from busway.errors import ConfigurationError, PluginError
from busway.hookspecs import hookimpl
from busway.plugins import kind_host, loading
from busway.plugins.host import LoadedPlugin, PluginHost
from busway.plugins.index import CONTRACT, Index, IndexEntry
from busway.plugins.kinds import BUILT_INS, KINDS
from busway.plugins.report import PluginStatus
from busway.plugins.selection import Pick, Selection
from busway.plugins.worker import call_with_timeout

HANG_SECONDS = 0.05


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as made:
        yield made


@pytest.fixture
def impatient(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker in which `bad` hangs gives up at once; at the end it is let go."""
    release = threading.Event()
    monkeypatch.setattr(sys, "busway_release", release, raising=False)

    def call(work: Callable[[], Any], seconds: float, *, label: str) -> Any:
        hangs = fault.hangs and label.startswith(fault.hangs) and "bad" in label
        return call_with_timeout(work, HANG_SECONDS if hangs else seconds, label=label)

    monkeypatch.setattr(loading, "call_with_timeout", call)
    monkeypatch.setattr(kind_host, "call_with_timeout", call)
    yield
    release.set()


def make_context(plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
    return PluginContext(plugin.name, model() if model else None)


def host_of(index: Index, kind: str, names: str, *, required: bool = True) -> PluginHost:
    picks = tuple(Pick(name, required=required, origin="busway.toml:3") for name in names.split())
    return PluginHost(index, Selection(**{kind: picks}))


def of(host: PluginHost, name: str) -> PluginStatus:
    return next(row for row in host.statuses() if row.name == name and row.order)


def install(site: Site, kind: str, fault: Fault, name: str = "bad") -> Installed:
    return site.install(name, fault.source(kind), kind=kind, value=fault.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.way)
def test_a_broken_plugin_stays_alone_and_is_named(kind: str, fault: Fault, site: Site, impatient: None) -> None:
    """Who fails, who goes on, what is told, and what policy makes of it."""
    site.install("good", kind=kind)
    bad = install(site, kind, fault)
    site.install("fine", kind=kind)
    index = site.index()
    host = host_of(index, kind, "good bad fine")
    assert [plugin.name for plugin in host.build(kind, make_context)] == ["good", "fine"]
    assert (of(host, "good").state, of(host, "bad").state, of(host, "fine").state) == ("ready", "failed", "ready")
    assert of(host, "bad").code == fault.code
    with pytest.raises(PluginError) as caught:
        host.require()
    assert caught.value.exit_code == 3
    text = caught.value.render()
    point = f"entry point busway.v1.{kind}: bad = {fault.value.format(module=bad.module) or bad.module}"
    for part in (fault.code, f"plugin {kind}.bad", f"{bad.distribution} {bad.version}", point, "busway.toml:3"):
        assert part in text
    assert cause_of(fault, kind) in of(host, "bad").cause
    assert fault.remedy in of(host, "bad").remedy
    assert of(host, "bad").cause in text
    assert of(host, "bad").remedy in text
    assert "s3cret" not in text

    spared = host_of(index, kind, "good bad fine", required=False)
    assert [plugin.name for plugin in spared.build(kind, make_context)] == ["good", "fine"]
    spared.require()
    assert [(row.name, row.code) for row in spared.optional_failures()] == [("bad", fault.code)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_belongs_to_the_plugin_that_comes_first(kind: str, site: Site) -> None:
    """Otherwise an optional plugin that borrows a name would stop the application of everybody."""
    declares = after(MODEL.format(default="1"))
    site.install("first", declares("secrets"), kind="secrets")
    site.install("second", declares(kind), kind=kind)
    picks = {"secrets": [Pick("first")]}
    picks[kind] = [*picks.get(kind, []), Pick("second", required=False)]
    host = PluginHost(site.index(), Selection(**{each: tuple(chosen) for each, chosen in picks.items()}))
    for each in KINDS:
        host.build(each, make_context)
    host.require()
    (failed,) = host.optional_failures()
    assert (failed.name, failed.code) == ("second", "BW1309")
    assert "which declares ACME_SIZE; acme-busway-first 1.2 (secrets.first) declares it already" in failed.cause


def test_a_model_may_serve_several_plugins(site: Site) -> None:
    twin = "[busway.v1.validators]\ntwin = {module}\n"
    site.install("twin", after(MODEL.format(default="1"))("sinks") + GOOD["validators"], also=twin)
    host = PluginHost(site.index(), Selection(sinks=(Pick("twin"),), validators=(Pick("twin"),)))
    assert len(host.build("sinks", make_context)) == len(host.build("validators", make_context)) == 1
    host.require()


# -- in an application

TOML = """\
app = "test"
[plugins]
{kind} = {names}
[plugins.policy]
"{kind}.bad" = "{policy}"
"""


def open_app(folder: Path, kind: str, policy: str) -> App:
    names = [*BUILT_INS[kind], "bad", "good"]
    (folder / "busway.toml").write_text(TOML.format(kind=kind, names=names, policy=policy), "utf-8")
    return App.from_config(folder, {"ACME_SIZE": "much"} if folder.name == "wrong" else {})


def told_by_an_app(fault: Fault, kind: str) -> tuple[str, str]:
    """Code and cause. An application reads settings through its configuration, which knows their owner."""
    if fault.way == "model raises":
        return "BW1108", "the settings model of acme-busway-bad raised LookupError"
    return fault.code, cause_of(fault, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", IN_APP, ids=lambda fault: fault.way)
def test_an_application_stops_before_any_work_or_goes_on_without(
    kind: str, fault: Fault, site: Site, tmp_path: Path
) -> None:
    bad = install(site, kind, fault)
    site.install("good", kind=kind)
    folder = tmp_path / ("wrong" if fault is WRONG else "deployment")
    folder.mkdir()
    with pytest.raises(ConfigurationError) as caught:
        open_app(folder, kind, "required")
    text = caught.value.render()
    assert caught.value.exit_code == 3
    code, cause = told_by_an_app(fault, kind)
    for part in (code, bad.distribution, cause, fault.remedy):
        assert part in text
    assert not (folder / ".busway").exists()

    with open_app(folder, kind, "optional") as app:
        assert [plugin.name for plugin in app.objects(kind)] == [*BUILT_INS[kind], "good"]
        (warning,) = [each for each in app.warnings() if "bad" in each]
        for part in (f"{kind}.bad ({bad.distribution} {bad.version}) is not used", cause, fault.remedy):
            assert part in warning


def test_one_report_has_every_problem_of_every_kind(site: Site, tmp_path: Path) -> None:
    ways = ["missing dependency", "tryfirst", "settings raise", "factory raises", "lacks a member"]
    faults = {kind: BY_WAY[way] for kind, way in zip(KINDS, ways, strict=True)}
    for kind, fault in faults.items():
        install(site, kind, fault, f"bad-{kind}")
    lists = "".join(f'{kind} = ["bad-{kind}"]\n' for kind in KINDS)
    (tmp_path / "busway.toml").write_text(f'[plugins]\n{lists}[plugins.policy]\n"sinks.bad-sinks" = "required"\n')
    with pytest.raises(PluginError) as caught:
        App.from_config(tmp_path, {})
    assert [problem.code for problem in caught.value.problems] == [fault.code for fault in faults.values()]
    for problem, (kind, fault) in zip(caught.value.problems, faults.items(), strict=True):
        assert f"acme-busway-bad-{kind} 1.2, entry point busway.v1.{kind}: bad-{kind}" in problem.where
        assert cause_of(fault, kind) in problem.why
        assert "pip install" in problem.fix or "order plugins." in problem.fix


# -- at the command line

DEADLY = "import os; os._exit(77)"


@pytest.fixture
def deadly(site: Site, tmp_path: Path) -> tuple[dict[str, Installed], Callable[..., subprocess.CompletedProcess[str]]]:
    """A deployment that selects, of each kind, a plugin whose import ends the process on the spot."""
    plugins = {kind: install(site, kind, Fault("", before(DEADLY), "", ""), f"deadly-{kind}") for kind in KINDS}
    search = os.pathsep.join(filter(None, [str(site.folder), os.environ.get("PYTHONPATH")]))
    environ = {**os.environ, "PYTHONPATH": search, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(*arguments: str, kinds: tuple[str, ...] = KINDS) -> subprocess.CompletedProcess[str]:
        lists = "".join(f'{kind} = ["deadly-{kind}"]\n' for kind in kinds)
        (tmp_path / "busway.toml").write_text(f"[plugins]\n{lists}", "utf-8")
        code = "import sys; from busway.cli.main import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "-C", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=60)

    return plugins, run


Deadly = tuple[dict[str, Installed], Callable[..., "subprocess.CompletedProcess[str]"]]


@pytest.mark.parametrize("command", [["--help"], ["plugins", "list"], ["doctor"], ["--safe", "jobs"]], ids=" ".join)
def test_commands_that_mend_never_import_a_plugin(command: list[str], deadly: Deadly) -> None:
    plugins, run = deadly
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert not [each.distribution for each in plugins.values() if each.imported]
    if command[0] in ("plugins", "doctor"):
        assert all(each.distribution in done.stdout for each in plugins.values())


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_run_imports_the_plugin_that_is_selected(kind: str, deadly: Deadly) -> None:
    plugins, run = deadly
    done = run("run", kinds=(kind,))
    assert done.returncode == 77, done.stderr
    assert [name for name, each in plugins.items() if each.imported] == [kind]


# -- order

PAIRS = 1_000


class Numbered:
    """A plugin object that notes when its hook is called."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    @hookimpl
    def busway_validators(self, context: PluginContext[Any]) -> list[Any]:
        self._calls.append(self._name)
        return []


def test_plugins_are_called_in_the_configured_order_whatever_the_order_of_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(250)
    calls: list[str] = []
    names = list("abcdefghij")
    module = types.ModuleType("acme_numbered")
    vars(module).update({name: Numbered(name, calls) for name in names})
    monkeypatch.setitem(sys.modules, "acme_numbered", module)
    entries = [IndexEntry("validators", CONTRACT, name, f"acme_numbered:{name}", f"acme-{name}", "1") for name in names]
    seen = set()
    for _ in range(PAIRS):
        configured = chance.sample(names, chance.randint(1, 4))
        installed = chance.sample(entries, len(entries))
        host = PluginHost(Index(installed), Selection(validators=tuple(map(Pick, configured))))
        calls.clear()
        built = host.build("validators", make_context)
        assert calls == [plugin.name for plugin in built] == configured
        calls.clear()
        host._kinds["validators"].manager.hook.busway_validators(context=PluginContext("x", None))
        assert calls == configured
        seen.add((tuple(configured), tuple(entry.name for entry in installed)))
    assert len(seen) == PAIRS
