"""Coherence: what other processes change, the levels that are not shared with them forget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from busway.contracts.clock import Clock
from busway.data.backplane_message import Change, Message
from busway.data.generations import Generations
from busway.data.level import Level
from busway.data.recent_changes import RecentChanges

__all__ = ["Coherence"]


class Coherence:
    """Receives what the backplane brings. A message takes something out of a level, it never puts anything in.

    Memory is this process's own, and so may be the files of this host: both are told. The level the message came
    through has the change already.
    """

    def __init__(
        self, own: Sequence[Level], generations: Generations, recent: RecentChanges, prefix: str, clock: Clock
    ) -> None:
        self._own = own
        self._generations = generations
        self._recent = recent
        self._prefix = prefix
        self._clock = clock
        self.on_removed: Callable[[str], object] = lambda key: None
        """Called with each full key another process removed: a load under way for it is out of date."""
        self.remove_again: Callable[[str], object] = lambda key: None
        """Called with each full key somebody brought back who did not know that we had removed it."""

        self.insist: Callable[[], object] = lambda: None
        """Called when somebody may have brought something back without us hearing of it."""

    def changed(self, message: Message) -> None:
        """Another process wrote, removed or invalidated something."""
        for name, stamp in message.raised:
            self._generations.learn(name, stamp)
        for key, stamp_ns in self._ours(message.removed):
            self._forget(key, stamp_ns)
        for key, created_at_ns in self._ours([*message.written, *message.replayed]):
            self._recent.written(key, created_at_ns)
            for level in self._own:
                level.drop_older(key, created_at_ns)
        for key, created_at_ns in self._ours(message.replayed):
            if self._recent.we_removed(key, created_at_ns):
                self.remove_again(key)

    def missed_messages(self) -> None:
        """Memory is emptied: what of it is still good is on another level. Stamps are read again."""
        self._generations.expire()
        self.insist()
        self.forget_near()

    def forget_near(self) -> None:
        """Memory is emptied."""
        for level in self._own:
            if level.in_process:
                for key in level.keys("*") or ():
                    level.delete(key)

    def _forget(self, key: str, stamp_ns: int) -> None:
        # Whatever was made until now, by whichever clock: to load it again is better than to serve it.
        self._recent.removed(key, max(stamp_ns, self._clock.now_ns()))
        self.on_removed(key)
        for level in self._own:
            level.delete(key)

    def _ours(self, changes: Sequence[Change]) -> list[Change]:
        return [change for change in changes if change[0].startswith(self._prefix)]
