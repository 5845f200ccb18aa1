"""From meaning to JMAP: the one table of what each error is called (RFC 8620 §3.6.2, §5.3); complete by test."""

import structlog

from pillarbox.core.feed.states import StateTooOld
from pillarbox.grammar.jmap.comparator import UnsupportedSort
from pillarbox.grammar.jmap.filters import UnsupportedFilter
from pillarbox.grammar.jmap.references import InvalidReference
from pillarbox.model import errors
from pillarbox.model.errors import MailError
from pillarbox.serve.jmap.method import Json, Problem, SetProblem

NAMES: dict[type[MailError], tuple[str, str]] = {
    # what went wrong             of a method, of one object in a /set
    errors.MailError: ("serverFail", "forbidden"),
    errors.SyntaxProblem: ("invalidArguments", "invalidProperties"),
    InvalidReference: ("invalidResultReference", "invalidProperties"),
    UnsupportedFilter: ("unsupportedFilter", "invalidProperties"),
    UnsupportedSort: ("unsupportedSort", "invalidProperties"),
    errors.Invalid: ("invalidArguments", "invalidProperties"),
    errors.NotFound: ("invalidArguments", "notFound"),
    errors.AlreadyExists: ("invalidArguments", "alreadyExists"),
    errors.Conflict: ("stateMismatch", "invalidProperties"),
    StateTooOld: ("cannotCalculateChanges", "invalidProperties"),
    errors.NotAllowed: ("forbidden", "forbidden"),
    errors.RelayDenied: ("forbidden", "forbidden"),
    errors.BadCredentials: ("forbidden", "forbidden"),
    errors.TransitionNeeded: ("forbidden", "forbidden"),
    errors.OverLimit: ("requestTooLarge", "overQuota"),
    errors.OverQuota: ("forbidden", "overQuota"),
    errors.TooLarge: ("requestTooLarge", "tooLarge"),
    errors.TooMany: ("requestTooLarge", "overQuota"),
    errors.RateLimited: ("serverUnavailable", "rateLimit"),
    errors.Refused: ("forbidden", "forbidden"),
    errors.NoMailAccepted: ("forbidden", "forbidden"),
    errors.Unavailable: ("serverUnavailable", "serverUnavailable"),
    errors.InsufficientStorage: ("serverUnavailable", "serverUnavailable"),
    errors.StorageUnavailable: ("serverUnavailable", "serverUnavailable"),
    errors.StorageBroken: ("serverUnavailable", "serverUnavailable"),
}
BUG = "something went wrong in the server; its log tells more"

log = structlog.get_logger("jmap")


def _names(error: MailError) -> tuple[str, str]:
    return next(NAMES[kind] for kind in type(error).__mro__ if kind in NAMES)


def method_error(error: Exception, *, method: str) -> Json:
    """The arguments of the `error` response; a bug is logged here with its traceback."""
    match error:
        case Problem():
            return error.arguments()
        case errors.SyntaxProblem():
            return Problem(_names(error)[0], f"expected {error.expected}").arguments()
        case MailError():
            return Problem(_names(error)[0], error.text).arguments()
    log.error("method.bug", status=method, exc_info=error)
    return Problem("serverFail", BUG).arguments()


def set_error(error: Exception, *, method: str) -> Json:
    """The SetError of one object; a bug is logged here with its traceback, and the other objects go on."""
    match error:
        case SetProblem():
            return error.value()
        case Problem():
            return error.arguments()
        case errors.SyntaxProblem():
            return SetProblem(_names(error)[1], f"expected {error.expected}").value()
        case MailError():
            return SetProblem(_names(error)[1], error.text).value()
    log.error("method.bug", status=method, exc_info=error)
    return SetProblem("serverFail", BUG).value()
