"""The creations of Email/set: a message is written from what the client says of it (RFC 8621 §4.6)."""

import asyncio
from base64 import b32encode
from collections.abc import Mapping

from pillarbox.core.contents.spool import Content
from pillarbox.core.feed.states import Span
from pillarbox.core.passport.trace import new_trace
from pillarbox.grammar.jmap.compose import Fresh, compose
from pillarbox.grammar.jmap.creation import InvalidEmail, NewEmail, parse_creation
from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.grammar.message import message_id
from pillarbox.model.errors import NotFound, TooLarge
from pillarbox.serve.jmap.blobs import Blob, open_blob
from pillarbox.serve.jmap.email.arrivals import Ready, store
from pillarbox.serve.jmap.email.where import Where, read_where
from pillarbox.serve.jmap.method import Call, Json, SetProblem
from pillarbox.serve.jmap.standard.set import Outcomes

COMPOSED_ON_THE_LOOP_OCTETS = 200_000
BOUNDARY_OCTETS = 15


async def create(call: Call, creations: Mapping[str, Json], span: Span) -> Outcomes[Json]:
    """Each for itself. Raises: StateMoved."""
    defaults: dict[str, Json] = {}

    async def make(creation_id: str) -> Ready:
        given = creations[creation_id]
        email, where = _read(call, given)
        content = await _compose(call, email)
        try:
            described = await call.mail.messages.describe(content)
        except BaseException:
            content.give_up()
            raise
        received = where.received or call.mail.clock.now()
        known = {"keywords": {}, "receivedAt": format_utc(received)}
        defaults[creation_id] = {name: value for name, value in known.items() if given.get(name) is None}
        return Ready(content, described, where.mailbox_ids, where.flags, received)

    outcomes = await store(call, creations, make, span)
    return {
        name: made if isinstance(made, Exception) else {**made, **defaults[name]} for name, made in outcomes.items()
    }


def _read(call: Call, given: Json) -> tuple[NewEmail, Where]:
    """Raises: SetProblem, with all properties that are wrong."""
    where, wrong = read_where(call, given)
    try:
        email = parse_creation(given, limits=call.mail.limits)
    except InvalidEmail as problem:
        wrong += problem.properties
    else:
        if not wrong:
            return email, where
    raise SetProblem("invalidProperties", properties=wrong)


async def _compose(call: Call, email: NewEmail) -> Content:
    """The message, kept. Raises: SetProblem, TooLarge, Unavailable."""
    mail = call.mail
    blobs = await _read_blobs(call, email)
    fresh = Fresh(
        mail.clock.now(),
        message_id.make(new_trace(mail.random), mail.hostname),
        b32encode(mail.random.octets(BOUNDARY_OCTETS)).decode("ascii").lower(),
    )
    sizes = {blob_id: len(octets) for blob_id, octets in blobs.items()}
    if email.content_octets(sizes) <= COMPOSED_ON_THE_LOOP_OCTETS:
        octets = compose(email, blobs, fresh)
    else:
        octets = await asyncio.to_thread(compose, email, blobs, fresh)
    spool = mail.spools.begin(mail.limits.message_octets)
    try:
        spool.write(octets)
        return await spool.finish()
    finally:
        spool.abort()


async def _read_blobs(call: Call, email: NewEmail) -> dict[str, bytes]:
    """Raises: SetProblem: blobNotFound, with all that are not there; TooLarge."""
    found: dict[str, Blob] = {}
    missing: list[str] = []
    try:
        for blob_id in email.blob_ids():
            try:
                found[blob_id] = await open_blob(call.mail, call.account.id, blob_id)
            except NotFound:
                missing.append(blob_id)
        if missing:
            raise SetProblem("blobNotFound", notFound=missing)
        sizes = {blob_id: blob.size_octets for blob_id, blob in found.items()}
        if email.content_octets(sizes) > call.mail.limits.message_octets:
            raise TooLarge(f"the message would exceed {call.mail.limits.message_octets} octets")
        return {blob_id: await blob.read() for blob_id, blob in found.items()}
    finally:
        for blob in found.values():
            blob.close()
