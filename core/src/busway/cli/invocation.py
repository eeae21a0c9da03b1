"""The options shared by all commands, and how a command gets its application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from busway.app import App
    from busway.configuration.boot import Boot

__all__ = ["Invocation", "invocation_of"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was asked for before the name of the command."""

    directory: Path | None = None
    safe: bool = False
    debug: bool = False

    def boot(self) -> Boot:
        """Stage 0 only: the deployment and the selection; imports no plugin."""
        from busway.configuration.boot import boot

        return boot(self.directory, safe=self.safe)

    def app(self, *, require: bool = True) -> App:
        """The application; the caller closes it.

        :param require: raise when a required plugin or setting is missing. Commands that explain or repair say False.
        """
        from busway.app import App

        app = App.from_config(self.directory, safe=self.safe, require=require)
        try:
            app.guard_logging()
        except BaseException:
            app.close()
            raise
        return app


def invocation_of(ctx: click.Context) -> Invocation:
    """The invocation of the command at hand; commands of plugins may be called without the root group."""
    found = ctx.find_object(Invocation)
    return found if found is not None else Invocation()
