"""A process that delivers until it is killed: `engine_victim.py FILE ROUND`. A line on its output is an acknowledgement."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from pillarbox.model.ids import AccountId
from pillarbox.store.contract.engine import ONE, TWO, make_tables, put
from pillarbox.store.sqlite import SqliteDatabase

TASKS = 20


async def work(database: SqliteDatabase, name: str) -> None:
    number = 0
    while True:
        number += 1
        word = f"{name}.{number}"
        account_id = AccountId((ONE, TWO)[number % 2])
        with contextlib.suppress(LookupError):
            async with database.write(account_id) as tx:
                modseq = await put(tx, account_id, word, octets=word.encode() * 50)
                if number % 7 == 0:
                    raise LookupError
            os.write(1, b"%d %d %s\n" % (account_id, modseq, word.encode()))


async def main() -> None:
    database = SqliteDatabase(Path(sys.argv[1]), strict=True, checkpoint_pages=200)
    if sys.argv[2] == "0":
        await make_tables(database)
    async with asyncio.TaskGroup() as group:
        for task in range(TASKS):
            group.create_task(work(database, f"{sys.argv[2]}.{task}"))


if __name__ == "__main__":
    asyncio.run(main())
