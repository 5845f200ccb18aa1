"""Second factors: codes by time, recovery codes, passkeys."""

import base64
import binascii
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pillarbox.core.mail import Mail
from pillarbox.model.errors import NotFound
from pillarbox.model.session import Passkey
from pillarbox.serve.http.peer import name_of
from pillarbox.serve.http.sign_in.frame import (
    changed_answer,
    guarded,
    json_answer,
    place_of,
    read_json,
    signed_of,
    time_json,
)


class ConfirmAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /auth/totp/confirm`."""

    code: str


class NewPasskeyAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /auth/passkeys`: what `navigator.credentials.create` gave, as its `toJSON` writes it."""

    name: str
    credential: dict[str, Any]


class FactorRoutes:
    """The routes."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/auth/totp", guarded(self.begin_totp), methods=["POST"]),
            Route("/auth/totp/confirm", guarded(self.confirm_totp), methods=["POST"]),
            Route("/auth/totp", guarded(self.remove_totp), methods=["DELETE"]),
            Route("/auth/recovery-codes", guarded(self.renew_recovery_codes), methods=["POST"]),
            Route("/auth/passkeys", guarded(self.list_passkeys)),
            Route("/auth/passkeys/options", guarded(self.passkey_options), methods=["POST"]),
            Route("/auth/passkeys", guarded(self.add_passkey), methods=["POST"]),
            Route("/auth/passkeys/{id}", guarded(self.remove_passkey), methods=["DELETE"]),
        ]

    async def begin_totp(self, request: Request) -> Response:
        """A secret for a clock; nothing changes until a code confirms it."""
        new = await self._mail.second_factors.begin_totp(signed_of(request))
        return json_answer({"secret": new.secret, "uri": new.uri})

    async def confirm_totp(self, request: Request) -> Response:
        """From now on codes are asked for."""
        signed = signed_of(request)
        code = (await read_json(request, ConfirmAsked)).code.replace(" ", "")
        return changed_answer(request, self._mail, await self._mail.second_factors.confirm_totp(signed, code))

    async def remove_totp(self, request: Request) -> Response:
        """No more codes."""
        return changed_answer(request, self._mail, await self._mail.second_factors.remove_totp(signed_of(request)))

    async def renew_recovery_codes(self, request: Request) -> Response:
        """New ones in place of the old."""
        codes = await self._mail.second_factors.renew_recovery_codes(signed_of(request))
        return json_answer({"recoveryCodes": codes})

    async def list_passkeys(self, request: Request) -> Response:
        """All of the account."""
        found = await self._mail.passkeys.list(signed_of(request).account)
        return json_answer({"list": [_passkey_json(one) for one in found]})

    async def passkey_options(self, request: Request) -> Response:
        """What the browser hands to its authenticator to make one."""
        signed, place = signed_of(request), place_of(request, self._mail)
        options = await self._mail.passkeys.begin_registration(signed, place, peer=name_of(request.scope))
        return json_answer(options)

    async def add_passkey(self, request: Request) -> Response:
        """What it made."""
        signed = signed_of(request)
        asked = await read_json(request, NewPasskeyAsked)
        changed = await self._mail.passkeys.register(signed, asked.name, asked.credential)
        return changed_answer(request, self._mail, changed)

    async def remove_passkey(self, request: Request) -> Response:
        """One that is good no longer."""
        signed = signed_of(request)
        credential = _read_id(request.path_params["id"])
        return changed_answer(request, self._mail, await self._mail.passkeys.remove(signed, credential))


def _read_id(text: str) -> bytes:
    """Raises: NotFound."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotFound("no such passkey") from None


def _passkey_json(passkey: Passkey) -> dict[str, Any]:
    return {
        "id": base64.urlsafe_b64encode(passkey.credential).rstrip(b"=").decode(),
        "name": passkey.name,
        "created": time_json(passkey.created),
        "used": None if passkey.used is None else time_json(passkey.used),
    }
