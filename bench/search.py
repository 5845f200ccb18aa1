"""Search in an account of 100,000 messages: `Email/query` of ours over HTTP, and IMAP SEARCH TEXT beside the peer.

Filled by APPEND once for each server; ours is left alone until it has indexed all, which its CPU time shows. Words are
as unequal as in a language: some are in almost every message, most in few. Warm: each query is asked once before.
"""

import itertools
import random
import statistics
import time
from argparse import Namespace

from bench.fetch import BATCH, Line
from bench.figures import Figures
from bench.jmap import Client
from bench.processes import cpu_now, cpu_seconds
from bench.servers import Server

VOCABULARY = 30_000
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
ASKED = 30
ROUNDS = 3
_filled: set[str] = set()


def vocabulary() -> list[str]:
    """Words by how often they come; always the same."""
    chance = random.Random(5)
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        letters = (LETTERS[min(25, int(chance.expovariate(0.18)))] for _ in range(chance.randint(2, 11)))
        found["".join(letters)] = None
    return list(found)


WORDS = vocabulary()
WEIGHTS = list(itertools.accumulate(1 / (place + 3) for place in range(VOCABULARY)))


def message(number: int) -> bytes:
    """Some 3 KB of text; every hundredth has the word zebrafish."""
    chance = random.Random(number)
    words = chance.choices(WORDS, cum_weights=WEIGHTS, k=chance.randint(200, 700))
    if number % 100 == 11:
        words[-5:-5] = ["zebrafish"]
    text = "\r\n".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12))
    subject = " ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=4))
    return (
        f"From: Person {number % 400} <person{number % 400}@example.net>\r\nTo: Big <big@bench.test>\r\n"
        f"Subject: {subject}\r\nDate: Tue, 24 Nov 2026 10:{number // 60 % 60:02d}:{number % 60:02d} +0000\r\n"
        f"Message-ID: <search.{number}@example.net>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def fill(server: Server, count: int) -> Line:
    """The mailbox, opened."""
    line = Line(server, server.user_names[0])
    if server.name not in _filled:
        line.command("CREATE search")
        for first in range(0, count, BATCH):
            line.append([message(number) for number in range(first, min(first + BATCH, count))], "search")
        wait_for_rest(server)
        _filled.add(server.name)
    line.command("SELECT search")
    return line


def wait_for_rest(server: Server) -> None:
    """Until two seconds have passed in which next to nothing was done."""
    before, used = -1.0, cpu_seconds(server.roots)
    while used - before > 0.05:
        time.sleep(2.0)
        before, used = used, cpu_seconds(server.roots)


def words_between(low: int, high: int) -> list[str]:
    """Words of a frequency, from the vocabulary."""
    return random.Random(low).sample(WORDS[low:high], ASKED)


QUERIES: dict[str, list[str]] = {
    "common_word": words_between(0, 100),
    "word": words_between(1_000, 5_000),
    "rare_word": words_between(20_000, 30_000),
    "two_common_words": [" ".join(pair) for pair in zip(words_between(0, 100), words_between(1, 101), strict=True)],
    "common_and_rare_word": [
        " ".join(pair) for pair in zip(words_between(0, 100), words_between(20_000, 30_000), strict=True)
    ],
    "beginning_of_words": [word[:3] for word in words_between(0, 1_000) if len(word) >= 3],
    "phrase": ['"' + " ".join(pair) + '"' for pair in zip(words_between(0, 40), words_between(1, 41), strict=True)],
    "one_percent": ["zebrafish"] * ASKED,
}


def look(server: Server, client: Client, filter: dict[str, str], **more: object) -> tuple[float, float]:
    """Milliseconds until the newest fifty conversations are there, and of the server's CPU. Something moves before, so
    that nothing is answered from what was found the last time."""
    stir(client)
    arguments = {
        "filter": filter,
        "sort": [{"property": "receivedAt", "isAscending": False}],
        "collapseThreads": True,
        "limit": 50,
        **more,
    }
    cpu, start = cpu_now(server.roots), time.perf_counter()
    client.call(("Email/query", arguments))
    took = time.perf_counter() - start
    return took * 1000, (cpu_now(server.roots) - cpu) * 1000


def stir(client: Client) -> None:
    """Set or take the flag of the first message."""
    (found,) = client.call(("Email/query", {"sort": [{"property": "receivedAt"}], "limit": 1}))
    (email,) = client.call(("Email/get", {"ids": found["ids"], "properties": ["keywords"]}))[0]["list"]
    flag = None if "$flagged" in email["keywords"] else True
    client.call(("Email/set", {"update": {email["id"]: {"keywords/$flagged": flag}}}))


def percentiles(server: Server, client: Client, name: str, asked: list[dict[str, str]], **more: object) -> Figures:
    """Of the times until an answer, and of the server's CPU."""
    looks = [look(server, client, filter, **more) for _ in range(ROUNDS) for filter in asked]
    times, cpu = zip(*looks, strict=True)
    figures: Figures = {}
    for kind, values in (("", times), ("cpu_", cpu)):
        ranks = statistics.quantiles(values, n=20, method="inclusive")
        figures |= {f"{name}_{kind}p50_ms": ranks[9], f"{name}_{kind}p95_ms": ranks[18]}
    return figures


def measure_jmap(server: Server) -> Figures:
    client = Client(server, server.user_names[0])
    figures: Figures = {}
    for name, texts in QUERIES.items():
        for text in texts:
            look(server, client, {"text": text})
        figures |= percentiles(server, client, name, [{"text": text} for text in texts])
    senders = [{"from": f"person{number}@example.net"} for number in range(ASKED)]
    figures |= percentiles(server, client, "from_address", senders)
    for name in ("common_word", "word"):
        asked = [{"text": text} for text in QUERIES[name]]
        figures |= percentiles(server, client, f"{name}_with_total", asked, calculateTotal=True)
    return figures


def measure(server: Server, options: Namespace) -> Figures:
    """Milliseconds."""
    line = fill(server, options.mailbox)
    figures = measure_jmap(server) if server.name == "ours" else {}
    for name, key in (
        ("imap_text", "TEXT zebrafish"),
        ("imap_text_part_of_a_word", "TEXT ebrafis"),
        ("imap_body_of_words", f'BODY "{message(11).split()[-6].decode()} zebrafish "'),
    ):
        cpu, times = cpu_seconds(server.roots), []
        for _ in range(3):
            start = time.perf_counter()
            line.command(f"UID SEARCH {key}")
            times.append((time.perf_counter() - start) * 1000)
        figures[f"{name}_ms"] = min(times)
        figures[f"{name}_cpu_ms"] = (cpu_seconds(server.roots) - cpu) / 3 * 1000
    return figures
