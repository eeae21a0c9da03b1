"""How long ``busway demo`` takes in an environment that is set up.

uv run python benchmarks/demo.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import against, full_environment, report, times_ms


def main() -> None:
    """Entry point."""
    with full_environment() as bin_dir, tempfile.TemporaryDirectory() as empty:
        found = times_ms({"demo": [str(bin_dir / "busway"), "demo"]}, rounds=5, cwd=Path(empty))
    report("the demo (median of 5)", [("busway demo", "<= 15 s", against(found, "demo", "demo"))])


if __name__ == "__main__":
    main()
