"""Asks for something to be done: of the running server by its control socket, else of the store itself.

Whoever holds the lock on the data folder is the only writer: if nobody answers and the lock is free, this process
takes it for the moment. A lock or a socket that a killed server left behind is in nobody's way.
"""

import asyncio
from pathlib import Path
from typing import Any

from pillarbox.app.server import open_operator
from pillarbox.model.errors import MailError, Unavailable
from pillarbox.wire.unix import ControlClosed, request


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
    try:
        answer = await request(folder / "control.sock", {"request": name, "arguments": arguments})
    except ControlClosed:
        async with open_operator(folder) as operator:
            return await operator.answer(name, arguments)
    if "error" in answer:
        raise RequestRefused(answer["error"])
    return answer["answer"]
