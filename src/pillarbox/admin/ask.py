"""Asks for something to be done: of the running server by its control socket, else of the store itself.

Whoever holds the lock on the data folder is the only writer: if nobody answers and the lock is free, this process
takes it for the moment. A lock or a socket that a killed server left behind is in nobody's way.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from pillarbox.app.server import open_operator
from pillarbox.model.errors import MailError, Unavailable
from pillarbox.store.lock import FolderInUse
from pillarbox.wire.unix import ControlClosed, request

PATIENCE_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.05


class RequestRefused(MailError):
    """The server's own words."""


def ask(folder: Path, request_name: str, /, **arguments: Any) -> Any:
    """The answer, as JSON values.

    Raises: MailError with a line for people.
    """
    return asyncio.run(_ask(folder, request_name, arguments))


async def _ask(folder: Path, name: str, arguments: dict[str, Any]) -> Any:
    if not (folder / "pillarbox.toml").is_file():
        raise Unavailable(f"{folder} holds no pillarbox.toml: make it with `pillarbox init`, or name another --data")
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await _ask_once(folder, name, arguments)
        except FolderInUse:
            # A server that starts or ends, or another command: each of them is done with it, or answers, soon.
            if time.monotonic() > limit:
                raise
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _ask_once(folder: Path, name: str, arguments: dict[str, Any]) -> Any:
    try:
        answer = await request(folder / "control.sock", {"request": name, "arguments": arguments})
    except ControlClosed:
        async with open_operator(folder) as operator:
            return await operator.answer(name, arguments)
    if "error" in answer:
        raise RequestRefused(answer["error"])
    return answer["answer"]
