"""In and out: the password, the second factor, a passkey in place of both, and the end."""

import contextlib
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pillarbox.core.access.pending import PENDING_SECONDS
from pillarbox.core.access.sign_in import Wanted
from pillarbox.core.mail import Mail
from pillarbox.model.errors import Invalid, NotFound
from pillarbox.model.session import Begun, Factor, SignedIn
from pillarbox.serve.http.cookies import PASSKEY, SESSION, STEP, clear_cookie, read_cookie, write_cookie
from pillarbox.serve.http.sign_in.frame import (
    browser_of,
    guarded,
    json_answer,
    keep_session,
    place_of,
    read_json,
    session_json,
)

FACTORS = {Factor.CODE: "code", Factor.RECOVERY_CODE: "recoveryCode", Factor.PASSKEY: "passkey"}
CODE_LETTERS = 100


class PasswordAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /auth/sign-in`."""

    login: str
    password: str


class CodeAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """`POST /auth/second-factor`: one of both."""

    code: str | None = None
    recovery_code: str | None = None


class PasskeyAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /auth/passkey`: what `navigator.credentials.get` gave, as its `toJSON` writes it."""

    credential: dict[str, Any]


class Steps:
    """The routes."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/auth/sign-in", guarded(self.password), methods=["POST"]),
            Route("/auth/second-factor", guarded(self.second_factor), methods=["POST"]),
            Route("/auth/passkey/options", guarded(self.passkey_options), methods=["POST"]),
            Route("/auth/passkey", guarded(self.passkey), methods=["POST"]),
            Route("/auth/sign-out", guarded(self.sign_out), methods=["POST"]),
        ]

    async def password(self, request: Request) -> Response:
        """A session; or what is wanted beside the password, and a cookie for that step."""
        asked = await read_json(request, PasswordAsked)
        found = await self._mail.sign_in.password(asked.login, asked.password, browser_of(request))
        if isinstance(found, Begun):
            return await self._signed_in(request, found)
        return self._wanted(request, found)

    def _wanted(self, request: Request, wanted: Wanted) -> Response:
        answer = json_answer({"signedIn": False, "wants": [FACTORS[factor] for factor in wanted.choice]})
        write_cookie(answer, request.scope, STEP, wanted.secret, PENDING_SECONDS)
        return answer

    async def second_factor(self, request: Request) -> Response:
        """A session, for the browser whose password was right."""
        asked = await read_json(request, CodeAsked)
        secret = read_cookie(request.scope, STEP) or ""
        sign_in, browser = self._mail.sign_in, browser_of(request)
        match asked:
            case CodeAsked(code=str(code), recovery_code=None) if len(code) <= CODE_LETTERS:
                begun = await sign_in.code(secret, code.replace(" ", ""), browser)
            case CodeAsked(code=None, recovery_code=str(code)) if len(code) <= CODE_LETTERS:
                begun = await sign_in.recovery_code(secret, code, browser)
            case _:
                raise Invalid("one of code and recoveryCode is needed")
        return await self._signed_in(request, begun)

    async def passkey_options(self, request: Request) -> Response:
        """A challenge, which tells nothing of anybody, and a cookie for the answer to it."""
        self._mail.accounts.check_peer(browser_of(request).peer)
        place = place_of(request, self._mail)
        secret, options = self._mail.passkeys.begin_sign_in(place, peer=browser_of(request).peer)
        answer = json_answer(options)
        write_cookie(answer, request.scope, PASSKEY, secret, PENDING_SECONDS)
        return answer

    async def passkey(self, request: Request) -> Response:
        """A session, for whoever has signed the challenge of this browser."""
        asked = await read_json(request, PasskeyAsked)
        secret = read_cookie(request.scope, PASSKEY) or ""
        begun = await self._mail.sign_in.passkey(secret, asked.credential, browser_of(request))
        return await self._signed_in(request, begun)

    async def sign_out(self, request: Request) -> Response:
        """No session, whether there was one or not."""
        await self._end(request)
        answer = Response(status_code=204)
        for cookie in (SESSION, STEP, PASSKEY):
            clear_cookie(answer, request.scope, cookie)
        return answer

    async def _signed_in(self, request: Request, begun: Begun) -> Response:
        """The session that the browser had before ends: it has one at a time."""
        await self._end(request)
        session = session_json(begun.session, is_current=True)
        answer = json_answer({"signedIn": True, "account": str(begun.account.address), "session": session})
        for cookie in (STEP, PASSKEY):
            if read_cookie(request.scope, cookie) is not None:
                clear_cookie(answer, request.scope, cookie)
        return keep_session(answer, request, self._mail, begun)

    async def _end(self, request: Request) -> None:
        signed: SignedIn | None = request.state.signed_in
        if signed is not None:
            with contextlib.suppress(NotFound):
                await self._mail.sessions.end(signed.account, signed.session.id)
