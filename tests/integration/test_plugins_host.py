"""The plugin host on real, throw-away distributions: order, building, and each way of failing."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.distributions import CACHE, SINK, VALIDATORS, Installed, Site
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Settings
from busway.errors import ConfigurationError, PluginError
from busway.plugins.health import run_check
from busway.plugins.host import LoadedPlugin, PluginHost
from busway.plugins.kinds import KINDS
from busway.plugins.report import PluginStatus
from busway.plugins.selection import Pick, Selection


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as made:
        yield made


def host_of(site: Site, timeout_seconds: float = 10, **picks: Any) -> PluginHost:
    """A host that selects the named plugins of each kind."""
    chosen = {
        kind: tuple(pick if isinstance(pick, Pick) else Pick(pick, origin="busway.toml:3") for pick in names)
        for kind, names in picks.items()
    }
    return PluginHost(site.index(), Selection(**chosen), timeout_seconds=timeout_seconds)


def make_context(plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
    return PluginContext(plugin.name, model() if model else None)


def status(host: PluginHost, name: str) -> PluginStatus:
    return next(row for row in host.statuses() if row.name == name and row.order)


def assert_failed(host: PluginHost, installed: Installed, name: str, code: str, cause: str, remedy: str) -> None:
    """The plugin failed as expected, and its problem names everything a person needs."""
    row = status(host, name)
    assert (row.state, row.code) == ("failed", code), row
    assert cause in row.cause
    assert remedy in row.remedy
    with pytest.raises(PluginError) as caught:
        host.require()
    assert caught.value.exit_code == 3
    text = caught.value.render()
    for part in (code, f"{installed.distribution} {installed.version}", f"{name} = {installed.module}", cause, remedy):
        assert part in text
    assert "busway.toml:3" in text


# -- order


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_of_calls_is_the_configured_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
    install_order = data.draw(st.permutations(names))
    with Site(tmp_path_factory.mktemp("site")) as site:
        for name in install_order:
            site.install(name)
        host = host_of(site, sinks=names)
        assert [plugin.name for plugin in host.build("sinks", make_context)] == names
        manager = host._kinds["sinks"].manager
        called = manager.hook.busway_event_sink(context=PluginContext("x", None))
        assert [type(made).__module__ for made in called] == [plugin.entry_point for plugin in host.loaded("sinks")]
        assert [row.name for row in host.statuses()] == names


def test_imports_happen_in_the_configured_order(site: Site) -> None:
    site.install("a", "import sys; sys.busway_order = [*getattr(sys, 'busway_order', []), 'a']\n" + SINK)
    site.install("b", "import sys; sys.busway_order = [*getattr(sys, 'busway_order', []), 'b']\n" + SINK)
    host_of(site, sinks=["b", "a"]).load("sinks")
    order = sys.__dict__.pop("busway_order")
    assert order == ["b", "a"]


# -- building


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_of_each_kind_is_built_and_ready(site: Site, kind: str) -> None:
    installed = site.install("good", kind=kind)
    host = host_of(site, 10, **{kind: ["good"]})
    (built,) = host.build(kind, make_context)
    assert (built.kind, built.name, built.distribution, built.version) == (kind, "good", installed.distribution, "1.2")
    assert isinstance(built.object, tuple) == (kind in {"validators", "jobs"})
    row = status(host, "good")
    assert row.state == "ready"
    assert row.load_seconds > 0
    host.require()


def test_building_twice_builds_once(site: Site) -> None:
    site.install("good")
    host = host_of(site, sinks=["good"])
    first, second = host.build("sinks", make_context), host.build("sinks", make_context)
    assert first[0].object is second[0].object


def test_a_level_that_holds_entries_is_a_cache_too(site: Site) -> None:
    site.install("near", CACHE.replace("stores_in_clear = True", "holds_entries = True"), kind="caches")
    host = host_of(site, caches=["near"])
    assert [plugin.name for plugin in host.build("caches", make_context)] == ["near"]


def test_a_module_that_serves_two_kinds_is_imported_once_and_built_for_both(site: Site) -> None:
    site.install("twin", SINK + VALIDATORS, also="[busway.v1.validators]\ntwin = {module}\n")
    host = host_of(site, sinks=["twin"], validators=["twin"])
    assert len(host.build("sinks", make_context)) == len(host.build("validators", make_context)) == 1
    assert host.loaded("sinks")[0].module is host.loaded("validators")[0].module


MODEL = """
from busway import Settings, setting
class Mine(Settings):
    size: int = setting(7, env="ACME_SIZE", doc="How many.")
@hookimpl
def busway_settings():
    return Mine
"""


def test_settings_models_are_asked_and_handed_to_make_context(site: Site) -> None:
    site.install("plain")
    site.install("sized", MODEL + SINK)
    host = host_of(site, sinks=["plain", "sized"])
    ((name, distribution, model),) = host.settings_models("sinks")
    assert (name, distribution, model.__name__) == ("sized", "acme-busway-sized", "Mine")
    seen: dict[str, type[Settings] | None] = {}

    def remember(plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
        seen[plugin.name] = model
        return make_context(plugin, model)

    host.build("sinks", remember)
    assert seen == {"plain": None, "sized": model}


# -- ways of failing at import


def test_a_missing_plugin_stops_a_required_kind_before_any_work(site: Site) -> None:
    host = host_of(site, caches=["redis"])
    with pytest.raises(PluginError) as caught:
        host.require()
    assert caught.value.code == "BW1301"
    assert caught.value.problem.fix == "pip install busway-cache-redis"


IMPORT_FAULTS = [
    ("raise ImportError('no luck')", "ImportError: no luck", "pip install -U acme-busway-bad"),
    ("import pagerapi", "ModuleNotFoundError: No module named 'pagerapi'", "pip install pagerapi"),
    ("import sys; sys.exit(3)", "SystemExit: 3", "pip install -U acme-busway-bad"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt", "pip install -U acme-busway-bad"),
    ("assert False, 'never'", "AssertionError: never", "pip install -U acme-busway-bad"),
    ("def (", "SyntaxError: invalid syntax", "pip install -U acme-busway-bad"),
    ("from busway import nothing_like_it", "ImportError: cannot import name", "pip install -U acme-busway-bad"),
    ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "its text cannot be shown", "pip install -U"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "cause", "remedy"), IMPORT_FAULTS, ids=[fault[1][:24] for fault in IMPORT_FAULTS])
def test_a_broken_import_stays_with_its_plugin(site: Site, source: str, cause: str, remedy: str) -> None:
    bad = site.install("bad", source)
    site.install("good")
    host = host_of(site, sinks=["bad", "good"])
    assert [plugin.name for plugin in host.build("sinks", make_context)] == ["good"]
    assert_failed(host, bad, "bad", "BW1304", cause, remedy)


def test_the_cause_names_file_and_line(site: Site) -> None:
    bad = site.install("bad", "\n\nraise ValueError('here')")
    host = host_of(site, sinks=["bad"])
    host.load("sinks")
    assert f"{bad.module}.py:5)" in status(host, "bad").cause


def test_an_entry_point_without_its_module_or_attribute(site: Site) -> None:
    gone = site.install("gone", value="acme_package_that_moved.sink")
    other = site.install("other", value="json:no_such_thing")
    wild = site.install("wild", value="not a module!")
    host = host_of(site, sinks=["gone", "other", "wild"])
    host.load("sinks")
    assert f"pip install --force-reinstall {gone.distribution}" in status(host, "gone").remedy
    assert "no_such_thing" in status(host, "other").cause
    assert "not of the form" in status(host, "wild").cause
    assert {row.version for row in host.statuses()} == {other.version} == {wild.version}


def test_a_hanging_import_is_given_up_and_not_tried_again(site: Site) -> None:
    release = threading.Event()
    sys.__dict__["busway_release"] = release
    bad = site.install(
        "bad", "import sys; sys.busway_release.wait(60)", also="[busway.v1.validators]\nbad = {module}\n"
    )
    host = host_of(site, timeout_seconds=0.05, sinks=["bad"], validators=["bad"])
    host.load("sinks")
    assert_failed(host, bad, "bad", "BW1305", "no answer within 0.05 s", "must not wait for a remote")
    host.load("validators")
    validators = next(row for row in host.statuses() if row.kind == "validators")
    assert validators.code == "BW1305"
    assert validators.load_seconds < 0.05
    sys.__dict__.pop("busway_release").set()


# -- ways of failing at registration

SPOILT_HOOKS = [
    (SINK.replace("busway_event_sink(context)", "busway_event_sink(context, nope)"), "BW1306", "nope", "pip install"),
    (SINK + "@hookimpl\ndef busway_event_snik(context): ...", "BW1306", "unknown hook 'busway_event_snik'",
     "did you mean busway_event_sink()?"),
    (SINK + "def busway_setings(): ...", "BW1306", "unknown hook 'busway_setings'", "did you mean busway_settings()?"),
    (SINK.replace("@hookimpl", ""), "BW1306", "busway_event_sink() is not marked with @hookimpl", "pip install -U"),
    (SINK.replace("@hookimpl", "@hookimpl(tryfirst=True)"), "BW1307", "tryfirst", "order plugins.sinks instead"),
    (SINK.replace("@hookimpl", "@hookimpl(trylast=True)"), "BW1307", "trylast", "order plugins.sinks instead"),
    ("x = 1", "BW1308", "has no hook busway_event_sink()", "write @hookimpl def busway_event_sink(context)"),
    (CACHE, "BW1308", "only busway_cache_backend()", "use the group of its own kind"),
    (SINK.replace("@hookimpl", "@hookimpl(wrapper=True)"), "BW1306", "not a generator function", "pip install -U"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code", "cause", "remedy"), SPOILT_HOOKS)
def test_hooks_that_do_not_fit_stay_with_their_plugin(
    site: Site, source: str, code: str, cause: str, remedy: str
) -> None:
    bad = site.install("bad", source)
    site.install("good")
    host = host_of(site, sinks=["good", "bad"])
    assert [plugin.name for plugin in host.build("sinks", make_context)] == ["good"]
    assert_failed(host, bad, "bad", code, cause, remedy)


def test_a_class_behind_the_entry_point_is_refused(site: Site) -> None:
    bad = site.install("bad", "class Plugin:\n    @hookimpl\n    def busway_event_sink(self, context): ...")
    points = bad.info / "entry_points.txt"
    points.write_text(points.read_text().replace(bad.module, f"{bad.module}:Plugin"))
    host = host_of(site, sinks=["bad"])
    host.load("sinks")
    assert_failed(host, bad, "bad", "BW1306", "is a class", "pip install -U")


def test_an_object_behind_the_entry_point_works(site: Site) -> None:
    good = site.install(
        "good", SINK + "class Plugin:\n    busway_event_sink = staticmethod(busway_event_sink)\nit = Plugin()"
    )
    points = good.info / "entry_points.txt"
    points.write_text(points.read_text().replace(good.module, f"{good.module}:it"))
    host = host_of(site, sinks=["good"])
    assert len(host.build("sinks", make_context)) == 1


# -- ways of failing at settings and factory

SPOILT_SETTINGS = [
    ("@hookimpl\ndef busway_settings(): return dict", "returned dict, which is not a subclass"),
    ("@hookimpl\ndef busway_settings(): return 3", "returned an object of int"),
    ("@hookimpl\ndef busway_settings(): raise OSError('disk')", "busway_settings() raised OSError: disk"),
]


@pytest.mark.parametrize(("source", "cause"), SPOILT_SETTINGS)
def test_a_settings_hook_that_answers_nonsense(site: Site, source: str, cause: str) -> None:
    bad = site.install("bad", SINK + source)
    host = host_of(site, sinks=["bad"])
    assert host.settings_models("sinks") == []
    assert host.build("sinks", make_context) == []
    assert_failed(host, bad, "bad", "BW1309", cause, "pip install -U acme-busway-bad")


def test_bad_settings_are_the_plugins_failure_with_their_own_problems(site: Site) -> None:
    bad = site.install("bad", MODEL + SINK)
    site.install("good")
    host = host_of(site, sinks=["bad", "good"])

    def refuse(plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
        if plugin.name == "bad":
            raise ConfigurationError(
                "BW1201", "ACME_SIZE is not a number", where=".env:7", fix="set ACME_SIZE to a number"
            )
        return make_context(plugin, model)

    assert [plugin.name for plugin in host.build("sinks", refuse)] == ["good"]
    assert_failed(host, bad, "bad", "BW1310", "ACME_SIZE is not a number", "set ACME_SIZE to a number")
    assert [problem.code for problem in host.problems()] == ["BW1310", "BW1201"]
    assert host.problems()[1].where == ".env:7"


def test_code_in_a_settings_model_that_breaks_does_not_tell_what_it_saw(site: Site) -> None:
    validator = """
from pydantic import model_validator
class Mine(Mine):
    @model_validator(mode="before")
    @classmethod
    def look(cls, given): raise LookupError("s3cret")
"""
    bad = site.install("bad", MODEL + SINK + validator)
    host = host_of(site, sinks=["bad"])
    assert host.build("sinks", make_context) == []
    assert_failed(host, bad, "bad", "BW1310", "its settings model raised LookupError", "pip install -U")
    assert "s3cret" not in "".join(problem.render() for problem in host.problems())


FACTORY = "@hookimpl\ndef busway_event_sink(context):\n    "
SPOILT_FACTORIES = [
    ("sinks", FACTORY + "raise ValueError('boom')", "BW1311", "busway_event_sink() raised ValueError: boom"),
    ("sinks", FACTORY + "import sys; sys.exit(1)", "BW1311", "raised SystemExit: 1"),
    ("sinks", FACTORY + "return None", "BW1312", "returned None"),
    ("sinks", SINK.replace("return Made()", "return Made"), "BW1312", "returned the class Made"),
    ("sinks", FACTORY + "return object()", "BW1312", "lacks deliver(), close() of EventSink"),
    ("sinks", SINK.replace("def close(self): pass", "close = 3"), "BW1312", "lacks close() of EventSink"),
    ("caches", CACHE.replace("def scan", "def skan"), "BW1312", "lacks scan() of CacheBackend"),
    ("caches", CACHE.replace("stores_in_clear", "x"), "BW1312", "lacks stores_in_clear of CacheBackend"),
    ("validators", VALIDATORS.replace("[Rules()]", "Rules()"), "BW1312", "not a list or tuple"),
    ("validators", VALIDATORS.replace("entity =", "entty ="), "BW1312", "lacks entity of Validator"),
    ("jobs", "@hookimpl\ndef busway_jobs(context): return [object()]", "BW1312", "not an object of a subclass of Job"),
]


@pytest.mark.parametrize(("kind", "source", "code", "cause"), SPOILT_FACTORIES)
def test_a_factory_that_fails_or_builds_the_wrong_thing(
    site: Site, kind: str, source: str, code: str, cause: str
) -> None:
    bad = site.install("bad", source, kind=kind)
    site.install("good", kind=kind)
    host = host_of(site, 10, **{kind: ["bad", "good"]})
    assert [plugin.name for plugin in host.build(kind, make_context)] == ["good"]
    assert_failed(host, bad, "bad", code, cause, "pip install -U acme-busway-bad")


def test_a_job_without_its_declarations_is_told_what_it_lacks(site: Site) -> None:
    source = """
    from busway import Job
    class Bare(Job):
        name = "bare"
        def source(self, run): return []
        def target(self, run): return None
        def create(self, record): return record
    @hookimpl
    def busway_jobs(context): return [Bare()]
    """
    bad = site.install("bad", source, kind="jobs")
    host = host_of(site, jobs=["bad"])
    assert host.build("jobs", make_context) == []
    assert_failed(host, bad, "bad", "BW1312", "does not declare entity, match_on, fields", "busway.contracts.jobs")


def test_a_hanging_factory_is_given_up(site: Site) -> None:
    release = threading.Event()
    sys.__dict__["busway_release"] = release
    bad = site.install("bad", FACTORY + "__import__('sys').busway_release.wait(60)")
    site.install("good")
    host = host_of(site, sinks=["bad", "good"])
    host.load("sinks")
    host._kinds["sinks"]._timeout_seconds = 0.05
    assert [plugin.name for plugin in host.build("sinks", make_context)] == ["good"]
    sys.__dict__.pop("busway_release").set()
    assert_failed(host, bad, "bad", "BW1305", "busway_event_sink() gave no answer within 0.05 s", "pip install -U")


def test_what_a_plugin_says_is_redacted(site: Site) -> None:
    site.install("bad", FACTORY + "raise ValueError('token s3cret')")
    host = PluginHost(site.index(), Selection(sinks=(Pick("bad"),)), redact=lambda text: text.replace("s3cret", "***"))
    host.build("sinks", make_context)
    assert "token ***" in status(host, "bad").cause


# -- what is never imported


def test_what_is_not_selected_or_speaks_another_contract_is_never_imported(site: Site) -> None:
    unselected = site.install("unselected")
    foreign = site.install("foreign", contract=2)
    shadowed = site.install("log", distribution="acme-log")
    one = site.install("same", distribution="acme-one")
    two = site.install("same", distribution="acme-two")
    good = site.install("good")
    host = host_of(site, sinks=["good", "foreign", "same", "log"])
    host.build("sinks", make_context)
    assert good.imported
    assert not [each for each in (unselected, foreign, shadowed, one, two) if each.imported]
    assert {(row.name, row.state) for row in host.statuses()} == {
        ("good", "ready"),
        ("foreign", "incompatible"),
        ("same", "ambiguous"),
        ("same", "installed"),
        ("log", "missing"),
        ("log", "shadowed"),
        ("unselected", "installed"),
    }


def test_a_chosen_distribution_is_the_only_one_imported(site: Site) -> None:
    one = site.install("email", distribution="acme-one")
    two = site.install("email", distribution="acme-two")
    host = host_of(site, sinks=[Pick("email", "acme-two")])
    (built,) = host.build("sinks", make_context)
    assert built.distribution == "acme-two"
    assert (one.imported, two.imported) == (False, True)


# -- policy and the whole report


def test_optional_failures_do_not_stop_and_are_reported(site: Site) -> None:
    site.install("bad", "raise ValueError")
    host = host_of(site, sinks=[Pick("bad", required=False), Pick("nowhere", required=False)])
    host.build("sinks", make_context)
    host.require()
    assert [row.name for row in host.optional_failures()] == ["bad", "nowhere"]
    assert host.problems() == []


def test_all_problems_of_all_kinds_are_in_one_report(site: Site) -> None:
    site.install("bad", "raise ValueError")
    site.install("foreign", contract=2, kind="caches")
    host = host_of(site, caches=["foreign", "redis"], sinks=["bad"], jobs=["safetyamp"])
    for kind in KINDS:
        host.build(kind, make_context)
    with pytest.raises(PluginError) as caught:
        host.require()
    assert [problem.code for problem in caught.value.problems] == ["BW1302", "BW1301", "BW1304", "BW1301"]
    assert all(problem.where and problem.why and problem.fix for problem in caught.value.problems)


def test_many_random_hosts_lose_nobody(site: Site) -> None:
    """Whatever mixture of good and bad is selected, every pick has exactly one row and every good one is built."""
    chance = random.Random(20)
    for number in range(6):
        site.install(f"good{number}")
        site.install(f"bad{number}", chance.choice([fault[0] for fault in IMPORT_FAULTS]))
    index = site.index()
    for _ in range(4):
        names = chance.sample([entry.name for entry in index.entries("sinks")], 6)
        host = PluginHost(index, Selection(sinks=tuple(map(Pick, names))))
        built = [plugin.name for plugin in host.build("sinks", make_context)]
        assert built == [name for name in names if name.startswith("good")]
        assert [row.name for row in host.statuses() if row.order] == names


# -- health checks

CHECKS = """
from busway.contracts.health import HealthCheck, HealthResult
@hookimpl
def busway_health_checks(context):
    return [HealthCheck("acme.ping", lambda: HealthResult("ok", context.name))]
"""


def test_health_checks_are_collected_once_per_module(site: Site) -> None:
    site.install("twin", SINK + VALIDATORS + CHECKS, also="[busway.v1.validators]\ntwin = {module}\n")
    host = host_of(site, sinks=["twin"], validators=["twin"])
    assert host.health_checks(make_context) == []
    for kind in ("sinks", "validators"):
        host.build(kind, make_context)
    ((plugin, check),) = host.health_checks(make_context)
    assert (plugin.name, check.name, run_check(check).detail) == ("twin", "acme.ping", "twin")


@pytest.mark.parametrize("body", ["raise ValueError('sick')", "return 3", "return [3]", "import sys; sys.exit()"])
def test_a_plugin_that_cannot_name_its_checks_gets_one_that_says_so(site: Site, body: str) -> None:
    site.install("bad", SINK + f"@hookimpl\ndef busway_health_checks(context):\n    {body}\n")
    host = host_of(site, sinks=["bad"])
    host.build("sinks", make_context)
    ((_, check),) = host.health_checks(make_context)
    result = run_check(check)
    assert result.status == "failed"
    assert "acme-busway-bad 1.2" in result.detail
    assert result.fix == "pip install -U acme-busway-bad"
    assert status(host, "bad").state == "ready"
