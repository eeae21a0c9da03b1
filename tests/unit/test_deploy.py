"""What ``deploy/`` holds is what it says: schemas, security, names of metrics, a configuration that is accepted."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from builders.markdown import ROOT
from busway.configuration.boot import boot
from busway.operation.schedule_policy import SchedulePolicy
from busway.operation.service_policy import ServicePolicy
from busway_service.numbers import NUMBERS
from busway_service.run_process import OUTCOMES

DEPLOY = ROOT / "deploy"
FORMS = ("deployment", "cronjob")
KUBERNETES = ("1.31", "1.37")
"""The oldest version that is still looked after somewhere, and the newest one the schemas are there for."""
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def manifests(form: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / form / "busway.yaml").read_text("utf-8")))


def pods(form: str) -> list[dict[str, Any]]:
    """The specification of every pod of a form."""
    found = []
    for one in manifests(form):
        if one["kind"] == "Deployment":
            found.append(one["spec"]["template"]["spec"])
        if one["kind"] == "CronJob":
            found.append(one["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    assert found
    return found


def of_kind(form: str, kind: str) -> dict[str, Any]:
    return next(one for one in manifests(form) if one["kind"] == kind)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("form", FORMS)
def test_every_manifest_fits_the_schema_of_kubernetes(form: str, version: str) -> None:
    for one in manifests(form):
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("form", FORMS)
def test_every_pod_keeps_the_rules_of_the_restricted_profile(form: str) -> None:
    for pod in pods(form):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] >= 10_000
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        kinds = {next(key for key in volume if key != "name") for volume in pod["volumes"]}
        assert kinds <= {"configMap", "persistentVolumeClaim", "emptyDir", "secret", "projected"}


@pytest.mark.parametrize("form", FORMS)
def test_state_is_on_a_volume_of_its_own_and_no_variables_are_injected(form: str) -> None:
    claim = of_kind(form, "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    for pod in pods(form):
        assert (pod["enableServiceLinks"], pod["automountServiceAccountToken"]) == (False, False)
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        assert mounts["/var/lib/busway"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert "configMap" in mounts["/etc/busway"]


def test_the_two_forms_are_never_both() -> None:
    kinds = {form: {one["kind"] for one in manifests(form)} for form in FORMS}
    assert "CronJob" not in kinds["deployment"]
    assert "Deployment" not in kinds["cronjob"]


def test_the_service_has_one_replica_its_probes_and_time_to_stop() -> None:
    spec = of_kind("deployment", "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/startupz", "liveness": "/livez", "readiness": "/readyz"}
    policy = service_policy("deployment")
    assert container["ports"][0]["containerPort"] == policy.port
    assert pod["terminationGracePeriodSeconds"] > policy.grace_seconds


def service_policy(form: str, folder: Path | None = None) -> ServicePolicy:
    import tomllib

    table = tomllib.loads(of_kind(form, "ConfigMap")["data"]["busway.toml"]).get("service", {})
    return ServicePolicy.from_table(table, lambda *path: ".".join(path))


@pytest.mark.parametrize("form", FORMS)
def test_the_configuration_of_a_form_is_accepted(form: str, tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text(of_kind(form, "ConfigMap")["data"]["busway.toml"], "utf-8")
    deployment = boot(tmp_path, {}).deployment
    SchedulePolicy.from_table(deployment.table("schedule"), ["employees"], deployment.where)
    assert bool(deployment.table("service")) is (form == "deployment")
    assert service_policy(form).is_loopback is (form == "cronjob")


def test_runs_of_cron_that_a_new_attempt_would_not_mend_are_not_tried_again() -> None:
    run = next(one for one in manifests("cronjob") if one["metadata"]["name"] == "busway-run")
    job = run["spec"]["jobTemplate"]["spec"]
    (rule,) = [one for one in job["podFailurePolicy"]["rules"] if "onExitCodes" in one]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [2, 3, 6, 7])
    assert (job["template"]["spec"]["restartPolicy"], run["spec"]["concurrencyPolicy"]) == ("Never", "Forbid")


def test_a_site_without_the_service_sends_digests_and_what_is_pending() -> None:
    crontab = (DEPLOY / "cron" / "busway.crontab").read_text("utf-8")
    manifest = (DEPLOY / "kubernetes" / "cronjob" / "busway.yaml").read_text("utf-8")
    for text in (crontab, manifest):
        assert "busway notify digest" in text
        assert "busway events flush" in text


def test_the_image_is_made_in_two_stages_and_runs_as_a_number() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = [line.split() for line in text.replace("\\\n", " ").splitlines() if line.strip() and line[0] != "#"]
    stages = [words for words in lines if words[0] == "FROM"]
    assert len(stages) == 2
    assert "latest" not in text
    last = lines[lines.index(stages[-1]) :]
    assert ["USER", "10001:10001"] in last
    assert ["ENTRYPOINT", '["busway"]'] in last, "without a shell, so that signals arrive"
    copied = [word for words in lines if words[0] == "COPY" and "--from=build" not in words for word in words[1:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    named = re.search(r'PLUGINS="([^"]+)"', text)
    assert named is not None
    ours = {f"busway-{path.parent.name.replace('_', '-')}" for path in ROOT.glob("plugins/*/pyproject.toml")}
    assert set(named[1].split()) <= ours


def test_what_the_image_needs_is_sent_to_its_build() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert kept == {"core", "plugins", "pyproject.toml", "requirements.txt", "LICENSE", "README.md"}


def unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "systemd" / "busway.service", "utf-8")
    return parser["Service"]


def test_the_unit_stops_the_service_kindly_and_knows_its_exit_codes() -> None:
    service = unit()
    assert service["ExecStart"] == "/opt/busway/bin/busway serve"
    assert (service["KillMode"], service["KillSignal"]) == ("mixed", "SIGTERM")
    assert int(service["TimeoutStopSec"]) > ServicePolicy().grace_seconds
    assert service["SuccessExitStatus"] == "130 143"
    assert service["RestartPreventExitStatus"] == "2 3 7"
    assert service["User"] != "root"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / "busway.service").read_text("utf-8")
    here = tmp_path / "busway.service"
    here.write_text(text.replace("/opt/busway/bin/busway", "/bin/true"), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    told = [line for line in (done.stdout + done.stderr).splitlines() if "busway.service" in line]
    assert told == []


def counted() -> set[str]:
    """Every name that a part of Busway counts under."""
    sources = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    return {name for path in sources for name in re.findall(r'"(busway_[a-z_]+)"', path.read_text("utf-8"))}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_numbers_that_there_are(rule: dict[str, Any]) -> None:
    names = set(re.findall(r"busway_[a-z_]+", rule["expr"]))
    assert names
    assert names <= counted()
    for name in names:
        assert (name.endswith("_total")) is (f"increase({name}" in rule["expr"]), "counters are asked for their growth"
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_chapter_that_says_what_to_do(rule: dict[str, Any]) -> None:
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    assert rule["alert"] in headings
    assert anchor == rule["alert"].lower()


def test_the_outcomes_that_alerts_ask_for_are_outcomes() -> None:
    known = {*OUTCOMES.values(), "failed", "abandoned", "overdue", "crashed", "put off"}
    asked = [
        one for rule in RULES for text in re.findall(r'outcome=~?"([^"]+)"', rule["expr"]) for one in text.split("|")
    ]
    assert asked
    assert set(asked) <= known


def test_every_number_of_the_service_is_counted_somewhere() -> None:
    source = (ROOT / "plugins/service/src/busway_service/numbers.py").read_text("utf-8")
    for name in NUMBERS:
        assert source.count(name.removeprefix("busway_service_")) > 1, name
