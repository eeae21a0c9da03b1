"""The service as a process: started, asked, stopped and killed in every state, and the books looked at afterwards."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from builders.people_deployment import person
from builders.service_house import ServiceHouse, ServiceProcess, events_of, until


def begin(service: ServiceProcess, *jobs: str) -> str:
    response = service.post("/api/v1/runs", {"jobs": list(jobs)})
    assert response.status_code == 202, response.text
    run_id: str = response.json()["data"]["run_id"]
    return run_id


def children(service: ServiceProcess) -> list[psutil.Process]:
    return psutil.Process(service.process.pid).children(recursive=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_nothing_runs_ends_it_at_once(house: ServiceHouse, number: int, code: int) -> None:
    service = house.process()
    began = time.monotonic()
    service.process.send_signal(number)
    assert service.ends() == code
    assert time.monotonic() - began < 5
    assert events_of(house.people.folder, "error") == []


def test_a_signal_during_a_run_finishes_the_record_in_hand_and_the_next_start_goes_on(house: ServiceHouse) -> None:
    house.people.source(person(1), person(2), person(3))
    service = house.process()
    gate = house.people.gate("write")
    run_id = begin(service, "people")
    until(lambda: gate.with_suffix(".reached").exists(), "the write")
    service.process.send_signal(signal.SIGTERM)
    until(lambda: service.get("/readyz").status_code == 503, "the end of readiness")
    assert service.get("/readyz").json()["data"]["status"] == "stopping"
    assert service.get("/livez").status_code == 200
    refused = service.post("/api/v1/runs", {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "BW8119")
    gate.unlink()
    assert service.ends() == 143
    assert [one["number"] for one in house.people.target()] == ["1"], "the record in hand, and none after it"
    again = house.process()
    ended = again.ended(run_id)
    assert (ended["outcome"], ended["attempts"]) == ("ok", 1)
    assert [one["number"] for one in house.people.target()] == ["1", "2", "3"]


def test_the_second_signal_ends_it_and_the_run_at_once(house: ServiceHouse) -> None:
    house.people.source(person(1))
    service = house.process()
    gate = house.people.gate("write")
    run_id = begin(service, "people")
    until(lambda: gate.with_suffix(".reached").exists(), "the write")
    (child,) = children(service)
    service.process.send_signal(signal.SIGTERM)
    until(lambda: service.get("/readyz").status_code == 503, "the end of readiness")
    service.process.send_signal(signal.SIGTERM)
    assert service.ends() == 143
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the end of the run")
    gate.unlink()
    assert house.process().ended(run_id)["outcome"] == "ok"
    assert len(house.people.target()) == 1


def test_a_killed_service_loses_no_run_and_repeats_none(house: ServiceHouse) -> None:
    house.people.source(person(1), person(2))
    house.people.source(person(3), job="teams")
    service = house.process()
    gate = house.people.gate("write")
    first = begin(service, "people")
    until(lambda: gate.with_suffix(".reached").exists(), "the write")
    waiting = service.post("/api/v1/runs", {"jobs": ["teams"], "when_busy": "queue"}).json()["data"]["run_id"]
    (orphan,) = children(service)
    service.process.kill()
    service.ends()
    again = house.process()
    time.sleep(0.2)
    assert again.data(f"/runs/{first}")["state"] == "running", "its process goes on, and nobody begins another"
    assert again.data("/status")["lease"]["holder"].startswith(f"process {orphan.pid} ")
    gate.unlink()
    ended = again.ended(first)
    assert (ended["outcome"], ended["attempts"]) == ("ok", 1), "the ledger says how it ended"
    assert again.ended(waiting)["outcome"] == "ok"
    assert [one["number"] for one in house.people.target()] == ["1", "2"]
    assert len(house.people.target("teams")) == 1


def test_a_run_whose_process_is_killed_is_begun_again_and_given_up_after_three_times(house: ServiceHouse) -> None:
    house.people.source(person(1))
    service = house.process()
    gate = house.people.gate("source")
    run_id = begin(service, "people")
    killed: set[int] = set()
    for _ in range(3):

        def fresh() -> psutil.Process | None:
            return next((one for one in children(service) if one.pid not in killed), None)

        child = until(fresh, "the process of the run")
        killed.add(child.pid)
        child.kill()
    ended = service.ended(run_id)
    assert (ended["outcome"], ended["attempts"], ended["exit_code"]) == ("abandoned", 3, -signal.SIGKILL)
    gate.unlink()
    assert service.ended(begin(service, "people"))["outcome"] == "ok"
    service.process.terminate()
    service.ends()
    codes = [one["error_code"] for one in events_of(house.people.folder, "error")]
    assert codes.count("BW8122") == 3


def test_a_hanging_run_leaves_probes_quick_and_is_ended_when_its_time_is_over(house: ServiceHouse) -> None:
    house.toml(schedule='manual = true\n[schedule.people]\nstop_after = "2s"', service='grace = "6s"')
    house.people.source(person(1))
    house.people.source(person(2), job="teams")
    gate = house.people.gate("write")
    service = house.process()
    run_id = begin(service, "people")
    until(lambda: gate.with_suffix(".reached").exists(), "the write")
    assert service.get("/readyz").status_code == 200
    assert service.ended(run_id)["outcome"] == "overdue"
    gate.unlink()
    assert service.ended(begin(service, "teams"))["outcome"] == "ok", "a job without a limit"
    service.process.terminate()
    service.ends()
    assert [one["error_code"] for one in events_of(house.people.folder, "error")] == ["BW8125"]


def test_a_second_service_on_the_same_state_is_refused(house: ServiceHouse) -> None:
    service = house.process()
    code, _, err = house.people.run("serve", "--listen", "127.0.0.1:0")
    assert code == 7
    assert "error[BW8108]: a service runs already with this state folder" in err
    assert f"process {service.process.pid} on " in err


def test_as_process_one_it_stops_by_signal_and_leaves_no_dead_behind(house: ServiceHouse) -> None:
    """In a namespace of its own, as in a container; what its jobs leave behind becomes its child."""
    unshare = ["unshare", "--pid", "--fork", "--kill-child"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces of processes here")
    house.people.source(person(1))
    files = (house.people.folder.parent / "site").rglob("*.py")
    module = next(path for path in files if "Teams" in path.read_text("utf-8"))
    leave = 'import subprocess; subprocess.run(["sh", "-c", "sleep 0.1 &"]); return Complete(held(self.file))'
    module.write_text(module.read_text("utf-8").replace("return Complete(held(self.file))", leave), "utf-8")
    service = house.process(wrapped_in=unshare)
    (init,) = psutil.Process(service.process.pid).children()
    assert service.ended(begin(service, "people"))["outcome"] == "ok"
    until(lambda: init.children(recursive=True) == [], "the burial")
    init.send_signal(signal.SIGTERM)
    assert service.ends() == 143


def test_it_buries_what_it_inherits() -> None:
    """As a subreaper, which Linux treats as it treats process 1 of a container."""
    script = (
        "import ctypes, os, subprocess, sys, time\n"
        "from busway_service.orphans import bury_orphans\n"
        "if ctypes.CDLL(None).prctl(36, 1, 0, 0, 0): sys.exit(77)\n"
        "ours = subprocess.Popen(['true'])\n"
        "subprocess.run(['sh', '-c', 'sleep 0.05 & echo $!'], check=True)\n"
        "time.sleep(0.3)\n"
        "found = set()\n"
        "for _ in range(100):\n"
        "    found |= set(bury_orphans({ours.pid}))\n"
        "    if found: break\n"
        "    ours.wait() if _ == 50 else time.sleep(0.01)\n"
        "print(len(found), ours.wait(), bury_orphans(set()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this system has no subreapers")
    assert done.stdout.splitlines()[-1] == "1 0 []", done.stderr
