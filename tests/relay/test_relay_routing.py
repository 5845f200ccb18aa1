"""Which hosts take mail for a domain (RFC 5321 §5.1, RFC 7505 §3)."""

from collections.abc import Mapping, Sequence

import pytest

from pillarbox.relay.routing import Host, NoRoute, RelaySettings, Routing
from pillarbox.wire.memory import DeterministicRandom, MemoryResolver

OWN = "mail.uiowa.test"
Zones = Mapping[str, Mapping[str, Sequence[object]]]


def routing(zones: Zones, *, failing: Sequence[str] = (), seed: bytes = b"one", **settings: object) -> Routing:
    resolver = MemoryResolver(zones, failing=failing)
    return Routing(resolver, RelaySettings(**settings), DeterministicRandom(seed), OWN)  # type: ignore[arg-type]


async def names(zones: Zones, domain: str = "far.test", **rest: object) -> list[str]:
    return [host.name for host in await routing(zones, **rest).hosts(domain)]  # type: ignore[arg-type]


async def refused(zones: Zones, domain: str = "far.test", **rest: object) -> NoRoute:
    with pytest.raises(NoRoute) as caught:
        await routing(zones, **rest).hosts(domain)  # type: ignore[arg-type]
    return caught.value


A = {"A": ["192.0.2.1"]}


async def test_hosts_come_in_the_order_of_their_preference():
    zones = {"far.test": {"MX": [(20, "b.far.test"), (5, "a.far.test"), (30, "c.far.test")]}}
    zones |= {f"{letter}.far.test": A for letter in "abc"}
    assert await names(zones) == ["a.far.test", "b.far.test", "c.far.test"]


async def test_hosts_of_equal_preference_come_in_random_order():
    """RFC 5321 §5.1: "the sender-SMTP MUST randomize them to spread the load"."""
    letters = "abcdef"
    zones: dict[str, dict[str, list[object]]] = {"far.test": {"MX": [(10, f"{letter}.far.test") for letter in letters]}}
    zones |= {f"{letter}.far.test": {"A": ["192.0.2.1"]} for letter in letters}
    orders = {tuple(await names(zones, seed=bytes([seed]))) for seed in range(20)}
    assert len(orders) > 10
    assert {order[0] for order in orders} > {"a.far.test", "b.far.test"}


async def test_every_address_of_a_host_is_tried_before_the_next_host():
    zones = {
        "far.test": {"MX": [(10, "a.far.test"), (20, "b.far.test")]},
        "a.far.test": {"A": ["2001:db8::1", "192.0.2.1", "192.0.2.2"]},
        "b.far.test": {"A": ["192.0.2.3"]},
    }
    assert await routing(zones, port=2525).hosts("far.test") == [
        Host("a.far.test", "2001:db8::1", 2525),
        Host("a.far.test", "192.0.2.1", 2525),
        Host("a.far.test", "192.0.2.2", 2525),
        Host("b.far.test", "192.0.2.3", 2525),
    ]


async def test_a_domain_without_mx_is_its_own_host():
    assert await routing({"far.test": A}).hosts("far.test") == [Host("far.test", "192.0.2.1", 25)]


async def test_the_address_is_not_used_where_there_is_an_mx():
    """RFC 5321 §5.1: if MX records are present, the implicit one is not to be used, even if none of them works."""
    zones = {"far.test": {"MX": [(10, "a.far.test")], "A": ["192.0.2.1"]}}
    assert (await refused(zones)).status == "5.4.4"


async def test_a_null_mx_is_refused_for_good():
    problem = await refused({"far.test": {"MX": [(0, "")], "A": ["192.0.2.1"]}})
    assert (problem.status, problem.is_temporary) == ("5.1.10", False)


async def test_a_null_mx_among_others_is_no_host():
    zones = {"far.test": {"MX": [(0, ""), (10, "a.far.test")]}, "a.far.test": A}
    assert await names(zones) == ["a.far.test"]


async def test_a_domain_that_does_not_exist_is_refused_for_good():
    problem = await refused({})
    assert (problem.status, problem.is_temporary) == ("5.1.2", False)


async def test_a_dns_that_does_not_answer_is_asked_again_later():
    problem = await refused({"far.test": {"MX": [(10, "a.far.test")]}}, failing=["far.test"])
    assert (problem.status, problem.is_temporary) == ("4.4.3", True)
    problem = await refused({"far.test": {"MX": [(10, "a.far.test")]}}, failing=["a.far.test"])
    assert (problem.status, problem.is_temporary) == ("4.4.3", True)


async def test_hosts_whose_address_is_known_serve_while_another_is_unknown():
    zones = {"far.test": {"MX": [(10, "a.far.test"), (20, "b.far.test")]}, "b.far.test": A}
    assert await names(zones, failing=["a.far.test"]) == ["b.far.test"]


async def test_a_host_without_an_address_is_passed_over():
    zones = {"far.test": {"MX": [(10, "a.far.test"), (20, "b.far.test")]}, "a.far.test": {}, "b.far.test": A}
    assert await names(zones) == ["b.far.test"]
    problem = await refused({"far.test": {"MX": [(10, "a.far.test")]}, "a.far.test": {}})
    assert (problem.status, problem.is_temporary) == ("5.4.4", False)


async def test_our_own_name_and_all_that_is_not_preferred_to_it_is_dropped():
    """RFC 5321 §5.1: what this host is itself a backup for goes to more preferred hosts only."""
    zones = {
        "far.test": {"MX": [(10, "a.far.test"), (20, OWN), (20, "b.far.test"), (30, "c.far.test")]},
        **{f"{letter}.far.test": A for letter in "abc"},
        OWN: A,
    }
    assert await names(zones) == ["a.far.test"]


async def test_a_domain_whose_most_preferred_host_we_are_is_a_loop():
    problem = await refused({"far.test": {"MX": [(10, OWN), (20, "b.far.test")]}, "b.far.test": A, OWN: A})
    assert (problem.status, problem.is_temporary) == ("5.4.6", False)


async def test_an_address_literal_is_the_host():
    """RFC 5321 §4.1.3."""
    found = routing({})
    assert await found.hosts("[192.0.2.7]") == [Host("[192.0.2.7]", "192.0.2.7", 25)]
    assert await found.hosts("[ipv6:2001:db8::7]") == [Host("[ipv6:2001:db8::7]", "2001:db8::7", 25)]


async def test_a_route_and_a_smarthost_go_past_the_mx():
    zones = {"far.test": {"MX": [(0, "")]}, "smart.test": A}
    routes = {"far.test": "127.0.0.1:2525", "six.test": "[::1]:2526"}
    found = routing(zones, routes=routes, smarthost="smart.test:587")
    assert await found.hosts("far.test") == [Host("127.0.0.1", "127.0.0.1", 2525)]
    assert await found.hosts("six.test") == [Host("::1", "::1", 2526)]
    assert await found.hosts("other.test") == [Host("smart.test", "192.0.2.1", 587)]
    assert found.destination("far.test") == "127.0.0.1:2525"
    assert found.destination("other.test") == found.destination("another.test") == "smart.test:587"
    assert routing(zones).destination("far.test") == "far.test"
