"""What became of each plugin: the one row that listings, errors and `--json` are made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from busway.errors import Problem

__all__ = ["FAILED_STATES", "PluginSetting", "PluginState", "PluginStatus"]

PluginState = Literal[
    "selected", "ready", "degraded", "failed", "missing", "incompatible", "ambiguous", "shadowed", "installed"
]

FAILED_STATES = frozenset({"failed", "missing", "incompatible", "ambiguous"})
"""States of a selected plugin that cannot be used."""

_WHAT = {
    "BW1301": "is selected but not installed",
    "BW1302": "speaks another version of the plugin contract",
    "BW1303": "is offered by more than one distribution",
    "BW1304": "cannot be imported",
    "BW1305": "did not answer in time",
    "BW1306": "has hooks that do not fit the contract",
    "BW1307": "asks for its own place in the order",
    "BW1308": "lacks the hook of its kind",
    "BW1309": "declares settings that cannot be used",
    "BW1310": "has settings that are missing or wrong",
    "BW1311": "failed while it was built",
    "BW1312": "built something that its kind cannot use",
    "BW1313": "takes the name of a built-in",
    "BW1314": "is selected twice",
    "BW1315": "has functions that cannot be called as the contract says",
    "BW1316": "ended the process that loaded it",
    "BW1317": "could not be checked",
    "BW1318": "works, and a health check of it does not pass",
}


@dataclass(frozen=True, slots=True)
class PluginSetting:
    """One setting that a plugin declares, as text: it is told to people far from the model it was declared in."""

    name: str
    """Its environment name, such as `REDIS_HOST`."""
    type: str
    default: str
    """As it would be written in `busway.toml`; empty when there is none."""
    doc: str
    setting_class: str
    """`secret`, `vaulted` or `plain`."""
    required: bool
    model: str = ""
    """Module and name of the model that declares it."""


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One plugin as a person should see it: what it is, where it comes from, how it is, and what to do."""

    kind: str
    name: str
    state: PluginState
    """`selected` until it is built, then `ready`; what is not selected is `installed`, `shadowed` or `incompatible`.

    `degraded` is `ready` with a health check that does not pass; only a check of the plugin finds that out.
    """
    order: int = 0
    """Its place in the configured order, from 1; 0 for what is not selected."""
    distribution: str = ""
    version: str = ""
    contract: int = 1
    """The contract version of its entry-point group."""
    entry_point: str = ""
    """The entry point's value: `module` or `module:attribute`."""
    required: bool = False
    origin: str = ""
    """Where it was selected: `busway.toml:3`, `BUSWAY_SINKS`, `default`."""
    load_seconds: float = 0.0
    """Time its import took; 0 when it was not imported."""
    code: str = ""
    cause: str = ""
    remedy: str = ""
    details: tuple[Problem, ...] = ()
    """Problems of its own that the failure consists of, such as each wrong setting."""
    notes: tuple[str, ...] = ()
    """What a person may want to know though it does not stop the plugin, such as an annotation that disagrees."""

    @property
    def failed(self) -> bool:
        """It is selected and cannot be used."""
        return self.order > 0 and self.state in FAILED_STATES

    @property
    def fixes(self) -> tuple[str, ...]:
        """What to do, in lines: every way to mend one problem, or the first way for each of several."""
        if len(self.details) > 1:
            told = [detail.fix.partition("\n")[0] for detail in self.details if detail.fix]
            return tuple(dict.fromkeys(told))
        return tuple(self.remedy.split("\n")) if self.remedy else ()

    def problem(self) -> Problem:
        """The failure as a problem. Only meaningful when there is a `code`."""
        return Problem(
            self.code,
            f"plugin {self.kind}.{self.name} {_WHAT.get(self.code, 'cannot be used')}",
            where=self.where(),
            why=self.cause,
            fix=self.remedy,
        )

    def where(self) -> str:
        """Distribution, version, entry point and origin in one line."""
        point = f"entry point busway.v{self.contract}.{self.kind}: {self.name}"
        if self.entry_point:
            point += f" = {self.entry_point}"
        source = f"{self.distribution} {self.version}".strip()
        selected = f"selected in {self.origin}" if self.origin else ""
        return ", ".join(part for part in (source, point, selected) if part)

    def as_dict(self) -> dict[str, Any]:
        """The same fields for `--json`."""
        row = {each.name: getattr(self, each.name) for each in fields(self)}
        row["details"] = [asdict(detail) for detail in self.details]
        return row
