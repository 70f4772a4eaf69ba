"""`sendgate connectors`: take the webhooks of messaging providers."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import rich_click as click

from gate.cli.access import access
from gate.cli.client import FAILED, target_option, timeout_option
from gate.errors import SettingsError, StartError
from gate.logs import form
from gate.settings import LOG_FORMATS, variable

_MISCONFIGURED: Final = 2


@click.group()
def connectors() -> None:
    """Take the webhooks of Twilio and Mailgun, and tell the gate what happened."""


@connectors.command()
@click.option(
    "--config",
    "source",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The accounts and how they sign, in TOML; see docs/connectors.md.",
)
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to take webhooks, in plain HTTP: put a proxy with TLS in front.",
)
@target_option
@timeout_option
@click.option(
    "--log-format",
    envvar=variable("log_format"),
    default=form.CONSOLE,
    show_default=True,
    type=click.Choice(LOG_FORMATS),
    help=f"How the log on stderr looks. [env: {variable('log_format')}]",
)
def serve(source: Path, listen: str, target: str, timeout: float, log_format: str) -> None:
    """Take webhooks until SIGTERM or Ctrl-C.

    A provider is answered with success only once the gate has recorded the event durably; while the gate cannot,
    the answer is 503, so that the provider sends the event again.

    Exit code 0: stopped by a signal. 1: cannot listen. 2: wrong configuration.
    """
    form.configure("info", log_format)
    try:
        # Slow to import, and an extra: no other command waits for these or needs them.
        from gate.connectors import config, server  # noqa: PLC0415

        asyncio.run(server.serve(config.load(source), listen, target, timeout, access()))
    except ModuleNotFoundError as error:
        _end(f"{error.name} is not installed; install sendgate[connectors]", FAILED)
    except SettingsError as error:
        _end(str(error), _MISCONFIGURED)
    except StartError as error:
        _end(str(error), FAILED)


def _end(message: str, code: int) -> None:
    click.echo(f"sendgate: {message}", err=True)
    sys.exit(code)
