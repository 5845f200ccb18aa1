"""Three sessions do at random what they may with one mailbox: each can follow the numbers by what it is told alone."""

import random
import re

import pytest
from imap_dialogue import Client, open_stage

from memory_stage import fresh_folder

COMMANDS = (
    "APPEND INBOX {5+}\r\nabcde", "APPEND INBOX {5+}\r\nabcde", "NOOP", "FETCH %d:%d (UID FLAGS)", "FETCH 1:* (UID FLAGS)",
    "FETCH 1:* (UID ENVELOPE)", "UID FETCH 1:* (BODY[])", "STORE %d +FLAGS (\\Deleted)", "STORE %d:%d -FLAGS.SILENT (\\Seen)",
    "STORE %d:* FLAGS (keyword)", "UID STORE 1:9 +FLAGS (\\Deleted)", "SEARCH ALL", "SEARCH RECENT", "UID SEARCH DELETED",
    "EXPUNGE", "UID EXPUNGE 1:20", "COPY %d:%d INBOX", "MOVE %d INBOX", "MOVE %d:%d Trash", "STATUS INBOX (MESSAGES)",
    "SELECT INBOX", "EXAMINE INBOX",
)  # fmt: skip
NO_EXPUNGE = ("FETCH", "STORE", "SEARCH")
"""RFC 3501 §7.4.1."""


class Follower:
    """What a client knows of the mailbox: a UID for each number, None where it was not told."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.uids: list[int | None] = []

    async def ask(self, command: str) -> None:
        """Ask, and believe the answer where it makes sense."""
        if command in ("SELECT INBOX", "EXAMINE INBOX"):
            self.uids = []
        answer = await self.client.ask(command)
        for line in answer[:-1]:
            self.hear(command, line)
        assert re.match(rb"x (OK|NO \[NOPERM\]|BAD expected message numbers)", answer[-1]), (command, answer)
        known = [uid for uid in self.uids if uid is not None]
        assert known == sorted(set(known)), (command, answer)

    def hear(self, command: str, line: bytes) -> None:
        """One untagged response."""
        words = line.split(b" ", 3)
        number = int(words[1]) if words[1].isdigit() else 0
        match words[2] if len(words) > 2 else b"":
            case b"EXPUNGE":
                assert not command.startswith(NO_EXPUNGE), (command, line)
                assert 1 <= number <= len(self.uids), (command, line)
                del self.uids[number - 1]
            case b"EXISTS":
                assert number >= len(self.uids), (command, line)
                self.uids += [None] * (number - len(self.uids))
            case b"RECENT":
                assert number <= len(self.uids), (command, line)
            case b"FETCH":
                assert 1 <= number <= len(self.uids), (command, line)
                if (found := re.search(rb"UID (\d+)", line)) is not None:
                    assert self.uids[number - 1] in (None, int(found[1])), (command, line)
                    self.uids[number - 1] = int(found[1])


@pytest.mark.parametrize("seed", range(6))
async def test_each_session_can_follow_the_numbers(seed, tmp_path_factory):
    chance = random.Random(seed)
    async with open_stage(await fresh_folder(tmp_path_factory), imap_bad_commands=1_000) as stage:
        followers = [Follower(await stage.sign_in(str(number))) for number in range(3)]
        for follower in followers:
            await follower.ask("SELECT INBOX")
        for _ in range(150):
            follower = chance.choice(followers)
            command = chance.choice(COMMANDS)
            most = max(1, len(follower.uids))
            await follower.ask(command % tuple(chance.randint(1, most) for _ in range(command.count("%d"))))
        for follower in followers:
            await follower.ask("NOOP")
            await follower.ask("UID FETCH 1:* FLAGS")
        assert followers[0].uids == followers[1].uids == followers[2].uids
        assert None not in followers[0].uids
