"""The password, and what programs use in its place: app passwords, which are tokens (`core.access.tokens`)."""

from datetime import timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pillarbox.core.mail import Mail
from pillarbox.model.errors import Invalid
from pillarbox.serve.http.peer import name_of
from pillarbox.serve.http.sign_in.frame import guarded, json_answer, keep_session, read_json, signed_of, time_json

DAYS_MOST = 36_500


class NewPasswordAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /auth/password`."""

    current: str
    new: str


class AppPasswordAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /auth/app-passwords`; without `days` it does not end by itself."""

    name: str
    days: int | None = None


class CredentialRoutes:
    """The routes."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/auth/password", guarded(self.change_password), methods=["POST"]),
            Route("/auth/app-passwords", guarded(self.list)),
            Route("/auth/app-passwords", guarded(self.add), methods=["POST"]),
            Route("/auth/app-passwords/{name:path}", guarded(self.remove), methods=["DELETE"]),
        ]

    async def change_password(self, request: Request) -> Response:
        """Every other session ends, and this one has a new cookie."""
        signed = signed_of(request)
        asked = await read_json(request, NewPasswordAsked)
        peer = name_of(request.scope)
        begun = await self._mail.sign_in.change_password(signed, asked.current, asked.new, peer=peer)
        return keep_session(json_answer({}), request, self._mail, begun)

    async def list(self, request: Request) -> Response:
        """All of the account, those too that have ended by themselves."""
        return json_answer(
            {
                "list": [
                    {
                        "name": token.name,
                        "created": time_json(token.created),
                        "expires": None if token.expires is None else time_json(token.expires),
                        "used": None if token.used is None else time_json(token.used),
                    }
                    for token in await self._mail.tokens.list(signed_of(request).account.address)
                ]
            }
        )

    async def add(self, request: Request) -> Response:
        """A new one, shown this once."""
        signed = signed_of(request)
        self._mail.sessions.require_recent(signed.session)
        asked = await read_json(request, AppPasswordAsked)
        if asked.days is not None and not 0 < asked.days <= DAYS_MOST:
            raise Invalid(f"days are 1 to {DAYS_MOST}")
        lasts = None if asked.days is None else timedelta(days=asked.days)
        password = await self._mail.tokens.add(signed.account.address, asked.name, lasts=lasts)
        return json_answer({"name": asked.name, "password": password})

    async def remove(self, request: Request) -> Response:
        """It is good no longer; one may always take away."""
        signed = signed_of(request)
        await self._mail.tokens.remove(signed.account.address, request.path_params["name"])
        return Response(status_code=204)
