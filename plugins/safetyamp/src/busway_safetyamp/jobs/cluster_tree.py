"""The tree of site clusters: a root, regions below it, departments below those."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busway.contracts.records import Record
from busway.errors import ConfigurationError
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["DEPARTMENT", "REGION", "ClusterTree", "code_of_cluster", "name_of_root"]

REGION, DEPARTMENT = 1, 2
"""Depths."""


class ClusterTree:
    """The clusters of one account, each with its depth and with the name its parent goes by.

    A parent goes by its code, not its id: a department may be planned before its region exists. Clusters that hang in
    a ring, or under a parent that is not there, have no depth and are left alone.
    """

    def __init__(self, clusters: Iterable[Record]) -> None:
        self._by_id: dict[Any, Record] = {}
        self._by_code: dict[str, list[Any]] = {}
        for cluster in clusters:
            self._keep(cluster)

    def placed(self) -> list[Record]:
        """Every cluster with its ``depth`` and its ``parent``."""
        return [self.place(cluster) for cluster in self._by_id.values()]

    def place(self, cluster: Record) -> Record:
        """``cluster`` with its ``depth`` and its ``parent``."""
        parent = self._by_id.get(cluster.get("parent_cluster_id"))
        return {**cluster, "depth": self._depth(cluster), "parent": self._name(parent) if parent else ""}

    def take(self, cluster: Record) -> Record:
        """Takes in what the account answered to a write; returns it placed."""
        whole = {**self._by_id.get(cluster["id"], {}), **cluster}
        self._keep(whole)
        return self.place(whole)

    def id_of(self, depth: int, parent: str) -> Any | None:
        """The id of the cluster that those of ``depth`` call their ``parent``."""
        wanted = parent.casefold()
        return next(
            (
                one["id"]
                for one in self._by_id.values()
                if self._depth(one) == depth - 1 and self._name(one).casefold() == wanted
            ),
            None,
        )

    def elsewhere(self, code: str, depth: int) -> Record | None:
        """The cluster that has ``code`` at another depth than ``depth``; codes are unique in the whole tree."""
        same = (self._by_id[key] for key in self._by_code.get(code.casefold(), ()))
        return next((one for one in same if _folded_code(one) == code.casefold() and self._depth(one) != depth), None)

    def root(self, wanted: str) -> str:
        """What regions call the root with the name or id ``wanted``. Raises ``ConfigurationError`` BW5015."""
        name = collapse_blanks(wanted).casefold()
        roots = [one for one in self._by_id.values() if one.get("parent_cluster_id") is None]
        found = [one for one in roots if str(one["id"]) == name] or [
            one for one in roots if collapse_blanks(one.get("name")).casefold() == name
        ]
        if not name or len(found) != 1:
            raise _no_root(wanted, roots, len(found))
        return self._name(found[0])

    def _keep(self, cluster: Record) -> None:
        self._by_id[cluster["id"]] = cluster
        self._by_code.setdefault(_folded_code(cluster), []).append(cluster["id"])

    def _name(self, cluster: Record) -> str:
        if cluster.get("parent_cluster_id") is None:
            return name_of_root(cluster["id"])
        # A region that somebody made without a code goes by the name it will be matched by.
        return code_of_cluster(cluster) or collapse_blanks(cluster.get("name"))

    def _depth(self, cluster: Record) -> int | None:
        met: set[Any] = set()
        while (parent := cluster.get("parent_cluster_id")) is not None:
            if parent in met or parent not in self._by_id:
                return None
            met.add(parent)
            cluster = self._by_id[parent]
        return len(met)


def code_of_cluster(cluster: Record) -> str:
    """The code, which departments have from payroll and regions from their name; empty for none."""
    return collapse_blanks(cluster.get("external_code"))


def _folded_code(cluster: Record) -> str:
    return code_of_cluster(cluster).casefold()


def name_of_root(root_id: object) -> str:
    """What regions call their parent: roots have no code, and two may have the same name."""
    return f"root {root_id}"


def _no_root(wanted: str, roots: list[Record], found: int) -> ConfigurationError:
    names = ", ".join(f"{collapse_blanks(one.get('name'))} (id {one['id']})" for one in roots) or "none at all"
    if not collapse_blanks(wanted):
        what = "the root cluster is not set"
    else:
        what = f"SafetyAmp has {'several root clusters' if found else 'no root cluster'} {collapse_blanks(wanted)}"
    return ConfigurationError(
        "BW5015",
        what,
        where="SAFETYAMP_ROOT_CLUSTER",
        why=f"regions hang under a root that exists already; the account's roots are: {names}",
        fix="set SAFETYAMP_ROOT_CLUSTER to one of them, by its id where names are the same: "
        "`busway config explain SAFETYAMP_ROOT_CLUSTER`",
    )
