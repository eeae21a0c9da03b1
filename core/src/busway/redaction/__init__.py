"""Rules that say what must not be shown, and the redactor that applies them.

``redactor``        Redactor: what passes through it may be written down
``log_formatter``   the same for the standard library's logging
``policy``          the table ``[redaction]`` of a deployment; ``own_patterns`` reads the expressions in it
``keys``            key rules: names whose values are hidden; ``field_classes`` says what may be done with each class
``values``          registered secrets; ``spellings`` has the forms in which they turn up
``patterns``        shapes of secrets and personal data inside text
``text_rules``      values and patterns together, applied to one text
``survey``          the quick look that tells most values need nothing; ``sweep`` the thorough one that replaces
``markers``         what is written instead

What it does not find, declared: a value split over several fields; compressed, encrypted or hashed copies; base64 cut
into lines; other character sets than UTF-8 and Latin-1; letters of another script that look alike; values that are too
short or too ordinary to be masked (``values.weakness``), which key rules still hide.
"""
