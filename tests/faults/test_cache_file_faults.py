"""The file level under real processes: many at once, one killed, one frozen, no room, no right to write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from busway.contracts.clock import SystemClock
from busway.contracts.settings import Secret
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_file.ring import Ring

KEY = "acme:v1:vista:employees:E1"
WEEK = 7 * 86_400.0

PRELUDE = """
import os, random, resource, signal, sys
from pathlib import Path
from busway.contracts.clock import SystemClock
from busway.contracts.settings import Secret
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey

folder, number = Path(sys.argv[1]), int(sys.argv[2])
metrics = Metrics()

def open_cache(**options):
    return FileCache(folder / "cache", FileKey(None, folder), clock=SystemClock(), metrics=metrics, **options)

def counted(what):
    return int(sum(one.value for one in metrics.snapshot() if one.name == f"busway_cache_file_{what}_total"))

def say(*words):
    print(*words, flush=True)

say("ready")
sys.stdin.readline()
"""


@contextmanager
def process(folder: Path, script: str, number: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process that is ready to begin, and waits for a line."""
    command = [sys.executable, "-c", PRELUDE + script, str(folder), str(number)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert said(running) == "ready"
            yield running
        finally:
            running.kill()


def said(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def begin(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()


def together(folder: Path, script: str, count: int = 4) -> list[str]:
    """The last line of each of so many processes that begin at once."""
    with ExitStack() as stack:
        running = [stack.enter_context(process(folder, script, number)) for number in range(count)]
        for one in running:
            begin(one)
        return [one.communicate(timeout=60)[0].strip() for one in running]


def open_cache(folder: Path, metrics: Metrics | None = None) -> FileCache:
    return FileCache(folder / "cache", FileKey(None, folder), clock=SystemClock(), metrics=metrics)


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache").rglob("*") if path.is_file()]


def place(folder: Path, key: str) -> Path:
    (found,) = Ring(FileKey(None, folder).get(), folder / "cache").places(key)
    return Path(found.path)


CHURN = """
def value(key, who, size):  # noise, which cannot be compressed
    return f"{key}|{who}|{size}|".encode() + random.Random(f"{key}{who}{size}").randbytes(size)

cache, rng, hits = open_cache(max_bytes=150_000), random.Random(number), 0
for turn in range(500):
    key = f"k{rng.randrange(20)}"
    kind = rng.random()
    if kind < 0.5:
        found = cache.get(key)
        if found is not None:
            _, who, size = found.split(b"|")[:3]
            assert found == value(key, int(who), int(size)), found[:60]
            hits += 1
    elif kind < 0.9:
        cache.set(key, value(key, number, rng.choice((10, 3_000, 30_000))), 3600)
    elif kind < 0.97:
        cache.delete(key)
    else:
        assert set(cache.scan("k*")) <= {f"k{one}" for one in range(20)}
say("rejected", counted("rejected"), "evicted", counted("evicted") > 0, "hits", hits > 20)
"""


def test_processes_write_read_and_evict_the_same_keys(tmp_path: Path) -> None:
    assert together(tmp_path, CHURN) == ["rejected 0 evicted True hits True"] * 4
    left = files(tmp_path)
    assert not [path for path in left if path.suffix == ".tmp"]
    assert sum(path.stat().st_size for path in left) < 220_000


KEYS = """
import hashlib
say(hashlib.sha256(b"".join(FileKey(None, folder).get())).hexdigest())
"""


def test_processes_that_begin_at_once_make_one_key(tmp_path: Path) -> None:
    assert len(set(together(tmp_path, KEYS, count=6))) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["file-cache.key"]


RAISE = """
cache, rng, before = open_cache(), random.Random(number), 0
for turn in range(150):
    stamp = rng.randrange(1, 1_000_000)
    held = cache.raise_generation("acme:v1:vista", stamp)
    (read,) = cache.read_generations(["acme:v1:vista"])
    assert before <= held <= read and stamp <= held, (before, stamp, held, read)
    before = read
say(counted("rejected"), before)
"""


def test_processes_raise_a_stamp_at_once_and_none_ever_sees_it_fall(tmp_path: Path) -> None:
    answers = [line.split() for line in together(tmp_path, RAISE)]
    assert [answer[0] for answer in answers] == ["0"] * 4, "a stamp was read half written"
    (stamp,) = open_cache(tmp_path).read_generations(["acme:v1:vista"])
    assert stamp == max(int(answer[1]) for answer in answers)
    assert len(files(tmp_path)) == 1


WRITE = """
cache = open_cache()
while True:
    for letter in (b"a", b"b"):
        cache.set("acme:v1:vista:employees:E1", letter + os.urandom(1_000_000) + letter, 3600)
        cache.raise_generation("acme:v1:vista", int.from_bytes(os.urandom(3)))
    say("wrote")
"""


def test_a_writer_is_killed_at_any_moment_and_nothing_half_written_is_read(tmp_path: Path) -> None:
    metrics = Metrics()
    cache = open_cache(tmp_path, metrics)
    before = 0
    for turn in range(6):
        with process(tmp_path, WRITE) as writer:
            begin(writer)
            assert said(writer) == "wrote"
            for _ in range(turn * 20):
                cache.get(KEY)
            writer.send_signal(signal.SIGKILL)
            writer.wait(10)
        found = cache.get(KEY)
        assert found is not None
        assert (len(found), found[:1]) == (1_000_002, found[-1:])
        (stamp,) = cache.read_generations(["acme:v1:vista"])
        assert stamp >= before
        before = stamp
    assert not [one for one in metrics.snapshot() if one.name == "busway_cache_file_rejected_total" and one.value]


def test_a_frozen_process_holds_nobody_up(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    with process(tmp_path, WRITE) as writer:
        begin(writer)
        for turn in range(5):
            assert said(writer) == "wrote"
            writer.send_signal(signal.SIGSTOP)
            assert cache.raise_generation("acme:v1:vista", 20_000_000 + turn) == 20_000_000 + turn
            assert cache.get(KEY) is not None
            cache.set(KEY, b"mine", WEEK)
            assert cache.get(KEY) == b"mine"
            writer.send_signal(signal.SIGCONT)
    assert cache.read_generations(["acme:v1:vista"]) == [20_000_004]


FULL = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cache = open_cache()
cache.set("k", b"old", 3600)
cache.set("other", b"kept", 3600)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    cache.set("k", os.urandom(200_000), 3600)
except UnreachableError as error:
    say(error.problem.code, cache.get("k"), cache.get("other"))
cache.set("k", b"small", 3600)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
try:
    cache.raise_generation("acme:v1:vista", 7)
except UnreachableError as error:
    say(error.problem.code, list(cache.read_generations(["acme:v1:vista"])), cache.get("k"))
"""


def test_no_room_is_an_outage_that_leaves_neither_half_nor_old_entries(tmp_path: Path) -> None:
    (told,) = together(tmp_path, FULL, count=1)
    assert told.splitlines() == ["BW2005 None b'kept'", "BW2005 [0] b'small'"]
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]
    assert len(files(tmp_path)) == 2


READ_ONLY = """
os.chdir(folder)
if os.geteuid() == 0:  # nobody has no right to write here, and root always has
    os.setgid(65534)
    os.setuid(65534)
cache = FileCache(Path("cache"), FileKey(Secret("AQEB" * 10 + "AQE="), Path("state")), clock=SystemClock())
for call in (
    lambda: cache.get("k"),
    lambda: cache.set("k", b"2", 3600),
    lambda: cache.set("new", b"2", 3600),
    lambda: cache.delete("k"),
    lambda: list(cache.scan("*")),
    lambda: cache.read_generations(["n"]),
    lambda: cache.raise_generation("n", 8),
    lambda: cache.raise_generation("other", 8),
):
    try:
        say(call())
    except UnreachableError as error:
        say(error.problem.code)
"""


def test_a_folder_that_is_read_only_is_read_and_writing_is_an_outage(tmp_path: Path) -> None:
    key = FileKey(Secret("AQEB" * 10 + "AQE="), tmp_path / "state")
    cache = FileCache(tmp_path / "cache", key, clock=SystemClock())
    cache.set("k", b"1", WEEK)
    cache.raise_generation("n", 7)
    inside = [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]
    for path in [tmp_path, *inside]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        (told,) = together(tmp_path, READ_ONLY, count=1)
    finally:
        for path in [tmp_path, *inside]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert told.splitlines() == ["b'1'", "BW2005", "BW2005", "BW2005", "['k']", "[7]", "BW2005", "BW2005"]
    assert (cache.get("k"), len(files(tmp_path))) == (b"1", 2)


@pytest.mark.parametrize("kind", ["pipe", "link", "link to nothing", "empty", "plain", "huge"])
def test_what_lies_in_the_place_of_a_file_is_a_counted_miss_and_goes(tmp_path: Path, kind: str) -> None:
    metrics = Metrics()
    cache = open_cache(tmp_path, metrics)
    cache.set(KEY, b"1", WEEK)
    path, target = place(tmp_path, KEY), tmp_path / "target"
    path.rename(target)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind.startswith("link"):
        path.symlink_to(target if kind == "link" else tmp_path / "nowhere")
    else:
        path.write_bytes(b'{"name": "Jane"}' if kind == "plain" else b"")
    if kind == "huge":
        os.truncate(path, 1 << 42)
    assert list(cache.scan("*")) == []
    assert cache.get(KEY) is None
    assert not os.path.lexists(path)
    assert sum(one.value for one in metrics.snapshot() if one.name == "busway_cache_file_rejected_total") == 1
    assert target.exists(), "what a link points at is somebody else's"
    cache.set(KEY, b"2", WEEK)
    assert cache.get(KEY) == b"2"
