"""Every engine keeps the same contract. Another engine is one more line in `ENGINES`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.store.contract import CHECKS, FILLABLE, Check, Engine
from pillarbox.store.contract.sqlite_engine import SqliteEngine

ENGINES: dict[str, Callable[[Path], Engine]] = {"sqlite": lambda folder: SqliteEngine(folder / "mail.db")}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return ENGINES[request.param](tmp_path)


@pytest.mark.parametrize("check", [*CHECKS, *FILLABLE], ids=lambda check: check.__name__.removeprefix("check_"))
async def test_contract(engine: Engine, check: Check):
    await check(engine)


def test_every_check_is_listed():
    """A check that nobody runs would be worse than none."""
    from pillarbox.store import contract

    modules = [
        getattr(contract, name) for name in ("statements", "reading", "committing", "hooking", "cancelling", "filling")
    ]
    written = {getattr(module, name) for module in modules for name in vars(module) if name.startswith("check_")}
    assert written == {*CHECKS, *FILLABLE}
