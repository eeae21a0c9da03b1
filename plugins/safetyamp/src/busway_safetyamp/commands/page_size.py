"""``busway safetyamp page-size``: the largest page that the account serves."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option

if TYPE_CHECKING:
    from busway.app import App
    from busway_safetyamp.largest_page import LargestPage

__all__ = ["page_size"]


@click.command("page-size")
@json_option
@click.pass_context
def page_size(ctx: click.Context, as_json: bool) -> None:
    """Finds the largest page that the account serves whole. Reads only; takes at most ten calls of the quota.

    The vendor does not say which it is; larger pages save calls, and a page that is cut in silence loses records.
    """
    with invocation_of(ctx).app(require=False) as app:
        found, now = _found(app)
    advice = "as it is set" if found.size == now else f"set SAFETYAMP_PAGE_SIZE={found.size}   (it is {now})"

    def text() -> None:
        click.echo(f"largest page: {found.size} users   {advice}")
        click.echo(f"  {found.why}; {found.calls} calls")

    emit_result("busway.safetyamp.page-size/1", {**asdict(found), "set": now}, as_json=as_json, text=text)


def _found(app: App) -> tuple[LargestPage, int]:
    from busway.contracts.plugins import PluginContext
    from busway_safetyamp.clients import Clients, Manner
    from busway_safetyamp.largest_page import find_largest_page
    from busway_safetyamp.settings import SafetyAmpSettings

    settings = app.config.section(SafetyAmpSettings)
    root, clock = app.boot.deployment.root, app.clock
    context = PluginContext("safetyamp", settings, root=root, clock=clock, limiter=app.limiter)
    http = Clients(context).safetyamp_http(Manner.of_a_run(settings))
    try:
        return find_largest_page(http), settings.page_size
    finally:
        http.close()
