"""A sandbox from its start to its end: ports, Ctrl-C, ledger, faults and the largest page, as a person meets them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment
from builders.told_command import Command
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.stand_ins import StandIns

BUSWAY = Path(sys.executable).with_name("busway")


# -- ports


def three_free_ports() -> int:
    """The first of three ports in a row that nobody listens on."""
    for first in range(20000 + os.getpid() % 10000, 65000, 3):
        with ExitStack() as opened:
            try:
                for port in range(first, first + 3):
                    opened.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first
    raise AssertionError("no three free ports")


@pytest.mark.parametrize("taken", [0, 1, 2], ids=["SafetyAmp", "Samsara", "Entra ID"])
def test_a_port_in_use_is_named_and_none_is_left_open(safetyamp: Command, tmp_path: Path, taken: int) -> None:
    first = three_free_ports()
    with closing(socket.create_server(("127.0.0.1", first + taken))):
        told = safetyamp("sandbox", "--port", str(first), "--people", "5", "--env-file", ".env")
        assert told.code == 2
        assert told.error() == [
            f"error[BW8004]: the sandbox cannot listen on port {first + taken}",
            f"where 127.0.0.1:{first + taken}",
            "why Address already in use",
            "fix stop what listens there, or choose another: busway safetyamp sandbox --port 0 takes any free one",
        ]
        assert not (tmp_path / ".env").exists()
        for free in {0, 1, 2} - {taken}:
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", first + free)) != 0, "it was given back"


def test_two_sandboxes_at_once_are_told_apart(safetyamp: Command, stand_ins: StandIns) -> None:
    port = stand_ins.safetyamp.url.rpartition(":")[2]
    told = safetyamp("sandbox", "--port", port, "--people", "5", "--no-graph")
    assert (told.code, told.error()[0]) == (2, f"error[BW8004]: the sandbox cannot listen on port {port}")
    assert safetyamp("ledger").code == 0, "the first one goes on"


# -- the end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_ends_at_once_though_a_client_hangs(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [str(BUSWAY), "safetyamp", "sandbox", "--port", "0", "--people", "5", "--fault", "hang", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        found = json.loads("".join(iter_until(process.stdout, "}")))
        address, _, port = found["data"]["url"].removeprefix("http://").partition(":")
        with socket.create_connection((address, int(port))) as client:
            client.sendall(b"GET /api/users HTTP/1.1\r\nHost: x\r\n\r\n")
            process.send_signal(number)
            try:
                _, goodbye = process.communicate(timeout=20)
            finally:
                process.kill()
    assert process.returncode == 0
    assert "sandbox ended:" in goodbye
    assert "Traceback" not in goodbye
    assert [path.name for path in tmp_path.iterdir()] == [], "the passing Vista and the certificate are gone"


def iter_until(stream: Iterator[str], last: str) -> Iterator[str]:
    """The lines of ``stream`` as far as the one that is ``last``."""
    for line in stream:
        yield line
        if line.rstrip("\n") == last:
            return


def test_ctrl_c_while_the_company_is_made_leaves_nothing(
    safetyamp: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million people take a while; nobody waits for the end of it."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("busway_safetyamp.sandbox.vista.VistaFile.write", interrupted)
    told = safetyamp("sandbox", "--people", "5", "--vista", "vista.db", "--env-file", ".env")
    assert (told.code, told.err.strip()) == (130, "")
    assert list(tmp_path.iterdir()) == []


# -- the ledger, faults and the largest page


def test_the_ledger_shows_the_latest_writes_and_counts_them_all(safetyamp: Command, stand_ins: StandIns) -> None:
    for number in range(3):
        stand_ins.safetyamp.world.create("user_titles", {"name": f"Canary {number}"})
    told = safetyamp("ledger", "--limit", "2")
    assert told.out.count("POST") == 2
    assert told.out.endswith("3 writes; calls: none\n")
    assert "Canary" not in told.out
    assert safetyamp("ledger", "--limit", "0").out == "3 writes; calls: none\n"
    assert len(json.loads(safetyamp("ledger", "--limit", "1", "--json").out)["data"]["writes"]) == 3, "JSON has all"


def test_clearing_shows_what_is_forgotten(safetyamp: Command, stand_ins: StandIns) -> None:
    stand_ins.safetyamp.world.create("user_titles", {"name": "Canary"})
    assert safetyamp("ledger", "--clear").out.endswith("1 writes; calls: none\n")
    assert safetyamp("ledger").out == "0 writes; calls: none\n"


def test_clearing_and_arming_in_one_command_leaves_the_new_fault_alone(safetyamp: Command, stand_ins: StandIns) -> None:
    safetyamp("fault", "hang", "resource=users")
    safetyamp("fault", "--clear", "fail", "resource=sites", "status=503")
    assert stand_ins.safetyamp.faults.armed == (Fault(FaultKind.FAIL, "sites", status=503),)
    assert safetyamp("fault", "--clear").out == "nothing goes wrong\n"


def test_the_sandbox_of_another_file_is_reached_through_it(
    safetyamp: Command, stand_ins: StandIns, tmp_path: Path
) -> None:
    (tmp_path / ".env").rename(tmp_path / "sandbox.env")
    assert safetyamp("fault", "drop", "--env-file", "sandbox.env").code == 0
    assert [fault.kind for fault in stand_ins.safetyamp.faults.armed] == [FaultKind.DROP]
    assert safetyamp("ledger").code == 2


def test_the_directory_is_reached_over_https_with_its_own_authority(safetyamp: Command, stand_ins: StandIns) -> None:
    assert safetyamp("fault", "throttle", "retry_after=0.5", "--of", "graph").code == 0
    assert stand_ins.graph is not None
    assert stand_ins.graph.faults.armed[0].retry_after == "0.5"


def test_the_largest_page_is_found_and_what_to_set_is_said(deployment: SandboxDeployment) -> None:
    for number in range(60):
        user = {"first_name": "A", "last_name": "B", "email": f"u{number}@example.test"}
        deployment.sandbox.world.add("users", user)
    users = len(deployment.sandbox.world.users)
    code, out, _ = deployment.run("safetyamp", "page-size")
    assert (code, out.splitlines()) == (
        0,
        [
            f"largest page: {users} users   set SAFETYAMP_PAGE_SIZE={users}   (it is 25)",
            f"  all {users} users came in one page, so a larger one is not proven; 2 calls",
        ],
    )
    deployment.add_toml(f"SAFETYAMP_PAGE_SIZE = {users}\n")
    code, envelope = deployment.json("safetyamp", "page-size")
    assert (code, envelope["schema"]) == (0, "busway.safetyamp.page-size/1")
    assert (envelope["data"]["size"], envelope["data"]["set"]) == (users, users)
    assert deployment.run("safetyamp", "page-size")[1].startswith(f"largest page: {users} users   as it is set\n")
    assert deployment.writes == 0


def test_a_refused_key_ends_the_search_with_the_way_out(deployment: SandboxDeployment) -> None:
    deployment.configure({"SAFETYAMP_TOKEN": "canary-wrong-key"})
    code, out, err = deployment.run("safetyamp", "page-size")
    assert (code, out) == (4, "")
    assert "error[BW5001]: SafetyAmp refused the API key" in err
    assert "busway config explain SAFETYAMP_TOKEN" in err
    assert "canary" not in err
    assert len(deployment.sandbox.answers) == 1, "asked once"
