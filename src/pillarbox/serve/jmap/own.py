"""Our own capability: what no standard has (docs/manual/jmap-own.md), under a URL of a domain that is nobody's.

It also says where one signs in, with a second factor too: those routes are not JMAP's, and a client that has found the
session needs no other place to look.
"""

from pillarbox.serve.jmap.method import Json

OWN = "https://pillarbox.example/jmap"
SIGN_IN: dict[str, str] = {
    "who": "/auth",
    "signIn": "/auth/sign-in",
    "secondFactor": "/auth/second-factor",
    "passkeyOptions": "/auth/passkey/options",
    "passkey": "/auth/passkey",
    "signOut": "/auth/sign-out",
    "sessions": "/auth/sessions",
    "password": "/auth/password",
    "appPasswords": "/auth/app-passwords",
    "totp": "/auth/totp",
    "totpConfirm": "/auth/totp/confirm",
    "recoveryCodes": "/auth/recovery-codes",
    "passkeys": "/auth/passkeys",
    "newPasskeyOptions": "/auth/passkeys/options",
}
"""Names in the capability, and paths below our address."""


def server_capability(base_url: str) -> Json:
    """What the server says of it."""
    return {"signInUrls": {name: f"{base_url}{path}" for name, path in SIGN_IN.items()}}


def account_capability(*, has_images: bool) -> Json:
    """What it says of it for an account."""
    return {"remoteImages": has_images}
