"""Moves code from old imports to Busway.

The way of a run: rule packs (``packs``, ``rule_file``) make a ``rule_book``; ``files`` are read as ``source_file``;
``tree`` finds what each imports and how it is used (``resolver``, ``uses``, ``instances``); what belongs together
moves together or not at all (``groups``); ``rewriter`` makes the new text, ``verification`` judges it, ``writer`` puts
all of it in place in one step. ``shims`` keep old names alive for one release. Nothing here is imported before the
command is used.
"""

__version__ = "0.1.0"
