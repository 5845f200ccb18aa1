"""Whatever a client sends, it is an answer or an error of the standard: never a failure of ours."""

import json
import random

import msgspec
import pytest
from jmap_site import CORE, MAIL, Site

from pillarbox.serve.jmap.methods import METHODS

SEED = 8620
ROUNDS = 120
NAMES = [
    "a",
    "name",
    "parentId",
    "role",
    "id",
    "myRights",
    "operator",
    "conditions",
    "property",
    "keyword",
    "inMailbox",
]
NAMES += [
    "text",
    "header",
    "before",
    "hasKeyword",
    "isAscending",
    "collation",
    "sortOrder",
    "name/x",
    "a~2",
    "",
    "#k",
    "~1",
]


def odd_value(chance: random.Random, known: list[str], depth: int = 0) -> object:
    plain = [None, True, False, 0, -1, 1, 2**53, 10**20, 1.5, 1e300, "", "x", "#k", "e1", "m1", "ü\0\N{GRINNING FACE}"]
    plain += [
        "$seen",
        "AND",
        "OR",
        "NOT",
        "a" * 300,
        "2026-11-24T10:00:00Z",
        "9" * 400,
        "receivedAt",
        "header:From:asText",
    ]
    plain += ["preview", "bodyValues", "subject", *known]
    kind = chance.random()
    if depth > 3 or kind < 0.6:
        return chance.choice(plain)
    if kind < 0.8:
        return [odd_value(chance, known, depth + 1) for _ in range(chance.randint(0, 3))]
    names = chance.sample([*NAMES, *known], chance.randint(0, 3))
    return {name: odd_value(chance, known, depth + 1) for name in names}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_odd_arguments(site: Site, method):
    chance = random.Random(f"{SEED}{method.name}")
    email = await site.put(b"From: a@far.test\r\nSubject: hello\r\n\r\nwords")
    known = [
        email,
        "B" + email[1:],
        f"B{email[1:]}_1",
        await site.mailbox_id("Inbox"),
        await site.mailbox_id("Sent"),
        "1",
    ]
    fields = ["hello"] if method.arguments is None else [field.encode_name for field in fields_of(method.arguments)]
    calls = []
    for number in range(ROUNDS):
        arguments = {name: odd_value(chance, known) for name in fields if chance.random() < 0.5}
        if chance.random() < 0.95:
            arguments["accountId"] = site.id
        if "fromAccountId" in fields and chance.random() < 0.95:
            arguments["fromAccountId"] = site.id
        calls.append([method.name, arguments, str(number)])
    for start in range(0, ROUNDS, 40):
        answer = await site.post(calls[start : start + 40], using=sorted({CORE, MAIL, method.capability}))
        assert answer.status_code == 200, answer.text
        for _, found, number in answer.json()["methodResponses"]:
            assert "serverFail" not in json.dumps(found), (calls[int(number)], found)


def fields_of(arguments):
    return msgspec.structs.fields(arguments)
