"""Nobody reaches what is another's by a URL, an event or a passport; what the methods say is tested in `test_isolation`."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from event_stream import Events
from isolation_probes import BLOBS, TABLE
from two_accounts import WORD, Ids, Person, Two, blinded, filled, letter, names_in, never, open_two
from websockets.asyncio.client import connect

from office import DOMAIN
from pillarbox.serve.jmap.image.address import format_path
from pillarbox.serve.jmap.method import AccountArguments
from pillarbox.serve.jmap.methods import METHODS
from pillarbox.serve.jmap.session_object import CAPABILITIES
from queue_run import run_queue

PATIENCE_SECONDS = 15.0

shared = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    """One for all that leaves alice's account as it is."""
    async with open_two(tmp_path_factory.mktemp("two") / "data") as opened:
        yield opened


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Two]:
    """One for a test in which alice changes something."""
    async with open_two(tmp_path / "data") as opened:
        yield opened


def said(answer: httpx.Response, ids: Ids, *names: str) -> tuple[int, dict[str, str], str]:
    """All of an answer, without what was asked with."""
    asked = {name: ids[name] for name in names}
    headers = {name: blinded(value, asked) for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, headers, blinded(answer.content.decode("latin-1"), asked)


async def both(two: Two, method: str, path: str, **more: object) -> tuple:
    """The answer to mallory for alice's ids; it is the one for ids of nobody, and says nothing of hers."""
    found = []
    for ids in await two.ids(two.mallory, "Email"):
        answer = await two.mallory.http.request(method, filled(path, ids), **filled(more, ids))
        found.append(said(answer, ids, *(names_in([path, more]) - {"me"})))
        assert WORD not in answer.text
    hers, nobodys = found
    assert hers == nobodys, (method, path, more)
    return hers


# --- downloads and uploads -------------------------------------------------------------------------------------------

CONDITIONS = (
    {},
    {"Range": "bytes=0-3"},
    {"Range": "bytes=9999999-"},
    {"If-None-Match": "*"},
    {"If-None-Match": '"%{blob}"'},
    {"If-Range": '"%{blob}"', "Range": "bytes=0-3"},
)
"""By which a server might tell that it knows the blob before it has looked whose it is."""


@shared
@pytest.mark.parametrize("blob", BLOBS)
async def test_her_blobs_are_not_there_for_others(two: Two, blob: str):
    for account in ("%me", "%account"):
        for method in ("GET", "HEAD"):
            for condition in CONDITIONS:
                headers = {name: value.replace("{blob}", blob) for name, value in condition.items()}
                path = f"/jmap/download/{account}/%{blob}/x?type=text/plain"
                status, _, _ = await both(two, method, path, headers=headers)
                assert status == 404
    ids, _ = await two.ids(two.mallory, "Email")
    path = filled(f"/jmap/download/%account/%{blob}/x", ids)
    assert (await two.alice.http.get(path)).status_code == 200


ODD_PATHS = (
    "/jmap/download/%me/../%account/%blob/x",
    "/jmap/download/%me/..%2f%account/%blob/x",
    "/jmap/download/%me/%2e%2e/%account/%blob/x",
    "/jmap/download/%me%00/%blob/x",
    "/jmap/download/%me/%blob%00/x",
    "/jmap/download/%me/%my_blob/../%blob/x",
    "/jmap/download/%me/%my_blob/..%2f%blob",
    "/jmap/download/%me,%account/%blob/x",
    "/jmap/download/%account%20/%blob/x",
    "/jmap/download//%account/%blob/x",
    "/jmap/download/%me/%blob/x?accountId=%account",
    "/jmap/download/%me;accountId=%account/%blob/x",
    "//jmap/download/%account/%blob/x",
    "/jmap/Download/%account/%blob/x",
)


@shared
@pytest.mark.parametrize("path", ODD_PATHS)
async def test_no_spelling_of_a_path_leads_to_her(two: Two, path: str):
    """Sent as it is, octet by octet: a client library would tidy it up."""
    found = []
    token = two.mallory.http.headers["Authorization"]
    for ids in await two.ids(two.mallory, "Email"):
        octets = await raw_get(two, filled(path, ids), token)
        assert WORD.encode() not in octets
        assert b"uowp" not in octets
        found.append(blinded(octets.decode("latin-1"), {name: ids[name] for name in ("account", "blob")}))
    hers, nobodys = found
    assert hers == nobodys
    if "%my_blob/.." not in path:  # which is a name of a file, and mallory's own blob
        assert hers.startswith("HTTP/1.1 40"), hers


async def raw_get(two: Two, path: str, authorization: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", two.mallory.port)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
    writer.write(head.encode())
    octets = await reader.read()
    writer.close()
    return octets


@shared
async def test_nothing_is_uploaded_to_her(two: Two):
    before = await two.dump(two.alice.account)
    for account in ("%account", "%account/", "%account%2f%me", "%me/../%account"):
        status, _, _ = await both(two, "POST", f"/jmap/upload/{account}", content="the same octets")
        assert status in (404, 405)
    assert await two.dump(two.alice.account) == before


async def test_the_same_octets_are_two_uploads_and_neither_is_found_by_its_hash(fresh: Two):
    """Contents are stored once; that somebody has one is nobody's to learn."""
    two = fresh
    octets = letter(f"uploaded.{WORD}", "alice")
    id = two.alice.has["upload"]
    name = f"/jmap/download/{two.mallory.id}/{id}/x"
    assert (await two.mallory.http.get(name)).status_code == 404
    assert (await two.mallory.http.get(name.replace(id, never(id)))).status_code == 404
    first, again = [await two.mallory.http.post(f"/jmap/upload/{two.mallory.id}", content=octets) for _ in range(2)]
    assert first.json() == again.json()
    assert first.json()["blobId"] == id
    assert (await two.mallory.http.get(name)).content == octets


# --- pictures --------------------------------------------------------------------------------------------------------


@shared
async def test_the_address_of_a_picture_is_signed_for_one_account(two: Two):
    """Mallory's signature opens nothing in the name of another, of whom nothing is told either."""
    signed = two.office.mail.remote_images.sign(two.mallory.account.id, "https://far.test/a.png")
    path = format_path(signed)
    own = f"/{two.mallory.id}/"
    assert own in path
    for old, new in ((own, "/%account/"), (own, "/%account%00/"), (own, "/%account/%me/")):
        status, _, text = await both(two, "GET", path.replace(old, new))
        assert status == 404
        assert "far.test" not in text


@shared
async def test_why_a_picture_cannot_be_had_is_told_to_nobody(two: Two):
    """Which names this server's name server knows, and what is near it, could be asked for one by one."""
    two.office.resolver.zones["near.test"] = {"A": ["10.0.0.1"]}
    two.office.resolver.failing.add("failing.test")
    answers = []
    for host in ("near.test", "nowhere.test", "failing.test", "127.0.0.1", "[::1]", "169.254.169.254", "near.test:25"):
        signed = two.office.mail.remote_images.sign(two.mallory.account.id, f"https://{host}/a.png")
        answers.append(said(await two.mallory.http.get(format_path(signed)), {}))
    assert answers == [answers[0]] * len(answers)
    assert answers[0][0] == 404


# --- events ----------------------------------------------------------------------------------------------------------


async def change_everything(two: Two) -> None:
    """Of alice's, over and over."""
    alice = two.alice
    await alice.make("Mailbox", name=f"{WORD} more")
    await alice.make("Identity", name=WORD, email=alice.has["address"])
    await alice.make("AddressBook", name=WORD)
    await alice.do("Email/set", update={alice.has["email"]: {"keywords/$seen": True}})
    await alice.do("VacationResponse/set", update={"singleton": {"subject": WORD}})
    await two.office.take("ann@far.test", "alice", content=letter(f"again.{WORD}", "alice"))


async def test_what_happens_to_her_is_not_told_to_others(fresh: Two):
    query = {"types": "*", "closeafter": "no", "ping": "0"}
    mallory = fresh.mallory
    async with mallory.http.stream("GET", "/jmap/eventsource", params=query) as response:
        events = Events(response)
        await events.next()
        await change_everything(fresh)
        await mallory.make("Mailbox", name="mine")
        event = await events.next()
        assert event.data is not None
        assert set(event.data["changed"]) == {mallory.id}
        assert set(event.data["changed"][mallory.id]) == {"Mailbox"}


@shared
@pytest.mark.parametrize("more", [{}, {"accountId": "%account"}, {"accounts": "%account"}])
async def test_a_place_in_her_time_is_one_that_never_was(two: Two, more: dict[str, str]):
    found = []
    for ids in await two.ids(two.mallory, "Email"):
        query = {"types": "*", "closeafter": "state", "ping": "0", **filled(more, ids)}
        headers = {"Last-Event-ID": ids["state"]}
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await two.mallory.http.get("/jmap/eventsource", params=query, headers=headers)
        found.append(said(answer, ids, "state", "account"))
    assert found[0] == found[1]


# --- WebSocket -------------------------------------------------------------------------------------------------------


async def over_websocket(two: Two, *messages: dict) -> list[str]:
    """What comes back for each."""
    token = {"Authorization": two.mallory.http.headers["Authorization"]}
    found = []
    url = f"ws://localhost:{two.mallory.port}/jmap/ws"
    async with connect(url, subprotocols=["jmap"], additional_headers=token, proxy=None, max_size=None) as socket:
        for message in messages:
            await socket.send(json.dumps(message))
            async with asyncio.timeout(PATIENCE_SECONDS):
                found.append(str(await socket.recv()))
    return found


@shared
async def test_over_a_websocket_it_is_the_same(two: Two):
    before = await two.dump(two.alice.account)
    for method in METHODS:
        hers, nobodys = await two.ids(two.mallory, method.name.partition("/")[0])
        has_account = method.arguments is not None and issubclass(method.arguments, AccountArguments)
        for account in ("%me", "%account") if has_account else (None,):
            texts = []
            for ids in (hers, nobodys):
                messages = []
                for probe in TABLE[method.name]:
                    arguments = probe.arguments if account is None else {"accountId": account, **probe.arguments}
                    call = [method.name, filled(arguments, ids), "c"]
                    messages.append({"@type": "Request", "using": list(CAPABILITIES), "methodCalls": [call]})
                answers = await over_websocket(two, *messages)
                shown = {name: id for name, id in ids.items() if name != "me" and not name.startswith("my_")}
                texts.append([hidden(text, shown) for text in answers])
            assert texts[0] == texts[1], (method.name, account)
    assert await two.dump(two.alice.account) == before


def hidden(text: str, ids: Ids) -> str:
    """As `blinded`, with quotation marks as JSON has them within a text."""
    return blinded(text, {name: json.dumps(id)[1:-1] for name, id in ids.items()})


async def test_a_websocket_tells_its_own_account_s_changes_alone(fresh: Two):
    mallory = fresh.mallory
    token = {"Authorization": mallory.http.headers["Authorization"]}
    url = f"ws://localhost:{mallory.port}/jmap/ws"
    hers, nobodys = await fresh.ids(mallory, "Email")
    async with connect(url, subprotocols=["jmap"], additional_headers=token, proxy=None) as socket:
        told = []
        for ids in (hers, nobodys):
            await socket.send(
                json.dumps({"@type": "WebSocketPushEnable", "dataTypes": None, "pushState": ids["state"]})
            )
            async with asyncio.timeout(PATIENCE_SECONDS):
                told.append(json.loads(await socket.recv()))
        assert told[0] == told[1]
        assert set(told[0]["changed"]) == {mallory.id}
        await change_everything(fresh)
        await mallory.make("Mailbox", name="mine")
        async with asyncio.timeout(PATIENCE_SECONDS):
            change = json.loads(await socket.recv())
        assert set(change["changed"]) == {mallory.id}
        assert set(change["changed"][mallory.id]) == {"Mailbox"}


# --- one message, two readers ----------------------------------------------------------------------------------------


async def told(person: Person, *identifiers: str) -> tuple[list[dict], str]:
    """The passports of these Message-IDs and of all mail that there is; and all of that with the mail itself."""
    ids = (await person.do("Email/query"))["ids"]
    asked = {"accountId": person.id, "ids": [*identifiers, *ids]}
    wanted = {"accountId": person.id, "ids": ids, "properties": ["headers", "bodyValues"], "fetchAllBodyValues": True}
    answer = await person.ask(["Passport/get", asked, "p"], ["Email/get", wanted, "e"])
    (_, passports, _), _ = answer["methodResponses"]
    return passports["list"], json.dumps(answer)


async def test_a_message_to_both_does_not_tell_one_of_the_other(fresh: Two):
    """Neither is named in it; another is, who tried to reach alice and mallory in one transaction."""
    text = b"From: Ann <ann@far.test>\r\nMessage-ID: <both@far.test>\r\nSubject: both\r\n\r\nhello\r\n"
    await fresh.office.take("ann@far.test", "alice", "mallory", content=text)
    for person, other in ((fresh.mallory, "alice"), (fresh.alice, "mallory")):
        passports, everything = await told(person, "<both@far.test>")
        assert passports[0]["id"] == "<both@far.test>"
        assert other not in everything


async def test_whom_a_message_was_hidden_for_is_told_to_none_of_them(fresh: Two):
    await fresh.office.add("carol")
    draft = f"From: alice@{DOMAIN}\r\nTo: eve@other.test\r\nBcc: carol@{DOMAIN}, mallory@{DOMAIN}\r\n"
    draft += "Message-ID: <hidden@uiowa.test>\r\nSubject: hidden\r\n\r\nhello\r\n"
    email = await fresh.alice.put(draft.encode(), "Drafts")
    await fresh.alice.make("EmailSubmission", identityId=fresh.alice.has["identity"], emailId=email)
    await run_queue(fresh.office)
    passports, everything = await told(fresh.mallory, "<hidden@uiowa.test>")
    assert passports[0]["id"] == "<hidden@uiowa.test>"
    assert "carol" not in everything
    assert WORD not in everything
