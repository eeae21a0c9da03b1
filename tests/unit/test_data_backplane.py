"""The backplane: what one process changes, the memory of the others forgets; hostile messages change nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.cache_processes import CacheProcess, CacheServer, SharedCache
from builders.manual_clock import ManualClock
from busway.data.backplane_message import LONGEST_MESSAGE, BadMessage, Message, messages, parse
from busway.data.policy import Policy
from busway.testing.caches import FakeCache

SENDER = "0123456789abcdef" * 2


class Deployment:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.server = CacheServer()
        self.clients: list[SharedCache] = []

    def process(self, **options: Any) -> CacheProcess:
        client = SharedCache(self.server, self.clock, stores_in_clear=options.pop("stores_in_clear", True))
        self.clients.append(client)
        return CacheProcess(self.clock, ("shared", client), **options)

    def pair(self, **options: Any) -> tuple[CacheProcess, CacheProcess]:
        """Two that have used the server, and so listen."""
        pair = self.process(**options), self.process(**options)
        for process in pair:
            process.get("vista.employees")
        return pair

    def send(self, **body: Any) -> None:
        self.server.send(orjson.dumps({"v": 1, "app": "acme", "from": SENDER, **body}))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_a_write_of_another_process_is_served_at_once(deployment: Deployment) -> None:
    first, second = deployment.pair()
    first.put("vista.employees", "old")
    assert (second.get("vista.employees"), second.level_of("vista.employees")) == ("old", "memory")
    deployment.clock.advance(1)
    first.put("vista.employees", "new")
    assert second.get("vista.employees") == "new"
    assert first.level_of("vista.employees") == "memory"
    counts = [
        {one.labels[0][1]: one.value for one in process.metrics.snapshot() if one.name == "busway_cache_messages_total"}
        for process in (first, second)
    ]
    assert [count["received"] for count in counts] == [0, 2], "nobody listens to himself"


def test_a_removed_key_is_gone_from_the_memory_of_others(deployment: Deployment) -> None:
    first, second = deployment.pair()
    for text in ("vista.employees/E1", "vista:employees:E*"):
        first.put("vista.employees", "v", "E1")
        assert second.get("vista.employees", "E1") == "v"
        assert first.invalidate(text) == 1
        assert second.get("vista.employees", "E1") is None


def test_the_files_of_another_host_forget_too(deployment: Deployment) -> None:
    pair = []
    for _ in range(2):
        client, file = SharedCache(deployment.server, deployment.clock), FakeCache(deployment.clock)
        pair.append(CacheProcess(deployment.clock, ("shared", client), ("file", file)))
        pair[-1].get("vista.employees")
    first, second = pair
    for key in ("removed", "overwritten", "kept"):
        second.put("vista.employees", "old", key)
    deployment.clock.advance(1)
    assert first.invalidate("vista.employees/removed") == 1
    first.put("vista.employees", "new", "overwritten")
    deployment.server.held.clear()
    left = [second.get("vista.employees", key) for key in ("removed", "overwritten", "kept")]
    assert left == [None, None, "old"]


def test_a_removal_counts_for_entries_of_a_clock_ahead_too(deployment: Deployment) -> None:
    first, second = deployment.pair()
    first.clock.advance(10)
    first.put("vista.employees", "v")
    assert second.get("vista.employees") == "v"
    deployment.send(d=[["acme:v1:vista:employees:_", 5]])
    assert second.memory.get(second.key("vista.employees")) is None


def test_a_load_under_way_elsewhere_is_cut_loose(deployment: Deployment) -> None:
    first, second = deployment.pair()
    begun, go_on, loads = threading.Event(), threading.Event(), []

    def load(flight: Any) -> str:
        begun.set()
        assert go_on.wait(10)
        loads.append(flight.detached)
        return "old"

    key = second.key("vista.employees", "E1")
    loader = threading.Thread(target=second.flights.run, args=(key, load))
    loader.start()
    assert begun.wait(10)
    first.invalidate("vista.employees/E1")
    go_on.set()
    loader.join(10)
    assert loads == [True]


def test_an_older_message_does_not_drop_a_newer_entry(deployment: Deployment) -> None:
    _, second = deployment.pair()
    second.put("vista.employees", "v")
    key, created = second.key("vista.employees"), deployment.clock.now_ns()
    for stamp, left in ((created - 1, True), (created, True), (created + 1, False)):
        deployment.send(w=[[key, stamp]])
        assert (second.memory.get(key) is not None) is left


def test_after_messages_were_missed_memory_and_stamps_are_read_again(deployment: Deployment) -> None:
    first, second = deployment.pair()
    first.put("vista.employees", "old")
    first.put("vista.jobs", "kept")
    assert second.get("vista.employees") == "old"
    assert second.get("vista.jobs") == "kept"
    deaf = deployment.clients[1]
    deployment.server.listeners = [one for one in deployment.server.listeners if one[0] is not deaf]
    receive = second.levels._backplane._receive  # type: ignore[union-attr]
    deployment.clock.advance(1)
    first.put("vista.employees", "new")
    first.invalidate("vista.jobs")
    assert second.get("vista.employees") == "old", "it heard nothing"
    receive(b"")
    assert [second.get("vista.employees"), second.get("vista.jobs")] == ["new", None]


def test_it_listens_from_the_first_use_on_and_stops_when_closed(deployment: Deployment) -> None:
    process = deployment.process()
    assert deployment.server.listeners == []
    deployment.clients[0].away = True
    process.get("vista.employees")
    assert deployment.server.listeners == [], "a level that does not answer is not subscribed to"
    deployment.clients[0].away = False
    deployment.clock.advance(6)
    process.get("vista.employees")
    assert len(deployment.server.listeners) == 1
    process.levels.close()
    assert deployment.server.listeners == []


def test_a_server_that_refuses_subscriptions_still_serves(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    process = deployment.process()
    allowed = deployment.clients[0].subscribe

    def refuse(receive: Callable[[bytes], None]) -> Callable[[], None]:
        raise PermissionError

    deployment.clients[0].subscribe = refuse  # type: ignore[method-assign]
    process.put("vista.employees", 1)
    assert process.get("vista.employees") == 1
    assert not process.levels.degraded
    assert [record.getMessage().count("BW2022") for record in caplog.records] == [1]
    deployment.clients[0].subscribe = allowed  # type: ignore[method-assign]
    process.levels.tend()
    assert deployment.server.listeners == [], "not at once"
    deployment.clock.advance(6)
    process.levels.tend()
    assert len(deployment.server.listeners) == 1


def test_a_server_that_refuses_to_publish_still_serves(deployment: Deployment) -> None:
    def refuse(message: bytes) -> None:
        raise PermissionError

    process = deployment.process()
    deployment.clients[0].publish = refuse  # type: ignore[method-assign]
    assert process.put("vista.employees", 1) == 2
    assert not process.levels.degraded


def test_without_a_backplane_memory_is_trusted_for_seconds_only(deployment: Deployment) -> None:
    first, second = deployment.pair()
    first.put("vista.employees", "old")
    assert second.get("vista.employees") == "old"
    deployment.clock.advance(60)
    assert second.level_of("vista.employees") == "memory", "it would have heard of a change"

    def deaf(receive: Callable[[bytes], None]) -> Callable[[], None]:
        raise PermissionError

    third = deployment.process()
    deployment.clients[-1].subscribe = deaf  # type: ignore[method-assign]
    assert third.get("vista.employees") == "old"
    assert third.level_of("vista.employees") == "memory"
    first.put("vista.employees", "new")
    deployment.clock.advance(5)
    assert third.get("vista.employees") == "new"


def test_the_key_of_a_sensitive_entry_is_not_sent_where_the_entry_may_not_go(deployment: Deployment) -> None:
    process = deployment.process(policy=Policy(sensitive=True))
    process.put("vista.employees", 1, "E1")
    assert deployment.server.messages == []
    sealed = deployment.process(policy=Policy(sensitive=True), stores_in_clear=False)
    sealed.put("vista.employees", 1, "E1")
    assert len(deployment.server.messages) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"x", b"[]", b"7", b"null", b'"w"', b"\xff\xfe", b"{" * 70_000, b"[" * 60_000,
        b'{"v":1}',
        b'{"v":1,"app":"acme","from":"' + SENDER.encode() + b'","x":"' + b"x" * 70_000 + b'"}',
        b'{"v":2,"app":"acme","from":"' + SENDER.encode() + b'","d":[["acme:v1:vista:employees:_",9]]}',
        b'{"v":1,"app":"other","from":"' + SENDER.encode() + b'","d":[["acme:v1:vista:employees:_",9]]}',
        b'{"v":1,"app":"acme","from":"me","d":[["acme:v1:vista:employees:_",9]]}',
        b'{"v":1,"app":"acme","d":[["acme:v1:vista:employees:_",9]]}',
    ],
)  # fmt: skip
def test_what_is_no_message_of_ours_is_ignored_and_counted(deployment: Deployment, raw: bytes) -> None:
    first, _ = deployment.pair()
    first.put("vista.employees", "v")
    deployment.server.send(raw)
    assert first.level_of("vista.employees") == "memory"
    ignored = [one for one in first.metrics.snapshot() if ("outcome", "ignored") in one.labels]
    assert [one.value for one in ignored] == [1]


@pytest.mark.parametrize(
    "body",
    [
        {"d": "acme:v1:vista:employees:_"}, {"d": [["acme:v1:vista:employees:_"]]}, {"d": [["k", "1"]]},
        {"d": [["k", True]]}, {"d": [["k", 1.5]]}, {"d": [["k", -1]]}, {"d": [["k" * 600, 1]]}, {"g": [[None, 1]]},
        {"d": [["k", 1]] * 201}, {"w": {"k": 1}}, {"g": [["vista", 2**70]]},
    ],
)  # fmt: skip
def test_a_message_of_the_wrong_shape_is_ignored_whole(deployment: Deployment, body: dict[str, Any]) -> None:
    first, _ = deployment.pair()
    first.put("vista.employees", "v")
    removal = {"d": [["acme:v1:vista:employees:_", 9]]}
    deployment.server.send(json.dumps({"v": 1, "app": "acme", "from": SENDER, **removal, **body}).encode())
    if "d" not in body:
        assert first.level_of("vista.employees") == "memory", "nor is the rest of it believed"
    ignored = [one for one in first.metrics.snapshot() if ("outcome", "ignored") in one.labels]
    assert [one.value for one in ignored] == [1]
    assert first.stamp("vista.employees") == 0


def test_a_forged_message_costs_a_read_and_no_more(deployment: Deployment) -> None:
    first, _ = deployment.pair()
    first.put("vista.employees", "v")
    deployment.send(w=[["acme:v1:vista:employees:_", 2**62]], d=[["other:v1:a:b:c", 1]], g=[["vista", 2**62]])
    assert first.get("vista.employees") == "v"
    assert first.stamp("vista.employees") == 0
    assert "other:v1:a:b:c" not in first.levels._recent._changes


@given(
    st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_no_bytes_do_anything_but_be_refused(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        parse(raw, "acme")


@given(st.lists(st.tuples(st.text(max_size=50), st.integers(0, 2**62)), max_size=900))
def test_any_number_of_changes_comes_back_from_messages_of_limited_size(changes: list[tuple[str, int]]) -> None:
    changes = [(name.encode("utf-8", "replace").decode(), stamp) for name, stamp in changes]
    sent = list(messages("acme", Message(SENDER, changes[::2], raised=changes[1::2])))
    found = [parse(one, "acme") for one in sent]
    assert all(len(one) <= LONGEST_MESSAGE for one in sent)
    assert [tuple(change) for one in found for change in one.written] == changes[::2]
    assert [tuple(change) for one in found for change in one.raised] == changes[1::2]


@pytest.mark.parametrize("moment", ["get", "set"])
@pytest.mark.parametrize(("change", "left"), [("remove", None), ("write", "new")])
def test_a_copy_under_way_does_not_bring_back_what_was_there_before(
    deployment: Deployment, moment: str, change: str, left: str | None
) -> None:
    """The other process removes or overwrites the key after the shared level was read, or before memory is written."""
    first, second = deployment.pair()
    first.put("vista.employees", "old")
    _interrupt(second, moment, first, change)
    deployment.clock.advance(1)
    second.get("vista.employees")
    assert second.get("vista.employees") == left


def _interrupt(process: CacheProcess, moment: str, other: CacheProcess, change: str) -> None:
    target: Any = process.levels._levels[1].backend if moment == "get" else process.memory
    original = getattr(target, moment)

    def interrupted(*args: Any) -> Any:
        delattr(target, moment)
        before = original(*args) if moment == "get" else None
        if change == "remove":
            other.invalidate("vista.employees/_")
        else:
            other.put("vista.employees", "new")
        return before if moment == "get" else original(*args)

    setattr(target, moment, interrupted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_use_the_subscription_of_its_parent(deployment: Deployment) -> None:
    process = deployment.process()
    process.put("vista.employees", "v")
    backplane = process.levels._backplane
    assert backplane is not None
    sender, epoch = backplane._sender, process.levels.generations.epoch
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            fresh = backplane._stop is None and backplane._sender != sender
            fresh = fresh and process.levels.generations.epoch > epoch and not backplane.live
            process.get("vista.jobs")
            os._exit(0 if fresh and backplane.live and len(process.memory) == 0 else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert backplane.live
