"""Rules that say what must not be shown, and the redactor that applies them."""
