"""Questions to a name server on loopback: what each answer means, and what is not taken for one."""

import asyncio
import time

import dns.flags
import dns.rcode
import pytest

from pillarbox.lab.dns import LabDns
from pillarbox.model.errors import Invalid
from pillarbox.model.limits import Limits
from pillarbox.model.ports import AddressAnswer, DnsOutcome, MxAnswer, MxRecord, NameAnswer, TextAnswer
from pillarbox.wire.memory import MemoryResolver
from pillarbox.wire.resolver import DnsResolver
from wire.name_server import name_server, respond

ZONES = {
    "illinois.test": {"MX": ["20 b.illinois.test.", "10 A.Illinois.test.", "10 z.illinois.test."]},
    "a.illinois.test": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "six.test": {"AAAA": ["2001:db8::6"]},
    "null.test": {"MX": ["0 ."]},
    "text.test": {"TXT": ['"v=spf1 " "-all"', '"other"']},
    "1.2.0.192.in-addr.arpa": {"PTR": ["Mail.illinois.test."]},
    "empty.test": {"A": ["192.0.2.9"]},
    "one.test": {"A": ["192.0.2.1"], "TXT": ['"one text"']},
    "many.test": {"TXT": [f'"{number} {"x" * 200}"' for number in range(40)]},
}
SHORT = Limits(dns_timeout_seconds=0.2)


@pytest.fixture
async def lab():
    asked: list[tuple[str, str]] = []
    server = LabDns(ZONES, asked=lambda name, kind, _: asked.append((name, kind)))
    server.failing, server.silent = {"failing.test"}, {"silent.test"}
    await server.open()
    server.questions = asked
    yield server
    server.close()


@pytest.fixture
def resolver(lab):
    return DnsResolver([lab.address], SHORT)


async def test_mail_exchangers_come_by_preference_in_small_letters(resolver):
    records = (MxRecord(10, "a.illinois.test"), MxRecord(10, "z.illinois.test"), MxRecord(20, "b.illinois.test"))
    assert await resolver.mx("Illinois.TEST") == MxAnswer(DnsOutcome.FOUND, records)


async def test_the_null_exchanger_has_an_empty_host(resolver):
    """RFC 7505 §3."""
    assert await resolver.mx("null.test") == MxAnswer(DnsOutcome.FOUND, (MxRecord(0, ""),))


async def test_addresses_are_ipv6_then_ipv4(resolver):
    first, *others = (await resolver.addresses("a.illinois.test")).addresses
    assert (first, sorted(others)) == ("2001:db8::1", ["192.0.2.1", "192.0.2.2"])
    assert await resolver.addresses("six.test") == AddressAnswer(DnsOutcome.FOUND, ("2001:db8::6",))


async def test_texts_are_joined_from_their_strings(resolver):
    found = await resolver.txt("text.test")
    assert TextAnswer(found.outcome, tuple(sorted(found.texts))) == TextAnswer(
        DnsOutcome.FOUND, (b"other", b"v=spf1 -all")
    )


async def test_names_of_an_address(resolver):
    assert await resolver.reverse("192.0.2.1") == NameAnswer(DnsOutcome.FOUND, ("mail.illinois.test",))
    assert (await resolver.reverse("192.0.2.77")).outcome is DnsOutcome.NO_DOMAIN
    assert (await resolver.reverse("no address")).outcome is DnsOutcome.NO_DOMAIN


async def test_no_domain_no_records_and_failures_are_told_apart(resolver):
    async def outcome(name):
        return (await resolver.mx(name)).outcome

    assert await outcome("nowhere.test") is DnsOutcome.NO_DOMAIN
    assert await outcome("empty.test") is DnsOutcome.NO_RECORDS
    assert await outcome("failing.test") is DnsOutcome.TEMPORARY_FAILURE
    assert await outcome("silent.test") is DnsOutcome.TEMPORARY_FAILURE


async def test_addresses_of_what_is_not_there(resolver):
    assert await resolver.addresses("nowhere.test") == AddressAnswer(DnsOutcome.NO_DOMAIN)
    assert await resolver.addresses("illinois.test") == AddressAnswer(DnsOutcome.NO_RECORDS)
    assert await resolver.addresses("failing.test") == AddressAnswer(DnsOutcome.TEMPORARY_FAILURE)


@pytest.mark.parametrize("name", ["a" * 64 + ".test", ".".join(["a" * 60] * 5), "a..test", ".test", "\\999.test"])
async def test_a_name_that_the_dns_cannot_hold_does_not_exist(resolver, lab, name):
    assert (await resolver.mx(name)).outcome is DnsOutcome.NO_DOMAIN
    assert lab.questions == []


async def test_a_truncated_answer_is_fetched_over_tcp(resolver, lab):
    """RFC 1035 §4.2.1."""
    assert len((await resolver.txt("many.test")).texts) == 40
    assert lab.questions == [("many.test", "TXT")] * 2


async def test_an_answer_is_kept_and_asked_for_once(resolver, lab):
    await asyncio.gather(*(resolver.mx("illinois.test") for _ in range(20)))
    await resolver.mx("ILLINOIS.test.")
    assert lab.questions == [("illinois.test", "MX")]


async def test_a_question_that_one_gives_up_is_still_answered_for_the_others(resolver, lab):
    first = asyncio.ensure_future(resolver.mx("illinois.test"))
    second = asyncio.ensure_future(resolver.mx("illinois.test"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).outcome is DnsOutcome.FOUND
    assert first.cancelled()
    assert lab.questions == [("illinois.test", "MX")]


async def test_the_next_server_is_asked_where_one_cannot_say(lab):
    failing = LabDns({})
    failing.failing = {"illinois.test"}
    await failing.open()
    resolver = DnsResolver([failing.address, lab.address], SHORT)
    assert (await resolver.mx("illinois.test")).outcome is DnsOutcome.FOUND
    failing.close()


async def test_a_server_that_is_not_there_is_a_temporary_failure(lab):
    lab.close()
    resolver = DnsResolver([lab.address], SHORT)
    assert (await resolver.mx("illinois.test")).outcome is DnsOutcome.TEMPORARY_FAILURE


async def test_an_alias_leads_to_the_records_of_its_target():
    """RFC 5321 §5.1: the name that a CNAME gives is looked at as if it had been the first."""

    def answer(question, _):
        return [
            respond(
                question, "alias.test. 60 CNAME second.test.", "second.test. 60 CNAME real.test.",
                "other.test. 60 MX 5 wrong.test.", "real.test. 60 MX 10 mx.real.test.",
            ).to_wire()
        ]  # fmt: skip

    async with name_server(answer) as server:
        found = await DnsResolver([server.address], SHORT).mx("alias.test")
        assert found == MxAnswer(DnsOutcome.FOUND, (MxRecord(10, "mx.real.test"),))


async def test_an_alias_to_nowhere_is_no_domain():
    def answer(question, _):
        return [respond(question, "alias.test. 60 CNAME gone.test.", rcode=dns.rcode.NXDOMAIN).to_wire()]

    async with name_server(answer) as server:
        assert (await DnsResolver([server.address], SHORT).mx("alias.test")).outcome is DnsOutcome.NO_DOMAIN


async def test_aliases_in_a_circle_end():
    def answer(question, _):
        return [respond(question, "a.test. 60 CNAME b.test.", "b.test. 60 CNAME a.test.").to_wire()]

    async with name_server(answer) as server:
        assert (await DnsResolver([server.address], SHORT).mx("a.test")).outcome is DnsOutcome.NO_RECORDS


async def test_records_of_another_name_are_no_answer():
    def answer(question, _):
        return [respond(question, "evil.test. 60 MX 1 mx.evil.test.").to_wire()]

    async with name_server(answer) as server:
        assert (await DnsResolver([server.address], SHORT).mx("good.test")).outcome is DnsOutcome.NO_RECORDS


def forged_id(question):
    forged = respond(question, "good.test. 60 MX 1 mx.evil.test.")
    forged.id = question.id ^ 1
    return forged.to_wire()


def forged_question(question):
    forged = respond(dns.message.make_query("other.test.", "MX"), "good.test. 60 MX 1 mx.evil.test.")
    forged.id = question.id
    return forged.to_wire()


def forged_refusal(question):
    forged = respond(question, rcode=dns.rcode.NXDOMAIN)
    forged.id = question.id ^ 1
    return forged.to_wire()


def forged_truncation(question):
    forged = respond(question)
    forged.flags |= dns.flags.TC
    forged.id = question.id ^ 1
    return forged.to_wire()


@pytest.mark.parametrize(
    "forge",
    [forged_id, forged_question, forged_refusal, forged_truncation, lambda question: question.to_wire(),
     lambda question: b"", lambda question: b"\xff" * 40, lambda question: question.to_wire()[:2]],
)  # fmt: skip
async def test_what_is_no_answer_to_the_question_is_passed_over(forge):
    """Neither believed, nor a reason to give up: else anybody could keep mail from being sent."""

    def answer(question, _):
        return [forge(question), respond(question, "good.test. 60 MX 10 mx.good.test.").to_wire()]

    async with name_server(answer) as server:
        found = await DnsResolver([server.address], SHORT).mx("good.test")
        assert found == MxAnswer(DnsOutcome.FOUND, (MxRecord(10, "mx.good.test"),))
        assert server.asked == ["udp"]


@pytest.mark.parametrize("octets", [b"", b"\xff" * 40])
async def test_rubbish_over_tcp_is_a_temporary_failure(octets):
    def answer(question, transport):
        if transport == "tcp":
            return [octets]
        truncated = respond(question)
        truncated.flags |= dns.flags.TC
        return [truncated.to_wire()]

    async with name_server(answer) as server:
        assert (await DnsResolver([server.address], SHORT).mx("good.test")).outcome is DnsOutcome.TEMPORARY_FAILURE
        assert server.asked == ["udp", "tcp"]


async def test_a_found_answer_is_asked_again_when_its_time_is_over():
    def answer(question, _):
        return [respond(question, "short.test. 1 MX 10 mx.short.test.").to_wire()]

    async with name_server(answer) as server:
        resolver = DnsResolver([server.address], SHORT)
        begun = time.monotonic()
        while len(server.asked) < 2:
            assert (await resolver.mx("short.test")).outcome is DnsOutcome.FOUND
            await asyncio.sleep(0)
        assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "127.0.0.1:", ":53", "127.0.0.1:x", "localhost:53", "127.0.0.1:70000"]
)
def test_what_is_no_name_server_is_refused_at_once(text):
    with pytest.raises(Invalid):
        DnsResolver([text], SHORT)


def test_an_ipv6_name_server_is_written_with_brackets():
    assert DnsResolver(["[::1]:53"], SHORT)


async def test_the_fake_says_what_the_network_would(resolver):
    """`MemoryResolver` in place of a server: the same answers to the same questions."""
    fake = MemoryResolver(
        {
            "illinois.test": {
                "MX": [(20, "b.illinois.test"), (10, "a.illinois.test"), (10, "z.illinois.test")],
            },
            "one.test": {"A": ["192.0.2.1"], "TXT": [b"one text"]},
            "null.test": {"MX": [(0, "")]},
            "empty.test": {"A": ["192.0.2.9"]},
            "192.0.2.1": {"PTR": ["mail.illinois.test"]},
        },
        failing=["failing.test"],
    )
    for name in ("illinois.test", "Illinois.TEST", "null.test", "empty.test", "nowhere.test", "failing.test"):
        assert await fake.mx(name) == await resolver.mx(name), name
    for name in ("one.test", "nowhere.test", "illinois.test", "failing.test"):
        assert await fake.addresses(name) == await resolver.addresses(name), name
    assert await fake.txt("one.test.") == await resolver.txt("one.test.")
    for address in ("192.0.2.1", "192.0.2.77"):
        assert await fake.reverse(address) == await resolver.reverse(address)
