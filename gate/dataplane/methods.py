"""The methods that are served, as the generated code registers them: as grpc's method handlers."""

from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import Any


class Method:
    """A unary method, or one that answers with a stream."""

    __slots__ = ("asks_who", "at_once", "behaviour", "path", "read", "spared", "streams", "write")

    def __init__(self, path: str, handler: Any) -> None:
        self.path = path
        self.spared = path.startswith("/grpc.health.")
        """Whether it is answered even where there are too many connections."""
        self.streams: bool = handler.response_streaming
        self.behaviour: Callable[[Any, Any], Any] = handler.unary_stream if self.streams else handler.unary_unary
        plain = getattr(self.behaviour, "at_once", None)
        self.at_once: Callable[..., Any] | None = plain and MethodType(plain, handler.unary_unary.__self__)
        """The method without a coroutine around it, if it has such a form; asked again with one if it raises.

        What it returns may be the bytes of the message already.
        """
        self.asks_who: bool = getattr(self.behaviour, "asks_who", False)
        """Whether that form takes the context too."""
        self.read: Callable[[bytes], Any] = handler.request_deserializer
        self.write: Callable[[Any], bytes] = handler.response_serializer


class Methods:
    """Takes `add_*Servicer_to_server`'s registration in a server's place."""

    def __init__(self) -> None:
        self._methods: dict[bytes, Method] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Ignore the older form of what `add_registered_method_handlers` gets."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Add the methods of a service; those whose requests are streams are not served here."""
        for name, handler in handlers.items():
            if not handler.request_streaming:
                path = f"/{service}/{name}"
                self._methods[path.encode()] = Method(path, handler)

    def find(self, path: bytes) -> Method | None:
        """Return the method at a path."""
        return self._methods.get(path)
