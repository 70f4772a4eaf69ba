"""`sendgate review`: evidence of opt-ins, and messages that may be opt-outs, for support."""

from collections.abc import Iterable

import rich_click as click
from sendgate.v1 import opt_in_review_pb2 as pb
from sendgate.v1 import opt_in_review_pb2_grpc as rpc

from gate.cli.client import (
    CHANNELS,
    Group,
    all_option,
    channel_choice,
    connected,
    console,
    control_options,
    limit_option,
    location_option,
    pages,
    print_json,
    short,
)
from gate.cli.phrases import confirm, dismiss, phrases
from gate.cli.tables import add, channel_name, suppression_table, table, utc

Single = pb.SubmitOptInResponse | pb.GetOptInResponse | pb.ApproveOptInResponse | pb.RejectOptInResponse

_STATES = {short(name, "OPT_IN_STATE_"): number for name, number in pb.OptInState.items() if number}


@click.group(cls=Group)
def review() -> None:
    """Open a channel that only support may open, and decide on messages that may be opt-outs.

    An agency submits the evidence of an opt-in, support approves or rejects it: `sendgate review submit`, `approve`.
    Messages like "please stop texting me" wait in `sendgate review phrases`.
    """


review.add_command(phrases)
review.add_command(confirm)
review.add_command(dismiss)


@review.command()
@click.option("--contact", required=True, metavar="ID", help="The person.")
@click.option("--channel", required=True, type=channel_choice, help="The channel to be opened.")
@click.option("--number", "numbers", required=True, multiple=True, help="A relationship number; may be repeated.")
@click.option("--recording", required=True, metavar="URI", help="The screen recording that shows the opt-in.")
@click.option("--note", default="", help="Anything else.")
@location_option
@control_options
def submit(
    contact: str,
    channel: str,
    numbers: tuple[str, ...],
    recording: str,
    note: str,
    location: str,
    target: str,
    timeout: float,
    *,
    as_json: bool,
) -> None:
    """Share the evidence of an opt-in with support. Nothing is lifted until it is approved.

    For instance:
    `sendgate review submit --contact c1 --channel sms --number 0-123-456 --recording https://example.com/r/1`

    Exit code 0: submitted. 1: failed.
    """
    request = pb.SubmitOptInRequest(
        location_id=location,
        contact_id=contact,
        channel=CHANNELS[channel],
        relationship_numbers=numbers,
        recording_uri=recording,
        note=note,
    )
    with connected(target) as connection:
        response = rpc.OptInReviewServiceStub(connection).SubmitOptIn(request, timeout=timeout)
    _print(response, as_json=as_json)


@review.command()
@click.argument("review")
@control_options
def show(review: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Show a review with its evidence and what became of it.

    For instance: `sendgate review show 0198c0de`, with an id that `submit` or `list` printed.

    Exit code 0: shown. 1: failed, or there is no such review.
    """
    with connected(target) as connection:
        response = rpc.OptInReviewServiceStub(connection).GetOptIn(
            pb.GetOptInRequest(review_id=review), timeout=timeout
        )
    _print(response, as_json=as_json)


@review.command("list")
@click.option("--state", type=click.Choice(list(_STATES)), help="Only reviews in this state.")
@limit_option
@all_option
@location_option
@control_options
def list_(
    state: str | None, limit: int, location: str, target: str, timeout: float, *, everything: bool, as_json: bool
) -> None:
    """List a location's reviews, newest first; with --json one a line.

    For instance, what waits for a decision: `sendgate review list --state pending`

    Exit code 0: listed. 1: failed.
    """
    request = pb.ListOptInsRequest(location_id=location, state=_STATES[state] if state else pb.OPT_IN_STATE_UNSPECIFIED)
    with connected(target) as connection:
        call = rpc.OptInReviewServiceStub(connection).ListOptIns
        for page in pages(call, request, "reviews", None if everything else limit, timeout):
            _print_reviews(page.reviews, as_json=as_json)


@review.command()
@click.argument("review")
@click.option("--note", default="", help="Why, for the history.")
@control_options
def approve(review: str, note: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Take the evidence for an opt-in: the channel is opened as of the time of the submission.

    A suppression that came later, or that is not a review's to lift, remains, and is listed.
    For instance: `sendgate review approve 0198c0de --note "recording shows the form"`

    Exit code 0: approved. 1: failed, or decided before.
    """
    with connected(target) as connection:
        request = pb.ApproveOptInRequest(review_id=review, note=note)
        response = rpc.OptInReviewServiceStub(connection).ApproveOptIn(request, timeout=timeout)
    _print(response, as_json=as_json)
    if not as_json:
        _print_remaining(response)


@review.command()
@click.argument("review")
@click.option("--note", default="", help="Why, for the history.")
@control_options
def reject(review: str, note: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Decline the evidence: nothing is lifted.

    For instance: `sendgate review reject 0198c0de --note "the recording shows another form"`

    Exit code 0: rejected. 1: failed, or decided before.
    """
    with connected(target) as connection:
        request = pb.RejectOptInRequest(review_id=review, note=note)
        response = rpc.OptInReviewServiceStub(connection).RejectOptIn(request, timeout=timeout)
    _print(response, as_json=as_json)


def _print(response: Single, *, as_json: bool) -> None:
    if as_json:
        print_json(response)
        return
    each = response.review
    sheet = table("review", each.review_id)
    for name, value in (
        ("state", short(pb.OptInState.Name(each.state), "OPT_IN_STATE_")),
        ("location", each.location_id),
        ("contact", each.contact_id),
        ("channel", channel_name(each.channel)),
        ("relationship numbers", "\n".join(each.relationship_numbers)),
        ("recording", each.recording_uri),
        ("note", each.note),
        ("submitted (UTC)", utc(each.submit_time)),
        ("submitted by", each.submitter),
        ("decided (UTC)", utc(each.decide_time)),
        ("decided by", each.decider),
        ("decision note", each.decision_note),
    ):
        add(sheet, name, value)
    console.print(sheet)


def _print_remaining(response: pb.ApproveOptInResponse) -> None:
    channel, record = response.review.channel, response.contact
    remaining = [*record.suppressions]
    for each in record.channels:
        if each.channel == channel:
            remaining += each.suppressions
    if remaining:
        console.print(f"{channel_name(channel)} stays in DND:")
        console.print(suppression_table(remaining))
    else:
        console.print(f"no suppression remains on {channel_name(channel)}")


def _print_reviews(reviews: Iterable[pb.OptInReview], *, as_json: bool) -> None:
    listing = table("review", "state", "contact", "channel", "submitted (UTC)", "by", "decided (UTC)", "by")
    for each in reviews:
        if as_json:
            print_json(each)
            continue
        add(
            listing,
            each.review_id,
            short(pb.OptInState.Name(each.state), "OPT_IN_STATE_"),
            each.contact_id,
            channel_name(each.channel),
            utc(each.submit_time),
            each.submitter,
            utc(each.decide_time),
            each.decider,
        )
    if not as_json:
        console.print(listing)
