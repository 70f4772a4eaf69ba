"""The command line: `sendgate`. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 denied."""

import os
import sys
from importlib import import_module
from typing import Final

try:
    import rich_click as click
except ModuleNotFoundError:
    sys.exit(
        "sendgate: the contract alone is installed; pip install 'sendgate[server]' installs the gate and this command"
    )

# The library writes to stderr past all logging, a line for each failed handshake. Whoever wants to see that sets it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

_COMMANDS: Final = {
    "serve": "serve.serve",
    "check": "check.check",
    "record": "record.record",
    "contact": "contact.contact",
    "review": "review.review",
    "channel": "channel.channel",
    "import": "transfer.import_",
    "export": "transfer.export",
    "backup": "backup.backup",
    "restore": "backup.restore",
    "doctor": "doctor.doctor",
    "token": "token.token",
    "connectors": "connectors.connectors",
    "healthcheck": "healthcheck.healthcheck",
}
"""Where each command is, in the order of the help."""


class _Commands(click.RichGroup):
    """Imports a command when it is asked for: what all of them need takes longer than most of them run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command by its name."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            module, name = _COMMANDS[cmd_name].split(".")
            self.add_command(getattr(import_module(f"gate.cli.{module}"), name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="sendgate", prog_name="sendgate")
def main() -> None:
    """Guard every outbound message: may it be sent, and what happened to it?

    Start a gate with `sendgate serve`, tell it what happened with `sendgate record`, and ask it with
    `sendgate check` whether a contact may be written to. `sendgate contact show` tells why not.
    """
