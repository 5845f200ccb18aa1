"""Plays the dialogue scripts that Apache James is tested with, and says where we answer otherwise.

The scripts are James talking. What the standards fix is compared: the word of each tagged response, the numbers of
EXISTS and EXPUNGE, and what FETCH, SEARCH, STATUS, LIST and LSUB say once they are parsed. Free text, the order of
responses and items, and lines with wildcards are not. James separates names by ".", we by "/".
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from imap_dialogue import Client, Stage

from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.framing import ResponseReader
from pillarbox.grammar.imap.responses import fetch, mailbox
from pillarbox.model.errors import SyntaxProblem

NAMED = re.compile(
    r"(?i)(\S+ (?:CREATE|DELETE|RENAME|LIST|LSUB|SUBSCRIBE|UNSUBSCRIBE|SELECT|EXAMINE|STATUS|COPY|MOVE|APPEND"
    r"|UID COPY|UID MOVE) )(.*)"
)
APPENDS = re.compile(r"\{\d+\+\}$")
SPACES = re.compile(r'"(?:[^"\\]|\\.)*"|(?<=\() +| +(?=\))| +$| {2,}')
ESCAPED = 0xE000
"""Characters from here on are of no language."""
USES = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"}


class Exchange(msgspec.Struct):
    """What a client says at once, and what should come back."""

    who: str
    said: list[str]
    expected: list[str]


def read_exchanges(path: Path) -> list[Exchange]:
    """The steps of a script."""
    found: list[Exchange] = []
    who = "1"
    for line in path.read_text(encoding="utf-8").split("\n"):
        kind, _, text = line.partition(":")
        text = text.removeprefix(" ")
        if kind == "SESSION":
            who = text.strip()
        elif kind == "C":
            if not found or found[-1].who != who or found[-1].expected:
                found.append(Exchange(who, [], []))
            found[-1].said.append(text)
        elif kind == "S" and found:
            found[-1].expected.append(text)
    return found


def ours(line: str) -> str:
    """A command with names as we write them, and with one space where RFC 3501 §9 has SP: James takes any number."""
    line = SPACES.sub(_one_space, line)
    match = NAMED.fullmatch(line)
    if match is None:
        return line
    arguments = re.sub(r'(?<![0-9"])\.(?=[^0-9]|$)|(?<=")\.(?=")|(?<=[%*\w])\.(?=[\w%*])', "/", match[2])
    return match[1] + arguments.replace("&AC4-", "&AC8-")


def _one_space(match: re.Match[str]) -> str:
    if match[0].startswith('"'):
        return match[0]
    is_edge = (
        match.end() == len(match.string) or match.string[match.start() - 1] == "(" or match.string[match.end()] == ")"
    )
    return "" if is_edge else " "


def plain(pattern: str) -> str | None:
    """The text that a pattern stands for; None when it stands for several."""
    # What is escaped stands for itself: it is moved out of the way of the search for wildcards, and back.
    text = re.sub(r"\\(\W)", lambda m: chr(ESCAPED + ord(m[1])), pattern).replace("\\r", "\r")
    if re.search(r"\\[dws]|\.[*+]|\([^()]*\)[?*+]|\[[^\]]*\][+*]", text):
        return None
    return "".join(chr(ord(c) - ESCAPED) if ord(c) >= ESCAPED else c for c in text)


def meaning(response: bytes) -> Any:
    """What is compared of a response; None for what is not."""
    words = response.split(b" ", 2)
    try:
        if words[0] != b"*":
            return ("tagged", words[0].decode(), words[1].decode()) if words[1] in (b"OK", b"NO", b"BAD") else None
        if words[1] in (b"LIST", b"LSUB"):
            listed = mailbox.parse_list(Cursor(words[2]))
            return words[1], frozenset({*listed.attributes} - USES - {"\\NoInferiors"}), listed.path
        if words[1] == b"STATUS":
            status = mailbox.parse_status(Cursor(words[2]))
            return status.path, frozenset(status.items.items())
        if words[1] == b"SEARCH":
            return "search", frozenset(words[2].split() if len(words) > 2 else ())
        if words[1] == b"BYE":
            return "bye"
        if words[1].isdigit() and words[2] == b"EXISTS":
            return words[1:]
        if words[1].isdigit() and words[2] == b"EXPUNGE":
            return "expunge"  # the numbers depend on the order, and any order is right
        if words[1].isdigit() and words[2].startswith(b"FETCH"):
            fetched = fetch.parse_fetch(int(words[1]), Cursor(words[2], len(b"FETCH ")))
            return _comparable(fetched)
    except (SyntaxProblem, IndexError):
        return None
    return None


def _comparable(fetched: fetch.Fetched) -> Any:
    flags = None if fetched.flags is None else frozenset(flag.lower() for flag in fetched.flags) - {"\\recent"}
    structure = _in_any_order(fetched.structure)
    octets = tuple(sorted((name, value or b"") for name, value in fetched.octets.items()))
    return fetched.number, flags, fetched.size_octets, fetched.envelope, structure, octets


def _in_any_order(tree: Any) -> Any:
    """A body structure in capitals, its parameters without their order."""
    if isinstance(tree, bytes):
        return tree.upper()
    if not isinstance(tree, list):
        return tree
    items = tuple(map(_in_any_order, tree))
    is_pairs = len(items) % 2 == 0 and all(isinstance(item, bytes) for item in items)
    return frozenset(zip(items[::2], items[1::2], strict=True)) if is_pairs else items


SELECTED_COMMANDS = re.compile(r"(?i)\S+ (?:UID )?(?:FETCH|STORE|SEARCH|COPY|MOVE|CHECK|EXPUNGE|CLOSE|DELETE selected)")
OPENING = re.compile(r"(?i)\S+ (?:SELECT|EXAMINE) ")


def needs_selected(exchanges: list[Exchange]) -> bool:
    """Whether a script speaks about a mailbox that it has not selected itself."""
    for exchange in exchanges:
        for line in exchange.said:
            if OPENING.match(line):
                return False
            if SELECTED_COMMANDS.match(line):
                return True
    return False


async def differences(stage: Stage, exchanges: list[Exchange]) -> list[str]:
    """Where what came is not what James would have said."""
    found = []
    for exchange in exchanges:
        client = stage.clients.get(exchange.who) or await stage.sign_in(exchange.who)
        came = await _say(client, exchange)
        patterns = [pattern for pattern in exchange.expected if not pattern.startswith("\\+")]
        known = ["" if (text := plain(pattern)) is None else text for pattern in patterns]
        tagged = {m[1]: m[2] for p in patterns if (m := re.match(r"([\w.]+) (OK|NO|BAD)", p))}
        expected = [meaning(r) for r in ResponseReader(1 << 30).feed("".join(t + "\r\n" for t in known).encode())]
        if "" in known:
            # Wildcards: the words of the tagged responses alone.
            mine = {m[1]: m[2] for m in map(meaning, came) if m is not None and m[0] == "tagged" and m[1] in tagged}
            differs = mine != tagged
        else:
            wanted, mine = (
                Counter(m for m in map(_frozen, expected) if m),
                Counter(m for r in came if (m := _frozen(meaning(r)))),
            )
            differs = wanted != mine
        if differs:
            found.append(exchange.said[0])
    return found


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


async def _say(client: Client, exchange: Exchange) -> list[bytes]:
    said = [ours(exchange.said[0]), *exchange.said[1:]]
    octets = b"".join(line.encode() + b"\r\n" for line in said)
    if len(said) > 2 and APPENDS.search(said[0]):
        # Some sizes are one too many: James ends a command by a bare LF too.
        size = len(octets) - len(said[0]) - len("\r\n\r\n")
        octets = APPENDS.sub(f"{{{size}+}}", said[0]).encode() + octets[len(said[0]) :]
    client.line.write(octets)
    tags = [m[1] for p in exchange.expected if (m := re.match(r"([\w.]+) (?:OK|NO|BAD|\(\.\)\*)", p))]
    if client.is_closed or not exchange.expected:
        return []
    if not tags:
        return [await client.read_line() or b""]
    try:
        return await client.read_until(tags[-1])
    except AssertionError:
        return []
