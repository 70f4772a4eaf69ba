"""Addresses to listen on: each must be free, and what is wrong with one that is not is said in a line."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.errors import StartError
from gate.settings import UNIX, split_host_port


def listening_socket(address: str, backlog: int, unix_mode: int = 0o600) -> tuple[socket.socket, str]:
    """Listen on an address; return the socket and the address with the port that was chosen for `:0`.

    Raises StartError.
    """
    if address.startswith(UNIX):
        path = _free_socket_file(address)
        sock = socket.socket(socket.AF_UNIX)
        try:
            with socket_mode(path, unix_mode):
                sock.bind(str(path))
            sock.listen(backlog)
        except OSError as error:
            sock.close()
            raise StartError(f"listen {address}: {error.strerror or error}; name another path") from error
        return sock, address
    sock = _bound(address)
    sock.listen(backlog)
    return sock, f"{split_host_port(address)[0]}:{sock.getsockname()[1]}"


def need_free(address: str) -> None:
    """Find out whether an address is free before a library does, whose error is many lines long. Raises StartError."""
    if address.startswith(UNIX):
        _free_socket_file(address)
        return
    with _bound(address) as probe:
        probe.listen()


@contextmanager
def socket_mode(path: Path, mode: int) -> Iterator[None]:
    """Give the socket that is made meanwhile its mode; in no moment may more users connect."""
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)
    path.chmod(mode)


def _bound(address: str) -> socket.socket:
    host, port = split_host_port(address)
    sock = None
    try:
        family, kind, _, _, target = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind)
        # A port whose last connections are still being closed is free; one that somebody listens on is not.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(target)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise StartError(f"listen {address}: {error.strerror}; name another address or stop what uses it") from error
    return sock


def _free_socket_file(address: str) -> Path:
    """Remove a socket file that nobody listens on any more; a live one is an error."""
    path = Path(address.removeprefix(UNIX))
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise StartError(f"listen {address}: a file is in the way that is no socket; name another path")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
    except FileNotFoundError:
        _check_directory(address, path)
    except OSError as error:
        if error.errno != errno.ECONNREFUSED:
            raise StartError(f"listen {address}: {error.strerror}") from error
        path.unlink(missing_ok=True)
    else:
        raise StartError(f"listen {address}: another server listens there; stop it or name another path")
    return path


def _check_directory(address: str, path: Path) -> None:
    if not os.access(path.parent, os.W_OK):
        raise StartError(f"listen {address}: {path.parent} is no writable directory; create it or name another path")
