"""The old rules for employees."""


class DataValidator:
    def validate_employee_data(self, payload, employee_id, display_name):
        missing = [name for name in ("first_name", "last_name") if not payload.get(name)]
        return not missing, [name + ": is missing" for name in missing], payload


validator = DataValidator()
