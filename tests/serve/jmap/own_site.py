"""Asks for what our own capability has, as alice, or as bob who must see nothing of hers."""

import contextlib
from collections.abc import AsyncIterator

import httpx
from jmap_site import CORE, MAIL, PASSWORD, Site

from office import DOMAIN, address
from pillarbox.serve.jmap.own import OWN

SUBMISSION = "urn:ietf:params:jmap:submission"
USING = (CORE, MAIL, SUBMISSION, OWN)


async def ask(site: Site, name: str, **arguments: object) -> dict:
    """One method that succeeds: its arguments."""
    ((found, answer, _), *_) = await responses(site, (name, arguments))
    assert found == name, answer
    return answer


async def fail(site: Site, name: str, **arguments: object) -> dict:
    """One method that does not: the error."""
    ((found, answer, _),) = await responses(site, (name, arguments))
    assert found == "error", answer
    return answer


async def responses(site: Site, *calls: tuple[str, dict], using: tuple[str, ...] = USING) -> list[list]:
    made = [[name, {"accountId": site.id, **arguments}, f"c{n}"] for n, (name, arguments) in enumerate(calls)]
    answer = await site.post(made, using=using)
    assert answer.status_code == 200, answer.text
    return answer.json()["methodResponses"]


@contextlib.asynccontextmanager
async def as_bob(site: Site) -> AsyncIterator[Site]:
    """Another client of the same site, who has signed in as bob."""
    bob = await site.mail.accounts.add(address("bob"), PASSWORD)
    async with httpx.AsyncClient(
        base_url=f"http://localhost:{site.port}", auth=(f"bob@{DOMAIN}", PASSWORD), trust_env=False, timeout=30
    ) as http:
        yield Site(site.office, bob, http, site.port)
