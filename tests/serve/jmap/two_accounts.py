"""Two accounts on one server, for tests of what one can learn of the other: alice has everything, mallory asks.

Alice's numbers begin where mallory's never come to, so none of her ids is by chance one of mallory's. `WORD` stands in all
that alice has written: an answer to mallory in which it stands is a leak, whatever else is right about it.
"""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from jmap_site import Site

from office import DOMAIN, Office, address, open_office
from pillarbox.model.account import Account
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.limits import Limits
from pillarbox.serve.http.sign_in.routes import sign_in_routes
from pillarbox.serve.jmap.image.route import image_routes
from pillarbox.serve.jmap.routes import jmap_routes
from pillarbox.serve.jmap.session_object import CAPABILITIES
from pillarbox.wire.http_fetch import HttpFetcher
from serve.http.http_site import open_site

WORD = "xylophone"
FIRST_NUMBER = 500_000
"""Alice's first mod-sequence, and with it her first id."""
NEVER = 300_000
"""Added to a number of hers, it is that of nothing and nobody."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_NUMBERED = re.compile(r"([a-zB])([0-9]+)((?:_[0-9]+)*)")
_UPLOADED = re.compile(r"U([0-9a-f]{64})((?:_[0-9]+)*)")
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-F]{2}))"
"""Where a word begins, in a URL too."""
_PLACE = re.compile(r"%([a-z_]+)")

Ids = Mapping[str, str]


class Person(Site):
    """One who has signed in, and what they have, by the names that probes use."""

    def __init__(self, office: Office, account: Account, http: httpx.AsyncClient, port: int) -> None:
        super().__init__(office, account, http, port)
        self.has: dict[str, str] = {"me": self.id}

    async def ask(self, *calls: list, created: Ids | None = None) -> dict[str, Any]:
        """A request that names all capabilities: the response."""
        more = {} if created is None else {"createdIds": dict(created)}
        answer = await self.post(list(calls), using=list(CAPABILITIES), **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(self, name: str, **arguments: object) -> dict[str, Any]:
        """One method that succeeds in all that is asked of it."""
        if not name.startswith("PushSubscription"):
            arguments = {"accountId": self.id, **arguments}
        ((found, answer, _), *_) = (await self.ask([name, arguments, "c"]))["methodResponses"]
        assert found == name, answer
        assert not any(answer.get(f"not{what}") for what in ("Created", "Updated", "Destroyed", "Found")), answer
        return answer

    async def make(self, type: str, **value: object) -> str:
        """A new object: its id."""
        answer = await self.do(f"{type}/set", create={"k": value})
        return answer["created"]["k"]["id"]

    async def upload(self, octets: bytes) -> str:
        answer = await self.http.post(f"/jmap/upload/{self.id}", content=octets)
        assert answer.status_code == 201, answer.text
        return answer.json()["blobId"]

    async def state(self, type: str) -> str | None:
        """Of a data type; None where it has none."""
        asked = {"accountId": self.id, "ids": []}
        ((name, answer, _),) = (await self.ask([f"{type}/get", asked, "c"]))["methodResponses"]
        return answer.get("state") if name != "error" else None


def never(id: str) -> str:
    """What looks like `id`, and names nothing."""
    numbered, uploaded = _NUMBERED.fullmatch(id), _UPLOADED.fullmatch(id)
    if numbered is not None:
        return f"{numbered[1]}{int(numbered[2]) + NEVER}{numbered[3]}"
    if uploaded is not None:
        return f"U{uploaded[1][::-1]}{uploaded[2]}"
    if id.isdecimal():
        return str(int(id) + NEVER)
    octets, dash, limit = id.partition("-")
    if dash and octets.isdecimal():
        return f"{int(octets) + 1}-{limit}"  # the state of a Quota
    return id.replace("alice", "aline").replace(WORD, "xylophonic")


def filled(value: Any, ids: Ids) -> Any:
    """`value` with each `%name` replaced, in names and values."""
    match value:
        case str():
            return _PLACE.sub(lambda found: ids[found[1]], value)
        case list():
            return [filled(one, ids) for one in value]
        case dict():
            return {filled(name, ids): filled(one, ids) for name, one in value.items()}
    return value


def names_in(value: Any) -> set[str]:
    """The names behind the `%` of a value."""
    return set(_PLACE.findall(json.dumps(value)))


def blinded(text: str, ids: Ids) -> str:
    """The text without what was asked with: two answers that are equal then are told apart by nobody. What stands within a
    longer word, such as `a1` in a hash, is no id."""
    for name, id in sorted(ids.items(), key=lambda item: -len(item[1])):
        text = re.sub(rf"{_BEFORE}{re.escape(id)}(?![A-Za-z0-9])", f"%{name}", text)
    return text


# --- what is in the accounts -----------------------------------------------------------------------------------------


def letter(word: str, name: str, *, filler: int = 0) -> bytes:
    """A message with an attachment that asks for a receipt."""
    return (
        f"From: Ann <ann@far.test>\r\nTo: {name}@{DOMAIN}\r\nSubject: about the {word}\r\nMessage-ID: <{word}@far.test>\r\n"
        f"Disposition-Notification-To: ann@far.test\r\nReturn-Path: <ann@far.test>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThe {word} is here. {'x' * filler}\r\n"
        f"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment; filename={word}.bin\r\n\r\neHlsb3Bob25l\r\n--b--\r\n"
    ).encode()


async def fill(person: Person, word: str, name: str) -> None:
    """One of everything; what it is called stands in `person.has`."""
    has = person.has
    has["address"] = f"{name}@{DOMAIN}"
    has["mailbox"] = await person.make("Mailbox", name=f"{word} box")
    has["child"] = await person.make("Mailbox", name=f"{word} child", parentId=has["mailbox"])
    has["email"] = await person.put(letter(word, name), f"{word} box")
    has["large"] = await person.put(letter(word, name, filler=100_000), f"{word} box")
    has["draft"] = await person.put(
        f"From: {name}@{DOMAIN}\r\nTo: eve@other.test\r\nSubject: {word}\r\nMessage-ID: <draft.{word}@far.test>\r\n\r\n{word}\r\n".encode(),
        "Drafts",
    )
    email = await person.do("Email/get", ids=[has["email"]], properties=["blobId", "threadId"])
    has["blob"], has["thread"] = email["list"][0]["blobId"], email["list"][0]["threadId"]
    has["draft_thread"] = f"t{has['draft'][1:]}"
    has["part"] = f"{has['blob']}_2"
    has["large_blob"] = f"B{has['large'][1:]}"
    has["message_id"] = f"<delivered.{word}@far.test>"
    await fill_uploads(person, word, name)
    await fill_sending(person, word, name)
    await fill_contacts(person, word)
    await person.do(
        "VacationResponse/set", update={"singleton": {"isEnabled": True, "textBody": f"gone to the {word}"}}
    )
    has["push"] = await person.make(
        "PushSubscription", deviceClientId=word, url=f"https://push.{word}.example/", types=["Email"]
    )
    database = person.office.database
    code = "select code from push_subscription where account_id = $1"
    ((has["push_code"],),) = await database.all(person.account.id, code, person.account.id)
    has["token"] = await person.mail.tokens.add(person.account.address, f"{word} phone")
    await person.office.take("ann@far.test", name, content=letter(f"delivered.{word}", name))
    has["word"] = word


async def fill_uploads(person: Person, word: str, name: str) -> None:
    has = person.has
    has["upload"] = await person.upload(letter(f"uploaded.{word}", name))
    has["large_upload"] = await person.upload(letter(f"uploaded.large.{word}", name, filler=100_000))
    has["upload_part"] = f"{has['upload']}_1"
    has["picture"] = await person.upload(_pixel() + word.encode())


def _pixel() -> bytes:
    import base64

    return base64.b64decode(PIXEL)


async def fill_sending(person: Person, word: str, name: str) -> None:
    """An identity, and mail that waits until tomorrow."""
    has = person.has
    has["identity"] = await person.make("Identity", name=f"{word} player", email=has["address"])
    envelope = {
        "mailFrom": {"email": has["address"], "parameters": {"HOLDFOR": "86400"}},
        "rcptTo": [{"email": f"{word}@other.test", "parameters": None}],
    }
    has["submission"] = await person.make(
        "EmailSubmission", identityId=has["identity"], emailId=has["draft"], envelope=envelope
    )
    has["queued"] = (await person.do("QueuedMessage/query"))["ids"][0]


async def fill_contacts(person: Person, word: str) -> None:
    has = person.has
    has["book"] = await person.make("AddressBook", name=f"{word} players")
    card = {"@type": "Card", "version": "1.0", "uid": f"urn:{word}", "name": {"@type": "Name", "full": f"Mrs {word}"}}
    group = {**card, "kind": "group", "uid": f"urn:group:{word}", "members": {f"urn:member:{word}": True}}
    media = {
        "p": {"@type": "Media", "kind": "photo", "blobId": await person.upload(_pixel() + b"face" + word.encode())}
    }
    has["card"] = await person.make("ContactCard", **card, media=media, addressBookIds={has["book"]: True})
    has["group"] = await person.make("ContactCard", **group, addressBookIds={has["book"]: True})
    has["card_uid"], has["member_uid"] = f"urn:{word}", f"urn:member:{word}"
    found = await person.do("ContactCard/get", ids=[has["card"]])
    has["card_picture"] = found["list"][0]["media"]["p"]["blobId"]


# --- the server ------------------------------------------------------------------------------------------------------


class Two:
    """Alice, mallory, and all that is stored."""

    def __init__(self, office: Office, alice: Person, mallory: Person) -> None:
        self.office = office
        self.alice = alice
        self.mallory = mallory

    async def ids(self, asks: Person, type: str) -> tuple[dict[str, str], dict[str, str]]:
        """What probes name, once with alice's ids, and once with those of nobody; `my_…` is who asks."""
        hers = dict(self.alice.has)
        state = await self.alice.state(type)
        hers["state"] = f"{FIRST_NUMBER}" if state is None else state
        hers["account"] = hers.pop("me")
        nobodys = {name: never(id) for name, id in hers.items()}
        own = {"me": asks.id, **{f"my_{name}": id for name, id in asks.has.items() if name != "me"}}
        own["my_state"] = await asks.state(type) or "0"
        return {**own, **hers}, {**own, **nobodys}

    async def dump(self, account: Account) -> dict[str, list[tuple]]:
        """Every row of an account, of every table; and its files."""
        database = self.office.database
        tables = await database.all(SYSTEM_ACCOUNT, "select name from sqlite_master where type = 'table' order by name")
        found: dict[str, list[tuple]] = {}
        for (table,) in tables:
            columns = [
                row[0] for row in await database.all(SYSTEM_ACCOUNT, f"select name from pragma_table_info('{table}')")
            ]
            key = "account_id" if "account_id" in columns else "id" if table == "account" else None
            if key is not None:
                rows = await database.all(account.id, f"select * from {table} where {key} = $1", account.id)
                found[table] = sorted(map(tuple, rows), key=repr)
        return found


@contextlib.asynccontextmanager
async def open_two(folder: Path) -> AsyncIterator[Two]:
    """Both have signed in."""
    limits = Limits(account_octets=100_000_000)
    async with open_office(folder, limits=limits) as office:
        await office.mail.directory.add_domain(DOMAIN)
        accounts = [await office.mail.accounts.add(address(name), None) for name in ("alice", "mallory")]
        async with office.database.write(accounts[0].id) as tx:
            await tx.run("update account set modseq = $1 where id = $2", FIRST_NUMBER, accounts[0].id)
        fetch = HttpFetcher(office.resolver)
        routes = [*jmap_routes(office.mail), *image_routes(office.mail, fetch), *sign_in_routes(office.mail)]
        async with contextlib.AsyncExitStack() as stack:
            site = await stack.enter_async_context(open_site(office, extra=routes))
            people = []
            for account in accounts:
                token = await office.mail.tokens.add(account.address, "client")
                http = httpx.AsyncClient(
                    base_url=f"http://localhost:{site.port}",
                    headers={"Authorization": f"Bearer {token}"},
                    trust_env=False,
                    timeout=30,
                )
                await stack.enter_async_context(http)
                people.append(Person(office, account, http, site.port))
            alice, mallory = people
            await fill(mallory, "trombone", "mallory")
            await fill(alice, WORD, "alice")
            yield Two(office, alice, mallory)
