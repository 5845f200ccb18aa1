"""Who makes a request: HTTP Basic with name and password (RFC 7617), or Bearer with a token (RFC 6750 §2.1).

Puts the account, or None, into `request.state.account`; which paths need one is decided by their routes. Stands behind
`application.ToEncrypted`, so that neither is taken over a connection that others can read. A wrong password costs and
says the same for every name, and is counted by peer. A wrong token is not counted: nobody guesses 256 bits, and a
client with an old one would lock out all who share its address.
"""

import base64
import binascii

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pillarbox.core.mail import Mail
from pillarbox.model.account import Account
from pillarbox.model.errors import BadCredentials, MailError
from pillarbox.serve.http.peer import name_of
from pillarbox.serve.http.replies import problem

BASIC = 'Basic realm="Pillarbox", charset="UTF-8"'
BEARER = 'Bearer realm="Pillarbox"'
UNREADABLE = "the credentials cannot be read"


class WrongToken(BadCredentials):
    """A Bearer token that is none, or is no longer one."""


class Authentication:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, mail: Mail) -> None:
        self._app = app
        self._mail = mail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who asks, then let the application answer."""
        state = scope.setdefault("state", {})
        try:
            state["account"] = await self._account(scope)
        except MailError as error:
            await refusal(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _account(self, scope: Scope) -> Account | None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            return None
        if len(given) > 1:
            raise BadCredentials(UNREADABLE)
        scheme, _, value = given[0].strip().partition(b" ")
        match scheme.lower():
            case b"basic":
                login, password = _basic(value)
                return await self._mail.accounts.sign_in(login, password, peer=name_of(scope))
            case b"bearer":
                try:
                    return await self._mail.tokens.sign_in(value.strip().decode("latin-1"))
                except BadCredentials as error:
                    raise WrongToken(error.text) from None
        raise BadCredentials("this kind of authentication is not known here")


def _basic(value: bytes) -> tuple[str, str]:
    """Name and password; a colon may stand in the password only (RFC 7617 §2). Raises: BadCredentials."""
    try:
        login, colon, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadCredentials(UNREADABLE) from None
    if not colon or "\0" in login:
        raise BadCredentials(UNREADABLE)
    return login, password


def refusal(error: MailError) -> Response:
    """What `error` says; with 401 what would be taken (RFC 9110 §11.6.1, RFC 6750 §3)."""
    answer = problem(error)
    if answer.status_code == 401:
        wrong = ', error="invalid_token"' if isinstance(error, WrongToken) else ""
        answer.headers["WWW-Authenticate"] = f"{BASIC}, {BEARER}{wrong}"
    return answer


def account_of(request: HTTPConnection) -> Account:
    """Who has signed in. Raises: BadCredentials, which is answered with what would be taken."""
    account: Account | None = request.state.account
    if account is None:
        raise BadCredentials("please sign in")
    return account
