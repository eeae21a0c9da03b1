"""How long the command line takes to answer, beside an empty interpreter.

uv run python benchmarks/startup.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import full_environment, median_ms, report


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
        found = median_ms(commands, cwd=Path(empty))
    base = found["python"]
    report(
        "start-up, all first-party plugins installed (median of 15, in turns)",
        [
            ("python -c pass", "-", f"{base:.0f} ms"),
            ("busway --version", "<= 30 ms", f"{found['version']:.0f} ms ({found['version'] / base:.1f} x)"),
            ("busway --help", "<= 80 ms, <= 6 x", f"{found['help']:.0f} ms ({found['help'] / base:.1f} x)"),
            ("busway plugins list", "-", f"{found['plugins']:.0f} ms ({found['plugins'] / base:.1f} x)"),
        ],
    )


if __name__ == "__main__":
    main()
