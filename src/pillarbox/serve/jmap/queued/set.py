"""QueuedMessage/set: have it tried at once, or take it out of the queue. Mail is sent by EmailSubmission/set, not here."""

from collections.abc import Mapping, Sequence

from pillarbox.core.feed.states import Kind, Span
from pillarbox.serve.jmap.method import Call, Json, Method, SetProblem
from pillarbox.serve.jmap.own import OWN
from pillarbox.serve.jmap.queued.objects import PROPERTIES, number_of, object_of, state
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, one_by_one, patched, set, span_of

NAME = "QueuedMessage/set"
RETRY = "retry"
_FIXED = tuple(name for name in PROPERTIES if name != RETRY)


async def create(call: Call, arguments: SetArguments, creations: Mapping[str, Json]) -> Outcomes[Json]:
    """Never."""
    problem = SetProblem("forbidden", "mail comes into the queue when it is sent")
    return dict.fromkeys(creations, problem)


async def set_queued(call: Call, arguments: SetArguments) -> Json:
    """The method."""
    span = span_of(Kind.QUEUED, arguments.if_in_state)

    async def change(call: Call, _: SetArguments, updates: Mapping[str, Json]) -> Outcomes[Json | None]:
        return await one_by_one(updates, lambda id: _update(call, id, updates[id], span))

    async def cancel(call: Call, _: SetArguments, ids: Sequence[str]) -> Outcomes[None]:
        return await one_by_one(ids, lambda id: call.mail.outbox.cancel(call.account.id, number_of(id), span=span))

    return await set(call, arguments, Setting(state, create, change, cancel), method=NAME, span=span)


async def _update(call: Call, id: str, patch: Json, span: Span) -> Json | None:
    """What is different then beside what was asked for."""
    number = number_of(id)
    current = (await call.mail.outbox.get(call.account.id, [number])).get(number)
    if current is None:
        raise SetProblem("notFound")
    before = object_of(current)
    wanted = patched(before, patch, server_set=_FIXED, defaults={RETRY: False}).get(RETRY)
    if not isinstance(wanted, bool):
        raise SetProblem("invalidProperties", properties=[RETRY])
    if not wanted:
        return None
    after = object_of(await call.mail.outbox.retry(call.account.id, number, span=span))
    return {RETRY: False, **{name: value for name, value in after.items() if value != before[name]}}


METHODS = (Method(NAME, OWN, SetArguments, set_queued),)
