"""What a person should know at the end of a command about plugins that did not do their part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from busway.plugins.guarded_source import GuardedSource
from busway.plugins.host import BuiltPlugin
from busway.plugins.report import PluginStatus

__all__ = ["given_up", "source_troubles", "unused"]


def unused(failures: Iterable[PluginStatus]) -> list[str]:
    """A sentence for each optional plugin that cannot be used."""
    return [
        f"{status.kind}.{status.name} ({status.distribution} {status.version}) is not used: {status.cause}"
        + (f"; fix: {status.remedy}" if status.remedy else "")
        for status in failures
    ]


def source_troubles(sources: Iterable[BuiltPlugin]) -> dict[str, str]:
    """What is wrong with each secret source that does not answer, by its title."""
    guarded = [one.object for one in sources if isinstance(one.object, GuardedSource)]
    return {source.origin.label: source.trouble for source in guarded if source.trouble}


def given_up(troubles: Mapping[str, str], abandoned: Sequence[str]) -> list[str]:
    """Sources and sinks that do not work, then whatever else hangs."""
    hanging = [call for call in abandoned if call.partition(" of ")[2] not in troubles]
    return [
        *(f"{label} {trouble}" for label, trouble in troubles.items()),
        *(f"a call was abandoned and still hangs: {call}" for call in hanging),
    ]
