"""Who am I, and where else am I signed in."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pillarbox.core.mail import Mail
from pillarbox.serve.http.cookies import SESSION, clear_cookie
from pillarbox.serve.http.sign_in.frame import guarded, json_answer, session_json, signed_of, time_json


class SessionRoutes:
    """The routes."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/auth", guarded(self.who)),
            Route("/auth/sessions", guarded(self.list)),
            Route("/auth/sessions", guarded(self.end_others), methods=["DELETE"]),
            Route("/auth/sessions/{id}", guarded(self.end), methods=["DELETE"]),
        ]

    async def who(self, request: Request) -> Response:
        """The account, this session, and the factors."""
        signed = signed_of(request)
        factors = await self._mail.second_factors.of(signed.account)
        recent = timedelta(seconds=self._mail.limits.recent_sign_in_seconds)
        return json_answer(
            {
                "account": str(signed.account.address),
                "session": session_json(signed.session, is_current=True),
                "isRecentUntil": time_json(signed.session.proved + recent),
                "factors": {
                    "code": factors.code,
                    "passkeys": factors.passkeys,
                    "recoveryCodes": factors.recovery_codes,
                },
            }
        )

    async def list(self, request: Request) -> Response:
        """All sessions of the account."""
        signed = signed_of(request)
        found = await self._mail.sessions.list(signed.account)
        return json_answer({"list": [session_json(one, is_current=one.id == signed.session.id) for one in found]})

    async def end(self, request: Request) -> Response:
        """One of them; 404 for any other's."""
        signed, id = signed_of(request), request.path_params["id"]
        await self._mail.sessions.end(signed.account, id)
        answer = Response(status_code=204)
        if id == signed.session.id:
            clear_cookie(answer, request.scope, SESSION)
        return answer

    async def end_others(self, request: Request) -> Response:
        """All but this."""
        signed = signed_of(request)
        await self._mail.sessions.end_others(signed.account, signed.session)
        return Response(status_code=204)
