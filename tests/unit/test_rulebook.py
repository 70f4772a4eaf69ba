"""How the provider tables are read: what is refused, and that the tables in force are complete."""

from collections.abc import Callable

import pytest

from gate.rules.model import Cause
from gate.rules.rows import Row
from gate.rules.rulebook import email_reasons, sms_codes, sms_progress
from gate.tables import load_rulebook, read_table

Reader = Callable[[Row], object]
READERS: list[tuple[str, Reader]] = [("code", sms_codes), ("status", sms_progress), ("reason", email_reasons)]
each_table = pytest.mark.parametrize(("table", "read"), READERS)


def row(table: str, key: object, **other: object) -> dict[str, object]:
    """Return a row that has all that any of the tables asks for."""
    return {table: key, "cause": "BOUNCE", "source": "a page", **other}


@each_table
def test_a_sound_table_is_read(table: str, read: Reader) -> None:
    """The rows that the other tests spoil are sound without that."""
    assert read({table: [row(table, "one"), row(table, "two")]})


@each_table
@pytest.mark.parametrize("rows", [[], None, "one", {"one": "BOUNCE"}])
def test_an_empty_table_is_refused(table: str, read: Reader, rows: object) -> None:
    """A table that is empty, missing or no list of rows is a mistake, not a gate without rules."""
    with pytest.raises(ValueError, match=f"{table}: at least one row"):
        read({table: rows})
    with pytest.raises(ValueError, match=f"{table}: at least one row"):
        read({})


@each_table
@pytest.mark.parametrize("source", ["", "  ", None, 7])
def test_a_row_without_source_is_refused(table: str, read: Reader, source: object) -> None:
    """Each row states where it comes from, and the error names the row that does not."""
    spoilt = row(table, "one", source=source)
    if source is None:
        del spoilt["source"]

    with pytest.raises(ValueError, match=r"'one'.*source"):
        read({table: [spoilt]})


@each_table
def test_a_row_that_stands_twice_is_refused(table: str, read: Reader) -> None:
    """Two rows of one key might contradict each other."""
    with pytest.raises(ValueError, match=f"{table}: 'one' stands twice"):
        read({table: [row(table, "one"), row(table, "one")]})


@each_table
@pytest.mark.parametrize("key", [" one", "one ", "one\n", "One"])
def test_a_key_that_would_never_match_is_refused(table: str, read: Reader, key: str) -> None:
    """Keys are written as they are looked up: trimmed and in lower case."""
    with pytest.raises(ValueError, match="not trimmed and in lower case"):
        read({table: [row(table, key)]})


@each_table
@pytest.mark.parametrize("key", [30003, "", None, ["one"]])
def test_a_key_that_is_no_text_is_refused(table: str, read: Reader, key: object) -> None:
    """A code written as a number would never equal the text that the provider sends."""
    with pytest.raises(ValueError, match=table):
        read({table: [row(table, key)]})


@pytest.mark.parametrize(("table", "read"), [("code", sms_codes), ("reason", email_reasons)])
@pytest.mark.parametrize("cause", ["BOUNCED", "bounce", "", 7])
def test_an_unknown_cause_is_refused(table: str, read: Reader, cause: object) -> None:
    """A cause that the gate does not know is a mistake in the table, found when it is read."""
    with pytest.raises(ValueError, match=r"BOUNCED|bounce|cause"):
        read({table: [row(table, "one", cause=cause)]})


def test_a_code_needs_a_cause() -> None:
    """A code without effect has no row, so a row without a cause is a mistake."""
    with pytest.raises(ValueError, match="cause"):
        sms_codes({"code": [{"code": "30003", "source": "a page"}]})


@pytest.mark.parametrize(("document", "table"), [("twilio", "code"), ("twilio", "status"), ("mailgun", "reason")])
def test_the_tables_in_force_state_version_and_sources(document: str, table: str) -> None:
    """Each provider table has a version, and each of its rows a source."""
    content = read_table(document)
    rows = content[table]

    assert isinstance(rows, list)
    assert isinstance(content["version"], str)
    assert content["version"].strip()
    assert all(row["source"].strip() for row in rows)


def test_the_tables_in_force_are_the_specified_ones() -> None:
    """No row more and no row less than the rule set has."""
    rulebook = load_rulebook()

    assert rulebook.sms_codes == {
        "30003": Cause.UNREACHABLE,
        "30004": Cause.CARRIER_BLOCKED,
        "30005": Cause.UNKNOWN_NUMBER,
        "30006": Cause.LANDLINE,
        "21610": Cause.OPT_OUT,
    }
    assert rulebook.sms_progress == {"accepted", "scheduled", "queued", "sending", "sent", "delivered", "read"}
    assert rulebook.email_reasons == {
        "bounce": Cause.BOUNCE,
        "generic": Cause.GENERIC_FAILURE,
        "suppress-bounce": Cause.SUPPRESS_BOUNCE,
        "suppress-complaint": Cause.SUPPRESS_COMPLAINT,
        "suppress-unsubscribe": Cause.SUPPRESS_UNSUBSCRIBE,
        "espblock": None,
    }
    assert rulebook.enforce_possible is False
