"""Rows of `passport_entry` and `passport_tail`. Facts and dialogues are JSON.

An entry is written once, never changed, and forgotten when it is old; what a client said after the commit is a tail,
put to the entry that holds the dialogue when it is read.
"""

from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.model.ids import AccountId, QueueId, TraceId
from pillarbox.model.passport import Dialogue, DialogueLine, PassportEntry, Step
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

INSERT = """
insert into passport_entry (account_id, trace_id, number, at, step, message_id, queue_id, facts, dialogue)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
INSERT_TAIL = """
insert into passport_tail (trace_id, number, account_id, at, lines) values ($1, $2, $3, $4, $5)
"""
SELECT = "select trace_id, account_id, at, step, facts, dialogue, number from passport_entry where trace_id = $1 "
FORGET_ENTRIES = """
delete from passport_entry where (account_id, trace_id, number) in
  (select account_id, trace_id, number from passport_entry where at < $1 order by at limit $2)
returning 1
"""
FORGET_TAILS = """
delete from passport_tail where (trace_id, number) in
  (select trace_id, number from passport_tail where at < $1 order by at limit $2)
returning 1
"""
ENTRY_LIMIT = 1_000
TRACE_LIMIT = 20

_encode = msgspec.json.Encoder().encode
_facts = msgspec.json.Decoder(dict[str, str]).decode
_dialogue = msgspec.json.Decoder(Dialogue).decode
_lines = msgspec.json.Decoder(tuple[DialogueLine, ...]).decode


async def insert_entries(
    tx: Transaction,
    entries: Iterable[tuple[int, PassportEntry]],
    *,
    message_id: str | None,
    queue_id: QueueId | None,
) -> None:
    """Write entries, each with its number."""
    for number, entry in entries:
        await tx.run(
            INSERT,
            entry.account_id,
            entry.trace_id,
            number,
            micros(entry.at),
            entry.step.value,
            message_id,
            queue_id,
            _encode(entry.facts),
            None if entry.dialogue is None else _encode(entry.dialogue),
        )


async def insert_tails(
    tx: Transaction, tails: Sequence[tuple[TraceId, int, AccountId, int, tuple[DialogueLine, ...]]]
) -> None:
    """Write (trace, number, account, microseconds, lines)."""
    await tx.run_many(INSERT_TAIL, [(t, number, a, at, _encode(lines)) for t, number, a, at, lines in tails])


async def find_traces(tx: Transaction, name: str) -> list[TraceId]:
    """The journeys of this trace id, queue id or Message-ID, oldest first."""
    if await tx.value("select 1 from passport_entry where trace_id = $1 limit 1", name) is not None:
        return [TraceId(name)]
    found = await tx.all(
        "select trace_id, min(number) from passport_entry where message_id = $1 group by trace_id "
        "order by min(number) limit $2",
        name,
        TRACE_LIMIT,
    )
    if not found and name.isascii() and name.isdigit() and len(name) < 19:
        found = await tx.all(
            "select trace_id, min(number) from passport_entry where queue_id = $1 group by trace_id "
            "order by min(number) limit $2",
            int(name),
            TRACE_LIMIT,
        )
    return [TraceId(row[0]) for row in found]


async def entries_of(tx: Transaction, trace_id: TraceId, account_id: AccountId | None) -> list[PassportEntry]:
    """The entries of one journey, in time's order, or of one account's half of it."""
    if account_id is None:
        found = await tx.all(SELECT + "order by number limit $2", trace_id, ENTRY_LIMIT)
    else:
        found = await tx.all(SELECT + "and account_id = $3 order by number limit $2", trace_id, ENTRY_LIMIT, account_id)
    tails = await tx.all(
        "select lines from passport_tail where trace_id = $1 order by number limit $2", trace_id, ENTRY_LIMIT
    )
    entries = [_entry(row) for row in found]
    return _with_tails(entries, tails) if tails else entries


def _entry(row: Row) -> PassportEntry:
    return PassportEntry(
        trace_id=TraceId(row[0]),
        account_id=AccountId(row[1]),
        at=moment(row[2]),
        step=Step(row[3]),
        facts=_facts(row[4]),
        dialogue=None if row[5] is None else _dialogue(row[5]),
    )


def _with_tails(entries: list[PassportEntry], tails: list[Row]) -> list[PassportEntry]:
    for place, entry in enumerate(entries):
        if entry.dialogue is not None and entry.step in (Step.ACCEPTED, Step.APPENDED):
            lines = entry.dialogue.lines + tuple(line for (text,) in tails for line in _lines(text))
            whole = msgspec.structs.replace(entry.dialogue, lines=lines)
            entries[place] = msgspec.structs.replace(entry, dialogue=whole)
            break
    return entries


async def has_step(tx: Transaction, account_id: AccountId, trace_id: TraceId, step: Step) -> bool:
    """Whether this account's half of a journey has an entry of this kind."""
    found = await tx.value(
        "select 1 from passport_entry where account_id = $1 and trace_id = $2 and step = $3 limit 1",
        account_id,
        trace_id,
        step.value,
    )
    return found is not None


async def forget_entries(tx: Transaction, before: int, limit: int) -> int:
    """Forget at most `limit` entries from before then, oldest first; how many."""
    return len(await tx.all(FORGET_ENTRIES, before, limit))


async def forget_tails(tx: Transaction, before: int, limit: int) -> int:
    """The same of tails."""
    return len(await tx.all(FORGET_TAILS, before, limit))
