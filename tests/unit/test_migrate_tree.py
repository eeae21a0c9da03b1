"""A tree as a whole: names that files hand on to each other, classes of reports, files that must not be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from builders.old_code import MigratedTree, look_at, migrate_tree, write_tree
from busway_migrate.findings import FindingKind


def test_a_name_that_is_handed_on_moves_in_all_files(tmp_path: Path) -> None:
    tree = migrate_tree(
        tmp_path,
        {
            "helpers.py": "from utils.error_manager import error_manager as em\n",
            "again.py": "from helpers import em as errors\n",
            "job.py": "from again import errors\nerrors.log_error('k', 'm', 'e', 'i')\n",
            "other.py": "import helpers\nhelpers.em.log_error('k', 'm', 'e', 'i')\nhelpers.x\n",
        },
    )
    assert tree.reasons() == ""
    assert tree.text("helpers.py") == "from busway import event_manager\n"
    assert tree.text("job.py").startswith("from busway import event_manager\nevent_manager.log_error('k', message='m'")
    assert tree.text("other.py").startswith(
        "import helpers\nfrom busway import event_manager\nevent_manager.log_error("
    )


def test_one_file_that_cannot_move_keeps_the_others(tmp_path: Path) -> None:
    files = {
        "helpers.py": "from utils.error_manager import error_manager\n",
        "job.py": "from helpers import error_manager\nerror_manager.log_error('k', 'm')\n",
        "other.py": "from helpers import error_manager\nprint(error_manager)\n",
        "apart.py": "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm')\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert [change.path.name for change in tree.migration.changes] == ["apart.py"]
    assert "job.py:1 from helpers import error_manager | it hangs together with other.py:2" in tree.reasons()


def test_an_object_in_a_variable_of_another_module(tmp_path: Path) -> None:
    tree = migrate_tree(
        tmp_path,
        {
            "app.py": "from utils.cache_manager import CacheManager\ncache = CacheManager()\n",
            "job.py": "from app import cache as kept\nkept.clear_cache('a')\n",
            "other.py": "import app\napp.cache.clear_cache('a')\napp.start()\n",
        },
    )
    assert tree.reasons() == ""
    assert tree.text("app.py") == "from busway import data_manager\ncache = data_manager\n"
    assert tree.text("job.py") == "from app import cache as kept\nkept.invalidate('a')\n"
    assert tree.text("other.py") == "import app\napp.cache.invalidate('a')\napp.start()\n"


def test_an_attribute_of_a_base_class_in_another_file(tmp_path: Path) -> None:
    files = {
        "base.py": "from utils.cache_manager import CacheManager\nclass Base:\n    def __init__(self):\n"
        "        self.cache = CacheManager()\n",
        "job.py": "from base import Base\nclass Job(Base):\n    def run(self):\n        self.cache.clear_cache('a')\n",
        "apart.py": "class Apart:\n    def run(self):\n        self.cache.clear_cache('a')\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.reasons() == ""
    assert "self.cache.invalidate('a')" in tree.text("job.py")
    assert "self.cache.clear_cache('a')" in tree.text("apart.py"), "another class with an attribute of this name"


def test_an_attribute_reached_through_an_object_is_not_guessed(tmp_path: Path) -> None:
    files = {
        "base.py": "from utils.cache_manager import CacheManager\nclass Base:\n    def __init__(self):\n"
        "        self.cache = CacheManager()\n",
        "job.py": "def run(base):\n    base.cache.clear_cache('a')\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.migration.changes == ()
    assert "job.py:2 base.cache | this may be the attribute cache of a Base" in tree.reasons()


def test_whoever_takes_a_name_with_a_star_keeps_it(tmp_path: Path) -> None:
    files = {
        "helpers.py": "from utils.error_manager import error_manager\n",
        "job.py": "from helpers import *\nerror_manager.log_error('k', 'm')\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.migration.changes == ()
    assert "job.py:1" in tree.reasons()


def test_a_module_alias_that_others_import_stays(tmp_path: Path) -> None:
    files = {
        "helpers.py": "import utils.cache_manager as cm\nc = cm.CacheManager()\nc.get_jobs()\n",
        "job.py": "from helpers import cm\ncm.CacheManager().get_jobs()\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.migration.changes == ()
    assert "cm is imported from helpers" in tree.reasons()


def test_relative_imports(tmp_path: Path) -> None:
    files = {
        "utils/mine.py": "from .cache_manager import CacheManager\nfrom . import error_manager\n"
        "CacheManager().clear_cache('a')\nerror_manager.error_manager.log_error('k', 'm', 'e', 'i')\n",
        "utils/script.py": "import cache_manager\ncache_manager.CacheManager().get_jobs()\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.reasons() == ""
    assert tree.text("utils/mine.py").startswith("from busway import data_manager, event_manager\ndata_manager.inval")
    assert tree.text("utils/script.py") == "from busway import data_manager\ndata_manager.get_jobs()\n"


def test_a_tree_below_the_top(tmp_path: Path) -> None:
    """What is imported as utils may lie in app/utils: programs are started in app."""
    write_tree(
        tmp_path / "app", {"job.py": "from utils.cache_manager import CacheManager\nCacheManager().get_jobs()\n"}
    )
    (tmp_path / "setup.py").write_text("", "utf-8")
    tree = look_at(tmp_path)
    assert tree.text("app/job.py").startswith("from busway import data_manager\n")


def test_old_modules_and_files_outside_the_paths_are_not_written(tmp_path: Path) -> None:
    files = {
        "utils/error_notifier.py": "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm')\n",
        "app.py": "from utils.cache_manager import CacheManager\ncache = CacheManager()\n",
        "sync/job.py": "from app import cache\ncache.clear_cache('a')\n",
        "sync/free.py": "from utils.cache_manager import CacheManager\nCacheManager().get_jobs()\n",
    }
    write_tree(tmp_path, files)
    git(tmp_path, "init", "--quiet")
    tree = look_at(tmp_path, paths=("sync",))
    assert [change.path.name for change in tree.migration.changes] == ["free.py"]
    assert "this file is not among the paths that were named" in tree.reasons()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import importlib\nimportlib.import_module('utils.cache_manager')\n", "given to import_module"),
        ("__import__('config')\n", "given to __import__"),
        ("import sys\nsys.modules['utils.error_manager']\n", "in a string"),
        ("from unittest import mock\nmock.patch('utils.cache_manager.CacheManager.get_jobs')\n", "given to patch"),
        ("import importlib\nname = 'x'\nimportlib.import_module(f'utils.{name}')\n", "given to import_module"),
        ("import importlib\nname = 'x'\nimportlib.import_module('utils.' + name)\n", "given to import_module"),
        ("import subprocess\nsubprocess.run(['python', '-c', 'from utils.cache_manager import X'])\n", "in a string"),
        ("LOADERS = ['utils.change_tracker:ChangeTracker']\n", "in a string"),
    ],
)
def test_what_is_named_while_the_program_runs(text: str, what: str, tmp_path: Path) -> None:
    tree = migrate_tree(tmp_path, {"job.py": text})
    (finding,) = tree.found(FindingKind.DYNAMIC)
    assert what in finding.what
    assert finding.line == text.count("\n")
    assert tree.text("job.py") == text


@pytest.mark.parametrize(
    "text",
    [
        '"""utils.cache_manager is old."""\n',
        "# utils.cache_manager\n",
        "PATH = 'config'\nKEY = 'config.yaml'\nprint('utils', 'settings')\n",
        "import logging\nlogging.getLogger('app.utils')\n",
    ],
)
def test_words_that_only_look_like_it(text: str, tmp_path: Path) -> None:
    assert migrate_tree(tmp_path, {"job.py": text}).migration.findings == ()


def test_a_patch_of_the_place_where_it_is_used_keeps_that_place(tmp_path: Path) -> None:
    files = {
        "job.py": "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm')\n",
        "test_job.py": "from unittest import mock\nmock.patch('job.error_manager')\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.migration.changes == ()
    assert "test_job.py:2 'job.error_manager' given to patch" in tree.reasons()
    assert "it becomes busway.event_manager" in tree.reasons()


def test_a_name_set_in_another_module_keeps_it(tmp_path: Path) -> None:
    files = {
        "job.py": "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm')\n",
        "test_job.py": "import job\ndef test(monkeypatch):\n    monkeypatch.setattr(job, 'error_manager', 1)\n",
    }
    tree = migrate_tree(tmp_path, files)
    assert tree.migration.changes == ()
    assert "test_job.py:3 'error_manager' given to setattr" in tree.reasons()


def test_files_that_are_not_python(tmp_path: Path) -> None:
    files = {
        "deploy/watch.ps1": b"\xff\xfe" + "python -c 'from utils.change_tracker import X'\r\n".encode("utf-16-le"),
        "run.sh": "python -m utils.cache_manager\ncat utils/error_manager.py\necho utils cache_manager\n",
        "ci.yaml": "run: grep -R utils\\error_notifier\n",
        "README.md": "Use `from config import settings`.\n",
        "Dockerfile": "COPY config/settings.py /app/\n",
        "notes.dat": "utils.cache_manager\n",
    }
    tree = migrate_tree(tmp_path, files)
    found = sorted((one.path.name, one.line) for one in tree.found(FindingKind.OUTSIDE))
    expected = [("Dockerfile", 1), ("README.md", 1), ("ci.yaml", 1), ("run.sh", 1), ("run.sh", 2), ("watch.ps1", 1)]
    assert found == expected
    assert tree.migration.changes == ()


BROKEN = {
    "a syntax error": b"def f(:\n",
    "Python 2": b"print 'x'\n",
    "tabs and blanks": b"if 1:\n        x = 1\n\ty = 2\n",
    "another encoding": "x = 'ä'\n".encode("latin-1"),
    "an encoding nobody knows": b"# -*- coding: klingon -*-\n",
    "UTF-16": "x = 1\n".encode("utf-16"),
    "null bytes": b"x = 1\0\n",
    "deeper than the parser goes": b"x = " + b"(" * 500 + b")" * 500 + b"\n",
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_does_not_parse_is_named_and_left(what: str, tmp_path: Path) -> None:
    tree = migrate_tree(
        tmp_path, {"bad.py": BROKEN[what], "job.py": "from config import settings\nsettings.REDIS_HOST\n"}
    )
    (finding,) = tree.found(FindingKind.UNPARSABLE)
    assert finding.path.name == "bad.py"
    assert finding.why
    assert [change.path.name for change in tree.migration.changes] == ["job.py"], "the others go on"


OLD = "from config import settings\nprint(settings.REDIS_HOST)\n"


def test_generated_and_read_only_files_are_left(tmp_path: Path) -> None:
    write_tree(tmp_path, {"made.py": "# @generated by a tool\n" + OLD, "kept.py": OLD})
    (tmp_path / "kept.py").chmod(0o444)
    tree = look_at(tmp_path)
    assert tree.migration.changes == ()
    assert "made.py:2 from config import settings | this file is generated" in tree.reasons()
    assert "kept.py:1 from config import settings | this file is read-only" in tree.reasons()


def test_links_are_not_followed(tmp_path: Path) -> None:
    write_tree(tmp_path, {"job.py": OLD})
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.py").symlink_to(tmp_path / "job.py")
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "nothing.py")
    tree = look_at(tmp_path)
    assert [change.path.name for change in tree.migration.changes] == ["job.py"]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.test"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_tree(tmp_path, {".gitignore": "test-*.py\n", "job.py": OLD, "test-old.py": OLD})
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--force", ".")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    return tmp_path


def test_tracked_files_are_seen_even_if_they_are_ignored(repository: Path) -> None:
    (repository / "new.py").write_text(OLD, "utf-8")
    (repository / "test-mine.py").write_text(OLD, "utf-8")
    tree = look_at(repository)
    assert [change.path.name for change in tree.migration.changes] == ["job.py", "new.py", "test-old.py"]


def test_the_guard_for_ruff_sees_them_too(repository: Path) -> None:
    from builders.old_code import pack
    from busway_migrate.ruff_rules import ruff_configuration

    (repository / "ruff-migrate.toml").write_text(ruff_configuration(pack()), "utf-8")
    options = ["--config", "ruff-migrate.toml", "--select", "TID251", "--output-format", "concise"]
    command = [sys.executable, "-m", "ruff", "check", *options, "."]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert "test-old.py:1:" in done.stdout
    assert "job.py:1:" in done.stdout
    assert "utils/" not in done.stdout
    assert "use busway.config; gone in 0.2: busway migrate" in done.stdout


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf# mark\r\nfrom config import settings\r\n\tx=1  \r\nprint( settings.REDIS_HOST )# end".replace(
            b"\tx=1  \r\n", b"x=1  \r\n"
        ),
        b"# -*- coding: cp1252 -*-\nfrom config import settings\n# \x80\nprint(settings.REDIS_HOST)\n",
        b"#!/usr/bin/env python\nfrom config import settings\nif 1:\r\n\tprint(settings.REDIS_HOST)\r\n\x0c\nx = 1 ;\n",
    ],
)
def test_all_other_bytes_stay(data: bytes, tmp_path: Path) -> None:
    tree: MigratedTree = migrate_tree(tmp_path, {"job.py": data})
    (change,) = tree.migration.changes
    expected = data.replace(b"from config import settings", b"from busway import config")
    assert change.new == expected.replace(b"settings.REDIS_HOST", b"config.REDIS_HOST")
