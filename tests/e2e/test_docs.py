"""Every code block of README and docs is executed: commands in a shell, Python in Python, TOML by the core.

What stands behind the language of a block says more: ``file=NAME`` makes it the content of a file, and ``diff`` a
change to one; ``expect=N`` is the exit code of a block of commands; a ``text output`` block is what the commands before
it print, with ``…`` for what differs from time to time. ``background`` starts something that runs to the end of the
document; with ``port=N`` it listens there, and the test puts a free port in the place of N from then on. A document
that writes files is followed in an empty folder and in an environment of its own, because it installs what it wrote.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builders.clean_environment import CleanEnvironment
from builders.deployment import SandboxDeployment
from builders.markdown import ROOT, Block, blocks, changed, documents, shows
from busway.configuration.boot import boot

BIN = Path(sys.executable).parent
SET_UP = "pip install uv && uv run "
OURS = {"busway", *("busway-" + path.name.replace("_", "-") for path in ROOT.glob("plugins/*"))}
OTHERS = {"httpx", "scim2-server"}
"""What a document may install besides ours: the tests have it already."""
WALKS = {"migrate.md": "legacy_app"}
"""Documents that lead through an example: they are followed in a copy of it, and change that."""
LANGUAGES = {"sh", "python", "toml", "dotenv", "text", "diff"}
INSTALL = "pip install "
EDITABLE = "pip install -e "


@pytest.mark.timeout(300)  # dozens of processes, one after another
@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_a_document_works(
    document: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = blocks(document)
    if document.name in WALKS:
        shutil.copytree(ROOT / "examples" / WALKS[document.name], tmp_path / "place")
        shell = Shell(tmp_path / "place")
    elif any(block.file for block in found):
        (tmp_path / "place").mkdir()
        shell = Shell(tmp_path / "place", author_environment(tmp_path / "venv"))
    else:
        deployment: SandboxDeployment = request.getfixturevalue("deployment")
        prepare(document, deployment.folder)
        shell = Shell(deployment.folder)
    with ExitStack() as running:
        for block in map(shell.here, found):
            assert block.language in LANGUAGES, f"{block}: say what it is"
            follow(block, shell, running, monkeypatch)


def follow(block: Block, shell: Shell, running: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Does what a reader would do with the block."""
    if block.file:
        shell.write(block)
    elif "background" in block.options:
        running.enter_context(shell.background(block))
    elif "output" in block.options:
        missing = shows(block, shell.output)
        assert not missing, f"{block}: not printed: {missing}\n{shell.output}"
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


def author_environment(folder: Path) -> CleanEnvironment:
    """What an author of plugins has installed: the core, its contract suites and a build backend."""
    environment = CleanEnvironment(folder)
    environment.link_core()
    environment.link("busway[testing]", "hatchling")
    return environment


def prepare(document: Path, folder: Path) -> None:
    """What a document takes for granted: examples are run beside a copy of the examples."""
    if document.is_relative_to(ROOT / "examples"):
        shutil.copytree(document.parent, folder, dirs_exist_ok=True)
    if "core" in document.parts:
        (folder / "busway.toml").unlink()


class Shell:
    """A shell whose folder outlives one block, in ``environment`` or the one the tests run in."""

    def __init__(self, folder: Path, environment: CleanEnvironment | None = None) -> None:
        self.folder = folder
        self.output = ""
        """What the last block of commands printed."""
        self._environment = environment
        self._ports: dict[str, str] = {}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("BUSWAY_", "SAFETYAMP_"))}
        path = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        self._env = {**clean, **path} if environment is None else environment.environ()

    def here(self, block: Block) -> Block:
        """The block with the ports that were free."""
        for named, free in self._ports.items():
            block = replace(block, text=block.text.replace(named, free))
        return block

    def run(self, block: Block) -> None:
        """Runs the lines of a block; an option ``expect=N`` is the exit code it must have."""
        for line in block.text.splitlines():
            if line.startswith(EDITABLE):
                self._install(self.folder / line.removeprefix(EDITABLE))
            elif (others := installed(line) & OTHERS) and self._environment is not None:
                self._environment.link(*others)
        lines = [line for line in map(runnable, block.text.splitlines()) if line]
        script = "set -e\n" + "\n".join(lines) + "\n"
        done = self._bash(script)
        self.output = done.stdout + done.stderr
        expected = int(block.option("expect", "0"))
        assert done.returncode == expected, f"{block}: exit {done.returncode}\n{self.output}"
        self._follow(script)

    def write(self, block: Block) -> None:
        """Writes the file a block is the content of, or changes the one it is a change to."""
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed(block, path.read_text("utf-8")) if block.language == "diff" else block.text, "utf-8")

    def python(self, block: Block) -> None:
        """Runs a Python block in the folder."""
        done = subprocess.run(
            [str(self._environment.python) if self._environment else sys.executable, "-c", block.text],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"

    @contextmanager
    def background(self, block: Block) -> Iterator[None]:
        """Starts a block and goes on once it has written the file it promises, or listens on the port it names."""
        ready, end = self._promise(block)
        process = subprocess.Popen(
            ["bash", "-c", f"exec {self.here(block).text.strip()}"], cwd=self.folder, env=self._env
        )
        try:
            deadline = time.monotonic() + 60
            while not ready():
                assert process.poll() is None, f"{block}: it ended"
                assert time.monotonic() < deadline, f"{block}: nothing to go on with"
                time.sleep(0.02)
            yield
        finally:
            process.send_signal(end)
            assert process.wait(timeout=30) in (0, 128 + signal.SIGINT), f"{block}: a clean end"

    def _promise(self, block: Block) -> tuple[Callable[[], bool], signal.Signals]:
        """How the block shows that it is ready, and what ends it: Ctrl-C where a document says so."""
        port = block.option("port")
        if port:
            self._ports[port] = str(free_port())
            return (lambda: listens(int(self._ports[port]))), signal.SIGINT
        promised = self.folder / (re.search(r"--env-file (\S+)", block.text) or ["", ".env"])[1]
        promised.unlink(missing_ok=True)
        return promised.exists, signal.SIGTERM

    def _install(self, project: Path) -> None:
        assert self._environment is not None, (
            "only a document that writes files may install: the workspace stays as it is"
        )
        self._environment.install_editable(project)

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
    if command.startswith(EDITABLE):
        return ""
    if command.startswith(INSTALL):
        assert installed(command) <= OURS | OTHERS, line
        return ""
    command = command.removeprefix("uv run ").replace("python benchmarks/", f"python {ROOT}/benchmarks/")
    return "" if command == "pytest" else command


def installed(line: str) -> set[str]:
    """The names in a line that installs distributions; none in another line."""
    if not line.startswith(INSTALL) or line.startswith(EDITABLE):
        return set()
    return {re.split(r"[\[<>=]", word.strip("\"'"))[0] for word in line.removeprefix(INSTALL).split()}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
