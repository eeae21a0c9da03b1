"""The job ``jobs``: the open jobs of Vista are sites of SafetyAmp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

from busway.contracts.fields import FieldRule, always
from busway.contracts.jobs import Job
from busway.contracts.keys import casefolded, exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway_safetyamp import normalise
from busway_safetyamp.comparison import ZipCode, either
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs import ACCOUNT, WRITES_AT_ONCE
from busway_safetyamp.jobs.cluster_tree import DEPARTMENT, code_of_cluster
from busway_safetyamp.jobs.mapping import Managed, rules_of
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.sites import CODE_FIELDS, code_of
from busway_safetyamp.vista.status import OPEN

__all__ = ["Sites", "sites_job"]

_text = always.normalised(collapse_blanks)
_detail = _text.optional()


def mapping_of(code_field: str) -> tuple[Managed, ...]:
    """What the job maps where sites keep their code in ``code_field``."""
    return (
        Managed(
            code_field,
            "JCJM.Job",
            _text,
            settings=("SAFETYAMP_SITE_CODE_FIELD",),
            note="The dot that job codes end in is part of the code.",
        ),
        Managed("name", "JCJM.Job - JCJM.Description", _text),
        Managed(
            "cluster_id",
            "the cluster of JCCM.Department",
            always.referring("departments"),
            settings=("SAFETYAMP_DEPARTMENT_MAP",),
            note="A job whose department has no cluster is skipped.",
        ),
        Managed("street", "JCJM.ShipAddress", _detail),
        Managed("city", "JCJM.ShipCity", _detail),
        Managed("state", "JCJM.ShipState", _detail.normalised(either(normalise.state)), note="Two letters."),
        Managed(
            "zip_code",
            "JCJM.ShipZip",
            _detail.normalised(ZipCode.of),
            note="Five digits, or five and four; compared by the first five where one side has no more.",
        ),
        Managed("country", "SAFETYAMP_COUNTRY", _text, settings=("SAFETYAMP_COUNTRY",)),
        Managed(
            "timezone",
            "SAFETYAMP_STATE_TIMEZONES by state, else SAFETYAMP_TIMEZONE",
            _text,
            settings=("SAFETYAMP_STATE_TIMEZONES", "SAFETYAMP_TIMEZONE"),
        ),
    )


class Sites(Job):
    """Creates sites for open jobs and keeps them; none is ever deleted, and an address that is not known stays so.

    Made by :func:`sites_job`, because accounts keep the code in different fields.
    """

    mapping: ClassVar[tuple[Managed, ...]] = mapping_of(CODE_FIELDS[0])
    name = "jobs"
    entity = "site"
    account = ACCOUNT
    concurrency = WRITES_AT_ONCE
    depends_on = ("departments",)
    requires_validators = True
    match_on = exact(CODE_FIELDS[0])
    adopt_on = (casefolded("name"),)
    always_send = ("name",)
    fields: ClassVar[Mapping[str, FieldRule]] = rules_of(mapping)
    code_field: ClassVar[str] = CODE_FIELDS[0]

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._clusters: dict[str, Any] = {}
        self._clusters_of: Run | None = None

    def source(self, run: Run) -> Iterable[Record]:
        """The open jobs, as rows of ``JCJM`` with the department of their contract."""
        jobs = run.data.get_or_populate("vista.jobs", loader=self._connections.vista.jobs)
        return [{**row, self.code_field: collapse_blanks(row["Job"])} for row in jobs if row["JobStatus"] == OPEN]

    def target(self, run: Run) -> Complete[Record]:
        """Every site, with its code in the field that the deployment names."""
        sites = self._connections.safetyamp.sites()
        coded = ({**site, self.code_field: code_of(site, self.code_field)} for site in sites)
        return Complete(coded, pages=sites.pages)

    def map(self, record: Record, run: Run) -> Record | Skip:
        """A job in the shape of a site; skipped when its department has no cluster."""
        settings = self._connections.settings
        code, state = collapse_blanks(record["Job"]), normalise.state(record["ShipState"])
        department = collapse_blanks(record["Department"])
        cluster = self._clusters_in(run).get(settings.payroll_department(department).casefold())
        if cluster is None:
            return Skip(_unplaced(department, settings.payroll_department(department)))
        return {
            self.code_field: code,
            "name": " - ".join(part for part in (code, collapse_blanks(record["Description"])) if part),
            "cluster_id": cluster,
            "street": record["ShipAddress"],
            "city": record["ShipCity"],
            "state": record["ShipState"],
            "zip_code": record["ShipZip"],
            "country": settings.country,
            "timezone": settings.timezone_of(state),
        }

    def create(self, record: Record) -> Record:
        """Creates one site. Ends the job (BW5009) when the account did not keep its code."""
        return self._coded(self._connections.safetyamp.create_site(record))

    def update(self, current: Record, changes: Record) -> Record:
        """Writes the changed fields and the name, which SafetyAmp demands."""
        return self._coded(self._connections.safetyamp.update_site(current["id"], changes))

    def find(self, record: Record) -> Record | None:
        """Looks the site up by its code."""
        found = self._connections.safetyamp.find_site(collapse_blanks(record[self.code_field]))
        return None if found is None else self._coded(found)

    def label(self, record: Record) -> str:
        """``job 12345.``"""
        return f"job {collapse_blanks(record.get(self.code_field)) or '(no code)'}"

    def close(self) -> None:
        """Closes the connections that the jobs of this plugin share."""
        self._connections.close()

    def _coded(self, site: Record) -> Record:
        return {**site, self.code_field: code_of(site, self.code_field)}

    def _clusters_in(self, run: Run) -> Mapping[str, Any]:
        """Ids of the departments' clusters by code, possibly pending. Codes of regions are not among them."""
        if self._clusters_of is not run:
            clusters = run.target_of("departments")
            departments = (one for one in clusters if one["depth"] == DEPARTMENT and code_of_cluster(one))
            self._clusters = {code_of_cluster(one).casefold(): one["id"] for one in departments}
            self._clusters_of = run
        return self._clusters


def sites_job(connections: Connections) -> Sites:
    """The job for accounts that keep the code of a site where ``SAFETYAMP_SITE_CODE_FIELD`` says."""
    field = connections.settings.site_code_field
    mapping = mapping_of(field)
    traits = {"code_field": field, "match_on": exact(field), "mapping": mapping, "fields": rules_of(mapping)}
    # The contract declares traits on the class, so a deployment's choice makes a class.
    kind = cast(type[Sites], type("Sites", (Sites,), {"__module__": __name__, **traits}))
    return kind(connections)


def _unplaced(department: str, payroll: str) -> str:
    if not department:
        return "no cluster: its contract has no department"
    mapped = f", which stands for {payroll}," if payroll != department else ""
    return f"no cluster: department {department}{mapped} is not in SafetyAmp; see SAFETYAMP_DEPARTMENT_MAP"
