"""JMAP over WebSocket (RFC 8887): requests, their responses, and changes, on one connection.

A request is a task of its own, so a long one holds no other up; how many there may be is the account's bound, over HTTP
and here together. Reading stops while an answer to a wrong message is not taken. A page of another site cannot open a
connection: browsers say whose page it is, and that must be ours.
"""

import asyncio
import contextlib
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap import ids, ijson
from pillarbox.grammar.jmap.problems import RequestProblem
from pillarbox.grammar.jmap.push import state_change
from pillarbox.grammar.jmap.request import Request
from pillarbox.grammar.jmap.websocket import (
    SUBPROTOCOL,
    PushEnable,
    encode_problem,
    encode_response,
    id_of,
)
from pillarbox.model.account import Account, Credential
from pillarbox.model.errors import BadCredentials, Invalid, NotAllowed, NotFound
from pillarbox.serve.jmap.dispatch import Dispatch
from pillarbox.serve.jmap.push.stream import CredentialWatch, Places, StateStream, modseq_of

POLICY_VIOLATION = 1008
"""RFC 8887 §4.2: the credentials are good no longer."""
UNSUPPORTED_DATA = 1003


class WebSockets:
    """The endpoint."""

    def __init__(self, mail: Mail, dispatch: Dispatch, places: Places) -> None:
        self._mail = mail
        self._dispatch = dispatch
        self._places = places

    async def answer(self, socket: WebSocket) -> None:
        """Raises, before the handshake: BadCredentials, NotAllowed, Invalid, RateLimited."""
        account: Account | None = socket.state.account
        if account is None:
            raise BadCredentials("please sign in")
        check_origin(socket)
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            raise Invalid(f'the subprotocol "{SUBPROTOCOL}" is spoken here (RFC 8887 §4.2)')
        with self._places.one_more(account.id):
            await socket.accept(subprotocol=SUBPROTOCOL)
            await _Conversation(self._mail, self._dispatch, socket, account, socket.state.credential).run()


def check_origin(socket: WebSocket) -> None:
    """Browsers name the page that connects (RFC 6455 §10.2), and it must be one of this host. Programs name none.

    Raises: NotAllowed.
    """
    origin = socket.headers.get("origin")
    if origin is None:
        return
    try:
        page = urlsplit(origin)
        secure = page.scheme == "https"
        here = urlsplit(f"//{socket.headers.get('host', '')}")
        can_be_ours = secure or (page.scheme == "http" and socket.scope["scheme"] == "ws")  # in the clear, anybody's
        if can_be_ours and page.hostname is not None and page.hostname == here.hostname:
            port = page.port or (443 if secure else 80)
            if port == (here.port or (443 if secure else 80)):
                return
    except ValueError:
        pass
    raise NotAllowed("a page of another site may not connect")


class _Conversation:
    """One connection after its handshake."""

    def __init__(
        self, mail: Mail, dispatch: Dispatch, socket: WebSocket, account: Account, credential: Credential
    ) -> None:
        self._mail = mail
        self._dispatch = dispatch
        self._socket = socket
        self._account = account
        self._credential = credential
        self._base_url = str(socket.base_url).rstrip("/").replace("ws", "http", 1)
        self._stream: StateStream | None = None
        self._tasks: asyncio.TaskGroup
        self._is_telling = False
        self._is_open = True

    async def run(self) -> None:
        """Until either side ends it; requests that are under way are made to their end."""
        async with asyncio.TaskGroup() as self._tasks:
            watch = CredentialWatch(self._mail, self._account.id, self._credential, self._close_soon)
            try:
                while self._is_open:
                    message = await self._socket.receive()
                    if message["type"] == "websocket.disconnect":
                        break
                    await self._hear(message.get("text"))
            except WebSocketDisconnect:
                pass
            finally:
                self._is_open = False
                watch.stop()
                self._tell_no_more()

    def _close_soon(self) -> None:
        if self._is_open:
            self._tasks.create_task(self._close(POLICY_VIOLATION))

    async def _close(self, code: int) -> None:
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(WebSocketDisconnect):
                await self._socket.close(code)

    async def _say(self, octets: bytes) -> None:
        """Wait while the client does not read. What nobody is there to hear is not said."""
        if self._is_open:
            with contextlib.suppress(WebSocketDisconnect):
                await self._socket.send_text(octets.decode())

    # what is asked

    async def _hear(self, text: str | None) -> None:
        if text is None:
            await self._close(UNSUPPORTED_DATA)  # RFC 8887 §4.3.1: text alone
            return
        message_id: str | None = None
        try:
            value = await self._dispatch.decode(text.encode())
            message_id = id_of(value)
            message = self._dispatch.read_message(value)
            if isinstance(message, Request):
                place = contextlib.ExitStack()  # taken before the task begins, left however it ends
                place.enter_context(self._dispatch.one_more(self._account.id))
                task = self._tasks.create_task(self._answer(message, message_id))
                task.add_done_callback(lambda _: place.close())
            elif isinstance(message, PushEnable):
                await self._enable(message)
            else:
                self._tell_no_more()
        except RequestProblem as problem:
            await self._say(encode_problem(problem, message_id))

    async def _answer(self, request: Request, request_id: str | None) -> None:
        try:
            account = await self._mail.accounts.get(self._account.id)
        except NotFound:
            await self._close(POLICY_VIOLATION)
            return
        response = await self._dispatch.run(request, account, self._base_url, self._credential)
        await self._say(encode_response(response, request_id))

    # what is told

    async def _enable(self, wish: PushEnable) -> None:
        """RFC 8887 §4.3.5.2: from now on, or from where the client says it is; in place of what it asked before."""
        self._tell_no_more()
        wanted = None if wish.types is None else frozenset(wish.types)
        stream = self._stream = StateStream(wanted, self._tell_soon)
        await stream.begin(self._mail, self._account, None if wish.push_state is None else modseq_of(wish.push_state))

    def _tell_no_more(self) -> None:
        if self._stream is not None:
            self._stream.end()
            self._stream = None

    def _tell_soon(self) -> None:
        if self._is_open and not self._is_telling:
            self._is_telling = True
            self._tasks.create_task(self._tell())

    async def _tell(self) -> None:
        """All that there is, as fast as the client takes it."""
        try:
            while self._is_open and (stream := self._stream) is not None and stream.has_news:
                change = state_change(
                    ids.format_account(self._account.id), stream.take(), push_state=str(stream.modseq)
                )
                await self._say(ijson.encode(change))
        finally:
            self._is_telling = False
