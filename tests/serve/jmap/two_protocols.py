"""Clients that only know what they were told: a JMAP client that keeps a copy of the account and of some queries, and
IMAP sessions that follow one mailbox by what is said to them."""

import re

from jmap_site import Site

from memory_stage import MemoryClient
from pillarbox.grammar.imap.framing import ResponseReader

EMAIL = ["mailboxIds", "keywords", "threadId", "receivedAt", "size", "subject"]


# --- JMAP ------------------------------------------------------------------------------------------------------------


def applied(ids: list[str], changes: dict) -> list[str]:
    """A query's result after its changes, as RFC 8620 §5.6 has a client do it."""
    removed = set(changes["removed"])
    made = [id for id in ids if id not in removed]
    for item in changes["added"]:
        assert item["id"] not in made, f"{item} is there already"
        assert item["index"] <= len(made), f"{item} lies behind the end of {made}"
        made.insert(item["index"], item["id"])
    return made


class Copy:
    """All that one JMAP client knows. `most` is its maxChanges, but where that is too small for a single change: one
    message may change the counts of many mailboxes."""

    def __init__(self, site: Site, email_queries: list[dict], mailbox_queries: list[dict], most: int | None) -> None:
        self.site = site
        self.most = most
        self.emails: dict[str, dict] = {}
        self.threads: dict[str, dict] = {}
        self.mailboxes: dict[str, dict] = {}
        self.states: dict[str, str] = {}
        self.queries = [("Email", query) for query in email_queries] + [("Mailbox", query) for query in mailbox_queries]
        self.results: list[list[str]] = []
        self.query_states: list[str] = []

    async def read(self) -> None:
        """Everything anew."""
        answers = await self.site.calls(
            ("Email/query", {"sort": [{"property": "receivedAt"}]}),
            ("Email/get", {"#ids": {"resultOf": "c0", "name": "Email/query", "path": "/ids"}, "properties": EMAIL}),
            ("Thread/get", {"#ids": {"resultOf": "c1", "name": "Email/get", "path": "/list/*/threadId"}}),
            ("Mailbox/get", {"ids": None}),
            *((f"{type}/query", query) for type, query in self.queries),
        )
        for name, answer, _ in answers:
            assert name != "error", answer
        found = [answer for _, answer, _ in answers]
        self.emails, self.threads, self.mailboxes = ({one["id"]: one for one in found[n]["list"]} for n in (1, 2, 3))
        self.states = {type: found[n]["state"] for n, type in ((1, "Email"), (2, "Thread"), (3, "Mailbox"))}
        self.results = [answer["ids"] for answer in found[4:]]
        self.query_states = [answer["queryState"] for answer in found[4:]]

    async def follow(self) -> None:
        """Ask what has changed, and believe it."""
        while await self._follow(self.most):
            pass
        calls = [
            (f"{type}/queryChanges", {**query, "sinceQueryState": state})
            for (type, query), state in zip(self.queries, self.query_states, strict=True)
        ]
        for n, (name, answer, _) in enumerate(await self.site.calls(*calls)):
            assert name != "error", (calls[n], answer)
            self.results[n] = applied(self.results[n], answer)
            self.query_states[n] = answer["newQueryState"]

    async def _follow(self, most: int | None) -> bool:
        """One step; whether there are more."""
        calls: list[tuple[str, dict]] = []
        for n, type in enumerate(("Email", "Thread", "Mailbox")):
            since = {"sinceState": self.states[type]}
            calls.append((f"{type}/changes", since if most is None else {**since, "maxChanges": most}))
            for path in ("/created", "/updated"):
                reference = {"resultOf": f"c{3 * n}", "name": f"{type}/changes", "path": path}
                calls.append((f"{type}/get", {"#ids": reference, **({"properties": EMAIL} if type == "Email" else {})}))
        answers = await self.site.calls(*calls)
        if most is not None and answers[6][1].get("type") == "cannotCalculateChanges":
            return await self._follow(None)
        has_more = False
        for n, (type, known) in enumerate(
            (("Email", self.emails), ("Thread", self.threads), ("Mailbox", self.mailboxes))
        ):
            (name, changes, _), (_, created, _), (_, updated, _) = answers[3 * n : 3 * n + 3]
            assert name != "error", (calls[3 * n], changes)
            assert changes["oldState"] == self.states[type]
            self._take(known, changes, created["list"], updated["list"])
            self.states[type] = changes["newState"]
            has_more = has_more or changes["hasMoreChanges"]
        return has_more

    @staticmethod
    def _take(known: dict[str, dict], changes: dict, created: list[dict], updated: list[dict]) -> None:
        told = [*changes["created"], *changes["updated"], *changes["destroyed"]]
        assert len(told) == len(set(told)), changes
        for one in created:
            known[one["id"]] = one
        properties = changes.get("updatedProperties")
        for one in updated:
            assert one["id"] in known, f"{one} was never told of"
            if properties is None:
                known[one["id"]] = one
            else:
                known[one["id"]].update({name: one[name] for name in properties})
        for id in changes["destroyed"]:
            known.pop(id, None)

    def assert_equals(self, fresh: "Copy") -> None:
        """What was told is what is there."""
        assert self.emails == fresh.emails
        assert {id: one["emailIds"] for id, one in self.threads.items()} == {
            id: one["emailIds"] for id, one in fresh.threads.items()
        }
        assert self.mailboxes == fresh.mailboxes
        for (type, query), mine, found in zip(self.queries, self.results, fresh.results, strict=True):
            assert mine == found, (type, query)


# --- IMAP ------------------------------------------------------------------------------------------------------------


class Session(MemoryClient):
    """One IMAP client."""

    async def ask(self, text: bytes | str) -> list[bytes]:
        """Whole responses up to the tagged one, which comes last."""
        command = text.encode() if isinstance(text, str) else text
        self.line.write(b"x " + command + b"\r\n")
        reader = ResponseReader(1 << 30)
        found: list[bytes] = []
        while True:
            data, self.octets = bytes(self.octets), bytearray()
            found += reader.feed(data)
            if found and found[-1].startswith(b"x "):
                assert not found[-1].startswith(b"x BAD"), (command, found[-1])
                assert b"SERVERBUG" not in found[-1], (command, found[-1])
                return found
            assert not self.is_closed, f"closed after {found[-3:]}"
            await self.wait_news()

    async def messages(self) -> list[tuple[int, frozenset[str]]]:
        """UID and flags of all that is selected, freshly asked for."""
        answer = await self.ask("FETCH 1:* (UID FLAGS)") if self.exists else []
        return [read_fetch(line)[1:] for line in answer if b" FETCH (" in line]

    exists = 0

    async def examine(self, name: str) -> None:
        """Look at a mailbox."""
        answer = await self.ask(b'EXAMINE "%b"' % name.encode())
        assert answer[-1].startswith(b"x OK"), answer
        self.exists = next(int(line.split()[1]) for line in answer if line.rstrip().endswith(b" EXISTS"))


def read_fetch(line: bytes) -> tuple[int, int, frozenset[str]]:
    """Number, UID (0 where it is not said) and flags but `\\Recent`, which is of the session."""
    number = int(line.split()[1])
    uid = re.search(rb"UID (\d+)", line)
    flags = re.search(rb"FLAGS \(([^)]*)\)", line)
    assert flags is not None, line
    names = frozenset(name.lower() for name in flags[1].decode().split()) - {"\\recent"}
    return number, int(uid[1]) if uid is not None else 0, names


class Follower:
    """What a session that has a mailbox open knows of it: UID and flags by number, None where it was not told."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rows: list[tuple[int, frozenset[str]] | None] = []

    async def select(self, name: str) -> None:
        """Open it, and learn all."""
        await self.ask(f"SELECT {name}")
        await self.settle()

    async def ask(self, command: bytes | str) -> list[bytes]:
        """Ask, and believe the answer."""
        answer = await self.session.ask(command)
        for line in answer[:-1]:
            self._hear(line)
        return answer

    def _hear(self, line: bytes) -> None:
        words = line.split(b" ", 3)
        number = int(words[1]) if words[1].isdigit() else 0
        match words[2].strip() if len(words) > 2 else b"":
            case b"EXPUNGE":
                del self.rows[number - 1]
            case b"EXISTS":
                assert number >= len(self.rows), line
                self.rows += [None] * (number - len(self.rows))
            case b"FETCH":
                _, uid, flags = read_fetch(line)
                row = self.rows[number - 1]
                assert uid == 0 or row is None or row[0] == uid, (line, row)
                if uid or row is not None:
                    self.rows[number - 1] = (uid or (row or (0, flags))[0], flags)

    async def settle(self) -> None:
        """Hear what is new, and ask of each new message what it is."""
        await self.ask("NOOP")
        for number, row in enumerate(self.rows, start=1):
            if row is None:
                await self.ask(f"FETCH {number} (UID FLAGS)")
