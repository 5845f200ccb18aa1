"""The data type VacationResponse: one object in each account, read and changed (RFC 8621 §8)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.dates import format_utc, parse_utc
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.model.vacation import Vacation
from pillarbox.serve.jmap.method import Call, Json, Method, SetProblem
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, one_by_one, patched, set, span_of

VACATION = "urn:ietf:params:jmap:vacationresponse"
SET = "VacationResponse/set"
ID = "singleton"
PROPERTIES = ("id", "isEnabled", "fromDate", "toDate", "subject", "textBody", "htmlBody")
_DEFAULTS: Json = {"fromDate": None, "toDate": None, "subject": None, "textBody": None, "htmlBody": None}


async def state(call: Call) -> str:
    """Of the one object."""
    return str(await call.mail.states.get(call.account.id, Kind.VACATION))


def _object_of(vacation: Vacation) -> Json:
    return {
        "id": ID,
        "isEnabled": vacation.is_enabled,
        "fromDate": None if vacation.begins is None else format_utc(vacation.begins),
        "toDate": None if vacation.ends is None else format_utc(vacation.ends),
        "subject": vacation.subject,
        "textBody": vacation.text,
        "htmlBody": vacation.html,
    }


def _vacation(value: Json) -> Vacation:
    """Raises: SetProblem, with all properties that are wrong."""
    wrong = []
    dates: dict[str, datetime | None] = {}
    for name in ("fromDate", "toDate"):
        try:
            dates[name] = None if value.get(name) is None else parse_utc(value[name])
        except SyntaxProblem:
            wrong.append(name)
    texts: dict[str, str | None] = {}
    for name in ("subject", "textBody", "htmlBody"):
        text = value.get(name)
        if isinstance(text, str | None) and "\0" not in (text or ""):
            texts[name] = text
        else:
            wrong.append(name)
    is_enabled = value.get("isEnabled")
    if not isinstance(is_enabled, bool):
        wrong.append("isEnabled")
    if wrong:
        raise SetProblem("invalidProperties", properties=wrong)
    return Vacation(
        bool(is_enabled), dates["fromDate"], dates["toDate"], texts["subject"], texts["textBody"], texts["htmlBody"]
    )


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """It is there even where nobody ever set it up (RFC 8621 §8.1)."""
    if ids is not None and ID not in ids:
        return {}
    return {ID: _object_of(await call.mail.vacations.get(call.account.id))}


async def create(call: Call, arguments: SetArguments, creations: Mapping[str, Json]) -> Outcomes[Json]:
    """There is one, and no other (RFC 8620 §5.3, singleton)."""
    return {creation_id: SetProblem("singleton", "there is exactly one, always") for creation_id in creations}


async def destroy(call: Call, arguments: SetArguments, ids: Sequence[str]) -> Outcomes[None]:
    """It stays; it can be switched off."""
    return {id: SetProblem("singleton") if id == ID else NotFound("no such object") for id in ids}


async def set_vacation(call: Call, arguments: SetArguments) -> Json:
    """VacationResponse/set (RFC 8621 §8.2). A patch is applied where the object is written, so none that comes at the
    same time is lost."""
    span = span_of(Kind.VACATION, arguments.if_in_state)

    async def change(call: Call, _: SetArguments, updates: Mapping[str, Json]) -> Outcomes[Json | None]:
        async def one(id: str) -> Json | None:
            if id != ID:
                raise NotFound("no such object")
            asked: Json = {}

            def edit(now: Vacation) -> Vacation:
                asked.update(patched(_object_of(now), updates[id], server_set=("id",), defaults=_DEFAULTS))
                return _vacation(asked)

            made = _object_of(await call.mail.vacations.change(call.account.id, edit, span=span))
            return {name: value for name, value in made.items() if value != asked[name]} or None

        return await one_by_one(updates, one)

    return await set(call, arguments, Setting(state, create, change, destroy), method=SET, span=span)


METHODS = (
    get_method("VacationResponse", VACATION, Getting(state, fetch, PROPERTIES)),
    Method(SET, VACATION, SetArguments, set_vacation),
)
