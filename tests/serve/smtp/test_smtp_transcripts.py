"""What a session keeps of what was said: the passport's dialogue, without passwords and without other people's mail."""

import base64

import pytest
from smtp_dialogue import open_stage, plain

from memory_stage import DOMAIN, PASSWORD, fresh_folder
from pillarbox.model.passport import Step

SECRETS = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), plain("alice", PASSWORD).decode()]


@pytest.mark.parametrize(
    "exchange",
    [
        [b"AUTH PLAIN " + plain("alice", PASSWORD)],
        [b"auth plain", plain("alice", PASSWORD)],
        [b"AUTH LOGIN", b"YWxpY2U=", base64.b64encode(PASSWORD.encode())],
        [b"AUTH PLAIN " + plain("alice", PASSWORD) + b"!"],
        [b"AUTH PLAIN " + plain("alice", PASSWORD) + b" more"],
        [b"AUTH  " + plain("alice", PASSWORD)],
        [b"AUTH\t" + plain("alice", PASSWORD)],
        [b"AUTH CRAM-MD5", plain("alice", PASSWORD)],
        [b"AUTH LOGIN not-base64", b"YWxpY2U=", base64.b64encode(PASSWORD.encode())],
    ],
)
async def test_a_password_is_never_kept(tmp_path_factory, exchange):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        client = await stage.greet(port="submission")
        for line in exchange:
            await client.ask(line)
        said = "\n".join(line.text for line in client.session.transcript.lines())
        assert "****" in said
        assert not [secret for secret in SECRETS if secret in said]


async def transfer(client, recipients, *, wrong: bytes = b"") -> str:
    """One message; its trace id."""
    await client.ask("MAIL FROM:<carol@illinois.test>")
    for recipient in recipients:
        await client.ask(f"RCPT TO:<{recipient}@{DOMAIN}>")
    if wrong:
        assert (await client.ask(wrong)).startswith(b"503 ")
    await client.ask("DATA")
    return (await client.ask(b"Subject: hello\r\n\r\nText.\r\n.")).split()[-1].decode()


async def accepted(mail, trace_id: str):
    """The entry of the acceptance, with all that was said."""
    await mail.passports.flush()
    entries = [entry for entry in await mail.passports.find(trace_id) if entry.step is Step.ACCEPTED]
    (told,) = [entry for entry in entries if entry.dialogue is not None]
    return told


async def test_the_dialogue_of_a_message_is_handshake_and_its_own_transfer_and_the_closure(tmp_path_factory):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        client = await stage.greet()
        await transfer(client, ["alice"])
        trace_id = await transfer(client, ["bob"])
        await client.ask("QUIT")
        said = [line.text for line in (await accepted(stage.mail, trace_id)).dialogue.lines]
        assert said[0] == "220 mail.uiowa.test ESMTP Pillarbox"
        assert said[1] == "EHLO client.test"
        start = said.index("MAIL FROM:<carol@illinois.test>")
        assert said[start - 1] == "250 STARTTLS"
        assert said[start + 1 : start + 6] == [
            "250 2.1.0 Sender ok",
            "RCPT TO:<bob@uiowa.test>",
            "250 2.1.5 Recipient ok",
            "DATA",
            "354 Start mail input; end with <CRLF>.<CRLF>",
        ]
        assert said[start + 6].endswith("octets of content")
        assert said[start + 7 :] == [
            f"250 2.0.0 Accepted as {trace_id}",
            "QUIT",
            "221 2.0.0 mail.uiowa.test says goodbye",
        ]


async def test_a_command_at_the_wrong_time_does_not_cost_the_dialogue_of_the_transfer(tmp_path_factory):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        client = await stage.greet()
        trace_id = await transfer(client, ["alice"], wrong=b"MAIL FROM:<dave@illinois.test>")
        said = [line.text for line in (await accepted(stage.mail, trace_id)).dialogue.lines]
        assert "RCPT TO:<alice@uiowa.test>" in said
        assert "MAIL FROM:<dave@illinois.test>" in said


async def test_one_recipient_is_not_shown_who_else_got_a_copy(tmp_path_factory):
    """RFC 5321 §7.2: the envelope names blind copies, so its dialogue is the operator's alone."""
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        client = await stage.greet()
        trace_id = await transfer(client, ["alice", "bob"])
        await stage.mail.passports.flush()
        for account in await stage.mail.accounts.list():
            other = "bob" if account.address.local == "alice" else "alice"
            entries = await stage.mail.passports.find(trace_id, account_id=account.id)
            assert Step.DELIVERED in [entry.step for entry in entries]
            assert other not in repr(entries)


@pytest.mark.parametrize("last", [b"QUIT", b"BDAT 5"])
async def test_what_comes_behind_the_last_command_is_not_even_read(tmp_path_factory, last):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        client = await stage.greet()
        client.send(last + b"\r\nMAIL FROM:<a@bar.test>\r\nNOOP\r\n")
        while await client.read_line() is not None:
            pass
        (*_, said) = client.session.transcript.lines()
        assert said.text[:3] in ("221", "421")
