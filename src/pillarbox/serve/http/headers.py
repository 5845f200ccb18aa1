"""What every answer says: when it was made, and what a browser must not do with it.

The policy lets nothing be framed, guessed or fetched from elsewhere; a page that needs more says so itself.

Standards: RFC 9110 §5.6.7, §6.6.1 (Date); RFC 6797 §7.1 (HSTS).
"""

from email.utils import formatdate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pillarbox.model.ports import Clock
from pillarbox.serve.http.peer import is_encrypted

PERMISSIONS = b", ".join(
    b"%b=()" % feature
    for feature in (
        b"accelerometer",
        b"autoplay",
        b"camera",
        b"display-capture",
        b"geolocation",
        b"gyroscope",
        b"magnetometer",
        b"microphone",
        b"midi",
        b"payment",
        b"usb",
    )
)
"""What no page of ours may use, nor any within it (W3C Permissions Policy); passkeys may be, by ourselves alone."""
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
    ),
    (b"x-frame-options", b"DENY"),  # for browsers that do not know frame-ancestors
    (b"permissions-policy", PERMISSIONS),
    (b"cache-control", b"no-store"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=63072000")


class HttpDate:
    """The time as a Date field has it, made anew once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._text = b""

    def __call__(self) -> bytes:
        second = int(self._clock.now().timestamp())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True).encode()
        return self._text


class Headers:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, date: HttpDate) -> None:
        self._app = app
        self._date = date

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add what the answer does not say itself."""
        added = (*ALWAYS, STRICT_TRANSPORT) if is_encrypted(scope) else ALWAYS

        async def send_more(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = list(message.get("headers", ()))
                said = {name for name, _ in headers}
                headers += [(name, value) for name, value in ((b"date", self._date()), *added) if name not in said]
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_more)
