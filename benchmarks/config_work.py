"""One process of `config.py`: loads and reads with one library. Prints JSON.

    python config_work.py LIBRARY cold|warm|reads|misspelt [COUNT]

It runs in the environment of its library and in the folder of the `.env`, and imports at first what it measures.
"""

from __future__ import annotations

import time

START = time.perf_counter()
"""Before any import that counts; what `time` and `__future__` cost, everybody has."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

KINDS = ["str"] * 30 + ["int"] * 10 + ["bool"] * 10 + ["float"] * 5 + ["secret"] * 5
TEXTS = {"str": "value-{}", "int": "{}", "bool": "true", "float": "{}.5", "secret": "synthetic-{}"}
PYTHON: dict[str, type] = {"str": str, "int": int, "bool": bool, "float": float}


def fields(count: int) -> list[tuple[str, str, str]]:
    """Field, kind and text of each setting; its variable is `APP_` and the field in capitals."""
    kinds = [KINDS[at % 60] for at in range(count)]
    return [(f"field_{at:03d}", kind, TEXTS[kind].format(at)) for at, kind in enumerate(kinds)]


# ---- Busway


def busway_model(count: int) -> Any:
    from pydantic import create_model

    from busway.contracts.settings import Secret, Settings, setting

    types = {**PYTHON, "secret": Secret}
    made: dict[str, Any] = {
        field: (types[kind], setting(env=f"APP_{field.upper()}", doc="A setting.")) for field, kind, _ in fields(count)
    }
    return create_model("Bench", __base__=Settings, **made)


def busway_cold(count: int) -> Iterator[Any]:
    """The secret sources of the deployment come through the plugin host."""
    from busway.configuration.boot import boot
    from busway.configuration.manager import ConfigManager
    from busway.configuration.sources import basic_sources
    from busway.contracts.clock import SystemClock
    from busway.contracts.plugins import PluginContext
    from busway.plugins.host import PluginHost
    from busway.plugins.index import load_index

    yield None
    model = busway_model(count)
    yield None
    stage, clock = boot(), SystemClock()
    host = PluginHost(load_index(), stage.selection)
    owned = [(distribution, one) for _, distribution, one in host.settings_models("secrets")]
    early = ConfigManager.open(stage, basic_sources(stage), owned, clock=clock) if owned else None

    def context(plugin: Any, settings: Any) -> Any:
        own = early.section(settings) if early is not None and settings is not None else None
        return PluginContext(
            plugin.name, own, root=stage.deployment.root, clock=clock, doubles={"environ": stage.environ}
        )

    sources = [(one.name, one.object) for one in host.build("secrets", context)]
    assert [name for name, _ in sources] == [pick.name for pick in stage.selection.secrets], host.problems()
    config = ConfigManager.open(stage, sources, [*owned, ("bench", model)], clock=clock)
    assert config.section(model).field_010 == "value-10"
    yield config
    # Each value knows where it came from; to say it is not part of loading.
    winner = config.explain("APP_FIELD_010").winner
    assert winner is not None


def app_cold(count: int) -> Iterator[Any]:
    """The whole application: every selected plugin is loaded, all settings are known."""
    from busway.app import App

    yield None
    model = busway_model(count)
    yield None
    config = App.from_config(require=False).config
    config.add_models([("bench", model)])
    assert config.section(model).field_010 == "value-10"
    yield config


def busway_warm(count: int) -> Callable[[], Any]:
    from busway.configuration.boot import boot
    from busway.configuration.manager import ConfigManager
    from busway.configuration.sources import basic_sources
    from busway.contracts.clock import SystemClock

    model, clock = busway_model(count), SystemClock()

    def load() -> Any:
        stage = boot()
        return ConfigManager.open(stage, basic_sources(stage), [("bench", model)], clock=clock).section(model)

    return load


def busway_reads() -> dict[str, Callable[[], Any]]:
    config = last(busway_cold(60))
    section = config.section(config._state.catalog.find("APP_FIELD_000").model)
    return {
        "config.APP_FIELD_000": timed_text("config.APP_FIELD_000", config=config),
        "section.field_000": timed_text("section.field_000", section=section),
        "config.get_secret(NAME)": timed_text("config.get_secret('APP_FIELD_055')", config=config),
        "config.explain(NAME)": timed_text("config.explain('APP_FIELD_010')", config=config),
    }


# ---- The others


def settings_cold(count: int) -> Iterator[Any]:
    """pydantic-settings."""
    from importlib import import_module

    from pydantic import SecretStr, create_model

    base = import_module("pydantic_settings")
    yield None
    model = settings_model(base, create_model, {**PYTHON, "secret": SecretStr}, count)
    yield None
    loaded = model()
    assert loaded.field_010 == "value-10"
    yield loaded


def settings_model(base: Any, create_model: Any, types: dict[str, Any], count: int) -> Any:
    config = base.SettingsConfigDict(env_prefix="APP_", env_file=".env", extra="ignore", frozen=True)
    parent = type("Base", (base.BaseSettings,), {"model_config": config})
    return create_model("Bench", __base__=parent, **{field: (types[kind], ...) for field, kind, _ in fields(count)})


def settings_warm(count: int) -> Callable[[], Any]:
    loaded = last(settings_cold(count))
    model: Callable[[], Any] = type(loaded)
    return model


def settings_reads() -> dict[str, Callable[[], Any]]:
    loaded = last(settings_cold(60))
    return {
        "settings.field_000": timed_text("settings.field_000", settings=loaded),
        "settings.field_055.get_secret_value()": timed_text("settings.field_055.get_secret_value()", settings=loaded),
    }


def dynaconf_cold(count: int) -> Iterator[Any]:
    from importlib import import_module

    dynaconf = import_module("dynaconf")
    yield None
    yield None
    yield dynaconf_load(dynaconf.Dynaconf, fields(count))


def dynaconf_load(make: Any, wanted: list[tuple[str, str, str]]) -> Any:
    loaded = make(envvar_prefix="APP", load_dotenv=True, dotenv_path=".env")
    for field, _, _ in wanted:
        loaded[field.upper()]
    assert loaded.FIELD_010 == "value-10"
    return loaded


def dynaconf_warm(count: int) -> Callable[[], Any]:
    import os
    from importlib import import_module

    make, wanted = import_module("dynaconf").Dynaconf, fields(count)
    given = {name for name in os.environ if name.startswith("APP_")}

    def load() -> Any:
        # It copies .env into the environment, where the next load would find everything without reading the file.
        for name in [name for name in os.environ if name.startswith("APP_") and name not in given]:
            del os.environ[name]
        return dynaconf_load(make, wanted)

    return load


def dynaconf_reads() -> dict[str, Callable[[], Any]]:
    loaded = last(dynaconf_cold(60))
    return {
        "settings.FIELD_000": timed_text("settings.FIELD_000", settings=loaded),
        "settings.get('FIELD_055')": timed_text("settings.get('FIELD_055')", settings=loaded),
    }


def plain_reads() -> dict[str, Callable[[], Any]]:
    import os

    return {"os.environ[NAME]": timed_text("environ['PATH']", environ=os.environ)}


# ---- Modes


def cold(steps: Iterator[Any]) -> dict[str, Any]:
    """Milliseconds of import, definition and first load, from the first statement of the process."""
    marks = [START, *(time.perf_counter() for _ in steps)]
    import sys

    names = ("import", "define", "load")
    spent = {name: (end - start) * 1e3 for name, start, end in zip(names, marks, marks[1:], strict=False)}
    heavy = sorted({module.partition(".")[0] for module in sys.modules} & {"azure", "requests", "httpx", "dotenv"})
    return {**spent, "total": (marks[-1] - START) * 1e3, "modules": len(sys.modules), "heavy": heavy}


def warm(load: Callable[[], Any], loops: int = 40) -> dict[str, Any]:
    """The median of many loads in milliseconds, and the fastest."""
    import statistics

    load()
    spent = []
    for _ in range(loops):
        start = time.perf_counter()
        load()
        spent.append((time.perf_counter() - start) * 1e3)
    return {"median": statistics.median(spent), "fastest": min(spent)}


def timed_text(statement: str, **names: Any) -> Callable[[], float]:
    """Nanoseconds of one run of a statement: the best of seven."""
    from timeit import Timer

    def best() -> float:
        return min(Timer(statement, globals=names).repeat(7, 20_000)) / 20_000 * 1e9

    return best


def reads(cases: dict[str, Callable[[], Any]]) -> dict[str, float]:
    return {name: measure() for name, measure in cases.items()}


def misspelt() -> dict[str, float]:
    """Searching an environment of sixty names for misspellings of sixty declared ones."""
    from busway.configuration.busway_names import check_busway_names
    from busway.configuration.nearest import Misspellings

    known = [f"APP_{field.upper()}_{kind.upper()}" for field, kind, _ in fields(60)]
    written = dict.fromkeys((*known[:30], *(f"OTHER_TOOL_{at}_HOME" for at in range(27))), "")
    wrong = [known[40].replace("FIELD", "FEILD"), known[50].replace("_", ""), known[55].lower()]
    written |= dict.fromkeys(wrong, "")
    assert sorted(Misspellings(known).among(written)) == sorted(wrong)
    first = warm(lambda: Misspellings(known).among(written))
    own = {**written, "BUSWAY_SINKZ": "log"}
    assert len(check_busway_names(own)[0]) == 1
    return {"declared": first["median"], "busway": warm(lambda: check_busway_names(own))["median"]}


def last(steps: Iterator[Any]) -> Any:
    *_, found = steps
    return found


COLD = {"busway": busway_cold, "app": app_cold, "pydantic-settings": settings_cold, "dynaconf": dynaconf_cold}
WARM = {"busway": busway_warm, "pydantic-settings": settings_warm, "dynaconf": dynaconf_warm}
READS = {
    "busway": busway_reads,
    "pydantic-settings": settings_reads,
    "dynaconf": dynaconf_reads,
    "interpreter": plain_reads,
}


def main(library: str, mode: str, *arguments: str) -> object:
    """The result of one mode."""
    if mode == "cold":
        return cold(COLD[library](60))
    if mode == "warm":
        return warm(WARM[library](int(arguments[0])))
    if mode == "reads":
        return reads(READS[library]())
    return misspelt()


if __name__ == "__main__":
    from sys import argv

    result = main(*argv[1:])
    from json import dumps

    print(dumps(result))
