"""Passports for the owners of mail: an account's half of the journeys of its own things, and no more of it than is theirs.

Things are found among the account's own only; `core.passport.passport_view` says what of an entry is shown.
"""

import msgspec

from pillarbox.core.passport.passport_view import shown
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.grammar.message.part import unpack
from pillarbox.model.account import Account
from pillarbox.model.ids import AccountId, MessageId, TraceId
from pillarbox.model.passport import PassportEntry
from pillarbox.model.submission import SubmissionId
from pillarbox.store import emails as email_rows
from pillarbox.store import passport_traces as traces
from pillarbox.store import passports as rows
from pillarbox.store.base import Database, Transaction

ENTRIES_MOST = 1_000
"""Of one journey, or of several that have one name."""
_IDENTIFIER = 9
"""Its place in an envelope."""


class Journeys(msgspec.Struct, frozen=True):
    """The entries, one journey after the other, each in time's order; `is_cut` when there are more."""

    entries: tuple[PassportEntry, ...]
    is_cut: bool = False


class OwnPassports:
    """Reads them. Each answer is None when the account has no such thing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_message(self, account: Account, message_id: MessageId) -> Journeys | None:
        """How a stored message came here; of one that did not come, such as the copy of what was sent, the journeys of
        its Message-ID."""
        async with self._db.read(account.id) as tx:
            trace_id = await traces.trace_of_message(tx, account.id, message_id)
            if trace_id is None:
                return None
            found = await _journeys(tx, account, [trace_id] if trace_id else [])
            if not found.entries:
                identifier = await _identifier(tx, account.id, message_id)
                named = await traces.traces_named(tx, account.id, identifier) if identifier else []
                found = await _journeys(tx, account, named)
            return found

    async def of_submission(self, account: Account, submission_id: SubmissionId) -> Journeys | None:
        """How a submission went."""
        async with self._db.read(account.id) as tx:
            trace_id = await traces.trace_of_submission(tx, account.id, submission_id)
            return None if trace_id is None else await _journeys(tx, account, [trace_id])

    async def of_queued(self, account: Account, number: int) -> Journeys | None:
        """How far a message has come that is still in the queue."""
        async with self._db.read(account.id) as tx:
            trace_id = await traces.trace_of_queued(tx, account.id, number)
            return None if trace_id is None else await _journeys(tx, account, [trace_id])

    async def named(self, account: Account, identifier: str) -> Journeys | None:
        """All journeys of a Message-ID, with or without brackets; the newest 20."""
        name = identifier.strip().removeprefix("<").removesuffix(">")
        async with self._db.read(account.id) as tx:
            found = await traces.traces_named(tx, account.id, name)
            return await _journeys(tx, account, found) if found else None


async def _journeys(tx: Transaction, account: Account, trace_ids: list[TraceId]) -> Journeys:
    entries: list[PassportEntry] = []
    for trace_id in trace_ids:
        entries += shown(await rows.entries_of(tx, trace_id, account.id), account.address)
        if len(entries) >= ENTRIES_MOST:
            return Journeys(tuple(entries[:ENTRIES_MOST]), is_cut=True)
    return Journeys(tuple(entries))


async def _identifier(tx: Transaction, account_id: AccountId, message_id: MessageId) -> str:
    """The Message-ID field of a message, or nothing."""
    for row in await email_rows.parts(tx, account_id, [message_id]):
        envelope = unpack(row[4]).envelope
        raw = envelope[_IDENTIFIER] if envelope else None
        return next(iter(parse_ids(raw or b"")), "")
    return ""
