"""Bytes that nobody means: nothing is raised, and neither memory nor answers grow out of proportion."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz_dataplane import attempt, legal, mutated, some_frame
from tests.unit.dataplane_peer import ACK, PREFACE, Client, Kind, frame, split
from tests.unit.dataplane_peer import settings as settings_frame


@pytest.mark.parametrize("start", range(0, 4_000, 1_000))
def test_spoilt_traffic(start: int) -> None:
    """Of some thousand clients that send nonsense, none makes the gate raise, hoard or shout."""
    for seed in range(start, start + 1_000):
        attempt(seed)


@given(octets=st.binary(max_size=200), greeted=st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_bytes(octets: bytes, *, greeted: bool) -> None:
    """Any bytes, with or without a greeting before them, are answered in whole frames."""
    client = Client()
    if greeted:
        client.greet()

    list(split(client.connection.take()))
    client.connection.receive(octets)
    list(split(client.connection.take()))


@pytest.mark.parametrize("seed", range(150))
def test_spoilt_traffic_means_the_same_in_any_pieces(seed: int) -> None:
    """What is answered to illegal traffic does not depend on how it was cut either, faults and their codes included."""
    random = Random(seed)  # noqa: S311  to repeat a failure
    octets = PREFACE + settings_frame() + frame(Kind.SETTINGS, ACK, 0)
    octets += mutated(legal(random), random) if seed % 2 else b"".join(some_frame(random) for _ in range(20))
    at_once, in_pieces = Client(), Client()

    at_once.connection.receive(octets)
    for place in range(0, len(octets), 3):
        in_pieces.connection.receive(octets[place : place + 3])

    answered = [
        [each for each in split(client.connection.take()) if each.kind != Kind.WINDOW_UPDATE]
        for client in (at_once, in_pieces)
    ]
    assert answered[0] == answered[1]
    assert at_once.connection.closed == in_pieces.connection.closed
