"""The application that the listeners serve: routes from those who have something to say, behind what all share.

The clear port answers on loopback only and sends everybody else to the encrypted one (RFC 9110 §15.4.9). A bug is
logged here, once, and answered with 500; nothing that a handler raises goes further.
"""

from collections.abc import Sequence

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from pillarbox.core.mail import Mail
from pillarbox.model.errors import MailError
from pillarbox.serve.http.authentication import Authentication, refusal
from pillarbox.serve.http.head import HOST
from pillarbox.serve.http.headers import Headers, HttpDate
from pillarbox.serve.http.metrics import CountedRequests, Metrics
from pillarbox.serve.http.peer import is_encrypted, is_loopback
from pillarbox.serve.http.replies import status_of

BUG = "something went wrong in the server; its log tells more\n"

log = structlog.get_logger("http")


class ToEncrypted:
    """ASGI middleware: the clear port is for this machine alone."""

    def __init__(self, app: ASGIApp, hostname: str, https_port: int) -> None:
        self._app = app
        self._hostname = hostname
        self._port = "" if https_port == 443 else f":{https_port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect what came in the clear from elsewhere; a WebSocket cannot be, so it is refused."""
        if is_encrypted(scope) or is_loopback(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await Response("this needs an encrypted connection\n", 403, media_type="text/plain")(scope, receive, send)
        else:
            query = scope["query_string"].decode("latin-1")
            path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
            await RedirectResponse(f"https://{self._host(scope)}{self._port}{path}", 308)(scope, receive, send)

    def _host(self, scope: Scope) -> str:
        """The name that the client knows us by, else our own."""
        said = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if not HOST.fullmatch(said):
            return self._hostname
        host = said.decode("ascii")
        return host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]


class EndOfBugs:
    """ASGI middleware: the one place where what a handler raised ends, with 500 if there is nothing yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log a bug with its traceback; a peer that has gone is none."""
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except (ClientDisconnect, WebSocketDisconnect):
            return
        except Exception:
            log.exception("request.bug")
            if not has_begun:
                await Response(BUG, 500, media_type="text/plain")(scope, receive, send)


async def _on_mail_error(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, MailError)
    if status_of(error) >= 500:
        log.warning("request.refused", status=error.text)
    answer = refusal(error, connection.scope)
    if isinstance(connection, WebSocket):
        if connection.application_state is WebSocketState.CONNECTING:
            await connection.send_denial_response(answer)
        else:
            await connection.close(1011, error.text)
    return answer


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(f"{error.detail}\n", error.status_code, dict(error.headers or {}), "text/plain; charset=utf-8")


def make_application(
    mail: Mail, routes: Sequence[BaseRoute], *, metrics: Metrics, date: HttpDate, https_port: int
) -> ASGIApp:
    """All routes behind headers, redirection and authentication."""
    application = Starlette(
        routes=list(routes),
        middleware=[
            Middleware(CountedRequests, metrics=metrics),
            Middleware(Headers, date=date),
            Middleware(EndOfBugs),
            Middleware(ToEncrypted, hostname=mail.hostname, https_port=https_port),
            Middleware(Authentication, mail=mail),
        ],
        exception_handlers={MailError: _on_mail_error, HTTPException: _on_http_error},
    )
    application.router.redirect_slashes = False  # a path is one thing, not two
    return application
