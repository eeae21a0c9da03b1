"""Configuration and secrets beside pydantic-settings and dynaconf: loading, reading, a vault, a vault in trouble.

uv run python benchmarks/config.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from config_asking import LIMIT_SECONDS
from config_vault import MANNERS
from config_work import fields
from harness import ROOT, core_environment, report, turns

ROUNDS = 21
WORK = Path(__file__).with_name("config_work.py")
ASKING = Path(__file__).with_name("config_asking.py")
VAULT = Path(__file__).with_name("config_vault.py")
REDACTION = Path(__file__).with_name("redaction.py")
PEERS = ("pydantic-settings[azure-key-vault]", "dynaconf")
BASE = "pydantic-settings"
BUDGET_MS = 3300.0
"""Three seconds and a tenth."""
Pythons = Mapping[str, str]
Row = tuple[str, str, str]


def main() -> None:
    """Entry point."""
    with environments() as pythons, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        settle(pythons, root)
        report("cold start, 60 settings (median of fresh processes, in turns)", list(cold_rows(pythons, root)))
        report("loading again in one process, ms", list(warm_rows(pythons, root)))
        report("reading, ns (best of seven)", list(read_rows(pythons, root)))
        report("60 secrets of a vault 20 ms away", list(prefetch_rows(pythons, root)))
        report("a vault in trouble: the first question and the second, ms", list(outage_rows(pythons, root)))
    if REDACTION.exists():
        subprocess.run([sys.executable, str(REDACTION)], check=True)


@contextmanager
def environments() -> Iterator[Pythons]:
    """Interpreters by library: ours with its Key Vault source, and the others with theirs, which no extra brings."""
    with core_environment() as bin_dir, tempfile.TemporaryDirectory(prefix="busway-peers-") as folder:
        ours, theirs = str(bin_dir / "python"), str(Path(folder) / "bin" / "python")
        wheels = bin_dir.parent.parent / "dist"
        install(ours, *map(str, wheels.glob("busway_secrets_keyvault-*.whl")))
        subprocess.run(["uv", "venv", "--python", sys.executable, folder, "--clear"], check=True, capture_output=True)
        install(theirs, *PEERS)
        yield {"busway": ours, "app": ours, "interpreter": ours, BASE: theirs, "dynaconf": theirs}


def install(python: str, *wanted: str) -> None:
    """Into the environment of `python`, at the versions this repository pins."""
    pins = ["--constraint", str(ROOT / "requirements.txt")]
    command = ["uv", "pip", "install", "--python", python, "--compile-bytecode", *pins, *wanted]
    subprocess.run(command, check=True, capture_output=True)


def settle(pythons: Pythons, root: Path) -> None:
    """Until byte code and our index are warm: the index is not kept while the search path is younger than 2 s."""
    deploy(root / "first", 60, 30)
    for library in ("busway", BASE, "dynaconf"):
        run(pythons, library, "cold", root=root / "first", given=30)
    time.sleep(2.1)


def deploy(folder: Path, count: int, given: int) -> None:
    """A deployment whose `.env` has all but the first `given` settings."""
    folder.mkdir(exist_ok=True)
    lines = [f"APP_{field.upper()}={text}\n" for field, _, text in fields(count)[given:]]
    (folder / ".env").write_text("".join(lines), "utf-8")


def run(
    pythons: Pythons, library: str, mode: str, *arguments: str, root: Path, given: int = 0, **environ: str
) -> dict[str, Any]:
    """What one process of `config_work.py` printed; the first `given` settings are in its environment."""
    command = [pythons[library], str(WORK), library, mode, *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment(given, environ), check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def environment(given: int, more: Mapping[str, str]) -> dict[str, str]:
    """What a container has: a few variables and its settings. Byte code is there already."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    settings = {f"APP_{field.upper()}": text for field, _, text in fields(240)[:given]}
    return {**kept, **settings, **more}


def cold_rows(pythons: Pythons, root: Path) -> Iterator[Row]:
    deploy(root, 60, 30)
    ask = partial(run, pythons, mode="cold", root=root, given=30)
    work = {library: partial(ask, library) for library in ("busway", BASE, "dynaconf", "app")}
    work["keyvault"] = partial(ask, "busway", AZURE_KEY_VAULT_NAME="acme")
    found = turns(work, ROUNDS)
    goals = {"busway": "<= 0.95 x, no azure", "keyvault": "no azure"}
    titles = {
        "busway": "busway: env and .env through the plugin host",
        "keyvault": "busway with the Key Vault selected too",
        "app": "busway, the whole application with its sinks and caches",
    }
    for name, runs in found.items():
        ratio = statistics.median(one["total"] / other["total"] for one, other in zip(runs, found[BASE], strict=True))
        parts = ", ".join(f"{part} {median(runs, part):.0f}" for part in ("import", "define", "load"))
        heavy = ", ".join(runs[0]["heavy"]) or "none"
        text = f"{median(runs, 'total'):.0f} ms ({ratio:.2f} x): {parts}; {runs[0]['modules']} modules, heavy: {heavy}"
        yield titles.get(name, name), goals.get(name, "-"), text


def warm_rows(pythons: Pythons, root: Path) -> Iterator[Row]:
    medians: dict[tuple[str, int], float] = {}
    for count, goal in ((60, 0.6), (240, 2.5)):
        for given, where in ((0, "all in .env"), (count // 2, "half in the environment")):
            deploy(root, count, given)
            work = {
                library: partial(run, pythons, library, "warm", str(count), root=root, given=given)
                for library in ("busway", BASE, "dynaconf")
            }
            for library, runs in turns(work, 5).items():
                spent = median(runs, "median")
                if not given:
                    medians[library, count] = spent
                yield (
                    f"{count} settings, {where}: {library}",
                    f"<= {goal}" if library == "busway" else "-",
                    f"{spent:.2f}, fastest {min(one['fastest'] for one in runs):.2f}",
                )
    for library in ("busway", BASE, "dynaconf"):
        growth = medians[library, 240] / medians[library, 60]
        yield f"240 against 60: {library}", "linear: <= 4" if library == "busway" else "-", f"{growth:.1f} x"


def read_rows(pythons: Pythons, root: Path) -> Iterator[Row]:
    deploy(root, 60, 30)
    goals = {"config.APP_FIELD_000": "<= 25", "config.get_secret(NAME)": "<= 120"}
    work = {
        library: partial(run, pythons, library, "reads", root=root, given=30)
        for library in ("busway", BASE, "dynaconf", "interpreter")
    }
    for library, runs in turns(work, 3).items():
        for case in runs[0]:
            yield f"{library}: {case}", goals.get(case, "-"), f"{median(runs, case):.1f}"
    found = turns({"": partial(run, pythons, "busway", "misspelt", root=root)}, 3)[""]
    yield "misspelt names, 60 against 60 declared", "<= 1 ms", f"{median(found, 'declared'):.2f} ms"
    yield "misspelt BUSWAY_ names, 60 variables", "<= 1 ms", f"{median(found, 'busway'):.2f} ms"


def prefetch_rows(pythons: Pythons, root: Path) -> Iterator[Row]:
    deploy(root, 0, 0)
    work = {library: partial(prefetched, pythons, library, root) for library in ("busway", BASE)}
    for library, runs in turns(work, 3).items():
        goal = "<= 230 ms, <= 61, 0" if library == "busway" else "-"
        requests, lists = (max(one[name] for one in runs) for name in ("requests", "lists"))
        yield library, goal, f"{median(runs, 'prefetch'):.0f} ms, {requests} requests, {lists} of them lists"


def prefetched(pythons: Pythons, library: str, root: Path) -> dict[str, Any]:
    with vault("well") as (server, told), worker(pythons, library, "prefetch", told, root) as process:
        stdin, stdout = pipes(process)
        stdout.readline()
        asked(server)
        print(file=stdin, flush=True)
        result: dict[str, Any] = json.loads(stdout.readline())
        return {**result, **asked(server)}


def outage_rows(pythons: Pythons, root: Path) -> Iterator[Row]:
    deploy(root, 0, 0)
    for manner in MANNERS[1:]:
        ours = [in_trouble(pythons, "busway", manner, root) for _ in range(3)]
        first, second = (statistics.median(one[at] for one in ours if one) for at in ("first", "second"))
        yield (
            f"{manner}: busway",
            f"<= {BUDGET_MS:.0f}, then <= 1",
            f"{first:.0f}, then {second:.2f} ({ours[0]['told']})",
        )
        theirs = in_trouble(pythons, BASE, manner, root)
        told = f"{theirs['first']:.0f} ({theirs['told']})" if theirs else f"no answer within {LIMIT_SECONDS} s"
        yield f"{manner}: {BASE}", "-", told


def in_trouble(pythons: Pythons, library: str, manner: str, root: Path) -> dict[str, Any]:
    """What the library said, and after how many milliseconds; empty when it said nothing within the limit."""
    with vault(manner) as (_, told), worker(pythons, library, "outage", told, root) as process:
        try:
            out, errors = process.communicate("\n" * 4, timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return {}
        if process.returncode:
            raise RuntimeError(errors)
        result: dict[str, Any] = json.loads(out.splitlines()[-1])
        return result


@contextmanager
def vault(manner: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The stand-in vault in its own process, which needs the environment of the tests."""
    command = [sys.executable, str(VAULT), manner]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = pipes(process)
        yield process, json.loads(stdout.readline())
        stdin.close()


def asked(server: subprocess.Popen[str]) -> dict[str, Any]:
    """How often the vault was asked since the last time."""
    stdin, stdout = pipes(server)
    print(file=stdin, flush=True)
    result: dict[str, Any] = json.loads(stdout.readline())
    return result


def pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    """Its input and its output, line by line."""
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


@contextmanager
def worker(
    pythons: Pythons, library: str, mode: str, told: Mapping[str, Any], root: Path
) -> Iterator[subprocess.Popen[str]]:
    command = [pythons[library], str(ASKING), library, mode, told["ca_file"]]
    env = environment(0, told["environ"])
    with subprocess.Popen(
        command, cwd=root, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process


def median(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    """The median of one number over the runs."""
    return statistics.median(float(one[name]) for one in runs)


if __name__ == "__main__":
    main()
