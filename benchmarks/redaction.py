"""Redaction beside the scrubbers of Sentry, logfire and logredactor: time per event, hostile texts, leaks.

uv run python benchmarks/redaction.py [--events 100000]
"""

from __future__ import annotations

import argparse
import json
import subprocess

from harness import ROOT, core_environment, report

PEERS = ("google-re2==1.1.20251105", "sentry-sdk==2.75.0", "logfire==5.2.0", "logredactor==0.0.2")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="distinct clean events of 2 KB")
    options = parser.parse_args()
    with core_environment() as bin_dir:
        python = str(bin_dir / "python")
        subprocess.run(("uv", "pip", "install", "--python", python, "--compile-bytecode", *PEERS), check=True)
        script = str(ROOT / "benchmarks" / "redaction_calls.py")
        done = subprocess.run((python, script, str(options.events)), check=True, stdout=subprocess.PIPE)
    for title, rows in json.loads(done.stdout).items():
        report(title, [tuple(row) for row in rows])


if __name__ == "__main__":
    main()
