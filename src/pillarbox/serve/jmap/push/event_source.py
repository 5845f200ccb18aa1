"""The event source: a response that has no end, to which events are appended (RFC 8620 §7.3).

While nothing happens there is one task, which waits for the client to go, and no other. A task that writes exists
while there is something to write; it waits where the client does not read, and what comes meanwhile is merged.
"""

import asyncio
import re

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap import ids
from pillarbox.grammar.jmap.push import CONTENT_TYPE, NOTHING, Event, format_event, state_change
from pillarbox.model.account import Account, Credential
from pillarbox.model.errors import Invalid
from pillarbox.serve.jmap.push.stream import CredentialWatch, Places, StateStream, modseq_of

PING_LEAST_SECONDS = 1
PING_MOST_SECONDS = 900
"""RFC 8620 §7.3: not above 30, not below 300."""
SILENCE_SECONDS = 300.0
"""Without pings: a comment after so long, or a client that is gone would be kept for ever."""
HEADERS = [(b"content-type", CONTENT_TYPE.encode()), (b"x-accel-buffering", b"no")]
_NUMBER = re.compile(r"[0-9]{1,9}")


class Wish(msgspec.Struct, frozen=True):
    """What the client asks for: `types` None is all, `ping_seconds` 0 is none, `since` None is now."""

    types: frozenset[str] | None
    closes_after_state: bool
    ping_seconds: int
    since: int | None


def read_wish(query: QueryParams, last_event_id: str | None) -> Wish:
    """Raises: Invalid."""
    types, close_after, ping = (query.get(name) for name in ("types", "closeafter", "ping"))
    if not types:
        raise Invalid('"types" must be a list of types with commas between them, or *')
    if close_after not in ("state", "no"):
        raise Invalid('"closeafter" must be state or no')
    if ping is None or not _NUMBER.fullmatch(ping):
        raise Invalid('"ping" must be a number of seconds')
    seconds = int(ping)
    return Wish(
        None if types == "*" else frozenset(types.split(",")),
        close_after == "state",
        min(max(seconds, PING_LEAST_SECONDS), PING_MOST_SECONDS) if seconds else 0,
        None if last_event_id is None else modseq_of(last_event_id),
    )


class EventSource:
    """The route."""

    def __init__(self, mail: Mail, places: Places) -> None:
        self._mail = mail
        self._places = places

    async def answer(self, request: Request, account: Account) -> Response:
        """RFC 8620 §7.3. Raises: Invalid, RateLimited, NotFound (account)."""
        wish = read_wish(request.query_params, request.headers.get("last-event-id"))
        return _Events(self._mail, account, request.state.credential, wish, self._places)


class _Events(Response):
    """One response."""

    def __init__(self, mail: Mail, account: Account, credential: Credential, wish: Wish, places: Places) -> None:
        super().__init__()
        self._mail = mail
        self._account = account
        self._credential = credential
        self._wish = wish
        self._places = places
        self._account_id = ids.format_account(account.id)
        self._stream = StateStream(wish.types, self._write_soon)
        self._tasks: asyncio.TaskGroup | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_writing = False
        self._is_silent = False
        self._is_done = False
        self._send: Send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, until either side ends it."""
        self._send = send
        with self._places.one_more(self._account.id):
            watch = CredentialWatch(self._mail, self._account.id, self._credential, self._stream.finish)
            try:
                await self._stream.begin(self._mail, self._account, self._wish.since)
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                if scope["method"] == "HEAD":
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
                async with asyncio.TaskGroup() as tasks:
                    await self._run(tasks, receive)
            finally:
                self._stream.end()
                watch.stop()

    async def _run(self, tasks: asyncio.TaskGroup, receive: Receive) -> None:
        self._tasks = tasks
        try:
            await self._append(format_event(Event(id=str(self._stream.modseq))))
            self._wait_for_ping()
            self._write_soon()
            while (await receive())["type"] != "http.disconnect":
                continue
        finally:
            self._is_done = True
            self._tasks = None
            if self._timer is not None:
                self._timer.cancel()

    def _write_soon(self) -> None:
        if self._tasks is not None and not self._is_writing:
            self._is_writing = True
            self._tasks.create_task(self._write())

    async def _write(self) -> None:
        """All that there is to say, as fast as the client takes it."""
        try:
            while not self._is_done and (self._stream.has_news or self._is_silent or self._stream.is_over):
                if self._stream.is_over:
                    self._is_done = True
                    await self._append(b"", more=False)
                elif self._stream.has_news:
                    await self._say_states()
                else:
                    await self._append(self._ping())
                self._wait_for_ping()
        finally:
            self._is_writing = False

    async def _say_states(self) -> None:
        change = state_change(self._account_id, self._stream.take())
        await self._append(format_event(Event("state", change, str(self._stream.modseq))))
        if self._wish.closes_after_state:
            self._stream.finish()

    async def _append(self, octets: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": octets, "more_body": more})

    def _ping(self) -> bytes:
        if not self._wish.ping_seconds:
            return NOTHING
        return format_event(Event("ping", {"interval": self._wish.ping_seconds}))

    def _wait_for_ping(self) -> None:
        """From now on, since something was said just now."""
        self._is_silent = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_done:
            seconds = self._wish.ping_seconds or SILENCE_SECONDS
            self._timer = asyncio.get_running_loop().call_later(seconds, self._note_silence)

    def _note_silence(self) -> None:
        self._timer = None
        self._is_silent = True
        self._write_soon()
