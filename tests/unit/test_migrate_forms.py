"""Every form in which something old can be imported and used: changed with all its uses, or left with a reason."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from builders.old_code import migrate_tree
from busway_migrate.findings import FindingKind

CHANGED = {
    "an object": (
        "from utils.error_manager import error_manager\nerror_manager.log_error('k', 'm')\n",
        "from busway import event_manager\nevent_manager.log_error('k', message='m', entity=None, entity_id=None)\n",
    ),
    "an object under another name": (
        "from utils.error_notifier import error_notifier as en\nen.send_hourly_notification()\n",
        "from busway import event_manager\nevent_manager.send_hourly_notification()\n",
    ),
    "a class, made and used at once": (
        "from utils.cache_manager import CacheManager\nCacheManager().clear_cache('a')\n",
        "from busway import data_manager\ndata_manager.invalidate('a')\n",
    ),
    "a module": (
        "import utils.cache_manager\nutils.cache_manager.CacheManager().get_jobs()\n",
        "from busway import data_manager\ndata_manager.get_jobs()\n",
    ),
    "a module under another name": (
        "import utils.cache_manager as cm\ncache = cm.CacheManager()\ncache.get_jobs()\n",
        "from busway import data_manager\ncache = data_manager\ncache.get_jobs()\n",
    ),
    "a module from its package": (
        "from utils import cache_manager, other\ncache_manager.CacheManager().clear_cache('a')\nother.x\n",
        "from utils import other\nfrom busway import data_manager\ndata_manager.invalidate('a')\nother.x\n",
    ),
    "a package, with the module written out": (
        "import utils.error_manager, os\nos.sep\nutils.error_manager.error_manager.log_error('k', 'm', 'e', '1')\n",
        "import os\nfrom busway import event_manager\nos.sep\n"
        "event_manager.log_error('k', message='m', entity='e', entity_id='1')\n",
    ),
    "constants": (
        "from config import REDIS_HOST, SAFETYAMP_TOKEN as token\nprint(REDIS_HOST, token, f'{REDIS_HOST}:{token}')\n",
        "from busway import config\n"
        "print(config.REDIS_HOST, config.SAFETYAMP_TOKEN, f'{config.REDIS_HOST}:{config.SAFETYAMP_TOKEN}')\n",
    ),
    "the settings object": (
        "from config import settings\nhost = settings.REDIS_HOST\nsettings.get_secret('A', refresh=True)\n",
        "from busway import config\nhost = config.REDIS_HOST\nconfig.get_secret('A', refresh=True)\n",
    ),
    "the settings module": (
        "import config.settings\nprint(config.settings.REDIS_HOST)\n",
        "from busway import config\nprint(config.REDIS_HOST)\n",
    ),
    "everything": (
        "from config.settings import *\nprint(REDIS_HOST)\n",
        "from busway import config\nprint(config.REDIS_HOST)\n",
    ),
    "in a function": (
        "def f():\n    from utils.data_validator import validator\n"
        "    return validator.validate_employee_data({}, '1', display_name='n')\n",
        "def f():\n    from busway import data_manager\n"
        "    return data_manager.validate_employee_data({}, '1', display_name='n')\n",
    ),
    "where the import may fail": (
        "try:\n    from utils.error_manager import error_manager\nexcept ImportError:\n    error_manager = None\n"
        "if error_manager is not None:\n    error_manager.log_error('k', 'm', None, None)\n",
        "try:\n    from busway import event_manager\nexcept ImportError:\n    event_manager = None\n"
        "if event_manager is not None:\n    event_manager.log_error('k', message='m', entity=None, entity_id=None)\n",
    ),
    "in an attribute": (
        "from utils.change_tracker import ChangeTracker\nclass Job:\n    def __init__(self):\n"
        "        self.tracker = ChangeTracker()\n    def run(self):\n"
        "        self.tracker.log_creation('e', '1', data={})\n",
        "from busway import event_manager\nclass Job:\n    def __init__(self):\n"
        "        self.tracker = event_manager\n    def run(self):\n"
        "        self.tracker.log_creation('e', '1', details={})\n",
    ),
    "in an attribute of the class": (
        "from utils.change_tracker import ChangeTracker\nclass Job:\n    tracker = ChangeTracker()\n"
        "    def run(self):\n        self.tracker.end_sync()\n        Job.tracker.log_deletion('e', '1', 'r')\n",
        "from busway import event_manager\nclass Job:\n    tracker = event_manager\n    def run(self):\n"
        "        self.tracker.end_sync()\n        Job.tracker.log_deletion('e', '1', 'r')\n",
    ),
    "in a global variable, set later": (
        "from utils.cache_manager import CacheManager\ncache = None\ndef start():\n    global cache\n"
        "    cache = CacheManager()\ndef use():\n    cache.clear_cache('x')\n",
        "from busway import data_manager\ncache = None\ndef start():\n    global cache\n"
        "    cache = data_manager\ndef use():\n    cache.invalidate('x')\n",
    ),
    "arguments over several lines": (
        "from utils.cache_manager import CacheManager\nCacheManager().save_cache(\n    'a',  # the name\n    [1],\n"
        "    ttl_hours=1 + 1,\n)\n",
        "from busway import data_manager\ndata_manager.save_cache(\n    'a',  # the name\n    [1],\n"
        "    ttl_seconds=(1 + 1) * 3600,\n)\n",
    ),
    "a name that is taken": (
        "from config import settings\ndef f(config):\n    return config, settings.REDIS_HOST\n",
        "from busway import config as busway_config\ndef f(config):\n    return config, busway_config.REDIS_HOST\n",
    ),
    "the new name in use as a variable": (
        "from utils.cache_manager import CacheManager\ndata_manager = CacheManager()\ndata_manager.clear_cache('a')\n",
        "from busway import data_manager as busway_data_manager\ndata_manager = busway_data_manager\n"
        "data_manager.invalidate('a')\n",
    ),
    "two old names for one new": (
        "from utils.error_manager import error_manager\nfrom utils.change_tracker import ChangeTracker\n"
        "ChangeTracker().end_sync()\nerror_manager.log_error('k', 'm', 'e', 'i')\n",
        "from busway import event_manager\nevent_manager.end_sync()\n"
        "event_manager.log_error('k', message='m', entity='e', entity_id='i')\n",
    ),
    "inside and outside of a function": (
        "from utils.error_manager import error_manager\ndef f():\n    error_manager.log_error('k', 'm')\n"
        "    from utils.change_tracker import ChangeTracker\n    ChangeTracker().end_sync()\n",
        "from busway import event_manager\ndef f():\n"
        "    event_manager.log_error('k', message='m', entity=None, entity_id=None)\n"
        "    from busway import event_manager as busway_event_manager\n    busway_event_manager.end_sync()\n",
    ),
    "on one line": (
        "import os; from utils.error_notifier import error_notifier; error_notifier.send_hourly_notification()\n",
        "import os; from busway import event_manager; event_manager.send_hourly_notification()\n",
    ),
    "in the old place of the new name": (
        "from services.data_manager import data_manager\ndata_manager.get_cached_data('a', 'k')\n",
        "from busway import data_manager\ndata_manager.get_cached_data('a', 'k')\n",
    ),
}


@pytest.mark.parametrize("form", CHANGED)
def test_a_form_is_changed_with_all_its_uses(form: str, tmp_path: Path) -> None:
    old, new = CHANGED[form]
    tree = migrate_tree(tmp_path, {"job.py": old})
    assert tree.reasons() == ""
    assert tree.text("job.py") == new


@pytest.mark.parametrize("form", CHANGED)
def test_the_second_run_changes_nothing(form: str, tmp_path: Path) -> None:
    _, new = CHANGED[form]
    tree = migrate_tree(tmp_path, {"job.py": new})
    assert tree.migration.changes == ()
    assert [finding.kind for finding in tree.migration.findings] == [FindingKind.DONE]


LEFT = {
    "a base class": ("from utils.cache_manager import CacheManager\nclass My(CacheManager): pass\n", "inherits"),
    "a type": ("from utils.cache_manager import CacheManager\ndef f(c: CacheManager): c.x()\n", "used as a type"),
    "a type as text": ("from utils.cache_manager import CacheManager\ndef f(c: 'CacheManager'): c.x()\n", "as text"),
    "isinstance": ("from utils.cache_manager import CacheManager\nisinstance(1, CacheManager)\n", "to isinstance"),
    "an argument": ("from utils.error_manager import error_manager\nprint(error_manager)\n", "handed to print"),
    "a return": ("from utils.cache_manager import CacheManager\ndef f(): return CacheManager()\n", "returned"),
    "no rule": ("from utils.error_manager import error_manager\nerror_manager.purge()\n", "no rule is about"),
    "another call": (
        "from utils.cache_manager import CacheManager\nCacheManager('/tmp').get_jobs()\n",
        "no rule covers",
    ),
    "stars in a call": (
        "from utils.error_manager import error_manager\nerror_manager.log_error(*[1])\n",
        "no rule covers",
    ),
    "a name without a rule": ("from utils.cache_manager import DEFAULT_TTL\n", "no rule is about"),
    "a setting nobody declares": ("from config import settings\nsettings.CACHE_DIR\n", "no rule is about"),
    "a setting that is written": ("from config import settings\nsettings.REDIS_HOST = 'x'\n", "written to"),
    "a method handed on": (
        "from utils.error_manager import error_manager\nlog = error_manager.log_error\n",
        "arguments have moved",
    ),
    "getattr": ("from utils.error_manager import error_manager\ngetattr(error_manager, 'log_error')\n", "to getattr"),
    "__all__": (
        "from utils.error_manager import error_manager\n__all__ = ['error_manager']\n",
        "__all__",
    ),
    "bound twice": (
        "from utils.error_manager import error_manager\nif 1:\n    error_manager = 5\nprint(error_manager)\n",
        "bound to something else",
    ),
    "a variable that holds more": (
        "from utils.cache_manager import CacheManager\nc = CacheManager()\nc = {}\nc.clear_cache('a')\n",
        "may hold something else",
    ),
    "a module that is only imported": ("import utils.cache_manager\n", "nothing of it is used"),
    "a module handed on": ("import utils.cache_manager as cm\nprint(cm)\n", "as a whole"),
    "a package needed for more": (
        "import utils.cache_manager\nutils.cache_manager.CacheManager().get_jobs()\nutils.other()\n",
        "something else",
    ),
    "an import in a class": (
        "class A:\n    from utils.error_manager import error_manager\n"
        "    def f(self):\n        self.error_manager.log_error('k', 'm')\n",
        "attribute of a class",
    ),
    "a default": ("from utils.cache_manager import CacheManager\ndef f(c=CacheManager()): c.x()\n", "followed"),
    "a context": ("from utils.cache_manager import CacheManager\nwith CacheManager() as c: c.x()\n", "followed"),
    "a container": ("from utils.error_manager import error_manager\nd = {1: error_manager}\n", "followed"),
    "two targets": ("from utils.cache_manager import CacheManager\na = b = CacheManager()\n", "cannot be followed"),
    "a walrus": ("from utils.cache_manager import CacheManager\nif (c := CacheManager()): c.x()\n", "followed"),
    "the attribute of an object": ("from utils.cache_manager import CacheManager\nx.c = CacheManager()\n", "followed"),
    "an exception of the same name": (
        "from utils.error_manager import error_manager as e\ntry:\n    pass\nexcept OSError as e:\n    e.args\n",
        "bound to something else",
    ),
    "two stars": (
        "from config.settings import *\nfrom os.path import *\nprint(REDIS_HOST)\n",
        "more than one star",
    ),
    "a report rule": (
        "from utils.error_manager import error_manager\nerror_manager.get_error_summary()\n",
        "kept in a ledger",
    ),
    "an unsafe rule": (
        "from utils.cache_manager import CacheManager\nCacheManager().clear_all()\n",
        "every entry of the application",
    ),
    "with a comment that would be lost": (
        "from utils.cache_manager import CacheManager\nCacheManager(  # keep me\n).get_jobs()\n",
        "comment would be lost",
    ),
    "global of an import": (
        "def f():\n    global error_manager\n    from utils.error_manager import error_manager\n"
        "f()\nerror_manager.log_error('k', 'm')\n",
        "another scope",
    ),
}


@pytest.mark.parametrize("form", LEFT)
def test_what_cannot_be_followed_is_left_with_a_reason(form: str, tmp_path: Path) -> None:
    old, reason = LEFT[form]
    tree = migrate_tree(tmp_path, {"job.py": old})
    assert tree.text("job.py") == old
    assert reason in tree.reasons()
    assert all(finding.line and finding.fix for finding in tree.found(FindingKind.HAND))


def test_a_name_moves_with_all_its_uses_or_not_at_all(tmp_path: Path) -> None:
    old = """\
        from utils.change_tracker import ChangeTracker
        from utils.error_manager import error_manager

        tracker = ChangeTracker()
        tracker.log_creation("employee", "1")
        tracker.export()
        error_manager.log_error("k", "m", "e", "1")
    """
    tree = migrate_tree(tmp_path, {"job.py": old})
    text = tree.text("job.py")
    assert "tracker = ChangeTracker()\n" in text, "one use has no rule, so the session stays in one place"
    assert "event_manager.log_error(" in text, "what does not hang together with it has moved"
    assert "job.py:6" in tree.reasons()


def test_unsafe_changes_are_made_when_asked_for(tmp_path: Path) -> None:
    old = "from utils.cache_manager import CacheManager\nCacheManager().clear_all()\n"
    tree = migrate_tree(tmp_path, {"job.py": old}, allow_unsafe=True)
    assert tree.text("job.py") == 'from busway import data_manager\ndata_manager.invalidate(key_or_pattern="*")\n'


def test_names_of_the_same_spelling_are_left_alone(tmp_path: Path) -> None:
    old = textwrap.dedent(
        """\
        from elsewhere import CacheManager, error_manager
        import config_tools as config

        cache = CacheManager()
        cache.clear_cache("a")
        error_manager.log_error("k", "m")
        config.settings.REDIS_HOST
        """
    )
    tree = migrate_tree(tmp_path, {"job.py": old})
    assert tree.migration.findings == ()
    assert tree.text("job.py") == old
