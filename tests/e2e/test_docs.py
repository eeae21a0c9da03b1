"""Every code block of README and docs is executed: commands in a shell, Python in Python, TOML by the core."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment
from builders.markdown import ROOT, Block, blocks, documents
from busway.configuration.boot import boot

BIN = Path(sys.executable).parent
SET_UP = "pip install uv && uv run "
OURS = {"busway", *("busway-" + path.name.replace("_", "-") for path in ROOT.glob("plugins/*"))}
LANGUAGES = {"sh", "python", "toml", "dotenv", "text"}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_a_document_works(
    document: Path, deployment: SandboxDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(document, deployment.folder)
    shell = Shell(deployment.folder)
    found = blocks(document)
    with ExitStack() as running:
        for block in found:
            assert block.language in LANGUAGES, f"{block}: say what it is"
            if "background" in block.options:
                running.enter_context(shell.background(block))
            elif block.language == "sh":
                shell.run(block)
            elif block.language == "python":
                shell.python(block)
            elif block.language == "toml":
                write_toml(block, shell.folder, monkeypatch)
            elif block.language == "dotenv":
                check_dotenv(block)


def test_there_are_documents_with_blocks_to_execute() -> None:
    languages = [block.language for document in documents() for block in blocks(document)]
    assert languages.count("sh") > 10
    assert "python" in languages


def test_the_readme_test_command_is_what_ci_runs() -> None:
    assert f"{SET_UP}pytest\n" in (ROOT / "README.md").read_text("utf-8")
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^pip install (--quiet )?uv && uv run pytest( |$)", ci, re.MULTILINE)


def prepare(document: Path, folder: Path) -> None:
    """What a document takes for granted: examples are run beside a copy of the examples."""
    for path in (ROOT / "examples").glob("*/*"):
        if document.parent == ROOT / "examples":
            (folder / path.parent.name).mkdir(exist_ok=True)
            (folder / path.parent.name / path.name).write_bytes(path.read_bytes())
    if "core" in document.parts:
        (folder / "busway.toml").unlink()


class Shell:
    """A shell whose folder outlives one block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("BUSWAY_", "SAFETYAMP_"))}
        self._env = {**clean, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}

    def run(self, block: Block) -> None:
        """Runs the lines of a block; an option ``expect=N`` is the exit code it must have."""
        lines = [line for line in map(runnable, block.text.splitlines()) if line]
        script = "set -e\n" + "\n".join(lines) + "\n"
        expected = next((int(option[7:]) for option in block.options if option.startswith("expect=")), 0)
        done = self._bash(script + "pwd > .shell-folder 2>/dev/null || true\n")
        assert done.returncode == expected, f"{block}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        self._follow(script)

    def python(self, block: Block) -> None:
        """Runs a Python block in the folder."""
        done = subprocess.run(
            [sys.executable, "-c", block.text],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"

    @contextmanager
    def background(self, block: Block) -> Iterator[None]:
        """Starts a block and goes on once it has written the file it promises."""
        promised = self.folder / (re.search(r"--env-file (\S+)", block.text) or ["", ".env"])[1]
        promised.unlink(missing_ok=True)
        process = subprocess.Popen(["bash", "-c", f"exec {block.text.strip()}"], cwd=self.folder, env=self._env)
        try:
            deadline = time.monotonic() + 60
            while not promised.exists():
                assert process.poll() is None, f"{block}: it ended"
                assert time.monotonic() < deadline, f"{block}: nothing written"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0, f"{block}: a clean end"

    def _bash(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self._env, capture_output=True, text=True, check=False
        )

    def _follow(self, script: str) -> None:
        """The folder after the block, where it changed it."""
        for target in re.findall(r"^cd (\S+)$", script, re.MULTILINE):
            self.folder = self.folder / target


def runnable(line: str) -> str:
    """The line as the test runs it: set up already, and no test inside the test."""
    command = line.removeprefix(SET_UP)
    if command.startswith("pip install "):
        assert set(command.split()[2:]) <= OURS, line
        return ""
    command = command.removeprefix("uv run ").replace("python benchmarks/", f"python {ROOT}/benchmarks/")
    return "" if command == "pytest" else command


def write_toml(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a deployment in place, and lets the core judge it."""
    tables = tomllib.loads(block.text)
    assert "plugins" in tables, f"{block}: a deployment"
    (folder / "busway.toml").write_text(block.text, "utf-8")
    stage = boot(folder, {})
    assert stage.deployment.tables.keys() == tables.keys()


def check_dotenv(block: Block) -> None:
    """Lines of a ``.env``."""
    from io import StringIO

    from dotenv import dotenv_values

    values = dotenv_values(stream=StringIO(block.text))
    assert values
    assert all(values.values()), f"{block}"
