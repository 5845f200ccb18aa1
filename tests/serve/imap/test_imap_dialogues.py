"""Each file in `dialogues` is a conversation; `imap_dialogue` says how to read it."""

from pathlib import Path

import pytest
from imap_dialogue import limits_of, open_stage, play, read_steps

from memory_stage import fresh_folder

DIALOGUES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
async def test_dialogue(path, tmp_path_factory):
    steps = read_steps(path)
    async with open_stage(await fresh_folder(tmp_path_factory), **limits_of(steps)) as stage:
        await play(stage, steps)


def test_there_are_dialogues():
    assert len(DIALOGUES) > 40
