"""The control socket: one JSON document a line each way, on a Unix socket that its owner alone may open (mode 0600)."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.model.errors import Unavailable

LINE_OCTETS = 64 << 20
REQUEST_SECONDS = 300.0
IDLE_SECONDS = 30.0

Answer = Callable[[Any], Awaitable[Any]]


class ControlClosed(Unavailable):
    """Nobody listens on the socket."""


class ControlServer:
    """Answers requests on a path."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; a socket that a killed process left behind is replaced."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_OCTETS)
        finally:
            os.umask(mask)

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
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


async def request(path: Path, document: Any) -> Any:
    """The answer to one document. Raises: ControlClosed when nobody listens, Unavailable when it goes wrong midway."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_OCTETS)
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControlClosed("no server is running there") from None
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from error
    try:
        writer.write(msgspec.json.encode(document) + b"\n")
        async with asyncio.timeout(REQUEST_SECONDS):
            line = await reader.readline()
    except (OSError, TimeoutError) as error:
        raise Unavailable("the server did not answer") from error
    finally:
        writer.close()
    if not line:
        raise Unavailable("the server closed without an answer")
    return msgspec.json.decode(line)
