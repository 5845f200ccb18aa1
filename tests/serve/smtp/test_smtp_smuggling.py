"""CRLF.CRLF ends the content, and nothing else does: what others take for an end is inside, and refused with it."""

import itertools

import pytest
from smtp_dialogue import messages_of, open_stage

from memory_stage import fresh_folder

LINE_ENDS = (b"", b"\n", b"\r", b"\r\n", b"\n\r", b"\r\r\n")
LOOK_ALIKES = [
    before + b"." + after
    for before, after in itertools.product(LINE_ENDS, LINE_ENDS)
    if (before.replace(b"\r\n", b"") or after.replace(b"\r\n", b"")) and b"\r\n.\r\n" not in before + b"." + after
]
LOOK_ALIKES += [b"\r\n.\0\r\n", b"\r\n\0.\r\n", b"\r\n.\0", b"\n\n.\r\n", b"\r\n.\n\r\n", b"\r\n.\r\0\n", b"\r\n..\n"]
SECOND = b"MAIL FROM:<evil@bar.test>\r\nRCPT TO:<alice@uiowa.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nBoo.\r\n.\r\n"


@pytest.mark.parametrize("size", [1, 3, 1_000])
async def test_what_looks_like_the_end_never_makes_a_second_message(tmp_path_factory, size):
    async with open_stage(await fresh_folder(tmp_path_factory), smtp_bad_commands=1_000) as stage:
        client = await stage.greet()
        for look_alike in LOOK_ALIKES:
            assert await client.ask("MAIL FROM:<a@bar.test>") == b"250 2.1.0 Sender ok"
            assert await client.ask("RCPT TO:<bob@uiowa.test>") == b"250 2.1.5 Recipient ok"
            assert (await client.ask("DATA")).startswith(b"354 ")
            octets = b"Subject: first\r\n\r\nText." + look_alike + SECOND + b"NOOP\r\n"
            for start in range(0, len(octets), size):
                client.send(octets[start : start + size])
            replies = [await client.read_reply(), await client.read_reply()]
            assert [reply[0][:9] for reply in replies] == [b"554 5.6.0", b"250 2.0.0"], look_alike
            assert not client.octets
        assert await messages_of(stage.mail, "alice") == []
        assert await messages_of(stage.mail, "bob") == []


def test_all_known_forms_are_tried():
    known = {b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\r\n.\r\r\n"}
    assert known <= set(LOOK_ALIKES)
