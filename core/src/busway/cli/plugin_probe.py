"""The child process that checks one plugin: loads it, asks for its settings, builds it, compares it, asks its health.

It says on its pipe what it is about to do, so that whoever listens knows where it ended if it ends early. Started
by :mod:`busway.plugins.child`; it never returns.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from busway.errors import BuswayError, ConfigurationError
from busway.plugins.faults import describe

__all__ = ["main"]

Tell = Callable[[str, Any], None]


def main(request: Mapping[str, Any]) -> NoReturn:
    """Checks what ``request`` names, says the outcome, and ends the process whatever the plugin left running."""
    answers = int(request["fd"])
    os.set_inheritable(answers, False)
    faulthandler.enable(answers, all_threads=False)
    # It ends the process as well, from a thread in C: a plugin that holds the interpreter cannot prevent it.
    faulthandler.dump_traceback_later(max(0.05, float(request["deadline"]) - time.time()), exit=True, file=answers)
    _checked(request, lambda key, value: _say(answers, {key: value}))
    # Threads and exit handlers of the plugin are not waited for: its check is over.
    os._exit(0)


def _checked(request: Mapping[str, Any], tell: Tell) -> None:
    tell("step", "while it started")
    try:
        outcome = _command(request, tell) if request["kind"] == "commands" else _plugin(request, tell)
    except Exception as error:  # met here it is not the plugin's: its own are told by the host
        outcome = _failed("BW1317", f"the check itself failed: {describe(error)}", "report it as a bug of Busway")
    with contextlib.suppress(Exception):  # a plugin may have replaced or closed it
        sys.stdout.flush()
    tell("done", outcome)


def _plugin(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    from busway.cli.plugin_probing import Probe
    from busway.configuration.boot import boot

    folder = request["directory"]
    try:
        stage = boot(Path(folder) if folder else None, safe=request["safe"])
    except ConfigurationError as error:  # changed in this moment: whoever started this could read it
        return _failed("BW1317", "; ".join(problem.what for problem in error.problems), error.problem.fix)
    probe = Probe(stage, request["kind"], request["name"], request["distribution"], request["sources"], tell)
    return probe.run(until=request["until"], online=request["online"])


def _command(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Imports the command of a plugin; nothing of it is run."""
    from busway.cli.plugin_command import load_plugin_command
    from busway.plugins.index import load_index

    wanted = (request["name"], request["distribution"])
    entry = next(one for one in load_index().commands() if (one.name, one.distribution) == wanted)
    tell("step", f"while {entry.value} was imported")
    started = time.perf_counter()
    outcome: dict[str, Any] = {"state": "ready", "details": [], "notes": [], "health": []}
    try:
        load_plugin_command(entry)
    except BuswayError as error:
        outcome = _failed(error.code, error.problem.why, error.problem.fix)
    return outcome | {"load_seconds": time.perf_counter() - started}


def _failed(code: str, cause: str, remedy: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"details": [], "notes": [], "health": []}
    return {"state": "failed", "code": code, "cause": cause, "remedy": remedy, **empty}


def _say(answers: int, message: Mapping[str, Any]) -> None:
    # The line starts with a break of its own, because a dump of faulthandler may have ended without one.
    text = memoryview(b"\n" + json.dumps(message, default=str).encode() + b"\n")
    while text:
        text = text[os.write(answers, text) :]
