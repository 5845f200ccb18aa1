"""Who makes a request: HTTP Basic with name and password (RFC 7617), Bearer with a token (RFC 6750 §2.1), or a browser
with the cookie of its session.

Puts the account, or None, into `request.state.account`, what it was signed in with into `request.state.credential`, and
a browser's session into `request.state.signed_in`; which paths need one is decided by their routes. Stands behind
`application.ToEncrypted`, so that none is taken over a connection that others can read. A wrong password costs and
says the same for every name, and is counted by peer. A wrong token is not counted: nobody guesses 256 bits, and a
client with an old one would lock out all who share its address. A cookie that is good no longer is none. What a page of
another origin asks for with a cookie is refused here, for every route (`same_origin`); who shows a password or token
with the request has no cookie to be robbed of.

A body may take hours to come. What it was sent with may end meanwhile, and then nothing is done with it: else whoever has
stolen a token could keep a request open until long after its owner has taken the token away.
"""

import base64
import binascii

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pillarbox.core.access.sessions import credential_of
from pillarbox.core.mail import Mail
from pillarbox.model.account import Account, Credential
from pillarbox.model.errors import BadCredentials, MailError
from pillarbox.serve.http.cookies import SESSION, read_cookie
from pillarbox.serve.http.peer import name_of
from pillarbox.serve.http.replies import problem
from pillarbox.serve.http.same_origin import SAFE, check_not_elsewhere, check_same_origin, is_browser_at_work

BASIC = 'Basic realm="Pillarbox", charset="UTF-8"'
BEARER = 'Bearer realm="Pillarbox"'
UNREADABLE = "the credentials cannot be read"
ENDED = "what this request was sent with has ended; please sign in"


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
            state["signed_in"] = None
            state["account"], state["credential"] = await self._who(scope)
        except MailError as error:
            await refusal(error, scope)(scope, receive, send)
            return
        account, credential = state["account"], state["credential"]
        if account is None or scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        body = _Body(self._mail, credential, receive)
        stop = self._mail.credentials.listen(account.id, credential.key, body.end)
        try:
            await self._app(scope, body.receive, send)
        finally:
            stop()

    async def _who(self, scope: Scope) -> tuple[Account, Credential] | tuple[None, None]:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            return await self._by_cookie(scope)
        if len(given) > 1:
            raise BadCredentials(UNREADABLE)
        scheme, _, value = given[0].strip().partition(b" ")
        match scheme.lower():
            case b"basic":
                check_not_elsewhere(scope)
                login, password = _basic(value)
                return await self._mail.accounts.identify(login, password, peer=name_of(scope))
            case b"bearer":
                try:
                    return await self._mail.tokens.identify(value.strip().decode("latin-1"))
                except BadCredentials as error:
                    raise WrongToken(error.text) from None
        raise BadCredentials("this kind of authentication is not known here")

    async def _by_cookie(self, scope: Scope) -> tuple[Account, Credential] | tuple[None, None]:
        """Raises: NotAllowed, for a session that another page would use."""
        secret = read_cookie(scope, SESSION)
        if secret is None:
            return None, None
        try:
            found = await self._mail.sessions.sign_in(secret)
        except BadCredentials:
            return None, None
        check_same_origin(scope)
        scope["state"]["signed_in"] = found
        return found.account, credential_of(found.session)


class _Body:
    """What is received of a request, while what it was sent with is good."""

    def __init__(self, mail: Mail, credential: Credential, receive: Receive) -> None:
        self._clock = mail.clock
        self._expires = credential.expires
        self._receive = receive
        self._is_over = False

    def end(self) -> None:
        """The credential has ended, or its account has."""
        self._is_over = True

    async def receive(self) -> Message:
        """The next piece. Raises: BadCredentials."""
        message = await self._receive()
        has_expired = self._expires is not None and self._expires <= self._clock.now()
        if message["type"] == "http.request" and (self._is_over or has_expired):
            raise BadCredentials(ENDED)
        return message


def _basic(value: bytes) -> tuple[str, str]:
    """Name and password; a colon may stand in the password only (RFC 7617 §2). Raises: BadCredentials."""
    try:
        login, colon, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadCredentials(UNREADABLE) from None
    if not colon or "\0" in login:
        raise BadCredentials(UNREADABLE)
    return login, password


def refusal(error: MailError, scope: Scope) -> Response:
    """What `error` says; with 401 what would be taken (RFC 9110 §11.6.1, RFC 6750 §3). To a browser Basic is not
    offered: it would open a window for name and password, keep them, and send them with every page's requests."""
    answer = problem(error)
    if answer.status_code == 401:
        wrong = ', error="invalid_token"' if isinstance(error, WrongToken) else ""
        offered = BEARER if is_browser_at_work(scope) else f"{BASIC}, {BEARER}"
        answer.headers["WWW-Authenticate"] = f"{offered}{wrong}"
    return answer


def account_of(request: HTTPConnection) -> Account:
    """Who has signed in. Raises: BadCredentials, which is answered with what would be taken."""
    account: Account | None = request.state.account
    if account is None:
        raise BadCredentials("please sign in")
    return account
