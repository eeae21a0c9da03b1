"""The plugin host beside stevedore, pluggy's own loader and importlib.metadata: finding, opening, calling.

uv run python benchmarks/plugins.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from harness import core_environment, report, turns

ROUNDS = 21
PLUGINS = ("alpha", "beta", "gamma", "delta")
TIMED = """
import sys, time
clock = time.perf_counter
start = clock()
{imports}
imported = clock()
{call}
called = clock()
{call}
again = clock()
print((imported - start) * 1e3, (called - imported) * 1e3, (again - called) * 1e3)
"""
BASE = "importlib.metadata"
READERS = {
    "busway": ("from busway.plugins.index import load_index", "load_index().entries('sinks')"),
    BASE: ("from importlib.metadata import entry_points", "tuple(entry_points(group='bench.found'))"),
    "stevedore": ("from stevedore import ExtensionManager", "ExtensionManager('bench.found').names()"),
    "pluggy": (
        "from pluggy import PluginManager",
        "PluginManager('bench').load_setuptools_entrypoints('bench.found')",
    ),
}
"""How each finds the four plugins of a group. The two that cannot find without importing get built-in modules."""
OPENERS = {
    "busway": (
        "from busway import hookspecs\nmodels = clock()\n"
        "from busway.contracts.plugins import PluginContext\nfrom busway.plugins.host import PluginHost\n"
        "from busway.plugins.index import load_index\nfrom busway.plugins.selection import Pick, Selection",
        "host = PluginHost(load_index(), Selection(sinks=tuple(map(Pick, {names}))))\n"
        "built = host.build('sinks', lambda plugin, model: PluginContext(plugin.name, None))\n"
        "assert [one.name for one in built] == list({names})\n"
        "own = sum(row.load_seconds for row in host.statuses())",
    ),
    "stevedore + pluggy": (
        "models = start\nimport pluggy\nfrom stevedore import NamedExtensionManager",
        "found = NamedExtensionManager('bench.plain', {names}, name_order=True)\n"
        "manager = pluggy.PluginManager('bench')\n"
        "[manager.register(one.plugin, one.name) for one in found]\n"
        "assert len(manager.hook.bench_sink()) == 4\nown = 0",
    ),
    "pluggy": (
        "models = start\nimport pluggy",
        "manager = pluggy.PluginManager('bench')\nmanager.load_setuptools_entrypoints('bench.plain')\n"
        "assert len(manager.hook.bench_sink()) == 4\nown = 0",
    ),
}
"""How each opens four plugins that do nothing."""
OPENED = """
import time
clock = time.perf_counter
start = clock()
{imports}
imported = clock()
{call}
done = clock()
print((models - start) * 1e3, own * 1e3, (done - start) * 1e3)
"""
SINK = """
from busway import hookimpl
class Sink:
    def deliver(self, events): ...
    def close(self): ...
@hookimpl
def busway_event_sink(context): return Sink()
"""
PLAIN = """
import pluggy
@pluggy.HookimplMarker("bench")
def bench_sink(): return object()
"""
BUILT_IN_MODULES = ("errno", "atexit", "_thread", "itertools")


def main() -> None:
    """Entry point."""
    tempfile.tempdir = "/var/tmp"  # stevedore keeps no cache for an interpreter under /tmp
    with core_environment() as bin_dir, tempfile.TemporaryDirectory() as empty:
        python, folder = str(bin_dir / "python"), Path(empty)
        (site,) = bin_dir.parent.glob("lib/python*/site-packages")
        install_plugins(site)
        for count in (150, 500):
            fill(site, count)
            settle(python, folder)
            discovery(python, folder, count)
        opening(python, folder)
        calls(python, folder)


def install_plugins(site: Path) -> None:
    """Four distributions with a plugin each, for us and for the others."""
    for name, built_in in zip(PLUGINS, BUILT_IN_MODULES, strict=True):
        (site / f"bench_{name}.py").write_text(SINK, "utf-8")
        (site / f"plain_{name}.py").write_text(PLAIN, "utf-8")
        groups = {"busway.v1.sinks": f"bench_{name}", "bench.plain": f"plain_{name}", "bench.found": built_in}
        points = "".join(f"[{group}]\n{name} = {value}\n" for group, value in groups.items())
        distribution(site, f"bench-{name}", points)


def fill(site: Path, count: int) -> None:
    """Throw-away distributions until there are `count`, with the metadata most have and no plugin of ours."""
    there = len(list(site.glob("*.dist-info")))
    for number in range(there, count):
        name = f"filler-{number:03d}"
        distribution(site, name, f"[console_scripts]\n{name} = {name.replace('-', '_')}:main\n")
        (site / name.replace("-", "_")).mkdir()


def distribution(site: Path, name: str, points: str) -> None:
    """The metadata of an installed distribution."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: Filler.\n", "utf-8")
    (info / "entry_points.txt").write_text(points, "utf-8")
    (info / "RECORD").write_text("", "utf-8")


def settle(python: str, folder: Path) -> None:
    """Until indexes and caches are warm: ours is not kept while the search path is younger than 2 s."""
    (folder / "cache").mkdir(exist_ok=True)
    time.sleep(2.1)
    for imports, call in READERS.values():
        numbers(python, TIMED.format(imports=imports, call=call), folder)


def numbers(python: str, code: str, folder: Path) -> list[float]:
    """What a fresh process that runs `code` prints."""
    env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run([python, "-c", code], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return [float(number) for number in done.stdout.split()]


def discovery(python: str, folder: Path, count: int) -> None:
    """Four entry points of one group among `count` distributions, in a fresh process each time."""
    codes = {name: TIMED.format(imports=imports, call=call) for name, (imports, call) in READERS.items()}
    found = turns({name: partial(numbers, python, code, folder) for name, code in codes.items()}, ROUNDS)
    rows = []
    for name, runs in found.items():
        imported, first, again = (median(run[place] for run in runs) for place in range(3))
        ratio = median(one[1] / other[1] for one, other in zip(runs, found[BASE], strict=True))
        goal = "<= 0.2 ms" if name == "busway" and count == 500 else "-"
        fastest = min(run[1] for run in runs)
        text = f"{first:.2f} ms, fastest {fastest:.2f}, again {again:.2f}, its import {imported:.0f} ({ratio:.3f} x)"
        rows.append((name, goal, text))
    report(
        f"warm discovery among {count} distributions (median of {ROUNDS} processes, in turns; ratio to {BASE})", rows
    )


def opening(python: str, folder: Path) -> None:
    """Four selected plugins, from nothing imported to objects built."""
    codes = {
        name: OPENED.format(imports=imports, call=call.format(names=PLUGINS))
        for name, (imports, call) in OPENERS.items()
    }
    found = turns({name: partial(numbers, python, code, folder) for name, code in codes.items()}, ROUNDS)
    rows = []
    for name, runs in found.items():
        models, own, whole = (median(run[place] for run in runs) for place in range(3))
        rest = median(run[2] - run[0] - run[1] for run in runs)
        text = f"{whole:.0f} ms"
        if name == "busway":
            text = f"{rest:.0f} ms, and {models:.0f} ms for pydantic and the contracts, {own:.1f} ms for the plugins"
        rows.append((name, "<= 80 ms" if name == "busway" else "-", text))
    report(f"opening four plugins, 500 distributions installed (median of {ROUNDS} processes, in turns)", rows)


def calls(python: str, folder: Path) -> None:
    """What guards add to calls, measured within one process."""
    script = Path(__file__).with_name("plugin_calls.py")
    done = subprocess.run([python, str(script)], cwd=folder, check=True, capture_output=True, text=True)
    measured: dict[str, Sequence[tuple[str, str, str]]] = json.loads(done.stdout)
    for title, rows in measured.items():
        report(title, [(what, goal, text) for what, goal, text in rows])


def median(values: Iterable[float]) -> float:
    """The median of any iterable of numbers."""
    return statistics.median(values)


if __name__ == "__main__":
    main()
