"""`kill -9` while letters come to somebody who is away: each letter that was taken has one answer, none has two."""

import contextlib
import random
import re
import smtplib
import threading
import time
from collections import Counter

import pytest

from away import go_away, inbox
from servers import PASSWORD, Pillarbox, wait_until

pytestmark = [
    pytest.mark.fault,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROUNDS = 8
WRITERS = 4
ANSWERED = re.compile(rb"^In-Reply-To: <([^>]+)>", re.MULTILINE)
WRITTEN = re.compile(rb"^Message-ID: <(letter-[^>]+)>", re.MULTILINE)


def write(server: Pillarbox, name: str, taken: set[str], stop: threading.Event) -> None:
    """Each letter from a sender of its own: bob with another tag."""
    count = 0
    while not stop.is_set():
        with (
            contextlib.suppress(OSError, smtplib.SMTPException),
            smtplib.SMTP(server.listen, server.port("mx"), timeout=10) as client,
        ):
            while not stop.is_set():
                count += 1
                identifier = f"letter-{name}-{count}@uiowa.test"
                text = f"From: bob@uiowa.test\r\nTo: alice@uiowa.test\r\nMessage-ID: <{identifier}>\r\n\r\nHello.\r\n"
                client.sendmail(f"bob+{name}.{count}@uiowa.test", ["alice@uiowa.test"], text)
                taken.add(identifier)


def test_every_letter_that_was_taken_is_answered_once(tmp_path):
    server = Pillarbox(tmp_path / "data", hostname="mail.uiowa.test", domains=["uiowa.test"])
    for name in ("alice", "bob"):
        server.add_account(f"{name}@uiowa.test", PASSWORD)
    chance = random.Random(8621)
    taken: set[str] = set()
    try:
        server.start()
        go_away(server, "alice@uiowa.test", textBody="Back on Monday.")
        for number in range(ROUNDS):
            stop = threading.Event()
            writers = [
                threading.Thread(target=write, args=(server, f"{number}{letter}", taken, stop))
                for letter in "abcd"[:WRITERS]
            ]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.1, 0.6))
            server.kill()
            stop.set()
            for writer in writers:
                writer.join()
            server.start()
        wait_until(lambda: server.json("queue", "list") == [], seconds=60, what="an empty queue")
        letters = Counter(WRITTEN.search(text)[1].decode() for text in inbox(server, "alice@uiowa.test"))
        answers = Counter(ANSWERED.search(text)[1].decode() for text in inbox(server, "bob@uiowa.test"))
    finally:
        server.kill()
    assert len(taken) > ROUNDS, "hardly anything was written"
    assert taken <= set(letters)
    assert answers == letters
