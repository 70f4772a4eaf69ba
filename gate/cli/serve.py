"""`sendgate serve`: run a gate until it is told to stop."""

import gc
import os
import signal
import sys
from dataclasses import fields
from typing import Any, Final

import rich_click as click

from gate.errors import GateError, SettingsError, StartError
from gate.logs import form
from gate.settings import Settings, load, variable

_FAILED: Final = 1
_MISCONFIGURED: Final = 2


def _options(command: Any) -> Any:
    """Give the command an option for each setting, in their order."""
    for each in reversed(fields(Settings)):
        flag: dict[str, Any] = {"is_flag": True, "flag_value": "true"} if each.type is bool else {}
        command = click.option(
            f"--{each.name.replace('_', '-')}",
            each.name,
            default=None,
            metavar=None if flag else "TEXT",
            help=f"{each.metadata['about']} [env: {variable(each.name)}; default: {each.metadata['default']}]",
            **flag,
        )(command)
    return command


@click.command()
@_options
def serve(**given: str | None) -> None:
    """Run a gate until SIGTERM or Ctrl-C.

    Health probes see SERVING once the database is open and every check can be answered. On SIGTERM the gate
    tells probes first, goes on serving for the drain delay, lets calls in flight finish, and exits with 0.
    """
    try:
        settings = load(os.environ, {name: text for name, text in given.items() if text is not None})
        form.configure(settings.log_level, settings.log_format)
        # Until the server takes the signal over; as a container's first process it would not even be ended by it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        # What is imported stays: nothing need look through it, neither meanwhile nor later.
        gc.disable()
        from gate import app  # noqa: PLC0415  slow to import: neither help nor a wrong setting waits for the server

        gc.freeze()
        gc.enable()
        app.run(settings)
    except SettingsError as error:
        _end(error, _MISCONFIGURED)
    except (StartError, GateError) as error:
        _end(error, _FAILED)


def _end(error: Exception, code: int) -> None:
    click.echo(f"sendgate: {error}", err=True)
    sys.exit(code)
