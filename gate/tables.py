"""Read the rule tables beside the rules into a rulebook; the only place that opens their files."""

import tomllib
from functools import cache
from importlib import resources

from gate.rules.keywords import Profile, reply_table
from gate.rules.rows import Row
from gate.rules.rulebook import Rulebook, email_reasons, sms_codes, sms_progress


def load_rulebook(profile: Profile = Profile.ARTICLE, *, enforce_possible: bool = False) -> Rulebook:
    """Build the rulebook of one gate. Raises ValueError where a table contradicts itself."""
    twilio = read_table("twilio")
    return Rulebook(
        sms_codes=sms_codes(twilio),
        sms_progress=sms_progress(twilio),
        email_reasons=email_reasons(read_table("mailgun")),
        replies=reply_table(read_table("keywords"), read_table("phrases"), profile),
        enforce_possible=enforce_possible,
    )


@cache
def read_table(name: str) -> Row:
    """Parse one data file of `gate/rules/data`."""
    return tomllib.loads((resources.files("gate.rules") / "data" / f"{name}.toml").read_text("utf-8"))
