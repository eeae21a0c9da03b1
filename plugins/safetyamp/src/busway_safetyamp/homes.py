"""Home sites: which site of SafetyAmp a person belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.sites import code_of

__all__ = ["HomeSites"]


class HomeSites:
    """The site of a job by its code, else the office of the department's region.

    Job codes and cluster codes are kept apart: a job code that equals a department code must never give a cluster's
    id for a site's. Offices are not job sites.

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
        self._region_of_code = self._regions_by_department()
        self._job_sites: dict[str, Any] = {}
        self._offices: dict[Any, list[Any]] = {}
        for site in sites:
            if str(site.get("name") or "").rstrip().casefold().endswith(office_suffix.rstrip().casefold()):
                self._offices.setdefault(self._region(site.get("cluster_id")), []).append(site["id"])
            elif code := code_of(site, code_field):
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
        region = self._region_of_code.get(collapse_blanks(department))
        return self._offices.get(region, [None])[0]

    def _regions_by_department(self) -> dict[str, Any]:
        regions: dict[str, Any] = {}
        for cluster in self._clusters.values():
            region = self._region(cluster["id"])
            code = collapse_blanks(cluster.get("external_code"))
            if code and region is not None and region != cluster["id"]:
                regions.setdefault(code, region)
        return regions

    def _region(self, cluster_id: Any) -> Any | None:
        """The cluster at or above this one that hangs directly under a root; ``None`` for a root or an unknown one."""
        met: set[Any] = set()
        while cluster_id in self._clusters and cluster_id not in met:
            met.add(cluster_id)
            parent = self._clusters[cluster_id].get("parent_cluster_id")
            if parent is None:
                return None
            if self._clusters.get(parent, {}).get("parent_cluster_id") is None:
                return cluster_id
            cluster_id = parent
        return None
