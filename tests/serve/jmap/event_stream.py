"""A client of an event source, for tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
from jmap_site import Site

from pillarbox.grammar.jmap.push import Event, parse_event

PATIENCE_SECONDS = 15.0


class Events:
    """What comes, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._pieces = response.aiter_raw()
        self._held = b""

    async def next(self) -> Event:
        """The next event or comment. Raises: StopAsyncIteration at the end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while b"\n\n" not in self._held:
                self._held += await anext(self._pieces)
            block, _, self._held = self._held.partition(b"\n\n")
            return parse_event(block)

    async def states(self) -> dict[str, str]:
        """Of the one account in the next event."""
        event = await self.next()
        assert (event.name, event.data is None) == ("state", False), event
        assert event.data["@type"] == "StateChange"
        ((_, states),) = event.data["changed"].items()
        return states

    async def end(self) -> list[Event]:
        """All that still comes until the server ends it."""
        found = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                found.append(await self.next())
        return found


@contextlib.asynccontextmanager
async def listening(
    site: Site, types: str = "*", *, closeafter: str = "no", ping: int = 0, headers: dict[str, str] | None = None
) -> AsyncIterator[Events]:
    """An event source that is open: its first block, which names the place in time, has come."""
    query = {"types": types, "closeafter": closeafter, "ping": str(ping)}
    auth = httpx.Auth() if headers is not None and "Authorization" in headers else site.http.auth
    async with site.http.stream("GET", "/jmap/eventsource", params=query, headers=headers, auth=auth) as response:
        assert response.status_code == 200, await response.aread()
        events = Events(response)
        first = await events.next()
        assert (first.name, first.data) == ("", None)
        assert first.id is not None
        yield events
