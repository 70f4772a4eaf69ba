"""The command line: `sendgate`. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 denied."""

import rich_click as click

from gate.cli.backup import backup, restore
from gate.cli.channel import channel
from gate.cli.check import check
from gate.cli.client import Group
from gate.cli.connectors import connectors
from gate.cli.contact import contact
from gate.cli.doctor import doctor
from gate.cli.healthcheck import healthcheck
from gate.cli.record import record
from gate.cli.review import review
from gate.cli.serve import serve
from gate.cli.token import token
from gate.cli.transfer import export, import_


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="sendgate", prog_name="sendgate")
def main() -> None:
    """Guard every outbound message: may it be sent, and what happened to it?

    Start a gate with `sendgate serve`, tell it what happened with `sendgate record`, and ask it with
    `sendgate check` whether a contact may be written to. `sendgate contact show` tells why not.
    """


main.add_command(serve)
main.add_command(check)
main.add_command(record)
main.add_command(contact)
main.add_command(review)
main.add_command(channel)
main.add_command(import_)
main.add_command(export)
main.add_command(backup)
main.add_command(restore)
main.add_command(doctor)
main.add_command(token)
main.add_command(connectors)
main.add_command(healthcheck)
