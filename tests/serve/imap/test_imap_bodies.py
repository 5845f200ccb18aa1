"""Bodies of any size: exact to the octet, in pieces, never a response cut in the middle."""

import random

import pytest
from imap_dialogue import add_message, open_stage

from memory_stage import fresh_folder
from pillarbox.grammar.imap.framing import ResponseReader
from pillarbox.model.errors import StorageUnavailable

LINE = b"0123456789" * 7 + b"\r\n"


@pytest.fixture
async def stage(tmp_path_factory):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        yield stage


def large(lines: int) -> bytes:
    chance = random.Random(lines)
    return b"Subject: large\r\n\r\n" + b"".join(b"%030x " % chance.getrandbits(120) + LINE for _ in range(lines))


def literal_of(response: bytes) -> bytes:
    head, _, rest = response.partition(b"}\r\n")
    return rest[: int(head.rpartition(b"{")[2])]


@pytest.mark.parametrize("lines", [1, 600, 700, 3_000, 20_000])
async def test_a_message_is_shown_as_it_came(stage, lines):
    octets = large(lines)
    await add_message(stage.mail, octets=octets)
    client = await stage.sign_in(mailbox="INBOX")
    answer = await client.ask("FETCH 1 (RFC822.SIZE BODY[])")
    assert literal_of(answer[0]) == octets
    assert b"RFC822.SIZE %d " % len(octets) in answer[0]
    assert answer[0].endswith(octets[-20:] + b" FLAGS (\\Recent \\Seen))")


@pytest.mark.parametrize("start", [0, 1, 65_535, 65_536, 300_000])
@pytest.mark.parametrize("count", [1, 65_536, 65_537, 400_000])
async def test_any_part_of_a_large_message(stage, start, count):
    octets = large(5_000)
    await add_message(stage.mail, octets=octets)
    client = await stage.sign_in(mailbox="INBOX")
    answer = await client.ask(f"FETCH 1 BODY[]<{start}.{count}>")
    assert literal_of(answer[0]) == octets[start : start + count]


async def test_many_sections_of_a_large_message_in_one_answer(stage):
    octets = large(5_000)
    await add_message(stage.mail, octets=octets)
    client = await stage.sign_in(mailbox="INBOX")
    answer = await client.ask("FETCH 1 (BODY[]<0.70000> BODY[HEADER] FLAGS BODY[TEXT] BODY[]<10.60000> UID)")
    assert len(answer) == 2
    head = octets.index(b"\r\n\r\n") + 4
    for expected in (octets[:70_000], octets[:head], octets[head:], octets[10:60_010]):
        assert b"{%d}\r\n%b" % (len(expected), expected) in answer[0]
    assert b" FLAGS (\\Recent \\Seen) " in answer[0]
    assert answer[0].endswith(b" UID 1)")


async def test_a_body_that_cannot_be_read_to_its_end_ends_the_connection(stage, monkeypatch):
    """The client counts octets: any word in the middle of a literal would be taken for mail."""
    from pillarbox.core.contents.content import StoredContent

    client = await stage.sign_in(mailbox="INBOX")
    await add_message(stage.mail, octets=large(20_000))
    await client.ask("NOOP")
    read = StoredContent.read

    async def failing(self, start=0, end=None):
        if start > 500_000:
            raise StorageUnavailable("the disk is gone")
        return await read(self, start, end)

    monkeypatch.setattr(StoredContent, "read", failing)
    client.line.write(b"b FETCH 1 BODY[]\r\n")
    while not client.is_closed:
        await client.wait_news()
    assert b"b NO" not in client.octets
    assert ResponseReader(1 << 30).feed(bytes(client.octets)) == []


async def test_a_body_that_cannot_be_read_at_all_is_refused(stage, monkeypatch):
    from pillarbox.core.contents.content import StoredContent

    async def failing(self, start=0, end=None):
        raise StorageUnavailable("the disk is gone")

    client = await stage.sign_in(mailbox="INBOX")
    await add_message(stage.mail)
    await client.ask("NOOP")
    monkeypatch.setattr(StoredContent, "read", failing)
    assert await client.ask("FETCH 1 (FLAGS BODY.PEEK[])") == [b"x NO [UNAVAILABLE] the disk is gone"]
    assert (await client.ask("NOOP"))[-1] == b"x OK Completed"


async def test_an_append_whose_client_hangs_up_leaves_nothing(stage):
    client = await stage.sign_in("1", mailbox="INBOX")
    client.line.write(b"a APPEND INBOX {500000+}\r\n" + large(2_000)[:200_000])
    other = await stage.sign_in("2", mailbox="INBOX")
    client.line.abort()
    assert b"* 0 EXISTS" not in await other.ask("NOOP")
    assert (await other.ask("STATUS INBOX (MESSAGES)"))[0] == b"* STATUS INBOX (MESSAGES 0)"


async def test_an_append_in_single_octets(stage):
    client = await stage.sign_in(mailbox="INBOX")
    octets = b"Subject: slow\r\n\r\nvery\r\n"
    for octet in b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(octets), octets):
        client.line.write(bytes((octet,)))
    assert (await client.read_until("a"))[-1].startswith(b"a OK [APPENDUID ")
    assert literal_of((await client.ask("FETCH 1 BODY[]"))[0]) == octets


async def test_what_was_put_before_the_content_belongs_to_the_message(stage):
    """A delivered message has a head of trace fields beside its content (RFC 5321 §4.4)."""
    octets, head = large(1_500), b"Return-Path: <x@example.com>\r\n"
    await add_message(stage.mail, octets=octets, head=head)
    client = await stage.sign_in(mailbox="INBOX")
    answer = await client.ask("FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER] RFC822.SIZE BODY.PEEK[TEXT]<0.6>)")
    assert literal_of(answer[0]) == head + octets
    assert b"RFC822.SIZE %d" % (len(head) + len(octets)) in answer[0]
    assert b"BODY[HEADER] {%d}\r\n%bSubject: large\r\n\r\n" % (len(head) + 18, head) in answer[0]
