"""Problems with settings, in words: what is missing or wrong, where it may live, and how to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator

from busway.configuration.busway_names import BUSWAY_NAMES, PREFIX, VAULT_NAMES
from busway.configuration.declarations import CORE, Catalog, Declaration
from busway.configuration.layers import DEFAULT, TOML, Layers
from busway.configuration.nearest import Misspellings
from busway.configuration.refusals import mismatch, wanted_type
from busway.configuration.values import shown
from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings
from busway.errors import BuswayError, Problem

__all__ = ["Complaints"]

_AZURE_VAULT = re.compile(r"https://([A-Za-z0-9-]+)\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net) (\S+)")

_GAPS = {"a whole number": "1", "a number": "1.0", "true or false": "true", "a list": "[...]"}
"""What stands in an example of ``busway.toml`` where only the person knows the value; text otherwise."""


class Complaints:
    """Writes the problems of one configuration. No text has a value in it."""

    def __init__(self, layers: Layers, catalog: Catalog) -> None:
        self._layers = layers
        self._catalog = catalog
        self._file_name = layers.deployment.file.name if layers.deployment.file else "busway.toml"

    def missing(self, declaration: Declaration) -> Problem:
        """A required setting that no layer has: BW1201 for a secret, BW1109 otherwise."""
        looked = [
            f"{name} ({source.locate(declaration.name)})" for name, source in self._layers.sources_for(declaration)
        ]
        looked.append(f"{self._file_name} [settings]")
        reasons = [declaration.doc, f"looked in this order: {', '.join(looked)}", *self._misspelt(declaration.name)]
        code, noun = ("BW1201", "secret") if declaration.is_secret else ("BW1109", "setting")
        return Problem(
            code,
            f"{noun} {declaration.name} is not set",
            _place(declaration),
            "\n".join(reason for reason in reasons if reason),
            "\nor ".join(self._ways_to_set(declaration)),
        )

    def invalid(self, declaration: Declaration, layer: str, place: str, reason: str) -> Problem:
        """A value that does not fit its type."""
        in_file = self._layers.in_file(declaration.name) if layer == TOML else None
        told = mismatch(in_file.value, declaration.info.annotation) if in_file is not None else ""
        told = told or f"{reason[:1].lower()}{reason[1:]}"
        return Problem(
            "BW1108",
            f"the value of {declaration.name} is not valid",
            f"{place}, for {_place(declaration)}",
            f"{told}; its type is {declaration.type}. {declaration.doc}".rstrip(),
            f"{self._correction(declaration, layer, place)}\n"
            f"see where it comes from: busway config explain {declaration.name}",
        )

    def broken(self, model: type[Settings], error: BaseException) -> Problem:
        """A settings model whose own check breaks; the text of its error may hold the value it saw."""
        from busway.plugins.stack import raised_at  # it brings traceback, which a start without faults does not need

        owner = self._catalog.owner_of(model)
        what = f"the settings model of {owner} raised {type(error).__name__}"
        return Problem("BW1108", what, f"{model.__qualname__}, {raised_at(error)}", fix=f"pip install -U {owner}")

    def inconsistent(self, declarations: Iterable[Declaration], reason: str) -> Problem:
        """Values that are valid alone and wrong together."""
        declared = list(declarations)
        names = ", ".join(declaration.name for declaration in declared)
        owner = declared[0].owner if declared else CORE
        fix = "correct them; see where each comes from: busway config explain NAME"
        return Problem("BW1108", f"settings of {owner} do not fit together", names, reason, fix)

    def unknown_keys(self) -> Iterator[Problem]:
        """Names under ``[settings]`` that nobody declared."""
        deployment = self._layers.deployment
        for key in deployment.table("settings"):
            if self._catalog.find(key) is None:
                what, why = f"unknown key {key!r} under [settings]", "no selected plugin declares it"
                yield Problem("BW1102", what, deployment.where("settings", key), why, self._fix_for_key(key))

    def _fix_for_key(self, key: str) -> str:
        if key in BUSWAY_NAMES:
            return f"export {key}=...; it is read from the environment only. Plugins are listed under [plugins]"
        near = self._catalog.nearest(key)
        return f"did you mean {near}?" if near else "remove it, or select the plugin it belongs to under [plugins]"

    def unread_own_names(self) -> Iterator[Problem]:
        """Names of the core in sources that are read too late for them."""
        for layer, source in self._layers.listable():
            names = self._names_in(source) if layer != "env" else ()
            for name in sorted(name for name in names if name.startswith(PREFIX)):
                yield Problem(
                    "BW1103",
                    f"{name} has no effect in {layer}",
                    source.locate(name),
                    f"names that start with {PREFIX} are read before any source but the environment",
                    f"remove it there, and export {name}=...",
                )

    def misspelt(self, told: Collection[str] = ()) -> Iterator[Problem]:
        """Names in environment and ``.env`` that nobody reads and that are nearly those of settings (BW1111).

        :param told: names of settings whose own problem says it already.
        """
        known = Misspellings([*(declaration.name for declaration in self._catalog), *VAULT_NAMES])
        for layer, source in self._layers.listable():
            names = frozenset(self._names_in(source))
            for name, meant in sorted(known.among(names).items()):
                # Who has set the right name beside it knows both.
                if meant not in names and meant not in told and not name.startswith(PREFIX):
                    yield self._unread(layer, source.locate(name), name, meant)

    def _unread(self, layer: str, place: str, name: str, meant: str) -> Problem:
        found = self._catalog.find(meant)
        owner = f"which {found.owner} reads" if found is not None else "which selects the source keyvault"
        rename = f'export {meant}="${name}"; unset {name}' if layer == "env" else f"write {meant}=... there"
        return Problem("BW1111", f"{name} is set, and nobody reads it", place, f"it is like {meant}, {owner}", rename)

    def _misspelt(self, name: str) -> Iterator[str]:
        """Names that are set, that nobody declared, and that look very much like ``name``."""
        wanted = Misspellings([name])
        for layer, source in self._layers.listable():
            undeclared = [other for other in self._names_in(source) if self._catalog.find(other) is None]
            for near in sorted(wanted.among(undeclared)):
                yield f"{layer} has {near} ({source.locate(near)}), which nobody reads: was {name} meant?"

    def _ways_to_set(self, declaration: Declaration) -> Iterator[str]:
        for layer, source in self._layers.sources_for(declaration):
            if layer == "env":
                yield f"export {declaration.name}=..."
            elif layer == "dotenv":
                yield f"a line {declaration.name}=... in .env"
            else:
                yield _way_to_store(layer, source.locate(declaration.name))
        if not declaration.is_secret:
            yield f"{declaration.name} = {self._example(declaration)} under [settings] in {self._file_name}"

    def _correction(self, declaration: Declaration, layer: str, place: str) -> str:
        name, wanted = declaration.name, wanted_type(declaration.info.annotation)
        if layer == TOML:
            told = f"write {name} = {self._example(declaration)} at {place}"
        elif layer == "env":
            told = f"export {name}=... ({wanted})"
        elif layer == DEFAULT:
            told = f"export {name}=... ({wanted}); the default that {declaration.owner} gives it is a mistake"
        elif layer == "dotenv":
            told = f"write {name}=... ({wanted}) at {place}"
        else:
            told = f"{_way_to_store(layer, place)} ({wanted})"
        if declaration.required or layer == DEFAULT:
            return told
        without = f"unset {name}" if layer == "env" else "remove it"
        return f"{told}, or {without} to have the default"

    def _example(self, declaration: Declaration) -> str:
        """A value as it is written in the file: the default where it says something, else a gap of the right type."""
        if declaration.default not in (None, "", (), []) and not declaration.is_secret:
            return json.dumps(shown(declaration.default), ensure_ascii=False)
        wanted = wanted_type(declaration.info.annotation)
        return {"a whole number": "1", "a number": "1.0", "true or false": "true", "a list": "[...]"}.get(
            wanted, '"..."'
        )

    def _names_in(self, source: SecretSource) -> Iterable[str]:
        try:
            return source.names()
        except BuswayError:
            # What is wrong with the source is told where its values are asked for; here it only has no hints.
            return ()


def _place(declaration: Declaration) -> str:
    return f"setting of {declaration.owner}"


def _way_to_store(layer: str, place: str) -> str:
    """How to put a value into a vault: the command where the place is an Azure Key Vault, else the place."""
    bare = re.sub(r" \([^()]*\)$", "", place)  # what the source found there stands behind the place
    azure = _AZURE_VAULT.fullmatch(bare)
    if azure is None:
        return f"store it in {layer}: {bare}"
    return f"az keyvault secret set --vault-name {azure[1]} --name {azure[2]} --value ..."
