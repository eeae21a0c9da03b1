"""Employees: Vista to SafetyAmp."""
from services import safetyamp, vista
from sync.base import BaseSync
from utils.data_validator import validator as rules
from utils.error_manager import error_manager as errors


class EmployeeSync(BaseSync):
    kind = "sync_employees"

    def run(self):
        try:
            vista.get_employees()
        except OSError as exc:
            errors.log_error("vista", "no employees: %s" % exc, exception=exc)
            raise
        return super().run()

    def work(self):
        for row in vista.get_employees():
            ok, problems, payload = rules.validate_employee_data(row, row["id"], display_name=row["first_name"])
            if not ok:
                self.tracker.log_error("employee", row["id"], "; ".join(problems))
            elif safetyamp.put("employee", row["id"], payload):
                self.tracker.log_creation("employee", row["id"], data={"title": row["title"]}, session_id=self.session)
            else:
                self.tracker.log_update("employee", row["id"], {"title": row["title"]})
