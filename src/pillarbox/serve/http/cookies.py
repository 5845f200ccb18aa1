"""Cookies: how a browser keeps a secret that scripts cannot read and other sites cannot use.

Over TLS the name begins with `__Host-`: browsers take such a cookie over TLS only, for this very host and all its
paths, so no neighbour under the same domain can put one of its own in its place. Without TLS, which is this machine
alone (`application.ToEncrypted`), cookies have other names, and what was set there is not taken over TLS.

Standards: RFC 6265 §4.1 (Set-Cookie), §4.2 (Cookie); SameSite and name prefixes as browsers have them since 2016.
"""

import re

from starlette.responses import Response
from starlette.types import Scope

from pillarbox.serve.http.peer import is_encrypted

SESSION = "pillarbox-session"
STEP = "pillarbox-step"
"""Between the password and the second factor."""
PASSKEY = "pillarbox-passkey"
"""Between a challenge and what the authenticator makes of it."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 bits, as `core.access.sessions` makes them."""


def read_cookie(scope: Scope, cookie: str) -> str | None:
    """The secret in a cookie; None when there is none, or more than one, of which nobody knows who set which."""
    name = _name(scope, cookie)
    found = set()
    for field, value in scope["headers"]:
        if field == b"cookie":
            pairs = (pair.strip().partition("=") for pair in value.decode("latin-1").split(";"))
            found |= {text for said, _, text in pairs if said == name}
    if len(found) != 1:
        return None
    (secret,) = found
    return secret if _SECRET.fullmatch(secret) else None


def write_cookie(answer: Response, scope: Scope, cookie: str, secret: str, seconds: float) -> None:
    """Have the browser keep a secret for so long."""
    _set(answer, scope, cookie, secret, max(int(seconds), 0))


def clear_cookie(answer: Response, scope: Scope, cookie: str) -> None:
    """Have the browser forget it."""
    _set(answer, scope, cookie, "", 0)


def _set(answer: Response, scope: Scope, cookie: str, secret: str, seconds: int) -> None:
    secure = "; Secure" if is_encrypted(scope) else ""
    text = f"{_name(scope, cookie)}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    answer.raw_headers.append((b"set-cookie", text.encode("ascii")))


def _name(scope: Scope, cookie: str) -> str:
    return f"__Host-{cookie}" if is_encrypted(scope) else cookie
