"""Messages over real sockets to a host that does as it pleases (RFC 5321 §4.5.4, §6.1; RFC 3207, RFC 7435)."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from outbound import carry, far_test, one_peer, send, waiting
from scripted_peer import CLOSE, PLAIN, peer

from office import DOMAIN, Office, address, open_office
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Speaker, Step
from pillarbox.serve.smtp.listener import make_listener
from pillarbox.serve.smtp.profile import MX
from pillarbox.wire.listener import Gate
from pillarbox.wire.tls import server_context


@pytest.fixture(autouse=True)
async def alice(office: Office) -> None:
    await office.add("alice")


# --- what goes well --------------------------------------------------------------------------------------------------


async def test_a_message_is_handed_over_whole_and_leaves_the_queue(office: Office):
    async with one_peer(office) as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert await office.mail.queue.list() == []
    (content,) = far.contents
    assert content.startswith(b"Received: from ") and content.endswith(b"Good morning.\r\n.\r\n")
    assert b"Return-Path" not in content
    greeting, mail, rcpt, *rest = far.commands
    assert greeting == f"EHLO mail.{DOMAIN}"
    assert mail.startswith(f"MAIL FROM:<alice@{DOMAIN}> SIZE={len(content) - 3}")
    assert rcpt == "RCPT TO:<ann@far.test>"
    assert rest == ["DATA", "QUIT"]


async def test_the_dialogue_stands_in_the_senders_passport(office: Office):
    async with one_peer(office) as far:
        await send(office, "ann@far.test")
        (message,) = await office.mail.queue.list()
        await carry(office, far.port)
    (entry,) = [e for e in await office.mail.passports.find(message.trace_id) if e.step is Step.ATTEMPTED]
    assert entry.facts["remote"] == "mx0.far.test" and entry.facts["reply"].startswith("250 2.0.0 taken")
    assert entry.dialogue is not None and entry.dialogue.server == f"127.0.0.1:{far.port}"
    said = [line.text for line in entry.dialogue.lines if line.speaker is Speaker.SERVER]
    assert said[0].startswith("220 ") and said[-1].startswith("250 2.0.0 taken")


async def test_lines_that_begin_with_a_dot_arrive_doubled(office: Office):
    """RFC 5321 §4.5.2."""
    async with one_peer(office) as far:
        await send(office, "ann@far.test", content=b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n")
        await carry(office, far.port)
    assert far.contents[0].endswith(b"\r\n\r\n..\r\n...\r\n..x\r\n.\r\n")


async def test_many_messages_go_over_one_connection(office: Office):
    async with one_peer(office) as far:
        for _ in range(5):
            await send(office, "ann@far.test")
        await carry(office, far.port)
    assert len(far.connections) == 1 and len(far.contents) == 5
    assert far.commands.count("QUIT") == 1


async def test_a_large_message_arrives_octet_by_octet(office: Office):
    large = b"Subject: large\r\n\r\n" + b"".join(b"%076d\r\n" % number for number in range(10_000))
    async with one_peer(office) as far:
        await send(office, "ann@far.test", content=large)
        await carry(office, far.port)
    assert await office.mail.queue.list() == []
    assert far.contents[0].endswith(large.partition(b"\r\n\r\n")[2] + b".\r\n")


async def test_a_host_without_ehlo_is_greeted_with_helo(office: Office):
    async with one_peer(office, EHLO=b"502 5.5.1 no\r\n") as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert far.commands[:2] == [f"EHLO mail.{DOMAIN}", f"HELO mail.{DOMAIN}"]
    assert far.commands[2] == f"MAIL FROM:<alice@{DOMAIN}>", "no parameters without EHLO"
    assert await office.mail.queue.list() == []


async def test_a_host_is_reached_over_ipv6(office: Office):
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    async with peer("::1") as far:
        far_test(office, "::1")
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert await office.mail.queue.list() == [] and len(far.contents) == 1


# --- STARTTLS --------------------------------------------------------------------------------------------------------


async def test_starttls_is_used_where_it_is_offered_and_its_certificate_is_not_asked(tmp_path: Path, office: Office):
    authority = trustme.CA()
    certificate = authority.issue_cert("other.name.test")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    tls = server_context(tmp_path / "certificate.pem", tmp_path / "key.pem")
    async with open_office(tmp_path / "far") as far, asyncio.TaskGroup() as tasks:
        await far.mail.directory.add_domain("far.test")
        await far.mail.accounts.add(address("ann@far.test"), None)
        listener = make_listener(far.mail, MX, tls, Gate(Limits()), tasks)
        await listener.open("127.0.0.1", 0)
        far_test(office, "127.0.0.1")
        await send(office, "ann@far.test")
        (queued,) = await office.mail.queue.list()
        await carry(office, listener.port)
        await listener.close(1.0)
        (message,) = await far.messages("ann@far.test")
    assert b" with ESMTPS" in message and message.startswith(f"Return-Path: <alice@{DOMAIN}>".encode())
    assert await office.mail.queue.list() == []
    (entry,) = [e for e in await office.mail.passports.find(queued.trace_id) if e.step is Step.ATTEMPTED]
    assert entry.dialogue is not None and entry.dialogue.tls.startswith("TLSv1.3")


OFFERS_TLS = b"250-mx.far.test\r\n250-STARTTLS\r\n250 PIPELINING\r\n"


async def test_a_host_whose_tls_is_broken_is_spoken_to_in_the_clear(office: Office):
    """RFC 7435 §1: some protection most of the time, and mail in any case."""
    async with one_peer(office, EHLO=OFFERS_TLS, STARTTLS=b"220 go on\r\n") as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert await office.mail.queue.list() == []
    assert len(far.connections) == 2
    assert "STARTTLS" in far.connections[0] and "STARTTLS" not in far.connections[1]


async def test_a_host_that_takes_its_offer_of_tls_back_is_spoken_to_in_the_clear(office: Office):
    async with one_peer(office, EHLO=OFFERS_TLS, STARTTLS=b"454 4.7.0 not now\r\n") as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert await office.mail.queue.list() == [] and len(far.connections) == 1


# --- replies ---------------------------------------------------------------------------------------------------------

LATER = b"450 4.2.1 later\r\n"
NEVER = b"550 5.1.1 nobody\r\n"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "content"])
async def test_a_temporary_reply_is_tried_again_after_a_pause_and_told_to_nobody(office: Office, verb: str):
    async with one_peer(office, **{verb: [LATER, PLAIN[verb]]}) as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
        (recipient,) = await waiting(office)
        assert recipient.attempts == 1 and "450 4.2.1 later" in recipient.last_reply
        assert timedelta(seconds=270) <= recipient.next_attempt - office.clock.now() <= timedelta(seconds=330)
        assert await office.messages("alice") == []
        await carry(office, far.port)
        assert len(far.connections) == 1, "not before it is due"
        office.clock.advance(330)
        await carry(office, far.port)
    assert await office.mail.queue.list() == []
    assert await office.messages("alice") == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "content"])
async def test_a_permanent_reply_goes_back_to_the_sender_with_the_remotes_words(office: Office, verb: str):
    async with one_peer(office, **{verb: NEVER}) as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert await office.mail.queue.list() == []
    (report,) = await office.messages("alice")
    assert b"Diagnostic-Code: smtp; 550 5.1.1 nobody" in report
    assert b"Remote-MTA: dns; mx0.far.test" in report


async def test_each_recipient_has_its_own_fate(office: Office):
    """RFC 5321 §3.3: the content goes to those who were accepted."""
    async with one_peer(office, RCPT=[PLAIN["RCPT"], NEVER, LATER, PLAIN["RCPT"]]) as far:
        await send(office, "ann@far.test", "bea@far.test", "cid@far.test", "dan@far.test")
        await carry(office, far.port)
    assert len(far.contents) == 1
    (recipient,) = await waiting(office)
    assert str(recipient.address) == "cid@far.test"
    (report,) = await office.messages("alice")
    assert b"Not delivered to bea@far.test" in report and b"ann@far.test" not in report.partition(b"text/rfc822")[0]


async def test_a_refused_message_does_not_spoil_the_connection_for_the_next(office: Office):
    async with one_peer(office, RCPT=[NEVER, PLAIN["RCPT"]]) as far:
        await send(office, "nobody@far.test")
        office.clock.advance(1)
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert await office.mail.queue.list() == []
    assert len(far.connections) == 1 and len(far.contents) == 1
    assert "RSET" in far.commands


async def test_a_message_larger_than_the_host_takes_is_not_sent(office: Office):
    """RFC 1870 §5."""
    async with one_peer(office, EHLO=b"250-mx.far.test\r\n250 SIZE 100\r\n") as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert far.contents == [] and not any(command.startswith("MAIL") for command in far.commands)
    (report,) = await office.messages("alice")
    assert b"Status: 5.3.4" in report


# --- connections that end --------------------------------------------------------------------------------------------


async def test_a_connection_lost_after_the_end_of_data_is_tried_again(office: Office):
    """RFC 5321 §4.5.4.1, §6.1: without a reply the responsibility stays here; the duplicate is allowed."""
    async with one_peer(office, content=[CLOSE, PLAIN["content"]]) as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
        (recipient,) = await waiting(office)
        assert recipient.attempts == 1
        office.clock.advance(330)
        await carry(office, far.port)
    assert await office.mail.queue.list() == [] and len(far.contents) == 2
    assert far.contents[0] == far.contents[1], "the same octets: a receiver can tell the duplicate"
    assert await office.messages("alice") == []


@pytest.mark.parametrize("verb", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_connection_lost_at_any_command_is_tried_again(office: Office, verb: str):
    async with one_peer(office, **{verb: [CLOSE, PLAIN[verb]]}) as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
        assert len(await waiting(office)) == 1
        office.clock.advance(330)
        await carry(office, far.port)
    assert await office.mail.queue.list() == [] and len(far.contents) == 1


async def test_a_host_that_speaks_something_else_is_tried_again(office: Office):
    async with one_peer(office, greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as far:
        await send(office, "ann@far.test")
        await carry(office, far.port)
    assert len(await waiting(office)) == 1


async def test_after_421_the_next_message_goes_over_a_new_connection(office: Office):
    async with one_peer(office, MAIL=[b"421 4.3.2 closing\r\n", PLAIN["MAIL"]]) as far:
        await send(office, "ann@far.test")
        await send(office, "bea@far.test")
        await carry(office, far.port)
    assert len(await waiting(office)) == 1 and len(far.contents) == 1
