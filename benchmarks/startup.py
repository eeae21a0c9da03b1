"""How long the command line takes to answer, beside an empty interpreter.

uv run python benchmarks/startup.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from harness import against, full_environment, report, times_ms


def main() -> None:
    """Entry point."""
    with full_environment() as bin_dir, tempfile.TemporaryDirectory() as empty:
        busway, python = str(bin_dir / "busway"), str(bin_dir / "python")
        commands = {
            "python": [python, "-c", "pass"],
            "version": [busway, "--version"],
            "help": [busway, "--help"],
            "plugins": [busway, "plugins", "list"],
        }
        times_ms({"help": commands["help"]}, rounds=2, cwd=Path(empty))
        time.sleep(2.1)  # an index of plugins is not kept while the installation is younger than 2 s
        times_ms({"help": commands["help"]}, rounds=1, cwd=Path(empty))
        found = times_ms(commands, rounds=31, cwd=Path(empty))
    report(
        "start-up, all first-party plugins installed (median of 31, in turns; ratio to python -c pass)",
        [
            ("python -c pass", "-", against(found, "python", "python")),
            ("busway --version", "<= 30 ms", against(found, "version", "python")),
            ("busway --help", "<= 80 ms, <= 6 x", against(found, "help", "python")),
            ("busway plugins list", "-", against(found, "plugins", "python")),
        ],
    )


if __name__ == "__main__":
    main()
