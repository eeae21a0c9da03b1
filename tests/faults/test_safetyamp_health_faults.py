"""Health checks beside the stand-ins when something goes wrong: what they say, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builders.deployment import TOML
from builders.running_stand_ins import running_stand_ins
from builders.safetyamp_parts import StillClock
from busway.cli.main import main
from busway.configuration.declarations import declarations_of
from busway.configuration.values import prepared
from busway.contracts.clock import Clock, SystemClock
from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.plugins.health import CHECK_SECONDS
from busway_safetyamp import busway_health_checks
from busway_safetyamp.clients import Manner
from busway_safetyamp.health import MANNER, TURN_SECONDS
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.stand_ins import StandIns
from busway_safetyamp.settings import SafetyAmpSettings

PLACES = {"api": ("safetyamp", "roles"), "graph": ("graph", "users"), "samsara": ("samsara", "vehicles")}
BROKEN = {
    FaultKind.FAIL: "BW5101",
    FaultKind.THROTTLE: "BW5103",
    FaultKind.HTML: "BW5002",
    FaultKind.SHAPELESS: "BW5005",
    FaultKind.TRUNCATE: "BW5102",
    FaultKind.DROP: "BW5102",
}
SILENT = (FaultKind.SLOW, FaultKind.HANG)
REFUSED = {"api": "BW5001", "graph": "BW5013", "samsara": "BW5011"}
NOBODY = {"api": ("failed", "BW5005"), "graph": ("degraded", "no enabled user"), "samsara": ("degraded", "no vehicles")}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIns, Path]]:
    """One set of stand-ins for all, and the folder of a deployment beside them: nothing here writes."""
    folder = tmp_path_factory.mktemp("health")
    (folder / "busway.toml").write_text(f'{TOML}SAFETYAMP_USER_AGENT = "Acme/1.0"\n', "utf-8")
    with running_stand_ins(folder, people=20) as stand_ins:
        yield stand_ins, folder


@pytest.fixture
def stand_ins(running: tuple[StandIns, Path]) -> Iterator[StandIns]:
    yield running[0]
    for faults in running[0].faults.values():
        faults.clear()


def settings_of(values: Mapping[str, str]) -> SafetyAmpSettings:
    """The settings that the sandbox wrote."""
    declared = {one.name: one for one in declarations_of(SafetyAmpSettings, "busway-safetyamp")}
    return SafetyAmpSettings(**{declared[n].field: prepared(v, declared[n].text_form) for n, v in values.items()})


Checks = Callable[[Clock], dict[str, HealthCheck]]


@pytest.fixture
def checks(stand_ins: StandIns, running: tuple[StandIns, Path]) -> Checks:
    """Makes the checks by the names of their remotes."""
    settings = settings_of(stand_ins.settings(f"sqlite:///{running[1] / 'vista.db'}"))

    def made(clock: Clock) -> dict[str, HealthCheck]:
        context = PluginContext("safetyamp", settings, root=running[1], clock=clock)
        return {check.name.removeprefix("safetyamp."): check for check in busway_health_checks(context)}

    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For faults that end by a time-out alone; with the others a busy machine must not be taken for one."""
    manner = Manner(attempts=1, retry_seconds=0.0, read_seconds=0.3, attempt_seconds=0.3)
    monkeypatch.setattr("busway_safetyamp.health.MANNER", manner)


def asked(stand_ins: StandIns, name: str) -> int:
    """How many calls the remote of a check has answered, whatever the answer."""
    assert stand_ins.graph is not None
    answers = {
        "api": stand_ins.safetyamp.answers,
        "samsara": stand_ins.samsara.answers,
        "graph": stand_ins.graph.answers,
    }
    return sum(answers[name].values())


def arm(stand_ins: StandIns, name: str, kind: FaultKind, **options: object) -> None:
    stand_in, resource = PLACES[name]
    stand_ins.faults[stand_in].arm(Fault(kind, resource, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("kind", list(BROKEN), ids=str)
def test_a_remote_that_does_not_serve_is_failed_with_the_reason(
    stand_ins: StandIns, checks: Checks, name: str, kind: FaultKind
) -> None:
    arm(stand_ins, name, kind)
    before = asked(stand_ins, name)
    result = checks(SystemClock())[name].run()
    assert (result.status, result.detail[:6], bool(result.fix)) == ("failed", BROKEN[kind], True)
    assert asked(stand_ins, name) - before <= 3, "asked once: the directory is asked for its address and a token, too"
    assert len(stand_ins.safetyamp.ledger) == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("kind", SILENT, ids=str)
def test_a_remote_that_says_nothing_is_given_up_in_time(
    stand_ins: StandIns, checks: Checks, name: str, kind: FaultKind
) -> None:
    arm(stand_ins, name, kind, seconds=0.05)
    result = checks(SystemClock())[name].run()
    assert (result.status, result.detail[:6], bool(result.fix)) == ("failed", "BW5102", True)


def test_the_patience_of_a_check_ends_before_that_of_the_core() -> None:
    assert MANNER.attempts == 1
    assert TURN_SECONDS + MANNER.attempt_seconds < CHECK_SECONDS


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_failed(stand_ins: StandIns, checks: Checks, name: str, status: int) -> None:
    arm(stand_ins, name, FaultKind.FAIL, status=status)
    result = checks(SystemClock())[name].run()
    assert (result.status, result.detail[:6]) == ("failed", REFUSED[name])


@pytest.mark.parametrize("name", PLACES)
def test_an_answer_without_anybody_in_it_is_not_healthy(stand_ins: StandIns, checks: Checks, name: str) -> None:
    arm(stand_ins, name, FaultKind.EMPTY)
    status, told = NOBODY[name]
    result = checks(SystemClock())[name].run()
    assert result.status == status
    assert told in result.detail


@pytest.mark.parametrize("name", PLACES)
def test_an_hour_of_probes_every_ten_seconds_is_a_dozen_questions(
    stand_ins: StandIns, checks: Checks, name: str
) -> None:
    clock = StillClock()
    probe = checks(clock)[name].run
    probe()
    before, results = asked(stand_ins, name), set()
    for _ in range(360):
        clock.sleep(10)
        results.add(probe().status)
    one_question = 2 if name == "samsara" else 1
    assert results == {"ok"}
    assert asked(stand_ins, name) - before == 12 * one_question


def test_probes_at_the_same_time_are_one_question(stand_ins: StandIns, checks: Checks) -> None:
    before, probe = asked(stand_ins, "api"), checks(SystemClock())["api"].run
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: probe(), range(16)))
    assert {result.status for result in results} == {"ok"}
    assert asked(stand_ins, "api") - before == 1


def doctor(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, str], str]:
    """Exit code, the status of each of our checks, and everything printed."""
    code = main(["-C", str(folder), "doctor", *options])
    told = capsys.readouterr().out
    rows = [line.split() for line in told.splitlines() if line.startswith("safetyamp.")]
    return code, {row[0].removeprefix("safetyamp."): row[1] for row in rows}, told


def test_doctor_asks_every_remote_once_and_says_what_to_do(
    stand_ins: StandIns, running: tuple[StandIns, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: asked(stand_ins, name) for name in PLACES}
    code, found, _ = doctor(running[1], capsys, "--online")
    assert code == 0
    assert found == dict.fromkeys(("user_agent", "vista_address", "api", "vista", "graph", "samsara"), "ok")
    spent = {name: asked(stand_ins, name) - before[name] for name in PLACES}
    assert spent == {"api": 1, "samsara": 2, "graph": 3}
    arm(stand_ins, "api", FaultKind.HTML)
    arm(stand_ins, "samsara", FaultKind.EMPTY)
    code, found, told = doctor(running[1], capsys, "--online")
    assert (code, found["api"], found["samsara"], found["graph"]) == (3, "failed", "warning", "ok")
    assert "failed  safetyamp.api: check the address: `busway config explain SAFETYAMP_DOMAIN`" in told, told
    assert stand_ins.safetyamp.token not in told


def test_doctor_without_online_asks_nobody(
    stand_ins: StandIns, running: tuple[StandIns, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: asked(stand_ins, name) for name in PLACES}
    code, found, _ = doctor(running[1], capsys, "--plugins")
    assert (code, found) == (0, {"user_agent": "ok", "vista_address": "ok"})
    assert {name: asked(stand_ins, name) for name in PLACES} == before
