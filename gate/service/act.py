"""Make acts of people: each gets an id and is dated after all that it answers to."""

import secrets

from gate.rules.acts import Act, Detail
from gate.service.caller import Caller


def new_act(by: Caller, time: int, detail: Detail, location_id: str, contact_id: str = "", address: str = "") -> Act:
    """Make an act of a caller at a time."""
    return Act(secrets.token_hex(16), location_id, contact_id, address, time, by.name, detail)
