"""`kill -9` of a process with twenty deliveries in flight, ten times over on one file."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fault import engine_victim
from fault.after_crash import Stored

pytestmark = pytest.mark.fault

ROUNDS = 10
LINES_BEFORE_KILL = 3_000


def told_until_killed(path: Path, number: int, lines: int) -> set[tuple[int, int, str]]:
    """Let a victim run until it has acknowledged so much; all that it acknowledged."""
    victim = subprocess.Popen(
        [sys.executable, engine_victim.__file__, str(path), str(number)], stdout=subprocess.PIPE, bufsize=0
    )
    assert victim.stdout is not None
    received = b""
    while received.count(b"\n") < lines:
        piece = victim.stdout.read(65_536)
        assert piece, "the victim ended by itself"
        received += piece
    victim.send_signal(signal.SIGKILL)
    received += victim.stdout.read()
    victim.stdout.close()
    assert victim.wait(30) == -signal.SIGKILL
    whole = [line.split() for line in received.split(b"\n")[:-1]]
    return {(int(account), int(modseq), word.decode()) for account, modseq, word in whole}


def test_ten_kills_lose_nothing_acknowledged(tmp_path: Path):
    chance = random.Random(20261124)
    path = tmp_path / "mail.db"
    told: set[tuple[int, int, str]] = set()
    for number in range(ROUNDS):
        told |= told_until_killed(path, number, chance.randrange(1, LINES_BEFORE_KILL))
        stored = Stored(path)
        stored.check_dense()
        assert told <= set(stored.changes), "acknowledged and gone"
        for item, (_, _, word) in zip(stored.items, stored.changes, strict=True):
            assert int(word.rpartition(".")[2]) % 7, "what was undone is there"
            assert item[3] == word.encode() * 50
    assert len(told) > ROUNDS
