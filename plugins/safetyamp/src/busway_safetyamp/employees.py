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
from busway_safetyamp.connections import Connections
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.references import References

__all__ = ["Employees", "employees_job"]

DEMANDED = ("first_name", "last_name", "email")


def _title_id(user: Any) -> Any | None:
    return (user.get("current_title") or {}).get("id", user.get("current_title_id"))


def _first_five(value: Any) -> str:
    # One side often lacks the four digits after the dash; comparing them would write the same change every run.
    return collapse_blanks(value)[:5]


def _either(normaliser: Any) -> Any:
    """``normaliser``, or the text as it is where that gives nothing: an unusable value still differs from none."""
    return lambda value: normaliser(value) or collapse_blanks(value)


_text = always.personal().normalised(collapse_blanks)
_detail = _text.optional()
_phone = always.personal().optional().normalised(_either(normalise.phone))
_day = always.personal().optional().normalised(_either(normalise.day))


class Employees(Job):
    """Creates users, keeps their managed fields, and takes access from people who left.

    Only users that Busway created or adopted lose access; nobody is deleted. Made by :func:`employees_job`, because
    two of its traits are decisions of the deployment.
    """

    name = "employees"
    entity = "employee"
    requires_validators = True
    depends_on = ("titles",)
    match_on = exact("emp_id")
    active_field = "system_access"
    always_send = DEMANDED
    fields: ClassVar[Mapping[str, FieldRule]] = {
        "emp_id": always,
        "first_name": _text,
        "middle_name": _detail,
        "last_name": _text,
        "email": always.personal().normalised(_either(normalise.email)),
        "gender": always.personal().optional(),
        "date_of_birth": _day,
        "current_hire_date": _day,
        "street": _detail,
        "city": _detail,
        "state": always.personal().optional().normalised(_either(normalise.state)),
        "zip_code": always.personal().optional().normalised(_first_five),
        "country": always,
        "mobile_phone": _phone,
        "work_phone": _phone,
        "home_site_id": always,
        "current_title_id": always.optional().reading(_title_id),
        "timezone": create_only,
        "roles": create_only,
        "system_access": create_only,
        "text_opt_out": create_only,
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._references: References | None = None

    def source(self, run: Run) -> Iterable[Record]:
        """The active people, with their key: a person without a home site is skipped and must not read as gone."""
        people = run.data.get_or_populate("vista.employees", loader=self._connections.vista.employees)
        self._references = References.read(run, self._connections)
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
        person = {field: record.get(column) for field, column in _COLUMNS.items()}
        settings = self._connections.settings
        return {
            **person,
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
        if self._references is None or self._references.run is not run:
            self._references = References.read(run, self._connections)
        return self._references


_COLUMNS = {
    "first_name": "FirstName",
    "middle_name": "MidName",
    "last_name": "LastName",
    "email": "Email",
    "gender": "Sex",
    "date_of_birth": "BirthDate",
    "current_hire_date": "HireDate",
    "street": "Address",
    "city": "City",
    "state": "State",
    "zip_code": "Zip",
    "mobile_phone": "MobilePhone",
    "work_phone": "WorkPhone",
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
