"""Options of every client command: how it proves who it is. They are kept here, beside the commands' parameters."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import rich_click as click
from click import get_current_context

from gate.identity.client import Access
from gate.settings import CA, CLIENT_CERT, CLIENT_KEY, TOKEN, TOKEN_FILE

Command = TypeVar("Command", bound=Callable[..., Any])

_KEY: Final = "gate.cli.access"
_FILE: Final = click.Path(path_type=Path)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(_KEY, {})[parameter.name] = value


def _option(flag: str, name: str, variable: str, **more: Any) -> Any:
    return click.option(flag, name, envvar=variable, show_envvar=True, expose_value=False, callback=_keep, **more)


_OPTIONS: Final = (
    _option(
        "--token-file",
        "token_file",
        TOKEN_FILE,
        type=_FILE,
        metavar="FILE",
        help=f"Where the token is that proves who calls; {TOKEN} holds one itself.",
    ),
    _option("--ca", "ca", CA, metavar="FILE|system", default="", help="Call with TLS, and whom to trust for it."),
    _option(
        "--client-cert",
        "certificate",
        CLIENT_CERT,
        type=_FILE,
        metavar="FILE",
        help="For mutual TLS: the certificate with its chain, in PEM.",
    ),
    _option("--client-key", "key", CLIENT_KEY, type=_FILE, metavar="FILE", help="Its key, in PEM."),
)


def with_access(command: Command) -> Command:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def access() -> Access:
    """Return what the running command was given. A token is never an option: the list of processes would show it."""
    return Access(token=os.environ.get(TOKEN, ""), **get_current_context().meta.get(_KEY, {}))
