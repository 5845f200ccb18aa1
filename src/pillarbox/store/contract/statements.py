"""Statements: one text for all engines, values as they went in, errors by meaning."""

from pillarbox.model.errors import Conflict, Invalid
from pillarbox.store.base import ALL_ROWS_LIMIT
from pillarbox.store.contract.engine import ONE, TWO, Engine, deliver, make_tables, put, refused, words

SEVERAL = "insert into contract_change (account_id, modseq, word) values ($1, $2, $3)"


async def check_values_come_back_as_they_went_in(engine: Engine) -> None:
    """Numbers of 64 bits, octets of any kind, text beyond the BMP, nothing."""
    insert = "insert into contract_item (account_id, modseq, uid, octets, word, number) values ($1, $2, 1, $3, $4, $5)"
    rows = [
        (1, 1, bytes(range(256)), "", 2**63 - 1),
        (1, 2, b"", "ä\U0001f4ee\n", -(2**63)),
        (1, 3, b"\0", None, None),
    ]
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            await tx.run_many(insert, rows)
        query = "select account_id, modseq, octets, word, number from contract_item order by modseq"
        assert [tuple(row) for row in await database.all(ONE, query)] == rows
        found = await database.one(ONE, query)
        assert found is not None and type(found[2]) is bytes and type(found[3]) is str and type(found[4]) is int
        assert await database.value(ONE, "select word from contract_item where modseq = 9") is None
        assert await database.one(ONE, "select word from contract_item where modseq = 9") is None
        assert await database.all(ONE, "select word from contract_item where modseq = 9") == []


async def check_parameters_are_numbered(engine: Engine) -> None:
    """`$2` is the second value wherever it stands, also before `$1`, also twice, also beyond nine."""
    async with engine.open() as database:
        texts = ", ".join(f"cast(${n} as bigint)" for n in (2, 1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 10))
        found = await database.one(ONE, f"select {texts}", *range(101, 112))
        assert found is not None and tuple(found[:4]) == (102, 101, 102, 111)


async def check_what_another_engine_would_refuse_is_refused(engine: Engine) -> None:
    """NUL in text, numbers beyond 64 bits, and types that are no column's."""
    async with engine.open() as database:
        await make_tables(database)
        for value in ("a\0b", 2**63):
            with refused(Invalid):
                await database.value(ONE, "select 1 from contract_change where word = $1 or modseq = $1", value)
            with refused(Invalid):
                async with database.write(ONE) as tx:
                    await tx.run(SEVERAL, 1, 1, value)
            with refused(Invalid):
                async with database.write(ONE) as tx:
                    await tx.run_many(SEVERAL, [(1, 1, "fine"), (1, 2, value)])
        for wrong in (1.5, [1], object()):
            with refused(TypeError):
                await database.value(ONE, "select cast($1 as bigint)", wrong)  # type: ignore[arg-type]
        assert await words(database, ONE) == []


async def check_a_wrong_type_or_a_missing_value_is_a_bug(engine: Engine) -> None:
    """Text in a number's column, null where none may be, a table that is not there: no conflict, nothing stored."""
    async with engine.open() as database:
        await make_tables(database)
        for values in ((1, "one", "w"), (1, 1, None)):
            with refused(RuntimeError):
                async with database.write(ONE) as tx:
                    await tx.run(SEVERAL, *values)
        with refused(RuntimeError):
            await database.one(ONE, "select 1 from contract_nothing")
        with refused(RuntimeError):
            async with database.write(ONE) as tx:
                await tx.run("create table contract_odd (a no_such_type) {strict_hot}".format(**database.dialect.types))
                raise RuntimeError("an engine may take an unknown type where it is not strict")
        assert await words(database, ONE) == []


async def check_a_key_taken_is_a_conflict(engine: Engine) -> None:
    """By primary key and by unique index; the store goes on."""
    async with engine.open() as database:
        await make_tables(database)
        await deliver(database, ONE, "first")
        with refused(Conflict):
            await deliver(database, ONE, "first")
        with refused(Conflict):
            async with database.write(ONE) as tx:
                await tx.run(SEVERAL, ONE, 1, "other")
        await deliver(database, TWO, "first")
        await deliver(database, ONE, "second")
        assert await words(database, ONE) == ["first", "second"]


async def check_after_a_conflict_the_transaction_is_of_no_more_use(engine: Engine) -> None:
    """Caught or not: every further statement is refused, and so is the whole."""
    async with engine.open() as database:
        await make_tables(database)
        await deliver(database, ONE, "first")
        with refused(RuntimeError):
            async with database.write(ONE) as tx:
                await put(tx, ONE, "second")
                with refused(Conflict):
                    await tx.run(SEVERAL, ONE, 1, "other")
                with refused(RuntimeError):
                    await tx.value("select 1")
        assert await words(database, ONE) == ["first"]


async def check_on_conflict_do_nothing_tells_by_returning(engine: Engine) -> None:
    """How one looks whether a row is there already."""
    text = SEVERAL + " on conflict (account_id, modseq) do nothing returning word"
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            assert await tx.value(text, ONE, 7, "mine") == "mine"
            assert await tx.value(text, ONE, 7, "yours") is None
            assert await tx.value("select word from contract_change where modseq = 7") == "mine"


async def check_lists_and_octets_in_octets(engine: Engine) -> None:
    """The dialect's `in_list` and `contains`."""
    async with engine.open() as database:
        await make_tables(database)
        for word in ("a", "b", "c"):
            await deliver(database, ONE, word, octets=b"\xff(" + word.encode() + b")\0")
        dialect = database.dialect
        query = f"select modseq from contract_item where account_id = $1 and uid {dialect.in_list(2)} order by modseq"
        assert [row[0] for row in await database.all(ONE, query, ONE, dialect.list_value([3, 1, 99]))] == [1, 3]
        assert await database.all(ONE, query, ONE, dialect.list_value([])) == []
        query = f"select modseq from contract_item where account_id = $2 and {dialect.contains('octets', 1)}"
        assert [row[0] for row in await database.all(ONE, query, b"(b)\0", ONE)] == [2]


async def check_portable_forms(engine: Engine) -> None:
    """What SQL functions may use on every engine."""
    async with engine.open() as database:
        await make_tables(database)
        for word in ("a", "B", "b", "Ä"):
            await deliver(database, ONE, word)
        query = "select word from contract_change where (account_id, modseq) > ($1, $2) order by word limit 10"
        assert [row[0] for row in await database.all(ONE, query, ONE, 1)] == ["B", "b", "Ä"]
        query = (
            "select row_number() over (order by modseq desc), octet_length(word) from contract_change order by modseq"
        )
        assert [tuple(row) for row in await database.all(ONE, query)] == [(4, 1), (3, 1), (2, 1), (1, 2)]
        async with database.write(ONE) as tx:
            await tx.run(
                "update contract_item set word = c.word from contract_change c "
                "where c.account_id = contract_item.account_id and c.modseq = contract_item.modseq"
            )
            query = (
                "select coalesce(max(case when word is not distinct from $1 then 1 else 0 end), 0) from contract_item"
            )
            assert await tx.value(query, "Ä") == 1


async def check_all_refuses_too_many_rows(engine: Engine) -> None:
    """The bound itself is allowed, one more is not."""
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            await tx.run_many(SEVERAL, [(ONE, n, str(n)) for n in range(ALL_ROWS_LIMIT)])
        query = "select modseq from contract_change"
        assert len(await database.all(ONE, query)) == ALL_ROWS_LIMIT
        async with database.write(ONE) as tx:
            await tx.run(SEVERAL, ONE, ALL_ROWS_LIMIT, "more")
        with refused(RuntimeError):
            await database.all(ONE, query)
        with refused(RuntimeError):
            async with database.read(ONE) as tx:
                await tx.all(query)
        assert len(await database.all(ONE, query + " order by modseq limit 5")) == 5


async def check_a_transaction_is_over_after_its_block(engine: Engine) -> None:
    """Kept by mistake, it touches nobody else's work."""
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as written:
            await put(written, ONE, "first")
        async with database.read(ONE) as read:
            await read.value("select 1")
        for tx in (written, read):
            with refused(RuntimeError):
                await tx.value("select 1")
            with refused(RuntimeError):
                await tx.run_many(SEVERAL, [(1, 2, "w")])


CHECKS = (
    check_values_come_back_as_they_went_in,
    check_parameters_are_numbered,
    check_what_another_engine_would_refuse_is_refused,
    check_a_wrong_type_or_a_missing_value_is_a_bug,
    check_a_key_taken_is_a_conflict,
    check_after_a_conflict_the_transaction_is_of_no_more_use,
    check_on_conflict_do_nothing_tells_by_returning,
    check_lists_and_octets_in_octets,
    check_portable_forms,
    check_all_refuses_too_many_rows,
    check_a_transaction_is_over_after_its_block,
)
