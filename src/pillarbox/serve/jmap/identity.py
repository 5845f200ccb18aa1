"""The data type Identity: Identity/get, /changes and /set (RFC 8621 §6)."""

from collections.abc import Mapping, Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.core.sending.identities import AddressForbidden
from pillarbox.grammar.jmap.identity import TEXT_DEFAULTS, WrongProperties, format_text, parse_email, parse_text
from pillarbox.grammar.jmap.ids import format_identity, parse_identity
from pillarbox.model.errors import SyntaxProblem, TooMany
from pillarbox.model.identity import Identity, IdentityId, IdentityText
from pillarbox.serve.jmap.method import SUBMISSION, Call, Json, Method, SetProblem
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, one_by_one, patched, set, span_of

SET = "Identity/set"
PROPERTIES = ("id", "name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete")
_FIXED = ("id", "email", "mayDelete")


async def state(call: Call) -> str:
    """Of all Identities."""
    return str(await call.mail.identities.state(call.account))


def identity_id_of(text: object) -> IdentityId:
    """0, which no identity has, for what is no id of one."""
    try:
        return IdentityId(parse_identity(text)) if isinstance(text, str) else IdentityId(0)
    except SyntaxProblem:
        return IdentityId(0)


def _object_of(identity: Identity) -> Json:
    return {
        "id": format_identity(identity.id),
        "email": str(identity.address),
        **format_text(identity.text),
        "mayDelete": not identity.is_own,
    }


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """Those that there are of `ids`, or all."""
    made = map(_object_of, await call.mail.identities.all(call.account))
    return {value["id"]: value for value in made if ids is None or value["id"] in ids}


async def changes(call: Call, since: int, most: int) -> Changed:
    """Of all Identities."""
    return as_told(await call.mail.object_changes.since(call.account.id, Kind.IDENTITY, since, most), format_identity)


def _text(value: Json) -> IdentityText:
    """Raises: SetProblem, with all properties that are wrong."""
    try:
        return parse_text(value)
    except WrongProperties as problem:
        raise SetProblem("invalidProperties", properties=problem.names) from None


async def set_identities(call: Call, arguments: SetArguments) -> Json:
    """Identity/set (RFC 8621 §6.3)."""
    span = span_of(Kind.IDENTITY, arguments.if_in_state)

    async def create(call: Call, _: SetArguments, creations: Mapping[str, Json]) -> Outcomes[Json]:
        async def one(creation_id: str) -> Json:
            given = creations[creation_id]
            wrong = [name for name in given if name in ("id", "mayDelete") or name not in PROPERTIES]
            if wrong:
                raise SetProblem("invalidProperties", "not to be set, or unknown", properties=wrong)
            text = _text({**TEXT_DEFAULTS, **given})
            try:
                identity = await call.mail.identities.add(
                    call.account, parse_email(given.get("email")), text, span=span
                )
            except WrongProperties as problem:
                raise SetProblem("invalidProperties", properties=problem.names) from None
            except AddressForbidden as problem:
                raise SetProblem("forbiddenFrom", problem.text) from None
            except TooMany as problem:
                raise SetProblem("overQuota", problem.text) from None
            call.created_ids[creation_id] = format_identity(identity.id)
            return {name: value for name, value in _object_of(identity).items() if value != given.get(name, ...)}

        return await one_by_one(creations, one)

    async def update(call: Call, _: SetArguments, updates: Mapping[str, Json]) -> Outcomes[Json | None]:
        async def one(id: str) -> Json | None:
            more: Json = {}

            def edit(identity: Identity) -> IdentityText:
                asked = patched(_object_of(identity), updates[id], server_set=_FIXED, defaults=TEXT_DEFAULTS)
                text = _text(asked)
                more.update((name, value) for name, value in format_text(text).items() if value != asked[name])
                return text

            await call.mail.identities.change(call.account.id, identity_id_of(id), edit, span=span)
            return more or None

        return await one_by_one(updates, one)

    async def destroy(call: Call, _: SetArguments, ids: Sequence[str]) -> Outcomes[None]:
        async def one(id: str) -> None:
            await call.mail.identities.remove(call.account.id, identity_id_of(id), span=span)

        return await one_by_one(ids, one)

    return await set(call, arguments, Setting(state, create, update, destroy), method=SET, span=span)


METHODS = (
    get_method("Identity", SUBMISSION, Getting(state, fetch, PROPERTIES)),
    changes_method("Identity", SUBMISSION, Changing(changes)),
    Method(SET, SUBMISSION, SetArguments, set_identities),
)
