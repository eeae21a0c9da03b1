"""The job ``departments``: the regions and departments of payroll are clusters of SafetyAmp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from busway.contracts.fields import FieldRule, always, create_only
from busway.contracts.jobs import Job
from busway.contracts.keys import casefolded
from busway.contracts.records import Complete, Record, Skip, without
from busway.contracts.runs import Run
from busway.errors import RejectedRecordError
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs import ACCOUNT
from busway_safetyamp.jobs.cluster_tree import DEPARTMENT, REGION, ClusterTree
from busway_safetyamp.jobs.mapping import Managed, rules_of
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["Departments"]

_text = always.normalised(collapse_blanks)


class Departments(Job):
    """Creates, renames and moves the clusters of regions and departments; none is ever deleted.

    Regions are written before their departments: they sort first, and there is one write at a time.
    """

    mapping: ClassVar[tuple[Managed, ...]] = (
        Managed(
            "depth",
            "1 for a region, 2 for a department",
            create_only,
            is_sent=False,
            note="Codes are matched at the same depth only.",
        ),
        Managed("external_code", "PRDP.PRDept; of a region PRDP.udRegion", _text),
        Managed("name", "PRDP.PRDept - PRDP.Description; of a region PRDP.udRegion", _text),
        Managed(
            "parent",
            "the region of PRDP.udRegion; of a region the root",
            _text.referring("departments"),
            settings=("SAFETYAMP_ROOT_CLUSTER",),
            is_sent=False,
            note="It is sent as parent_cluster_id, the id of the cluster with that code.",
        ),
        Managed(
            "osha_establishment",
            "0",
            create_only,
            note="SafetyAmp demands it with every update: it is sent back as it is.",
        ),
    )
    name = "departments"
    entity = "department"
    account = ACCOUNT
    match_on = casefolded("depth", "external_code")
    adopt_on = (casefolded("depth", "name"),)
    always_send = ("external_code", "name")
    fields: ClassVar[Mapping[str, FieldRule]] = rules_of(mapping)

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._tree = ClusterTree(())
        self._tree_of: Run | None = None

    def source(self, run: Run) -> Iterable[Record]:
        """The regions, then the departments, as rows of ``PRDP``; one that differs from another by nothing comes once.

        A region is a row without ``PRDept``. A department whose code is a region's, too, is marked: ``collides``.
        """
        rows = run.data.get_or_populate("vista.departments", loader=self._connections.vista.departments)
        regions: dict[str, Record] = {}
        departments: dict[tuple[str, ...], Record] = {}
        for row in rows:
            region = collapse_blanks(row["udRegion"])
            if region:
                regions.setdefault(region.casefold(), {"depth": REGION, "external_code": region, **_of_region(row)})
            code = collapse_blanks(row["PRDept"])
            same = (code, collapse_blanks(row["Description"]), region)
            departments.setdefault(same, {"depth": DEPARTMENT, "external_code": code, **row})
        marked = [{**row, "collides": row["external_code"].casefold() in regions} for row in departments.values()]
        return [*regions.values(), *marked]

    def target(self, run: Run) -> Complete[Record]:
        """Every cluster with its depth and its parent's code."""
        clusters = self._connections.safetyamp.site_clusters()
        self._tree, self._tree_of = ClusterTree(clusters), run
        return Complete(self._tree.placed(), pages=clusters.pages)

    def map(self, record: Record, run: Run) -> Record | Skip:
        """A region or a department; skipped when payroll does not say where it belongs."""
        if self._tree_of is not run:
            self.target(run)
        code, region = record["external_code"], collapse_blanks(record["udRegion"])
        if record["depth"] == REGION:
            root = self._tree.root(self._connections.settings.root_cluster)
            return self._cluster(REGION, region, region, root)
        description = collapse_blanks(record["Description"])
        missing = [name for name, value in zip(_NEEDED, (code, description, region), strict=True) if not value]
        if missing:
            return Skip(f"payroll department without {' and '.join(missing)}")
        if record["collides"]:
            raise _taken(f"code {code} is the name of a region, too")
        return self._cluster(DEPARTMENT, code, f"{code} - {description}", region)

    def create(self, record: Record) -> Record:
        """Creates one cluster below its parent, which must be there by now."""
        body = {**without(record, "depth", "parent"), "parent_cluster_id": self._parent(record["depth"], record)}
        return self._tree.take(self._connections.safetyamp.create_cluster(body))

    def update(self, current: Record, changes: Record) -> Record:
        """Renames or moves; what SafetyAmp demands beside that is sent back as it is."""
        body = without(changes, "depth", "parent")
        body.setdefault("osha_establishment", int(current.get("osha_establishment") or 0))
        moved = "parent" in changes
        body["parent_cluster_id"] = (
            self._parent(current["depth"], changes) if moved else current.get("parent_cluster_id")
        )
        return self._tree.take(self._connections.safetyamp.update_cluster(current["id"], body))

    def find(self, record: Record) -> Record | None:
        """Looks the cluster up by its depth and code, in one call."""
        self._tree = ClusterTree(self._connections.safetyamp.site_clusters())
        wanted = self.match_on.of(record)
        return next((one for one in self._tree.placed() if self.match_on.of(one) == wanted), None)

    def label(self, record: Record) -> str:
        """``region Gulf`` or ``department 210``."""
        what = "region" if record.get("depth") == REGION else "department"
        return f"{what} {collapse_blanks(record.get('external_code')) or '(no code)'}"

    def close(self) -> None:
        """Closes the connections that the jobs of this plugin share."""
        self._connections.close()

    def _cluster(self, depth: int, code: str, name: str, parent: str) -> Record:
        other = self._tree.elsewhere(code, depth)
        if other is not None:
            raise _taken(f"code {code} is that of another cluster in SafetyAmp already (id {other['id']})")
        cluster = {"depth": depth, "external_code": code, "name": name, "parent": parent}
        return {**cluster, "osha_establishment": 0}

    def _parent(self, depth: Any, record: Record) -> Any:
        found = self._tree.id_of(depth, record["parent"])
        if found is None:
            # Somebody else may have made it since the tree was read; it takes one call to know.
            self._tree = ClusterTree(self._connections.safetyamp.site_clusters())
            found = self._tree.id_of(depth, record["parent"])
        if found is None:
            raise RejectedRecordError(
                f"the cluster it belongs under, {record['parent']}, is not in SafetyAmp",
                fields={"parent": ["is missing"]},
                why="it was to be created in this run, and was not",
                fix="see why the region failed: busway records list --job departments",
            )
        return found


def _taken(what: str) -> RejectedRecordError:
    """What would be refused is not sent."""
    return RejectedRecordError(
        what,
        fields={"external_code": ["is taken"]},
        why="regions and departments share one space of codes",
        fix="change one of the codes, in Vista or in SafetyAmp",
    )


_NEEDED = ("code", "description", "region")


def _of_region(row: Record) -> Record:
    return {"PRCo": row["PRCo"], "PRDept": None, "Description": None, "udRegion": row["udRegion"]}
