"""The commands ``busway safetyamp …``: the sandbox and what it does, people to fill it with, the largest page."""

from __future__ import annotations

import click

from busway_safetyamp.commands.fault import fault
from busway_safetyamp.commands.ledger import ledger
from busway_safetyamp.commands.load_vista import load_vista_command
from busway_safetyamp.commands.page_size import page_size
from busway_safetyamp.commands.sandbox import sandbox

__all__ = ["safetyamp"]


@click.group()
def safetyamp() -> None:
    """SafetyAmp: a sandbox to try things on, people to fill it with, and the largest page of an account."""


for _command in (sandbox, fault, ledger, load_vista_command, page_size):
    safetyamp.add_command(_command)
