"""The entry point of the ``busway`` command: a fast path, then Click, then errors told to people.

``--version`` is answered before Click is imported; it is what scripts and container probes call.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from busway.errors import BuswayError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code of DESIGN 9 (see ``busway explain exit-codes``)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        return _version()
    return _run(arguments)


def _version() -> int:
    from busway import __version__

    sys.stdout.write(f"busway {__version__}\n")
    return 0


def _run(arguments: list[str]) -> int:
    import click

    from busway.cli.root import root

    debug = "--debug" in arguments
    try:
        code = root.main(args=arguments, prog_name="busway", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:  # a group without a command: what it says is its help
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _told(_as_usage_error(error), arguments)
    except click.Abort:
        return 130
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        return _reader_went_away()
    except Exception as error:
        if debug:
            raise
        return _told(_coded(error), arguments)
    return code if isinstance(code, int) else 0


def _told(error: BuswayError, arguments: list[str]) -> int:
    """Prints the error, and gives its exit code."""
    from busway.cli.output import emit_error

    emit_error(error, as_json="--json" in arguments)
    return error.exit_code


def _as_usage_error(error: click.ClickException) -> BuswayError:
    import click

    from busway.errors import UsageError

    context = getattr(error, "ctx", None)
    path = context.command_path if isinstance(context, click.Context) else "busway"
    hints: Sequence[str] | None = getattr(error, "possibilities", None)
    # Click's own text repeats the suggestions; ours stand under "fix".
    what = error.message if hints else error.format_message()
    fix = f"did you mean {hints[0]}?" if hints else f"{path} --help"
    return UsageError("BW1001", what.rstrip("."), where=path, fix=fix)


def _coded(error: Exception) -> BuswayError:
    from busway.errors import BuswayError

    return error if isinstance(error, BuswayError) else _as_bug(error)


def _as_bug(error: Exception) -> BuswayError:
    from busway.errors import BuswayError

    return BuswayError(
        "BW9001",
        "Busway met an error it does not know",
        where=_last_frame(error),
        why=type(error).__name__,
        fix="run the same command with --debug to see the traceback, and report it",
    )


def _last_frame(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace else ""


def _reader_went_away() -> int:
    # A closed pipe (busway ... | head) is no error; without this the interpreter complains when it flushes at exit.
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


if __name__ == "__main__":
    sys.exit(main())
