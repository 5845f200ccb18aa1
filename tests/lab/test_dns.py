"""The lab's name server, asked by the resolver that the servers use."""

from collections.abc import AsyncIterator

import pytest

from pillarbox.lab.dns import LabDns
from pillarbox.model.limits import Limits
from pillarbox.model.ports import DnsOutcome
from pillarbox.wire.resolver import DnsResolver

ZONES = {
    "illinois.edu": {"MX": ["20 second.illinois.edu.", "10 mail.illinois.edu."], "TXT": ['"v=spf1 -all"']},
    "mail.illinois.edu": {"A": ["127.0.0.3"]},
    "large.edu": {"TXT": [f'"{n:03} {"x" * 200}"' for n in range(20)]},
}


@pytest.fixture
async def asked() -> AsyncIterator[tuple[LabDns, DnsResolver, list[tuple[str, str, str]]]]:
    questions: list[tuple[str, str, str]] = []
    server = LabDns(ZONES, asked=lambda *question: questions.append(question))
    await server.open()
    yield server, DnsResolver([server.address], Limits(dns_timeout_seconds=0.5)), questions
    server.close()


async def test_what_it_knows_it_says_and_notes(asked):
    _, resolver, questions = asked
    records = (await resolver.mx("illinois.edu")).records
    assert [(record.preference, record.host) for record in records] == [
        (10, "mail.illinois.edu"),
        (20, "second.illinois.edu"),
    ]
    assert (await resolver.addresses("mail.illinois.edu")).addresses == ("127.0.0.3",)
    assert questions[0] == ("illinois.edu", "MX", "20 second.illinois.edu., 10 mail.illinois.edu.")
    assert sorted(questions[1:]) == [
        ("mail.illinois.edu", "A", "127.0.0.3"),
        ("mail.illinois.edu", "AAAA", "no such record"),
    ]


async def test_what_it_does_not_know_does_not_exist(asked):
    _, resolver, questions = asked
    assert (await resolver.mx("nowhere.edu")).outcome is DnsOutcome.NO_DOMAIN
    assert (await resolver.mx("mail.illinois.edu")).outcome is DnsOutcome.NO_RECORDS
    assert questions[0] == ("nowhere.edu", "MX", "NXDOMAIN")


async def test_an_answer_that_is_too_long_comes_over_tcp(asked):
    _, resolver, questions = asked
    assert len((await resolver.txt("large.edu")).texts) == 20
    assert len(questions) == 2, "once over UDP, which is cut, and once over TCP"


@pytest.mark.parametrize("fault", ["failing", "silent"])
async def test_faults_come_on_order(asked, fault):
    server, resolver, _ = asked
    getattr(server, fault).add("illinois.edu")
    assert (await resolver.mx("illinois.edu")).outcome is DnsOutcome.TEMPORARY_FAILURE
