"""Home sites: which site of SafetyAmp a person belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.jobs.cluster_tree import REGION, code_of_cluster
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.sites import code_of

__all__ = ["HomeSites"]


class HomeSites:
    """The site of a job by its code, else the office of the department's region.

    Job codes and cluster codes are kept apart: a job code that equals a department code must never give a cluster's
    id for a site's. Offices are not job sites, and the site of a job that builds one is no office.

    :param clusters: those of the job ``departments``, with depth and parent.
    :param warn: receives one sentence for each region with more than one office.
    """

    def __init__(
        self,
        sites: Iterable[Record],
        clusters: Iterable[Record],
        *,
        office_suffix: str,
        code_field: str,
        warn: Callable[[str], None],
    ) -> None:
        self._clusters = {cluster["id"]: cluster for cluster in clusters}
        self._regions = {_name(one): one["id"] for one in self._clusters.values() if one.get("depth") == REGION}
        self._region_of_code = self._regions_by_department()
        self._job_sites: dict[str, Any] = {}
        self._offices: dict[Any, list[Any]] = {}
        for site in sites:
            code, region = code_of(site, code_field), self._region(site.get("cluster_id"))
            named = str(site.get("name") or "").rstrip().casefold().endswith(office_suffix.rstrip().casefold())
            if named and (not code or region == site.get("cluster_id")):
                self._offices.setdefault(region, []).append(site["id"])
            elif code:
                self._job_sites.setdefault(code, site["id"])
        self._offices.pop(None, None)
        for region, found in self._offices.items():
            if len(found) > 1:
                found.sort()
                name = self._clusters[region].get("name")
                warn(f"region {name} has {len(found)} office sites; the one with the smallest id ({found[0]}) is used")

    def of(self, job: str | None, department: str | None) -> Any | None:
        """The id of the home site for a job code (with its dot) and a department code; ``None`` when there is none."""
        site = self._job_sites.get(collapse_blanks(job))
        return self.office(department) if site is None else site

    def office(self, department: str | None) -> Any | None:
        """The id of the office of the region that the department with this code is in."""
        region = self._region_of_code.get(_folded(department))
        return self._offices.get(region, [None])[0]

    def _regions_by_department(self) -> dict[str, Any]:
        regions: dict[str, Any] = {}
        for cluster in self._clusters.values():
            region = self._region(cluster["id"])
            code = _folded(code_of_cluster(cluster))
            if code and region is not None and region != cluster["id"]:
                regions.setdefault(code, region)
        return regions

    def _region(self, cluster_id: Any) -> Any | None:
        """The region that this cluster is, or is below; ``None`` for a root or an unknown one."""
        cluster = self._clusters.get(cluster_id)
        # A cluster that hangs in a ring, or nowhere, has no depth.
        while cluster is not None and (cluster.get("depth") or 0) > REGION:
            cluster = self._clusters.get(self._parent_of(cluster))
        return cluster["id"] if cluster is not None and cluster.get("depth") == REGION else None

    def _parent_of(self, cluster: Record) -> Any | None:
        return cluster.get("parent_cluster_id", self._regions.get(_folded(cluster.get("parent"))))


def _name(cluster: Record) -> str:
    return _folded(code_of_cluster(cluster) or cluster.get("name"))


def _folded(value: Any) -> str:
    return collapse_blanks(value).casefold()
