"""From meaning to HTTP status: the one table (RFC 9110 §15), as problem details (RFC 9457 §3)."""

import msgspec
from starlette.responses import Response

from pillarbox.model import errors
from pillarbox.model.errors import MailError

STATUSES: dict[type[MailError], int] = {
    errors.SyntaxProblem: 400,
    errors.Invalid: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Conflict: 409,
    errors.NotAllowed: 403,
    errors.RelayDenied: 403,
    errors.BadCredentials: 401,
    errors.TransitionNeeded: 401,
    errors.OverLimit: 400,
    errors.OverQuota: 413,
    errors.TooLarge: 413,
    errors.TooMany: 400,
    errors.RateLimited: 429,
    errors.Refused: 403,
    errors.NoMailAccepted: 403,
    errors.Unavailable: 503,
    errors.InsufficientStorage: 507,
    errors.StorageUnavailable: 503,
    errors.StorageBroken: 503,
}


def status_of(error: MailError) -> int:
    """The status of the nearest class that the table has."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def problem(error: MailError, **more: str) -> Response:
    """The answer to a request that failed; `more` are members of its own (RFC 9457 §3.2)."""
    status = status_of(error)
    document = {"type": "about:blank", "status": status, "detail": error.text, **more}
    answer = Response(msgspec.json.encode(document), status, media_type="application/problem+json")
    if status in (429, 503):
        answer.headers["Retry-After"] = "60"
    return answer
