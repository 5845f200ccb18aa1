"""The control socket: one JSON document a line each way, on a Unix socket that its owner alone may open (mode 0600)."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.model.errors import Unavailable

LINE_OCTETS = 64 << 20
NAME_OCTETS = 107
REQUEST_SECONDS = 300.0
IDLE_SECONDS = 30.0

Answer = Callable[[Any], Awaitable[Any]]


@contextlib.contextmanager
def _short_name(path: Path) -> Iterator[str]:
    """A name of the path that fits into a socket address, which has room for 107 octets: by way of its folder."""
    if len(os.fsencode(path)) <= NAME_OCTETS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlClosed(Unavailable):
    """Nobody listens on the socket."""


class ControlServer:
    """Answers requests on a path."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; a socket that a killed process left behind is replaced. Raises: Unavailable."""
        listening = socket.socket(socket.AF_UNIX)
        listening.setblocking(False)
        try:
            self._path.unlink(missing_ok=True)
            with _short_name(self._path) as name:
                listening.bind(name)
            self._path.chmod(0o600)  # before `listen` nobody can connect; the process's umask stays as it is
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LINE_OCTETS)
        except OSError as error:
            listening.close()
            raise Unavailable(f"cannot listen on {self._path}: {error.strerror or error}") from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                line = await reader.readline()
            if line:
                answer = await self._answer(msgspec.json.decode(line))
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return  # whoever asked has gone, or spoke no JSON: there is nobody to tell
        finally:
            writer.close()

    async def close(self) -> None:
        """Listen no more, and remove the socket."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)


async def request(path: Path, document: Any) -> Any:
    """The answer to one document. Raises: ControlClosed when nobody listens, Unavailable when it goes wrong midway."""
    try:
        with _short_name(path) as name:
            reader, writer = await asyncio.open_unix_connection(name, limit=LINE_OCTETS)
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControlClosed("no server is running there") from None
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror or error}") from error
    try:
        writer.write(msgspec.json.encode(document) + b"\n")
        async with asyncio.timeout(REQUEST_SECONDS):
            line = await reader.readline()
        if not line.endswith(b"\n"):
            raise Unavailable("the server closed without an answer")
        return msgspec.json.decode(line)
    except (OSError, TimeoutError, ValueError) as error:
        raise Unavailable("the server did not answer") from error
    finally:
        writer.close()
