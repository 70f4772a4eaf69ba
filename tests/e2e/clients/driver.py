"""Drives a client in a process of its own: orders go in and answers come out as JSON lines."""

import json
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple

from tests.e2e.server import DEADLINE_S

ROOT: Final = Path(__file__).parents[3]
PATIENCE_S: Final = 3 * DEADLINE_S
"""How long a call may take where its deadline is not what is tried: all clients and gates are at work together."""


class Answer(NamedTuple):
    """How a call ended, with all responses that came before."""

    code: str
    message: str
    responses: list[dict[str, Any]]
    status: dict[str, Any]
    calls: int

    @property
    def response(self) -> dict[str, Any]:
        """The only response of a call that went well."""
        assert self.code == "OK", self
        (response,) = self.responses
        return response


class Order:
    """Something that a client was told to do."""

    def __init__(self, client: "Client", number: int) -> None:
        self._client = client
        self._lines: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._responses: list[dict[str, Any]] = []
        self.number = number

    def put(self, line: dict[str, Any]) -> None:
        """Take a line of the client's about this order; an empty one says that the client is gone."""
        self._lines.put(line)

    def response(self) -> dict[str, Any]:
        """Wait for the next response."""
        line = self._next()
        assert "response" in line, line
        self._responses.append(line["response"])
        return self._responses[-1]

    def end(self) -> Answer:
        """Wait for the end of the call and return everything that came of it."""
        while "code" not in (line := self._next()):
            self._responses.append(line["response"])
        return Answer(line["code"], line["message"], self._responses, line.get("status", {}), line.get("calls", 1))

    def silent(self, seconds: float = 0) -> bool:
        """Tell whether there is nothing new to read, and nothing comes within so many seconds."""
        try:
            self._lines.get(timeout=max(0, seconds))
        except Empty:
            return True
        return False

    def stop(self) -> "Order":
        """Tell the client to cancel the call, or to end the loop."""
        self._client.order("stop", of=self.number)
        return self

    def _next(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError(f"no answer in time: {self._client}") from None
        assert line, f"the client ended: {self._client}"
        return line


class Client:
    """One client process. Leaving the context closes its stdin, at which it must end with 0."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        self._numbers = count(1)
        self._orders: dict[int, Order] = {}
        # A proxy is no business of calls to this machine.
        environment = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def order(self, do: str, **fields: Any) -> Order:
        """Give an order."""
        order = Order(self, next(self._numbers))
        self._orders[order.number] = order
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"id": order.number, "do": do, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise AssertionError(f"the client ended: {self}") from None
        return order

    def close(self) -> None:
        """Let the client end, and see that it ended well."""
        assert self._process.stdin
        try:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            code = self._process.wait(DEADLINE_S)
        finally:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._reader.join(DEADLINE_S)
            assert self._process.stdout
            self._process.stdout.close()
        assert code == 0, self

    def __str__(self) -> str:
        """Show what the client wrote to stderr."""
        return f"{self._process.args!r}\n{self._log.read_text('utf-8', 'replace')}"

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            answer = json.loads(line)
            self._orders[answer["id"]].put(answer)
        for order in list(self._orders.values()):
            order.put({})
