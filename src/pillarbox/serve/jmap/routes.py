"""The routes of JMAP, for whoever runs the HTTP server (RFC 8620 §2.2, §3.1, §6, §7.3, RFC 8887).

Who the caller is stands in `request.state.account`, and what it has signed in with in `request.state.credential`, put
there by that server; nobody is answered without them. What a
`MailError` becomes is its matter too; a request that cannot be run at all is answered here.
"""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.problems import CONTENT_TYPE, ProblemKind, RequestProblem
from pillarbox.model.account import Account
from pillarbox.model.errors import BadCredentials
from pillarbox.serve.jmap.dispatch import Dispatch
from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.methods import METHODS
from pillarbox.serve.jmap.push.event_source import EventSource
from pillarbox.serve.jmap.push.stream import Places
from pillarbox.serve.jmap.push.websocket import WebSockets
from pillarbox.serve.jmap.session_object import session_of
from pillarbox.serve.jmap.transfer import Uploading, download

JSON = "application/json"
STATUSES = {
    "maxSizeRequest": 413,
    "maxSizeUpload": 413,
    "maxConcurrentRequests": 429,
    "maxConcurrentUpload": 429,
}
"""Of the limits that HTTP has its own word for; all else is 400."""

Answer = Callable[[Request, Account], Awaitable[Response]]


def jmap_routes(mail: Mail, methods: Iterable[Method] = METHODS) -> list[BaseRoute]:
    """All of them."""
    site = _Site(mail, methods)
    uploading = Uploading(mail)
    places = Places(mail.limits.push_listeners)

    async def fetch(request: Request, account: Account) -> Response:
        return await download(mail, request, account)

    return [
        Route("/.well-known/jmap", _guarded(site.session)),
        Route("/jmap/session", _guarded(site.session)),
        Route("/jmap/api", _guarded(site.api), methods=["POST"]),
        Route("/jmap/upload/{accountId}", _guarded(uploading.upload), methods=["POST"]),
        Route("/jmap/download/{accountId}/{blobId}/{name:path}", _guarded(fetch)),
        Route("/jmap/eventsource", _guarded(EventSource(mail, places).answer)),
        WebSocketRoute("/jmap/ws", WebSockets(mail, site.dispatch, places).answer),
    ]


def _guarded(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """With an account only, and with problem details for what cannot be run (RFC 8620 §3.6.1)."""

    async def endpoint(request: Request) -> Response:
        account: Account | None = request.state.account
        if account is None:
            raise BadCredentials("please sign in")
        try:
            return await answer(request, account)
        except RequestProblem as problem:
            status = STATUSES.get(problem.limit, 400)
            return JSONResponse(problem.details(status), status, media_type=CONTENT_TYPE)

    return endpoint


class _Site:
    """What answers with JSON."""

    def __init__(self, mail: Mail, methods: Iterable[Method]) -> None:
        self._mail = mail
        self.dispatch = Dispatch(mail, methods)

    async def session(self, request: Request, account: Account) -> Response:
        """RFC 8620 §2: never to be cached."""
        mail = self._mail
        seed, has_images = mail.push_subscriptions.seed, mail.remote_images.is_on
        found = session_of(mail.limits, account, _base_url(request), seed, has_images)
        return Response(
            ijson.encode(found), media_type=JSON, headers={"Cache-Control": "no-cache, no-store, must-revalidate"}
        )

    async def api(self, request: Request, account: Account) -> Response:
        """RFC 8620 §3.1."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise RequestProblem(ProblemKind.NOT_JSON, f"the content type must be {JSON}")
        body = await _body(request, self._mail.limits.jmap_request_octets)
        answer = await self.dispatch.answer(body, account, _base_url(request), request.state.credential)
        return Response(answer, media_type=JSON)


def _base_url(request: Request) -> str:
    """What the client knows us by."""
    return str(request.base_url).rstrip("/")


async def _body(request: Request, most: int) -> bytes:
    """All of it. Raises: RequestProblem, with the first octet that is too much."""
    pieces: list[bytes] = []
    octets = 0
    async for piece in request.stream():
        octets += len(piece)
        if octets > most:
            raise RequestProblem(ProblemKind.LIMIT, f"more than {most} octets", limit="maxSizeRequest")
        pieces.append(piece)
    return b"".join(pieces)
