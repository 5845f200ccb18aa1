"""PushSubscription/get and /set (RFC 8620 §7.2): in no account, without states, and of one credential alone.

URL and keys are never given back.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pillarbox.core.feed.push_subscriptions import BadDevice, BadTypes, TimeIsOver, WrongCode
from pillarbox.grammar.jmap.dates import format_utc, parse_utc
from pillarbox.grammar.jmap.ids import format_push_subscription, is_id, parse_push_subscription
from pillarbox.grammar.push.encryption import parse_keys
from pillarbox.model.errors import Invalid, NotFound, SyntaxProblem
from pillarbox.model.push import PushKeys, PushStage, PushSubscription
from pillarbox.model.url import parse_https
from pillarbox.serve.jmap.method import CORE, Arguments, Call, Json, Method, Problem, SetProblem
from pillarbox.serve.jmap.replies import set_error
from pillarbox.serve.jmap.standard.get import checked_ids
from pillarbox.serve.jmap.standard.set import Made, Outcomes, one_by_one, patched

PROPERTIES = ("id", "deviceClientId", "verificationCode", "expires", "types")
SECRET = ("url", "keys")
SERVER_SET = ("id", "deviceClientId")
"""Of what a patch may name: these cannot change."""
DEFAULTS: Json = {"keys": None, "verificationCode": None, "expires": None, "types": None}

_TO_BLAME: dict[type[Invalid], str] = {
    BadDevice: "deviceClientId",
    BadTypes: "types",
    TimeIsOver: "expires",
    WrongCode: "verificationCode",
}
T = TypeVar("T")


class GetArguments(Arguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §7.2.1."""

    ids: list[str] | None = None
    properties: list[str] | None = None


class SetArguments(Arguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §7.2.2."""

    create: dict[str, Json] | None = None
    update: dict[str, Json] | None = None
    destroy: list[str] | None = None


async def get(call: Call, arguments: GetArguments) -> Json:
    """Those that the same credential made."""
    given = arguments.properties
    wanted = PROPERTIES if given is None else tuple(dict.fromkeys(("id", *given)))
    if any(name in SECRET for name in wanted):
        raise Problem("forbidden", "url and keys are not told")
    unknown = next((name for name in wanted if name not in PROPERTIES), None)
    if unknown is not None:
        raise Problem("invalidArguments", f"there is no property {unknown[:200]!r}")
    ids = checked_ids(call, arguments.ids)
    found = await _objects(call)
    return {
        "list": [{name: found[id][name] for name in wanted} for id in (found if ids is None else ids) if id in found],
        "notFound": [id for id in ids or () if id not in found],
    }


async def _objects(call: Call) -> dict[str, Json]:
    made = await call.mail.push_subscriptions.made_by(call.account.id, call.credential)
    return {format_push_subscription(one.id): _object(one) for one in made}


def _object(subscription: PushSubscription) -> Json:
    """What may be said of it. The code is the client's to tell, so it is not told before it has come back."""
    return {
        "id": format_push_subscription(subscription.id),
        "deviceClientId": subscription.device,
        "verificationCode": subscription.code if subscription.stage is PushStage.VERIFIED else None,
        "expires": format_utc(subscription.expires),
        "types": None if subscription.types is None else list(subscription.types),
    }


async def change(call: Call, arguments: SetArguments) -> Json:
    """All creations, then all updates, then all destructions."""
    creations, updates, doomed = arguments.create or {}, arguments.update or {}, arguments.destroy or []
    call.check_many(len(creations) + len(updates) + len(doomed))
    if not all(map(is_id, creations)):
        raise Problem("invalidArguments", "a creation id must be an Id")

    async def create(creation_id: str) -> Json:
        made = await _create(call, creations[creation_id])
        call.created_ids[creation_id] = made["id"]
        return made

    created = await one_by_one(creations, create)
    patches = {call.resolve(id): patch for id, patch in updates.items()}
    to_destroy = list(dict.fromkeys(map(call.resolve, doomed)))

    async def update(id: str) -> Json | None:
        if id in to_destroy:
            raise SetProblem("willDestroy")
        return await _update(call, id, patches[id])

    async def destroy(id: str) -> None:
        await call.mail.push_subscriptions.remove(call.account.id, call.credential, _number(id))

    updated = await one_by_one(patches, update)
    destroyed = await one_by_one(to_destroy, destroy)
    return {
        "created": _done(created),
        "updated": _done(updated),
        "destroyed": list(_done(destroyed) or ()) or None,
        "notCreated": _failed(created),
        "notUpdated": _failed(updated),
        "notDestroyed": _failed(destroyed),
    }


def _done(outcomes: Outcomes[Made]) -> dict[str, Made] | None:
    return {id: made for id, made in outcomes.items() if not isinstance(made, Exception)} or None


def _failed(outcomes: Outcomes[Made]) -> dict[str, Json] | None:
    errors = {id: made for id, made in outcomes.items() if isinstance(made, Exception)}
    return {id: set_error(error, method="PushSubscription/set") for id, error in errors.items()} or None


async def _create(call: Call, given: Json) -> Json:
    """What the client did not send, or we have changed. Raises: SetProblem, and what `add` raises."""
    wanted = {**DEFAULTS, **given}
    device, wrong = wanted.get("deviceClientId"), _Wrong()
    wrong.names += [name for name in given if name not in (*SERVER_SET[1:], "url", *DEFAULTS)]
    if wanted["verificationCode"] is not None:
        wrong.names.append("verificationCode")
    if not isinstance(device, str) or not device:
        wrong.names.append("deviceClientId")
    url, keys = wrong.read(_url, wanted.get("url")), wrong.read(_keys, wanted["keys"])
    types, expires = wrong.read(_types, wanted["types"]), wrong.read(_time, wanted["expires"])
    if wrong.names or url is None:
        raise SetProblem("invalidProperties", "; ".join(wrong.texts), properties=wrong.names)
    try:
        made = await call.mail.push_subscriptions.add(
            call.account.id, call.credential, device=str(device), url=url, keys=keys, types=types, expires=expires
        )
    except Invalid as problem:
        raise _named(problem) from None
    shown = {**_object(made), "keys": None}
    return {name: shown[name] for name in ("id", *DEFAULTS) if name not in given or name == "expires"}


async def _update(call: Call, id: str, patch: Json) -> Json | None:
    """Raises: SetProblem, NotFound."""
    found = {
        format_push_subscription(one.id): one
        for one in await call.mail.push_subscriptions.made_by(call.account.id, call.credential)
    }
    if id not in found:
        raise NotFound("no such push subscription")
    current = _object(found[id])
    wanted = patched(current, patch, server_set=SERVER_SET, defaults=DEFAULTS)
    code = wanted["verificationCode"]
    if not isinstance(code, str) and (code is not None or current["verificationCode"] is not None):
        raise _invalid("verificationCode")
    given = wanted["expires"]
    try:
        made = await call.mail.push_subscriptions.change(
            call.account.id,
            call.credential,
            found[id].id,
            code=code if "verificationCode" in patch else None,
            expires=found[id].expires if given == current["expires"] else _time(given),
            types=_types(wanted["types"]),
        )
    except Invalid as problem:
        raise _named(problem) from None
    expires = format_utc(made.expires)
    return None if expires == given else {"expires": expires}


def _invalid(*names: str) -> SetProblem:
    return SetProblem("invalidProperties", properties=names)


def _named(problem: Invalid) -> SetProblem:
    """With the property that is to blame."""
    return SetProblem("invalidProperties", problem.text, properties=[_TO_BLAME[type(problem)]])


class _Wrong:
    """Gathers what is wrong with the properties of one object."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: list[str] = []

    def read(self, reader: Callable[[object], T], value: object) -> T | None:
        """What the reader makes of the value; None for what is wrong."""
        try:
            return reader(value)
        except SetProblem as problem:
            self.names += problem.properties or ()
            self.texts += [problem.description] if problem.description else []
            return None


def _number(id: str) -> int:
    """0, which none has, for what is no id of one."""
    try:
        return parse_push_subscription(id)
    except SyntaxProblem:
        return 0


def _url(value: object) -> str:
    """RFC 8620 §7.2. Raises: SetProblem."""
    try:
        if isinstance(value, str):
            return str(parse_https(value))
    except Invalid as problem:
        raise SetProblem("invalidProperties", problem.text, properties=["url"]) from None
    raise _invalid("url")


def _keys(value: object) -> PushKeys | None:
    """Raises: SetProblem."""
    match value:
        case None:
            return None
        case {"p256dh": str(p256dh), "auth": str(auth), **others} if not others:
            try:
                return parse_keys(p256dh, auth)
            except SyntaxProblem as problem:
                raise SetProblem("invalidProperties", f"expected {problem.expected}", properties=["keys"]) from None
    raise _invalid("keys")


def _types(value: object) -> list[str] | None:
    """Raises: SetProblem."""
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise _invalid("types")


def _time(value: object) -> datetime | None:
    """Raises: SetProblem."""
    if value is None:
        return None
    try:
        return parse_utc(value)
    except SyntaxProblem:
        raise _invalid("expires") from None


METHODS = (
    Method("PushSubscription/get", CORE, GetArguments, get),
    Method("PushSubscription/set", CORE, SetArguments, change),
)
