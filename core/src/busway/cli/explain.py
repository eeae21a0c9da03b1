"""``busway explain``: the page of an error code."""

from __future__ import annotations

import difflib
from importlib.resources import files

import click

from busway.cli.output import emit_result, json_option, print_table
from busway.errors import UsageError

__all__ = ["EXIT_CODES", "explain", "page_of", "pages"]

EXIT_CODES = (
    (0, "Done"),
    (1, "A bug in Busway or a plugin"),
    (2, "Usage: a wrong command, option, job or plan file"),
    (3, "Configuration, plugin or secret missing or wrong"),
    (4, "Refused by a remote"),
    (5, "A remote, database or store did not answer"),
    (6, "Finished, and some records failed"),
    (7, "Held by a brake, a lock or a pause; nothing was written"),
    (10, "Changes are present (plan --detailed-exitcode)"),
    (130, "Stopped by Ctrl-C"),
    (143, "Stopped by SIGTERM"),
)


def pages() -> list[str]:
    """Every code that has a page."""
    return sorted(
        entry.name.removesuffix(".md")
        for entry in files("busway").joinpath("pages").iterdir()
        if entry.name.endswith(".md")
    )


def page_of(code: str) -> str:
    """The page of ``code`` as Markdown. Raises ``UsageError`` BW1003 when there is none."""
    known = pages()
    name = code.upper()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean: busway explain {near[0]}" if near else "busway explain lists all codes"
        raise UsageError("BW1003", f"there is no page for {code!r}", where="busway explain", fix=fix)
    return files("busway").joinpath("pages", f"{name}.md").read_text("utf-8")


@click.command()
@click.argument("code", required=False)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error code such as BW1101, or ``exit-codes``. Without a code, list them all."""
    if code is None:
        _list(as_json)
    elif code == "exit-codes":
        _exit_codes(as_json)
    else:
        page = page_of(code)
        emit_result(
            "busway.page/1",
            {"code": code.upper(), "page": page},
            as_json=as_json,
            text=lambda: click.echo(page.rstrip()),
        )


def _list(as_json: bool) -> None:
    rows = [(code, page_of(code).partition("\n")[0].partition(": ")[2]) for code in pages()]
    data = [{"code": code, "title": title} for code, title in rows]
    emit_result("busway.pages/1", data, as_json=as_json, text=lambda: print_table(("CODE", "MEANS"), rows))


def _exit_codes(as_json: bool) -> None:
    data = [{"exit_code": number, "means": meaning} for number, meaning in EXIT_CODES]
    emit_result("busway.exit-codes/1", data, as_json=as_json, text=lambda: print_table(("EXIT", "MEANS"), EXIT_CODES))
