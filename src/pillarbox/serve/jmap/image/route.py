"""The route behind an address of a picture. The signature in it is all that it needs: a message is shown in a frame that
has no origin, and sends no cookie.

The answer is a picture or none. It is not guessed at (nosniff), may do nothing should somebody open it (the policy that
all answers have, and it is an attachment then), is kept by the browser alone, and may be shown by a frame without origin:
that is what `Cross-Origin-Resource-Policy: cross-origin` lets, for whoever knows the address.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pillarbox.core.mail import Mail
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.model.ports import HttpFetch
from pillarbox.serve.jmap.image.address import PATH, parse_path


def image_routes(mail: Mail, fetch: HttpFetch) -> list[BaseRoute]:
    """The one there is."""

    async def answer(request: Request) -> Response:
        """Raises: NotFound, RateLimited."""
        try:
            signed = parse_path(**request.path_params)
        except SyntaxProblem:
            raise NotFound("no such picture") from None
        url = mail.remote_images.check(signed)
        await mail.accounts.get(signed.account_id)
        image = await mail.remote_images.fetch(signed.account_id, url, fetch)
        left = int(signed.expires - mail.clock.now().timestamp())
        headers = {
            "Cache-Control": f"private, max-age={max(left, 0)}",
            "Content-Disposition": "attachment",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return Response(image.octets, media_type=image.type, headers=headers)

    return [Route(PATH, answer)]
