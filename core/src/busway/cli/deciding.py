"""What commands that decide something have in common: who, why, and where it is kept."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from busway.cli.invocation import invocation_of

if TYPE_CHECKING:
    from busway.app import App
    from busway.stores.state import StateStore
    from busway.sync.decisions import Decisions

__all__ = ["actor_of", "actor_option", "decisions_of", "open_state", "reason_option"]

Command = TypeVar("Command", bound=Callable[..., Any])
ACTOR = "BUSWAY_ACTOR"


def reason_option(command: Command) -> Command:
    """``--reason``: why, in the words of who decides."""
    return click.option("--reason", default="", help="Why; it is kept with the decision.")(command)


def actor_option(command: Command) -> Command:
    """``--actor``: who decides."""
    told = f"Who decides.  [default: {ACTOR}, else the user of this process]"
    return click.option("--actor", default="", help=told)(command)


def actor_of(app: App, given: str) -> str:
    """Who decides, as far as it is known: empty where nobody says it and the process has no user's name."""
    return given.strip() or named_actor(app.boot.environ)


def named_actor(environ: Mapping[str, str]) -> str:
    """Who acts in this process: ``BUSWAY_ACTOR``, else its user."""
    try:
        return environ.get(ACTOR, "").strip() or getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return ""


def decisions_of(app: App) -> Decisions:
    """Decisions over the state folder, without the jobs: they can be taken while a plugin of jobs is broken."""
    from busway.sync.decisions import Decisions
    from busway.sync.state import StoredSyncState

    return Decisions(StoredSyncState(app.state), app.events, app.clock)


@contextmanager
def open_state(ctx: click.Context) -> Iterator[StateStore]:
    """What is kept in the state folder, for commands that only look: no plugin is loaded."""
    from busway.stores.state import StateStore

    store = StateStore(invocation_of(ctx).boot().state_dir)
    try:
        yield store
    finally:
        store.close()
