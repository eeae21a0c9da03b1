"""Which files there are: those git tracks, even if ignored, and new ones that are not ignored; else the folder's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from busway.errors import UsageError

__all__ = ["OUTSIDE_NAMES", "OUTSIDE_SUFFIXES", "FileList", "changed_in_git", "git_folder", "git_top", "list_files"]

OUTSIDE_SUFFIXES = frozenset(
    f".{suffix}"
    for group in ("ps1 psm1 bat cmd", "sh bash zsh service", "yml yaml toml cfg ini json tf j2", "md rst txt ipynb")
    for suffix in group.split()
)
"""Files that may name old modules without being Python."""
OUTSIDE_NAMES = frozenset({"Dockerfile", "Makefile", "Procfile", "Jenkinsfile", "crontab"})
_SKIPPED = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "node_modules", ".tox", ".nox", "build", "dist"}
)
_GIT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a run; no path is named twice, none is a symbolic link."""

    top: Path
    """The folder of the whole tree: git's, else the one that holds all paths."""
    in_git: bool
    wanted: tuple[Path, ...]
    """Those under the paths that were named."""
    others: tuple[Path, ...]
    """The rest of the tree: read, to know who uses what, and never written."""
    links: tuple[Path, ...]
    """Symbolic links among the wanted: what they point to is changed where it lies."""


def list_files(paths: Sequence[Path]) -> FileList:
    """The files under ``paths``. Raises ``UsageError`` BW7502 for a path that is not there."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UsageError(
            "BW7502", f"{missing[0]} is not there", where="busway migrate", fix="name files or folders that exist"
        )
    absolute = [_absolute(path) for path in paths]
    top = git_top(absolute[0])
    everything = list(_tracked(top)) if top is not None else []
    in_git = top is not None and all(path.is_relative_to(top) for path in absolute)
    if not in_git or top is None:
        top = _common_folder(absolute)
        everything = sorted(_walk(top))
    named = [path for path in absolute if path.is_file() and path not in set(everything)]
    links = [path for path in everything if path.is_symlink()]
    plain = [path for path in [*everything, *named] if not path.is_symlink() and path.is_file()]
    wanted = [path for path in plain if _is_under(path, absolute)]
    known = set(wanted)
    others = [path for path in plain if path not in known]
    return FileList(
        top, in_git, tuple(wanted), tuple(others), tuple(path for path in links if _is_under(path, absolute))
    )


def git_top(path: Path) -> Path | None:
    """The top of the working tree that ``path`` lies in; ``None`` outside of git, or where there is no git."""
    answer = _git(path if path.is_dir() else path.parent, "rev-parse", "--show-toplevel")
    return _absolute(Path(answer.strip())) if answer else None


def git_folder(top: Path) -> Path | None:
    """Git's own folder of the working tree ``top``."""
    answer = _git(top, "rev-parse", "--absolute-git-dir")
    return Path(answer.strip()) if answer else None


def changed_in_git(top: Path, paths: Iterable[Path]) -> list[str]:
    """What under ``paths`` is not as it was committed, new files included; git could not bring it back."""
    answer = _git(top, "status", "--porcelain", "-z", "--untracked-files=all", "--", *map(str, paths)) or ""
    return sorted({entry[3:] for entry in answer.split("\0") if len(entry) > 3})


def _tracked(top: Path) -> Iterator[Path]:
    listed = _git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    yield from sorted({top / name for name in listed.split("\0") if name})


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, ``None`` when it refuses, is not there or does not come to an end."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None


def _walk(top: Path) -> Iterator[Path]:
    """Every file under ``top``; links to folders are not followed, so a loop of them ends nothing."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not _is_environment(folder, name))
        yield from (Path(folder, name) for name in names)


def _is_environment(folder: str, name: str) -> bool:
    return Path(folder, name, "pyvenv.cfg").exists()


def _common_folder(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))


def _absolute(path: Path) -> Path:
    """Without ``..``, and with links as they are: what is named is what is changed."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _is_under(path: Path, folders: Iterable[Path]) -> bool:
    return any(path == folder or path.is_relative_to(folder) for folder in folders)
