"""Whether a browser makes a request for a page of ours, or for a page of somebody else's.

A browser adds what it has kept for us to requests that others make it send. So what a cookie opens is given to our own
pages only, and a request that changes something must prove it twice: by what the browser says of itself
(`Sec-Fetch-Site`, `Origin`, which no page can forge), and by what a page of another origin could not send unasked (a
content type of JSON, or `X-Requested-With`; we never allow the question that a browser asks first). `SameSite=Strict`
on the cookie is the third. The method is the one of the request line: no field or parameter stands for another.

Standards: RFC 9110 §9.2.1 (safe methods), RFC 6454 §7 (Origin), RFC 6455 §10.2; Fetch Metadata Request Headers.
"""

from starlette.types import Scope

from pillarbox.model.errors import NotAllowed
from pillarbox.serve.http.peer import is_encrypted

SAFE = ("GET", "HEAD", "OPTIONS")
OURS = (b"same-origin", b"none")
"""What a browser says of a request of our page, or of its owner's own hand."""
ELSEWHERE = "this request comes from a page of another origin"
UNPROVEN = "a request with a cookie needs Origin or Sec-Fetch-Site, and JSON or X-Requested-With"


def check_same_origin(scope: Scope) -> None:
    """Of a request that a cookie opens, or that gets one. Raises: NotAllowed."""
    site, origin = _field(scope, b"sec-fetch-site"), _field(scope, b"origin")
    if origin is not None and origin.lower() != own_origin(scope).encode("latin-1"):
        raise NotAllowed(ELSEWHERE)
    if scope["type"] == "websocket":
        if origin is None:
            raise NotAllowed(UNPROVEN)
    elif scope["method"] in SAFE:
        if site is not None and site not in OURS and not _is_link(scope):
            raise NotAllowed(ELSEWHERE)
    else:
        if site not in (None, b"same-origin"):
            raise NotAllowed(ELSEWHERE)
        if (site is None and origin is None) or not _was_asked_for(scope):
            raise NotAllowed(UNPROVEN)


def check_not_elsewhere(scope: Scope) -> None:
    """Of a request with a password, which a browser may have kept too: it names the site if it is one.

    Raises: NotAllowed.
    """
    is_safe = scope["type"] == "http" and scope["method"] in SAFE
    if not is_safe and _field(scope, b"sec-fetch-site") in (b"cross-site", b"same-site"):
        raise NotAllowed(ELSEWHERE)


def is_browser_at_work(scope: Scope) -> bool:
    """Whether a browser asks: it shall not open a window of its own for name and password, and keep them."""
    return _field(scope, b"sec-fetch-mode") is not None or _field(scope, b"x-requested-with") is not None


def own_origin(scope: Scope) -> str:
    """Ours, as the client knows us (RFC 6454 §6.1)."""
    scheme = "https" if is_encrypted(scope) else "http"
    host = (_field(scope, b"host") or b"").decode("latin-1").lower()
    return f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}"


def _was_asked_for(scope: Scope) -> bool:
    kind = (_field(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    return kind == b"application/json" or bool(_field(scope, b"x-requested-with"))


def _is_link(scope: Scope) -> bool:
    """Somebody follows a link to us: they see the answer, and no other page does."""
    return _field(scope, b"sec-fetch-mode") == b"navigate" and _field(scope, b"sec-fetch-dest") == b"document"


def _field(scope: Scope, name: bytes) -> bytes | None:
    """The value of a field; two of a kind are taken for something that is neither."""
    found = [value.strip() for said, value in scope["headers"] if said == name]
    return None if not found else b", ".join(found)
