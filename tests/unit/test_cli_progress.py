"""Progress of several jobs at once: lines where nobody looks, one block where somebody does."""

from __future__ import annotations

import threading

import pytest

from busway.cli.job_board import JobBoard
from busway.cli.progress import LINE_EVERY_SECONDS, LineProgress, LiveProgress, make_progress
from busway.sync.plan import Action, Change, Plan
from busway.sync.report import Counts, JobReport, Outcome


class Clock:
    """Monotonic seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plan(job: str, changes: int) -> Plan:
    return Plan(job, "record", [Change(Action.CREATE, str(n), str(n), {}) for n in range(changes)])


def told(progress: JobBoard, clock: Clock) -> None:
    """Two jobs at work: one writes since 20 s, the other still reads."""
    progress.started("employees")
    progress.started("titles")
    clock.now += 4
    progress.planned(plan("employees", 1876))
    clock.now += 20
    progress.advanced("employees", 512, 1876, Counts(created=510, failed=2))


def test_each_job_has_a_line_with_rate_eta_and_counts() -> None:
    clock = Clock()
    board = JobBoard(clock)
    told(board, clock)
    employees, titles = board.texts()
    assert employees == (
        "employees   ███████░░░░░░░░░░░░░░░░░░░░░ 512/1,876   26/s   0:00:24   eta 0:00:53   created 510   failed 2"
    )
    assert titles == "titles      reading both sides …   0:00:24"
    board.finished(JobReport("titles", "title", counts=Counts(created=3, unchanged=9)))
    board.finished(JobReport("vehicles", "vehicle", Outcome.NOT_RUN))
    assert board.texts()[1:] == ["titles      done   0:00:24   created 3", "vehicles    not run   0.0 s"]


def test_lines_come_every_ten_seconds_for_each_job_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = LineProgress(clock)
    told(progress, clock)
    progress.say()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "employees   512/1,876 (27 %)   26/s   0:00:24   eta 0:00:53   created 510   failed 2",
        "titles      reading both sides …   0:00:24",
    ]
    clock.now += LINE_EVERY_SECONDS - 0.1
    progress.say()
    assert capsys.readouterr().err == ""
    clock.now += 0.1
    progress.finished(JobReport("titles", "title"))
    progress.say()
    closing, line = capsys.readouterr().err.splitlines()
    assert closing == "titles      done   0:00:34"
    assert line.startswith("employees   512/1,876 (27 %)")


def test_a_job_that_is_quick_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = LineProgress(clock)
    told(progress, clock)
    progress.finished(JobReport("employees", "employee"))
    assert capsys.readouterr().err == ""


def test_what_is_due_is_said_without_a_word_from_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    clock, said = Clock(), threading.Event()
    progress = LineProgress(clock, look_every=0.001)
    say = progress.say

    def say_and_tell() -> None:
        say()
        said.set()

    progress.say = say_and_tell  # type: ignore[method-assign]
    with progress:
        progress.started("employees")
        clock.now += LINE_EVERY_SECONDS
        said.clear()
        assert said.wait(10)
    assert not progress._thread.is_alive()
    assert capsys.readouterr().err == "employees   reading both sides …   0:00:10\n"


def test_a_plan_of_nothing_is_all_done() -> None:
    clock = Clock()
    board = JobBoard(clock)
    board.started("titles")
    board.planned(plan("titles", 0))
    assert board.due(0) == ["titles      0/0 (100 %)   0.0 s"]


def test_news_of_a_job_nobody_began_are_no_harm() -> None:
    board = JobBoard(Clock())
    board.planned(plan("titles", 1))
    board.advanced("titles", 1, 1, Counts())
    assert board.texts() == []


def test_the_block_is_not_wrapped_and_not_taken_for_markup() -> None:
    clock = Clock()
    progress = LiveProgress(clock)
    progress.started("[red]jobs")
    told(progress, clock)
    block = progress._block()
    assert block.no_wrap
    assert [line.split()[0] for line in block.plain.splitlines()] == ["[red]jobs", "employees", "titles"]


@pytest.mark.parametrize(
    ("as_json", "term", "terminal", "kind"),
    [
        (False, "xterm", True, LiveProgress),
        (True, "xterm", True, LineProgress),
        (False, "dumb", True, LineProgress),
        (False, "xterm", False, LineProgress),
    ],
)
def test_the_block_is_for_terminals_that_can_show_it(
    monkeypatch: pytest.MonkeyPatch, as_json: bool, term: str, terminal: bool, kind: type[JobBoard]
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    assert type(make_progress(as_json=as_json)) is kind
