from __future__ import annotations

import threading

import pytest

from busway.errors import UsageError
from busway.events.session import Session, Sessions


def session(name: str) -> Session:
    return Session(name, name, None, 0, 0.0)


def test_the_innermost_session_of_the_thread_is_meant() -> None:
    sessions = Sessions()
    assert sessions.find(None) is None
    outer, inner = session("outer"), session("inner")
    sessions.add(outer)
    sessions.add(inner)
    assert sessions.find(None) is inner
    assert (sessions.find("outer"), sessions.find("inner")) == (outer, inner)
    sessions.end(None)
    assert sessions.find(None) is outer


def test_a_session_ended_by_another_thread_is_over_here_too() -> None:
    sessions = Sessions()
    sessions.add(session("a"))
    thread = threading.Thread(target=sessions.end, args=("a",))
    thread.start()
    thread.join()
    assert sessions.find(None) is None


def test_threads_do_not_see_each_others_innermost() -> None:
    sessions = Sessions()
    sessions.add(session("a"))
    seen: list[Session | None] = []
    thread = threading.Thread(target=lambda: seen.append(sessions.find(None)))
    thread.start()
    thread.join()
    assert seen == [None]


@pytest.mark.parametrize("session_id", ["unknown", None])
def test_ending_what_is_not_open_is_a_usage_error(session_id: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        Sessions().end(session_id)
    assert caught.value.code == "BW3001"


def test_a_session_ends_once() -> None:
    sessions = Sessions()
    sessions.add(session("a"))
    sessions.end("a")
    with pytest.raises(UsageError):
        sessions.end("a")


def test_counts_of_many_threads_add_up() -> None:
    sessions, one = Sessions(), session("a")
    threads = [threading.Thread(target=lambda: [sessions.count(one, "created") for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.counts["created"] == 8000
