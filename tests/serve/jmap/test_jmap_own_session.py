"""Our own capability in the session, and the examples of the manual, which are asked and answered as they stand there."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jmap_site import Site, open_jmap
from own_site import USING
from starlette.routing import Match, Route

from office import open_office
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue, DialogueLine, Speaker
from pillarbox.serve.http.sign_in.routes import sign_in_routes
from pillarbox.serve.jmap import image, passport, queued
from pillarbox.serve.jmap.own import OWN, SIGN_IN
from pillarbox.serve.jmap.push.types import TYPES
from pillarbox.serve.jmap.queued.objects import PROPERTIES
from places import ROOT
from queue_run import LATER

MANUAL = ROOT / "docs/manual/jmap-own.md"
BLOCK = re.compile(r"```json\n(.*?)```", re.S)
ANYTHING = "…"
DRAFT = (
    b"From: Alice <alice@uiowa.test>\r\nTo: ann@far.test\r\nSubject: Lunch\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <lunch@uiowa.test>\r\n\r\nAt noon?\r\n"
)


async def session(site: Site) -> dict:
    return (await site.http.get("/jmap/session")).json()


async def test_the_session_has_the_capability_and_where_one_signs_in(site: Site):
    found = await session(site)
    base = f"http://localhost:{site.port}"
    assert found["capabilities"][OWN]["signInUrls"] == {name: base + path for name, path in SIGN_IN.items()}
    assert found["accounts"][site.id]["accountCapabilities"][OWN] == {"remoteImages": True}
    assert found["primaryAccounts"][OWN] == site.id


async def test_every_address_of_signing_in_has_a_route(site: Site):
    routes = [route for route in sign_in_routes(site.mail) if isinstance(route, Route)]
    for name, path in SIGN_IN.items():
        scope = {"type": "http", "path": path, "method": "POST", "root_path": ""}
        assert any(route.matches(scope)[0] is not Match.NONE for route in routes), name
    known = {route.path for route in routes if "{" not in route.path}
    assert known == set(SIGN_IN.values())


# --- the manual ------------------------------------------------------------------------------------------------------


def examples() -> list[tuple[list, list]]:
    """(method call, response) of each."""
    blocks = [json.loads(text) for text in BLOCK.findall(MANUAL.read_text())]
    calls = [block for block in blocks if isinstance(block, list)]
    return list(zip(calls[::2], calls[1::2], strict=True))


def matches(said: object, found: object) -> bool:
    """Whether an answer is as the manual has it; there … stands for any text."""
    match said:
        case str() if ANYTHING in said:
            pattern = ".*".join(map(re.escape, said.split(ANYTHING)))
            return isinstance(found, str) and re.fullmatch(pattern, found, re.S) is not None
        case dict():
            return (
                isinstance(found, dict)
                and said.keys() == found.keys()
                and all(matches(value, found[name]) for name, value in said.items())
            )
        case list():
            return isinstance(found, list) and len(said) == len(found) and all(map(matches, said, found))
    return said == found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Site]:
    """What the manual speaks of: alice has sent a message from her mailbox, and its host has said: later."""
    async with (
        open_office(tmp_path / "data", limits=Limits(queue_retry_seconds=60)) as office,
        open_jmap(office) as site,
    ):
        email = await site.put(DRAFT, "Drafts", flags=FlagSet.of("\\Draft"))
        identity = (await site.post([["Identity/get", {"accountId": site.id}, "0"]], using=USING)).json()
        made = {"identityId": identity["methodResponses"][0][1]["list"][0]["id"], "emailId": email}
        await site.post([["EmailSubmission/set", {"accountId": site.id, "create": {"k": made}}, "0"]], using=USING)
        (message,) = await site.mail.queue.claim()
        said = [("S", "220 mx.far.test ESMTP"), ("C", "EHLO mail.uiowa.test"), ("S", "250 mx.far.test"),
                ("C", "MAIL FROM:<alice@uiowa.test>"), ("S", "450 4.2.1 later"), ("C", "QUIT")]  # fmt: skip
        lines = tuple(DialogueLine(Speaker(who), text, 0.01 * at) for at, (who, text) in enumerate(said))
        dialogue = Dialogue("SMTP", "192.0.2.1:40000", "192.0.2.9:25", office.clock.now(), lines)
        (recipient,) = message.recipients
        status = type(LATER)(recipient.address, LATER.action, LATER.status, LATER.diagnostic, LATER.remote_host)
        await site.mail.queue.record(message.id, [status], dialogue)
        yield site


async def test_the_examples_of_the_manual_are_answered_as_it_says(desk: Site):
    """One after the other: some of them change something."""
    found = examples()
    assert found
    for (name, arguments, call_id), response in found:
        answer = await desk.post([[name, arguments, call_id]], using=USING)
        (told,) = answer.json()["methodResponses"]
        assert matches(response, told), json.dumps(told, indent=2, ensure_ascii=False)


def test_the_manual_has_an_example_of_every_method():
    methods = {method.name for module in (passport, queued, image) for method in module.METHODS}
    assert {call[0] for call, _ in examples()} == methods


def test_the_manual_names_every_property_argument_and_address():
    text = MANUAL.read_text()
    arguments = [name for module in (passport, image) for method in module.METHODS
                 for name in method.arguments.__struct_encode_fields__]  # fmt: skip
    for name in (*PROPERTIES, *arguments, *SIGN_IN, OWN):
        assert name in text, name
    assert "QueuedMessage" in TYPES


def test_an_answer_that_differs_is_seen():
    assert matches({"a": ["…", "x…z"]}, {"a": ["1", "xyz"]})
    for said, found in (({"a": 1}, {"a": 2}), ({"a": 1}, {}), ({}, {"a": 1}), (["…"], []), ("x…", "y"), ("…", 1)):
        assert not matches(said, found)
