"""Problems with settings, in words: what is missing or wrong, where it may live, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from busway.configuration.busway_names import BUSWAY_NAMES, PREFIX
from busway.configuration.declarations import CORE, Catalog, Declaration
from busway.configuration.layers import Layers
from busway.configuration.nearest import nearest
from busway.contracts.secrets import SecretSource
from busway.errors import BuswayError, Problem

__all__ = ["Complaints"]

_MISSPELT = 0.85


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
        return Problem(
            "BW1108",
            f"the value of {declaration.name} is not valid",
            f"{place}, for {_place(declaration)}",
            f"{reason[:1].lower()}{reason[1:]}; its type is {declaration.type}. {declaration.doc}".rstrip(),
            f"correct it there; see where it comes from: busway config explain {declaration.name}",
        )

    def broken(self, declarations: Iterable[Declaration], error: BaseException) -> Problem:
        """A settings model whose own check breaks; the text of its error may hold the value it saw."""
        declared = list(declarations)
        owner = declared[0].owner if declared else CORE
        what = f"the settings model of {owner} raised {type(error).__name__}"
        return Problem("BW1108", what, ", ".join(one.name for one in declared), fix=f"pip install -U {owner}")

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

    def _misspelt(self, name: str) -> Iterator[str]:
        """Names that are set, that nobody declared, and that look very much like ``name``."""
        for layer, source in self._layers.listable():
            undeclared = [other for other in self._names_in(source) if self._catalog.find(other) is None]
            near = nearest(name, undeclared, _MISSPELT)
            if near:
                yield f"{layer} has {near} ({source.locate(near)}), which nobody reads: was {name} meant?"

    def _ways_to_set(self, declaration: Declaration) -> Iterator[str]:
        for layer, source in self._layers.sources_for(declaration):
            if layer == "env":
                yield f"export {declaration.name}=..."
            elif layer == "dotenv":
                yield f"a line {declaration.name}=... in .env"
            else:
                yield f"store it in {layer}: {source.locate(declaration.name)}"
        if not declaration.is_secret:
            yield f'{declaration.name} = "..." under [settings] in {self._file_name}'

    def _names_in(self, source: SecretSource) -> Iterable[str]:
        try:
            return source.names()
        except BuswayError:
            # What is wrong with the source is told where its values are asked for; here it only has no hints.
            return ()


def _place(declaration: Declaration) -> str:
    return f"setting of {declaration.owner}"
