"""The part of `sendgate review` that is about messages that may be opt-outs in the person's own words."""

from collections.abc import Iterable

import rich_click as click
from sendgate.v1 import opt_in_review_pb2 as pb
from sendgate.v1 import opt_in_review_pb2_grpc as rpc

from gate.cli.client import (
    all_option,
    connected,
    console,
    control_options,
    limit_option,
    location_option,
    pages,
    print_json,
    short,
)
from gate.cli.tables import add, channel_name, table, utc

_STATES = {short(name, "PHRASE_STATE_"): number for name, number in pb.PhraseState.items() if number}


@click.command()
@click.option("--state", type=click.Choice(list(_STATES)), help="Only messages in this state.")
@limit_option
@all_option
@location_option
@control_options
def phrases(
    state: str | None, limit: int, location: str, target: str, timeout: float, *, everything: bool, as_json: bool
) -> None:
    """List messages that may be opt-outs in the person's own words, newest first; with --json one a line.

    For instance, what waits for a decision: `sendgate review phrases --state pending`

    Exit code 0: listed. 1: failed.
    """
    request = pb.ListPossibleOptOutsRequest(
        location_id=location, state=_STATES[state] if state else pb.PHRASE_STATE_UNSPECIFIED
    )
    with connected(target) as connection:
        call = rpc.OptInReviewServiceStub(connection).ListPossibleOptOuts
        for page in pages(call, request, "possible_opt_outs", None if everything else limit, timeout):
            _print(page.possible_opt_outs, as_json=as_json)


@click.command()
@click.argument("phrase")
@control_options
def confirm(phrase: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Say that a message was an opt-out: it takes effect as of the message's time.

    For instance: `sendgate review confirm 1042`, with an id that `phrases` printed.

    Exit code 0: confirmed. 1: failed, or decided before.
    """
    with connected(target) as connection:
        request = pb.ConfirmPossibleOptOutRequest(phrase_id=phrase)
        response = rpc.OptInReviewServiceStub(connection).ConfirmPossibleOptOut(request, timeout=timeout)
    _print([response.possible_opt_out], as_json=as_json)


@click.command()
@click.argument("phrase")
@control_options
def dismiss(phrase: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Say that a message was no opt-out: nothing changes.

    For instance: `sendgate review dismiss 1042`, with an id that `phrases` printed.

    Exit code 0: dismissed. 1: failed, or decided before.
    """
    with connected(target) as connection:
        request = pb.DismissPossibleOptOutRequest(phrase_id=phrase)
        response = rpc.OptInReviewServiceStub(connection).DismissPossibleOptOut(request, timeout=timeout)
    _print([response.possible_opt_out], as_json=as_json)


def _print(phrases: Iterable[pb.PossibleOptOut], *, as_json: bool) -> None:
    listing = table("phrase", "state", "contact", "address", "channel", "sent (UTC)", "text", "decided by")
    for each in phrases:
        if as_json:
            print_json(each)
            continue
        add(
            listing,
            each.phrase_id,
            short(pb.PhraseState.Name(each.state), "PHRASE_STATE_"),
            each.contact_id,
            each.address,
            channel_name(each.channel),
            utc(each.occur_time),
            each.body,
            each.decider,
        )
    if not as_json:
        console.print(listing)
