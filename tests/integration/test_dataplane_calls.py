"""Calls on the event loop: at once without a task, or as one that ends by answer, deadline, cancellation or fault."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.integration.dataplane_client import Client, eventually, served
from tests.unit.dataplane_peer import Code, Kind, frame, framed, word

OVER = pytest.mark.parametrize("pauses", ["", "turn", "future", "future, turn"])
"""What a method waits for before it is over."""


async def wait_for(pauses: str) -> None:
    """Wait for a turn of the loop, for a future, for one after the other, or for nothing."""
    for pause in pauses.split(", "):
        if pause == "turn":
            await asyncio.sleep(0)
        elif pause == "future":
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future


class Waiting:
    """A method that waits until the test lets it go on, and tells how it ended."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.began = 0
        self.ended: list[str] = []

    async def method(self, request: bytes, _: Any) -> bytes:
        """Wait."""
        self.began += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("answered")
        return request


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Choose a Unix socket."""
    return f"unix:{tmp_path}/data.sock"


async def test_a_hit_makes_no_task(address: str) -> None:
    """A method that never pauses is answered in the same turn of the loop, outside any task."""
    tasks: list[Any] = []

    async def look(request: bytes, _: Any) -> bytes:
        tasks.append(asyncio.current_task())
        return request

    async with served(address, Look=look) as (_, bound):
        client = await Client.connect(bound)
        before = asyncio.all_tasks()
        for stream_id in range(1, 41, 2):
            client.ask(stream_id, "Look", b"word")
        assert (await client.answer(39)).body == framed(b"word")

        assert asyncio.all_tasks() <= before
        assert tasks == [None] * 20
        client.close()


async def test_a_call_may_pause_and_go_on(address: str) -> None:
    """A method that waits goes on from where it paused, while others are answered."""
    waiting = Waiting()

    async def turns(request: bytes, _: Any) -> bytes:
        for _ in range(3):
            await asyncio.sleep(0)
        return await asyncio.ensure_future(waiting.method(request, None))

    async with served(address, Turns=turns) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Turns", b"late")
        client.ask(3, "Echo", b"early")
        assert (await client.answer(3)).body == framed(b"early")
        await eventually(lambda: waiting.began, "began")
        waiting.go.set()

        assert (await client.answer(1)).body == framed(b"late")
        client.close()


@pytest.mark.parametrize("name", ["Wait", "Stream"])
async def test_a_deadline_ends_a_call(address: str, name: str) -> None:
    """A call whose time is over is answered so, and the method is cancelled."""
    waiting = Waiting()

    async def stream(request: bytes, context: Any) -> Any:
        yield b"first"
        yield await waiting.method(request, context)

    async with served(address, Wait=waiting.method, Stream=stream) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, name, grpc_timeout=b"30m")

        answer = await client.answer(1)

        assert answer.status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
        assert answer.body == (framed(b"first") if name == "Stream" else b"")
        await eventually(lambda: waiting.ended == ["cancelled"], "cancelled")
        client.close()


async def test_no_time_at_all(address: str) -> None:
    """A call whose time is over when it comes is not begun; one without a limit has no time remaining."""
    remaining: list[float | None] = []

    async def look(request: bytes, context: Any) -> bytes:
        remaining.append(context.time_remaining())
        return request

    async with served(address, Look=look) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Look", grpc_timeout=b"0S")
        client.ask(3, "Look", grpc_timeout=b"10S")
        client.ask(5, "Look")

        assert (await client.answer(1)).status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
        await client.answer(5)
        assert remaining[1:] == [None]
        assert 9 < (remaining[0] or 0) <= 10
        client.close()


@pytest.mark.parametrize("how", ["reset", "reset in the same read", "hang up"])
async def test_a_client_gives_up(address: str, how: str) -> None:
    """A call that nobody waits for is cancelled, as the method hears by CancelledError where it paused."""
    waiting = Waiting()
    async with served(address, Wait=waiting.method) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Wait")
        if how != "reset in the same read":
            await eventually(lambda: waiting.began, "began")
        client.close() if how == "hang up" else client.send(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)))

        await eventually(lambda: waiting.ended, "ended")

        assert (waiting.began, waiting.ended) == (1, ["cancelled"])
        client.close()


async def test_a_client_gives_up_as_the_wait_is_over(address: str) -> None:
    """A method hears of it even if what it waited for is done, as a task would; the others do not notice."""
    waiting = Waiting()
    async with served(address, Wait=waiting.method) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Wait")
        await eventually(lambda: waiting.began, "began")
        (link,) = server._links  # noqa: SLF001  in the same turn of the loop

        waiting.go.set()
        link.connection.receive(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)))

        await eventually(lambda: waiting.ended, "ended")
        assert waiting.ended == ["cancelled"]
        client.ask(3, "Echo", b"word")
        assert (await client.answer(3)).body == framed(b"word")
        client.close()


async def test_a_method_that_pauses_twice_is_a_task(address: str) -> None:
    """From its second pause on a method has a current task, and ends with its call."""
    waiting = Waiting()
    tasks: list[Any] = []

    async def pause(request: bytes, context: Any) -> bytes:
        await wait_for("future, turn")
        tasks.append(asyncio.current_task())
        return await waiting.method(request, context)

    async with served(address, Pause=pause) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Pause")
        await eventually(lambda: waiting.began, "began")
        client.send(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)))

        await eventually(lambda: waiting.ended, "ended")

        assert waiting.ended == ["cancelled"]
        assert None not in tasks
        client.close()


async def test_what_must_be_finished_is(address: str) -> None:
    """A cancelled method may shield what it began."""
    waiting = Waiting()

    async def write(request: bytes, _: Any) -> bytes:
        return await asyncio.shield(waiting.method(request, None))

    async with served(address, Write=write) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Write")
        await eventually(lambda: waiting.began, "began")
        client.send(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)))
        client.ask(3, "Echo")
        await client.answer(3)
        waiting.go.set()

        await eventually(lambda: waiting.ended, "ended")

        assert waiting.ended == ["answered"]
        client.close()


FAULTS: dict[str, Any] = {
    "an exception": ValueError("a bug"),
    "a cancellation of its own": asyncio.CancelledError(),
    "an answer that cannot be written": None,
}


@OVER
@pytest.mark.parametrize("error", FAULTS.values(), ids=FAULTS.keys())
async def test_a_method_that_fails(address: str, error: Any, caplog: pytest.LogCaptureFixture, pauses: str) -> None:
    """A fault of a method is answered without its details, whatever it is; the connection and other calls go on."""

    async def fail(_: bytes, __: Any) -> Any:
        await wait_for(pauses)
        if error is not None:
            raise error
        return 7

    caplog.set_level(logging.CRITICAL)
    async with served(address, Fail=fail) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Fail")
        client.ask(3, "Echo", b"word")

        answer = await client.answer(1)
        other = await client.answer(3) if 3 not in {each.stream_id for each in client.heard} else None

        assert (answer.status, answer.body) == (grpc.StatusCode.UNKNOWN.value[0], b"")
        assert b"bug" not in answer.message
        client.ask(5, "Echo", b"again")
        assert (await client.answer(5)).body == framed(b"again")
        assert other is None or other.status == 0
        client.close()


@OVER
async def test_a_method_aborts(address: str, pauses: str) -> None:
    """A method ends its call with a status, details and metadata of its choice."""

    async def abort(_: bytes, context: Any) -> bytes:
        await wait_for(pauses)
        await context.abort(grpc.StatusCode.ABORTED, "no: 100 %", (("x-why", "because"), ("y-bin", b"\0")))
        return b"never"

    async with served(address, Abort=abort) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Abort")

        head = (await client.answer(1)).head

        assert (head[b"grpc-status"], head[b"grpc-message"]) == (b"10", b"no: 100 %25")
        assert (head[b"x-why"], head[b"y-bin"]) == (b"because", b"AA")
        client.close()


@OVER
async def test_trailing_metadata(address: str, pauses: str) -> None:
    """What a method adds to its answer follows it."""

    async def add(request: bytes, context: Any) -> bytes:
        await wait_for(pauses)
        context.set_trailing_metadata((("x-took", "1"),))
        return request

    async with served(address, Add=add) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Add", b"word")

        answer = await client.answer(1)

        assert (answer.status, answer.body, answer.trailers[b"x-took"]) == (0, framed(b"word"), b"1")
        client.close()


async def test_a_message_that_the_method_cannot_read(address: str) -> None:
    """A message of another shape is refused, and the method not begun."""
    async with served(address) as (server, bound):
        method = server.methods.find(b"/test.Words/Echo")
        method.read = bytes.decode
        client = await Client.connect(bound)
        client.ask(1, "Echo", b"\xff")

        assert (await client.answer(1)).status == grpc.StatusCode.INTERNAL.value[0]
        client.close()
