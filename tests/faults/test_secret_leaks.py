"""No secret is said: thousands of failures of everything a configuration does, with every logger at DEBUG."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from builders.blabbing_parts import (
    MODELS,
    PLAIN,
    SECRETS,
    Blabbing,
    BlabbingVault,
    hostile_attributes,
)
from builders.canaries import MARK, SHAPES, canaries_in, canaries_in_files, canary, copies_of, shown, spelled, views_of
from builders.distributions import Site
from builders.manual_clock import ManualClock
from busway import App
from busway.cli.main import main
from busway.configuration.boot import boot
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.settings import Secret
from busway.plugins.guarded_source import GuardedSource
from busway.plugins.index import load_index
from busway.plugins.origins import Origin
from busway.redaction.spellings import spellings
from busway.testing.secret_silence import everything_said, overheard

ORIGIN = Origin("secrets", "blab", "acme-busway-blab", "1.2", "acme_blab")
FAILURES = 10_000
log = logging.getLogger("acme.jobs")


@dataclass
class Net:
    """Catches what is said, and counts how much went wrong."""

    failures: int = 0
    said: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    def run(self, call: Callable[[], Any], *, shows: bool) -> Any:
        """Runs one operation; what it returns is looked at unless it may be a secret."""
        try:
            result = call()
        except Exception as error:
            self.failures += 1
            self.said.append(everything_said(error))
            if self.failures % 4 == 0:  # every time would take as long as all the rest
                self.said += copies_of(error)
            if self.failures % 16 == 0:
                log.debug("it failed: %s", error, exc_info=error, extra={"cause": error})
            return None
        if shows:
            self.said.append(shown(lambda: result))
        return result

    def draw(self, heard: list[str]) -> None:
        """Looks through everything that was said since the last time."""
        self.leaks += canaries_in("\n".join((*self.said, *heard)))
        self.said.clear()


@contextmanager
def listening(net: Net) -> Iterator[None]:
    with overheard() as heard:
        yield
    net.draw(heard)


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write_files(folder: Path, random: Random, toml: dict[str, str], dotenv: dict[str, str]) -> None:
    """Both files; now and then one of them is broken."""
    settings = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in toml.items())
    lines = [f"{name}={quoted(value)}" for name, value in dotenv.items()]
    if random.random() < 0.15 and lines:
        lines[-1] = random.choice([lines[-1][:-1], lines[-1].replace("=", " "), lines[-1].replace("'", "")])
    if random.random() < 0.1:
        settings += random.choice([f'B_CODE = "{MARK}', f"{MARK} {MARK}", f'[settings.{MARK}"', 'B_CODE = "A"\n'])
    (folder / "busway.toml").write_text(f'app = "fuzz"\n[settings]\n{settings}', "utf-8")
    (folder / ".env").write_text("\n".join(lines) + "\n", "utf-8")


def scattered(random: Random) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Secrets in all layers, some of them under the names of settings that are no secrets."""
    layers: dict[str, dict[str, str]] = {layer: {} for layer in ("env", "blab", "dotenv", "toml")}
    values = [canary(random) for _ in SECRETS]
    for name, value in zip(SECRETS, values, strict=True):
        for layer in random.sample(list(layers), random.randint(0, 2)):
            layers[layer][name] = value
    for name in random.sample(PLAIN, random.randint(0, 6)):
        layer = random.choice(["env", "dotenv", "toml"])
        layers[layer][name] = spelled(random.choice(values), random).replace("\0", "")
    layers["env"] |= {"SQL_SERVER": "sql.example.test"} if random.random() < 0.5 else {}
    return layers, values


def opened(folder: Path, random: Random, net: Net) -> ConfigManager | None:
    """A configuration over hostile layers, with the vault in its guard as in an application."""
    layers, _ = scattered(random)
    write_files(folder, random, layers["toml"], layers["dotenv"])
    environ = layers["env"] | ({"BUSWAY_SECRET": canary(random)} if random.random() < 0.1 else {})

    def open_it() -> ConfigManager:
        stage = boot(folder, environ)
        sources = basic_sources(stage)
        vault = GuardedSource(BlabbingVault(layers["blab"], random), ORIGIN)
        sources.insert(random.randint(0, 2), ("blab", vault))
        return ConfigManager.open(stage, sources, [("acme", one) for one in MODELS], clock=ManualClock())

    config = net.run(open_it, shows=False)
    return config if isinstance(config, ConfigManager) else None


Asked = tuple[Callable[[], Any], bool]
"""An operation, and whether its answer may be looked at: it is no secret."""


def questions(config: ConfigManager, random: Random) -> list[Asked]:
    """What one asks of a configuration about one name or model."""
    name = random.choice((*SECRETS, *PLAIN, "B_NOWHERE", "B_TOKN"))
    model = random.choice(MODELS)
    return [
        (lambda: config.get_secret(name), False),
        (lambda: config.get_secret(name.replace("_", "-"), refresh=True), False),
        (lambda: getattr(config, name), name in PLAIN),
        (lambda: list(map(shown, views_of(config.section(model)))), True),
        (lambda: config.section(model).model_dump_json(), True),
        (lambda: config.section(model).model_dump(), True),
        (lambda: config.build_sql_connection_string(), False),
        (lambda: config.explain(name, ask_vaults=True).render(), True),
        (lambda: config.explain(name).as_dict(), True),
        (lambda: setattr(config, name, canary(random)), True),
        (lambda: config.get_secret("B_UNDECLARED"), False),
        (lambda: Blabbing.model_validate({"number": "x", "token": 3}), True),
    ]


def surveys(config: ConfigManager) -> list[Asked]:
    """What one asks of a whole configuration."""
    about = (
        lambda: [problem.render() for problem in config.problems()],
        lambda: config.warnings(),
        lambda: json.dumps(config.get_configuration_status()),
        lambda: config.env_example(),
        lambda: config.validate_required_secrets(),
    )
    return [(call, True) for call in (*about, *views_of(config))]


def fuzz(folder: Path, seed: int, net: Net) -> None:
    """One configuration, asked until it has failed in many ways."""
    random = Random(seed)
    config = opened(folder, random, net)
    if config is None:
        return
    asked = [*surveys(config), *(one for _ in range(12) for one in questions(config, random))]
    for call, shows in random.sample(asked, len(asked)):
        net.run(call, shows=shows)


def hunt(folder: Path, failures: int, first_seed: int = 0) -> Net:
    """Fuzzes until there were that many failures."""
    net = Net()
    seed = first_seed
    while net.failures < failures and not net.leaks:
        with listening(net):
            fuzz(folder, seed, net)
        seed += 1
    return net


def test_ten_thousand_failures_say_no_secret(tmp_path: Path) -> None:
    net = hunt(tmp_path, FAILURES)
    assert net.leaks == []
    assert net.failures >= FAILURES


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_thousand_failures_say_no_secret(tmp_path: Path) -> None:
    net = hunt(tmp_path, 20 * FAILURES, first_seed=1_000_000)
    assert net.leaks == []


def test_every_spelling_of_every_shape_would_be_found() -> None:
    for shape in SHAPES:
        value = shape(f"{MARK}0123456789abcdef")
        assert all(canaries_in(f"some text {form} around") for form in spellings(value))
        assert canaries_in(json.dumps({"x": value})) != []
    assert canaries_in("some text around") == []


@pytest.mark.parametrize("place", ["log", "stdout", "error", "context", "result"])
def test_the_net_would_catch_a_leak(place: str) -> None:
    net, value = Net(), canary(Random(1))

    def leak() -> object:
        if place == "log":
            log.debug("value is %s", value)
        elif place == "stdout":
            print(value)  # noqa: T201 - what the net has to catch
        elif place == "error":
            raise ValueError(value)
        elif place == "context":
            try:
                raise KeyError(value)
            except KeyError:
                raise RuntimeError("clean") from None
        return value if place == "result" else Secret(value)

    with listening(net):
        net.run(leak, shows=True)
    assert net.leaks != []


# -- applications: journal, ledger, state, command line

PLUGIN = """
import sys
from builders.blabbing_parts import Blabbing
@hookimpl
def busway_settings():
    return Blabbing
@hookimpl
def busway_secret_source(context):
    return sys.busway_vault
"""


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A deployment that selects the vault, installed like any plugin."""
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "busway.toml").write_text('app = "fuzz"\n[plugins]\nsecrets = ["env", "blab", "dotenv"]\n', "utf-8")
    with Site(tmp_path / "site") as site:
        site.install(
            "blab", PLUGIN.replace("import Blabbing", "import Asking").replace("Blabbing", "Asking"), kind="secrets"
        )
        yield folder
    import sys

    sys.__dict__.pop("busway_vault", None)


def emit_everything(app: App, values: list[str], random: Random) -> None:
    """Events with secrets in all places that callers fill in."""
    session = app.events.start_sync(spelled(random.choice(values), random), spelled(random.choice(values), random))
    for number in range(60):
        value = random.choice(values)
        form = spelled(value, random)
        app.events.emit("system", attributes=hostile_attributes(value, random), entity_id=form, entity_type=form)
        app.events.log_error("validation", form, form, f"cannot {form}", ValueError(form), session)
        app.events.log_update("thing", str(number), {"field": (form, form), form: 1}, session)
    app.events.end_sync(session)


@pytest.mark.parametrize("seed", range(4))
def test_no_store_holds_a_secret(deployment: Path, seed: int) -> None:
    import sys

    random, net = Random(seed), Net()
    values = [canary(random) for _ in range(4)]
    names = ("B_TOKEN", "B_PASSWORD", "B_KEY", "VISTA_SQL_PASSWORD")
    held = dict(zip(names, values, strict=True))
    vault = BlabbingVault(dict(list(held.items())[:2]), random)
    sys.__dict__["busway_vault"] = vault
    (deployment / ".env").write_text(f"B_KEY={quoted(held['B_KEY'])}\n", "utf-8")
    with listening(net), App.from_config(deployment, {names[3]: values[3]}, require=False) as app:
        vault.fails = 0.0
        for name in ("B_TOKEN", "B_PASSWORD"):
            app.config.get_secret(name)
        vault.fails = 0.6
        emit_everything(app, values, random)
        for call, shows in (*questions(app.config, random), *surveys(app.config)):
            net.run(call, shows=shows)
        net.leaks += canaries_in_files(app.boot.state_dir)
        app.events.flush(20)
        net.leaks += canaries_in_files(app.boot.state_dir)
        net.said += app.warnings()
    net.leaks += canaries_in_files(deployment / ".busway")
    assert net.leaks == []
    assert list((deployment / ".busway").glob("*.db")), "there are stores to look into"


COMMANDS = (
    ("config", "status"),
    ("config", "status", "--json"),
    ("config", "check"),
    ("config", "check", "--json"),
    ("config", "explain", "B_TOKEN"),
    ("config", "explain", "B_TOKEN", "--json"),
    ("config", "explain", "--all"),
    ("config", "explain", "B_NUMBER"),
    ("config", "env-example"),
    ("doctor", "--json"),
    ("jobs", "list"),
    ("run",),
    ("run", "--debug"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_prints_a_secret(
    deployment: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    import sys

    random, net = Random(7), Net()
    values = {name: canary(random) for name in SECRETS}
    vault = BlabbingVault({"B_TOKEN": values["B_TOKEN"]}, random)
    sys.__dict__["busway_vault"] = vault
    monkeypatch.chdir(deployment)
    monkeypatch.setenv("B_NUMBER", values["B_TOKEN"])
    monkeypatch.setenv("B_KEY", values["B_KEY"])
    (deployment / ".env").write_text(f"B_PASSWORD={quoted(values['B_PASSWORD'])}\n", "utf-8")
    for fails in (0.0, 1.0):
        vault.fails = fails
        with listening(net):
            net.run(lambda: main(list(arguments)), shows=True)
    assert net.leaks == []
