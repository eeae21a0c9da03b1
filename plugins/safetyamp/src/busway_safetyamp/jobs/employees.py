"""The job ``employees``: the active people of Vista are users of SafetyAmp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

from busway.contracts.fields import FieldRule, always, create_only
from busway.contracts.jobs import Job
from busway.contracts.keys import casefolded, exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway_safetyamp import normalise
from busway_safetyamp.comparison import ZipCode, either
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs import ACCOUNT, WRITES_AT_ONCE
from busway_safetyamp.jobs.mapping import Managed, rules_of
from busway_safetyamp.jobs.references import References
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["Employees", "employees_job"]

DEMANDED = ("first_name", "last_name", "email")


def _title_id(user: Any) -> Any | None:
    return (user.get("current_title") or {}).get("id", user.get("current_title_id"))


_text = always.personal().normalised(collapse_blanks)
_detail = _text.optional()
_phone = always.personal().optional().normalised(either(normalise.phone))
_day = always.personal().optional().normalised(either(normalise.day))

MAPPING = (
    Managed("emp_id", "PREH.Employee", always, note="The number as text, without zeros in front."),
    Managed("first_name", "PREH.FirstName", _text),
    Managed("middle_name", "PREH.MidName", _detail),
    Managed("last_name", "PREH.LastName", _text),
    Managed(
        "email",
        "the directory's mail by employeeId, else PREH.Email",
        always.personal().normalised(either(normalise.email)),
        settings=("SAFETYAMP_ENRICHMENT", "MS_GRAPH_UPN_FALLBACK", "MS_GRAPH_IGNORE_LEADING_ZEROS"),
        note="Stays as it is where the directory did not answer, or has two accounts with the number.",
    ),
    Managed(
        "gender",
        "PREH.Sex",
        always.personal().optional(),
        settings=("SAFETYAMP_GENDER_WORDS",),
        note="M is 1, F is 0; anything else is left out.",
    ),
    Managed("date_of_birth", "PREH.BirthDate", _day),
    Managed("current_hire_date", "PREH.HireDate", _day),
    Managed("street", "PREH.Address", _detail),
    Managed("city", "PREH.City", _detail),
    Managed("state", "PREH.State", _detail.normalised(either(normalise.state)), note="Two letters."),
    Managed(
        "zip_code",
        "PREH.Zip",
        _detail.normalised(ZipCode.of),
        note="Five digits, or five and four; compared by the first five where one side has no more.",
    ),
    Managed("country", "SAFETYAMP_COUNTRY", always, settings=("SAFETYAMP_COUNTRY",)),
    Managed(
        "mobile_phone",
        "the column of PREH that VISTA_MOBILE_PHONE_COLUMN names, or the directory's",
        _phone,
        settings=("VISTA_MOBILE_PHONE_COLUMN", "MS_GRAPH_PHONES", "SAFETYAMP_PHONE_COUNTRY_CODE"),
        note="E.164; unique in SafetyAmp.",
    ),
    Managed(
        "work_phone",
        "the column of PREH that VISTA_WORK_PHONE_COLUMN names, or the directory's",
        _phone,
        settings=("VISTA_WORK_PHONE_COLUMN", "MS_GRAPH_PHONES", "SAFETYAMP_PHONE_COUNTRY_CODE"),
        note="E.164; never a copy of the mobile phone.",
    ),
    Managed(
        "home_site_id",
        "the site of the job last worked on, else the office of the region of PREH.PRDept",
        always.referring("jobs"),
        settings=("VISTA_JOB_WINDOW_DAYS", "SAFETYAMP_OFFICE_SUFFIX"),
        note="A person without one is skipped.",
    ),
    Managed(
        "current_title_id",
        "the title of PREH.udEmpTitle",
        always.optional().referring("titles").reading(_title_id),
        note="Read as current_title.",
    ),
    Managed("timezone", "SAFETYAMP_TIMEZONE", create_only, settings=("SAFETYAMP_TIMEZONE",)),
    Managed("roles", "the role SAFETYAMP_ROLE names", create_only, settings=("SAFETYAMP_ROLE",)),
    Managed(
        "system_access",
        "1",
        create_only,
        settings=("SAFETYAMP_MANAGE_SYSTEM_ACCESS",),
        note="0 for people who left, 1 when they return; only for users that Busway created or adopted.",
    ),
    Managed("text_opt_out", "SAFETYAMP_TEXT_OPT_OUT", create_only, settings=("SAFETYAMP_TEXT_OPT_OUT",)),
)


class Employees(Job):
    """Creates users, keeps their managed fields, and takes access from people who left.

    Only users that Busway created or adopted lose access; nobody is deleted. Made by :func:`employees_job`, because
    two of its traits are decisions of the deployment.
    """

    mapping: ClassVar[tuple[Managed, ...]] = MAPPING
    name = "employees"
    entity = "employee"
    account = ACCOUNT
    concurrency = WRITES_AT_ONCE
    requires_validators = True
    depends_on = ("departments", "titles", "jobs")
    match_on = exact("emp_id")
    active_field = "system_access"
    always_send = DEMANDED
    fields: ClassVar[Mapping[str, FieldRule]] = rules_of(MAPPING)

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._references: References | None = None

    def source(self, run: Run) -> Iterable[Record]:
        """The active people, with their key: a person without a home site is skipped and must not read as gone."""
        people = run.data.get_or_populate("vista.employees", loader=self._connections.vista.employees)
        return [{**row, "emp_id": collapse_blanks(row["Employee"])} for row in people]

    def target(self, run: Run) -> Complete[Record]:
        """Every user of SafetyAmp."""
        return self._connections.safetyamp.users()

    def map(self, record: Record, run: Run) -> Record | Skip:
        """A row of Vista in SafetyAmp's shape; skipped when there is no site the person could belong to."""
        references = self._references_of(run)
        job, department = references.job_of(record), collapse_blanks(record["PRDept"])
        home = references.homes.of(job, department)
        if home is None:
            return Skip(_homeless(collapse_blanks(job), department))
        settings = self._connections.settings
        return {
            **{field: record.get(column) for field, column in _COLUMNS.items()},
            **references.contacts.of(record),
            "emp_id": collapse_blanks(record["Employee"]),
            "country": settings.country,
            "timezone": settings.timezone,
            "home_site_id": home,
            "current_title_id": references.title_id(record["udEmpTitle"]),
            "roles": [{"id": references.role_id}],
            "system_access": 1,
            "text_opt_out": int(settings.text_opt_out),
        }

    def create(self, record: Record) -> Record:
        """Creates one user. Fields without a value are left out."""
        return self._connections.safetyamp.create_user(_filled(record))

    def update(self, current: Record, changes: Record) -> Record:
        """Writes the changed fields and the three that SafetyAmp demands."""
        return self._connections.safetyamp.update_user(current["id"], changes)

    def deactivate(self, current: Record) -> Record:
        """Takes access away; the user and its history stay."""
        return self.update(current, {**_demanded(current), "system_access": 0})

    def reactivate(self, current: Record, changes: Record) -> Record:
        """Gives access back, together with what changed meanwhile."""
        return self.update(current, {**_demanded(current), **changes, "system_access": 1})

    def find(self, record: Record) -> Record | None:
        """Looks the user up by employee number."""
        return self._connections.safetyamp.find_user(str(record["emp_id"]))

    def label(self, record: Record) -> str:
        """``employee 123``: the number, never the name."""
        return f"employee {collapse_blanks(record.get('emp_id') or record.get('Employee')) or '(no number)'}"

    def close(self) -> None:
        """Closes the connections that the jobs of this plugin share."""
        self._connections.close()

    def _references_of(self, run: Run) -> References:
        # Not in source(), which is also asked by who only wants to see the people.
        if self._references is None or self._references.run is not run:
            self._references = References.read(run, self._connections)
        return self._references


_COLUMNS = {
    "first_name": "FirstName",
    "middle_name": "MidName",
    "last_name": "LastName",
    "gender": "Sex",
    "date_of_birth": "BirthDate",
    "current_hire_date": "HireDate",
    "street": "Address",
    "city": "City",
    "state": "State",
    "zip_code": "Zip",
}


def employees_job(connections: Connections) -> Employees:
    """The job with the traits that the settings decide: adoption by e-mail, and whether access has a lifecycle."""
    traits: dict[str, Any] = {}
    if connections.settings.adopt_by_email:
        traits["adopt_on"] = (casefolded("email"),)
    if connections.settings.manage_system_access == "create_only":
        traits["active_field"] = ""
    # The contract declares traits on the class, so a deployment's choice makes a class.
    kind = cast(type[Employees], type("Employees", (Employees,), {"__module__": __name__, **traits}))
    return kind(connections)


def _homeless(job: str, department: str) -> str:
    tried = f"no site has the code of job {job}, and " if job else "no recent job, and "
    return f"no home site: {tried}the region of department {department or '(none)'} has no office"


def _demanded(user: Record) -> Record:
    return _filled({name: user.get(name) for name in DEMANDED})


def _filled(record: Record) -> Record:
    return {name: value for name, value in record.items() if value not in (None, "")}
