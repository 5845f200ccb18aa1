"""What every engine must keep: checks to be run on each, by tests of ours or of whoever writes another engine.

A check is a coroutine function of an `Engine`; it fails by AssertionError. It makes its own tables, knows no other
schema, and needs an empty store. `CHECKS` lists all; those of `FILLABLE` ask for an engine whose room can be limited.
"""

from pillarbox.store.contract import cancelling, committing, filling, hooking, reading, statements
from pillarbox.store.contract.engine import Check, Engine

CHECKS: tuple[Check, ...] = (
    *statements.CHECKS,
    *reading.CHECKS,
    *committing.CHECKS,
    *hooking.CHECKS,
    *cancelling.CHECKS,
)
FILLABLE: tuple[Check, ...] = filling.CHECKS

__all__ = ["CHECKS", "FILLABLE", "Check", "Engine"]
