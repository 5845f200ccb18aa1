"""What watches over the server is told: health by anybody, numbers on this machine only."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from office import Office
from pillarbox.core.mail import Mail
from pillarbox.model.errors import BadCredentials
from pillarbox.model.limits import Limits
from pillarbox.serve.http import health
from serve.http.http_site import Site, connected, open_site

PEER = "192.0.2.9:1000"


def samples(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def client(site: Site, *, peer: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(site.application, client=(peer, 5000)), base_url="https://mail.uiowa.test"
    )


async def test_numbers_are_those_of_the_services(office: Office):
    mail: Mail = office.mail
    site = Site(office, Limits(), ())
    (alice, _) = await office.add("alice", "bob")
    async with client(site) as ask:
        before = samples((await ask.get("/metrics")).text)
        assert before == {"pillarbox_connections": 0, "pillarbox_queue_messages": 0, "pillarbox_logins_failed_total": 0}
        await office.take("ann@far.test", "alice")
        await office.take("alice", "bob", "eve@other.test", account=alice)
        for _ in range(3):
            with pytest.raises(BadCredentials):
                await mail.accounts.sign_in("alice", "wrong", peer=PEER)
        await ask.get("/none")
        found = samples((await ask.get("/metrics")).text)
    assert found == {
        "pillarbox_connections": 0,
        "pillarbox_queue_messages": 1,
        "pillarbox_logins_failed_total": 3,
        "pillarbox_message_steps_total accepted": found["pillarbox_message_steps_total accepted"],
        "pillarbox_message_steps_total delivered": 2,
        "pillarbox_message_steps_total queued": 1,
        "pillarbox_http_requests_total 200": 1,
        "pillarbox_http_requests_total 404": 1,
    }
    assert found["pillarbox_message_steps_total accepted"] >= 2


async def test_open_connections_are_counted(office: Office):
    async with open_site(office) as site, connected(site.port), connected(site.port) as asking:
        asking.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert samples((await asking.answer()).body.decode())["pillarbox_connections"] == 2


async def test_each_server_counts_by_itself(office: Office):
    first, second = Site(office, Limits(), ()), Site(office, Limits(), ())
    async with client(first) as ask, client(second) as other:
        await ask.get("/none")
        assert "pillarbox_http_requests_total 404" not in samples((await other.get("/metrics")).text)


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_numbers_are_not_for_strangers_nor_for_those_behind_a_proxy(office: Office, field):
    site = Site(office, Limits(), ())
    async with client(site, peer="192.0.2.7") as ask:
        assert (await ask.get("/metrics")).status_code == 403
    async with client(site) as ask:
        assert (await ask.get("/metrics", headers={field: "192.0.2.7"})).status_code == 403
        assert (await ask.get("/metrics")).status_code == 200


async def test_health_is_good_while_the_store_answers(office: Office):
    site = Site(office, Limits(), health.routes(office.mail))
    async with client(site, peer="192.0.2.7") as ask:
        answer = await ask.get("/healthz")
        assert (answer.status_code, answer.text) == (200, "ok\n")
        office.database._writer.broken = True  # as a failed sync leaves it: reading goes on
        assert (await ask.get("/healthz")).status_code == 503
        office.database._writer.broken = False
        assert (await ask.get("/healthz")).status_code == 200
        await office.database.close()
        answer = await ask.get("/healthz")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
