"""Each file in `dialogues` is a conversation; `smtp_dialogue` says how to read it."""

from pathlib import Path

import pytest
from smtp_dialogue import Player, limits_of, open_stage, read_steps

from memory_stage import fresh_folder

DIALOGUES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
async def test_dialogue(path, tmp_path_factory):
    steps = read_steps(path)
    async with open_stage(await fresh_folder(tmp_path_factory), **limits_of(steps)) as stage:
        await Player(stage).play(steps)


def test_there_are_dialogues():
    assert len(DIALOGUES) > 40
