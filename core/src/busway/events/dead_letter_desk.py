"""What people do with dead letters: look at them, have them delivered once more, give them up."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

from busway.errors import UsageError
from busway.events.progress import Progress, StoredProgress
from busway.stores.dead_letters import DeadLetter
from busway.stores.state import StateStore

__all__ = ["DeadLetterDesk"]


class DeadLetterDesk:
    """The dead letters of the state folder.

    :param progress: of the selected sinks, by name.
    :param notify: called when there is something to deliver.
    """

    def __init__(
        self, state: StateStore, progress: Callable[[], Mapping[str, Progress]], notify: Callable[[], None]
    ) -> None:
        self._state = state
        self._progress = progress
        self._notify = notify

    def letters(self, sink: str | None = None) -> list[DeadLetter]:
        """The latest first, of one sink or of all, also of sinks that are not selected any more."""
        return self._state.dead_letters.of(sink, None)

    def replay(self, sink: str, event_ids: Iterable[str] | None = None) -> int:
        """Lets them be delivered once more; returns how many. Raises ``UsageError`` BW3020 for an unknown sink."""
        selected = self._progress()
        if sink not in selected:
            raise _unknown(sink, selected)
        count = selected[sink].replay(_listed(event_ids))
        if count:
            self._notify()
        return count

    def drop(self, sink: str, event_ids: Iterable[str] | None = None) -> int:
        """Gives them up; returns how many. Raises ``UsageError`` BW3020 for a sink that nobody knows."""
        progress = self._progress().get(sink)
        if progress is None:
            if not self._state.dead_letters.count(sink):
                raise _unknown(sink, self._progress())
            progress = StoredProgress(self._state, sink)
        return progress.discard(_listed(event_ids))


def _listed(event_ids: Iterable[str] | None) -> list[str] | None:
    return None if event_ids is None else list(dict.fromkeys(event_ids))


def _unknown(sink: str, selected: Iterable[str]) -> UsageError:
    names = sorted(selected)
    near = difflib.get_close_matches(sink, names, n=1)
    return UsageError(
        "BW3020",
        f"no sink {sink!r} is selected here",
        where="dead letters",
        why=f"selected: {', '.join(names) or 'none'}",
        fix=f"did you mean {near[0]}?"
        if near
        else "select it under sinks in busway.toml, or see busway events dead list",
    )
