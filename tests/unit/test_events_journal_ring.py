"""The ring in which lines wait for a disk that does not take them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from busway.events.ring import Entry, Ring


def lines(entries: list[Entry]) -> list[bytes]:
    return [entry.line for entry in entries]


def test_lines_leave_in_the_order_in_which_they_came() -> None:
    ring = Ring()
    for number, severity in enumerate((9, 17, 5, 9, 21)):
        ring.put(b"%d" % number, severity)
    assert len(ring) == 5
    assert lines(ring.take(2)) == [b"0", b"1"]
    assert lines(ring.take_all()) == [b"2", b"3", b"4"]
    assert ring.take(10) == []
    assert len(ring) == 0


def test_at_least_one_line_leaves_however_long_it_is() -> None:
    ring = Ring()
    ring.put(b"long" * 100, 9)
    ring.put(b"short", 9)
    assert lines(ring.take(1)) == [b"long" * 100]


def test_what_was_put_back_is_the_oldest_again() -> None:
    ring = Ring()
    for number in range(4):
        ring.put(b"%d" % number, 9 if number % 2 else 17)
    batch = ring.take(2)
    ring.put(b"new", 5)
    ring.put_back(batch)
    assert lines(ring.take_all()) == [b"0", b"1", b"2", b"3", b"new"]


def test_a_full_ring_keeps_what_is_more_severe() -> None:
    ring = Ring(max_entries=3)
    kept = [ring.put(b"%d" % severity, severity)[0] for severity in (17, 9, 5)]
    newcomer, dropped = ring.put(b"error", 17)
    assert lines(dropped) == [b"5"]
    assert (newcomer.kept, kept[2].kept) == (None, False)
    newcomer, dropped = ring.put(b"info", 9)
    assert dropped == [newcomer]
    assert newcomer.kept is False
    assert lines(ring.take_all()) == [b"17", b"9", b"error"]


def test_a_line_that_can_never_fit_is_dropped() -> None:
    ring = Ring(max_bytes=10)
    entry, dropped = ring.put(b"x" * 11, 21)
    assert entry.kept is False
    assert dropped == [entry]
    assert len(ring) == 0


@given(
    st.lists(st.tuples(st.sampled_from([5, 9, 13, 17, 21]), st.integers(1, 9)), max_size=60),
    st.integers(1, 6),
    st.integers(8, 30),
)
def test_the_bounds_hold_and_every_line_is_accounted_for(
    arrivals: list[tuple[int, int]], entries: int, size: int
) -> None:
    ring, gone, all_of_them = Ring(entries, size), 0, []
    for severity, length in arrivals:
        entry, dropped = ring.put(b"x" * length, severity)
        all_of_them.append(entry)
        gone += len(dropped)
        assert len(ring) <= entries
        assert all(one.kept is False for one in dropped)
        assert all(one.severity <= severity for one in dropped)
    rest = ring.take_all()
    assert sum(len(entry.line) for entry in rest) <= size
    assert len(rest) + gone == len(all_of_them)
    assert rest == [entry for entry in all_of_them if entry.kept is None]
