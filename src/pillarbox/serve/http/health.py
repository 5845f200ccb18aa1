"""`/healthz`: whether the server can do its work now, for whoever watches over it."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pillarbox.core.mail import Mail


def routes(mail: Mail) -> list[Route]:
    """200 when the store answers, reading and writing, else 503 by the error that it raises."""

    async def healthz(request: Request) -> Response:
        await mail.health.check()
        return PlainTextResponse("ok\n")

    return [Route("/healthz", healthz)]
