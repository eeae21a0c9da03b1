"""Home sites."""

from __future__ import annotations

from typing import Any

from busway_safetyamp.jobs.cluster_tree import ClusterTree
from busway_safetyamp.jobs.homes import HomeSites

ROOT, GULF, NORTH = 1, 10, 20
CLUSTERS: list[dict[str, Any]] = [
    {"id": ROOT, "name": "Acme", "external_code": None, "parent_cluster_id": None},
    {"id": GULF, "name": "Gulf", "external_code": "Gulf", "parent_cluster_id": ROOT},
    {"id": NORTH, "name": "North", "external_code": "North", "parent_cluster_id": ROOT},
    {"id": 11, "name": "210 - Pipe", "external_code": "210", "parent_cluster_id": GULF},
    {"id": 12, "name": "220 - Steel", "external_code": "220 ", "parent_cluster_id": GULF},
    {"id": 21, "name": "310 - Paint", "external_code": "310", "parent_cluster_id": NORTH},
]
SITES: list[dict[str, Any]] = [
    {"id": 500, "name": "12345. - Bridge", "ext_id": "12345.", "cluster_id": 11},
    {"id": 501, "name": "Gulf Office", "ext_id": "GO", "cluster_id": GULF},
]


def homes(
    sites: list[dict[str, Any]], clusters: list[dict[str, Any]] = CLUSTERS, code_field: str = "ext_id"
) -> tuple[HomeSites, list[str]]:
    warnings: list[str] = []
    return (
        HomeSites(
            sites, ClusterTree(clusters).placed(), office_suffix=" Office", code_field=code_field, warn=warnings.append
        ),
        warnings,
    )


def test_the_recent_job_decides_by_its_code_with_the_dot() -> None:
    found, warnings = homes(SITES)
    assert found.of("12345. ", "310") == 500
    assert found.of("12345", "999") is None
    assert warnings == []


def test_without_a_job_site_the_office_of_the_region_is_home() -> None:
    found, _ = homes(SITES)
    assert found.of(None, "210") == 501
    assert found.of("99999.", "220") == 501
    assert found.of(None, "310") is None
    assert found.of(None, "Gulf") is None, "a region is not a department"
    assert found.of(None, None) is None


def test_an_office_may_hang_under_a_department() -> None:
    found, _ = homes([{"id": 7, "name": "North office ", "cluster_id": 21}])
    assert found.of(None, "310") == 7


def test_of_several_offices_the_smallest_id_is_taken_and_said() -> None:
    more = [{"id": 900, "name": "New Office", "cluster_id": 12}, {"id": 40, "name": "Old Office", "cluster_id": GULF}]
    found, warnings = homes([*SITES, *more])
    assert found.of(None, "210") == 40
    assert warnings == ["region Gulf has 3 office sites; the one with the smallest id (40) is used"]


def test_a_job_code_that_equals_a_department_code_never_gives_a_clusters_id() -> None:
    found, _ = homes([{"id": 77, "name": "Depot", "ext_id": "310", "cluster_id": 21}])
    assert found.of("210", "310") is None
    assert found.of("310", None) == 77


def test_an_office_is_not_a_job_site_and_another_site_is_not_an_office() -> None:
    found, _ = homes(SITES)
    assert found.of("GO", None) is None
    assert homes([SITES[0]])[0].of(None, "210") is None


def test_the_code_is_read_from_either_field_the_configured_one_first() -> None:
    both = [{"id": 1, "name": "A", "ext_id": "E.", "external_code": "X.", "cluster_id": 11}]
    assert homes(both)[0].of("E.", None) == 1
    assert homes(both, code_field="external_code")[0].of("X.", None) == 1
    assert homes([{"id": 2, "name": "B", "external_code": "X.", "cluster_id": 11}])[0].of("X.", None) == 2


def test_the_site_of_a_job_that_builds_an_office_is_no_office() -> None:
    built = {"id": 3, "name": "55555. - City Office", "ext_id": "55555.", "cluster_id": 11}
    found, warnings = homes([*SITES, built])
    assert (found.of(None, "210"), found.of("55555.", None), warnings) == (501, 3, [])


def test_broken_trees_end() -> None:
    ring = [
        {"id": 1, "external_code": "a", "parent_cluster_id": 2},
        {"id": 2, "external_code": "b", "parent_cluster_id": 1},
    ]
    found, _ = homes([{"id": 5, "name": "X Office", "cluster_id": 1}, {"id": 6, "name": "Y Office"}], ring)
    assert found.of(None, "a") is None
