"""What the routes below `/auth` share: JSON in and out, who asks, where from.

Every request that changes something must come from a page of ours, with a cookie or without: a sign-in that another
page sends would leave somebody in an account that is not theirs. What one signs in with is shown and changed in a
session only: a token must not be able to make others, or to take a second factor away.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pillarbox.core.access.passkeys import Place
from pillarbox.core.access.second_factors import Changed
from pillarbox.core.access.sessions import SignInTooOld
from pillarbox.core.mail import Mail
from pillarbox.model.errors import BadCredentials, Invalid, NotAllowed
from pillarbox.model.session import Begun, Browser, Session, SignedIn
from pillarbox.serve.http.body import read_body
from pillarbox.serve.http.cookies import SESSION, write_cookie
from pillarbox.serve.http.peer import is_loopback, name_of
from pillarbox.serve.http.replies import problem
from pillarbox.serve.http.same_origin import SAFE, check_same_origin, own_origin

REQUEST_OCTETS = 65_536
LOCAL_NAME = "localhost"

Asked = TypeVar("Asked")
Endpoint = Callable[[Request], Awaitable[Response]]


def guarded(answer: Endpoint) -> Endpoint:
    """With proof that it is our page that asks."""

    async def endpoint(request: Request) -> Response:
        if request.method not in SAFE:
            check_same_origin(request.scope)
        try:
            return await answer(request)
        except SignInTooOld as error:
            return problem(error, needs="recent-sign-in")

    return endpoint


async def read_json(request: Request, kind: type[Asked]) -> Asked:
    """The body. Raises: Invalid, TooLarge."""
    try:
        return msgspec.json.decode(await read_body(request, REQUEST_OCTETS), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"the request cannot be read: {error}") from None


def json_answer(value: Mapping[str, Any], status: int = 200) -> Response:
    """`value` as the body."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def signed_of(request: Request) -> SignedIn:
    """The session that asks. Raises: BadCredentials, NotAllowed."""
    signed: SignedIn | None = request.state.signed_in
    if signed is not None:
        return signed
    if request.state.account is not None:
        raise NotAllowed("this is for browsers that have signed in, not for programs")
    raise BadCredentials("please sign in")


def browser_of(request: Request) -> Browser:
    """Who would get a session."""
    return Browser(name_of(request.scope), request.headers.get("user-agent", ""))


def place_of(request: Request, mail: Mail) -> Place:
    """What passkeys are made for: the server's own name, and on this machine `localhost`. Raises: Invalid."""
    origin = own_origin(request.scope)
    name = (request.url.hostname or "").lower()
    if name != mail.hostname.lower() and not (name == LOCAL_NAME and is_loopback(request.scope)):
        raise Invalid(f"passkeys are for https://{mail.hostname}; please go there")
    return Place(name, origin)


def keep_session(answer: Response, request: Request, mail: Mail, begun: Begun) -> Response:
    """Give the browser the secret of its session."""
    left = (begun.session.ends - mail.clock.now()).total_seconds()
    write_cookie(answer, request.scope, SESSION, begun.secret, left)
    return answer


def changed_answer(request: Request, mail: Mail, changed: Changed) -> Response:
    """After a change of factors: recovery codes if there are new ones."""
    value = {"recoveryCodes": changed.recovery_codes} if changed.recovery_codes else {}
    return keep_session(json_answer(value), request, mail, changed.begun)


def session_json(session: Session, *, is_current: bool) -> dict[str, Any]:
    """What its owner may know of a session."""
    return {
        "id": session.id,
        "isCurrent": is_current,
        "means": session.means.value,
        "created": time_json(session.created),
        "proved": time_json(session.proved),
        "used": time_json(session.used),
        "expires": time_json(session.expires),
        "browser": session.agent,
        "address": session.peer,
    }


def time_json(moment: datetime) -> str:
    """UTC, to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
